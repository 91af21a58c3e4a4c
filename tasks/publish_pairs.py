"""Publish AnesQA: pairs with their provenance, rejected rows of every stage, card, report, sign-off page."""

import json

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.cards import pair_card
from anessuite.manifests import Manifest, Recipe
from anessuite.pair_reports import pair_report
from anessuite.report_facts import pair_facts
from anessuite.schemas import QA_PAIR, REJECTED_PAIR
from anessuite.sign_off import Removal
from anessuite.sources.against import Against
from anessuite.sources.citations import CitationSource
from anessuite.stages import Stage
from filters.contamination import REASONS
from tasks import decontaminate
from tasks.generate import Asked, request_counts
from tasks.publish_stages import Finished, publish_stages, warnings_of
from tasks.select import quarantined
from tasks.show import show_pairs
from tasks.sift import stages_to


@task(name="publish", cache_policy=NO_CACHE)
def publish_pairs(
    last: Stage,
    recipe: Recipe,
    sources: list[CitationSource],
    *,
    asked: list[Asked],
    against: Against | None,
) -> str:
    """Finish the version; returns its reference. Raises NothingKept or RowsLost instead of publishing."""
    stages = stages_to(last)
    questions, judge, answer = asked
    columns = {
        "generator": questions.model.recipe()["model"],
        "filter": judge.model.recipe()["model"],
        "question_prompt": questions.prompt.label,
        "judge_prompt": judge.prompt.label,
        "answer_prompt": answer.prompt.label,
    }

    def finish(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(pl.lit(value).alias(name) for name, value in columns.items())

    requests: dict[str, int] = {}
    for one, rows in zip(asked, (stages[1], stages[3], stages[4]), strict=True):
        requests |= request_counts(last.build, one.step, rows.parts())
    finished = Finished(
        build=last.build,
        recipe=recipe,
        stages=stages,
        data=QA_PAIR,
        rejected=REJECTED_PAIR,
        finish=finish,
        languages=[answer.prompt.language],
        requests=requests,
        quarantined=quarantined(last.build),
        warnings=warnings_of(stages, requests, quarantined(last.build))
        + (against.warnings if against else []),
    )
    licences = {source.label: source.licence for source in sources}

    facts = pair_facts(finished.kept_frames(), finished.rejected_frames(), licences)

    def pages(manifest: Manifest) -> dict[str, str]:
        texts = {"README.md": pair_card(manifest, licences), "report.html": pair_report(manifest, facts)}
        return texts | ({} if against is None else {"decontamination.html": _sign_off(stages, against)})

    manifest = publish_stages(finished, pages)
    show_pairs(last.build, manifest, facts)
    return str(last.build.ref)


def _sign_off(stages: list[Stage], against: Against) -> str:
    """The page on what was removed against the benchmark."""
    last, removals = stages[-1], list[Removal]()
    for part in last.parts():
        rows = last.read_rejected(part).filter(pl.col("reason").is_in(list(REASONS.values())))
        removals += [
            Removal(
                row["id"], f"{row['question']}\n{row['answer']}", row["reason"], json.loads(row["evidence"])
            )
            for row in rows.head(decontaminate.MOST_REMOVALS - len(removals)).iter_rows(named=True)
        ]
    funnel = last.funnel()
    return decontaminate.sign_off(
        last.build,
        against,
        title=f"Decontamination of {last.build.ref}",
        rows=funnel.rows_in,
        drops=funnel.dropped,
        removals=removals,
    )
