"""A lexicon as automata over the text buffer of an Arrow array: every occurrence of every variant.

Hyperscan (Wang et al., NSDI 2019) reports all matches of all patterns, so that nothing hides behind another
match. Automata can be handed to other processes, since compiling takes seconds.
"""

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from typing import Any, cast

import hyperscan
import numpy as np
import pyarrow as pa

from filters.lexicon import Lexicon
from filters.spans import Spans
from filters.surfaces import BLANK, expression, minimal

_LOOSE = rb"[ \t\r\n\-\xc2\xa0\xe2\x80\x89\x90-\x93]{1,9}"
"""The bytes of up to three blanks in any order: more than a blank, but it compiles three times as fast."""


class Scanner:
    """A lexicon compiled: one automaton for "any term", one for where each variant begins and ends."""

    def __init__(self, lexicon: Lexicon, automata: tuple[bytes, bytes] | None = None) -> None:
        variants = _variants(lexicon)
        self.term_of = np.array([index for index, _ in variants])
        self.headwords = [term.headword for term in lexicon.terms]
        self.role_is_core = np.array([term.role == "core" for term in lexicon.terms])
        self.role_is_not = np.array([term.role == "not" for term in lexicon.terms])
        any_term, exact = _expressions(lexicon)
        if automata is None:
            self.any, self.spans = _compile(any_term, som=False), _compile(exact, som=True)
        else:
            self.any, self.spans = (_loaded(automaton) for automaton in automata)
        self._exact = {i: _pattern(*form) for i, form in enumerate(exact) if BLANK in form[0]}
        self._has_blank = np.array([BLANK in source for source, _ in exact])

    def automata(self) -> tuple[bytes, bytes]:
        """Both automata as bytes, for another process on the same kind of processor."""
        return hyperscan.dumpb(self.any), hyperscan.dumpb(self.spans)

    def find(self, offsets: np.ndarray, data: memoryview) -> Spans:
        """Every occurrence of every variant that lies inside one document, in byte offsets of ``data``."""
        hits: list[tuple[int, int, int]] = []
        if len(data):
            scan(self.spans, data, lambda i, start, end, _flags, _ctx: hits.append((i, start, end)))
        found = np.array(hits, dtype=np.int64).reshape(-1, 3)
        found = found[self._are_exact(found, data)]
        document = np.searchsorted(offsets, found[:, 1], side="right") - 1
        inside = found[:, 2] <= offsets[document + 1]
        return Spans(document, self.term_of[found[:, 0]], found[:, 1], found[:, 2]).where(inside).sorted()

    def _are_exact(self, found: np.ndarray, data: memoryview) -> np.ndarray:
        """False for hits that only the loose blank allows."""
        exact = np.ones(len(found), dtype=bool)
        for at in np.flatnonzero(self._has_blank[found[:, 0]]):
            variant, start, end = found[at].tolist()
            exact[at] = self._exact[variant].fullmatch(data, start, end) is not None
        return exact


Expressions = list[tuple[bytes, bool]]


def _variants(lexicon: Lexicon) -> list[tuple[int, str]]:
    return [(index, variant) for index, term in enumerate(lexicon.terms) for variant in term.variants]


def _expressions(lexicon: Lexicon) -> tuple[Expressions, Expressions]:
    """What stage 1 and stage 2 look for: byte expressions, and whether their case matters."""
    counting = [variant for term in lexicon.terms if term.role != "not" for variant in term.variants]
    return (
        [expression(variant, plural=False) for variant in minimal(counting)],
        [expression(variant, plural=True) for _, variant in _variants(lexicon)],
    )


def automata_key(lexicon: Lexicon) -> str:
    """Names a lexicon's automata: equal keys mean equal expressions and one version of Hyperscan."""
    content = repr((_expressions(lexicon), _LOOSE, version("hyperscan")))
    return hashlib.sha256(content.encode()).hexdigest()[:32]


_scanners: dict[Lexicon, Scanner] = {}


def scanner(lexicon: Lexicon) -> Scanner:
    """The compiled form, once per process and lexicon (compiling the English one takes two seconds)."""
    if lexicon not in _scanners:
        _scanners[lexicon] = Scanner(lexicon)
    return _scanners[lexicon]


def is_compiled(lexicon: Lexicon) -> bool:
    """True if this process has the compiled form already."""
    return lexicon in _scanners


def preload(lexicon: Lexicon, automata: tuple[bytes, bytes]) -> None:
    """Use automata that another process compiled, if they run on this processor; else `scanner` compiles."""
    with suppress(hyperscan.HyperscanError):
        _scanners[lexicon] = Scanner(lexicon, automata)


def _loaded(automaton: bytes) -> hyperscan.Database:
    database = hyperscan.loadb(automaton, hyperscan.HS_MODE_BLOCK)
    database.scratch = hyperscan.Scratch(database)
    return database


def _compile(expressions: list[tuple[bytes, bool]], *, som: bool) -> hyperscan.Database:
    flags = [
        (0 if cased else hyperscan.HS_FLAG_CASELESS) | (hyperscan.HS_FLAG_SOM_LEFTMOST if som else 0)
        for _, cased in expressions
    ]
    database = hyperscan.Database()
    database.compile(
        expressions=[source.replace(BLANK, _LOOSE) for source, _ in expressions],
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=flags,
    )
    return database


def _pattern(source: bytes, cased: bool) -> re.Pattern[bytes]:
    return re.compile(source, 0 if cased else re.IGNORECASE)


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
