"""Filled workbooks of reviewers (see anessuite.review.workbooks), read back."""

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastexcel
import lxml.etree as etree
import polars as pl

from anessuite.errors import SourceError
from anessuite.review.words import FIELDS, GUIDELINES_SHEET, NAME_LABEL, TECHNICAL_SHEET, field_of, value_of
from anessuite.review.workbooks import HIDDEN_COLUMNS

_NEEDED = ("question", *FIELDS, "comment", *HIDDEN_COLUMNS)
_TOLD = ("export", "version", "role", "reviewer")
_PROPERTIES = "docProps/core.xml"
_TERMS = "{http://purl.org/dc/terms/}"
_MOST_BYTES, _MOST_PROPERTIES = 512 << 20, 1 << 20
_NOT_OURS = "import a workbook that anes review export wrote, saved as .xlsx"


def read_workbook(path: Path, content: bytes) -> pl.DataFrame:
    """The rows of all its sheets of questions: SAID but for ``file``, with null levels where none is chosen.

    The annotator is the name in the yellow cell, or what the workbook was made for; ``at`` is when the
    workbook was last saved, as it says itself, or else as the file system does. Raises SourceError, naming
    the file, for another workbook or a damaged one.
    """
    saved = _saved(path, content)
    try:
        book = fastexcel.read_excel(content)
        told = _told(path, book)
        name = _name(book) or told["reviewer"]
        sheets = [sheet for sheet in book.sheet_names if sheet not in (GUIDELINES_SHEET, TECHNICAL_SHEET)]
        rows = [_questions(path, book, sheet) for sheet in sheets]
    except fastexcel.FastExcelError as error:
        raise SourceError(f"{path} cannot be read: {str(error).splitlines()[0]}", _NOT_OURS) from None
    if not rows:
        raise SourceError(f"{path} has no sheet of questions", _NOT_OURS)
    return pl.concat(rows).with_columns(
        annotator=pl.lit(name),
        role=pl.lit(told["role"]),
        at=pl.lit(saved).cast(pl.Datetime("us", "UTC")),
        version=pl.lit(told["version"]),
        export=pl.lit(told["export"]),
        imported_from=pl.lit(f"{told['export']}/{told['reviewer']}"),
    )


def _told(path: Path, book: fastexcel.ExcelReader) -> dict[str, str]:
    """What the workbook's technical sheet says."""
    if TECHNICAL_SHEET not in book.sheet_names:
        raise SourceError(
            f"{path} is no workbook for reviews: it has no sheet {TECHNICAL_SHEET!r}", _NOT_OURS
        )
    cells = _cells(book, TECHNICAL_SHEET)
    told = {str(row[0]): str(row[1]) for row in cells if len(row) > 1 and row[1] is not None}
    if missing := [key for key in _TOLD if key not in told]:
        raise SourceError(f"{path}, sheet {TECHNICAL_SHEET!r}: {missing[0]!r} is missing", _NOT_OURS)
    return told


def _name(book: fastexcel.ExcelReader) -> str | None:
    """What stands beside the label of the name."""
    if GUIDELINES_SHEET not in book.sheet_names:
        return None
    found = (row[1] for row in _cells(book, GUIDELINES_SHEET) if len(row) > 1 and row[0] == NAME_LABEL)
    return (next(found, None) or "").strip() or None


def _cells(book: fastexcel.ExcelReader, sheet: str) -> list[tuple[Any, ...]]:
    return book.load_sheet(sheet, header_row=None, dtypes="string").to_polars().rows()


def _questions(path: Path, book: fastexcel.ExcelReader, sheet: str) -> pl.DataFrame:
    """The rows of one sheet that hold anything, by the headings of its first row."""
    frame = book.load_sheet(sheet, header_row=0, dtypes="string").to_polars()
    names = {field: column for column in frame.columns if (field := _column(column)) is not None}
    if missing := [field for field in _NEEDED if field not in names]:
        raise SourceError(f"{path}, sheet {sheet!r}: the column of {missing[0]!r} is missing", _NOT_OURS)
    rows = frame.select(pl.col(names[field]).alias(field) for field in _NEEDED)
    placed = rows.with_columns(
        place=pl.format("sheet {}, row {}", pl.lit(sheet), pl.int_range(2, pl.len() + 2))
    )
    shown = [_value(placed, field) for field in FIELDS]
    return placed.with_columns(shown).filter(pl.any_horizontal(pl.col(_NEEDED).is_not_null()))


def _column(heading: str) -> str | None:
    return heading if heading in HIDDEN_COLUMNS else field_of(heading)


def _value(rows: pl.DataFrame, field: str) -> pl.Series:
    """The stored values of what was chosen."""
    shown = [value if value is None else value_of(field, value) for value in rows[field]]
    return pl.Series(field, shown, dtype=pl.String)


def _saved(path: Path, content: bytes) -> datetime:
    """When the workbook was last saved.

    A program that leaves the time of the export in it has not told: then it is the time of the file.
    """
    on_disk = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0)
    created, modified = _times(path, content)
    return on_disk if modified is None or modified == created else modified


def _times(path: Path, content: bytes) -> tuple[datetime | None, datetime | None]:
    """When the workbook was made and last saved, from its properties; no entity in them is expanded."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
                raise SourceError(f"{path} unpacks to more than {_MOST_BYTES >> 20} MiB", _NOT_OURS)
            if _PROPERTIES not in archive.namelist():
                return None, None
            if archive.getinfo(_PROPERTIES).file_size > _MOST_PROPERTIES:
                raise SourceError(f"{path}: its properties are too long", _NOT_OURS)
            text = archive.read(_PROPERTIES)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        root = etree.fromstring(text, parser)
    except (zipfile.BadZipFile, etree.XMLSyntaxError, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"{path} is damaged, or no .xlsx workbook: {error}", _NOT_OURS) from None
    return _time(root.findtext(f"{_TERMS}created")), _time(root.findtext(f"{_TERMS}modified"))


def _time(text: str | None) -> datetime | None:
    try:
        parsed = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
