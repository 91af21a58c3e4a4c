"""Drop documents that give a benchmark question away. Evidence is kept for each, near misses are shown.

A part is ``decisions/{unit}.parquet`` (position, reason, evidence of each dropped row),
``near/{unit}.parquet`` and a mark. Every part plants canaries first: a wrong verdict on one stops the run.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import TypeAdapter

from anessuite.builds import Build
from anessuite.schemas import PART_ZSTD_LEVEL, ParquetSink
from anessuite.sign_off import BenchmarkFacts, Removal, SignOff, sign_off_page
from anessuite.sources.against import Against
from anessuite.sources.questions import Question
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from filters.canaries import canaries, flags_with_canaries
from filters.contamination import Benchmark, ContaminationRules
from filters.screens import Screen
from filters.verdicts import Verdict
from filters.windows import PHRASE, SHARED, WINDOW
from tasks import curate
from tasks.deduplicate import DECISIONS
from tasks.engines import Engine, run_ranks
from tasks.progress import watched_parts
from tasks.survey import read_plan

STEP = "decontaminate"
BENCHMARK = "benchmark.json"
NEAR = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("evidence", pa.string(), nullable=False),
    ]
)
"""A text that stays though it shares something, and how close it comes."""
MOST_NEAR, MOST_REMOVALS = 20, 2000
"""Near misses kept of a part, and removals shown on the sign-off page."""
LEAST_COVERAGE, LEAST_LENGTH = 0.3, 50
"""From which coverage of a stem, or length of a match, a text that stays is a near miss."""
MOST_ANCHORED = 500
"""How many texts of a batch that share less than 65 characters are looked at for near misses."""
_STORED = TypeAdapter(tuple[list[Question], ContaminationRules, int | None])


def write_benchmark(build: Build, against: Against, rules: ContaminationRules, *, screen: int | None) -> None:
    """Put the questions and the rules into the build folder, for the workers. Raises EmptyBenchmark."""
    Benchmark.of(against.questions, rules)
    content = _STORED.dump_json((against.questions, rules, screen))
    build.store.write_bytes(build.path(BENCHMARK), content)


@lru_cache(maxsize=2)
def _indexed(content: bytes) -> tuple[Benchmark, Screen | None]:
    questions, rules, screen = _STORED.validate_json(content)
    benchmark = Benchmark.of(questions, rules)
    return benchmark, None if screen is None else Screen.of(benchmark, screen)


def read_benchmark(build: Build) -> tuple[Benchmark, Screen | None]:
    """The indexed benchmark of a build; once per process."""
    return _indexed(build.store.read_bytes(build.path(BENCHMARK)))


@dataclass(slots=True)
class Judged:
    """What happened to some texts: dropped rows by their number, near misses, and counts."""

    dropped: dict[int, tuple[str, str]]
    """Row -> reason, evidence."""
    near: list[tuple[int, float, str]]
    """Row, score, evidence."""
    counts: Counter[str]


def judge(texts: pa.LargeStringArray, benchmark: Benchmark, screen: Screen | None) -> Judged:
    """Plant the canaries, flag all texts, and explain the flagged ones."""
    flags = flags_with_canaries(benchmark, texts, canaries(benchmark))
    judged = Judged({}, [], Counter())
    for row in np.flatnonzero(flags).tolist():
        flag = int(flags[row])
        if not flag & (SHARED | PHRASE):
            judged.counts["anchored"] += 1
            if judged.counts["anchored"] > MOST_ANCHORED:
                continue
        text = texts[row].as_py()
        verdict = benchmark.explain(text, flag)
        if verdict.reason is None:
            judged.near += [(row, score, verdict.evidence()) for score in _nearness(verdict)]
            continue
        judged.counts["hits"] += 1
        if screen is not None and not screen.lets_through(text):
            judged.counts["lost_by_screen"] += 1
            continue
        judged.dropped[row] = (verdict.reason, verdict.evidence())
    judged.near = sorted(judged.near, key=lambda near: (-near[1], near[0]))[:MOST_NEAR]
    return judged


def _nearness(verdict: Verdict) -> list[float]:
    """How close a text that stays comes to a rule: the coverage of a stem, or its longest match as a share of
    65 characters. Nothing for a text that comes nowhere near."""
    if not verdict.findings:
        return []
    coverage = verdict.findings[0].coverage or 0.0
    longest = max(finding.longest for finding in verdict.findings)
    near = coverage >= LEAST_COVERAGE or longest >= LEAST_LENGTH
    return [max(coverage, min(longest / WINDOW, 1.0))] if near else []


def decontaminate_part(build: Build, unit: int, dropped: pl.DataFrame) -> None:
    """Judge the kept rows of one part that no earlier step dropped, unless that is done."""
    key = f"{unit:05d}"
    if build.marked(STEP, key) is not None:
        return
    benchmark, screen = read_benchmark(build)
    path = build.path(curate.STEP, "kept", f"{key}.parquet")
    rows = pl.read_parquet(build.store.read_bytes(path), columns=["position", "id", "text"])
    rows = rows.join(dropped, on="position", how="anti", maintain_order="left")
    texts = rows["text"].to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.large_string())
    judged = judge(texts, benchmark, screen)
    at = list(judged.dropped)
    decisions = rows[at].select(
        "position",
        reason=pl.Series([reason for reason, _ in judged.dropped.values()], dtype=pl.String),
        evidence=pl.Series([evidence for _, evidence in judged.dropped.values()], dtype=pl.String),
    )
    with ParquetSink(build.store, build.path(STEP, "decisions", f"{key}.parquet"), DECISIONS) as sink:
        sink.write(decisions)
    write_near(build, key, near_rows(rows, judged))
    reasons = Counter(reason for reason, _ in judged.dropped.values())
    build.mark(STEP, key, {"rows": rows.height, "dropped": dict(reasons), "counts": dict(judged.counts)})


def near_rows(rows: pl.DataFrame, judged: Judged) -> pl.DataFrame:
    """The near misses among ``rows`` (with ``id`` and ``text``), as NEAR."""
    return rows[[row for row, _, _ in judged.near]].select(
        "id",
        "text",
        score=pl.Series([score for _, score, _ in judged.near], dtype=pl.Float64),
        evidence=pl.Series([evidence for _, _, evidence in judged.near], dtype=pl.String),
    )


def write_near(build: Build, key: str, near: pl.DataFrame | None) -> None:
    """Store the closest MOST_NEAR near misses of a part."""
    path = build.path(STEP, "near", f"{key}.parquet")
    with ParquetSink(build.store, path, NEAR, level=PART_ZSTD_LEVEL) as sink:
        if near is not None:
            sink.write(near.sort(["score", "id"], descending=[True, False]).head(MOST_NEAR))


@dataclass(frozen=True)
class DecontaminateRank:
    """The datatrove step: rank ``k`` judges part ``k``. Holds addresses only."""

    root: str
    name: str
    version: str

    def __call__(self, data: Any, rank: int, world_size: int) -> Iterator[None]:
        from tasks.deduplicate import read_decisions

        build = Build(Store(self.root), DatasetRef(self.name, self.version))
        decontaminate_part(build, rank, read_decisions(build).select("position"))
        return iter(())


@task(name="decontaminate", cache_policy=NO_CACHE)
def decontaminate(build: Build, *, workers: int, engine: Engine) -> None:
    """Judge every part of the build's plan that is not done yet."""
    units = read_plan(build).units
    step = DecontaminateRank(build.store.root, build.ref.name, build.ref.version)
    logs = build.store.url(build.path("log-decontaminate"))
    with watched_parts(build, STEP, len(units)):
        run_ranks([step], ranks=len(units), workers=workers, engine=engine, logging_dir=logs)


