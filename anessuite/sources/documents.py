"""Documents of any source as a stream of Arrow batches, in units that any worker can take.

A unit is one file, or a run of row groups of one Parquet file. The cut depends on the files alone, so every
engine and worker count sees the same units.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import AfterValidator, Field

from anessuite.config import Config
from anessuite.errors import SourceError
from anessuite.sources.columns import Columns
from anessuite.sources.files import AnyFormat, Format, SourceFile, find_files

BATCH_BYTES = 8 << 20
UNIT_BYTES = 256 << 20
"""Decoded bytes of the columns read, per batch and Parquet unit (aims, not limits: a row is never cut).

Larger batches are slower: their memory goes back to the system and comes again page by page."""
_SECRET = re.compile(
    r"://[^/]*@|[?&](X-Amz-|AccessKey|sig=|[\w-]*(token|key|secret|signature|password)=)", re.IGNORECASE
)


def _no_secret(path: str) -> str:
    if _SECRET.search(path):
        raise ValueError("a path must not hold credentials: set them in the environment (AWS_*, HF_TOKEN)")
    return path


SourcePath = Annotated[
    str,
    AfterValidator(_no_secret),
    Field(description="file, glob, folder or URL (local, hf://, s3://, https://)"),
]


def label_of(name: str, path: str) -> str:
    """What rows and reports call a source: its name, or the last part of its path."""
    return name or path.rstrip("/").split("/")[-1]


class Source(Config):
    """One source of documents, as a config names it."""

    path: SourcePath
    name: str = Field(default="", description="what rows and reports call it; default: the path's last part")
    language: str = "en"
    columns: Columns = Columns()
    format: Format | None = Field(
        default=None, description="parquet, jsonl, json, csv, warc; default: by suffix"
    )
    licence: str = ""

    @property
    def label(self) -> str:
        return label_of(self.name, self.path)


@dataclass(frozen=True, slots=True)
class Unit:
    """A share of the work: one file, or row groups ``first`` to ``last`` (exclusive) of a Parquet file."""

    index: int
    source: Source
    file: SourceFile
    first: int | None = None
    last: int | None = None
    first_row: int = 0
    rows: int | None = None
    """Rows to read: known for Parquet; elsewhere a limit set by a sample, or None for all."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows: ``text`` (null where a row has none), ``source_id`` and ``url`` (None where not mapped).

    ``fault`` is set, and ``text`` null, for rows that could not be read at all (``malformed_json``, ...).
    """

    first_row: int
    text: pa.Array
    source_id: pa.Array | None
    url: pa.Array | None
    fault: pa.Array | None = None


def units_of(source: Source, file: SourceFile, *, start: int, sample: int | None = None) -> list[Unit]:
    """Cut one file into units, numbered from ``start``; with ``sample`` only its first so many rows.

    Opens the footer of a Parquet file. Raises SourceError for a broken one or one without a named column.
    """
    units = _parquet_units(source, file) if file.format == "parquet" else [Unit(0, source, file)]
    found: list[Unit] = []
    left = sample
    for unit in units:
        rows = unit.rows
        if left is not None:
            rows = left if rows is None else min(left, rows)
            left -= rows
        if rows != 0:
            found.append(replace(unit, index=start + len(found), rows=rows))
    return found


def _parquet_units(source: Source, file: SourceFile) -> list[Unit]:
    with open_parquet(file) as parquet:
        source.columns.check(parquet.schema_arrow.names, file.name)
        metadata = parquet.metadata
        wanted = [i for i in range(metadata.num_columns) if _top(metadata, i) in source.columns.names()]
        sizes = [
            (
                metadata.row_group(g).num_rows,
                sum(metadata.row_group(g).column(c).total_uncompressed_size for c in wanted),
            )
            for g in range(metadata.num_row_groups)
        ]
    units: list[Unit] = []
    begin, rows, size, row = 0, 0, 0, 0
    for group, (group_rows, group_bytes) in enumerate(sizes):
        rows, size = rows + group_rows, size + group_bytes
        if size >= UNIT_BYTES or group == len(sizes) - 1:
            units.append(Unit(0, source, file, begin, group + 1, row, rows))
            begin, row, rows, size = group + 1, row + rows, 0, 0
    return units


def _top(metadata: pq.FileMetaData, column: int) -> str:
    return (
        str(metadata.row_group(0).column(column).path_in_schema).split(".")[0]
        if metadata.num_row_groups
        else ""
    )


def open_parquet(file: SourceFile) -> pq.ParquetFile:
    """Open a Parquet file for streaming; raises SourceError, naming it, if its footer cannot be read."""
    fs, path = file.filesystem()
    try:
        handle = path if file.is_local else fs.open(path, "rb")
        return pq.ParquetFile(handle, pre_buffer=False, buffer_size=1 << 20, memory_map=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(
            f"{file.name} is not a whole Parquet file: {_first_line(error)}",
            "fetch it again, or leave it out with --keep-going",
        ) from None


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__


def read_unit(unit: Unit) -> Iterator[Batch]:
    """The rows of one unit. Raises SourceError, naming the file, if it cannot be read to its end."""
    from anessuite.sources import csv_rows, jsonl, parquet, warc

    readers: dict[AnyFormat, Callable[[Unit], Iterator[Batch]]] = {
        "parquet": parquet.read,
        "jsonl": jsonl.read_lines,
        "json": jsonl.read_array,
        "csv": csv_rows.read,
        "warc": warc.read,
    }
    yield from readers[unit.file.format](unit)


def read_texts(source: Source, *, limit: int | None = None) -> Iterator[pa.Array]:
    """The texts of a source, batch by batch, without building anything; ``limit`` rows at most."""
    left = limit
    for file in find_files(source.path, format=source.format, digests=None):
        for unit in units_of(source, file, start=0, sample=left):
            for batch in read_unit(unit):
                yield batch.text
                left = None if left is None else left - len(batch.text)
        if left is not None and left <= 0:
            return
