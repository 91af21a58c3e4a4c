"""Every window of a benchmark's fields in hash tables, and the search of texts for them; all compiled
(Numba).

A common substring of more than 64 characters is found exactly and in linear time without any screen: one of
at least 65 contains a whole window of 33 that begins at a multiple of 33 in the text (33 + 33 - 1 = 65).
So only
those aligned windows are looked up (the anchors); where one is found, the 33 windows of 65 around it are
looked up too. Hashes only propose: each find is compared character by character.

Texts and fields are normal forms (`anessuite.normalisation`) as arrays of code points, uint32.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

ANCHOR = 33
WINDOW = 65
"""Characters of the shortest common substring that counts: more than 64."""
OPENING = 8
"""Characters by whose hash a whole phrase is looked up."""
SHARED, PHRASE, ANCHORED = 1, 2, 4
"""Flags of a text: it shares a window of 65; it holds a whole phrase; it shares a window of 33."""
_BASE = np.uint64(0x9E3779B97F4A7C15 | 1)
_BITS_PER_KEY = 8


def _powers(size: int) -> np.ndarray:
    powers = np.ones(size, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for at in range(size - 2, -1, -1):
            powers[at] = powers[at + 1] * _BASE
    return powers


_ANCHOR_POWERS, _WINDOW_POWERS, _OPENING_POWERS = _powers(ANCHOR), _powers(WINDOW), _powers(OPENING)


@dataclass(frozen=True, slots=True)
class Table:
    """A hash table of equally long windows of ``codes``.

    ``slots`` holds the last position of each distinct window (-1 where free), ``earlier`` for each
    position the
    one before it with the same window (-1 for the first; empty where nobody asks), ``bits`` a filter that
    says no without a look at the slots.
    """

    slots: np.ndarray
    bits: np.ndarray
    earlier: np.ndarray

    @property
    def nbytes(self) -> int:
        return self.slots.nbytes + self.bits.nbytes + self.earlier.nbytes


@dataclass(frozen=True, slots=True)
class Windows:
    """All fields of a benchmark: field ``f`` is ``codes[starts[f]:starts[f + 1]]``."""

    codes: np.ndarray
    starts: np.ndarray
    anchors: Table
    windows: Table

    @classmethod
    def of(cls, codes: np.ndarray, starts: np.ndarray) -> "Windows":
        """Index all windows that lie within one field."""
        return cls(
            codes,
            starts,
            _table(codes, starts, _ANCHOR_POWERS, chained=True),
            _table(codes, starts, _WINDOW_POWERS, chained=False),
        )

    @property
    def nbytes(self) -> int:
        return self.codes.nbytes + self.starts.nbytes + self.anchors.nbytes + self.windows.nbytes

    def flag(self, codes: np.ndarray, offsets: np.ndarray, flags: np.ndarray) -> None:
        """Set SHARED and ANCHORED in ``flags`` (uint8, one a text) for the texts of a chunk."""
        anchors, windows = self.anchors, self.windows
        _flag(
            *(codes, offsets, self.codes, anchors.slots, anchors.bits, windows.slots, windows.bits),
            *(_ANCHOR_POWERS, _WINDOW_POWERS, flags),
        )

    def matches(self, codes: np.ndarray, *, most: int, depth: int) -> tuple[np.ndarray, bool]:
        """All maximal common substrings of at least 33 characters of one text with the fields.

        Rows of (start in the text, position in ``codes``, length), by start and position, ``most`` at most.
        A window that stands in more than ``depth`` places leads to none by itself; what reaches beyond such
        windows is found by the others, whole. True if nothing was left out.
        """
        table = (self.starts, self.anchors.slots, self.anchors.bits, self.anchors.earlier)
        size = 4096
        while True:
            found = np.empty((min(size, most), 3), dtype=np.int64)
            count, deep = _matches(codes, self.codes, *table, _ANCHOR_POWERS, depth, found)
            if count < len(found) or len(found) == most:
                return np.unique(found[:count], axis=0), not deep and count < most
            size *= 4

    def common(self, begin: int, end: int, groups: np.ndarray, least: int) -> np.ndarray:
        """For each window of 33 that begins from ``begin`` on and ends by ``end``: does it stand in fields of
        ``least`` different groups at least? ``groups`` holds the group of each field."""
        found = np.zeros(max(0, end - begin - ANCHOR + 1), dtype=np.bool_)
        table = (self.anchors.slots, self.anchors.bits, self.anchors.earlier)
        _common(
            self.codes, self.starts, *table, _ANCHOR_POWERS, begin, groups, np.empty(least, np.int64), found
        )
        return found


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases to be found whole, at word boundaries: phrase ``p`` is ``codes[starts[p]:starts[p + 1]]``.

    Each has OPENING characters at least; equal ones stand once.
    """

    codes: np.ndarray
    starts: np.ndarray
    slots: np.ndarray
    following: np.ndarray
    bits: np.ndarray
    pairs: np.ndarray
    """1 for the pairs of characters with which phrases begin: most places need no look beyond."""

    @classmethod
    def of(cls, codes: np.ndarray, starts: np.ndarray) -> "Phrases":
        """Index them by their first OPENING characters."""
        count = len(starts) - 1
        slots = np.full(_size(count), -1, dtype=np.int32)
        bits = np.zeros(max(64, len(slots) * _BITS_PER_KEY // 8), dtype=np.uint8)
        following = np.full(count, -1, dtype=np.int32)
        _fill_phrases(codes, starts, _OPENING_POWERS, slots, following, bits)
        pairs = np.zeros(1 << 16, dtype=np.uint8)
        for start in starts[:-1].tolist():
            pairs[_pair(codes[start], codes[start + 1])] = 1
        return cls(codes, starts, slots, following, bits, pairs)

    def flag(self, codes: np.ndarray, offsets: np.ndarray, flags: np.ndarray) -> None:
        """Set PHRASE in ``flags`` for the texts of a chunk that hold a phrase."""
        _flag_phrases(
            *(codes, offsets, self.codes, self.starts, self.slots, self.following, self.bits),
            *(self.pairs, _OPENING_POWERS, word_characters(), flags),
        )

    def find(self, codes: np.ndarray, *, most: int) -> np.ndarray:
        """Rows of (phrase, start in the text) in one text, at most ``most``."""
        found = np.empty((most, 2), dtype=np.int64)
        count = _find_phrases(
            *(codes, 0, len(codes), self.codes, self.starts, self.slots, self.following, self.bits),
            *(self.pairs, _OPENING_POWERS, word_characters(), found),
        )
        return found[:count].copy()


_WORDS: list[np.ndarray] = []


def word_characters() -> np.ndarray:
    """1 for letters and digits of scripts that part words by blanks, by code point."""
    if not _WORDS:
        from anessuite.folding import is_cjk

        _WORDS.append(np.array([chr(c).isalnum() and not is_cjk(c) for c in range(0x30000)], dtype=np.uint8))
    return _WORDS[0]


def _size(keys: int) -> int:
    """Slots for so many keys: a power of two, at most three quarters full."""
    return 1 << max(6, int(keys * 4 / 3).bit_length())


def _table(codes: np.ndarray, starts: np.ndarray, powers: np.ndarray, *, chained: bool) -> Table:
    lengths = np.diff(starts)
    keys = int(np.maximum(lengths - len(powers) + 1, 0).sum())
    slots = np.full(_size(keys), -1, dtype=np.int32)
    bits = np.zeros(len(slots) * _BITS_PER_KEY // 8, dtype=np.uint8)
    earlier = np.full(len(codes) if chained else 0, -1, dtype=np.int32)
    _fill(codes, starts, powers, slots, bits, earlier)
    return Table(slots, bits, earlier)


@njit(cache=True, nogil=True)
def _mixed(found: Any) -> Any:
    """Spread a polynomial hash over all 64 bits (the finaliser of MurmurHash3)."""
    found ^= found >> np.uint64(33)
    found *= np.uint64(0xFF51AFD7ED558CCD)
    found ^= found >> np.uint64(33)
    found *= np.uint64(0xC4CEB9FE1A85EC53)
    return found ^ (found >> np.uint64(33))


@njit(cache=True, nogil=True)
def _hash(codes: Any, at: Any, powers: Any) -> Any:
    begin, size = np.uint64(at), np.uint64(len(powers))  # without signs, the loop runs on vectors
    found = np.uint64(0)
    for place in range(size):
        found += np.uint64(codes[begin + place]) * powers[place]
    return found


@njit(cache=True, nogil=True)
def _roll(found: Any, codes: Any, at: Any, powers: Any) -> Any:
    """The hash of the window at ``at + 1`` from that of the one at ``at``."""
    found -= np.uint64(codes[at]) * powers[0]
    return found * _BASE + np.uint64(codes[at + len(powers)])


@njit(cache=True, nogil=True)
def _has_bit(bits: Any, mixed: Any) -> Any:
    at = mixed & np.uint64(len(bits) * 8 - 1)
    return (bits[at >> np.uint64(3)] >> (at & np.uint64(7))) & np.uint64(1)


@njit(cache=True, nogil=True)
def _set_bit(bits: Any, mixed: Any) -> None:
    at = mixed & np.uint64(len(bits) * 8 - 1)
    bits[at >> np.uint64(3)] |= np.uint8(np.uint64(1) << (at & np.uint64(7)))


@njit(cache=True, nogil=True)
def _equal(left: Any, at: Any, right: Any, there: Any, size: Any) -> Any:
    own, other = np.uint64(at), np.uint64(there)
    for place in range(np.uint64(size)):  # noqa: SIM110 - compiled as it stands
        if left[own + place] != right[other + place]:
            return False
    return True


@njit(cache=True, nogil=True)
def _slot(mixed: Any, slots: Any) -> Any:
    return np.int64((mixed >> np.uint64(24)) & np.uint64(len(slots) - 1))


@njit(cache=True, nogil=True)
def _fill(codes: Any, starts: Any, powers: Any, slots: Any, bits: Any, earlier: Any) -> None:
    size = len(powers)
    for field in range(len(starts) - 1):
        begin, end = starts[field], starts[field + 1]
        if end - begin < size:
            continue
        found = _hash(codes, begin, powers)
        for at in range(begin, end - size + 1):
            mixed = _mixed(found)
            _set_bit(bits, mixed)
            slot = _slot(mixed, slots)
            while slots[slot] >= 0 and not _equal(codes, at, codes, slots[slot], size):
                slot = (slot + 1) & (len(slots) - 1)
            if len(earlier):
                earlier[at] = slots[slot]
            slots[slot] = at
            if at + size < end:
                found = _roll(found, codes, at, powers)


@njit(cache=True, nogil=True)
def _place(text: Any, at: Any, found: Any, codes: Any, slots: Any, bits: Any, size: Any) -> Any:
    """The last position in ``codes`` of the window of ``text`` at ``at``, whose hash is known, or -1."""
    mixed = _mixed(found)
    if not _has_bit(bits, mixed):
        return -1
    slot = _slot(mixed, slots)
    while slots[slot] >= 0:
        if _equal(text, at, codes, slots[slot], size):
            return np.int64(slots[slot])
        slot = (slot + 1) & (len(slots) - 1)
    return -1


@njit(cache=True, nogil=True)
def _lookup(text: Any, at: Any, codes: Any, slots: Any, bits: Any, powers: Any) -> Any:
    return _place(text, at, _hash(text, at, powers), codes, slots, bits, len(powers))


@njit(cache=True, nogil=True)
def _flag(
    text: Any,
    offsets: Any,
    codes: Any,
    anchor_slots: Any,
    anchor_bits: Any,
    window_slots: Any,
    window_bits: Any,
    anchor_powers: Any,
    window_powers: Any,
    flags: Any,
) -> None:
    anchor, window = len(anchor_powers), len(window_powers)
    for document in range(len(offsets) - 1):
        begin, end = offsets[document], offsets[document + 1]
        at = begin
        while at + anchor <= end:
            if _lookup(text, at, codes, anchor_slots, anchor_bits, anchor_powers) >= 0:
                flags[document] |= ANCHORED
                first, last = max(begin, at - (window - anchor)), min(at, end - window)
                if first <= last:
                    found = _hash(text, first, window_powers)
                    for start in range(first, last + 1):
                        if _place(text, start, found, codes, window_slots, window_bits, window) >= 0:
                            flags[document] |= SHARED
                            break
                        if start < last:
                            found = _roll(found, text, start, window_powers)
                if flags[document] & SHARED:
                    break
            at += anchor


@njit(cache=True, nogil=True)
def _field_of(starts: Any, position: Any) -> Any:
    return np.searchsorted(starts, position, side="right") - 1


@njit(cache=True, nogil=True)
def _matches(
    text: Any,
    codes: Any,
    starts: Any,
    slots: Any,
    bits: Any,
    earlier: Any,
    powers: Any,
    depth: Any,
    rows: Any,
) -> tuple[Any, Any]:
    size, count = len(powers), 0
    was_deep = any_deep = False
    if len(text) < size:
        return count, any_deep
    found = _hash(text, 0, powers)
    for at in range(len(text) - size + 1):
        last = _place(text, at, found, codes, slots, bits, size)
        steps, place = 0, last
        while place >= 0 and steps <= depth:
            steps += 1
            place = np.int64(earlier[place])
        deep = steps > depth
        any_deep |= deep
        place = np.int64(-1 if deep else last)
        while place >= 0:
            field = _field_of(starts, place)
            begins = at == 0 or place == starts[field] or text[at - 1] != codes[place - 1]
            if begins or was_deep:
                before, length = 0, size
                while before < min(at, place - starts[field]) and (
                    text[at - before - 1] == codes[place - before - 1]
                ):
                    before += 1
                most = min(len(text) - at, starts[field + 1] - place)
                while length < most and text[at + length] == codes[place + length]:
                    length += 1
                if count == len(rows):
                    return count, any_deep
                rows[count, 0], rows[count, 1], rows[count, 2] = at - before, place - before, length + before
                count += 1
            place = np.int64(earlier[place])
        was_deep = deep
        if at + size < len(text):
            found = _roll(found, text, at, powers)
    return count, any_deep


@njit(cache=True, nogil=True)
def _common(
    codes: Any,
    starts: Any,
    slots: Any,
    bits: Any,
    earlier: Any,
    powers: Any,
    begin: Any,
    groups: Any,
    seen: Any,
    found: Any,
) -> None:
    for at in range(len(found)):
        count = 0
        place = _lookup(codes, begin + at, codes, slots, bits, powers)
        while place >= 0 and count < len(seen):
            group = groups[_field_of(starts, place)]
            known = False
            for number in range(count):
                known = known or seen[number] == group
            if not known:
                seen[count] = group
                count += 1
            place = np.int64(earlier[place])
        found[at] = count == len(seen)


@njit(cache=True, nogil=True)
def _fill_phrases(codes: Any, starts: Any, powers: Any, slots: Any, following: Any, bits: Any) -> None:
    for phrase in range(len(starts) - 1):
        mixed = _mixed(_hash(codes, starts[phrase], powers))
        _set_bit(bits, mixed)
        slot = _slot(mixed, slots)
        while slots[slot] >= 0 and not _equal(codes, starts[phrase], codes, starts[slots[slot]], len(powers)):
            slot = (slot + 1) & (len(slots) - 1)
        following[phrase] = slots[slot]
        slots[slot] = phrase


@njit(cache=True, nogil=True)
def _pair(first: Any, second: Any) -> Any:
    return (np.uint64(first) * np.uint64(2531) + np.uint64(second)) & np.uint64(0xFFFF)


@njit(cache=True, nogil=True)
def _joined(text: Any, at: Any, begin: Any, end: Any, words: Any) -> Any:
    """True if the characters before and at ``at`` belong to one word."""
    if at <= begin or at >= end:
        return False
    before, after = text[at - 1], text[at]
    return before < len(words) and after < len(words) and words[before] != 0 and words[after] != 0


@njit(cache=True, nogil=True)
def _find_phrases(
    text: Any,
    begin: Any,
    end: Any,
    codes: Any,
    starts: Any,
    slots: Any,
    following: Any,
    bits: Any,
    pairs: Any,
    powers: Any,
    words: Any,
    rows: Any,
) -> Any:
    size, count = len(powers), 0
    inside = False
    for at in range(begin, end - size + 1):
        code = np.uint64(text[np.uint64(at)])
        before, inside = inside, code < np.uint64(len(words)) and words[code] != 0
        if (before and inside) or not pairs[_pair(code, text[np.uint64(at) + np.uint64(1)])]:
            continue
        mixed = _mixed(_hash(text, at, powers))
        if not _has_bit(bits, mixed):
            continue
        slot = _slot(mixed, slots)
        while slots[slot] >= 0 and not _equal(text, at, codes, starts[slots[slot]], size):
            slot = (slot + 1) & (len(slots) - 1)
        phrase = np.int64(slots[slot])
        while phrase >= 0:
            length = starts[phrase + 1] - starts[phrase]
            whole = at + length <= end and not _joined(text, at + length, begin, end, words)
            if whole and _equal(text, at, codes, starts[phrase], length):
                if count == len(rows):
                    return count
                rows[count, 0], rows[count, 1] = phrase, at - begin
                count += 1
            phrase = np.int64(following[phrase])
    return count


@njit(cache=True, nogil=True)
def _flag_phrases(
    text: Any,
    offsets: Any,
    codes: Any,
    starts: Any,
    slots: Any,
    following: Any,
    bits: Any,
    pairs: Any,
    powers: Any,
    words: Any,
    flags: Any,
) -> None:
    one = np.empty((1, 2), dtype=np.int64)
    for document in range(len(offsets) - 1):
        begin, end = offsets[document], offsets[document + 1]
        if _find_phrases(text, begin, end, codes, starts, slots, following, bits, pairs, powers, words, one):
            flags[document] |= PHRASE
