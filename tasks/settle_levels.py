"""Settle the levels of graded questions by what people said of them, and hold a release until they said it.

The stage is made anew in every run: reviews are no part of a recipe, since they come while a build waits. A
manifest names those that it took, with their digest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import orjson
import polars as pl
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.flow_runs import suspend_flow_run
from pydantic import Field

from anessuite.builds import Build
from anessuite.config import Config
from anessuite.errors import AnesError
from anessuite.manifests import Input, Recipe
from anessuite.question_schemas import GRADED_QUESTION, REJECTED_QUESTION
from anessuite.review.opinions import doubted_questions, settle
from anessuite.review.progress import ReviewStatistics, progress, statistics
from anessuite.review.store import ReviewStore
from anessuite.stages import Sifted, Stage, split
from anessuite.votes import LEVELS

REVIEW = "review"
GOLD_WRONG, UNSOUND = "gold_wrong", "unsound"
_DAY_SECONDS = 86_400


class ReviewRules(Config):
    """How much of a benchmark people have to look at before it is released."""

    fraction: float = Field(
        default=0.6, gt=0, le=1, description="of the questions of each language and level"
    )
    seed: int = Field(default=7, description="of the draw; what `anes review export` takes")
    annotators: int = Field(default=2, ge=1, le=10, description="opinions that make a question reviewed")
    wait: bool = Field(
        default=False, description="a run of a deployment is suspended until people are done, then resumed"
    )
    wait_days: int = Field(default=60, ge=1, description="how long it may stay suspended")


class ReviewMissing(AnesError):
    """A dated version was asked for before people have looked at enough of it."""


@dataclass(frozen=True)
class Review:
    """What people said of a version: the stage that it makes, how far it is, and how much they agree."""

    stage: Stage
    progress: pl.DataFrame
    statistics: ReviewStatistics
    rules: ReviewRules
    input: Input | None
    """The reviews as a manifest names them; None where there are none."""

    @property
    def missing(self) -> int:
        """Questions that people still have to look at."""
        return int(self.progress["missing"].sum())

    @property
    def wanted(self) -> int:
        return int(self.progress["wanted"].sum())


@task(name="settle levels", cache_policy=NO_CACHE)
def settle_levels(before: Stage, rules: ReviewRules) -> Review:
    """Put people's levels in the place of the model's, and drop what they found wrong (see `dropped`)."""
    build = before.build
    stage = Stage(build, REVIEW, "questions", GRADED_QUESTION, REJECTED_QUESTION)
    build.store.remove(build.path(REVIEW))
    stored = ReviewStore(build.store, build.ref.name)
    reviews = stored.reviews()
    questions = pl.concat(before.frames())
    settled = settle(questions, reviews, required=rules.annotators).drop("disputed")
    doubts = doubted_questions(questions, reviews)

    def sift(part: str, rows: pl.DataFrame) -> Sifted:
        ours = rows.select("id").join(settled, on="id", how="left", maintain_order="left")
        return dropped(ours.select(GRADED_QUESTION.names), doubts)

    stage.fill(before, sift)
    review = Review(
        stage,
        progress(questions, reviews, fraction=rules.fraction, required=rules.annotators),
        statistics(questions, reviews, drawn=_drawn(stored)),
        rules,
        _input(stored),
    )
    get_run_logger().info("reviews: %s", "; ".join(lines_of(review.progress)))
    return review


def with_reviews(recipe: Recipe, build: Build) -> Recipe:
    """The recipe as a manifest has it: the reviews that are there now are an input, too."""
    found = _input(ReviewStore(build.store, build.ref.name))
    return recipe if found is None else recipe.model_copy(update={"inputs": [*recipe.inputs, found]})


def _input(stored: ReviewStore) -> Input | None:
    digest = stored.digest()
    if digest is None:
        return None
    size = stored.store.sha256(stored.path)[1]
    return Input(name="reviews", source=stored.path, bytes=size, digest=digest)


def _drawn(stored: ReviewStore) -> set[str] | None:
    """Ids of the questions that were drawn by chance for people; None where nothing was exported."""
    exports = [one for one in stored.exports() if one.role == "annotator"]
    return {drawn for one in exports for drawn in one.drawn} if exports else None


def dropped(rows: pl.DataFrame, doubts: pl.DataFrame) -> Sifted:
    """Rows of GRADED_QUESTION without those in ``doubts``, as `opinions.doubted_questions` gives them.

    The reason is what more people say: ``gold_wrong``, or ``unsound``.
    """
    told = [
        orjson.dumps({name: doubt[name] for name in ("gold_wrong", "unsound", "comments")}).decode()
        for doubt in doubts.iter_rows(named=True)
    ]
    is_gold = pl.col("gold_wrong") >= pl.col("unsound")
    why = doubts.select(
        "id",
        why=pl.when(is_gold).then(pl.lit(GOLD_WRONG)).otherwise(pl.lit(UNSOUND)),
        told=pl.Series(told, dtype=pl.String),
    )
    return split(rows.join(why, on="id", how="left", maintain_order="left"), pl.col("why"), pl.col("told"))


def await_reviews(review: Review, *, allow_unreviewed: bool) -> None:
    """Return where the version may be published: dev, enough reviewed, or allowed without.

    Else a run of a deployment that may wait is suspended: it ends here, and begins again when somebody
    resumes it. Raises ReviewMissing where there is no such run.
    """
    ref = review.stage.build.ref
    if ref.is_dev or allow_unreviewed or not review.missing:
        return
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if review.rules.wait and run is not None and run.deployment_id is not None:
        get_run_logger().warning(
            "%s waits: %s. Import them with `anes review import`, then resume this run.",
            ref,
            missing_in_words(review),
        )
        suspend_flow_run(timeout=review.rules.wait_days * _DAY_SECONDS, key=uuid4().hex)  # ends this run
    raise ReviewMissing(f"{ref} is not reviewed enough: {missing_in_words(review)}", advice(review))


def advice(review: Review) -> str:
    """What to do about missing reviews."""
    name, rules = review.stage.build.ref.name, review.rules
    return (
        f"anes review export {name}@dev --fraction {rules.fraction:g} --seed {rules.seed} "
        f"--annotators {rules.annotators} --out DIR; let people fill it in; anes review import; and give "
        "this command again, which asks no model twice; or --allow-unreviewed, and the card says so"
    )


def missing_in_words(review: Review) -> str:
    """How many reviews are missing, and of what."""
    open_ones = review.progress.filter(pl.col("missing") > 0)
    done = review.wanted - review.missing
    return f"{done:,} of {review.wanted:,} wanted questions are reviewed; {'; '.join(lines_of(open_ones))}"


def lines_of(progress: pl.DataFrame) -> Sequence[str]:
    """``en system1: 3 of 12`` reviewed, and so on."""
    order = {level: place for place, level in enumerate(LEVELS)}
    rows = sorted(progress.iter_rows(named=True), key=lambda row: (row["language"], order[row["level"]]))
    return [
        f"{row['language']} {row['level']}: {row['reviewed']} of {row['wanted']} reviewed" for row in rows
    ]
