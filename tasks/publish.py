"""Turn the parts of a build into a version: sorted shards, rejected rows, card, report, and the manifest
last."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite import provenance
from anessuite.builds import Build
from anessuite.cards import dataset_card
from anessuite.errors import NothingKept, RowsLost
from anessuite.manifests import File, Manifest, Quarantined, Recipe, Stage
from anessuite.reports import corpus_report
from anessuite.schemas import DOCUMENT, REJECTED_DOCUMENT
from anessuite.sharding import shard_count, write_shards
from anessuite.sign_off import Removal
from anessuite.sources.against import Against
from filters.contamination import REASONS
from tasks import curate, decontaminate, deduplicate
from tasks.describe import corpus_facts
from tasks.show import show_corpus
from tasks.survey import read_plan

DECONTAMINATION = "decontamination"
STAGES: dict[str, tuple[str, ...]] = {
    "read": (curate.NO_TEXT, "malformed_json", "not_extractable", "extraction_timeout"),
    "keywords (any term)": (curate.NO_TERM,),
    "keywords (whole terms)": (
        "no_whole_word",
        "no_core_term",
        "too_few_hits",
        "too_few_terms",
        "too_sparse",
    ),
    "language": ("wrong_language",),
    "quality": (),
    "exact duplicates": (deduplicate.EXACT,),
    "near duplicates": (deduplicate.NEAR,),
    DECONTAMINATION: tuple(REASONS.values()),
}
"""The funnel's stages in order, with their reasons; ``quality`` has all that no other stage has."""

SUMMARY = (
    "Documents for continued pre-training on anesthesiology, "
    "found in web corpora by a two-stage keyword filter."
)


@task(name="publish", cache_policy=NO_CACHE)
def publish(build: Build, recipe: Recipe, *, licences: dict[str, str], against: Against | None = None) -> str:
    """Finish the version; returns its reference. Raises NothingKept or RowsLost instead of publishing
    nonsense."""
    parts = curate.results(build)
    contaminated = decontaminate.read_contaminated(build)
    decisions = pl.concat([deduplicate.read_decisions(build), contaminated])
    build.store.remove(build.publish_folder)
    kept = _write_kept(build, parts, decisions)
    rejected = _write_rejected(build, parts, decisions)
    stages = [stage for stage in STAGES if stage != DECONTAMINATION or against is not None]
    funnel = _funnel(parts, _dropped_by_source(build, decisions), stages)
    warnings = _warnings(build, funnel) + (against.warnings if against is not None else [])
    manifest = _manifest(build, recipe, funnel, kept, rejected, parts, warnings)
    _check_rows(manifest)
    facts = corpus_facts(build, manifest, licences)
    texts = {
        "README.md": dataset_card(manifest, licences=licences, summary=SUMMARY),
        "report.html": corpus_report(manifest, facts),
    }
    if against is not None:
        texts["decontamination.html"] = _sign_off(build, against, parts, contaminated)
    files = [_write_text(build, name, text) for name, text in texts.items()]
    manifest = manifest.model_copy(update={"files": [*manifest.files, *files]})
    build.publish(manifest)
    show_corpus(build, manifest, facts)
    return str(build.ref)


def _sign_off(build: Build, against: Against, parts: list[dict[str, Any]], contaminated: pl.DataFrame) -> str:
    """The page on what was removed against the benchmark; it judged what no earlier step dropped."""
    shown = contaminated.sort("position").head(decontaminate.MOST_REMOVALS)
    removals: list[Removal] = []
    for part in parts:
        rows = _read(build, part["files"]["kept"]).select("position", "id", "text").join(shown, on="position")
        removals += [
            Removal(row["id"], row["text"], row["reason"], json.loads(row["evidence"]))
            for row in rows.iter_rows(named=True)
        ]
    marks = [build.marked(decontaminate.STEP, f"{number:05d}") or {} for number in range(len(parts))]
    return decontaminate.sign_off(
        build,
        against,
        title=f"Decontamination of {build.ref}",
        rows=sum(mark["rows"] for mark in marks),
        drops=dict(contaminated.group_by("reason").len().sort("reason").iter_rows()),
        removals=removals,
    )


def _write_kept(build: Build, parts: list[dict[str, Any]], decisions: pl.DataFrame) -> list[File]:
    dropped = decisions.select("position")
    files: list[File] = []
    for language in dict.fromkeys(part["language"] for part in parts):
        mine = [part["files"]["kept"] for part in parts if part["language"] == language]
        frames = (_read(build, file).join(dropped, on="position", how="anti") for file in mine)
        files += write_shards(
            build.store,
            f"{build.publish_folder}/data",
            frames,
            DOCUMENT,
            shards=shard_count(sum(file["bytes"] for file in mine)),
            name=language,
            sort_by=["id"],
            scratch=build.path("scratch"),
        )
    return [_below(build, file) for file in files]


def _write_rejected(build: Build, parts: list[dict[str, Any]], decisions: pl.DataFrame) -> list[File]:
    files = write_shards(
        build.store,
        f"{build.publish_folder}/rejected",
        _rejected_frames(build, parts, decisions),
        REJECTED_DOCUMENT,
        shards=shard_count(sum(part["files"]["rejected"]["bytes"] for part in parts)),
        name="part",
        sort_by=["id", "source", "source_id", "reason", "evidence", "text"],
        scratch=build.path("scratch"),
    )
    return [_below(build, file) for file in files]


