"""Keys of exams: which letters they state for which numbers, in the forms that people write.

>>> key_row("1-5 CABDE 6. AC")
[(1, 'C'), (2, 'A'), (3, 'B'), (4, 'D'), (5, 'E'), (6, 'AC')]
"""

import re
from dataclasses import dataclass

from anessuite.sources.exam.marks import Stated, answer_start, number_of, stated

_S = r"\s{0,9}"
_LABEL = re.compile(r"(?:([一二三四五六七八九十]{1,3})[、.])?[^\dA-Za-z(\[【第#]{0,20}")
_RANGE = re.compile(
    rf"[(\[【第]?{_S}(\d{{1,4}}){_S}题?{_S}(?:-{{1,3}}|[~–—至到]|to){_S}(\d{{1,4}}){_S}题?{_S}[.:、)\]】]?{_S}"
    r"((?:[A-J][\s,、;]{0,9})+)(?![A-Za-z])"
)
_SINGLE = re.compile(
    rf"[(\[【第#Q]?{_S}(\d{{1,4}}){_S}[)\]】题]?{_S}[.、:=|–-]?{_S}[(\[【]?"
    r"([A-J](?:[,、]?[A-J]){0,9}|[a-j])[)\]】]?(?![A-Za-z])"
)
_BETWEEN = re.compile(r"[\s,、;|。.]*")
_NUMBERS = re.compile(r"(?:\d{1,4}[\s,、;|.]+)+\d{1,4}[\s.]*")
_GROUPS = re.compile(r"(?:[A-J]{1,10}[\s,、;|]+)+[A-J]{1,10}\s*")
_TABLE_LABEL = re.compile(
    r"(?i:(?:question|answer|item|no|number|key|q|ans)s?\b[.:#]?\s{0,9})|[^\dA-Za-z]{0,20}"
)
_MOST_NUMBERS = 300


@dataclass(frozen=True, slots=True)
class KeyAnswer:
    """What a key states for one number. ``part`` is the running number of the part of the key that it is in,
    ``label`` what the part is called (一, 二; empty if nothing)."""

    line: int
    number: int
    answer: Stated
    part: int = 0
    label: str = ""


def key_row(half: str) -> list[tuple[int, str]]:
    """The numbers and letters of a line that holds nothing else (but a label before them), else none."""
    at, found = _label_end(half), list[tuple[int, str]]()
    while at < len(half):
        token = _RANGE.match(half, at) or _SINGLE.match(half, at)
        if not token:
            return []
        answers = (
            _of_range(token)
            if token.re is _RANGE
            else [(int(token[1]), re.sub("[,、]", "", token[2]).upper())]
        )
        if not answers:
            return []
        found += answers
        at = _end(_BETWEEN.match(half, token.end()), token.end())
    return found


def row_label(half: str) -> str:
    """一 of a row such as ``一、1-5 CABDE``; empty if it has none."""
    found = _LABEL.match(half)
    return (found[1] or "") if found else ""


def range_fault(half: str) -> str:
    """What is wrong with a row such as ``1-5 CAB``; empty if nothing is."""
    token = _RANGE.match(half, _label_end(half))
    if not token or _of_range(token):
        return ""
    return f"{token[1]} to {token[2]} are not as many as the letters {token[3].strip()[:40]}"


def _of_range(token: re.Match[str]) -> list[tuple[int, str]]:
    """A letter for each number, or a group of letters; empty if they are not as many."""
    first, last = int(token[1]), int(token[2])
    wanted = range(first, last + 1)
    if not 0 < len(wanted) <= _MOST_NUMBERS:
        return []
    groups = re.findall("[A-J]+", token[3])
    letters = [letter for group in groups for letter in group]
    told = groups if len(groups) == len(wanted) else letters
    return list(zip(wanted, told, strict=True)) if len(told) == len(wanted) else []


def _label_end(half: str) -> int:
    return _end(_LABEL.match(half), 0)


def _end(found: re.Match[str] | None, otherwise: int) -> int:
    return found.end() if found else otherwise


def explained(half: str) -> tuple[int, Stated] | None:
    """The number and the answer of a line such as ``12. C. It is given off by the lungs.``"""
    found = number_of(half)
    if not found:
        return None
    number, start = found
    rest = half[start:].lstrip()
    answer = stated(rest[answer_start(rest) :])
    return (number, answer) if answer.letters else None


def table_numbers(half: str) -> list[int]:
    """The numbers of a row of a table that holds nothing else; empty if it does."""
    text = _without_label(half)
    return [int(one) for one in re.findall(r"\d+", text)] if _NUMBERS.fullmatch(text) else []


def table_letters(half: str) -> list[str]:
    """The letters of a row of a table that holds nothing else; empty if it does."""
    text = _without_label(half)
    return re.findall("[A-J]+", text) if _GROUPS.fullmatch(text) else []


def _without_label(half: str) -> str:
    return half[_end(_TABLE_LABEL.match(half), 0) :].strip(" \t|")
