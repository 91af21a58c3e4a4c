"""Curate documents: keywords in two stages, language, quality, personal data; one part a unit.

A part is ``kept/{unit}.parquet``, ``rejected/{unit}.parquet`` and a mark with its counts, so that a run that
dies does only the missing units again and any worker may take any unit.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.errors import RowsLost, SourceError
from anessuite.schemas import DOCUMENT, REJECTED_DOCUMENT, ParquetSink
from anessuite.sources.documents import Batch, Unit, read_unit
from anessuite.storage import Store
from anessuite.text import content_id
from anessuite.versions import DatasetRef
from filters import personal_data
from filters.keywords import any_term, keyword_reason, term_statistics
from filters.language import wrong_language
from filters.quality import quality_reason
from tasks.engines import Engine, run_ranks
from tasks.progress import watched
from tasks.survey import Curation, read_plan

STEP = "curate"
NO_TEXT = "no_text"
NO_TERM = "no_term"
POSITION = pa.field("position", pa.uint64(), nullable=False)
"""Where a kept row stands among all rows of the build: unit number * 2^32 + row of the part."""
KEPT = pa.schema([*DOCUMENT, POSITION])


@dataclass(frozen=True, slots=True)
class Curated:
    """Rows of one batch after curation, and how many were dropped without being stored."""

    kept: pl.DataFrame
    rejected: pl.DataFrame
    not_stored: int


def curate_batch(batch: Batch, unit: Unit, curation: Curation) -> Curated:
    """Keep or drop the rows of one batch, with the reason."""
    frame = _rows(batch, unit, any_term(batch.text, curation.lexicon))
    unusable = _rows(batch, unit, batch.text.is_null().to_numpy(zero_copy_only=False))
    kept, rejected = _judge(frame, curation)
    dropped = len(batch.text) - frame.height - unusable.height
    return Curated(kept, pl.concat([_unusable(unusable), rejected]) if unusable.height else rejected, dropped)


def _rows(batch: Batch, unit: Unit, chosen: np.ndarray) -> pl.DataFrame:
    rows = np.flatnonzero(chosen)
    label = f"{unit.file.name.replace('{', '(').replace('}', ')')}#{{}}"

    def column(array: pa.Array | None) -> pl.Series:
        if array is None or not len(rows):
            return pl.Series([None] * len(rows), dtype=pl.String)
        return pl.Series(pl.from_arrow(array.take(pa.array(rows))), dtype=pl.String)

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


def _judge(frame: pl.DataFrame, curation: Curation) -> tuple[pl.DataFrame, pl.DataFrame]:
    statistics = pl.col("statistics")
    frame = (
        _mask(frame)
        .with_columns(
            id=content_id(pl.col("text")),
            statistics=term_statistics(curation.lexicon, context_window=curation.keywords.context_window),
        )
        .with_columns(reason=keyword_reason(statistics, curation.keywords))
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
        hits_per_1000_chars=statistics.struct.field("per_1000_chars"),
        masked_kinds=pl.col("masked"),
        masked=pl.sum_horizontal(pl.col("masked").struct.unnest()),
    )
    rejected = pl.concat(
        [frame.filter(pl.col("reason").is_not_null()), on_topic.filter(pl.col("reason").is_not_null())]
    )
    shown = pl.struct(
        *(statistics.struct.field(name) for name in ("terms", "core", "hits", "per_1000_chars", "spans"))
    )
    return kept, rejected.with_columns(evidence=shown.struct.json_encode()).select(REJECTED_DOCUMENT.names)


def _mask(frame: pl.DataFrame) -> pl.DataFrame:
    """Personal data masked, and counted in ``masked``; counting masks again, so only texts that changed."""
    plain, changed = pl.col("plain"), pl.col("text") != pl.col("plain")
    counts = personal_data.counts("plain").struct.unnest()
    return (
        frame.with_columns(plain=pl.col("text"), text=personal_data.mask("text"))
        .with_columns(plain=pl.when(changed).then(plain))
        .with_columns(counts)
        .with_columns(masked=pl.struct(pl.col(personal_data.KINDS).fill_null(0)))
        .drop("plain", *personal_data.KINDS)
    )


@dataclass(slots=True)
class _Counts:
    rows: int = 0
    characters: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)

    def add(self, rows: int, curated: Curated) -> None:
        self.rows += rows
        self.kept += curated.kept.height
        self.characters += int(curated.kept["text"].str.len_chars().sum())
        self.dropped.update(dict(curated.rejected.group_by("reason").len().iter_rows()))
        if curated.not_stored:
            self.dropped[NO_TERM] += curated.not_stored
        for kind, count in curated.kept["masked_kinds"].struct.unnest().sum().row(0, named=True).items():
            if count:
                self.masked[kind] += int(count)

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "characters": self.characters,
            "kept": self.kept,
            "dropped": dict(sorted(self.dropped.items())),
            "masked": dict(sorted(self.masked.items())),
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
    counts = _Counts()
    kept_path, rejected_path = (build.path(STEP, kind, f"{key}.parquet") for kind in ("kept", "rejected"))
    with (
        ParquetSink(build.store, kept_path, KEPT) as kept,
        ParquetSink(build.store, rejected_path, REJECTED_DOCUMENT) as rejected,
    ):
        for batch in read_unit(unit) if unit else ():
            curated = curate_batch(batch, unit, curation) if unit else None
            if curated:
                first = (int(key) << 32) + counts.kept
                kept.write(
                    curated.kept.with_row_index("position", 0).with_columns(pl.col("position") + first)
                )
                rejected.write(curated.rejected)
                counts.add(len(batch.text), curated)
    return counts.as_dict() | {
        "files": {"kept": kept.file.model_dump(), "rejected": rejected.file.model_dump()}
    }


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
    logs = build.store.absolute(build.path("log"))
    with watched("curate", len(units), lambda: build.marks(STEP)):
        run_ranks([step], ranks=len(units), workers=workers, engine=engine, logging_dir=logs)


def results(build: Build) -> list[dict[str, Any]]:
    """The marks of all parts, in unit order; each has to be there."""
    marks = [build.marked(STEP, f"{unit.index:05d}") for unit in read_plan(build).units]
    missing = [number for number, mark in enumerate(marks) if mark is None]
    if missing:
        raise RowsLost(f"parts {missing[:10]} of {build.ref} have no mark", "run the same command again")
    return [mark for mark in marks if mark is not None]
