"""Publish AnesBench: graded questions, rejected rows of every stage, card, report."""

from dataclasses import replace

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.cards import graded_card
from anessuite.graded_facts import GradedFacts, graded_facts
from anessuite.graded_reports import graded_report
from anessuite.manifests import Manifest, Recipe
from anessuite.question_schemas import GRADED_QUESTION, REJECTED_QUESTION
from anessuite.review.parts import ReviewFacts
from anessuite.stages import Stage
from anessuite.votes import LEVELS
from tasks.generate import request_counts
from tasks.grade import GRADE
from tasks.pool import Pool, stages_of_pool
from tasks.publish_stages import Finished, publish_stages, warnings_of
from tasks.settle_levels import Review, missing_in_words
from tasks.show import show_graded

USUAL_SHARE = (0.2, 0.3)
"""Of questions above recall, as the AnesSuite paper (section on AnesBench) reports."""
_TELLING_QUESTIONS = 50
"""From which number on a share says anything."""


@task(name="publish", cache_policy=NO_CACHE)
def publish_graded(review: Review, recipe: Recipe, pool: Pool, *, asked: tuple[str, Stage]) -> str:
    """Finish the version; returns its reference. Raises NothingKept or RowsLost instead of publishing.

    ``asked`` is the step that asked a model, and the stage whose rows it was asked about.
    """
    build = review.stage.build
    graded = Stage(build, GRADE, review.stage.unit, GRADED_QUESTION, REJECTED_QUESTION)
    stages = [*stages_of_pool(build, decontaminated=False), graded, review.stage]
    step, asked_about = asked
    requests = request_counts(build, step, asked_about.parts())
    finished = Finished(
        build=build,
        recipe=recipe.model_copy(update={"inputs": recipe.inputs + ([review.input] if review.input else [])}),
        stages=stages,
        data=GRADED_QUESTION,
        rejected=REJECTED_QUESTION,
        finish=lambda rows: rows,
        languages=pool.languages,
        requests=requests,
        quarantined=pool.quarantined,
    )
    facts = graded_facts(finished.kept_frames(), finished.rejected_frames(), pool.licences)
    reviewed = ReviewFacts(review.progress, review.statistics, review.rules.fraction, review.rules.annotators)
    told = warnings_of(stages, requests, pool.quarantined) + pool.warnings
    told += share_warnings(facts) + review_warnings(review)
    finished = replace(finished, warnings=told)

    def pages(manifest: Manifest) -> dict[str, str]:
        return {
            "README.md": graded_card(manifest, facts, reviewed),
            "report.html": graded_report(manifest, facts, reviewed),
        }

    manifest = publish_stages(finished, pages)
    show_graded(build, manifest, facts)
    return str(build.ref)


def review_warnings(review: Review) -> list[str]:
    """What is not reviewed, not settled, or said of questions that have changed since."""
    found = []
    if review.missing:
        found.append(f"not reviewed enough: {missing_in_words(review)}")
    if review.statistics.disputed:
        found.append(
            f"reviewers disagree on the level of {len(review.statistics.disputed):,} questions, which keep "
            f"the model's: see `anes review adjudicate {review.stage.build.ref}`"
        )
    if review.statistics.outdated:
        found.append(
            f"{review.statistics.outdated:,} reviews are of questions that are not here or have changed"
        )
    return found


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
