"""One pass over the bytes of PubMed's XML: what is well-formed, and where in it the fields are. Compiled.

The scanner knows the plain XML that NLM writes, and answers for all of its grammar (`pubmed.bytes`). A
citation with anything else in it (comments, prefixes, character data sections, undeclared entities, a fault,
a date in words only) is marked `STRANGE_ROW` and left to a parser; so is every doubt about what it means.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit

from anessuite.sources.pubmed import paths
from anessuite.sources.pubmed.bytes import (
    MOST_ATTRIBUTES,
    attributes,
    blanks,
    name_end,
    number_of,
    same,
    stamp,
    text_end,
)
from anessuite.sources.pubmed.values import finished, one_of_many, one_of_one, trimmed

MORE, FULL, ENDED, UNKNOWN = range(4)
"""Why a scan ended: a citation is not complete, no row is left, the root's end tag, not to be read here."""
DEPTH = 64
_LT, _GT, _SLASH = 60, 62, 47


def room(size: int) -> np.ndarray:
    """For the values of so many bytes: none takes fewer than 12."""
    return np.empty((size // 12 + 64, paths.VALUE_WIDTH), dtype=np.int32)


@lru_cache(maxsize=1)
def scanner() -> Any:
    """`scan`, compiled at its first call and kept on disk."""
    other_files = stamp()

    @njit(cache=True, nogil=True)
    def compiled(data: Any, at: Any, end: Any, tables: Any, rows: Any, values: Any) -> Any:
        _ = other_files
        return scan(data, at, end, tables, rows, values)

    return compiled


@njit(nogil=True)
def scan(
    data: Any,
    at: Any,
    end: Any,
    tables: Any,
    rows: Any,
    values: Any,
) -> tuple[Any, Any, Any, Any]:
    """Children of the root from ``at`` on, which is between two of them.

    Fills ``rows`` (`ROW_WIDTH`) and ``values`` (row, field, begin, end, 1 for markup + 2 for a major heading,
    and of sections where label and category begin and end). Returns the place behind the last child, the
    reason why the scan ended there, and how many rows and values there are.
    """
    opened = np.empty((DEPTH, 3), dtype=np.int64)  # of open elements: name, its size, state
    found = np.empty((MOST_ATTRIBUTES, 4), dtype=np.int64)
    held = np.zeros(5, dtype=np.int64)  # is the heading major, begin and end of label and category
    row = count = np.int64(0)  # literals would be compiled apart
    while True:
        at = blanks(data, at, tables.classes)
        if at + 2 >= end:
            return at, MORE, row, count
        if data[at] != _LT:
            return at, UNKNOWN, row, count
        if data[at + 1] == _SLASH:
            return at, ENDED, row, count
        if not tables.classes[data[at + 1]] & paths.NAME_START:
            return at, UNKNOWN, row, count
        if row == len(rows):
            return at, FULL, row, count
        for place in range(paths.ROW_WIDTH):
            rows[row, place] = 0
        stop, many = _citation(data, at, tables, rows, row, values, count, opened, found, held)
        if stop < 0:
            stop, many = _end_of_child(data, at, end, tables.classes), count
            if stop < 0:
                return at, MORE, row, count
            rows[row, paths.STRANGE_ROW] = 1
        rows[row, paths.BEGIN], rows[row, paths.END] = at, stop
        at, count, row = stop, many, row + 1


@njit(nogil=True)
def _end_of_child(data: Any, at: Any, end: Any, classes: Any) -> Any:
    """Behind the next end tag of this name, whatever it is the end of, or -1."""
    size = name_end(data, at + 1, classes) - at - 1
    if size <= 0:
        return -1
    place = at + size
    while place + size + 3 <= end:
        if data[place] == _LT and data[place + 1] == _SLASH and same(data, at + 1, place + 2, size):
            if data[place + 2 + size] == _GT:
                return place + size + 3
            return -1
        place += 1
    return -1


@njit(nogil=True)
def _citation(
    data: Any,
    at: Any,
    tables: Any,
    rows: Any,
    row: Any,
    values: Any,
    count: Any,
    opened: Any,
    found: Any,
    held: Any,
) -> tuple[Any, Any]:
    """Read the child of the root that begins at ``at``: the place behind it, or -1; how many values."""
    depth, leaf, field, markup, text = 0, -1, 0, 0, 0
    solid = np.int64(0)  # is there a character in the text that is sure to be no white space?
    parts, head, head_end, head_markup, dates = 0, 0, 0, 0, 0
    while True:
        closes, stop = False, at  # stop: where the text of an element ends
        if data[at + 1] == _SLASH:
            size = opened[depth - 1, 1]
            if not same(data, at + 2, opened[depth - 1, 0], size):
                return -1, count
            at = blanks(data, at + 2 + size, tables.classes)
            closes = True
        else:
            name = at + 1
            at = name_end(data, name, tables.classes)
            if at < 0 or depth == DEPTH:
                return -1, count
            size = at - name
            number = number_of(data, name, at, tables)
            state = np.int64(tables.moves[opened[depth - 1, 2] if depth else paths.OUTSIDE, number])
            if state == paths.STRANGE or (depth == 0 and state == paths.IGNORED):
                return -1, count
            many = 0
            if data[at] != _GT:
                at, many = attributes(data, at, tables.classes, found)
                if at < 0:
                    return -1, count
            if data[at] == _SLASH:
                at += 1
                closes = True
            opened[depth, 0], opened[depth, 1], opened[depth, 2] = name, size, state
            depth += 1
            if leaf >= 0:
                markup = 1
            elif tables.fields[state]:
                field = np.int64(tables.fields[state])
                field = _opened(data, found, many, field, tables, rows, row, held)
                if field < 0:
                    return -1, count
                parts *= field != paths.HEADING
                dates += field == paths.PUBLISHED
                if 0 < field <= paths.PART:
                    leaf, markup, solid, text = depth, 0, np.int64(0), at + 1
                    stop = text
        if closes:
            if data[at] != _GT:
                return -1, count
            depth -= 1
            if leaf == depth + 1:
                leaf = -1
                if field < paths.KEYWORD:
                    if not one_of_one(data, text, stop, markup, solid, field, rows, row):
                        return -1, count
                elif field == paths.PART:
                    if parts == 0:
                        head, head_end = trimmed(data, text, stop)
                        head_markup = markup
                    parts += 1
                else:
                    more = one_of_many(data, text, stop, markup, solid, field, row, values, count)
                    if more < 0:
                        return -1, count
                    if more > count and field == paths.SECTION:
                        for place in range(1, 5):
                            values[count, 4 + place] = held[place]
                    count = more
            elif tables.fields[opened[depth, 2]] == paths.HEADING:
                if parts == 0:
                    head, head_end, head_markup = 0, 0, 0
                values[count, 0], values[count, 1], values[count, 2] = row, paths.MESH, head
                values[count, 3], values[count, 4] = head_end, head_markup + 2 * held[0]
                count += 1
            if depth == 0:
                return (at + 1 if dates == 1 and finished(data, rows, row) else -1), count
        elif data[at] != _GT:
            return -1, count
        begin = at + 1
        at = text_end(data, begin, tables.classes)
        if at < 0:
            return -1, count
        if begin < at and data[begin] > 32 and data[begin] < 0x80 and data[begin] != 38:
            solid = np.int64(1)


@njit(nogil=True)
def _opened(
    data: Any,
    found: Any,
    many: Any,
    field: Any,
    tables: Any,
    rows: Any,
    row: Any,
    held: Any,
) -> Any:
    """The field of an element by its attributes: 0 if it is none after all, -1 if only a parser is sure."""
    if field == paths.SECTION:
        for place in range(1, 5):
            held[place] = 0
    elif field == paths.HEADING:
        held[0] = 0
    known, valid, version = 0, True, 1
    for place in range(many):
        begin, end = found[place, 2], found[place, 3]
        kind = number_of(data, found[place, 0], found[place, 1], tables)
        if kind == 0:
            continue
        for step in range(begin, end):
            if data[step] == 38 and (data[step + 1] == 35 or field != paths.SECTION):
                return -1
        value = number_of(data, begin, end, tables)
        if kind == paths.A_VERSION:
            version = _version(data, begin, end)
        elif kind == paths.A_LABEL and field == paths.SECTION:
            begin, end = trimmed(data, begin, end)
            if begin < end and (data[begin] >= 0x80 or data[end - 1] >= 0x80):
                return -1  # it may be white space
            held[1], held[2] = begin, end
        elif kind == paths.A_CATEGORY and field == paths.SECTION:
            held[3], held[4] = begin, end
        elif kind == paths.A_VALID:
            valid = value == paths.V_YES
        elif kind == paths.A_MAJOR and field == paths.PART:
            held[0] |= value == paths.V_YES
        elif (
            (kind == paths.A_LOCATION and field == paths.LOCATION)
            or (kind == paths.A_REFERENCE and field == paths.NOTICE)
            or (kind == paths.A_ID and field == paths.ARTICLE_ID)
        ):
            known = value
    if field == paths.PMID and rows[row, paths.VERSION] == 0:
        rows[row, paths.VERSION] = version
        return field if version > 0 else -1
    if field == paths.LOCATION:
        return field if known == paths.V_DOI and valid else 0
    if field == paths.ARTICLE_ID:
        return paths.DOI if known == paths.V_DOI else (paths.PMC if known == paths.V_PMC else 0)
    rows[row, paths.HAS_ISSN] |= field == paths.ISSN
    rows[row, paths.RETRACTED] |= field == paths.NOTICE and known == paths.V_RETRACTION
    return field


@njit(nogil=True)
def _version(data: Any, begin: Any, end: Any) -> Any:
    """A number from 1 to 65,535, or 0."""
    version = 0
    for step in range(begin, min(end, begin + 6)):
        if data[step] < 48 or data[step] > 57:
            return 0
        version = version * 10 + data[step] - 48
    return version if version <= 0xFFFF and end - begin <= 5 else 0
