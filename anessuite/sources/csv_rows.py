"""CSV and TSV files (plain, gzip, zstd): the first line names the columns, every value is a text.

A line that does not fit the header, a quote that is never closed and bytes that are not UTF-8 are errors of
the file, because all that follows such a line may be shifted.
"""

import codecs
import csv
import re
from collections.abc import Iterator
from typing import IO

from anessuite.errors import SourceError
from anessuite.sources.documents import Batch, Unit
from anessuite.sources.files import SourceFile
from anessuite.sources.jsonl import BROKEN, Row, batches, broken, opened, utf8

_TABS = re.compile(r"\.tsv(\.gz|\.zst)?$", re.IGNORECASE)
_NAMELESS = re.compile(r"\s*[+-]?[\d.,]*\s*")
_LONGEST_NAME = 100
_LONGEST_FIELD = 1 << 30


def read(unit: Unit) -> Iterator[Batch]:
    """One row for each line below the header."""
    yield from batches(unit, rows(unit.file))


def rows(file: SourceFile) -> Iterator[Row]:
    """The rows as mappings from column to text; blank lines are left out, an empty file has none.

    Fields are parted by commas, in ``.tsv`` files by tabs. Raises SourceError, naming the file and the line,
    for a first line that is no header, a row with more or fewer fields than it, and broken quotes or bytes.
    """
    csv.field_size_limit(_LONGEST_FIELD)  # of the process; the default, 131,072, is less than a long document
    with opened(file) as stream:
        delimiter = "\t" if _TABS.search(file.path) else ","
        reader = csv.reader(_lines(stream, file.name), delimiter=delimiter, strict=True)
        header: list[str] = []
        line = 1
        try:
            for fields in reader:
                if fields and not header:
                    header = header_of(fields, f"{file.name}, line {line}")
                elif fields:
                    _fits(fields, header, file.name, line)
                    yield dict(zip(header, fields, strict=True)), sum(map(len, fields))
                line = reader.line_num + 1
        except csv.Error as error:
            raise SourceError(
                f"{file.name}, the row from line {line} on is no CSV: {error}",
                'a field with a quote in it is written "like ""this"""',
            ) from None
        except BROKEN as error:
            raise broken(file.name, error) from None


def _lines(stream: IO[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(stream, start=1):
        yield utf8(line.removeprefix(codecs.BOM_UTF8) if number == 1 else line, name, number)


def header_of(fields: list[str], where: str) -> list[str]:
    """The names of columns that a first row gives; one may be empty.

    Raises SourceError, which says ``where``, if the row names nothing, a name twice, or holds a text.
    """
    names = [field.strip() for field in fields]
    twice = next((field for field in names if field and names.count(field) > 1), None)
    fault = ""
    if all(_NAMELESS.fullmatch(field) for field in names):
        fault = "it names nothing"
    elif twice is not None:
        fault = f"{twice!r} stands in it twice"
    elif any(len(field) > _LONGEST_NAME or "\n" in field for field in names):
        fault = "it holds a text"
    if fault:
        raise SourceError(
            f"{where}, is no header: {fault}", "the first line must name the columns, each once"
        )
    return names


def _fits(fields: list[str], header: list[str], name: str, line: int) -> None:
    if len(fields) != len(header):
        raise SourceError(
            f"{name}, line {line}, has {len(fields)} fields, but the header has {len(header)}",
            "a field with a comma, tab or line break in it must stand in quotes",
        )
