"""Exams as people write them: numbered questions, options A to J, answers below each or in a key.

Text, Markdown and HTML, in English and Chinese. What cannot be read for sure is no question but a lost row,
with its lines: questions that share a case or their options, blocks without options, headings and prose.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from anessuite.errors import SourceError
from anessuite.sources.exam.blocks import sort_lines
from anessuite.sources.exam.key import KeyAnswer
from anessuite.sources.exam.key_match import match
from anessuite.sources.exam.lines import Line, exam_lines
from anessuite.sources.exam.parts import Block, Key, SortedLines
from anessuite.sources.exam.rows import (
    Claim,
    ExamRow,
    asked_by,
    block_row,
    inline_claims,
    prose_row,
)
from anessuite.sources.files import SourceFile
from anessuite.sources.question_sets import LostRow, Question
from anessuite.sources.question_source import QuestionSource

_MOST_WARNINGS = 20
"""Of one file; the others are counted."""


@dataclass(frozen=True, slots=True)
class Exam:
    """All of a file: each line that is not blank is in a row, in the key, or a ruler. ``foreign`` are lost
    rows of the file of the key."""

    rows: list[ExamRow]
    key_lines: list[int]
    rules: list[int]
    warnings: list[str]
    foreign: list[ExamRow]


def read_exam(
    source: QuestionSource, file: SourceFile, key: SourceFile | None, warnings: list[str]
) -> list[Question | LostRow]:
    """The questions of a text, and its lines that are none, in the order of lines. Adds to ``warnings``.

    Raises SourceError, naming the file, if it cannot be read, is no text, or holds no question; and if the
    source sets what only tables have.
    """
    if source.columns is not None or source.subjects is not None:
        what = "columns" if source.columns is not None else "subjects"
        raise SourceError(
            f"{file.name} is an exam as text, which has no columns, but `{what}` is set",
            "leave it out of the path, or make it a source of its own",
        )
    lines = exam_lines(file, warnings)
    exam = exam_of(source, file, lines, (key, exam_lines(key, warnings)) if key else None)
    warnings += [f"{file.name}, {line}" for line in exam.warnings[:_MOST_WARNINGS]]
    if len(exam.warnings) > _MOST_WARNINGS:
        warnings.append(f"{file.name}: {len(exam.warnings) - _MOST_WARNINGS} more warnings such as these")
    rows = [one.row for one in [*exam.rows, *exam.foreign]]
    if not any(isinstance(row, Question) for row in rows):
        raise SourceError(
            f"{file.name} holds no question in {len(lines)} lines that are not blank",
            "a question begins with its number (1. or 第1题), each option with a letter (A. or （A）)",
        )
    return rows


def exam_of(
    source: QuestionSource,
    file: SourceFile,
    lines: Sequence[Line],
    key: tuple[SourceFile, Sequence[Line]] | None = None,
) -> Exam:
    """A text's lines as rows; ``key`` is another file with the answers."""
    found = sort_lines(lines)
    asked = [asked_by(block) for block in found.blocks]
    real = [
        at for at, block in enumerate(found.blocks) if asked[at] or not block.is_doubtful or block.has_options
    ]
    blocks = [found.blocks[at] for at in real]
    matched = match(blocks, found.keys)
    warnings = [*found.warnings, *matched.warnings]
    told: dict[int, list[KeyAnswer]] = {real[at]: answers for at, answers in matched.answers.items()}
    foreign = list[ExamRow]()
    if key:
        other = sort_lines(key[1], is_key=True)
        more = match(blocks, [_whole_key(other, blocks)])
        for at, answers in more.answers.items():
            told[real[at]] = [*told.get(real[at], []), *answers]
        foreign = [prose_row(source, key[0], run) for run in other.prose]
        warnings += [f"the key in {key[0].name}, {line}" for line in [*other.warnings, *more.warnings]]
    odd = _out_of_order(blocks)
    twice = {number for number, count in Counter(block.number for block in found.blocks).items() if count > 1}
    rows = list[ExamRow]()
    for at, block in enumerate(found.blocks):
        name = f"{file.name}#{block.number}" + (f"@{block.first.number}" if block.number in twice else "")
        claims = [*inline_claims(block, asked[at]), *(Claim(one.answer, "") for one in told.get(at, []))]
        rows.append(
            block_row(
                source, name, block, asked[at], claims, is_odd=block.first.number in odd, warnings=warnings
            )
        )
    rows += [prose_row(source, file, run) for run in found.prose]
    in_key = [line for one in found.keys for line in one.lines]
    rows.sort(key=lambda one: min(one.lines))
    return Exam(rows, in_key, found.rules, [*odd.values(), *warnings], foreign)


def _whole_key(other: SortedLines, blocks: Sequence[Block]) -> Key:
    """All that the file of a key states, also behind questions that it repeats."""
    answers, parts = list[KeyAnswer](), 0
    for one in other.keys:
        answers += [replace(answer, part=answer.part + parts) for answer in one.answers]
        parts += 1 + max((answer.part for answer in one.answers), default=-1)
    for block in other.blocks:
        answers += [
            KeyAnswer(block.first.number, block.number, claim.answer, block.part + parts, block.label)
            for claim in inline_claims(block, asked_by(block))
        ]
    return Key(max((block.part for block in blocks), default=0) + 1, answers)


def _out_of_order(blocks: Sequence[Block]) -> dict[int, str]:
    """What is wrong with the numbers of questions, by the line on which it shows."""
    found: dict[int, str] = {}
    for before, block in pairwise(blocks):
        if block.part != before.part or block.number == before.number + 1:
            continue
        fault = (
            "the number is there twice" if block.number == before.number
            else "the numbers are out of order" if block.number < before.number
            else "a number is missing"
        )  # fmt: skip
        line = block.first.number
        found[line] = f"line {line}: question {block.number} follows {before.number}: {fault}"
    return found
