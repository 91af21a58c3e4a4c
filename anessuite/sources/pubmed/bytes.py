"""The grammar of plain XML over bytes, compiled: names, attributes, characters and references.

It is a part of XML's: what it accepts every parser accepts; whatever it does not know is -1 (or 0), and left
to one. ``data`` ends with zeros (`PADDING`), which are in no document, so that no look-ahead leaves it.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from numba import njit

from anessuite.sources.pubmed.paths import BLANK, NAME, NAME_SLOTS, NAME_START, TEXT_STOP, VALUE_STOP

PADDING = 64
MOST_ATTRIBUTES = 8
_LT, _AND, _HASH, _END, _IS, _BRACKET, _GT = 60, 38, 35, 59, 61, 93, 62


@lru_cache(maxsize=1)
def stamp() -> int:
    """A number that changes with the files from which compiled code is taken into that of other files.

    Numba's cache on disk is told of changes in a function's own file alone, and by the values of a closure.
    """
    files = [Path(__file__).with_name(f"{name}.py") for name in ("bytes", "paths", "values")]
    return int.from_bytes(hashlib.sha256(b"".join(file.read_bytes() for file in files)).digest()[:6])


@njit(nogil=True)
def blanks(data: Any, at: Any, classes: Any) -> Any:
    """Behind white space."""
    while classes[data[at]] & BLANK:
        at += 1
    return at


@njit(nogil=True)
def name_end(data: Any, at: Any, classes: Any) -> Any:
    """Behind a name of ASCII letters without a prefix, or -1."""
    if not classes[data[at]] & NAME_START:
        return -1
    at += 1
    while classes[data[at]] & NAME:
        at += 1
    return at


@njit(nogil=True)
def same(data: Any, at: Any, there: Any, size: Any) -> Any:
    """Are so many bytes at one place those of the other?"""
    for step in range(size):  # noqa: SIM110 - compiled as it stands
        if data[at + step] != data[there + step]:
            return False
    return True


@njit(nogil=True)
def number_of(data: Any, begin: Any, end: Any, tables: Any) -> Any:
    """The number of a known name, or 0."""
    size = end - begin
    if size == 0:
        return 0
    slot = (data[begin] * 7 + data[end - 1] * 31 + size * 131) & (NAME_SLOTS - 1)
    while tables.slots[slot]:
        number = tables.slots[slot]
        start = tables.starts[number]
        if tables.starts[number + 1] - start == size:
            step = 0
            while step < size and tables.names[start + step] == data[begin + step]:
                step += 1
            if step == size:
                return number
        slot = (slot + 1) & (NAME_SLOTS - 1)
    return 0


@njit(nogil=True)
def character(data: Any, at: Any) -> Any:
    """The bytes of a character that is not ASCII, or 0 where it is not UTF-8, or not XML's."""
    lead, second = data[at], data[at + 1]
    if second & 0xC0 != 0x80 or lead < 0xC2:
        return 0
    if lead < 0xE0:
        return 2
    if data[at + 2] & 0xC0 != 0x80:
        return 0
    if lead < 0xF0:
        if (lead == 0xE0 and second < 0xA0) or (lead == 0xED and second > 0x9F):
            return 0
        return 0 if lead == 0xEF and second == 0xBF and data[at + 2] >= 0xBE else 3
    if data[at + 3] & 0xC0 != 0x80 or lead > 0xF4:
        return 0
    return 0 if (lead == 0xF0 and second < 0x90) or (lead == 0xF4 and second > 0x8F) else 4


