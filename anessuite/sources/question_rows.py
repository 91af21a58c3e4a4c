"""Tables of questions, whatever their format: the columns are found, the cells cleaned, the answers read.

A row gives one question, or two where it has columns of both languages.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from anessuite.errors import SourceError
from anessuite.sources.choices import Choice, is_stated, text_of
from anessuite.sources.files import SourceFile
from anessuite.sources.jsonl import MALFORMED, storable
from anessuite.sources.mapped_answers import answers_of, check_stems
from anessuite.sources.question_columns import LAYOUTS, QuestionColumns, recognised
from anessuite.sources.question_sets import LostRow, Question, evidence_of
from anessuite.sources.question_source import QuestionSource
from anessuite.sources.rows import rows_of
from anessuite.votes import LEVELS, level_named

NO_QUESTION = "no_question"
NO_OPTIONS = "no_options"
EMPTY_OPTION = "empty_option"
_MOST_STATED = 200
_LANGUAGES = {
    **dict.fromkeys(("en", "eng", "english", "英文", "英语"), "en"),
    **dict.fromkeys(("zh", "zho", "chi", "cn", "chinese", "中文", "汉语"), "zh"),
}


@dataclass(frozen=True, slots=True)
class _Table:
    """One file's rows, and the columns of one language among them. ``suffix`` parts its ids from those of
    the other language."""

    source: QuestionSource
    file: SourceFile
    rows: list[dict[str, Any] | None]
    columns: QuestionColumns
    language: str
    suffix: str


@dataclass(frozen=True, slots=True)
class _Draft:
    """A question whose answer is not read yet: that takes the whole column."""

    number: int
    row: dict[str, Any]
    stem: str
    choices: list[Choice]


Found = dict[int, Question | LostRow]
"""By row number."""


def read_table(source: QuestionSource, file: SourceFile, warnings: list[str]) -> list[Question | LostRow]:
    """The questions of a file, and its rows that are none, in the order of rows. Adds to ``warnings``.

    Raises SourceError as `read_questions`.
    """
    rows = list(rows_of(file, source.sheet))
    if not rows:
        raise SourceError(
            f"{file.name} is empty: it has no row", "fetch it again, or leave it out of the path"
        )
    names = list(dict.fromkeys(name for row in rows for name in row or {}))
    if not names:
        raise SourceError(f"{file.name}: not one of {len(rows)} elements is a JSON object", "see `format`")
    mapped = _mapping(source, file, names)
    if source.subjects is not None and mapped[0][0].subject not in names:
        raise SourceError(
            f"{file.name} has no column of subjects, but `subjects` is set",
            f"it states no subjects, or `columns` does not name them; it has: {', '.join(names)}",
        )
    tables = [
        _Table(source, file, rows, columns, language, f"#{language}" if len(mapped) > 1 else "")
        for columns, language in mapped
    ]
    drafted = [(table, *_drafts(rows, table.columns)) for table in tables]
    if not any(drafts for _, drafts, _ in drafted):
        told = Counter(why for _, _, gone in drafted[:1] for _, why in gone)
        raise SourceError(
            f"{file.name} holds no question in {len(rows)} rows: "
            + ", ".join(f"{reason} {count}" for reason, count in told.items()),
            f"it has: {', '.join(names)}; see `columns`",
        )
    found = [_questions(table, drafts, gone, warnings) for table, drafts, gone in drafted if drafts]
    return _in_order(found, len(rows))


def _in_order(found: list[Found], rows: int) -> list[Question | LostRow]:
    """Row by row. A row of two languages is lost once if both are; one without a stem beside the other is no
    loss."""
    ordered = list[Question | LostRow]()
    for number in range(rows):
        own = [table[number] for table in found]
        there = [one for one in own if isinstance(one, Question) or one.reason != NO_QUESTION]
        is_asked = any(isinstance(one, Question) for one in own)
        ordered += there if is_asked else (there or own)[:1]
    return ordered


def _questions(
    table: _Table, drafts: list[_Draft], gone: list[tuple[int, str]], warnings: list[str]
) -> Found:
    columns, file = table.columns, table.file
    check_stems([draft.stem for draft in drafts], columns, file)
    stated = [draft.row.get(columns.answer) if columns.answer else None for draft in drafts]
    answers = answers_of(
        stated,
        [draft.choices for draft in drafts],
        columns,
        file,
        is_guess=table.source.columns is None,
        warnings=warnings,
    )
    languages = _languages(drafts, table.language, file, warnings)
    _check_levels(drafts, columns, file, warnings)
    _check_counts(drafts, columns, file, warnings)
    found: Found = {number: _lost(table, number, reason) for number, reason in gone}
    for draft, answer, said, spoken in zip(drafts, answers, stated, languages, strict=True):
        if answer is not None and not answer.text:
            found[draft.number] = _lost(table, draft.number, EMPTY_OPTION)
            continue
        found[draft.number] = Question(
            source=table.source.label,
            source_id=_source_id(draft.number, draft.row, table),
            language=spoken,
            question=draft.stem,
            options={choice.letter: choice.text for choice in draft.choices if choice.text},
            answer=answer.letter if answer else None,
            subject=text_of(draft.row.get(columns.subject)) if columns.subject else "",
            stated=(storable(str(said)) or "")[:_MOST_STATED] if is_stated(said) else "",
            level=level_named(draft.row.get(columns.level)) if columns.level else None,
        )
    return found


def _lost(table: _Table, number: int, reason: str) -> LostRow:
    row = table.rows[number] or {}
    evidence = evidence_of(row or {"row": number})
    return LostRow(table.source.label, _source_id(number, row, table), table.language, reason, evidence)


def _check_counts(
    drafts: list[_Draft], columns: QuestionColumns, file: SourceFile, warnings: list[str]
) -> None:
    stated = [(text_of(draft.row.get(columns.count)), draft) for draft in drafts if columns.count]
    other = [
        draft
        for count, draft in stated
        if count.split(".")[0].isdecimal()
        and int(count.split(".")[0][:9]) != sum(bool(choice.text) for choice in draft.choices)
    ]
    if other:
        warnings.append(
            f"{file.name}: {len(other)} rows have another number of options than {columns.count!r} says,"
            f" such as row {other[0].number}"
        )


def _check_levels(
    drafts: list[_Draft], columns: QuestionColumns, file: SourceFile, warnings: list[str]
) -> None:
    stated = [text_of(draft.row.get(columns.level)) for draft in drafts] if columns.level else []
    if unknown := [text for text in stated if text and level_named(text) is None]:
        warnings.append(
            f"{file.name}: {len(unknown)} rows state a level that is none of {', '.join(LEVELS)},"
            f" such as {unknown[0][:60]!r}"
        )


def _mapping(source: QuestionSource, file: SourceFile, names: list[str]) -> list[tuple[QuestionColumns, str]]:
    if source.columns is not None:
        source.columns.check(names, file.name)
        return [(source.columns, source.language or "en")]
    found = recognised(names, source.language)
    if not found:
        known = {layout.name: str(layout) for layout in reversed(LAYOUTS)}
        header = "; does the first line name the columns?" if file.format in ("csv", "xlsx") else ""
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
            gone.append((number, MALFORMED))
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


def _source_id(number: int, row: dict[str, Any], table: _Table) -> str:
    value = row.get(table.columns.id) if table.columns.id else None
    own = "" if value is None else (storable(str(value)) or "").strip()
    return (own or f"{table.file.name}#{number}") + table.suffix
