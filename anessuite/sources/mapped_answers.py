"""Is a column mapping right? Stems that are no questions, and answers that name no option, say no."""

from typing import Any

from anessuite.errors import SourceError
from anessuite.sources.choices import Choice, choices_named, fitting_base, is_stated
from anessuite.sources.files import SourceFile
from anessuite.sources.question_columns import QuestionColumns

_SHORT_STEM = 4
_EQUAL_STEMS = 3
_TELLING_ROWS = 10
"""With fewer rows, one wrong answer could make a mapping look as if it counted from the wrong number."""


def check_stems(stems: list[str], columns: QuestionColumns, file: SourceFile) -> None:
    """Raise SourceError if most stems are no questions, or all are equal."""
    odd = [stem for stem in stems if len(stem) < _SHORT_STEM or not any(map(str.isalpha, stem))]
    fault = ""
    if len(odd) * 2 > len(stems):
        fault = (
            f"{len(odd)} of {len(stems)} values of {columns.question!r} are no questions, such as {odd[0]!r}"
        )
    elif len(stems) > _EQUAL_STEMS and len(set(stems)) == 1:
        fault = f"all {len(stems)} values of {columns.question!r} are {stems[0][:60]!r}"
    if fault:
        raise SourceError(f"{file.name}: {fault}", "does `columns` name the right one as `question`?")


def answers_of(
    stated: list[Any],
    choices: list[list[Choice]],
    columns: QuestionColumns,
    file: SourceFile,
    *,
    is_guess: bool,
    warnings: list[str],
) -> list[Choice | None]:
    """The choice that each answer names, one without text too, or None.

    Raises SourceError if most answers name no option, or are counted from another number than `columns` says.
    """
    if columns.answer is None:
        return [None] * len(stated)
    base = _base(stated, choices, columns, file, is_guess=is_guess, warnings=warnings)
    named = choices_named(stated, choices, base=base)
    given = [(answer, one) for answer, one in zip(stated, named, strict=True) if is_stated(answer)]
    lost = [answer for answer, one in given if one is None or not one.text]
    if not lost:
        return named
    share = f"{len(lost)} of {len(given)} values of {columns.answer!r}"
    fault = f"{file.name}: {share} name no option, such as {str(lost[0])[:60]!r}"
    if len(lost) * 2 > len(given):
        raise SourceError(
            fault,
            f"an answer is a letter, a number counted from `answer_base` ({base}), or the option's text",
        )
    warnings.append(f"{fault}; these questions have no answer")
    return named


def _base(
    stated: list[Any],
    choices: list[list[Choice]],
    columns: QuestionColumns,
    file: SourceFile,
    *,
    is_guess: bool,
    warnings: list[str],
) -> int:
    """What the answers are counted from, where they are numbers: a mistake would shift them all by one."""
    base = columns.answer_base
    other = fitting_base(stated, choices, base=base)
    is_telling = sum(map(is_stated, stated)) >= _TELLING_ROWS
    if other is None or not (is_telling or (is_guess and other < base)):
        return base
    fault = f"{file.name}: {columns.answer!r} counts from {other}, not from {base}"
    if not is_guess:
        raise SourceError(fault, f"set `answer_base: {other}`")
    warnings.append(f"{fault} as other files of its layout; it was read so")
    return other