@njit(nogil=True)
def reference(data: Any, at: Any) -> tuple[Any, Any]:
    """The code point of ``&lt;`` or ``&#8722;``, and the place behind it; (0, -1) if it is none of XML's."""
    first, second = data[at + 1], data[at + 2]
    if first == 108 and second == 116 and data[at + 3] == _END:  # lt
        return _LT, at + 4
    if first == 103 and second == 116 and data[at + 3] == _END:  # gt
        return _GT, at + 4
    third, fourth = data[at + 3], data[at + 4]
    if first == 97 and second == 109 and third == 112 and fourth == _END:  # amp
        return _AND, at + 5
    if first == 113 and second == 117 and third == 111 and fourth == 116 and data[at + 5] == _END:  # quot
        return 34, at + 6
    if first == 97 and second == 112 and third == 111 and fourth == 115 and data[at + 5] == _END:  # apos
        return 39, at + 6
    if first != _HASH:
        return 0, -1
    base = 16 if second == 120 else 10
    at += 3 if base == 16 else 2
    code, begin = 0, at
    while at < begin + 8:
        digit = data[at] - 48
        if base == 16 and digit > 9:
            digit = (data[at] | 32) - 87
            if digit < 10:
                break
        if digit < 0 or digit >= base:
            break
        code = code * base + digit
        at += 1
    known = code == 9 or code == 10 or code == 13 or (code >= 32 and code <= 0xD7FF)
    known = known or (code >= 0xE000 and code <= 0xFFFD) or (code >= 0x10000 and code <= 0x10FFFF)
    if at == begin or data[at] != _END or not known:
        return 0, -1
    return code, at + 1


@njit(nogil=True)
def text_end(data: Any, at: Any, classes: Any) -> Any:
    """The place of the ``<`` behind text, or -1."""
    while True:
        while not classes[data[at]] & TEXT_STOP:
            at += 1
        byte = data[at]
        if byte == _LT:
            return at
        if byte >= 0x80:
            size = character(data, at)
            if size == 0:
                return -1
            at += size
        elif byte == _AND:
            at = reference(data, at)[1]
            if at < 0:
                return -1
        elif byte == _BRACKET and not (data[at + 1] == _BRACKET and data[at + 2] == _GT):
            at += 1
        else:
            return -1


@njit(nogil=True)
def _value_end(data: Any, at: Any, quote: Any, classes: Any) -> Any:
    """The place of the quote behind the value of an attribute, or -1. Line breaks and tabs are left alone."""
    while True:
        while not classes[data[at]] & VALUE_STOP:
            at += 1
        byte = data[at]
        if byte == quote:
            return at
        if byte == 34 or byte == 39:
            at += 1
        elif byte >= 0x80:
            size = character(data, at)
            if size == 0:
                return -1
            at += size
        elif byte == _AND:
            at = reference(data, at)[1]
            if at < 0:
                return -1
        else:
            return -1


@njit(nogil=True)
def attributes(data: Any, at: Any, classes: Any, found: Any) -> tuple[Any, Any]:
    """Read attributes behind the name of a tag into ``found``: where name and value begin and end.

    Returns the place of the ``>`` or ``/`` behind them, or -1, and how many there are.
    """
    count = 0
    while True:
        begin = at
        at = blanks(data, at, classes)
        if data[at] == _GT or data[at] == 47:
            return at, count
        stop = name_end(data, at, classes)
        if at == begin or stop < 0 or count == MOST_ATTRIBUTES:
            return -1, 0
        size = stop - at
        for other in range(count):
            if found[other, 1] - found[other, 0] == size and same(data, found[other, 0], at, size):
                return -1, 0
        if size == 5 and data[at] == 120 and data[at + 1] == 109 and data[at + 2] == 108:  # xmlns
            return -1, 0
        found[count, 0], found[count, 1] = at, stop
        at = blanks(data, stop, classes)
        if data[at] != _IS:
            return -1, 0
        at = blanks(data, at + 1, classes)
        if data[at] != 34 and data[at] != 39:
            return -1, 0
        stop = _value_end(data, at + 1, data[at], classes)
        if stop < 0:
            return -1, 0
        found[count, 2], found[count, 3] = at + 1, stop
        count += 1
        at = stop + 1
