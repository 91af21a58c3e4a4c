"""The lines of an exam sorted: those of each question, those of its keys, and those that are neither.

Every line goes to exactly one of them. Where it is not sure that lines are one whole question, the block gets
a ``fault`` and is no question later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from anessuite.sources.exam import key as exam_key
from anessuite.sources.exam import marks
from anessuite.sources.exam.key_lines import KeyReader, begins_question, is_key_line, row_of, table_of
from anessuite.sources.exam.lines import Line
from anessuite.sources.exam.parts import BROKEN_NUMBERING, NOT_PARSED, Block, Key, SortedLines

_NEAR = 5
"""A number that is so much greater is the next question's, though some are missing between."""
_SURE_ROW = 3
"""Answers in one line, from which on it is a key without a heading amid an unfinished question too."""


def sort_lines(lines: Sequence[Line], *, is_key: bool = False) -> SortedLines:
    """Sort the lines of a file; ``is_key`` tells that the file is a key from its first line on."""
    found, content = SortedLines(), list[Line]()
    for line in lines:
        if marks.has_content(line.half):
            is_apart = bool(found.rules) and found.rules[-1] == line.number - 1
            content.append(replace(line, after_blank=True) if is_apart else line)
        else:
            found.rules.append(line.number)
    sorter = _Sorter(content, found)
    if is_key:
        sorter.begin_key()
    for at, line in enumerate(content):
        if at not in (sorter.skip, sorter.key.skip if sorter.key else -1):
            sorter.take(at, line)
    sorter.close()
    sorter.end_key()
    return sorter.found


