"""Which of our own versions hold questions of the benchmark: what was removed from them, and what is left.

Removed rows name the questions in the evidence of their decontamination. Kept rows are looked at anew, with
the code that decontaminates a build. The result of a version is ``overlap/{name}-{version}.parquet``.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.errors import ConfigError
from anessuite.leakage_schemas import FOUND
from anessuite.manifests import Input
from anessuite.schemas import PART_ZSTD_LEVEL, ParquetSink, empty
from anessuite.sources.against import Against
from anessuite.storage import MANIFEST, Store
from anessuite.versions import DatasetRef
from filters.contamination import REASONS, Benchmark, ContaminationRules
from tasks.decontaminate import Judged, judge
from tasks.judge_questions import NEAR_QUESTION, judge_questions
from tasks.pool import questions_of

STEP = "overlap"
REMOVED, LEFT = "removed", "left"
_ROWS = 5_000
"""Rows that are looked at together."""
_REASONS = (*REASONS.values(), NEAR_QUESTION)


@dataclass(frozen=True, slots=True)
class Named:
    """Questions by what evidence calls them: benchmark and id there. Values are our ids of them."""

    ids: dict[tuple[str, str], str]
    _by_item: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, questions: pl.DataFrame) -> "Named":
        """From all questions of the benchmark (`tasks.probe.whole_benchmark`)."""
        found = cls({})
        for source, item, name in questions.select("source", "source_id", "question_id").iter_rows():
            found.ids[source, item] = name
            found._by_item.setdefault(item, set()).add(name)
        return found

    def find(self, benchmark: str, item: str) -> str | None:
        """The question that evidence means. A benchmark under another name counts where its id is of one
        question alone."""
        alone = self._by_item.get(item, set())
        return self.ids.get((benchmark, item)) or (next(iter(alone)) if len(alone) == 1 else None)


@dataclass(frozen=True, slots=True)
class Overlap:
    """FOUND rows of all versions, and sentences on what could not be joined."""

    found: pl.DataFrame
    looked_at: list[dict[str, Any]]
    """Of each version: dataset, rows removed for contamination, rows left that were looked at, hits there."""
    warnings: list[str]


def inputs_of(store: Store, refs: Sequence[DatasetRef], *, dated: bool) -> list[Input]:
    """The versions as a recipe names them. Raises VersionNotFound, and ConfigError where a dated analysis
    reads a ``dev`` version."""
    found = []
    for ref in refs:
        store.manifest(ref)
        if dated and ref.is_dev:
            raise ConfigError(f"{ref} is no input of a dated version", "name a dated one, or build dev")
        digest, size = store.sha256(f"{store.folder(ref)}/{MANIFEST}")
        found.append(Input(name=str(ref), source=MANIFEST, bytes=size, digest=digest))
    return found


@task(name="find overlap", cache_policy=NO_CACHE)
def find_overlap(
    build: Build,
    refs: Sequence[DatasetRef],
    questions: pl.DataFrame,
    against: Against,
    rules: ContaminationRules,
) -> Overlap:
    """Look through all versions, each once. Raises EmptyBenchmark if the rules could find nothing."""
    named = Named.of(questions)
    benchmark = Benchmark.of(against.questions, rules) if refs else None
    for ref in refs:
        key = _key(ref)
        if benchmark is not None and build.marked(STEP, key) is None:
            _look_through(build, ref, named, against, benchmark)
    marks = [(ref, build.marked(STEP, _key(ref)) or {}) for ref in refs]
    frames = [pl.read_parquet(build.store.read_bytes(_path(build, ref))) for ref in refs]
    return Overlap(
        pl.concat([empty(FOUND), *frames]),
        [{"dataset": str(ref)} | {name: mark[name] for name in _COUNTS} for ref, mark in marks],
        [line for ref, mark in marks for line in _warnings(ref, mark)],
    )


_COUNTS = ("removed", "rows", "left", "unknown")


def _key(ref: DatasetRef) -> str:
    return f"{ref.name}-{ref.version}"


def _path(build: Build, ref: DatasetRef) -> str:
    return build.path(STEP, "found", f"{_key(ref)}.parquet")


def _warnings(ref: DatasetRef, mark: dict[str, Any]) -> list[str]:
    found = []
    if mark["left"]:
        found.append(f"{ref}: {mark['left']:,} rows that are left in it hold questions of the benchmark")
    if mark["unknown"]:
        found.append(
            f"{ref}: {mark['unknown']:,} times its evidence names a question that is not in this benchmark"
        )
    return found


def _look_through(
    build: Build, ref: DatasetRef, named: Named, against: Against, benchmark: Benchmark
) -> None:
    rows: list[dict[str, str]] = []
    counts = Counter[str]()
    for frame in _frames(build.store, ref, "rejected", ["id", "reason", "evidence"]):
        removed = frame.filter(pl.col("reason").is_in(_REASONS))
        counts["removed"] += removed.height
        for row, reason, evidence in removed.select("id", "reason", "evidence").iter_rows():
            rows += _found(ref, REMOVED, row, reason, evidence, named, counts)
    for frame in _frames(build.store, ref, "data", None):
        judged = look(frame, against, benchmark)
        counts["rows"] += frame.height
        counts["left"] += len(judged.dropped)
        ids = frame["id"].to_list()
        for at, (reason, evidence) in judged.dropped.items():
            rows += _found(ref, LEFT, ids[at], reason, evidence, named, counts)
    with ParquetSink(build.store, _path(build, ref), FOUND, level=PART_ZSTD_LEVEL) as sink:
        sink.write(pl.DataFrame(rows, schema=empty(FOUND).schema).unique(maintain_order=True))
    build.mark(STEP, _key(ref), {name: counts[name] for name in _COUNTS})


def _found(
    ref: DatasetRef,
    place: str,
    row: str,
    reason: str,
    evidence: str | None,
    named: Named,
    counts: Counter[str],
) -> Iterator[dict[str, str]]:
    """A line for each question that the evidence names."""
    for one in items_in(evidence):
        question = named.find(*one)
        counts["unknown"] += question is None
        if question is not None:
            fields = {"question_id": question, "dataset": str(ref), "place": place}
            yield fields | {"reason": reason, "row": row}


def items_in(evidence: str | None) -> list[tuple[str, str]]:
    """Benchmark and item of each question that evidence names; none where it is not of our form."""
    try:
        content = json.loads(evidence or "{}")
    except ValueError:
        return []
    items = content.get("items") if isinstance(content, dict) else None
    return [(str(one.get("benchmark")), str(one.get("item"))) for one in items or () if isinstance(one, dict)]


def look(frame: pl.DataFrame, against: Against, benchmark: Benchmark) -> Judged:
    """Judge rows of any of our datasets: questions as questions, all others as texts."""
    if "options" in frame.columns:
        return judge_questions(questions_of(frame), against, benchmark, None)
    text = pl.col("text") if "text" in frame.columns else pl.concat_str("question", pl.lit("\n"), "answer")
    texts = frame.select(text=text)["text"].to_arrow(compat_level=pl.CompatLevel.oldest())
    return judge(texts.cast(pa.large_string()), benchmark, None)


def _frames(store: Store, ref: DatasetRef, kind: str, columns: list[str] | None) -> Iterator[pl.DataFrame]:
    """The rows of ``data/`` or ``rejected/``, some at a time."""
    folder = f"{store.folder(ref)}/{kind}"
    for name in store.files(folder):
        with store.fs.open(store.absolute(folder, name), "rb") as file:
            for batch in pq.ParquetFile(file).iter_batches(batch_size=_ROWS, columns=columns):
                frame = pl.from_arrow(pa.Table.from_batches([batch]))
                assert isinstance(frame, pl.DataFrame)
                yield frame
