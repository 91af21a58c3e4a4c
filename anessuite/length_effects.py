"""Does a longer reply help, or does a hard question make the reply long and the answer wrong?

Two logistic regressions of *right* on the binary logarithm of the generated tokens. The plain one mixes both.
Conditional logistic regression (Chamberlain 1980, Analysis of covariance with qualitative data, Review of
Economic Studies 47, 225-238) compares answers to the same question only, so that the question's difficulty
drops out, whatever it is; it needs several answers to a question, from samples or from several models, some
right and some wrong. Over several models each has its own intercept, so that good models with long replies
count for nothing either.
"""

import warnings
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import polars as pl

from anessuite.evaluation_schemas import LENGTH_EFFECT
from anessuite.schemas import empty
from anessuite.score_analyses import measurable
from anessuite.scores import ALL

PLAIN: Final = "plain"
WITHIN: Final = "within questions"
_FEWEST = 30
_MOST_ANSWERS = 2000
_LARGEST_LOG_ODDS = 20.0
_Z = 1.959963984540054


def length_effects(answers: pl.DataFrame) -> pl.DataFrame:
    """LENGTH_EFFECT of a frame of ANSWER: each model and ``all`` models, each level and ``all`` levels.

    Styles are pooled, each with an intercept of its own. The estimate within questions reads about
    2,000 answers at most (to the questions with the lowest ids), since its likelihood is costly.
    """
    rows = measurable(answers)
    lines = [
        {"model": model, "level": level, "method": method} | _effect(part, method)
        for model, of_model in _grouped(rows, "model")
        for level, part in _grouped(of_model, "level")
        for method in (PLAIN, WITHIN)
    ]
    return pl.DataFrame(lines, schema=empty(LENGTH_EFFECT).schema)


def _grouped(rows: pl.DataFrame, column: str) -> Iterator[tuple[str, pl.DataFrame]]:
    groups = [(str(key[0]), part) for key, part in rows.sort(column).group_by(column, maintain_order=True)]
    yield from groups
    if len(groups) > 1:
        yield ALL, rows


def _effect(rows: pl.DataFrame, method: str) -> dict[str, Any]:
    rows = rows.with_columns(
        right=(pl.col("verdict") == "correct").cast(pl.Float64),
        length=pl.col("completion_tokens").cast(pl.Float64).log(2.0),
        contestant=pl.concat_str("model", pl.lit("\n"), "style"),
    )
    if method == WITHIN:
        telling = pl.col("right").min().over("question_id") != pl.col("right").max().over("question_id")
        rows = rows.filter(telling)
        most = max(1, _MOST_ANSWERS * rows["question_id"].n_unique() // max(1, rows.height))
        read = rows["question_id"].unique().sort().head(most)
        rows = rows.filter(pl.col("question_id").is_in(read.implode()))
    counts = {"answers": rows.height, "questions": rows["question_id"].n_unique()}
    why_not = _why_not(rows, method)
    estimate = {} if why_not else _estimate(rows, method)
    return counts | {"odds_ratio": None, "low": None, "high": None, "why_not": why_not} | estimate


def _why_not(rows: pl.DataFrame, method: str) -> str | None:
    if rows.height < _FEWEST:
        told = (
            "answers to questions that were answered both right and wrong" if method == WITHIN else "answers"
        )
        return f"{rows.height} {told}; {_FEWEST} are needed"
    if rows["right"].n_unique() < 2:
        return "all answers are right, or all are wrong"
    return "all replies are of one length" if rows["length"].n_unique() < 2 else None


def _estimate(rows: pl.DataFrame, method: str) -> dict[str, Any]:
    """The odds ratio a doubling; without one where the likelihood has no maximum."""
    import statsmodels.api as sm
    from statsmodels.discrete.conditional_models import ConditionalLogit
    from statsmodels.tools.sm_exceptions import ModelWarning, PerfectSeparationError

    design = _design(rows)
    groups = rows["question_id"].rank("dense").to_numpy()
    right = rows["right"].to_numpy()
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", ModelWarning)  # such a fit has no bounds, and is told below
            if method == WITHIN:
                fitted = ConditionalLogit(right, design, groups=groups).fit(disp=False)
            else:
                fitted = sm.Logit(right, sm.add_constant(design)).fit(disp=False)
        at = 0 if method == WITHIN else 1
        slope, error = float(fitted.params[at]), float(fitted.bse[at])
    except (np.linalg.LinAlgError, ValueError, PerfectSeparationError):
        return {"why_not": "the likelihood has no maximum"}
    if not (np.isfinite([slope, error]).all() and abs(slope) + error < _LARGEST_LOG_ODDS):
        return {"why_not": "the likelihood has no maximum"}
    bounds = {name: float(np.exp(slope + z * error)) for name, z in (("low", -_Z), ("high", _Z))}
    return {"odds_ratio": float(np.exp(slope))} | bounds


def _design(rows: pl.DataFrame) -> Any:
    """Length, then an indicator for each contestant but the first."""
    dummies = rows["contestant"].to_dummies()
    columns = [rows["length"], *(dummies[name] for name in dummies.columns[1:])]
    return np.column_stack([column.to_numpy().astype(float) for column in columns])
