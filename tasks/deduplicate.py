"""Drop repeated documents: exact by content id, near by MinHash on datatrove's stages, checked exactly.

Who stays: of equal texts the first (sources in the config's order, then files and rows); of near-equal texts
the longest, then the first. Each dropped row names the row that it repeats.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import polars as pl
import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.utils.word_tokenizers import WhitespaceTokenizer
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.errors import RowsLost
from anessuite.schemas import ParquetSink
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from filters.duplicates import DuplicateRules, repeats, shingles
from tasks import curate
from tasks.engines import Engine, run_ranks
from tasks.open_files import OpenFiles
from tasks.progress import watched
from tasks.survey import read_plan

STEP = "deduplicate"
EXACT, NEAR = "exact_duplicate", "near_duplicate"
DECISIONS = pa.schema(
    [
        pa.field("position", pa.uint64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("evidence", pa.string(), nullable=False),
    ]
)
"""One row for each dropped document, by its position in the build; evidence is JSON."""


@task(name="deduplicate", cache_policy=NO_CACHE)
def deduplicate(build: Build, rules: DuplicateRules, *, workers: int, engine: Engine) -> None:
    """Write the decisions of the whole build, unless an earlier run did."""
    if build.marked(STEP, "decisions") is not None:
        return
    exact = _exact(_rows(build, "id", "source_id", "position"))
    units = len(read_plan(build).units)
    with watched("deduplicate", 1, lambda: build.marks(STEP)):
        _minhash(build, rules, units, workers=workers, engine=engine)
        near = _near(build, exact, rules, units)
        with ParquetSink(build.store, build.path(STEP, "decisions.parquet"), DECISIONS) as sink:
            evidence = pl.struct("repeats", "repeats_source_id", "jaccard").struct.json_encode()
            decisions = pl.concat([exact, near]).select("position", "reason", evidence=evidence)
            sink.write(decisions.sort("position"))
        build.mark(STEP, "decisions", {EXACT: exact.height, NEAR: near.height})


def read_decisions(build: Build) -> pl.DataFrame:
    """The dropped rows of a build, as DECISIONS."""
    return pl.read_parquet(build.store.read_bytes(build.path(STEP, "decisions.parquet")))


def _rows(build: Build, *columns: str) -> pl.DataFrame:
    parts = [
        pl.read_parquet(build.store.read_bytes(_part(build, unit.index)), columns=list(columns))
        for unit in read_plan(build).units
    ]
    return pl.concat(parts)


def _part(build: Build, unit: int) -> str:
    return build.path(curate.STEP, "kept", f"{unit:05d}.parquet")


def _exact(rows: pl.DataFrame) -> pl.DataFrame:
    ordered = rows.sort("position").with_columns(
        first=pl.col("position").first().over("id"), first_source_id=pl.col("source_id").first().over("id")
    )
    return ordered.filter(pl.col("position") != pl.col("first")).select(
        "position",
        reason=pl.lit(EXACT),
        repeats="id",
        repeats_source_id="first_source_id",
        jaccard=pl.lit(1.0, dtype=pl.Float32),
    )


def minhash_config(rules: DuplicateRules) -> MinhashConfig:
    """datatrove's form of the rules."""
    return MinhashConfig(
        num_buckets=rules.num_buckets, hashes_per_bucket=rules.hashes_per_bucket, seed=rules.seed
    )


class Signatures(MinhashDedupSignature):
    """datatrove's first MinHash stage over our shingles (its English tokenizer would need spaCy)."""

    def __init__(self, output_folder: str, config: MinhashConfig) -> None:
        super().__init__(output_folder, config, language=cast("Any", WhitespaceTokenizer()))

    def get_shingles(self, text: str) -> np.ndarray:
        return shingles(text).reshape(-1, 1)


