"""Rows of many parts into shards sorted by id, in bounded memory.

A shard holds a range of the id space (ids are uniform hashes), so the number of shards alone decides where
a row goes, and shards in order are the whole in order.
"""

from collections.abc import Iterable, Iterator

import polars as pl
import pyarrow as pa

from anessuite.manifests import File
from anessuite.schemas import PART_ZSTD_LEVEL, ParquetSink
from anessuite.storage import Store

SHARD_BYTES = 256 << 20
"""Aimed size of a shard, from the compressed bytes of the parts."""
_SPILL_BYTES = 128 << 20
"""Rows held in memory before they are put into their buckets (decoded bytes)."""
_BUCKETS = 8
"""Buckets of a shard: a bucket is what has to be in memory to be sorted."""


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
    if sort_by[0] != "id":
        raise ValueError(f"shards are ranges of ids, and cannot be sorted by {sort_by[0]} first")
    store.remove(scratch)
    pieces: list[list[str]] = [[] for _ in range(shards * _BUCKETS)]
    bucket = (pl.col("id").str.head(8).str.to_integer(base=16, dtype=pl.UInt64) * len(pieces)) // (1 << 32)
    for number, chunk in enumerate(_chunks(frames)):
        for (index,), rows in chunk.group_by(bucket.alias("bucket")):
            path = f"{scratch}/{index}-{number}.parquet"
            with ParquetSink(store, path, schema, level=PART_ZSTD_LEVEL) as sink:
                sink.write(rows)
            pieces[int(str(index))].append(path)
    files: list[File] = []
    for shard in range(shards):
        with ParquetSink(store, f"{folder}/{name}-{shard:05d}-of-{shards:05d}.parquet", schema) as sink:
            for paths in pieces[shard * _BUCKETS : (shard + 1) * _BUCKETS]:
                if paths:
                    rows = pl.concat([pl.read_parquet(store.read_bytes(path)) for path in paths])
                    sink.write(rows.sort(sort_by, nulls_last=True))
        files.append(sink.file)
    store.remove(scratch)
    return files


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
