"""Workbooks (XLSX) for reviewers: one sheet a language, guidelines, and hidden what an import needs.

The model's opinion is not in them, since nothing in a spreadsheet is truly hidden. Every text of a question
is written as a string, never as a formula, whatever it begins with. The ids stand in hidden columns of the
same rows, so that a row keeps its id when rows are sorted.
"""

import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from anessuite.errors import AnesError
from anessuite.review.exports import ReviewExport
from anessuite.review.words import (
    FIELDS,
    GUIDELINES_SHEET,
    LANGUAGES,
    NAME_LABEL,
    TECHNICAL_SHEET,
    choices,
    sheet_name,
    sheet_words,
)

HIDDEN_COLUMNS = ("id", "content")
_WIDTHS = {"number": 5, "question": 62, "options": 42, "gold": 26, "opinions": 40, "level": 14}
_WIDTHS |= {"gold_correct": 16, "sound": 16, "comment": 40}
_TO_FILL = (*FIELDS, "comment")
_LINE_POINTS, _MOST_POINTS, _MOST_CHARS = 15, 409, 32_767
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
_YELLOW, _GREEN, _GREY, _HEAD = "#FFF8DC", "#E3F4E1", "#F3F3F3", "#1F4E5F"
_LOOSE = {"autofilter": True, "format_columns": True, "format_rows": True}


class CellTooLong(AnesError):
    """A text is longer than a cell of a workbook can hold."""


def workbook(questions: pl.DataFrame, export: ReviewExport, *, reviewer: str, name: str) -> bytes:
    """One reviewer's workbook.

    ``questions`` have the columns of GRADED_QUESTION, ``content``, and ``opinions`` (text) if the reviewer is
    an adjudicator; in their order. ``reviewer`` names the workbook, ``name`` is filled in as the person's
    name. Raises CellTooLong, naming the question.
    """
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(
        sink, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"title": f"{export.version}, {reviewer}", "created": _naive(export.at)})
    formats = _formats(book)
    languages = questions["language"].unique(maintain_order=True).sort().to_list()
    guide = book.add_worksheet(GUIDELINES_SHEET)
    counts = {one: questions.filter(pl.col("language") == one).height for one in languages}
    _write_guidelines(guide, formats, export, name, counts)
    for language in languages:
        sheet = book.add_worksheet(sheet_name(language))
        _write_questions(sheet, formats, questions.filter(pl.col("language") == language), language)
    _write_technical(
        book, {"export": export.export, "version": export.version, "role": export.role}, reviewer
    )
    book.close()
    return sink.getvalue()


def _formats(book: Workbook) -> dict[str, Format]:
    cell = {"text_wrap": True, "valign": "top", "border": 1, "border_color": "#C8C8C8"}
    shown = cell | {"bg_color": _GREY}
    return {
        "head": book.add_format(cell | {"bold": True, "font_color": "white", "bg_color": _HEAD}),
        "text": book.add_format(shown),
        "sign": book.add_format(shown | {"quote_prefix": True}),
        "fill": book.add_format(cell | {"bg_color": _YELLOW, "locked": False, "num_format": "@"}),
        "done": book.add_format({"bg_color": _GREEN}),
        "title": book.add_format({"bold": True, "font_size": 16}),
        "label": book.add_format({"bold": True, "text_wrap": True, "valign": "vcenter"}),
        "plain": book.add_format({"text_wrap": True, "valign": "top"}),
    }


def _write_guidelines(
    sheet: Worksheet, formats: dict[str, Format], export: ReviewExport, name: str, counts: dict[str, int]
) -> None:
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 110)
    titles = " · ".join(sheet_words(language).title for language in LANGUAGES)
    _put(sheet, 0, 0, titles, formats["title"])
    _put(sheet, 2, 0, NAME_LABEL, formats["label"])
    _put(sheet, 2, 1, name, formats["fill"])
    row = 4
    for language in LANGUAGES:
        words = sheet_words(language)
        last = [words.adjudicator] if export.role == "adjudicator" else []
        for line in [*words.guidelines, *last]:
            _put(sheet, row, 1, line, formats["plain"])
            sheet.set_row(row, _height([(line, 110)]))
            row += 1
        row += 1
    column = _columns(export.role == "adjudicator").index("level")
    for language, questions in counts.items():
        _write_counter(sheet, row, language, questions, column, formats["label"])
        row += 1
    sheet.protect("", {"format_columns": True, "format_rows": True})
    sheet.activate()


