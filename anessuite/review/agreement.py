"""Agreement between raters about ordered levels: kappa, alpha, raw agreement, and confusion.

Ratings are rows of questions with one rating a rater, None where a rater gave none. What cannot be measured
is a `Measure` without a value and with the reason, never NaN.

- Cohen's kappa, two raters: Cohen (1960, Educational and Psychological Measurement 20, 37-46), its interval
  by the standard error of Fleiss, Cohen & Everitt (1969, Psychological Bulletin 72, 323-327), by statsmodels;
- Fleiss' kappa, a fixed number of ratings a question, not always of the same raters: Fleiss (1971,
  Psychological Bulletin 76, 378-382), by statsmodels;
- Krippendorff's alpha, nominal and ordinal, any number of ratings a question: Krippendorff (2011, Computing
  Krippendorff's alpha-reliability, section C and the ordinal metric of section D), by krippendorff.

The intervals of the last two are percentiles of a bootstrap over questions (Zapf et al. 2016, BMC Medical
Research Methodology 16, 93, find that it holds its level where asymptotic ones do not).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import krippendorff
import numpy as np

from anessuite.sampling import wilson_interval

Rating = str | None
Ratings = Sequence[Sequence[Rating]]
Metric = Literal["nominal", "ordinal"]
_CONFIDENCE = 0.95
_RESAMPLES = 4_000
_SEED = 0
_TINY = 1e-12
_MOST_UNDEFINED = 0.05
"""Share of resamples that may have no value before the interval has none."""
_NO_OVERLAP = "no question has two ratings"
_SINGLE = "a single question has two ratings, which tells nothing of chance"
_ONE_LEVEL = "all ratings are of one level: agreement by chance is certain, and the measure is not defined"
_NO_DISAGREEMENT = "no disagreement was seen, which gives no interval"
_NO_SPREAD = "all resamples are alike, which gives no interval"
_TOO_FEW = "too few questions for an interval: many resamples of them are of one level"


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of agreement with its 95 % interval; ``reason`` says why it, or its interval, is None."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    questions: int
    """questions that entered"""
    raters: int
    reason: str | None = None


def raw_agreement(ratings: Ratings, levels: Sequence[str]) -> Measure:
    """The share of agreeing pairs of ratings, averaged over the questions with two ratings or more.

    Where each has two the interval is Wilson's, else that of the bootstrap. Raises ValueError for an unknown
    level.
    """
    name, counts = "raw agreement", _counts(ratings, levels)
    used = counts[counts.sum(axis=1) >= 2]
    if not len(used):
        return _undefined(name, _NO_OVERLAP, 0, _raters(ratings))
    if (used.sum(axis=1) == 2).all():
        agreeing = int(_agreeing(used).sum())
        low, high = wilson_interval(agreeing, len(used), _CONFIDENCE)
        return Measure(name, agreeing / len(used), low, high, len(used), _raters(ratings))
    return _measured(name, used, _raw, _raters(ratings))


def cohens_kappa(first: Sequence[Rating], second: Sequence[Rating], levels: Sequence[str]) -> Measure:
    """Cohen's kappa of two raters over the questions that both rated.

    Raises ValueError for an unknown level or unequal lengths.
    """
    from statsmodels.stats import inter_rater

    name = "Cohen's kappa"
    matrix = np.array(confusion(first, second, levels), dtype=float)
    used = int(matrix.sum())
    if (reason := _unusable(used, matrix.sum(axis=0) + matrix.sum(axis=1))) is not None:
        return _undefined(name, reason, used, 2)
    with np.errstate(invalid="ignore", divide="ignore"):  # a standard error of nothing is looked at below
        found: Any = inter_rater.cohens_kappa(matrix)
    value, error = float(found.kappa), float(found.std_kappa)
    if not np.isfinite(error) or error < _TINY:
        reason = _NO_DISAGREEMENT if value > 1 - _TINY else _NO_SPREAD
        return Measure(name, value, None, None, used, 2, reason)
    low, high = max(-1.0, float(found.kappa_low)), min(1.0, float(found.kappa_upp))
    return Measure(name, value, low, high, used, 2)


def fleiss_kappa(ratings: Ratings, levels: Sequence[str]) -> Measure:
    """Fleiss' kappa over the questions that have the most frequent number of ratings above one.

    Raises ValueError for an unknown level.
    """
    from statsmodels.stats import inter_rater

    name, counts = "Fleiss' kappa", _counts(ratings, levels)
    numbers = Counter(int(number) for number in counts.sum(axis=1) if number >= 2)
    each = max(numbers, key=lambda number: (numbers[number], number), default=0)
    used = counts[counts.sum(axis=1) == each] if each else counts[:0]
    if (reason := _unusable(len(used), used.sum(axis=0))) is not None:
        return _undefined(name, reason, len(used), _raters(ratings))
    value = float(inter_rater.fleiss_kappa(used, method="fleiss"))
    return _measured(name, used, _fleiss, _raters(ratings), value)


def krippendorffs_alpha(ratings: Ratings, levels: Sequence[str], metric: Metric = "nominal") -> Measure:
    """Krippendorff's alpha over the questions with two ratings or more.

    ``ordinal`` goes by the order of ``levels``. Raises ValueError for an unknown level.
    """
    name, counts = f"Krippendorff's alpha ({metric})", _counts(ratings, levels)
    used = counts[counts.sum(axis=1) >= 2]
    if (reason := _unusable(len(used), used.sum(axis=0))) is not None:
        return _undefined(name, reason, len(used), _raters(ratings))
    value = float(krippendorff.alpha(value_counts=used, level_of_measurement=metric))
    return _measured(name, used, partial(_alpha, metric=metric), _raters(ratings), value)


def confusion(first: Sequence[Rating], second: Sequence[Rating], levels: Sequence[str]) -> list[list[int]]:
    """Questions by the level of the first rater (rows) and of the second (columns); only those rated by both.

    Raises ValueError for an unknown level or unequal lengths.
    """
    matrix = [[0] * len(levels) for _ in levels]
    for one, other in zip(first, second, strict=True):
        if one is not None and other is not None:
            matrix[_place(one, levels)][_place(other, levels)] += 1
    return matrix


def _raw(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return weights @ _agreeing(counts) / weights.sum(axis=1)


def _fleiss(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of many resamples at once; statsmodels takes one table at a time."""
    shares = weights @ counts
    chance = np.square(shares / shares.sum(axis=1, keepdims=True)).sum(axis=1)
    return _ratio(_raw(counts, weights) - chance, 1 - chance)


