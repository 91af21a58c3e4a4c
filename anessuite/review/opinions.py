"""Reviews of exam questions by people: what one is, how several are merged, and what they settle.

A review is one annotator's opinion of one question: its cognitive level, whether the gold answer is correct
and whether the question is sound. It counts for a question only while that has the content that was judged.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, get_args

import polars as pl

from anessuite.normalisation import normalise
from anessuite.votes import LEVELS

Role = Literal["annotator", "adjudicator"]
GOLD_CORRECT = ("yes", "no", "unsure")
SOUND = ("yes", "no")
ROLES: tuple[Role, ...] = get_args(Role)
MODEL_ORIGINS = ("model", "tie")
"""Values of ``level_origin`` where nobody but the model has decided."""

REVIEW: dict[str, pl.DataType] = {
    "id": pl.String(),
    "content": pl.String(),
    "annotator": pl.String(),
    "role": pl.String(),
    "level": pl.String(),
    "gold_correct": pl.String(),
    "sound": pl.String(),
    "comment": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "imported_from": pl.String(),
}
"""Columns of the stored reviews. ``content`` is that of the question as it was exported, ``at`` when the
annotator last changed the review; ``gold_correct``, ``sound`` and ``comment`` may be null."""
KEY = ("id", "annotator", "role")
"""Of what there is one review."""
OPINION = ("content", "level", "gold_correct", "sound", "comment")
"""What a review says."""
_ENOUGH_DOUBTS = 2


def no_reviews() -> pl.DataFrame:
    """Reviews before the first import."""
    return pl.DataFrame(schema=REVIEW)


def question_content(question: str, options: Sequence[dict[str, str]], answer: str) -> str:
    """SHA-256 of what a reviewer judges, normalised: stem, options in order with letters, gold answer."""
    judged = [normalise(question), [[o["letter"], normalise(o["text"])] for o in options], answer]
    return hashlib.sha256(json.dumps(judged, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


def with_content(questions: pl.DataFrame) -> pl.DataFrame:
    """The questions with a column ``content``; see `question_content`."""
    rows = questions.select("question", "options", "answer").iter_rows()
    return questions.with_columns(
        content=pl.Series([question_content(*row) for row in rows], dtype=pl.String)
    )


def votes_by_level(votes: Sequence[dict[str, Any]] | None) -> dict[str, int]:
    """The parseable votes of a model, level -> how many, most first; equals in the order of `LEVELS`."""
    counts = Counter(vote["level"] for vote in votes or () if vote["level"] in LEVELS)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], LEVELS.index(pair[0]))))


def with_model_level(questions: pl.DataFrame) -> pl.DataFrame:
    """The questions with ``model_level`` and ``model_origin``: what the model found, whatever people decided.

    Where the level is still the model's, both are the question's own; else ``model_level`` is the winner of
    the votes, the lower level of a tie, and ``model_origin`` "model" or "tie". Without votes that can be read
    the level is the question's.
    """
    counts = [votes_by_level(votes) for votes in questions["votes"].to_list()]
    winners = pl.Series([next(iter(count), None) for count in counts], dtype=pl.String)
    tied = pl.Series([list(count.values())[:2] for count in counts], dtype=pl.List(pl.Int64))
    is_models = pl.col("level_origin").is_in(MODEL_ORIGINS)
    origin = pl.when(pl.lit((tied.list.len() == 2) & (tied.list.n_unique() == 1))).then(pl.lit("tie"))
    return questions.with_columns(
        model_level=pl.when(is_models).then("level").otherwise(pl.coalesce(pl.lit(winners), "level")),
        model_origin=pl.when(is_models).then("level_origin").otherwise(origin.otherwise(pl.lit("model"))),
    )


def merge_reviews(stored: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Both together, sorted; of several reviews of one question by one annotator the latest stays.

    Those of one time have to be alike: `conflicts` finds the others.
    """
    together = pl.concat([new.select(*REVIEW), stored.select(*REVIEW)])
    latest = together.sort("at", descending=True, maintain_order=True).unique(KEY, keep="first")
    return latest.sort(KEY)


