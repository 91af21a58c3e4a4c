"""Curate documents: keywords in two stages, language, quality, personal data; one part a unit.

A part is ``kept/{unit}.parquet``, ``rejected/{unit}.parquet`` and a mark with its counts, so that a run that
dies does only the missing units again and any worker may take any unit.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.errors import RowsLost, SourceError
from anessuite.schemas import DOCUMENT, PART_ZSTD_LEVEL, REJECTED_DOCUMENT, ParquetSink
from anessuite.sources.documents import Batch, Unit, read_unit
from anessuite.storage import Store
from anessuite.text import content_id
from anessuite.versions import DatasetRef
from filters import personal_data
from filters.keywords import any_term, keyword_reason, term_statistics
from filters.language import wrong_language
from filters.quality import quality_reason
from tasks.engines import Engine, run_ranks
from tasks.progress import watched_parts
from tasks.survey import Curation, read_plan

STEP = "curate"
NO_TEXT = "no_text"
NO_TERM = "no_term"
JUDGED_BYTES = 16 << 20
"""Survivors of stage 1 judged at once: the patterns of the rules are compiled anew each time."""
POSITION = pa.field("position", pa.uint64(), nullable=False)
"""Where a kept row stands among all rows of the build: unit number * 2^32 + row of the part."""
KEPT = pa.schema([*DOCUMENT, POSITION])


@dataclass(frozen=True, slots=True)
class Screened:
    """A batch after stage 1: rows that hold a term, rows that could not be read (None if there are none), and
    how many had no term."""

    survivors: pl.DataFrame
    unusable: pl.DataFrame | None
    not_stored: int


def screen(batch: Batch, unit: Unit, curation: Curation) -> Screened:
    """Stage 1: set apart the rows that hold a term, and those that could not be read."""
    survivors = _rows(batch, unit, any_term(batch.text, curation.lexicon))
    rest = len(batch.text) - survivors.height
    if not batch.text.null_count:
        return Screened(survivors, None, rest)
    unusable = _unusable(_rows(batch, unit, ~batch.text.is_valid().to_numpy(zero_copy_only=False)))
    return Screened(survivors, unusable, rest - unusable.height)


def _rows(batch: Batch, unit: Unit, chosen: np.ndarray) -> pl.DataFrame:
    rows = np.flatnonzero(chosen)
    taken = pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(rows)])
    label = f"{unit.file.name.replace('{', '(').replace('}', ')')}#{{}}"

    def column(array: pa.Array | None) -> pl.Series:
        if array is None or not len(rows):
            return pl.Series([None] * len(rows), dtype=pl.String)
        return pl.Series(pl.from_arrow(array.take(taken)), dtype=pl.String)

    return pl.DataFrame(
        {
            "row": pl.Series(rows + batch.first_row, dtype=pl.Int64),
            "text": column(batch.text),
            "source_id": column(batch.source_id),
            "url": column(batch.url),
            "fault": column(batch.fault),
        }
    ).with_columns(
        source_id=pl.coalesce("source_id", pl.format(label, pl.col("row"))),
        language=pl.lit(unit.source.language),
        source=pl.lit(unit.source.label),
    )


SHOWN = ("terms", "core", "hits", "core_hits", "per_1000_chars", "spans")
"""What of the statistics a rejected row keeps as evidence."""


def _unusable(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        content_id(pl.concat_str(pl.lit("row:"), "source", pl.lit(":"), "source_id")).alias("id"),
        "text",
        "language",
        "source",
        "source_id",
        "url",
        pl.coalesce("fault", pl.lit(NO_TEXT)).alias("reason"),
        pl.struct("row").struct.json_encode().alias("evidence"),
    )


def judge(survivors: pl.DataFrame, curation: Curation) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Personal data, stage 2, language, quality: the kept rows, and the rejected ones with their reason."""
    statistics = pl.col("statistics")
    frame = (
        survivors.rename({"text": "original"})
        .with_columns(text=personal_data.mask("original"))
        .with_columns(
            masked=personal_data.tags_written("original", "text"),
            id=content_id(pl.col("text")),
            statistics=term_statistics(curation.lexicon, curation.keywords),
        )
        .with_columns(reason=keyword_reason(statistics, curation.keywords, curation.lexicon.language))
    )
    on_topic = frame.filter(pl.col("reason").is_null()).with_columns(
        reason=pl.coalesce(
            wrong_language(curation.lexicon.language),
            quality_reason(curation.lexicon.language, curation.quality),
        )
    )
    kept = on_topic.filter(pl.col("reason").is_null()).with_columns(
        terms=statistics.struct.field("terms"),
        term_hits=statistics.struct.field("hits"),
        hits_per_1000_chars=(statistics.struct.field("hits") * 1000 / pl.col("text").str.len_chars()).cast(
            pl.Float32
        ),
        masked_kinds=pl.col("masked"),
        masked=pl.sum_horizontal(pl.col("masked").struct.unnest()),
    )
    rejected = pl.concat(
        [frame.filter(pl.col("reason").is_not_null()), on_topic.filter(pl.col("reason").is_not_null())]
    )
    shown = pl.struct(statistics.struct.field(name) for name in SHOWN)
    return kept, rejected.with_columns(evidence=shown.struct.json_encode()).select(REJECTED_DOCUMENT.names)


