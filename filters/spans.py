"""Sets of hits as columns: which are whole words, which lie inside or across others, where in characters.

All functions are vectorised over the hits of many documents at once. Documents are byte ranges of one buffer,
so hits of different documents never overlap and one global order by start is one within each document too.
"""

from dataclasses import dataclass

import numpy as np

_IS_WORD = np.zeros(256, dtype=bool)
_IS_WORD[list(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] = True
_FIRST_LETTER_LEAD, _LAST_LETTER_LEAD = 0xC3, 0xDF
"""Lead bytes of two-byte UTF-8 letters (Latin-1 letters to Arabic): accented Latin, Greek, Cyrillic."""
_SIGNS = (0x97, 0xB7)
"""Continuations of 0xC3 that are no letters: the signs × and ÷, as in "0.7×MAC"."""
_FIRST_LEAD = -0x40
"""Bytes of UTF-8 with a sign: those that continue a character (0x80 to 0xBF) lie below all others."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Hits as four arrays of one length: document number, term number, first byte, byte after the last."""

    document: np.ndarray
    term: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def where(self, chosen: np.ndarray) -> "Spans":
        """The hits for which ``chosen`` is True."""
        return Spans(self.document[chosen], self.term[chosen], self.start[chosen], self.end[chosen])

    def sorted(self) -> "Spans":
        """By start; of those that start together the longest first, then the lower term number."""
        order = np.lexsort((self.term, -self.end, self.start))
        return Spans(self.document[order], self.term[order], self.start[order], self.end[order])


def whole_words(spans: Spans, offsets: np.ndarray, data: memoryview) -> np.ndarray:
    """True for hits not glued to a letter or digit on a side where they end in one themselves.

    Only Latin, Greek and Cyrillic letters glue; Chinese characters never do.
    """
    if not len(spans.start):
        return np.zeros(0, dtype=bool)
    text = np.frombuffer(data, dtype=np.uint8)
    first, last = text[spans.start], text[spans.end - 1]
    begins, ends = offsets[spans.document], offsets[spans.document + 1]
    before = _letter_before(text, spans.start, begins)
    after = _letter_at(text, spans.end, ends)
    return ~(_IS_WORD[first] & before) & ~(_IS_WORD[last] & after)


def _letter_before(text: np.ndarray, at: np.ndarray, begin: np.ndarray) -> np.ndarray:
    one = text[np.maximum(at - 1, 0)]
    two = text[np.maximum(at - 2, 0)]
    return ((at > begin) & _IS_WORD[one]) | ((at - 1 > begin) & _two_byte_letter(two, one))


def _letter_at(text: np.ndarray, at: np.ndarray, end: np.ndarray) -> np.ndarray:
    byte = text[np.minimum(at, len(text) - 1)]
    following = text[np.minimum(at + 1, len(text) - 1)]
    return (at < end) & (_IS_WORD[byte] | _two_byte_letter(byte, following))


def _two_byte_letter(lead: np.ndarray, continuation: np.ndarray) -> np.ndarray:
    letter = (lead >= _FIRST_LETTER_LEAD) & (lead <= _LAST_LETTER_LEAD) & ((continuation & 0xC0) == 0x80)
    return letter & ~((lead == _FIRST_LETTER_LEAD) & np.isin(continuation, _SIGNS))


def contained(spans: Spans) -> np.ndarray:
    """True for hits that lie inside another hit (longest match wins); of two equal ones the first stays."""
    if not len(spans.start):
        return np.zeros(0, dtype=bool)
    reach = np.maximum.accumulate(spans.end)
    inside = np.zeros(len(spans.start), dtype=bool)
    inside[1:] = spans.end[1:] <= reach[:-1]
    return inside


def overlapping(spans: Spans, others: Spans) -> np.ndarray:
    """True for hits that share a byte with one of ``others`` (both sorted)."""
    if not len(others.start):
        return np.zeros(len(spans.start), dtype=bool)
    reach = np.concatenate([[0], np.maximum.accumulate(others.end)])
    begun = np.searchsorted(others.start, spans.end, side="left")
    return reach[begun] > spans.start


def near(
    document: np.ndarray, start: np.ndarray, end: np.ndarray, core: np.ndarray, window: int
) -> np.ndarray:
    """True for hits with a core hit of the same document at most ``window`` characters before or after."""
    if not core.any():
        return np.zeros(len(core), dtype=bool)
    index = np.arange(len(core))
    where = np.flatnonzero(core)
    following = np.searchsorted(where, index, side="left")
    result = np.zeros(len(core), dtype=bool)
    for neighbour, exists in ((following - 1, following > 0), (following, following < len(where))):
        other = where[np.clip(neighbour, 0, len(where) - 1)]
        gap = np.maximum(start[other] - end, start - end[other])
        result |= exists & (document[other] == document) & (gap <= window)
    return result


def character_offsets(spans: Spans, offsets: np.ndarray, data: memoryview) -> tuple[np.ndarray, np.ndarray]:
    """Start and end of each hit in characters from the start of its document."""
    continuation = np.flatnonzero(np.frombuffer(data, dtype=np.int8) < _FIRST_LEAD)

    def characters(at: np.ndarray) -> np.ndarray:
        return at - np.searchsorted(continuation, at)

    first = characters(offsets[spans.document])
    return characters(spans.start) - first, characters(spans.end) - first