def conflicts(stored: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """The rows of ``new`` that another review of the same annotator, question and time contradicts."""
    together = pl.concat([stored.select(*REVIEW), new.select(*REVIEW)])
    several = together.group_by(*KEY, "at").agg(pl.struct(OPINION).n_unique().alias("opinions"))
    return new.join(several.filter(pl.col("opinions") > 1), on=[*KEY, "at"], how="semi", nulls_equal=True)


def current_reviews(questions: pl.DataFrame, reviews: pl.DataFrame) -> pl.DataFrame:
    """The reviews of questions that are there with the very content that was reviewed."""
    there = questions if "content" in questions.columns else with_content(questions)
    return reviews.join(there.select("id", "content"), on=["id", "content"], how="semi")


def settle(questions: pl.DataFrame, reviews: pl.DataFrame, *, required: int = 2) -> pl.DataFrame:
    """The questions, in their order, with what the reviews decide.

    - ``level`` and ``level_origin``: "adjudicated" if an adjudicator decided; else "human" if all reviewers
      of the question agree, be it one; else "model" or "tie", with the model's level.
    - ``reviewed``: at least ``required`` annotators reviewed it; an adjudicator is none.
    - ``disputed``: the annotators chose different levels and no adjudicator has decided.

    Reviews of another content than the question's are ignored. Raises ValueError if ``required`` is below 1.
    """
    if required < 1:
        raise ValueError(f"{required} reviews required; at least one is")
    current = current_reviews(questions, reviews)
    by_question = (
        current.filter(pl.col("role") == "annotator")
        .group_by("id")
        .agg(
            pl.col("annotator").n_unique().alias("_annotators"),
            pl.col("level").n_unique().alias("_levels"),
            pl.col("level").first().alias("_human"),
        )
    )
    decided = (
        current.filter(pl.col("role") == "adjudicator")
        .sort("at")
        .group_by("id", maintain_order=True)
        .agg(pl.col("level").last().alias("_decided"))
    )
    joined = (
        with_model_level(questions)
        .join(by_question, on="id", how="left", maintain_order="left")
        .join(decided, on="id", how="left", maintain_order="left")
    )
    agreed = pl.when(pl.col("_levels") == 1).then("_human")
    settled = joined.with_columns(
        level=pl.coalesce("_decided", agreed, "model_level"),
        level_origin=pl.when(pl.col("_decided").is_not_null())
        .then(pl.lit("adjudicated"))
        .when(agreed.is_not_null())
        .then(pl.lit("human"))
        .otherwise("model_origin"),
        reviewed=(pl.col("_annotators") >= required).fill_null(False),
        disputed=((pl.col("_levels") > 1) & pl.col("_decided").is_null()).fill_null(False),
    )
    return settled.select(*questions.columns, *({"disputed"} - set(questions.columns)))


def doubted_questions(questions: pl.DataFrame, reviews: pl.DataFrame) -> pl.DataFrame:
    """Questions whose gold answer is called wrong, or which are called unsound: by the adjudicator who
    judged them last, or else by two annotators or more.

    Columns: ``id``, ``gold_wrong`` and ``unsound`` (people that say so), ``annotators``, ``comments``; those
    with the most doubts first.
    """
    doubt = (pl.col("gold_correct") == "no") | (pl.col("sound") == "no")
    judged = pl.any_horizontal(pl.col("gold_correct", "sound").is_not_null())
    current = current_reviews(questions, reviews).with_columns(doubt=doubt.fill_null(False))
    decided = current.filter((pl.col("role") == "adjudicator") & judged).sort("at").unique("id", keep="last")
    by_people = current.filter(pl.col("role") == "annotator", "doubt").join(decided, on="id", how="anti")
    enough = by_people.filter(pl.len().over("id") >= _ENOUGH_DOUBTS)
    found = (
        pl.concat([enough, decided.filter("doubt").select(enough.columns)])
        .sort("annotator")
        .group_by("id", maintain_order=True)
        .agg(
            (pl.col("gold_correct") == "no").sum().alias("gold_wrong"),
            (pl.col("sound") == "no").sum().alias("unsound"),
            pl.col("annotator").unique(maintain_order=True).alias("annotators"),
            pl.col("comment").drop_nulls().alias("comments"),
        )
    )
    return found.sort(pl.col("annotators").list.len(), "gold_wrong", "id", descending=[True, True, False])
