"""The rows of a file of any tabular format, as objects."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from anessuite.errors import SourceError
from anessuite.sources import csv_rows, jsonl, xlsx
from anessuite.sources.documents import open_parquet
from anessuite.sources.files import SourceFile


def rows_of(file: SourceFile, sheet: str | None = None) -> Iterator[dict[str, Any] | None]:
    """The rows in order; None for one that is no object. ``sheet`` is of workbooks.

    Raises SourceError, naming the file, if it cannot be read to its end.
    """
    if file.format == "parquet":
        yield from _parquet_rows(file)
    elif file.format == "xlsx":
        yield from xlsx.rows(file, sheet)
    elif file.format == "warc":
        raise SourceError(
            f"{file.name}: a WARC file holds pages, not rows", "leave it out of the path, or set `format`"
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