def _alpha(counts: np.ndarray, weights: np.ndarray, metric: Metric) -> np.ndarray:
    """Of many resamples at once; krippendorff takes one table at a time."""
    size = counts.shape[1]
    pairs = counts[:, :, None] * (counts[:, None, :] - np.eye(size))
    by_question = pairs / (counts.sum(axis=1) - 1)[:, None, None]
    coincidences = (weights @ by_question.reshape(len(counts), -1)).reshape(-1, size, size)
    totals = coincidences.sum(axis=2)
    if metric == "nominal":
        distance = np.broadcast_to(1.0 - np.eye(size), coincidences.shape)
    else:
        ranks = np.cumsum(totals, axis=1) - totals / 2  # the mean rank of each level
        distance = np.square(ranks[:, :, None] - ranks[:, None, :])
    observed = (coincidences * distance).sum(axis=(1, 2))
    by_chance = (totals[:, :, None] * totals[:, None, :] * distance).sum(axis=(1, 2))
    return 1 - _ratio(observed * (totals.sum(axis=1) - 1), by_chance)


def _measured(
    name: str,
    counts: np.ndarray,
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray],
    raters: int,
    value: float | None = None,
) -> Measure:
    """The measure with its bootstrap interval.

    ``measure`` takes the distinct rows of ``counts`` and, for each resample, how often each of them is in it.
    """
    questions = len(counts)
    distinct, times = np.unique(counts, axis=0, return_counts=True)
    if value is None:
        value = float(measure(distinct, times[None, :])[0])
    if value > 1 - _TINY:
        return Measure(name, 1.0, None, None, questions, raters, _NO_DISAGREEMENT)
    resamples = np.random.default_rng(_SEED).multinomial(questions, times / questions, size=_RESAMPLES)
    values = measure(distinct, resamples)
    defined = values[np.isfinite(values)]
    if len(defined) < (1 - _MOST_UNDEFINED) * _RESAMPLES:
        return Measure(name, value, None, None, questions, raters, _TOO_FEW)
    if len(distinct) == 1 or np.ptp(defined) < _TINY:
        return Measure(name, value, None, None, questions, raters, _NO_SPREAD)
    low, high = np.quantile(defined, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return Measure(name, value, float(low), float(high), questions, raters)


def _unusable(questions: int, by_level: np.ndarray) -> str | None:
    if questions == 0:
        return _NO_OVERLAP
    if questions == 1:
        return _SINGLE
    return _ONE_LEVEL if np.count_nonzero(by_level) == 1 else None


def _undefined(name: str, reason: str, questions: int, raters: int) -> Measure:
    return Measure(name, None, None, None, questions, raters, reason)


def _counts(ratings: Ratings, levels: Sequence[str]) -> np.ndarray:
    """Ratings by question (rows) and level (columns)."""
    counts = np.zeros((len(ratings), len(levels)))
    for row, given in enumerate(ratings):
        for rating in given:
            if rating is not None:
                counts[row, _place(rating, levels)] += 1
    return counts


def _agreeing(counts: np.ndarray) -> np.ndarray:
    """The share of agreeing pairs of each question."""
    each = counts.sum(axis=1)
    return (counts * (counts - 1)).sum(axis=1) / (each * (each - 1))


def _place(rating: str, levels: Sequence[str]) -> int:
    if rating not in levels:
        raise ValueError(f"unknown level {rating!r}; known levels: {', '.join(levels)}")
    return levels.index(rating)


def _raters(ratings: Ratings) -> int:
    """How many raters rated anything."""
    return sum(any(rating is not None for rating in column) for column in zip(*ratings, strict=True))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """NaN where the whole is nothing."""
    defined = np.abs(whole) > _TINY
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=defined)
