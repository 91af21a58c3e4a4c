"""Copies places in XML together into columns of text, compiled."""

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit

from anessuite.sources.pubmed.bytes import reference, stamp
from anessuite.sources.pubmed.values import blank_of

TEXT, AS_IT_IS, ATTRIBUTE = range(3)
"""How to copy: references decoded and each run of white space one blank; bytes; references decoded."""
_SPARE = 8
"""Bytes behind a column, to look at."""


def strings(
    data: np.ndarray, places: np.ndarray, ways: np.ndarray, *, missing: np.ndarray | None = None
) -> pa.StringArray:
    """The text at each place (rows of begin and end), copied its way; null where ``missing``."""
    size = int((places[:, 1] - places[:, 0]).sum(dtype=np.int64)) + _SPARE
    out, offsets = np.empty(size, dtype=np.uint8), np.zeros(len(places) + 1, dtype=np.int32)
    _copier()(data, np.ascontiguousarray(places), ways, out, offsets)
    return _array(out, offsets, missing)


def _array(out: np.ndarray, offsets: np.ndarray, missing: np.ndarray | None = None) -> pa.StringArray:
    valid = None if missing is None else pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(out), valid)


def abstracts(texts: pa.StringArray, labels: pa.StringArray, sections: np.ndarray) -> pa.StringArray:
    """As `Citation.abstract`: sections ``sections[i]`` to ``sections[i + 1]`` are those of row ``i``."""
    (text, text_offsets), (label, label_offsets) = _buffers(texts), _buffers(labels)
    out = np.empty(len(text) + len(label) + 3 * len(texts), dtype=np.uint8)
    offsets = np.zeros(len(sections), dtype=np.int32)
    _join(text, text_offsets, label, label_offsets, sections, out, offsets)
    return _array(out, offsets)


def _buffers(texts: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    """Of an array of ours, which begins at 0."""
    _, offset_buffer, data = texts.buffers()
    offsets, content = np.frombuffer(offset_buffer, dtype=np.int32), np.frombuffer(data, dtype=np.uint8)
    for array in (offsets, content):
        array.flags.writeable = False  # always: Numba compiles again for each kind of array
    return content, offsets


@lru_cache(maxsize=1)
def _copier() -> Any:
    """`_copy_all`, compiled at its first call and kept on disk."""
    other_files = stamp()

    @njit(cache=True, nogil=True)
    def compiled(data: Any, places: Any, ways: Any, out: Any, offsets: Any) -> None:
        _ = other_files
        _copy_all(data, places, ways, out, offsets)

    return compiled


@njit(nogil=True)
def _copy(data: Any, at: Any, end: Any, way: Any, out: Any, n: Any) -> Any:
    """Copy one text to ``out[n:]``: where it ends there. It is never longer than its source."""
    first, blank = n, way == TEXT  # blank: white space is dropped here
    while at < end:
        byte = data[at]
        if way == AS_IT_IS or (byte > 38 and byte < 128):
            out[n] = byte
            n, at, blank = n + 1, at + 1, False
            continue
        if byte <= 32:
            out[n] = byte if way == ATTRIBUTE else 32
            n += not blank
            at, blank = at + 1, way == TEXT
        elif byte == 38:
            code, at = reference(data, at)
            size = _encode(code, out, n)
            if way == TEXT and (code <= 32 or (size > 1 and blank_of(out, n))):
                out[n] = 32
                n += not blank
                blank = True
            else:
                n, blank = n + size, False
        else:
            size = blank_of(data, at) if byte >= 128 and way == TEXT else 0
            if size:
                out[n] = 32
                n += not blank
                at, blank = at + size, True
            else:
                out[n] = byte
                n, at, blank = n + 1, at + 1, False
    return n - 1 if way == TEXT and blank and n > first else n


@njit(nogil=True)
def _encode(code: Any, out: Any, n: Any) -> Any:
    """Write a code point as UTF-8: how many bytes it takes."""
    if code < 0x80:
        out[n] = code
        return 1
    if code < 0x800:
        out[n], out[n + 1] = 0xC0 | (code >> 6), 0x80 | (code & 0x3F)
        return 2
    if code < 0x10000:
        out[n], out[n + 1] = 0xE0 | (code >> 12), 0x80 | ((code >> 6) & 0x3F)
        out[n + 2] = 0x80 | (code & 0x3F)
        return 3
    out[n], out[n + 1] = 0xF0 | (code >> 18), 0x80 | ((code >> 12) & 0x3F)
    out[n + 2], out[n + 3] = 0x80 | ((code >> 6) & 0x3F), 0x80 | (code & 0x3F)
    return 4


@njit(nogil=True)
def _copy_all(data: Any, places: Any, ways: Any, out: Any, offsets: Any) -> None:
    n = np.int64(0)
    for number in range(len(places)):
        n = _copy(data, np.int64(places[number, 0]), places[number, 1], np.int64(ways[number]), out, n)
        offsets[number + 1] = n


@njit(cache=True, nogil=True)
def _join(
    text: Any, text_offsets: Any, label: Any, label_offsets: Any, sections: Any, out: Any, offsets: Any
) -> None:
    n = np.int64(0)
    for row in range(len(sections) - 1):
        for section in range(sections[row], sections[row + 1]):
            if section > sections[row]:
                out[n] = 10
                n += 1
            begin, end = label_offsets[section], label_offsets[section + 1]
            unlabelled = end - begin == 10
            for step, byte in enumerate((85, 78, 76, 65, 66, 69, 76, 76, 69, 68)):
                unlabelled = unlabelled and label[begin + step] == byte
            if begin < end and not unlabelled:
                while begin < end and label[end - 1] == 58:
                    end -= 1
                for at in range(begin, end):
                    out[n + at - begin] = label[at]
                n += end - begin
                out[n], out[n + 1] = 58, 32
                n += 2
            begin, end = text_offsets[section], text_offsets[section + 1]
            for at in range(begin, end):
                out[n + at - begin] = text[at]
            n += end - begin
        offsets[row + 1] = n
