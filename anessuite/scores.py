"""Scores of models on a benchmark: accuracy by language and level, with intervals and averages.

All answers count: what is not correct is wrong. No answer, a refusal, a reply that was cut off and a request
that no model answered earn nothing, never the credit of a guess; their shares stand beside the accuracy.

With n samples a question's score is its share of right ones, and an accuracy the mean over questions. Its
interval is Wilson's (1927) with as many trials as questions: for several samples too wide rather than too
narrow, since a mean of samples varies less than one sample. Means and differences of accuracies have the
intervals of Zou and Donner (2008, Construction of confidence limits about effect measures, Statistics in
Medicine 27, 1693-1702), which for a difference are Newcombe's (1998).
"""

from typing import Final

import polars as pl

from anessuite.evaluation_schemas import SCORE
from anessuite.sampling import wilson_bounds
from anessuite.schemas import empty
from anessuite.votes import LEVELS

ALL: Final = "all"
MEAN: Final = "mean"
UNLABELLED: Final = "unlabelled"
NOT_ASKED: Final = ("bad_request", "request_failed")
"""Verdicts on requests that no model answered."""
NOT_JUDGED: Final = "not_judged"
"""The verdict on an open answer where no vote of the judge can be read."""
CONTESTANT: Final = ["model", "style"]
_GROUP: Final = [*CONTESTANT, "language", "level"]
_SHARES: Final = {"no_answer": ["no_answer"], "refused": ["refused"], "truncated": ["truncated"]} | {
    "not_asked": [*NOT_ASKED, NOT_JUDGED]
}


def scores(answers: pl.DataFrame, sizes: dict[str, float | None]) -> pl.DataFrame:
    """SCORE of a frame of ANSWER (texts may be missing), of answers in the benchmark's own order of options.

    ``sizes`` are billions of parameters by model. Empty for no answers.
    """
    rows = answers.filter(pl.col("order") == 0).with_columns(pl.col("level").fill_null(UNLABELLED))
    if not rows.height:
        return pl.DataFrame(schema=empty(SCORE).schema)
    rows = pl.concat([rows, rows.with_columns(level=pl.lit(ALL))])
    rows = pl.concat([rows, rows.with_columns(language=pl.lit(ALL))])
    single = _bounded(_measured(rows))
    with_levels = pl.concat([single, _mean(single, "level", LEVELS)])
    whole = pl.concat([with_levels, _mean(with_levels, "language", ("en", "zh"))])
    size = pl.col("model").replace_strict(sizes, default=None, return_dtype=pl.Float64)
    types = empty(SCORE).schema
    return whole.with_columns(size=size).select(pl.col(name).cast(types[name]) for name in types).sort(_GROUP)


def _measured(rows: pl.DataFrame) -> pl.DataFrame:
    """Accuracy, counts and shares of each group; of a question's samples each counts the same."""
    is_correct = (pl.col("verdict") == "correct").mean()
    shares = [pl.col("verdict").is_in(those).mean().alias(name) for name, those in _SHARES.items()]
    questions = rows.group_by(*_GROUP, "question_id").agg(
        is_correct.alias("accuracy"),
        pl.len().alias("answers"),
        pl.col("completion_tokens").mean().alias("tokens"),
        pl.col("cost").mean(),
        *shares,
    )
    means = [pl.col(name).mean() for name in ("accuracy", "tokens", "cost", *_SHARES)]
    found = questions.group_by(_GROUP).agg(pl.len().alias("questions"), pl.col("answers").sum(), *means)
    samples = rows.group_by(*_GROUP, "attempt").agg(is_correct.alias("share"))
    spread = samples.group_by(_GROUP).agg(spread=pl.col("share").std())
    return found.join(spread, on=_GROUP, how="left").select(*found.columns, "spread")


def _bounded(found: pl.DataFrame) -> pl.DataFrame:
    questions = pl.col("questions").cast(pl.Float64)
    low, high = wilson_bounds(pl.col("accuracy") * questions, questions)
    return found.with_columns(low=low, high=high)


def _mean(found: pl.DataFrame, column: str, values: tuple[str, ...]) -> pl.DataFrame:
    """The unweighted mean over ``values`` of ``column``, where a contestant has them all."""
    keys = [name for name in _GROUP if name != column]
    members = found.filter(pl.col(column).is_in(values))
    means = [pl.col(name).mean() for name in ("accuracy", "tokens", "cost", "spread", *_SHARES)]
    off = pl.col("accuracy").mean()
    below, above = (
        ((pl.col("accuracy") - pl.col(bound)) ** 2).sum().sqrt() / len(values) for bound in ("low", "high")
    )
    averaged = members.group_by(keys).agg(
        pl.len().alias("members"),
        pl.col("questions").sum(),
        pl.col("answers").sum(),
        *means,
        low=off - below,
        high=off + above,
    )
    complete = averaged.filter(pl.col("members") == len(values))
    return complete.with_columns(pl.lit(MEAN).alias(column)).select(found.columns)
