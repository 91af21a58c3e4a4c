"""One normal form of a text, for identity and for matching.

`normalise` is the definition:

1. NFKC (Unicode TR15): full-width letters and punctuation, ligatures, superscripts become plain ones;
2. lower case, character by character (a final sigma does not depend on its neighbours);
3. punctuation of one meaning becomes one: quotes, dashes, Chinese stops, commas and brackets (`UNIFIED`);
   invisible characters (soft hyphens, zero-width joiners and spaces, byte order marks) go;
4. a run of white space becomes one blank; beside a Chinese or Japanese character, and at both ends, it goes.

`code_points` and `utf8` do the same for whole Arrow arrays, compiled by Numba: a table maps each character by
itself; the few clusters of characters that compose (combining accents, Korean jamo) are looked up in a table
that grows as they are met.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit

from anessuite.folding import CJK, COMPOSES, DROP, EXPANDS, TABLE_SIZE, folded, tables

_RUN = re.compile(r"\s+")
_BESIDE_CJK = re.compile(rf" (?=[{CJK}])|(?<=[{CJK}]) ")
_CHUNK = 1 << 19
"""Code points held at once: two megabytes stay in the cache."""
_MAX_CLUSTERS = 1 << 15
"""When more are known, all are forgotten and learnt again."""
_UNKNOWN = 1 << 12
"""Unknown clusters noted at once."""


def normalise(text: str) -> str:
    """The normal form of one text."""
    spaced = _RUN.sub(" ", folded(text))
    return _BESIDE_CJK.sub("", spaced).strip(" ")


def normalise_with_origins(text: str) -> tuple[str, np.ndarray, np.ndarray]:
    """The normal form, and for each of its characters where its original begins and ends in ``text``.

    ``text[starts[a]:ends[b - 1]]`` is the original of ``normal[a:b]``.
    """
    byte_offsets, data = _buffers(pa.array([text], pa.large_string()))
    offsets, size = np.zeros(2, dtype=np.int64), len(data)
    while True:
        room, origins = np.empty(size + 1, dtype=np.uint32), np.empty((size + 1, 2), dtype=np.int64)
        if _some(data, byte_offsets, 0, room, origins, offsets)[0]:
            break
        size = 2 * size + 64
    normal, places = room[: offsets[1]].tobytes().decode("utf-32-le"), origins[: offsets[1]]
    if text.isascii():
        return normal, places[:, 0], places[:, 1]
    leads = (np.frombuffer(text.encode(), dtype=np.uint8) & 0xC0) != 0x80
    before = np.concatenate([[0], np.cumsum(leads)])
    return normal, before[places[:, 0]], before[places[:, 1]]


def utf8(texts: pa.LargeStringArray) -> Iterator[bytes]:
    """The normal form of each text, in order, as UTF-8; a null is the empty text."""
    for chunk in code_points(texts):
        room = np.empty(4 * len(chunk.codes), dtype=np.uint8)
        offsets = np.empty(len(chunk.offsets), dtype=np.int64)
        _encode(chunk.codes, chunk.offsets, room, offsets)
        content = room[: offsets[-1]].tobytes()
        bounds = offsets.tolist()
        for begin, end in itertools.pairwise(bounds):
            yield content[begin:end]


@dataclass(frozen=True, slots=True)
class Codes:
    """The normal forms of some texts: text ``first + i`` is ``codes[offsets[i]:offsets[i + 1]]`` (uint32).

    ``codes`` is overwritten by the next chunk.
    """

    first: int
    offsets: np.ndarray
    codes: np.ndarray


def code_points(texts: pa.LargeStringArray) -> Iterator[Codes]:
    """The normal forms of all texts in order, some at a time; a null is the empty text."""
    byte_offsets, data = _buffers(texts)
    room = np.empty(_CHUNK, dtype=np.uint32)
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    first = 0
    while first < len(texts):
        done, size = _some(data, byte_offsets, first, room, None, offsets)
        if not done:
            room = np.empty(2 * (len(room) + size), dtype=np.uint32)
        else:
            yield Codes(first, offsets[: done + 1], room[: offsets[done]])
            first += done


def _some(
    data: np.ndarray,
    byte_offsets: np.ndarray,
    first: int,
    room: np.ndarray,
    origins: Any,
    offsets: np.ndarray,
) -> tuple[int, int]:
    """Normalise texts from ``first`` on while they fit into ``room``: how many, and the bytes of the next."""
    known, unknown = _met(), np.empty((_UNKNOWN, 2), dtype=np.int64)
    if known.are_many:
        known.forget()
    while True:
        done, met, size = _normalise_all(
            data, byte_offsets, first, *tables(), *known.arrays(), unknown, room, origins, offsets
        )
        if done or not met:
            return int(done), int(size)
        known.learn({bytes(data[begin:end]) for begin, end in unknown[:met].tolist()})


class Clusters:
    """Clusters met so far: a character and all that may compose with it, and what they become together."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know none again."""
        self._known: dict[bytes, str] = {}
        self._arrays = _index({})

    @property
    def are_many(self) -> bool:
        """So many that they should be forgotten, though not in the middle of a text."""
        return len(self._known) > _MAX_CLUSTERS

    def learn(self, clusters: set[bytes]) -> None:
        """Take in clusters, given as UTF-8."""
        for cluster in sorted(clusters):
            chars = folded(cluster.decode())
            self._known[cluster] = "".join(" " if char.isspace() else char for char in chars)
        self._arrays = _index(self._known)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """A hash table: numbers of clusters by the hash of their bytes (-1 where free); the bytes of all
        clusters and where each begins; the code points that they become and where each begins."""
        return self._arrays