@dataclass(frozen=True)
class KeptDocuments:
    """The datatrove reader of one part: its kept rows, in order. Holds addresses only."""

    root: str
    name: str
    version: str

    def __call__(self, data: Any, rank: int, world_size: int) -> Iterator[Document]:
        build = Build(Store(self.root), DatasetRef(self.name, self.version))
        part = pl.read_parquet(build.store.read_bytes(_part(build, rank)), columns=["id", "text"])
        for row_id, text in part.iter_rows():
            yield Document(text=text, id=row_id)


def _minhash(build: Build, rules: DuplicateRules, units: int, *, workers: int, engine: Engine) -> None:
    config, folder = minhash_config(rules), build.store.url(build.path("minhash"))
    reader = KeptDocuments(build.store.root, build.ref.name, build.ref.version)
    stages: list[tuple[str, list[Any], int]] = [
        ("signatures", [reader, Signatures(f"{folder}/signatures", config)], units),
        (
            "buckets",
            [
                OpenFiles(units),
                MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config),
            ],
            rules.num_buckets,
        ),
        (
            "clusters",
            [
                OpenFiles(units),  # it writes a file a unit
                MinhashDedupCluster(
                    f"{folder}/buckets", f"{folder}/clusters", config=config, save_cluster_id=True
                ),
            ],
            1,
        ),
    ]
    for name, pipeline, ranks in stages:
        log = f"{folder}/log/{name}"
        run_ranks(pipeline, ranks=ranks, workers=workers, engine=engine, logging_dir=log, skip_completed=True)
    pairs = len(build.store.files(build.path("minhash", "buckets")))
    if pairs != rules.num_buckets:
        raise RowsLost(
            f"{build.ref}: MinHash left {pairs} of {rules.num_buckets} lists of pairs where they are read",
            "near duplicates would stay unseen; run the same command again, or with --restart",
        )


def _clusters(build: Build, units: int) -> pl.DataFrame:
    """Cluster number of every document that MinHash paired with another, by position."""
    positions: list[int] = []
    clusters: list[int] = []
    for unit in range(units):
        path = build.path("minhash", "clusters", f"{unit:06d}.clusters")
        if build.store.exists(path):
            for row, cluster in struct.iter_unpack("<2I", build.store.read_bytes(path)):
                positions.append((unit << 32) + row)
                clusters.append(cluster)
    return pl.DataFrame(
        {"position": positions, "cluster": clusters}, schema={"position": pl.UInt64, "cluster": pl.Int64}
    )


def _near(build: Build, exact: pl.DataFrame, rules: DuplicateRules, units: int) -> pl.DataFrame:
    clustered = _clusters(build, units).join(exact.select("position"), on="position", how="anti")
    sizes = clustered.group_by("cluster").len().filter(pl.col("len") > 1)
    candidates = clustered.join(sizes.select("cluster"), on="cluster", how="semi")
    texts = [
        pl.read_parquet(
            build.store.read_bytes(_part(build, unit)), columns=["id", "text", "source_id", "position"]
        ).join(candidates, on="position")
        for unit in sorted(set((candidates["position"] // (1 << 32)).to_list()))
    ]
    found: list[dict[str, Any]] = []
    for _, cluster in pl.concat(texts).group_by("cluster") if texts else ():
        ranked = cluster.sort(pl.col("text").str.len_chars(), "position", descending=[True, False])
        verdicts = repeats(ranked["text"].to_list(), min_jaccard=rules.min_jaccard)
        for position, verdict in zip(ranked["position"].to_list(), verdicts, strict=True):
            if verdict is not None:
                kept = ranked.row(verdict[0], named=True)
                found.append(
                    {
                        "position": position,
                        "reason": NEAR,
                        "repeats": kept["id"],
                        "repeats_source_id": kept["source_id"],
                        "jaccard": verdict[1],
                    }
                )
    schema = {
        "position": pl.UInt64,
        "reason": pl.String,
        "repeats": pl.String,
        "repeats_source_id": pl.String,
    }
    return pl.DataFrame(found, schema=schema | {"jaccard": pl.Float32}).sort("position")
