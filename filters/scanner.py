"""A lexicon as one automaton over the text buffer of an Arrow array: every occurrence of every variant.

Hyperscan (Wang et al., NSDI 2019) reports all matches of all literals, so that nothing hides behind another
match. It looks for one word or two neighbouring words of each variant in every way they may be written
(`surfaces.literals`): plain literals compile in a third of a second, general expressions took three. The
rest of longer variants, and plurals, are checked at the few places found.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, cast

import hyperscan
import numpy as np
import pyarrow as pa

from filters.automata import automaton
from filters.lexicon import Lexicon
from filters.spans import Spans
from filters.surfaces import (
    BLANK,
    anchor,
    anchor_words,
    is_cased,
    is_long,
    joined,
    literals,
    takes_ies,
    takes_s,
    words,
)

_S, _E, _FOLD = ord("s"), ord("e"), 0x20
_MAX_WORD_BYTES = 200
"""How far before an anchor the beginning of its variant is looked for."""


class Scanner:
    """A lexicon compiled."""

    def __init__(self, lexicon: Lexicon) -> None:
        variants = [(index, variant) for index, term in enumerate(lexicon.terms) for variant in term.variants]
        self.headwords = [term.headword for term in lexicon.terms]
        self.role_is_core = np.array([term.role == "core" for term in lexicon.terms])
        self.role_is_not = np.array([term.role == "not" for term in lexicon.terms])
        self._term_of = np.array([index for index, _ in variants])
        self._cased = np.array([is_cased(variant) for _, variant in variants])
        self._takes_s = np.array([takes_s(variant) for _, variant in variants])
        self._variants = [variant for _, variant in variants]
        found_by: dict[tuple[bytes, bool], list[int]] = {}
        for number, variant in enumerate(self._variants):
            for literal in dict.fromkeys(literals(variant)):
                found_by.setdefault((literal, is_cased(variant)), []).append(number)
        self._lengths = np.array([len(literal) for literal, _ in found_by])
        self._first = np.cumsum([0, *map(len, found_by.values())])
        self._found = np.array([number for numbers in found_by.values() for number in numbers])
        self._is_long = np.array([is_long(variant) for variant in self._variants])
        self._around: dict[int, tuple[re.Pattern[bytes], re.Pattern[bytes]]] = {}
        self._automaton = automaton(list(found_by))

    def find(self, offsets: np.ndarray, data: memoryview) -> Spans:
        """Every occurrence of every variant that lies inside one document, in byte offsets of ``data``."""
        hits: list[tuple[int, int]] = []
        if len(data):
            scan(self._automaton, data, lambda i, _start, end, _flags, _ctx: hits.append((i, end)))
        literal, end = np.array(hits, dtype=np.int64).reshape(-1, 2).T
        start = end - self._lengths[literal]
        each = self._first[literal + 1] - self._first[literal]  # one literal may serve several variants
        nth = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
        variant = self._found[np.repeat(self._first[literal], each) + nth]
        start, end = self._whole(variant, np.repeat(start, each), np.repeat(end, each), data)
        variant, start, end = self._plurals(variant[start >= 0], start[start >= 0], end[start >= 0], data)
        document = np.searchsorted(offsets, start, side="right") - 1
        inside = end <= offsets[document + 1]
        return Spans(document, self._term_of[variant], start, end).where(inside).sorted()

    def _whole(
        self, variant: np.ndarray, start: np.ndarray, end: np.ndarray, data: memoryview
    ) -> tuple[np.ndarray, np.ndarray]:
        """Places of the whole variants around their anchors; a start of -1 where the rest is missing."""
        for at in np.flatnonzero(self._is_long[variant]):
            before, after = self._rest(int(variant[at]))
            head = before.search(data, max(0, int(start[at]) - _MAX_WORD_BYTES), int(start[at]))
            tail = after.match(data, int(end[at]))
            start[at], end[at] = (head.start(), tail.end()) if head and tail else (-1, 0)
        return start, end

    def _rest(self, number: int) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
        """What stands before and after the anchor of a long variant, without a plural in -s."""
        if number not in self._around:
            variant = self._variants[number]
            parts, at, flags = words(variant), anchor(variant), 0 if self._cased[number] else re.IGNORECASE
            before, after = joined(parts[:at]), joined(parts[at + 2 :])
            if after and takes_ies(variant):
                after = after[:-1] + rb"(?:y|ies)"
            before, after = before + BLANK if before else b"", BLANK + after if after else b""
            self._around[number] = re.compile(before + rb"\Z", flags), re.compile(after, flags)
        return self._around[number]

    def _plurals(
        self, variant: np.ndarray, start: np.ndarray, end: np.ndarray, data: memoryview
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same places, and those that the plural makes longer."""
        text = np.frombuffer(data, dtype=np.uint8)
        one, two = (self._letter(variant, text, end + ahead) for ahead in (0, 1))
        takes = self._takes_s[variant]
        plural_s, plural_es = takes & (one == _S), takes & (one == _E) & (two == _S)
        return (
            np.concatenate([variant, variant[plural_s], variant[plural_es]]),
            np.concatenate([start, start[plural_s], start[plural_es]]),
            np.concatenate([end, end[plural_s] + 1, end[plural_es] + 2]),
        )

    def _letter(self, variant: np.ndarray, text: np.ndarray, at: np.ndarray) -> np.ndarray:
        """The byte at a place, in lower case unless the variant keeps its case; 0 past the end."""
        byte = np.where(at < len(text), text[np.minimum(at, len(text) - 1)] if len(text) else 0, 0)
        return np.where(self._cased[variant], byte, byte | _FOLD)