def _index(known: dict[bytes, str]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    source = np.frombuffer(b"".join(known), dtype=np.uint8)
    target = np.frombuffer("".join(known.values()).encode("utf-32-le"), dtype=np.uint32)
    source_starts = np.cumsum([0, *map(len, known)], dtype=np.int64)
    target_starts = np.cumsum([0, *map(len, known.values())], dtype=np.int64)
    slots = np.full(1 << max(4, (2 * len(known)).bit_length()), -1, dtype=np.int32)
    _fill(slots, source, source_starts)
    return slots, source, source_starts, target, target_starts


@lru_cache(maxsize=1)
def _met() -> Clusters:
    return Clusters()


def _buffers(array: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
    filled = array.fill_null("") if array.null_count else array
    _, offset_buffer, data = filled.buffers()
    if len(filled) == 0 or data is None:
        return np.zeros(len(filled) + 1, dtype=np.int64), np.zeros(0, dtype=np.uint8)
    offsets = np.frombuffer(offset_buffer, dtype=np.int64)[filled.offset : filled.offset + len(filled) + 1]
    content = np.frombuffer(data, dtype=np.uint8)
    for array in (offsets, content):
        array.flags.writeable = False  # always: Numba compiles again for each kind of array
    return offsets, content


@njit(cache=True, nogil=True)
def _is_cjk(code: Any) -> bool:
    return (code >= 0x2E80 and code <= 0x9FFF) or (code >= 0x20000 and code <= 0x3FFFF)


@njit(cache=True, nogil=True)
def _hash(data: Any, begin: Any, end: Any) -> Any:
    """FNV-1a, 64 bits, without sign."""
    found = np.uint64(0xCBF29CE484222325)
    for at in range(begin, end):
        found = (found ^ np.uint64(data[at])) * np.uint64(0x100000001B3)
    return np.int64(found >> np.uint64(1))


@njit(cache=True, nogil=True)
def _fill(slots: Any, source: Any, source_starts: Any) -> None:
    for number in range(len(source_starts) - 1):
        slot = _hash(source, source_starts[number], source_starts[number + 1]) % len(slots)
        while slots[slot] >= 0:
            slot = (slot + 1) % len(slots)
        slots[slot] = number


@njit(cache=True, nogil=True)
def _find(data: Any, begin: Any, end: Any, slots: Any, source: Any, source_starts: Any) -> Any:
    """The number of the cluster ``data[begin:end]``, or -1."""
    slot = _hash(data, begin, end) % len(slots)
    while slots[slot] >= 0:
        number = slots[slot]
        start = source_starts[number]
        if source_starts[number + 1] - start == end - begin:
            at = 0
            while at < end - begin and source[start + at] == data[begin + at]:
                at += 1
            if at == end - begin:
                return number
        slot = (slot + 1) % len(slots)
    return -1


@njit(cache=True, nogil=True)
def _decode(data: Any, at: Any) -> tuple[Any, Any]:
    """The code point of a character of two bytes or more, and where the next one begins."""
    lead = np.int64(data[at])
    if lead < 0xE0:
        return ((lead & 0x1F) << 6) | (np.int64(data[at + 1]) & 0x3F), at + 2
    if lead < 0xF0:
        middle = (np.int64(data[at + 1]) & 0x3F) << 6
        return ((lead & 0x0F) << 12) | middle | (np.int64(data[at + 2]) & 0x3F), at + 3
    middle = ((np.int64(data[at + 1]) & 0x3F) << 12) | ((np.int64(data[at + 2]) & 0x3F) << 6)
    return ((lead & 0x07) << 18) | middle | (np.int64(data[at + 3]) & 0x3F), at + 4


@njit(cache=True, nogil=True)
def _append(code: Any, out: Any, n: Any, skip: Any, origin: Any) -> tuple[Any, Any]:
    """Write one code point; a blank only if ``skip`` is 0. Takes back a blank before a CJK character."""
    if code == 32:
        out[n] = 32
        return n + 1 - skip, 1
    if not _is_cjk(code):
        out[n] = code
        return n + 1, 0
    if n > origin and out[n - 1] == 32:
        n -= 1
    out[n] = code
    return n + 1, 1


@njit(cache=True, nogil=True)
def _normalise_all(
    data: Any,
    byte_offsets: Any,
    first: Any,
    table: Any,
    expansions: Any,
    starts: Any,
    slots: Any,
    source: Any,
    source_starts: Any,
    target: Any,
    target_starts: Any,
    unknown: Any,
    out: Any,
    origins: Any,
    offsets: Any,
) -> tuple[Any, Any, Any]:
    """Texts from ``first`` on while they fit into ``out`` and hold known clusters only.

    ``origins`` is None, or takes the first byte of each character's original and the byte after its last.

    Returns how many, how many clusters of the next one were noted in ``unknown``, and its bytes.
    """
    done = 0
    met = 0
    n = 0
    for text in range(first, len(byte_offsets) - 1):
        begin, end = byte_offsets[text], byte_offsets[text + 1]
        origin, at = n, begin
        skip = 1  # 1 where a blank would be dropped: at the start, after a blank or a CJK character
        last_at, last_n, last_skip, last_blank = begin, n, 1, False  # as they were before the last character
        if n + (end - at) + 1 > len(out):
            return done, 0, end - begin
        while at < end:
            if data[at] < 0x80:  # no ASCII character goes, composes or expands; no branch but the loop's
                place, target_n, limit = np.uint64(at), np.uint64(n), np.uint64(end)
                while (
                    place < limit and data[place] < 0x80
                ):  # without signs, indexes need no look at their sign
                    code = table[data[place]]
                    is_blank = np.int64(code == 32)
                    out[target_n] = code
                    if origins is not None:
                        origins[target_n, 0], origins[target_n, 1] = place - begin, place + 1 - begin
                    target_n += np.uint64(1 - (is_blank & skip))
                    skip = is_blank
                    place += np.uint64(1)
                at, n = np.int64(place), np.int64(target_n)
                last_at, last_n, last_skip, last_blank = at - 1 + skip, n - 1 + skip, skip, False
                continue
            here, here_n, here_skip = at, n, skip
            ends_blank = n > origin and out[n - 1] == 32
            code, at = _decode(data, at)
            if code < TABLE_SIZE:
                code = np.int64(table[code])
            if code >= 0:
                dropped = skip if code == 32 else 0
                n, skip = _append(code, out, n, skip, origin)
                if origins is not None and not dropped:
                    origins[n - 1, 0], origins[n - 1, 1] = here - begin, at - begin
            elif code == COMPOSES:
                here, n, skip = last_at, last_n, last_skip
                if last_blank:  # it may have been taken back
                    out[n - 1] = 32
                while at < end and data[at] >= 0x80:
                    code, following = _decode(data, at)
                    if code >= TABLE_SIZE or table[code] != COMPOSES:
                        break
                    at = following
                cluster = _find(data, here, at, slots, source, source_starts)
                if cluster >= 0:
                    low, high = target_starts[cluster], target_starts[cluster + 1]
                    if n + (high - low) + (end - at) + 2 > len(out):
                        return done, met, end - begin
                    for place in range(low, high):
                        dropped = skip if target[place] == 32 else 0
                        n, skip = _append(np.int64(target[place]), out, n, skip, origin)
                        if origins is not None and not dropped:
                            origins[n - 1, 0], origins[n - 1, 1] = here - begin, at - begin
                elif met < len(unknown):
                    unknown[met, 0], unknown[met, 1] = here, at
                    met += 1
                here, here_n, here_skip = at, n, skip
                ends_blank = n > origin and out[n - 1] == 32
            elif code != DROP:
                low, high = starts[EXPANDS - code], starts[EXPANDS - code + 1]
                if n + (high - low) + (end - at) + 2 > len(out):
                    return done, met, end - begin
                for place in range(low, high):
                    dropped = skip if expansions[place] == 32 else 0
                    n, skip = _append(np.int64(expansions[place]), out, n, skip, origin)
                    if origins is not None and not dropped:
                        origins[n - 1, 0], origins[n - 1, 1] = here - begin, at - begin
            last_at, last_n, last_skip, last_blank = here, here_n, here_skip, ends_blank
        if n > origin and out[n - 1] == 32:
            n -= 1
        if met:
            return done, met, end - begin
        done += 1
        offsets[done] = n
    return done, 0, 0


@njit(cache=True, nogil=True)
def _encode(codes: Any, offsets: Any, out: Any, byte_offsets: Any) -> None:
    n = 0
    byte_offsets[0] = 0
    for text in range(len(offsets) - 1):
        for place in range(offsets[text], offsets[text + 1]):
            code = codes[place]
            if code < 0x80:
                out[n] = code
                n += 1
            elif code < 0x800:
                out[n] = 0xC0 | (code >> 6)
                out[n + 1] = 0x80 | (code & 0x3F)
                n += 2
            elif code < 0x10000:
                out[n] = 0xE0 | (code >> 12)
                out[n + 1] = 0x80 | ((code >> 6) & 0x3F)
                out[n + 2] = 0x80 | (code & 0x3F)
                n += 3
            else:
                out[n] = 0xF0 | (code >> 18)
                out[n + 1] = 0x80 | ((code >> 12) & 0x3F)
                out[n + 2] = 0x80 | ((code >> 6) & 0x3F)
                out[n + 3] = 0x80 | (code & 0x3F)
                n += 4
        byte_offsets[text + 1] = n
