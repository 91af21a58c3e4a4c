"""How far the reviews of a version are, and how much people agree with each other and with the model."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import polars as pl

from anessuite.review.agreement import (
    Measure,
    Ratings,
    cohens_kappa,
    confusion,
    fleiss_kappa,
    krippendorffs_alpha,
    raw_agreement,
)
from anessuite.review.draw import wanted
from anessuite.review.opinions import (
    LEVELS,
    MODEL_ORIGINS,
    current_reviews,
    doubted_questions,
    settle,
    with_content,
)
from anessuite.review.opinions import with_model_level as _with_model_level

PROGRESS = ("language", "level", "questions", "wanted", "reviewed", "missing")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two raters; ``kappa`` is Cohen's, over the questions that both rated."""

    first: str
    second: str
    raw: Measure
    kappa: Measure


@dataclass(frozen=True, slots=True)
class Against:
    """Levels that people gave against those of the model, over ``questions`` questions.

    ``confusion`` has people's level in rows and the model's in columns, both in the order of `LEVELS`.
    """

    questions: int
    measures: list[Measure]
    confusion: list[list[int]]


@dataclass(frozen=True, slots=True)
class ReviewStatistics:
    """What the reviews say of a version; reviews of other contents than its questions' are left out.

    ``model`` compares the model with the level that people settled: all reviewers of a question agree, or an
    adjudicator decided. ``drawn`` does so on the questions drawn by chance only, for the others were chosen
    because the model was unsure; None where it is not known which those are.
    """

    reviews: dict[str, int]
    """annotator -> questions reviewed"""
    adjudicated: int
    outdated: int
    """reviews of a content that no question of the version has"""
    several: int
    """questions with two annotators or more"""
    human: list[Measure]
    pairs: list[Pair]
    model: Against
    drawn: Against | None
    annotators: list[Pair]
    """each annotator (first) with the model (second)"""
    disputed: list[str]
    """ids of questions on whose level annotators differ, and no adjudicator has decided"""
    doubted: list[dict[str, Any]]
    """see `opinions.doubted_questions`"""
    levels: tuple[str, ...] = LEVELS

    def as_dict(self) -> dict[str, Any]:
        """All of it in values that JSON has."""
        return asdict(self) | {"levels": list(self.levels)}


def progress(
    questions: pl.DataFrame, reviews: pl.DataFrame, *, fraction: float, required: int
) -> pl.DataFrame:
    """By language and level of the model: how many questions there are, are wanted, reviewed and missing.

    ``questions`` are of GRADED_QUESTION, ``reviews`` of REVIEW. ``wanted`` is the draw's number; ``reviewed``
    have ``required`` annotators or more, whether drawn or not; ``missing`` is what they fall short by. Sorted
    by language and level.
    """
    settled = settle(questions, reviews, required=required).select("id", "reviewed")
    joined = _with_model_level(questions.drop("reviewed")).join(settled, on="id", how="left")
    counts = joined.group_by("language", pl.col("model_level").alias("level")).agg(
        pl.len().cast(pl.Int64).alias("questions"), pl.col("reviewed").sum().cast(pl.Int64)
    )
    numbers = [wanted(questions, fraction) for questions in counts["questions"]]
    told = counts.with_columns(wanted=pl.Series(numbers, dtype=pl.Int64)).with_columns(
        missing=(pl.col("wanted") - pl.col("reviewed")).clip(lower_bound=0)
    )
    order = pl.col("level").replace_strict({level: i for i, level in enumerate(LEVELS)}, default=len(LEVELS))
    return told.sort("language", order).select(PROGRESS)


def statistics(
    questions: pl.DataFrame, reviews: pl.DataFrame, *, drawn: Collection[str] | None = None
) -> ReviewStatistics:
    """The agreement of people with each other and with the model.

    ``questions`` are of GRADED_QUESTION, ``reviews`` of REVIEW; ``drawn`` are the ids drawn by chance.
    """
    told = _with_model_level(with_content(questions))
    current = current_reviews(told, reviews)
    opinions = current.filter(pl.col("role") == "annotator")
    names = sorted(opinions["annotator"].unique())
    ratings = _ratings(told, opinions, names)
    human: Ratings = ratings.select(names).rows()
    settled = settle(questions, reviews, required=1)
    counts = dict(opinions.group_by("annotator").len().iter_rows())
    return ReviewStatistics(
        reviews={name: counts[name] for name in names},
        adjudicated=current.filter(pl.col("role") == "adjudicator")["id"].n_unique(),
        outdated=reviews.height - current.height,
        several=sum(sum(level is not None for level in row) > 1 for row in human),
        human=_measures(human),
        pairs=[_pair(ratings, one, other) for one, other in combinations(names, 2)],
        model=_against(told, settled),
        drawn=None if drawn is None else _against(told, settled.filter(pl.col("id").is_in(list(drawn)))),
        annotators=[_pair(ratings, name, _MODEL, names=(name, "model")) for name in names],
        disputed=settled.filter("disputed")["id"].sort().to_list(),
        doubted=doubted_questions(told, reviews).to_dicts(),
    )


_MODEL = "\0model"
"""No annotator has such a name."""


def _ratings(told: pl.DataFrame, opinions: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """A column an annotator, and the model's; a row a question that anybody rated."""
    rated = told.filter(pl.col("id").is_in(opinions["id"].unique().implode())).select(
        "id", pl.col("model_level").alias(_MODEL)
    )
    for name in names:
        theirs = opinions.filter(pl.col("annotator") == name).select("id", pl.col("level").alias(name))
        rated = rated.join(theirs, on="id", how="left", maintain_order="left")
    return rated.drop("id")


def _measures(ratings: Ratings) -> list[Measure]:
    return [
        raw_agreement(ratings, LEVELS),
        fleiss_kappa(ratings, LEVELS),
        krippendorffs_alpha(ratings, LEVELS),
        krippendorffs_alpha(ratings, LEVELS, "ordinal"),
    ]


def _pair(ratings: pl.DataFrame, one: str, other: str, *, names: tuple[str, str] | None = None) -> Pair:
    first, second = ratings[one].to_list(), ratings[other].to_list()
    raw = raw_agreement(list(zip(first, second, strict=True)), LEVELS)
    return Pair(*(names or (one, other)), raw, cohens_kappa(first, second, LEVELS))


def _against(told: pl.DataFrame, settled: pl.DataFrame) -> Against:
    decided = settled.filter(~pl.col("level_origin").is_in(MODEL_ORIGINS)).select("id", "level")
    both = decided.join(told.select("id", "model_level"), on="id", how="inner", maintain_order="left")
    people, model = both["level"].to_list(), both["model_level"].to_list()
    rows = list(zip(people, model, strict=True))
    measures = [
        raw_agreement(rows, LEVELS),
        cohens_kappa(people, model, LEVELS),
        krippendorffs_alpha(rows, LEVELS, "ordinal"),
    ]
    return Against(both.height, measures, confusion(people, model, LEVELS))
