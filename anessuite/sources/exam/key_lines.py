"""A key read line by line: rows, tables, and answers with explanations."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from anessuite.sources.exam import key as exam_key
from anessuite.sources.exam import marks
from anessuite.sources.exam.key import KeyAnswer
from anessuite.sources.exam.lines import Line
from anessuite.sources.exam.marks import Stated

_AHEAD = 14
"""Lines in which the options of a question begin."""


@dataclass(slots=True)
class KeyReader:
    """State of reading one key. ``answers`` are what it states so far, ``lines`` the lines that are its own,
    ``skip`` the last line that was taken together with the one above it."""

    lines: Sequence[Line]
    answers: list[KeyAnswer] = field(default_factory=list)
    own: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    skip: int = -1
    part: int = 0
    label: str = ""
    begins_part: bool = False
    number: int | None = None
    """Of an answer that is to come on a line of its own."""
    is_explaining: bool = False

    def take(self, at: int) -> bool | None:
        """Is this line the key's? None: the key has ended above it."""
        line = self.lines[at]
        half = line.half
        if rows := row_of(half):
            self.begin_part(exam_key.row_label(half))
            for number, letters in rows:
                self.add(line, number, Stated(letters, "", True))
            return self.keep(line)
        if table := table_of(self.lines, at):
            for number, letters in table:
                self.add(line, number, Stated(letters, "", True))
            self.skip = at + 1
            self.own.append(self.lines[at + 1].number)
            return self.keep(line)
        if marks.is_key_heading(half):
            return self.keep(line)
        if marks.is_heading(half) or (line.is_heading and not marks.number_of(half)):
            return self.heading(at, line)
        if begins_question(self.lines, at):
            return None
        return self.explanation(line)

    def keep(self, line: Line, *, is_explaining: bool = False) -> bool:
        self.own.append(line.number)
        self.is_explaining = is_explaining
        return True

    def begin_part(self, label: str) -> None:
        if label and label != self.label:
            self.label, self.begins_part = label, True

    def add(self, line: Line, number: int, answer: Stated) -> None:
        in_part = [one.number for one in self.answers[-1:] if one.part == self.part]
        is_again = number == 1 and bool(in_part) and in_part[0] >= 1
        if in_part and (self.begins_part or is_again):
            self.part += 1
        self.begins_part = False
        self.answers.append(KeyAnswer(line.number, number, answer, self.part, self.label))

    def heading(self, at: int, line: Line) -> bool | None:
        """The name of a part of the key, or of what follows it."""
        if at + 1 >= len(self.lines) or not is_key_line(self.lines, at + 1):
            return None
        self.label, self.begins_part = exam_key.row_label(line.half), True
        return self.keep(line)

    def explanation(self, line: Line) -> bool:
        half = line.half
        if found := exam_key.explained(half):
            number, answer = found
            if answer.is_sure or answer.rest:
                self.add(line, number, answer)
                return self.keep(line, is_explaining=True)
        if found := marks.number_of(half):
            self.number, self.is_explaining = found[0], False
        elif start := marks.answer_start(half):
            if self.number is not None:
                self.add(line, self.number, marks.stated(half[start:]))
                self.number = None
                return self.keep(line, is_explaining=True)
        elif marks.is_note(half) or self.is_explaining:
            return self.keep(line, is_explaining=True)
        if fault := exam_key.range_fault(half):
            self.faults.append(f"line {line.number}: {fault}")
        return False


def row_of(half: str) -> list[tuple[int, str]]:
    """`key_row`, also behind a word such as ``Answers:``."""
    return exam_key.key_row(half) or exam_key.key_row(half[marks.answer_start(half) :])


def table_of(lines: Sequence[Line], at: int) -> list[tuple[int, str]]:
    """A row of numbers and the row of letters below it; empty if these lines are not that."""
    numbers = exam_key.table_numbers(lines[at].half)
    if len(numbers) < 2 or at + 1 >= len(lines):
        return []
    letters = exam_key.table_letters(lines[at + 1].half)
    return list(zip(numbers, letters, strict=True)) if len(letters) == len(numbers) else []


def is_key_line(lines: Sequence[Line], at: int) -> bool:
    """Does a line state an answer for a number, in a form that nothing else has?"""
    half, below = lines[at].half, lines[at + 1].half if at + 1 < len(lines) else ""
    found, number = exam_key.explained(half), marks.number_of(half)
    return bool(
        row_of(half)
        or table_of(lines, at)
        or (found and found[1].is_sure and not begins_question(lines, at))
        or (number and not half[number[1] :].strip() and marks.answer_start(below))
        or exam_key.range_fault(half)
    )


def begins_question(lines: Sequence[Line], at: int) -> bool:
    """Do options begin at or soon below a line with a number, before another number?"""
    if not marks.number_of(lines[at].half):
        return False
    for place, line in enumerate(lines[at : at + _AHEAD]):
        if place and marks.number_of(line.half):
            return False
        first = marks.first_mark(line.half) if place else None
        letters = [mark.letter for mark in marks.marks(line.half[:2000])]
        if (first and first.letter == "A") or ("A" in letters and "B" in letters[letters.index("A") :]):
            return True
    return False
