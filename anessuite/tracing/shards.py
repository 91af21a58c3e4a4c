"""Rows of sorted Parquet shards, found without reading the shards.

Looking for an id reads the footers of all shards (some kilobytes each), then the column ``id`` of the row
groups whose statistics allow it, and the other columns of those that do hold it: one row group, of about
32 MB decoded, for each place where the id stands. Looking for a source's own id, by which nothing is sorted,
reads the column ``source_id`` of all row groups that may hold it, and no text.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from rapidfuzz import fuzz, process

from anessuite.errors import SourceError
from anessuite.manifests import File
from anessuite.storage import Store
from anessuite.versions import DatasetRef

MOST_ROWS = 20
"""Rows of one id that are read whole; a page that stands on a thousand sites is rejected as often."""
_LEAST_LIKE = 70
_MOST_LIKE = 5


@dataclass(frozen=True, slots=True)
class Placed:
    """A row (column -> value) and the file that holds it, as the manifest names it."""

    file: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shards:
    """The Parquet files of one folder of a version; all have the columns ``id`` and ``source``."""

    store: Store
    ref: DatasetRef
    files: Sequence[File]

    def between(self, low: str, high: str, columns: Sequence[str] | None = None) -> tuple[list[Placed], int]:
        """Rows with ``low <= id < high``, the first MOST_ROWS of them, and how many there are.

        Raises SourceError for a shard that is gone or damaged.
        """
        found: list[Placed] = []
        count = 0
        for path, shard, group in self._groups("id", low, high):
            ids = _column(shard, group, "id")
            chosen = ((ids >= low) & (ids < high)).arg_true()
            if len(chosen):
                count += len(chosen)
                rows = _rows(shard, group, chosen.head(max(0, MOST_ROWS - len(found))), columns)
                found += [Placed(path, row) for row in rows]
        return found, count

    def named(self, source_id: str) -> list[Placed]:
        """The rows that their source calls so, the first MOST_ROWS of them. Raises SourceError."""
        found: list[Placed] = []
        for path, shard, group in self._groups("source_id", source_id, source_id + "\0"):
            chosen = (_column(shard, group, "source_id") == source_id).arg_true()
            if len(chosen) and len(found) < MOST_ROWS:
                rows = _rows(shard, group, chosen.head(MOST_ROWS - len(found)), None)
                found += [Placed(path, row) for row in rows]
        return found

    def like(self, source_id: str) -> list[tuple[float, str]]:
        """Ids of sources that look like this one, with their likeness (0 to 100); reads ``source_id`` of all
        rows. Raises SourceError."""
        wanted, found = source_id.lower(), dict[str, float]()
        for _, shard, group in self._groups("source_id", None, None):
            names = _column(shard, group, "source_id")
            parts = names.filter(names.str.to_lowercase().str.contains(wanted, literal=True))
            found |= dict.fromkeys(parts.unique(maintain_order=True).head(_MOST_LIKE), 99.0)
            near = process.extract(
                source_id, names.to_list(), scorer=fuzz.ratio, limit=_MOST_LIKE, score_cutoff=_LEAST_LIKE
            )
            found |= {name: max(score, found.get(name, 0.0)) for name, score, _ in near}
        return sorted(((score, name) for name, score in found.items()), reverse=True)[:_MOST_LIKE]

    def _groups(
        self, column: str, low: str | None, high: str | None
    ) -> Iterator[tuple[str, pq.ParquetFile, int]]:
        """The row groups whose statistics allow a value of ``[low, high)``; None is no bound."""
        for file in self.files:
            if file.rows == 0:
                continue
            with self._opened(file.path) as shard:
                for group in range(shard.metadata.num_row_groups):
                    if low is None or high is None or _may_hold(shard, group, column, low, high):
                        yield file.path, shard, group

    @contextmanager
    def _opened(self, path: str) -> Iterator[pq.ParquetFile]:
        """A shard on its file system; a remote one is asked for ranges of bytes, without reading ahead."""
        whole = self.store.absolute(self.store.folder(self.ref), path)
        ahead = {} if self.store.is_local else {"cache_type": "none"}
        advice = f"anes verify {self.ref} says which files are not as they were; fetch them again"
        try:
            with self.store.fs.open(whole, "rb", **ahead) as file, pq.ParquetFile(file) as shard:
                yield shard
        except FileNotFoundError:
            raise SourceError(f"{self.ref}/{path} is in the manifest, and not there", advice) from None
        except (pa.ArrowException, OSError) as error:
            said = str(error).splitlines()[0]
            raise SourceError(f"{self.ref}/{path} cannot be read: {said}", advice) from None


def _may_hold(shard: pq.ParquetFile, group: int, column: str, low: str, high: str) -> bool:
    place = shard.schema_arrow.names.index(column)
    statistics = shard.metadata.row_group(group).column(_leaf(shard, place)).statistics
    if statistics is None or not statistics.has_min_max:
        return True
    return str(statistics.max) >= low and str(statistics.min) < high


def _leaf(shard: pq.ParquetFile, place: int) -> int:
    """Parquet counts the leaves of nested columns, Arrow the columns."""
    name = shard.schema_arrow.names[place]
    metadata = shard.metadata.row_group(0)
    return next(leaf for leaf in range(metadata.num_columns) if metadata.column(leaf).path_in_schema == name)


def _column(shard: pq.ParquetFile, group: int, name: str) -> pl.Series:
    return pl.Series(pl.from_arrow(shard.read_row_group(group, columns=[name]).column(name)), dtype=pl.String)


def _rows(
    shard: pq.ParquetFile, group: int, chosen: pl.Series, columns: Sequence[str] | None
) -> list[dict[str, Any]]:
    if chosen.is_empty():
        return []
    there = None if columns is None else [name for name in columns if name in shard.schema_arrow.names]
    return shard.read_row_group(group, columns=there).take(pa.array(chosen.to_list())).to_pylist()