def read_contaminated(build: Build) -> pl.DataFrame:
    """The rows that were dropped, as DECISIONS; none in a build without a benchmark."""
    if not build.store.exists(build.path(BENCHMARK)):
        return pl.DataFrame(schema=pl.from_arrow(DECISIONS.empty_table()).schema)  # type: ignore[union-attr]
    units = read_plan(build).units
    return pl.concat([_read(build, "decisions", f"{unit.index:05d}") for unit in units])


def _read(build: Build, kind: str, key: str) -> pl.DataFrame:
    return pl.read_parquet(build.store.read_bytes(build.path(STEP, kind, f"{key}.parquet")))


def near_misses(build: Build) -> list[Removal]:
    """The closest texts that stay, of all parts."""
    files = build.store.files(build.path(STEP, "near"))
    if not files:
        return []
    parts = [_read(build, "near", file.removesuffix(".parquet")) for file in files]
    rows = pl.concat(parts).sort(["score", "id"], descending=[True, False])
    return [
        Removal(row["id"], row["text"], None, json.loads(row["evidence"]))
        for row in rows.head(MOST_NEAR).iter_rows(named=True)
    ]


def sign_off(
    build: Build, against: Against, *, title: str, rows: int, drops: dict[str, int], removals: list[Removal]
) -> str:
    """The sign-off page of a build whose parts are all judged."""
    benchmark, screen = read_benchmark(build)
    marks = [build.marked(STEP, key) or {} for key in build.marked_parts(STEP)]
    counts = sum((Counter(mark.get("counts", {})) for mark in marks), Counter[str]())
    planted = canaries(benchmark)
    facts = SignOff(
        title=title,
        rows=rows,
        kept=rows - sum(drops.values()),
        drops=drops,
        rules=benchmark.rules.model_dump(mode="json"),
        benchmarks=_benchmark_facts(against, benchmark),
        canaries=[(canary.name, canary.expected, True) for canary in planted],
        screen=None
        if screen is None
        else {"n": screen.size, "hits": counts["hits"], "lost": counts["lost_by_screen"]},
        removals=removals[:MOST_REMOVALS],
        near_misses=near_misses(build),
        questions={
            (question.source, question.source_id): (
                question.question,
                dict(question.options),
                question.answer,
            )
            for question in against.questions
        },
        warnings=against.warnings,
    )
    return sign_off_page(facts)


def _benchmark_facts(against: Against, benchmark: Benchmark) -> list[BenchmarkFacts]:
    alone = len(against.sets) == 1
    return [
        BenchmarkFacts(
            name=label,
            file=", ".join(file.name for file in found.files),
            digest=", ".join(file.digest for file in found.files),
            items=len(found.questions),
            dropped=dict(found.dropped),
            unseen={rule: count for rule, count in benchmark.unseen.items() if alone},
            warnings=list(found.warnings),
        )
        for label, found in against.sets.items()
    ]
