"""Contestants compared in pairs, on the questions that both were asked."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from anessuite.evaluation_schemas import COMPARISON
from anessuite.holm import holm
from anessuite.schemas import empty
from anessuite.scores import ALL, CONTESTANT

Shares = npt.NDArray[np.float64]
"""Of right samples, a question each."""

_RESAMPLES = 10_000


def comparisons(answers: pl.DataFrame, *, seed: int = 7, resamples: int = _RESAMPLES) -> pl.DataFrame:
    """COMPARISON of all pairs of contestants in a frame of ANSWER, within each language and over ``all``.

    Only answers in the benchmark's own order of options count. With several samples a question is the better
    one's that has the larger share of them right, and the test is the sign test, of which McNemar's is the
    case of one sample. ``p_holm`` is corrected for all pairs of one language.
    """
    own = answers.filter(pl.col("order") == 0)
    both = pl.concat([own.with_columns(language=pl.lit(ALL)), own])
    found: list[dict[str, Any]] = []
    for (language,), rows in both.group_by("language", maintain_order=True):
        lines = list(_pairs(rows, str(language), seed, resamples))
        corrected = holm([line["p"] for line in lines])
        found += [line | {"p_holm": p} for line, p in zip(lines, corrected, strict=True)]
    return pl.DataFrame(found, schema=empty(COMPARISON).schema)


def _pairs(rows: pl.DataFrame, language: str, seed: int, resamples: int) -> Iterator[dict[str, Any]]:
    share = (pl.col("verdict") == "correct").mean().alias("share")
    shares = rows.group_by(*CONTESTANT, "question_id").agg(share).sort(*CONTESTANT, "question_id")
    contestants = [(key, part) for key, part in shares.group_by(CONTESTANT, maintain_order=True)]
    for ((model, style), ours), ((other_model, other_style), theirs) in combinations(contestants, 2):
        joined = ours.join(theirs, on="question_id", suffix="_other", maintain_order="left")
        if joined.height:
            names = {"model": model, "style": style, "other_model": other_model, "other_style": other_style}
            pair = joined["share"].to_numpy(), joined["share_other"].to_numpy()
            yield names | {"language": language} | _compared(*pair, seed=seed, resamples=resamples)


def _compared(ours: Shares, theirs: Shares, *, seed: int, resamples: int) -> dict[str, float]:
    low, high = paired_bootstrap(ours - theirs, seed=seed, resamples=resamples)
    only_ours, only_theirs = int((ours > theirs).sum()), int((theirs > ours).sum())
    return {
        "questions": len(ours),
        "difference": float((ours - theirs).mean()),
        "low": low,
        "high": high,
        "only_model": only_ours,
        "only_other": only_theirs,
        "p": mcnemar(only_ours, only_theirs),
    }


def mcnemar(only_first: int, only_second: int) -> float:
    """McNemar's (1947) exact two-sided p: a question that one alone has right is either's with chance ½."""
    from statsmodels.stats.contingency_tables import mcnemar as tested

    found: Any = tested([[0, only_first], [only_second, 0]], exact=True)
    return float(found.pvalue)


def paired_bootstrap(
    differences: Shares, *, seed: int, resamples: int = _RESAMPLES, confidence: float = 0.95
) -> tuple[float, float]:
    """The percentile interval of the mean of ``differences``, one a question, questions drawn with
    replacement (Efron 1979).

    Differences take few values, so a resample is drawn as the counts of these values: one multinomial,
    whatever the number of questions. Raises ValueError without differences.
    """
    if not len(differences):
        raise ValueError("no questions to compare")
    values, counts = np.unique(differences, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(counts.sum(), counts / counts.sum(), size=resamples)
    means = drawn @ values / counts.sum()
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
