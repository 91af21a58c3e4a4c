"""Publish AnesR1: solved questions, every attempt, what every stage rejected, card, report, sign-off page."""

import json
from collections.abc import Iterator

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.cards import solved_card
from anessuite.manifests import Manifest, Recipe
from anessuite.question_schemas import ATTEMPT, REJECTED_QUESTION, SOLVED_QUESTION
from anessuite.sampling import Mode
from anessuite.sign_off import Removal
from anessuite.solved_facts import solved_facts
from anessuite.solved_reports import solved_report
from anessuite.sources.against import Against
from anessuite.stages import Stage
from filters.contamination import REASONS
from tasks import decontaminate
from tasks.generate import request_counts
from tasks.judge_questions import NEAR_QUESTION
from tasks.pool import Pool, stages_of_pool
from tasks.publish_stages import Attached, Finished, publish_stages, warnings_of
from tasks.show import show_solved
from tasks.verify import attempt_bytes, attempt_frames


@task(name="publish", cache_policy=NO_CACHE)
def publish_solved(
    solved: Stage, recipe: Recipe, pool: Pool, against: Against | None, *, attempts: int, mode: Mode
) -> str:
    """Finish the version; returns its reference. Raises NothingKept or RowsLost instead of publishing."""
    build = solved.build
    stages = [*stages_of_pool(build, decontaminated=against is not None), solved]
    clean = stages[-2]

    def all_attempts(language: str) -> Iterator[pl.DataFrame]:
        return attempt_frames(clean, planned=attempts, mode=mode, language=language)

    requests: dict[str, int] = {}
    for number in range(1, attempts + 1):
        requests |= request_counts(build, f"attempt-{number}", clean.parts())
    attached = Attached(
        "attempts", ATTEMPT, all_attempts, attempt_bytes(clean, planned=attempts), ["id", "attempt"]
    )
    finished = Finished(
        build=build,
        recipe=recipe,
        stages=stages,
        data=SOLVED_QUESTION,
        rejected=REJECTED_QUESTION,
        finish=lambda rows: rows,
        languages=pool.languages,
        requests=requests,
        quarantined=pool.quarantined,
        warnings=warnings_of(stages, requests, pool.quarantined)
        + pool.warnings
        + (against.warnings if against else []),
        attached=[attached],
    )
    facts = solved_facts(
        finished.kept_frames(),
        finished.rejected_frames(),
        (frame for language in pool.languages for frame in all_attempts(language)),
        pool.licences,
    )

    def pages(manifest: Manifest) -> dict[str, str]:
        texts = {
            "README.md": solved_card(manifest, pool.licences),
            "report.html": solved_report(manifest, facts),
        }
        return texts | ({} if against is None else {"decontamination.html": _sign_off(clean, against)})

    manifest = publish_stages(finished, pages)
    show_solved(build, manifest, facts)
    return str(build.ref)


def _sign_off(clean: Stage, against: Against) -> str:
    """The page on what was removed against the benchmark."""
    removals: list[Removal] = []
    for part in clean.parts():
        rows = clean.read_rejected(part).filter(pl.col("reason").is_in([*REASONS.values(), NEAR_QUESTION]))
        removals += [
            Removal(row["id"], _shown(row), row["reason"], json.loads(row["evidence"]))
            for row in rows.head(decontaminate.MOST_REMOVALS - len(removals)).iter_rows(named=True)
        ]
    funnel = clean.funnel()
    return decontaminate.sign_off(
        clean.build,
        against,
        title=f"Decontamination of {clean.build.ref}",
        rows=funnel.rows_in,
        drops=funnel.dropped,
        removals=removals,
    )


def _shown(row: dict[str, object]) -> str:
    options = row["options"]
    assert isinstance(options, list)
    return "\n".join([str(row["question"]), *(f"{one['letter']}. {one['text']}" for one in options)])
