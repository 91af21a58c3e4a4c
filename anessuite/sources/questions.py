"""Multiple-choice questions of any source: found, read, cleaned, and checked for a wrong column mapping.

>>> read_questions(QuestionSource(path="medqa.jsonl")).questions[0]   # doctest: +SKIP
Question(source='medqa.jsonl', source_id='medqa.jsonl#0', language='en', question='A 67-year-old man ...',
         options={'A': 'Atropine', 'B': 'Adenosine'}, answer='B', subject='')
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field

from anessuite.config import Config
from anessuite.errors import SourceError
from anessuite.sources import csv_rows, jsonl
from anessuite.sources.choices import Choice, fitting_base, is_stated, letters_of, text_of
from anessuite.sources.documents import SourcePath, label_of, open_parquet
from anessuite.sources.files import Format, SourceFile, find_files
from anessuite.sources.question_columns import LAYOUTS, QuestionColumns, recognised

NO_QUESTION = "no_question"
NO_OPTIONS = "no_options"
_SHORT_STEM = 4
_EQUAL_STEMS = 3
_TELLING_ROWS = 10
"""With fewer rows, one wrong answer could make a mapping look as if it counted from the wrong number."""
_LANGUAGES = {
    **dict.fromkeys(("en", "eng", "english", "英文", "英语"), "en"),
    **dict.fromkeys(("zh", "zho", "chi", "cn", "chinese", "中文", "汉语"), "zh"),
}


class QuestionSource(Config):
    """One source of questions, as a config names it."""

    path: SourcePath
    name: str = Field(default="", description="what rows and reports call it; default: the path's last part")
    language: Literal["en", "zh"] = "en"
    columns: QuestionColumns | None = Field(
        default=None, description="default: told by each file's column names"
    )
    format: Format | None = Field(default=None, description="parquet, jsonl, json, csv; default: by suffix")
    licence: str = ""

    @property
    def label(self) -> str:
        return label_of(self.name, self.path)


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``options`` maps letters to texts, in order; a letter whose text is empty is left out.

    ``source_id`` is the source's own id, or ``{file name}#{row}``; ``answer`` is the gold letter, one of
    ``options``, or None; ``language`` is ``en`` or ``zh``.
    """

    source: str
    source_id: str
    language: str
    question: str
    options: dict[str, str]
    answer: str | None
    subject: str


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """What a source holds. Rows = questions + dropped; ``warnings`` are sentences for people."""

    questions: list[Question]
    dropped: Counter[str]
    files: list[SourceFile]
    warnings: list[str]