def _write_counter(
    sheet: Worksheet, row: int, language: str, questions: int, column: int, style: Format
) -> None:
    """How many rows of a sheet have a level, counted by the workbook itself."""
    name, letter = sheet_name(language), chr(ord("A") + column)
    _put(sheet, row, 0, f"{name}: {sheet_words(language).headings['level']}", style)
    first, last = f"${letter}$2", f"${letter}${questions + 1}"
    formula = f"=COUNTA('{name}'!{first}:{last})&\" / {questions}\""
    value: Any = f"0 / {questions}"  # shown by programs that compute nothing
    sheet.write_formula(row, 1, formula, style, value)


def _write_questions(
    sheet: Worksheet, formats: dict[str, Format], questions: pl.DataFrame, language: str
) -> None:
    columns, words = _columns("opinions" in questions.columns), sheet_words(language)
    for place, column in enumerate(columns):
        heading = words.headings.get(column, column)
        _put(sheet, 0, place, heading, formats["head"])
        sheet.set_column(place, place, _WIDTHS.get(column, 10), None, {"hidden": column in HIDDEN_COLUMNS})
    sheet.set_row(0, 48)
    for row, question in enumerate(questions.iter_rows(named=True), 1):
        _write_question(sheet, formats, row, _cells(question, row, columns))
    last = max(questions.height, 1)
    first_fill, last_fill = columns.index("level"), columns.index("comment")
    for field in FIELDS:
        place = columns.index(field)
        sheet.data_validation(1, place, last, place, _list(field, language))
    letter = chr(ord("A") + first_fill)
    done = {"type": "formula", "criteria": f"=LEN(${letter}2)>0", "format": formats["done"]}
    sheet.conditional_format(1, 0, last, last_fill, done)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, last, len(columns) - 1)
    sheet.ignore_errors({"number_stored_as_text": f"A1:D{last + 1}"})
    sheet.protect("", _LOOSE)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _columns(with_opinions: bool) -> list[str]:
    shown = ["number", "question", "options", "gold", *(["opinions"] if with_opinions else [])]
    return [*shown, *_TO_FILL, *HIDDEN_COLUMNS]


def _cells(question: dict[str, Any], row: int, columns: Sequence[str]) -> dict[str, str]:
    options = {option["letter"]: option["text"] for option in question["options"]}
    told = {
        "number": str(row),
        "options": "\n".join(f"{letter}. {text}" for letter, text in options.items()),
        "gold": f"{question['answer']}. {options.get(question['answer'], '')}",
    }
    return {name: "" if name in _TO_FILL else told.get(name) or question.get(name) or "" for name in columns}


def _write_question(sheet: Worksheet, formats: dict[str, Format], row: int, cells: dict[str, str]) -> None:
    sheet.set_row(row, _height([(cells[name], _WIDTHS[name]) for name in cells if name in _WIDTHS]))
    for place, name in enumerate(_columns("opinions" in cells)):
        if name in _TO_FILL:
            sheet.write_blank(row, place, None, formats["fill"])
            continue
        text = cells[name]
        _refuse_long(cells["id"], name, text)
        _put(sheet, row, place, text, formats["sign" if text.startswith(_FORMULA_SIGNS) else "text"])


def _refuse_long(id_: str, name: str, text: str) -> None:
    if (length := len(text.encode("utf-16-le")) // 2) > _MOST_CHARS:
        raise CellTooLong(
            f"question {id_}: its {name} has {length:,} characters, a cell holds {_MOST_CHARS:,}",
            "review it in Label Studio, or drop questions of that length with the config's limits",
        )


def _list(field: str, language: str) -> dict[str, Any]:
    words = sheet_words(language)
    return {
        "validate": "list",
        "source": list(choices(field, language).values()),
        "input_title": re.split(r" ?[(（]", words.headings[field])[0][:32],
        "input_message": words.list_hints[field][:255],
        "error_message": words.not_in_list,
        "error_type": "stop",
    }


def _write_technical(book: Workbook, told: dict[str, str], reviewer: str) -> None:
    """What an import needs to know of the workbook, on a sheet that its menus do not show."""
    sheet = book.add_worksheet(TECHNICAL_SHEET)
    for row, (key, value) in enumerate((told | {"reviewer": reviewer}).items()):
        _put(sheet, row, 0, key, None)
        _put(sheet, row, 1, value, None)
    sheet.protect()
    sheet.very_hidden()


def _put(sheet: Worksheet, row: int, column: int, text: str, style: Format | None) -> None:
    """Write a string as a string, whatever it looks like."""
    sheet.write_string(row, column, text, style)


def _height(texts: Sequence[tuple[str, int]]) -> float:
    """Points that wrapped texts take in columns of such widths; a Chinese character takes two places."""
    lines = [
        sum(max(1, -(-_places(line) // (width - 1))) for line in text.split("\n")) for text, width in texts
    ]
    return min(_MOST_POINTS, _LINE_POINTS * max([2, *lines]) + 3)


def _places(line: str) -> int:
    return sum(1 if ord(sign) < 0x2E80 else 2 for sign in line)


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)
