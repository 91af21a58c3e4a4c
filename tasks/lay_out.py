"""The questions of an evaluation: what of the benchmark is asked, in which order of options, after which
exemplars.

Stage ``questions``. A part holds questions of one language, such as ``en-00000``.
"""

import random
from dataclasses import dataclass
from typing import Any

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.errors import ConfigError, NothingKept
from anessuite.evaluation_schemas import ASKED_QUESTION
from anessuite.option_orders import orders_of
from anessuite.question_schemas import REJECTED_QUESTION
from anessuite.sources.questions import Question
from anessuite.stages import Stage, split
from filters.near_questions import QuestionRules, near_questions
from filters.ordered_options import NAMES_OTHERS, ordered_options
from tasks.pool import LANGUAGES, PART_ROWS, Pool, rows_of

QUESTIONS = "questions"
EXEMPLAR = "exemplar"
Exemplars = dict[str, list[Question]]
"""By language."""


def questions_stage(build: Build) -> Stage:
    """The stage of what is asked."""
    return Stage(build, QUESTIONS, QUESTIONS, ASKED_QUESTION, REJECTED_QUESTION)


@task(name="lay out questions", cache_policy=NO_CACHE)
def lay_out(build: Build, pool: Pool, exemplars: Exemplars) -> Stage:
    """Put each question of the benchmark that can be asked into the stage, once; exemplars are not asked.

    Raises NothingKept if none can be asked.
    """
    stage = questions_stage(build)
    for language in LANGUAGES:
        rows = judged_rows(pool, language, exemplars)
        for number, frame in enumerate(rows.iter_slices(PART_ROWS)):
            part = f"{language}-{number:05d}"
            if stage.done(part) is None:
                kept, rejected = split(frame, pl.col("why"), pl.col("evidence"))
                stage.write(part, kept, stage.as_rejected(rejected), rows_in=frame.height)
    if not any(stage.count(part) for part in stage.parts()):
        dropped = stage.funnel().dropped
        raise NothingKept(f"{build.ref}: no question can be asked; dropped: {dropped}", "check `bench`")
    return stage


def judged_rows(pool: Pool, language: str, exemplars: Exemplars) -> pl.DataFrame:
    """All rows of a language with their ``level``, and ``why`` they are not asked, or null."""
    shown = [f"{one.source}\n{one.source_id}" for those in exemplars.values() for one in those]
    rows = rows_of(pool, language).join(
        _levels(pool), on=["source", "source_id"], how="left", maintain_order="left"
    )
    is_exemplar = pl.concat_str("source", pl.lit("\n"), "source_id").is_in(shown)
    unkeyed = pl.col("answer").is_null()
    repeated = pl.int_range(pl.len()).over("id") > 0
    why = (
        pl.when(pl.col("reason").is_null())
        .then(
            pl.when(unkeyed)
            .then(pl.lit("no_gold_answer"))
            .when(is_exemplar)
            .then(pl.lit(EXEMPLAR))
            .when(repeated)
            .then(pl.lit("exact_duplicate"))
        )
        .otherwise("reason")
    )
    return rows.with_columns(why=why)


def _levels(pool: Pool) -> pl.DataFrame:
    found = [(one.source, one.source_id, one.level) for each in pool.sets for one in each.questions]
    schema = {"source": pl.String, "source_id": pl.String, "level": pl.String}
    return pl.DataFrame(found, schema=schema, orient="row")


@task(name="choose exemplars", cache_policy=NO_CACHE)
def choose_exemplars(pool: Pool, others: Pool | None, *, most: int, seed: int) -> Exemplars:
    """``most`` questions a language, drawn with ``seed``: from ``others`` what is like no question of the
    benchmark, without ``others`` from the benchmark itself.

    Raises ConfigError where a language has too few.
    """
    if not most:
        return {}
    chosen: Exemplars = {}
    for language in pool.languages:
        asked, offered = _keyed(pool, language), _keyed(others or pool, language)
        if others is not None:
            near = {match.pool for match in near_questions(offered, asked, QuestionRules())}
            offered = [one for number, one in enumerate(offered) if number not in near]
        if len(offered) < most + (others is None):
            raise ConfigError(
                f"{most} exemplars are wanted, and {len(offered)} questions in {language} can serve",
                "state other `exemplars`, or fewer `shots`",
            )
        ordered = sorted(offered, key=lambda one: (one.source, one.source_id))
        chosen[language] = random.Random(f"{seed}/{language}").sample(ordered, most)  # noqa: S311
    return chosen


def _keyed(pool: Pool, language: str) -> list[Question]:
    return [one for each in pool.sets for one in each.questions if one.language == language and one.answer]


@dataclass(frozen=True)
class Shown:
    """The questions with their options in order ``order`` of ``orders``: 0 is the benchmark's own, others are
    shuffles that follow from ``seed`` and the question. A shuffle moves texts, not letters.

    Questions whose options name each other (*both A and B*) would say something else in another order: they
    are asked in their own alone. Of more orders than there are, those come again.
    """

    questions: Stage
    order: int
    orders: int
    seed: int

    @property
    def build(self) -> Build:
        return self.questions.build

    def parts(self) -> list[str]:
        return self.questions.parts()

    def count(self, part: str) -> int:
        return self.read(part).height if self.order else self.questions.count(part)

    def read(self, part: str) -> pl.DataFrame:
        """The rows of a part; ``letters`` are the benchmark's own letters in the order that is shown."""
        rows = self.questions.read(part)
        if self.order:
            rows = rows.filter(ordered_options()[0].eq_missing(NAMES_OTHERS).not_())
        shown = [self.shown(row) for row in rows.iter_rows(named=True)]
        types = {"options": rows.schema["options"], "answer": pl.String, "letters": pl.List(pl.String)}
        return rows.with_columns(
            pl.Series(name, [one[name] for one in shown], dtype=kind) for name, kind in types.items()
        )

    def shown(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row with its options in this order."""
        options, own = row["options"], [option["letter"] for option in row["options"]]
        if self.order:
            found = orders_of(len(options), most=self.orders, seed=self.seed, name=row["id"])
            options = [options[at] for at in found[self.order % len(found)]]
        letters = [option["letter"] for option in options]
        return row | {
            "options": [
                {"letter": letter, "text": option["text"]}
                for letter, option in zip(own, options, strict=True)
            ],
            "answer": own[letters.index(row["answer"])],
            "letters": letters,
        }
