"""Parquet, streamed: memory depends on the batch, not on the file or its row groups."""

from collections.abc import Iterator

import pyarrow as pa

from anessuite.errors import SourceError
from anessuite.sources.columns import Columns
from anessuite.sources.documents import BATCH_BYTES, Batch, Unit, open_parquet

_MIN_ROWS, _MAX_ROWS = 64, 65_536


def read(unit: Unit) -> Iterator[Batch]:
    """The unit's row groups, in batches of about BATCH_BYTES of text."""
    columns = unit.source.columns
    row, left = unit.first_row, unit.rows or 0
    with open_parquet(unit.file) as file:
        groups = list(range(unit.first or 0, unit.last or 0))
        size = sum(file.metadata.row_group(group).total_byte_size for group in groups)
        rows = sum(file.metadata.row_group(group).num_rows for group in groups)
        per_batch = min(_MAX_ROWS, max(_MIN_ROWS, int(rows * BATCH_BYTES / max(1, size))))
        try:
            for part in file.iter_batches(
                per_batch, row_groups=groups, columns=columns.names(), use_threads=False
            ):
                part = part.slice(0, left)
                if part.num_rows == 0:
                    return
                yield _batch(part, columns, row)
                row, left = row + part.num_rows, left - part.num_rows
        except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
            raise SourceError(
                f"{unit.file.name} is damaged after row {row}: {str(error).splitlines()[0][:300]}",
                "fetch it again, or leave it out with --keep-going",
            ) from None


def _batch(part: pa.RecordBatch, columns: Columns, row: int) -> Batch:
    if isinstance(columns.text, str):
        text = _text(part.column(columns.text), columns.text)
    else:
        text = pa.array([columns.text_of(record) for record in part.to_pylist()], pa.large_string())
    return Batch(row, text, _optional(part, columns.id), _optional(part, columns.url))


def _optional(part: pa.RecordBatch, name: str | None) -> pa.Array | None:
    return _strings(part.column(name), name) if name else None


def _text(column: pa.Array, name: str) -> pa.Array:
    """Numbers would cast to strings too, but nobody means them as a text."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_primitive(kind):
        raise SourceError(f"column {name!r} ({column.type}) is no text", "see `columns`")
    return _strings(column, name)


def _strings(column: pa.Array, name: str) -> pa.Array:
    try:
        return column.cast(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SourceError(
            f"column {name!r} ({column.type}) is no text: {str(error).splitlines()[0][:200]}"
        ) from None
