"""Which text of a citation becomes which value, compiled: the rules of `pubmed.trees` over places in bytes.

A rule that hangs on more than plain characters answers False (or -1): the citation is read as a tree.
"""

from typing import Any

from numba import njit

from anessuite.sources.pubmed.paths import (
    FIRST_PLACE,
    OTHER,
    PMC,
    PMID,
    TITLE,
    VERNACULAR,
    WORDS,
    YEAR,
)

_ABSENT = tuple(b"not available")


@njit(nogil=True)
def trimmed(data: Any, begin: Any, end: Any) -> tuple[Any, Any]:
    """Without ASCII's white space at both ends."""
    while begin < end and data[begin] <= 32:
        begin += 1
    while end > begin and data[end - 1] <= 32:
        end -= 1
    return begin, end


@njit(nogil=True)
def blank_of(data: Any, at: Any) -> Any:
    """The bytes of the white space at ``at`` that is not ASCII, or 0. They are those of ``str.isspace``."""
    lead, second, third = data[at], data[at + 1], data[at + 2]
    if lead == 0xC2 and (second == 0x85 or second == 0xA0):
        return 2
    if lead == 0xE1 and second == 0x9A and third == 0x80:
        return 3
    if lead == 0xE2 and second == 0x80 and (third <= 0x8A or third == 0xA8 or third == 0xA9 or third == 0xAF):
        return 3
    if lead == 0xE2 and second == 0x81 and third == 0x9F:
        return 3
    return 3 if lead == 0xE3 and second == 0x80 and third == 0x80 else 0


@njit(nogil=True)
def _filled(data: Any, begin: Any, end: Any, markup: Any, solid: Any) -> Any:
    """1 if trimmed text holds more than white space, 0 if not, -1 if that is not plain."""
    if markup:
        return 1 if solid else -1
    if begin == end:
        return 0
    if data[begin] == 38 and data[begin + 1] == 35:
        return -1
    return -1 if data[begin] >= 0x80 and blank_of(data, begin) else 1


@njit(nogil=True)
def one_of_many(
    data: Any,
    begin: Any,
    end: Any,
    markup: Any,
    solid: Any,
    field: Any,
    row: Any,
    values: Any,
    count: Any,
) -> Any:
    """Note a value unless it is empty: the new count, or -1."""
    begin, end = trimmed(data, begin, end)
    filled = _filled(data, begin, end, markup, solid)
    if filled <= 0:
        return count if filled == 0 else -1
    values[count, 0], values[count, 1] = row, field
    values[count, 2], values[count, 3], values[count, 4] = begin, end, markup
    return count + 1


@njit(nogil=True)
def one_of_one(
    data: Any, begin: Any, end: Any, markup: Any, solid: Any, field: Any, rows: Any, row: Any
) -> Any:
    """Put a value into its place, if it is the first of its field that is not empty."""
    begin, end = trimmed(data, begin, end)
    place = FIRST_PLACE + 3 * (field - 1)
    if rows[row, place + 1] > 0:
        return field < YEAR  # a date with two years
    if field >= YEAR:
        if markup or not _is_plain(data, begin, end):
            return False
        rows[row, place], rows[row, place + 1] = begin, end
        return True
    filled = _filled(data, begin, end, markup, solid)
    if filled <= 0:
        return filled == 0 and field != PMID
    if field == PMID:
        if markup:
            return False
        for at in range(begin, end):
            if data[at] < 48 or data[at] > 57:
                return False
    if field in (PMC, OTHER):
        if markup or not _is_plain(data, begin, end):
            return False
        begin, end = _pmc(data, begin, end)
        if begin == end:
            return True
    rows[row, place], rows[row, place + 1], rows[row, place + 2] = begin, end, markup
    return True


@njit(nogil=True)
def _is_plain(data: Any, begin: Any, end: Any) -> Any:
    """ASCII without references?"""
    for at in range(begin, end):  # noqa: SIM110 - compiled as it stands
        if data[at] >= 0x80 or data[at] == 38:
            return False
    return True


@njit(nogil=True)
def _pmc(data: Any, begin: Any, end: Any) -> tuple[Any, Any]:
    """The first ``PMC`` with digits behind it, or nothing."""
    for at in range(begin, end - 3):
        if data[at] == 80 and data[at + 1] == 77 and data[at + 2] == 67:
            stop = at + 3
            while stop < end and data[stop] >= 48 and data[stop] <= 57:
                stop += 1
            if stop > at + 3:
                return at, stop
    return begin, begin


@njit(nogil=True)
def finished(data: Any, rows: Any, row: Any) -> Any:
    """Has the citation a PMID, a date that begins with a year, and a title that is none or sure?"""
    if rows[row, FIRST_PLACE + 3 * (PMID - 1) + 1] == 0:
        return False
    place = FIRST_PLACE + 3 * (WORDS - 1)
    begin, end = rows[row, place], rows[row, place + 1]
    is_year = False
    if begin == end:
        place = FIRST_PLACE + 3 * (YEAR - 1)
        begin, end = rows[row, place], rows[row, place + 1]
        is_year = True
    if end - begin < 4 or (is_year and end - begin != 4):
        return False
    for at in range(begin, begin + 4):
        if data[at] < 48 or data[at] > 57:
            return False
    if end - begin > 4 and data[begin + 4] != 32 and data[begin + 4] != 45:
        return False
    return _title(data, rows, row)


@njit(nogil=True)
def _title(data: Any, rows: Any, row: Any) -> Any:
    """Put the vernacular title into the place of one that is missing or "[Not Available]."."""
    own, other = FIRST_PLACE + 3 * (TITLE - 1), FIRST_PLACE + 3 * (VERNACULAR - 1)
    begin, end = rows[row, own], rows[row, own + 1]
    if rows[row, other + 1] == 0:
        return True
    if end > 0:
        if rows[row, own + 2]:
            return False
        absent = _is_absent(data, begin, end)
        if absent <= 0:
            return absent == 0
    for step in range(3):
        rows[row, own + step] = rows[row, other + step]
    return True


@njit(nogil=True)
def _is_absent(data: Any, begin: Any, end: Any) -> Any:
    """1 if a title is "not available" in any case and any brackets, 0 if not, -1 if it is close to it."""
    first = begin
    while begin < end and (data[begin] == 91 or data[begin] == 93 or data[begin] == 46):
        begin += 1
    if begin > first + 8:
        return -1
    for at in range(begin, min(end, begin + 3)):  # what follows three other letters changes nothing
        if data[at] == 38:
            return -1
    while end > begin and (data[end - 1] == 91 or data[end - 1] == 93 or data[end - 1] == 46):
        end -= 1
    for step in range(len(_ABSENT)):
        if step == end - begin or data[begin + step] | 32 != _ABSENT[step]:
            return -1 if step >= 3 else 0
    return 1 if end - begin == len(_ABSENT) else -1
