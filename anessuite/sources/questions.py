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

import orjson
import pyarrow as pa
from pydantic import Field

from anessuite.config import Config
from anessuite.errors import SourceError
from anessuite.manifests import Quarantined
from anessuite.sources import csv_rows, jsonl
from anessuite.sources.choices import Choice, is_stated, text_of
from anessuite.sources.documents import SourcePath, label_of, open_parquet
from anessuite.sources.files import Format, SourceFile, find_files
from anessuite.sources.jsonl import storable
from anessuite.sources.mapped_answers import answers_of, check_stems
from anessuite.sources.question_columns import LAYOUTS, QuestionColumns, recognised
from anessuite.sources.question_sets import LostRow, Question, QuestionSet

__all__ = ["LostRow", "Question", "QuestionSet", "QuestionSource", "read_questions"]

NO_QUESTION = "no_question"
NO_OPTIONS = "no_options"
OTHER_SUBJECT = "other_subject"
_MOST_STATED, _MOST_EVIDENCE = 200, 600
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
    subjects: list[str] | None = Field(
        default=None, min_length=1, description="only questions of these, in any case; default: all"
    )
    licence: str = ""

    @property
    def label(self) -> str:
        return label_of(self.name, self.path)


def read_questions(source: QuestionSource, *, keep_going: bool = False) -> QuestionSet:
    """Every question of a source, in the order of its files and rows.

    With ``keep_going`` files that cannot be read are left out and listed, unless none can be.

    Raises:
        SourceError: no file, or one that cannot be read to its end, has no question, is of no known layout or
            without a mapped column, or whose columns seem mistaken (stems that are no questions or all equal,
            answers that mostly name no option, or that are counted from another base).
    """
    questions, lost, warnings, broken = list[Question](), list[LostRow](), list[str](), list[Quarantined]()
    files = find_files(source.path, format=source.format)
    for file in files:
        try:
            found, gone = _read(source, file, warnings)
        except SourceError as error:
            if not keep_going or len(broken) == len(files) - 1:
                raise
            broken.append(Quarantined(source=source.label, path=file.name, error=error.what))
            continue
        questions += found
        lost += gone
    if source.subjects is not None:
        questions, others = _of_subjects(questions, source)
        lost += others
    return QuestionSet(_with_unique_ids(questions, warnings), lost, files, warnings, broken)


def _of_subjects(questions: list[Question], source: QuestionSource) -> tuple[list[Question], list[LostRow]]:
    """The questions of the source's subjects, and the others. Raises SourceError if there is none."""
    wanted = {subject.strip().lower() for subject in source.subjects or ()}
    kept = [one for one in questions if one.subject.strip().lower() in wanted]
    if not kept:
        there = Counter(one.subject for one in questions if one.subject).most_common(10)
        raise SourceError(
            f"{source.label} holds no question of the subjects {', '.join(source.subjects or ())}",
            f"most frequent there: {', '.join(name for name, _ in there)}"
            if there
            else "it states no subjects: set `columns` with `subject`",
        )
    others = [
        LostRow(one.source, one.source_id, one.language, OTHER_SUBJECT, _evidence({"subject": one.subject}))
        for one in questions
        if one.subject.strip().lower() not in wanted
    ]
    return kept, others


def _evidence(row: dict[str, Any]) -> str:
    """A row as JSON of at most so many characters or so: its values are cut, later ones left out."""
    shown: dict[str, str] = {}
    left = _MOST_EVIDENCE
    for name, value in row.items():
        text = (storable(str(value)) or "")[: max(0, left)]
        if left <= 0 or value is None:
            continue
        shown[(storable(str(name)) or "")[:80]] = text
        left -= len(text)
    return orjson.dumps(shown).decode()


@dataclass(frozen=True, slots=True)
class _Draft:
    """A question whose answer is not read yet: that takes the whole column."""

    number: int
    row: dict[str, Any]
    stem: str
    choices: list[Choice]


def _read(
    source: QuestionSource, file: SourceFile, warnings: list[str]
) -> tuple[list[Question], list[LostRow]]:
    rows = list(_rows(file))
    if not rows:
        raise SourceError(
            f"{file.name} is empty: it has no row", "fetch it again, or leave it out of the path"
        )
    names = list(dict.fromkeys(name for row in rows for name in row or {}))
    if not names:
        raise SourceError(f"{file.name}: not one of {len(rows)} elements is a JSON object", "see `format`")
    columns, language = _mapping(source, file, names)
    drafts, gone = _drafts(rows, columns)
    if not drafts:
        told = ", ".join(f"{reason} {count}" for reason, count in Counter(why for _, why in gone).items())
        raise SourceError(
            f"{file.name} holds no question in {len(rows)} rows: {told}",
            f"it has: {', '.join(names)}; see `columns`",
        )
    check_stems([draft.stem for draft in drafts], columns, file)
    stated, choices = (
        [draft.row.get(columns.answer) if columns.answer else None for draft in drafts],
        [draft.choices for draft in drafts],
    )
    answers = answers_of(stated, choices, columns, file, is_guess=source.columns is None, warnings=warnings)
    languages = _languages(drafts, language, file, warnings)
    questions = [
        Question(
            source=source.label,
            source_id=_source_id(draft.number, draft.row, columns, file),
            language=spoken,
            question=draft.stem,
            options={choice.letter: choice.text for choice in draft.choices if choice.text},
            answer=answer,
            subject=text_of(draft.row.get(columns.subject)) if columns.subject else "",
            stated=(storable(str(said)) or "")[:_MOST_STATED] if is_stated(said) else "",
        )
        for draft, answer, said, spoken in zip(drafts, answers, stated, languages, strict=True)
    ]
    lost = [
        LostRow(
            source.label,
            _source_id(number, rows[number] or {}, columns, file),
            language,
            reason,
            _evidence(rows[number] or {"row": number}),
        )
        for number, reason in gone
    ]
    return questions, lost


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


def _drafts(
    rows: list[dict[str, Any] | None], columns: QuestionColumns
) -> tuple[list[_Draft], list[tuple[int, str]]]:
    """Rows that may be questions, and the numbers of the others with the reason."""
    drafts, gone = list[_Draft](), list[tuple[int, str]]()
    for number, row in enumerate(rows):
        if row is None:
            gone.append((number, jsonl.MALFORMED))
            continue
        draft = _Draft(number, row, text_of(row.get(columns.question)), columns.choices_of(row))
        if not draft.stem:
            gone.append((number, NO_QUESTION))
        elif sum(bool(choice.text) for choice in draft.choices) < 2:
            gone.append((number, NO_OPTIONS))
        else:
            drafts.append(draft)
    return drafts, gone


def _languages(drafts: list[_Draft], language: str, file: SourceFile, warnings: list[str]) -> list[str]:
    stated = [text_of(draft.row.get("language")) for draft in drafts]
    told = [_LANGUAGES.get(re.split("[-_]", text.lower())[0]) for text in stated]
    unknown = Counter(text for text, known in zip(stated, told, strict=True) if text and not known)
    for text, count in unknown.items():
        warnings.append(
            f"{file.name}: {count} rows in the unknown language {text[:60]!r} are taken for {language!r}"
        )
    return [known or language for known in told]


def _source_id(number: int, row: dict[str, Any], columns: QuestionColumns, file: SourceFile) -> str:
    value = row.get(columns.id) if columns.id else None
    own = "" if value is None else (storable(str(value)) or "").strip()
    return own or f"{file.name}#{number}"


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