def _rejected_frames(
    build: Build, parts: list[dict[str, Any]], decisions: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    for part in parts:
        yield _read(build, part["files"]["rejected"])
    for part in parts:
        dropped = _read(build, part["files"]["kept"]).join(decisions, on="position")
        yield dropped.select(REJECTED_DOCUMENT.names)


def _read(build: Build, file: dict[str, Any]) -> pl.DataFrame:
    return pl.read_parquet(build.store.read_bytes(file["path"]))


def _below(build: Build, file: File) -> File:
    return file.model_copy(update={"path": str(PurePosixPath(file.path).relative_to(build.publish_folder))})


def _write_text(build: Build, name: str, text: str) -> File:
    content = text.encode()
    digest = build.store.write_bytes(f"{build.publish_folder}/{name}", content)
    return File(path=name, bytes=len(content), sha256=digest)


def _dropped_by_source(build: Build, decisions: pl.DataFrame) -> dict[str, Counter[str]]:
    units = read_plan(build).units
    found: dict[str, Counter[str]] = {}
    unit = (pl.col("position") // (1 << 32)).alias("unit")
    for index, reason, rows in decisions.group_by(unit, "reason").len().iter_rows():
        found.setdefault(units[index].source.label, Counter())[reason] += rows
    return found


def _funnel(parts: list[dict[str, Any]], repeated: dict[str, Counter[str]], stages: list[str]) -> list[Stage]:
    stage_of = {reason: stage for stage, reasons in STAGES.items() for reason in reasons}
    funnel: list[Stage] = []
    for source in dict.fromkeys(part["source"] for part in parts):
        mine = [part for part in parts if part["source"] == source]
        dropped = sum((Counter(part["dropped"]) for part in mine), Counter[str]()) + repeated.get(
            source, Counter()
        )
        rows = sum(part["rows"] for part in mine)
        for stage in stages:
            here = {r: n for r, n in sorted(dropped.items()) if stage_of.get(r, "quality") == stage}
            funnel.append(Stage(stage=stage, source=source, rows_in=rows, dropped=here))
            rows = funnel[-1].rows_out
    return funnel


def _warnings(build: Build, funnel: list[Stage]) -> list[str]:
    found: list[str] = []
    for source in dict.fromkeys(stage.source for stage in funnel):
        mine = [stage for stage in funnel if stage.source == source]
        read, with_term, kept = mine[0].rows_in, mine[1].rows_out, mine[-1].rows_out
        if not read:
            found.append(f"source {source} holds no rows")
        elif not with_term:
            found.append(
                f"source {source}: no term at all in {read:,} rows; is it the language of its lexicon?"
            )
        elif not kept:
            found.append(f"source {source}: none of {read:,} rows is kept, though {with_term:,} hold a term")
    found += [f"left out {q.path} of source {q.source}: {q.error}" for q in _quarantined(build)]
    if not sum(stage.rows_out for stage in funnel if stage.stage == funnel[-1].stage):
        if not sum(stage.rows_in for stage in funnel if stage.stage == next(iter(STAGES))):
            raise NothingKept(f"{build.ref}: the sources hold no rows", "check the paths in the config")
        reasons = sum((Counter(stage.dropped) for stage in funnel), Counter[str]())
        raise NothingKept(
            f"{build.ref}: no row is kept. Dropped: {dict(reasons.most_common())}",
            "check the sources' language and columns; anes lexicon --lang L DOCS shows what the terms hit",
        )
    return found


def _quarantined(build: Build) -> list[Quarantined]:
    plan, marks = read_plan(build), curate.results(build)
    broken = [
        {"source": mark["source"], "path": unit.file.name, "error": mark["quarantined"]}
        for unit, mark in zip(plan.units, marks, strict=True)
        if "quarantined" in mark
    ]
    return [*plan.quarantined, *(Quarantined(**fields) for fields in broken)]


def _manifest(
    build: Build,
    recipe: Recipe,
    funnel: list[Stage],
    kept: list[File],
    rejected: list[File],
    parts: list[dict[str, Any]],
    warnings: list[str],
) -> Manifest:
    rows: Counter[str] = Counter()
    for file in kept:
        rows[PurePosixPath(file.path).name.split("-")[0]] += file.rows or 0
    return Manifest(
        name=build.ref.name,
        version=build.ref.version,
        created=datetime.now(UTC),
        recipe=recipe,
        code=provenance.code(),
        packages=provenance.packages(),
        schema_={field.name: str(field.type) for field in DOCUMENT},
        files=[*kept, *rejected],
        rows=dict(rows),
        drops=dict(sorted(sum((Counter(stage.dropped) for stage in funnel), Counter[str]()).items())),
        funnel=funnel,
        masked=dict(sorted(sum((Counter(part["masked"]) for part in parts), Counter[str]()).items())),
        quarantined=_quarantined(build),
        requests={},
        warnings=warnings,
    )


def _check_rows(manifest: Manifest) -> None:
    """Every row that was read is kept, or dropped with a reason; and every stored one is in a file."""
    read = sum(stage.rows_in for stage in manifest.funnel if stage.stage == next(iter(STAGES)))
    stored = sum(file.rows or 0 for file in manifest.rejected_files())
    counted = manifest.dropped - manifest.drops.get(curate.NO_TERM, 0)
    if read != manifest.kept + manifest.dropped or stored != counted:
        raise RowsLost(
            f"{read:,} rows were read, {manifest.kept:,} kept and {manifest.dropped:,} dropped; "
            f"{stored:,} of {counted:,} dropped rows are stored",
            "this is a defect of the product: report it, and build anew with --restart",
        )
