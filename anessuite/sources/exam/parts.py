"""What the lines of an exam are sorted into: questions, keys, and what is neither."""

from dataclasses import dataclass, field

from anessuite.sources.exam import marks
from anessuite.sources.exam.key import KeyAnswer
from anessuite.sources.exam.lines import Line

NOT_PARSED, BROKEN_NUMBERING = "not_parsed", "broken_numbering"
_ENOUGH, _ENOUGH_SPACED = 2, 3
"""Options that a question has before the next line may end it; a letter without a sign may be a word."""


@dataclass(slots=True)
class Block:
    """The lines of one question. ``body`` is its stem and its options, the number cut off; ``answers`` is
    what its own lines state, ``lines`` every line that belongs to it, explanations too."""

    number: int
    part: int
    label: str
    first: Line
    body: list[Line] = field(default_factory=list)
    answers: list[Line] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    fault: str = ""
    """Why it is no question, whatever its lines hold."""
    statements: int = 0
    """The last number of a list inside the stem: ``1. ... 2. ... 3. ...``"""
    letters: str = ""
    spaced: int = 0
    is_answered: bool = False
    """An answer or a note stands below its options."""
    is_noted: bool = False
    """Its explanation has begun; whatever follows belongs to it."""
    is_doubtful: bool = False
    """It began inside the explanation of another question, of which it may be a part."""
    is_below_case: bool = False
    """A case stands before it, as if for several questions."""

    @property
    def has_options(self) -> bool:
        return len(self.letters) >= _ENOUGH or self.spaced >= _ENOUGH_SPACED

    @property
    def next_letter(self) -> str:
        return chr(ord("A") + len(self.letters))

    def add(self, line: Line) -> None:
        """A line of the stem or of an option."""
        self.lines.append(line.number)
        if not line.text:
            return
        self.body.append(line)
        for mark in marks.marks(line.half):
            if mark.letter == self.next_letter:
                self.letters += mark.letter
        mark = marks.spaced_mark(line.half)
        if mark and mark.letter == chr(ord("A") + self.spaced):
            self.spaced += 1


@dataclass(slots=True)
class Key:
    """A key: its lines, and what they state. It is for the parts of questions before it, down to the key
    above it; ``parts_before`` counts them all."""

    parts_before: int
    answers: list[KeyAnswer] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


@dataclass(slots=True)
class SortedLines:
    """A file's lines, each in one place; ``rules`` hold neither letter nor digit. ``prose`` is what is no
    question and no key, in runs of neighbouring lines."""

    blocks: list[Block] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    prose: list[list[Line]] = field(default_factory=list)
    rules: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
