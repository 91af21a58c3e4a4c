"""Worksheets of XLSX files as rows of texts: the first row that is not empty names the columns.

Numbers come out as people type them (1, not 1.0; 3.5), a text cell exactly as it is. Of a formula the result
that was saved with it is read; an error such as #REF! is empty.
"""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import fastexcel

from anessuite.errors import SourceError
from anessuite.sources.csv_rows import header_of
from anessuite.sources.files import SourceFile
from anessuite.sources.jsonl import BROKEN, broken, opened

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Begins old .xls files, and encrypted files of any kind."""
_MOST_UNPACKED = 4 << 30
"""Bytes; a small archive may unpack to more than fits in memory."""


def rows(file: SourceFile, sheet: str | None) -> Iterator[dict[str, Any]]:
    """The rows of one worksheet (default: the first) below its header; empty ones are left out.

    Raises SourceError, naming the file, if it is no whole workbook, is locked by a password, or has no such
    sheet or no header.
    """
    reader = _opened(file)
    name = _named(reader.sheet_names, sheet, file.name)
    cells = [line for line in _cells(reader, name, file.name) if any(line)]
    if not cells:
        return
    header = header_of(cells[0], f"{file.name}, sheet {name!r}, its first row")
    for line in cells[1:]:
        yield dict(zip(header, line, strict=True))


def _opened(file: SourceFile) -> fastexcel.ExcelReader:
    try:
        with opened(file) as stream:
            content = stream.read()
    except BROKEN as error:
        raise broken(file.name, error) from None
    if content.startswith(_OLE):
        raise SourceError(
            f"{file.name} is locked by a password, or is an old .xls file",
            "open it and save it as .xlsx without a password",
        )
    try:
        unpacked = sum(part.file_size for part in zipfile.ZipFile(io.BytesIO(content)).infolist())
        if unpacked > _MOST_UNPACKED:
            raise SourceError(f"{file.name} unpacks to {unpacked >> 30} GiB, which no exam needs")
        return fastexcel.read_excel(content)
    except (fastexcel.FastExcelError, zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise _no_workbook(file.name, error) from None


def _no_workbook(name: str, error: Exception) -> SourceError:
    told = str(error).strip().split("\n")[0][:200] or type(error).__name__
    return SourceError(f"{name} is no whole XLSX file: {told}", "fetch it again, or leave it out")


def _named(there: list[str], sheet: str | None, file: str) -> str:
    if not there:
        raise SourceError(f"{file} has no sheet", "fetch it again, or leave it out")
    if sheet is not None and sheet not in there:
        raise SourceError(f"{file} has no sheet {sheet!r}", f"it has: {', '.join(there)}; see `sheet`")
    return there[0] if sheet is None else sheet


def _cells(reader: fastexcel.ExcelReader, sheet: str, file: str) -> list[list[str]]:
    try:
        frame = reader.load_sheet(sheet, header_row=None, dtypes="string").to_polars()
    except fastexcel.FastExcelError as error:
        raise _no_workbook(f"{file}, sheet {sheet!r},", error) from None
    return [[(cell or "").strip() for cell in line] for line in frame.iter_rows()]
