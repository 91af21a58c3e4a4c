"""What lies behind the scores: gaps between levels and languages, orders of options, lengths of replies.

Gaps are differences of accuracies on different questions, with Newcombe's interval (1998, Interval estimation
for the difference between independent proportions, Statistics in Medicine 17, 873-890, method 10).
"""

from collections.abc import Iterator
from typing import Any

import polars as pl

from anessuite.evaluation_schemas import GAP, LENGTH, ORDER
from anessuite.sampling import wilson_bounds
from anessuite.schemas import empty
from anessuite.scores import ALL, CONTESTANT, NOT_ASKED, UNLABELLED
from anessuite.votes import LEVELS

_BINS = 6
"""Of lengths: each has about as many answers of a contestant."""


def gaps(scores: pl.DataFrame) -> pl.DataFrame:
    """GAP of a frame of SCORE: from English to Chinese, and from recall to decisions."""
    languages = _differences(scores.filter(pl.col("level") == ALL), "language", "en", "zh")
    levels = _differences(scores, "level", LEVELS[0], LEVELS[-1])
    found = [languages.with_columns(language=pl.lit(ALL)), levels]
    names = empty(GAP).columns
    return pl.concat([one.select(names) for one in found]).sort(*CONTESTANT, "gap", "language")


def _differences(scores: pl.DataFrame, column: str, first: str, second: str) -> pl.DataFrame:
    keys = [name for name in (*CONTESTANT, "language", "level") if name != column]
    values = ["accuracy", "low", "high"]
    sides = [scores.filter(pl.col(column) == one).select(*keys, *values) for one in (first, second)]
    joined = sides[0].join(sides[1], on=keys, suffix="_second")
    difference = pl.col("accuracy") - pl.col("accuracy_second")
    below = _root("accuracy", "low", "high_second", "accuracy_second")
    above = _root("high", "accuracy", "accuracy_second", "low_second")
    found = joined.with_columns(
        gap=pl.lit(f"{first} - {second}"),
        difference=difference,
        low=difference - below,
        high=difference + above,
    )
    return found.filter(pl.col("language") != "mean") if column == "level" else found


def _root(a: str, b: str, c: str, d: str) -> pl.Expr:
    return ((pl.col(a) - pl.col(b)) ** 2 + (pl.col(c) - pl.col(d)) ** 2).sqrt()


def orders(answers: pl.DataFrame) -> pl.DataFrame:
    """ORDER of a frame of ANSWER; without shuffled orders it has no rows."""
    both = pl.concat([answers.with_columns(language=pl.lit(ALL)), answers])
    lines = [
        dict(zip([*CONTESTANT, "language"], key, strict=True)) | _sensitivity(rows)
        for key, rows in both.group_by(*CONTESTANT, "language", maintain_order=True)
        if rows["order"].n_unique() > 1
    ]
    return pl.DataFrame(lines, schema=empty(ORDER).schema).sort(*CONTESTANT, "language")


def _sensitivity(rows: pl.DataFrame) -> dict[str, Any]:
    """Of the questions that were asked in every order."""
    orders_each = pl.col("order").n_unique().over("question_id")
    rows = rows.filter(orders_each == pl.col("order").n_unique())
    is_correct = pl.col("verdict") == "correct"
    each = rows.group_by("order").agg(accuracy=is_correct.mean())["accuracy"]
    questions = rows.group_by("question_id").agg(
        right=is_correct.all(),
        same=(pl.col("letter").n_unique() == 1) & pl.col("letter").is_not_null().all(),
    )
    return {
        "orders": rows["order"].n_unique(),
        "questions": questions.height,
        "lowest": each.min(),
        "highest": each.max(),
        "always_right": questions["right"].mean(),
        "same_option": questions["same"].mean(),
        "letters": list(_letters(rows)),
    }


def _letters(rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    chosen = dict(rows["shown_letter"].drop_nulls().value_counts().iter_rows())
    gold = dict(rows["shown_gold"].value_counts().iter_rows())
    for letter in sorted(chosen.keys() | gold.keys()):
        shares = chosen.get(letter, 0) / rows.height, gold.get(letter, 0) / rows.height
        yield {"letter": letter, "chosen": shares[0], "gold": shares[1]}


def lengths(answers: pl.DataFrame) -> pl.DataFrame:
    """LENGTH of a frame of ANSWER: accuracy by generated tokens, in bins of about as many answers each.

    Replies that were cut off are left out: their length is the limit's and they are wrong by rule.
    """
    rows = measurable(answers)
    rows = pl.concat([rows, rows.with_columns(level=pl.lit(ALL))])
    shorter = (pl.col("completion_tokens").rank("min") - 1) / pl.len()
    binned = rows.with_columns(bin=(shorter.over(CONTESTANT) * _BINS).floor())
    found = binned.group_by(*CONTESTANT, "level", "bin").agg(
        lower=pl.col("completion_tokens").min().cast(pl.Float64),
        upper=pl.col("completion_tokens").max().cast(pl.Float64),
        answers=pl.len(),
        accuracy=(pl.col("verdict") == "correct").mean(),
    )
    number = pl.col("answers").cast(pl.Float64)
    low, high = wilson_bounds(pl.col("accuracy") * number, number)
    types = empty(LENGTH).schema
    bounded = found.with_columns(low=low, high=high).sort(*CONTESTANT, "level", "bin")
    return bounded.select(pl.col(name).cast(types[name]) for name in types)


def measurable(answers: pl.DataFrame) -> pl.DataFrame:
    """Answers whose length is the model's own: asked, answered to the end, with tokens counted."""
    own = (pl.col("order") == 0) & (pl.col("completion_tokens") > 0)
    ended = ~pl.col("verdict").is_in([*NOT_ASKED, "truncated"])
    return answers.filter(own & ended).with_columns(pl.col("level").fill_null(UNLABELLED))
