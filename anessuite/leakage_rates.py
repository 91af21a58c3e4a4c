"""Leak rates against chance: expected rates, exact tests, intervals of means.

The sum of unequal coins (a Poisson binomial distribution) is put together from binomial ones; for equal
chances it is the binomial test.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from anessuite.sampling import wilson_interval

_REPLICATES = 2000


@dataclass(frozen=True, slots=True)
class Rate:
    """``flagged`` of ``questions``, the Wilson interval of the share, and what chance would give, if that is
    known."""

    flagged: int
    questions: int
    low: float
    high: float
    chance: float | None
    """Expected share if no question was seen."""
    p: float | None
    """Chance of so many flagged questions or more, if none was seen (one-sided, exact)."""

    @property
    def rate(self) -> float:
        return self.flagged / self.questions


def rate_of(flags: Sequence[bool], chances: Sequence[float] | None) -> Rate | None:
    """The rate of ``flags``, each of which is set with its own chance where nothing was seen (None: these are
    not known); None of nothing."""
    if chances is not None and len(flags) != len(chances):
        raise ValueError(f"{len(flags)} flags and {len(chances)} chances")
    if not flags:
        return None
    flagged = sum(flags)
    low, high = wilson_interval(flagged, len(flags))
    if chances is None:
        return Rate(flagged, len(flags), low, high, None, None)
    return Rate(flagged, len(flags), low, high, sum(chances) / len(chances), at_least(flagged, chances))


def at_least(count: int, chances: Sequence[float]) -> float:
    """The chance that ``count`` or more of independent events happen, each with its own chance."""
    if count <= 0:
        return 1.0
    if len(set(chances)) == 1:
        return float(stats.binom.sf(count - 1, len(chances), chances[0]))
    whole = np.ones(1)
    for chance, number in sorted(Counter(chances).items()):
        whole = np.convolve(whole, stats.binom.pmf(np.arange(number + 1), number, chance))
    return float(min(1.0, whole[count:].sum()))


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean of ``questions`` values and its 95 % percentile-bootstrap interval."""

    mean: float
    low: float
    high: float
    questions: int


def mean_of(values: Iterable[float], *, seed: int) -> Mean | None:
    """The mean of some values; None of nothing, and no width for one value."""
    found = np.fromiter(values, dtype=np.float64)
    if not len(found):
        return None
    draws = np.random.default_rng([seed, len(found)])
    means = [float(found[draws.integers(0, len(found), len(found))].mean()) for _ in range(_REPLICATES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return Mean(float(found.mean()), float(low), float(high), len(found))


def mean_rank(ranks: Sequence[int], orders: Sequence[int]) -> tuple[float, float] | None:
    """Mean relative rank of the original order and its standard error under chance; None of nothing.

    A relative rank is (rank - 1/2) / orders: 0.5 on average where the original is an order like the others,
    with a variance of (1 - 1/orders²) / 12; lower where originals are preferred.
    """
    if not ranks:
        return None
    relative = (np.asarray(ranks) - 0.5) / np.asarray(orders)
    variance = (1.0 - 1.0 / np.asarray(orders, dtype=np.float64) ** 2) / 12.0
    return float(relative.mean()), float(np.sqrt(variance.sum()) / len(ranks))


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The chance that a positive scores above a negative, ties by half (area under the ROC curve).

    Raises ValueError where one side is empty.
    """
    if not len(positive) or not len(negative):
        raise ValueError("an AUC needs both positives and negatives")
    result = stats.mannwhitneyu(positive, negative, alternative="two-sided")
    return float(result.statistic) / (len(positive) * len(negative))