@cache
def scanner(lexicon: Lexicon) -> Scanner:
    """The compiled form, once per process and lexicon."""
    return Scanner(lexicon)


@cache
def quick_scanner(lexicon: Lexicon) -> Scanner:
    """The compiled form of the `innermost` variants: it finds something in the same documents, and sooner."""
    return Scanner(innermost(lexicon))


def innermost(lexicon: Lexicon) -> Lexicon:
    """The core and context terms without each variant (``general anesthesia``) in whose anchor one of a
    single word (``anesthesia``) can be read wherever it stands.

    A document without any of these holds no core or context term.
    """
    inner: list[bytes] = []
    chosen: set[str] = set()
    terms = [term for term in lexicon.terms if term.role != "not"]
    for variant in sorted((variant for term in terms for variant in term.variants), key=len):
        text = " ".join(anchor_words(variant)).encode().lower()
        if any(word in text for word in inner):
            continue
        chosen.add(variant)
        if len(words(variant)) == 1 and not is_cased(variant):
            inner.append(text)
    kept = [replace(term, variants=tuple(v for v in term.variants if v in chosen)) for term in terms]
    return replace(lexicon, terms=tuple(term for term in kept if term.variants))


def scan(database: hyperscan.Database, data: memoryview, on_match: Callable[..., None]) -> None:
    """Scan with scratch space of its own (microseconds): two threads must not share one."""
    database.scan(cast("Any", data), match_event_handler=on_match, scratch=database.scratch.clone())


def contiguous(texts: pa.Array | pa.ChunkedArray) -> pa.LargeStringArray:
    """One array of all chunks, in which null is empty: under a null a buffer may still hold text."""
    array = texts.cast(pa.large_string())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.fill_null("") if array.null_count else array


def buffers(array: pa.LargeStringArray) -> tuple[np.ndarray, memoryview]:
    """Offsets (len + 1, from 0) and the bytes of all documents, without a copy."""
    _, offset_buffer, data = array.buffers()
    if len(array) == 0 or data is None:
        return np.zeros(len(array) + 1, dtype=np.int64), memoryview(b"")
    offsets = np.frombuffer(offset_buffer, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    return offsets - offsets[0], memoryview(data)[offsets[0] : offsets[-1]]