def read_questions(source: QuestionSource) -> QuestionSet:
    """Every question of a source, in the order of its files and rows.

    Raises:
        SourceError: no file, or one that cannot be read to its end, has no question, is of no known layout or
            without a mapped column, or whose columns seem mistaken (stems that are no questions or all equal,
            answers that mostly name no option, or that are counted from another base).
    """
    questions, dropped, warnings = list[Question](), Counter[str](), list[str]()
    files = find_files(source.path, format=source.format)
    for file in files:
        found, lost = _read(source, file, warnings)
        questions += found
        dropped += lost
    return QuestionSet(_with_unique_ids(questions, warnings), dropped, files, warnings)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A question whose answer is not read yet: that takes the whole column."""

    number: int
    row: dict[str, Any]
    stem: str
    choices: list[Choice]


def _read(
    source: QuestionSource, file: SourceFile, warnings: list[str]
) -> tuple[list[Question], Counter[str]]:
    rows = list(_rows(file))
    if not rows:
        raise SourceError(
            f"{file.name} is empty: it has no row", "fetch it again, or leave it out of the path"
        )
    names = list(dict.fromkeys(name for row in rows for name in row or {}))
    if not names:
        raise SourceError(f"{file.name}: not one of {len(rows)} elements is a JSON object", "see `format`")
    columns, language = _mapping(source, file, names)
    drafts, dropped = _drafts(rows, columns)
    if not drafts:
        lost = ", ".join(f"{reason} {count}" for reason, count in dropped.items())
        raise SourceError(
            f"{file.name} holds no question in {len(rows)} rows: {lost}",
            f"it has: {', '.join(names)}; see `columns`",
        )
    _check_stems([draft.stem for draft in drafts], columns, file)
    answers = _answers(drafts, columns, file, is_guess=source.columns is None, warnings=warnings)
    languages = _languages(drafts, language, file, warnings)
    questions = [
        Question(
            source=source.label,
            source_id=_id(draft.row.get(columns.id) if columns.id else None) or f"{file.name}#{draft.number}",
            language=told,
            question=draft.stem,
            options={choice.letter: choice.text for choice in draft.choices if choice.text},
            answer=answer,
            subject=text_of(draft.row.get(columns.subject)) if columns.subject else "",
        )
        for draft, answer, told in zip(drafts, answers, languages, strict=True)
    ]
    return questions, dropped


def _rows(file: SourceFile) -> Iterator[dict[str, Any] | None]:
    if file.format == "parquet":
        yield from _parquet_rows(file)
    elif file.format == "warc":
        raise SourceError(
            f"{file.name}: a WARC file holds no questions", "leave it out of the path, or set `format`"
        )
    else:
        read = {"jsonl": jsonl.rows_of_lines, "json": jsonl.rows_of_array, "csv": csv_rows.rows}[file.format]
        yield from (row for row, _ in read(file))


def _parquet_rows(file: SourceFile) -> Iterator[dict[str, Any]]:
    with open_parquet(file) as parquet:
        try:
            for batch in parquet.iter_batches(use_threads=False):
                yield from batch.to_pylist(maps_as_pydicts="lossy")
        except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
            raise jsonl.broken(file.name, error) from None


def _mapping(source: QuestionSource, file: SourceFile, names: list[str]) -> tuple[QuestionColumns, str]:
    if source.columns is not None:
        source.columns.check(names, file.name)
        return source.columns, source.language
    found = recognised(names, source.language)
    if found is None:
        known = {layout.name: str(layout) for layout in reversed(LAYOUTS)}
        header = "; does the first line name the columns?" if file.format == "csv" else ""
        raise SourceError(
            f"{file.name} is of no known layout; it has: {', '.join(names)}{header}",
            f"set `columns`; known without it: {'; '.join(known.values())}",
        )
    return found


def _drafts(rows: list[dict[str, Any] | None], columns: QuestionColumns) -> tuple[list[_Draft], Counter[str]]:
    drafts, dropped = list[_Draft](), Counter[str]()
    for number, row in enumerate(rows):
        if row is None:
            dropped[jsonl.MALFORMED] += 1
            continue
        draft = _Draft(number, row, text_of(row.get(columns.question)), columns.choices_of(row))
        if not draft.stem:
            dropped[NO_QUESTION] += 1
        elif sum(bool(choice.text) for choice in draft.choices) < 2:
            dropped[NO_OPTIONS] += 1
        else:
            drafts.append(draft)
    return drafts, dropped


def _check_stems(stems: list[str], columns: QuestionColumns, file: SourceFile) -> None:
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


def _answers(
    drafts: list[_Draft], columns: QuestionColumns, file: SourceFile, *, is_guess: bool, warnings: list[str]
) -> list[str | None]:
    if columns.answer is None:
        return [None] * len(drafts)
    stated, choices = [draft.row.get(columns.answer) for draft in drafts], [draft.choices for draft in drafts]
    base = _base(stated, choices, columns, file, is_guess=is_guess, warnings=warnings)
    letters = letters_of(stated, choices, base=base)
    given = [(answer, letter) for answer, letter in zip(stated, letters, strict=True) if is_stated(answer)]
    lost = [answer for answer, letter in given if letter is None]
    if not lost:
        return letters
    share = f"{len(lost)} of {len(given)} values of {columns.answer!r}"
    fault = f"{file.name}: {share} name no option, such as {str(lost[0])[:60]!r}"
    if len(lost) * 2 > len(given):
        raise SourceError(
            fault,
            f"an answer is a letter, a number counted from `answer_base` ({base}), or the option's text",
        )
    warnings.append(f"{fault}; these questions have no answer")
    return letters


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


def _languages(drafts: list[_Draft], language: str, file: SourceFile, warnings: list[str]) -> list[str]:
    stated = [text_of(draft.row.get("language")) for draft in drafts]
    told = [_LANGUAGES.get(re.split("[-_]", text.lower())[0]) for text in stated]
    unknown = Counter(text for text, known in zip(stated, told, strict=True) if text and not known)
    for text, count in unknown.items():
        warnings.append(
            f"{file.name}: {count} rows in the unknown language {text[:60]!r} are taken for {language!r}"
        )
    return [known or language for known in told]


def _id(value: Any) -> str:
    return "" if value is None else (jsonl.storable(str(value)) or "").strip()


def _with_unique_ids(questions: list[Question], warnings: list[str]) -> list[Question]:
    taken = {question.source_id for question in questions}
    seen, unique = Counter[str](), list[Question]()
    for question in questions:
        name = question.source_id
        seen[name] += 1
        if seen[name] > 1:
            while f"{name}#{seen[name]}" in taken:
                seen[name] += 1
            question = replace(question, source_id=f"{name}#{seen[name]}")
            taken.add(question.source_id)
        unique.append(question)
    twice = [name for name, count in seen.items() if count > 1]
    if twice:
        warnings.append(
            f"{len(twice)} ids occur more than once, such as {twice[0]!r};"
            " later ones have #2, #3 and so on at their end"
        )
    return unique