class _Part:
    """Writes the rows of one part and counts them; survivors are judged JUDGED_BYTES at a time."""

    def __init__(self, key: int, curation: Curation, kept: ParquetSink, rejected: ParquetSink) -> None:
        self._first, self._curation = key << 32, curation
        self._kept, self._rejected = kept, rejected
        self._held: list[pl.DataFrame] = []
        self._held_bytes = self.rows = self.kept = 0
        self.dropped: Counter[str] = Counter()
        self.masked: Counter[str] = Counter()

    def add(self, batch: Batch, unit: Unit) -> None:
        screened = screen(batch, unit, self._curation)
        self.rows += len(batch.text)
        if screened.not_stored:
            self.dropped[NO_TERM] += screened.not_stored
        if screened.unusable is not None:
            self._reject(screened.unusable)
        if screened.survivors.height:
            self._held.append(screened.survivors)
            self._held_bytes += int(screened.survivors.estimated_size())
        if self._held_bytes >= JUDGED_BYTES:
            self.judge_held()

    def judge_held(self) -> None:
        if not self._held:
            return
        kept, rejected = judge(pl.concat(self._held, rechunk=True), self._curation)
        self._held, self._held_bytes = [], 0
        self._reject(rejected)
        position = pl.int_range(pl.len(), dtype=pl.UInt64) + (self._first + self.kept)
        self._kept.write(kept.with_columns(position=position))
        self.kept += kept.height
        for kind, count in kept["masked_kinds"].struct.unnest().sum().row(0, named=True).items():
            self.masked[kind] += int(count or 0)

    def _reject(self, rows: pl.DataFrame) -> None:
        if rows.height:
            self._rejected.write(rows)
            self.dropped.update(dict(rows.group_by("reason").len().iter_rows()))

    def counts(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "kept": self.kept,
            "dropped": dict(sorted(self.dropped.items())),
            "masked": {kind: count for kind, count in sorted(self.masked.items()) if count},
        }


def curate_unit(build: Build, unit: Unit, curation: Curation, *, keep_going: bool) -> None:
    """Make one part, unless it is done. With ``keep_going`` a broken file's part is empty and says why."""
    key = f"{unit.index:05d}"
    if build.marked(STEP, key) is not None:
        return
    try:
        result = _write_part(build, key, unit, curation)
    except SourceError as error:
        if not keep_going:
            raise
        result = _write_part(build, key, None, curation) | {"quarantined": error.what}
    build.mark(STEP, key, result | {"source": unit.source.label, "language": unit.source.language})


def _write_part(build: Build, key: str, unit: Unit | None, curation: Curation) -> dict[str, Any]:
    kept_path, rejected_path = (build.path(STEP, kind, f"{key}.parquet") for kind in ("kept", "rejected"))
    with (
        ParquetSink(build.store, kept_path, KEPT, level=PART_ZSTD_LEVEL) as kept,
        ParquetSink(build.store, rejected_path, REJECTED_DOCUMENT, level=PART_ZSTD_LEVEL) as rejected,
    ):
        part = _Part(int(key), curation, kept, rejected)
        if unit is not None:
            for batch in read_unit(unit):
                part.add(batch, unit)
        part.judge_held()
    return part.counts() | {"files": {"kept": kept.file.model_dump(), "rejected": rejected.file.model_dump()}}


@dataclass(frozen=True)
class CurateRank:
    """The datatrove step: rank ``k`` curates unit ``k``. Holds addresses only: datatrove writes its fields
    to disk."""

    root: str
    name: str
    version: str

    def __call__(self, data: Any, rank: int, world_size: int) -> Iterator[None]:
        build = Build(Store(self.root), DatasetRef(self.name, self.version))
        plan = read_plan(build)
        unit = plan.units[rank]
        curate_unit(build, unit, plan.curations[unit.source.language], keep_going=plan.keep_going)
        return iter(())


@task(name="curate", cache_policy=NO_CACHE)
def curate(build: Build, *, workers: int, engine: Engine) -> None:
    """Curate every unit of the build's plan that is not done yet."""
    units = read_plan(build).units
    step = CurateRank(build.store.root, build.ref.name, build.ref.version)
    logs = build.store.url(build.path("log"))
    with watched_parts(build, STEP, len(units)):
        run_ranks([step], ranks=len(units), workers=workers, engine=engine, logging_dir=logs)


def results(build: Build) -> list[dict[str, Any]]:
    """The marks of all parts, in unit order; each has to be there."""
    marks = [build.marked(STEP, f"{unit.index:05d}") for unit in read_plan(build).units]
    missing = [number for number, mark in enumerate(marks) if mark is None]
    if missing:
        raise RowsLost(f"parts {missing[:10]} of {build.ref} have no mark", "run the same command again")
    return [mark for mark in marks if mark is not None]