@dataclass(slots=True)
class _Sorter:
    lines: Sequence[Line]
    found: SortedLines
    block: Block | None = None
    key: KeyReader | None = None
    part: int = 0
    label: str = ""
    last: int | None = None
    """Number of the last question."""
    shared: range = range(0)
    shared_left: int = 0
    is_shared_part: bool = False
    case_line: int = 0
    """Of a case that stands before a question, as if for several; 0 if none does."""
    is_shared_ahead: bool = False
    """Questions that share something were announced, and none of them has come yet."""
    is_after_key: bool = False
    skip: int = -1
    near: int = -2
    """Index of the last line of prose."""

    def take(self, at: int, line: Line) -> None:
        half = line.half
        if marks.is_furniture(half):
            self.prose(at, line)
        elif self.key is not None and (taken := self.key.take(at)) is not None:
            if not taken:
                self.prose(at, line)
        else:
            self.end_key()
            self.outside_key(at, line)

    def outside_key(self, at: int, line: Line) -> None:
        is_heading = marks.is_key_heading(line.half) and self.is_over_key(at)
        if is_heading or self.is_key_row(at):
            self.close()
            reader = self.begin_key()
            if is_heading:
                reader.keep(line)
            else:
                reader.take(at)
        else:
            self.in_questions(at, line)

    # keys

    def begin_key(self) -> KeyReader:
        self.key = KeyReader(self.lines)
        return self.key

    def end_key(self) -> None:
        if self.key is None:
            return
        parts = self.part + 1 if self.last is not None else 0
        self.found.keys.append(Key(parts, self.key.answers, self.key.own))
        self.found.warnings += self.key.faults
        self.key, self.case_line, self.is_after_key = None, 0, True

    def is_over_key(self, at: int) -> bool:
        """Is what this heading stands above a key?"""
        if at + 1 >= len(self.lines):
            return False
        below = self.lines[at + 1].half
        is_named = marks.is_heading(below) or marks.is_key_heading(below)
        after = at + 2 if is_named and at + 2 < len(self.lines) else at + 1
        return is_key_line(self.lines, after)

    def is_key_row(self, at: int) -> bool:
        """Is this line a row of a key, though no heading announces one?"""
        half, block = self.lines[at].half, self.block
        rows = row_of(half)
        is_free = block is None or block.has_options
        if rows:
            return len(rows) >= _SURE_ROW or (is_free and not half[:1].isalpha() and "." in half)
        return is_free and bool(table_of(self.lines, at))

    # questions

    def in_questions(self, at: int, line: Line) -> None:
        half, block = line.half, self.block
        start = marks.answer_start(half) or (len(half) if marks.is_key_heading(half) else 0)
        if marks.shared_range(half) or marks.shared_count(half):
            self.begin_shared(at, line)
        elif block and start and (block.has_options or marks.stated(half[start:]).is_sure):
            self.answer(block, at, line, start)
        elif block and block.has_options and marks.is_note(half):
            self.note(block, line)
        elif marks.is_heading(half) or (line.is_heading and not marks.number_of(half)):
            self.heading(at, line)
        elif number := marks.number_of(half):
            self.number(at, line, *number)
        else:
            self.text(at, line)

    def number(self, at: int, line: Line, number: int, start: int) -> None:
        block = self.block
        if block is None or (block.has_options and not block.is_noted):
            self.begin(line, number, start)
        elif block.is_noted:
            if number == block.number + 1 or begins_question(self.lines, at):
                self.begin(line, number, start, is_doubtful=True)
            else:
                self.note(block, line)
        elif block.is_doubtful or self.is_next(block, number):
            self.begin(line, number, start)
        else:
            self.statement(block, line, number)

    @staticmethod
    def is_next(block: Block, number: int) -> bool:
        """May this be the number of the next question, though this one has no options?"""
        return number != block.statements + 1 and block.number < number <= block.number + _NEAR

    @staticmethod
    def statement(block: Block, line: Line, number: int) -> None:
        if number == block.statements + 1:
            block.statements = number
        else:
            block.fault = BROKEN_NUMBERING
        block.add(line)

    def begin(self, line: Line, number: int, start: int, *, is_doubtful: bool = False) -> None:
        self.close()
        if self.last is not None and (number == 1 or self.is_after_key):
            self.part += 1
            self.shared = self.shared if self.is_shared_ahead else range(0)
        self.last, self.is_after_key = number, False
        self.block = Block(number, self.part, self.label, line, is_doubtful=is_doubtful)
        self.block.is_below_case = bool(self.case_line)
        self.block.add(line.rest(start))
        if number in self.shared or self.is_shared_part or self.shared_left:
            self.block.fault = NOT_PARSED
        self.shared_left, self.is_shared_ahead = max(0, self.shared_left - 1), False

    def answer(self, block: Block, at: int, line: Line, start: int) -> None:
        """A line that states the answer, or stands right above it."""
        rest, block.is_answered = line.rest(start), block.has_options
        block.lines.append(line.number)
        if rest.text:
            block.answers.append(rest)
        elif at + 1 < len(self.lines) and marks.stated(self.lines[at + 1].half).is_sure:
            self.skip = at + 1
            block.answers.append(self.lines[self.skip])
            block.lines.append(self.lines[self.skip].number)

    @staticmethod
    def note(block: Block, line: Line) -> None:
        block.is_noted = block.is_answered = True
        block.lines.append(line.number)

    def text(self, at: int, line: Line) -> None:
        """A line that begins with nothing known: it goes on with what stands above it, if it can."""
        block = self.block
        if block is None:
            self.prose(at, line)
        elif block.is_noted or (block.is_answered and not line.after_blank):
            block.lines.append(line.number)
        elif not block.has_options or self.goes_on(block, line):
            block.add(line)
        else:
            self.after_options(at, block, line)

    @staticmethod
    def goes_on(block: Block, line: Line) -> bool:
        """Is this an option, or more text of the last one?"""
        mark, spaced = marks.first_mark(line.half), marks.spaced_mark(line.half)
        if block.is_answered or (mark and mark.letter == "A"):
            return False
        if mark or (spaced and block.spaced and spaced.letter == chr(ord("A") + block.spaced)):
            return True
        return line.text[0].islower() or not (line.after_blank or marks.is_case(line.half))

    def after_options(self, at: int, block: Block, line: Line) -> None:
        """What follows is no part of the question; an option A means that a number is missing above it."""
        mark = marks.first_mark(line.half)
        if (
            mark
            and mark.letter == "A"
            and not block.is_answered
            and not marks.first_mark(block.body[-1].half)
        ):
            block.fault = BROKEN_NUMBERING  # the stem of the next question went into the last option
        self.close()
        self.prose(at, line)

    def close(self) -> None:
        """End the question, if there is one."""
        block, self.block = self.block, None
        if block is None:
            return
        if block.is_below_case and any(marks.is_case(line.half) for line in block.body):
            self.case_line = 0
        elif block.is_below_case:
            block.fault = block.fault or NOT_PARSED
        self.found.blocks.append(block)

    # what is between questions

    def prose(self, at: int, line: Line) -> None:
        if self.near == at - 1:
            self.found.prose[-1].append(line)
        else:
            self.found.prose.append([line])
        self.near = at
        is_free = self.block is None and self.key is None
        if is_free and not (self.is_shared_ahead or self.is_shared_part) and marks.begins_case(line.half):
            self.case_line = line.number
            self.found.warnings.append(
                f"line {line.number}: a case stands there by itself; questions below it that tell of no case"
                " of their own are not read, since they may need it"
            )

    def heading(self, at: int, line: Line) -> None:
        self.close()
        self.prose(at, line)
        self.label = exam_key.row_label(line.half)
        self.is_shared_part = marks.is_shared_type(line.half)
        self.shared, self.shared_left, self.case_line, self.is_shared_ahead = range(0), 0, 0, False

    def begin_shared(self, at: int, line: Line) -> None:
        self.close()
        self.prose(at, line)
        below = self.lines[at + 1].half if at + 1 < len(self.lines) else ""
        if found := marks.shared_range(line.half):
            is_bare = not marks.says_shared(line.half) and marks.number_of(below) is not None
            self.shared = range(0) if is_bare else range(found[0], found[1] + 1)
        else:
            self.shared_left = marks.shared_count(line.half)
        self.is_shared_ahead, self.case_line = bool(self.shared or self.shared_left), 0
