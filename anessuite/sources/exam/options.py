"""A question's lines parted into its stem and its options; what is not surely so is not parted at all.

>>> from anessuite.sources.exam.lines import Line
>>> parted([Line(1, "Which is inhaled? A. Xenon  B. Ketamine", "Which is inhaled? A. Xenon  B. Ketamine")], 0)
Parted(stem='Which is inhaled?', options=[('A', 'Xenon'), ('B', 'Ketamine')], answer='')
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from anessuite.sources.exam import marks
from anessuite.sources.exam.lines import Line, halved
from anessuite.sources.exam.marks import Mark

_LEAST, _LEAST_SPACED = 2, 3
_ALONE = 3
"""Options on lines of their own, from which on a further letter amid the last line is mere text."""
_HAN = re.compile(r"[\u3400-\u9fff]")
_FILLED_BLANK = re.compile(r"[(\[]\s{0,9}([A-J]{1,6})\s{0,9}[)\]](?=\s{0,9}[。.?:,]{0,3}$)")
_NAMES_STATEMENT = re.compile(r"(?<![\d.])[1-9](?![\d%])|[①-⑨]")
_CONTENT = re.compile(r"\S")
_NEW_LINE = re.compile(r"\s{0,9}(?:[①-⑳]|\(?\d{1,2}\s?[.)、])")


@dataclass(frozen=True, slots=True)
class Parted:
    """A stem and its options in order, A, B, ... without gaps; ``answer`` is what stood amid them."""

    stem: str
    options: list[tuple[str, str]]
    answer: str


@dataclass(frozen=True, slots=True)
class _Found:
    """An option's letter in a line of the question; ``is_first``: the line begins with it."""

    line: int
    mark: Mark
    is_first: bool


def parted(body: Sequence[Line], statements: int) -> Parted | None:
    """The stem and the options; None if the lines can be read in no way, or in more than one.

    ``statements`` is how many numbered statements the stem holds; the options must then name them.
    """
    letters = _lettered(body) or _spaced(body)
    if letters is None:
        return None
    first = letters[0]
    stem = [line.text for line in body[: first.line]] + [body[first.line].text[: first.mark.start]]
    ends = [*letters[1:], None]
    texts = [_joined(_between(body, one, end)) for one, end in zip(letters, ends, strict=True)]
    if statements and not _names_statements(texts, statements):
        return None
    return _without_answer(_joined(stem), [one.mark.letter for one in letters], texts)


def _names_statements(texts: list[str], statements: int) -> bool:
    return statements > 1 and sum(bool(_NAMES_STATEMENT.search(text)) for text in texts) * 2 >= len(texts)


def _without_answer(stem: str, letters: list[str], texts: list[str]) -> Parted | None:
    """An answer may stand in the blank at the end of a Chinese stem, or behind the last option."""
    if any(marks.answer_inside(halved(text)) for text in (stem, *texts[:-1])):
        return None
    answer, last = "", texts[-1]
    if found := marks.answer_inside(halved(last)):
        answer, texts[-1] = last[found[1] :], last[: found[0]].rstrip()
    if any(marks.speaks_of_answer(halved(text)) for text in texts):
        return None
    blank = _FILLED_BLANK.search(halved(stem)) if _HAN.search(stem) else None
    if blank and answer:
        return None
    if blank:
        answer, stem = blank[1], f"{stem[: blank.start() + 1]} {stem[blank.end() - 1 :]}"
    return Parted(stem, list(zip(letters, texts, strict=True)), answer)


def _lettered(body: Sequence[Line]) -> list[_Found] | None:
    """Options whose letters have a sign: ``A.``, ``(B)``, ``C、``."""
    firsts = [(at, marks.first_mark(line.half)) for at, line in enumerate(body)]
    starts = [_Found(at, mark, True) for at, mark in firsts if mark]
    base = next((one for one in starts if one.mark.letter == "A"), None) or _inline_base(body)
    if base is None:
        return None
    case = base.mark.style.strip("([【")[:1]
    starts = [one for one in starts if one.mark.style.strip("([【")[:1] == case]
    if any(one.line < base.line for one in starts):
        return None
    inline = [
        _Found(at, mark, False)
        for at in range(base.line, len(body))
        for mark in marks.marks(body[at].half)
        if mark.style == base.mark.style and _is_amid(mark, firsts[at][1])
    ]
    if not base.is_first:
        inline = [one for one in inline if one.line > base.line or one.mark.start >= base.mark.start]
    return _sequence(body, starts, inline)


