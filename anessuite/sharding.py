"""Rows of many parts into shards sorted by id, in bounded memory.

A shard holds a range of the id space (ids are uniform hashes), so the number of shards alone decides where
a row goes, and shards in order are the whole in order.
"""

from collections.abc import Iterable, Iterator

import polars as pl
import pyarrow as pa

from anessuite.manifests import File
from anessuite.schemas import ParquetSink
from anessuite.storage import Store

SHARD_BYTES = 256 << 20
"""Aimed size of a shard, from the compressed bytes of the parts."""
_SPILL_BYTES = 64 << 20
"""Rows held in memory before they are put into their shards' buckets (decoded bytes)."""
_SORTED_ROWS = 4096
"""Rows of a shard that are put into order at a time: a sorted copy of the whole would double the memory."""


def shard_count(part_bytes: int) -> int:
    """How many shards so many compressed bytes make: at least one."""
    return max(1, -(-part_bytes // SHARD_BYTES))


def write_shards(
    store: Store,
    folder: str,
    frames: Iterable[pl.DataFrame],
    schema: pa.Schema,
    *,
    shards: int,
    name: str,
    sort_by: list[str],
    scratch: str,
) -> list[File]:
    """Write the rows of ``frames`` as ``{folder}/{name}-00000-of-0000n.parquet``, each sorted by ``sort_by``.

    ``scratch`` is a folder for the buckets; it is emptied first and removed afterwards. Rows with equal keys
    are put into an order of their own columns, so that the result does not depend on the order of ``frames``.
    """
    store.remove(scratch)
    pieces: list[list[str]] = [[] for _ in range(shards)]
    for number, chunk in enumerate(_chunks(frames)):
        shard = (pl.col("id").str.head(8).str.to_integer(base=16, dtype=pl.UInt64) * shards) // (1 << 32)
        for (index,), rows in chunk.with_columns(shard=shard).group_by("shard"):
            path = f"{scratch}/{index}-{number}.parquet"
            with ParquetSink(store, path, schema) as sink:
                sink.write(rows)
            pieces[int(str(index))].append(path)
    files: list[File] = []
    for index, paths in enumerate(pieces):
        with ParquetSink(store, f"{folder}/{name}-{index:05d}-of-{shards:05d}.parquet", schema) as sink:
            for rows in _in_order(store, paths, sort_by):
                sink.write(rows)
        files.append(sink.file)
    store.remove(scratch)
    return files


def _in_order(store: Store, paths: list[str], sort_by: list[str]) -> Iterator[pl.DataFrame]:
    """The rows of a bucket, sorted, some at a time."""
    if not paths:
        return
    rows = pl.concat([pl.read_parquet(store.read_bytes(path)) for path in paths], rechunk=False)
    order = rows.select(sort_by).with_row_index("_row").sort(sort_by, nulls_last=True, maintain_order=True)
    for begin in range(0, rows.height, _SORTED_ROWS):
        yield rows[order["_row"].slice(begin, _SORTED_ROWS)]


def _chunks(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    held: list[pl.DataFrame] = []
    size = 0
    for frame in frames:
        if frame.height:
            held.append(frame)
            size += int(frame.estimated_size())
        if size >= _SPILL_BYTES:
            yield pl.concat(held)
            held, size = [], 0
    if held:
        yield pl.concat(held)
