"""Publish a leakage analysis: rows a question and model, the joined table, card, report."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.leakage_cards import leakage_card
from anessuite.leakage_config import Probing
from anessuite.leakage_facts import TESTS, LeakageFacts, leakage_facts, overlap_of
from anessuite.leakage_reports import leakage_report
from anessuite.leakage_schemas import OVERLAP, PROBED_QUESTION, REJECTED_PROBE
from anessuite.manifests import Manifest, Recipe
from anessuite.schemas import empty
from anessuite.stages import Stage
from tasks.find_overlap import Overlap
from tasks.generate import request_counts
from tasks.pool import Pool
from tasks.probe import parts_of, step_of, whole_benchmark
from tasks.publish_stages import Attached, Finished, publish_stages, warnings_of
from tasks.show import show_leakage


@task(name="publish", cache_policy=NO_CACHE)
def publish_leakage(
    stages: tuple[Stage, Stage],
    recipe: Recipe,
    pool: Pool,
    probing: Probing,
    overlap: Overlap,
    failed: Mapping[str, str],
) -> str:
    """Finish the version; returns its reference. Raises NothingKept or RowsLost instead of publishing."""
    asked, judged = stages
    build = asked.build
    joined = overlap_of(
        whole_benchmark(pool), pl.concat([empty(PROBED_QUESTION), *judged.frames()]), overlap.found
    )
    facts = leakage_facts(judged.frames(), joined, overlap.looked_at, dict(failed), seed=probing.seed)
    requests = requests_of(asked, probing)

    def questions(language: str) -> Iterator[pl.DataFrame]:
        yield joined.filter(pl.col("language") == language)

    finished = Finished(
        build=build,
        recipe=recipe,
        stages=stages,
        data=PROBED_QUESTION,
        rejected=REJECTED_PROBE,
        finish=lambda rows: rows,
        languages=pool.languages,
        requests=requests,
        quarantined=pool.quarantined,
        warnings=warnings_of(stages, requests, pool.quarantined)
        + pool.warnings
        + overlap.warnings
        + told(facts),
        attached=[Attached("questions", OVERLAP, questions, asked.bytes("kept"), ["id"])],
    )

    def pages(manifest: Manifest) -> dict[str, str]:
        return {
            "README.md": leakage_card(manifest, facts),
            "report.html": leakage_report(manifest, facts),
        }

    manifest = publish_stages(finished, pages)
    show_leakage(build, manifest, _shown(facts))
    return str(build.ref)


def requests_of(asked: Stage, probing: Probing) -> dict[str, int]:
    """Counts of all steps; parts that were not asked (of a model that failed) count nothing."""
    found: dict[str, int] = {}
    for number in range(1, len(probing.models) + 1):
        for test in probing.tests:
            found |= request_counts(asked.build, step_of(test, number), parts_of(asked, number))
    return found


def _shown(facts: LeakageFacts) -> list[dict[str, Any]]:
    return [
        {
            "model": one.model,
            "test": meaning,
            "flagged": f"{one.rate.flagged} of {one.rate.questions}",
            "rate": f"{one.rate.rate:.1%}",
            "by chance": "not known" if one.rate.chance is None else f"{one.rate.chance:.1%}",
            "p (Holm)": "" if one.corrected is None else f"{one.corrected:.2g}",
        }
        for flag, meaning in TESTS.items()
        for one in facts.overall(flag)
    ]


def told(facts: LeakageFacts) -> list[str]:
    """What a reader has to know first."""
    lines = [f"{name} was left out, it could not be asked: {why}" for name, why in facts.failed.items()]
    few = max((one.few_orders for one in facts.models), default=0)
    if few:
        lines.append(f"{few:,} questions have two options, hence two orders, which tell little: in no rate")
    return lines
