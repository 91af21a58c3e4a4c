"""Publish an evaluation: answers, tables of scores, card, report, leaderboard."""

import io
from collections.abc import Sequence

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.cards import evaluated_card
from anessuite.evaluation_facts import NEEDED, evaluation_tables, evaluation_warnings
from anessuite.evaluation_reports import evaluation_report
from anessuite.evaluation_schemas import ANSWER
from anessuite.leaderboard import leaderboard_page
from anessuite.manifests import Manifest, Recipe
from anessuite.open_agreement import open_agreement, read_people
from anessuite.published_scores import published_scores
from anessuite.question_schemas import REJECTED_QUESTION
from anessuite.sources.files import find_files
from anessuite.stages import Stage
from tasks.contests import Contests
from tasks.generate import request_counts
from tasks.lay_out import questions_stage
from tasks.pool import Pool
from tasks.publish_stages import Finished, publish_stages, warnings_of
from tasks.show import show_evaluation


@task(name="publish", cache_policy=NO_CACHE)
def publish_evaluation(
    answers: Stage,
    recipe: Recipe,
    pool: Pool,
    contests: Contests,
    warnings: Sequence[str],
) -> str:
    """Finish the version; returns its reference. Raises NothingKept or RowsLost instead of publishing."""
    build, questions = answers.build, questions_stage(answers.build)
    requests: dict[str, int] = {}
    for asked in contests.asked(questions):
        requests |= request_counts(build, asked.step, questions.parts())
    read = pl.concat([frame.select(NEEDED) for frame in answers.frames()])
    stages = [questions, answers]
    finished = Finished(
        build=build,
        recipe=recipe,
        stages=stages,
        data=ANSWER,
        rejected=REJECTED_QUESTION,
        finish=lambda rows: rows,
        languages=pool.languages,
        requests=requests,
        quarantined=pool.quarantined,
        warnings=[
            *warnings,
            *warnings_of(stages, requests, pool.quarantined),
            *pool.warnings,
            *evaluation_warnings(read),
        ],
    )
    tables = evaluation_tables(read, contests.sizes, seed=contests.seed)
    agreement = open_agreement(read, _people(contests)) if contests.open else None

    def pages(manifest: Manifest) -> dict[str, str | bytes]:
        frames = tables.frames | ({} if agreement is None else {"open_agreement": agreement})
        board = leaderboard_page(
            str(build.ref), tables.scores, published_scores(), questions.frames(), answers.frames()
        )
        return {
            "README.md": evaluated_card(manifest, pool.licences),
            "report.html": evaluation_report(manifest, tables, agreement),
            "leaderboard.html": board,
        } | {f"tables/{name}.parquet": _parquet(frame) for name, frame in frames.items()}

    manifest = publish_stages(finished, pages)
    show_evaluation(build, manifest, tables.scores)
    return str(build.ref)


def _people(contests: Contests) -> pl.DataFrame | None:
    if contests.open is None or contests.open.human is None:
        return None
    file = find_files(contests.open.human)[0]
    fs, path = file.filesystem()
    return read_people(fs.cat_file(path), file.name)


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", statistics=False)
    return buffer.getvalue()
