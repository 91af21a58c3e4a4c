"""Publish AnesBench: graded questions, rejected rows of every stage, card, report."""

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.cards import graded_card
from anessuite.graded_facts import GradedFacts, graded_facts
from anessuite.graded_reports import graded_report
from anessuite.manifests import Manifest, Recipe
from anessuite.question_schemas import GRADED_QUESTION, REJECTED_QUESTION
from anessuite.stages import Stage
from anessuite.votes import LEVELS
from tasks.describe import show_graded_in_ui
from tasks.generate import request_counts
from tasks.pool import Pool, stages_of_pool
from tasks.publish_stages import Finished, publish_stages, warnings_of

USUAL_SHARE = (0.2, 0.3)
"""Of questions above recall, as the AnesSuite paper (section on AnesBench) reports."""
_TELLING_QUESTIONS = 50
"""From which number on a share says anything."""


@task(name="publish", cache_policy=NO_CACHE)
def publish_graded(last: Stage, recipe: Recipe, pool: Pool, *, steps: list[tuple[str, Stage]]) -> str:
    """Finish the version; returns its reference. Raises NothingKept or RowsLost instead of publishing.

    ``steps`` are those that asked a model, each with the stage whose rows it was asked about.
    """
    build = last.build
    stages = [*stages_of_pool(build, decontaminated=False), *(stage for stage in later_stages(last))]
    requests: dict[str, int] = {}
    for step, asked_about in steps:
        requests |= request_counts(build, step, asked_about.parts())
    finished = Finished(
        build=build,
        recipe=recipe,
        stages=stages,
        data=GRADED_QUESTION,
        rejected=REJECTED_QUESTION,
        finish=lambda rows: rows,
        languages=pool.languages,
        requests=requests,
        quarantined=pool.quarantined,
    )
    facts = graded_facts(finished.kept_frames(), finished.rejected_frames(), pool.licences)
    told = warnings_of(stages, requests, pool.quarantined) + pool.warnings + share_warnings(facts)
    finished = Finished(**{**vars(finished), "warnings": told})

    def pages(manifest: Manifest) -> dict[str, str]:
        return {"README.md": graded_card(manifest, facts), "report.html": graded_report(manifest, facts)}

    manifest = publish_stages(finished, pages)
    show_graded_in_ui(build, manifest, facts)
    return str(build.ref)


def later_stages(last: Stage) -> list[Stage]:
    """The stages after the pool's, up to ``last``."""
    return [last]


def share_warnings(facts: GradedFacts) -> list[str]:
    """Where the share of questions above recall is not as usual, by language and by source."""
    low, high = USUAL_SHARE
    found = []
    for columns in (["language"], ["language", "source"]):
        for key, rows in facts.by_source.group_by(columns, maintain_order=True):
            whole = int(rows["questions"].sum())
            above = int(rows.filter(pl.col("level") != LEVELS[0])["questions"].sum())
            if whole >= _TELLING_QUESTIONS and not low <= above / whole <= high:
                found.append(
                    f"{', '.join(map(str, key))}: {above / whole:.0%} of {whole:,} questions are above "
                    f"recall; {low:.0%} to {high:.0%} is usual"
                )
    return found