def _is_amid(mark: Mark, first: Mark | None) -> bool:
    """Does a letter stand behind the one that its line begins with, if it begins with one?"""
    return first is None or mark.end > first.end


def _inline_base(body: Sequence[Line]) -> _Found | None:
    """The first A amid a line that is followed by a B in the same style."""
    for at, line in enumerate(body):
        found = marks.marks(line.half)
        style = {mark.style for mark in found if mark.letter == "B"}
        for mark in found:
            if mark.letter == "A" and mark.style in style:
                return _Found(at, mark, False)
    return None


def _sequence(body: Sequence[Line], starts: list[_Found], inline: list[_Found]) -> list[_Found] | None:
    """A, B, C, ... in order; None if a letter is missing, or could be two places."""
    own = {one.mark.letter for one in starts}
    taken, doubtful = list[_Found](), list[str]()
    for one in sorted([*starts, *inline], key=lambda one: (one.line, one.mark.start)):
        is_next = one.mark.letter == chr(ord("A") + len(taken))
        if one.is_first and not is_next:
            return None
        if one.is_first or (is_next and one.mark.letter not in own and not _is_empty(body, taken, one)):
            taken.append(one)
        elif not _is_empty(body, taken, one):
            doubtful.append(one.mark.letter)
    amid = [one for one in taken if not one.is_first]
    if len(own) >= _ALONE and amid and amid[0].mark.letter > max(own):
        kept = [one for one in amid if _is_set_off(body[one.line], one.mark)]
        if len(kept) != len(amid):
            taken = [one for one in taken if one.is_first]
            amid = []
    is_clear = not {one.mark.letter for one in amid} & set(doubtful)
    return taken if is_clear and len(taken) >= _LEAST else None


def _is_empty(body: Sequence[Line], taken: list[_Found], one: _Found) -> bool:
    """Does nothing stand between the last option's letter and this one? ``B. C. difficile`` is one option."""
    if not taken or taken[-1].line != one.line:
        return False
    return not _CONTENT.search(body[one.line].text, taken[-1].mark.end, one.mark.start)


def _is_set_off(line: Line, mark: Mark) -> bool:
    before = line.half[max(0, mark.start - 2) : mark.start]
    return before.isspace() and (len(before) == 2 or "\t" in before)


def _spaced(body: Sequence[Line]) -> list[_Found] | None:
    """Options whose letters have no sign, each on its own line: ``A  Propofol``."""
    taken = list[_Found]()
    for at, line in enumerate(body):
        mark = marks.spaced_mark(line.half)
        if mark and mark.letter == chr(ord("A") + len(taken)):
            taken.append(_Found(at, mark, True))
        elif taken and len(taken) < _LEAST_SPACED:
            return None
    return taken if len(taken) >= _LEAST_SPACED else None


def _between(body: Sequence[Line], one: _Found, end: _Found | None) -> list[str]:
    """The text from one option's letter to the next one's, line by line."""
    last = end.line if end else len(body) - 1
    lines = [line.text for line in body[one.line : last + 1]]
    if end:
        lines[-1] = lines[-1][: end.mark.start]
    lines[0] = lines[0][one.mark.end :]
    return lines


def _joined(lines: Sequence[str]) -> str:
    """Lines as one text: what was wrapped is put together, statements of a list keep their lines."""
    parts = list[str]()
    for line in (line.strip() for line in lines):
        if line and parts:
            is_han = _HAN.match(parts[-1][-1]) and _HAN.match(line)
            parts.append("\n" if _NEW_LINE.match(line) else "" if is_han else " ")
        if line:
            parts.append(line)
    return "".join(parts)
