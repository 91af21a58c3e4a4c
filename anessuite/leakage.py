"""The option-order test: has a model seen the options of a question in the order in which it was published?

Ni et al. (2024), "Training on the Benchmark Is Not All You Need", arXiv 2409.01790: a model's log-probability
of the text of a question is taken under permutations of what its options say. If the published order was
trained on, it stands out. Two scenarios:

- the order is known: the published order has the highest log-probability of all (``is_highest``), and,
  stricter, is an outlier as well;
- the options may have been shuffled before training: the highest of all orders is an outlier, whichever it is
  (``highest_is_outlier``).

Outliers are told by a robust rule, the modified z-score of Iglewicz and Hoaglin (1993, How to Detect and
Handle Outliers): 0.6745 (x - median) / MAD, an outlier above 3.5. It needs nothing but the scores of one
question. The authors of the test take an isolation forest instead, with thresholds on its decision function;
`forest_scores` does so where scikit-learn is installed.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anessuite.option_orders import Order

OUTLIER = 3.5
"""Modified z-scores above it are outliers (Iglewicz and Hoaglin, 1993)."""
_TO_SIGMA = 0.6745
"""Third quartile of the standard normal distribution: MAD to standard deviation."""
_MEAN_TO_SIGMA = 1.253314
"""The same for the mean absolute deviation, which stands in where the MAD is 0 (the same authors)."""
FOREST_THRESHOLDS = (-0.2, -0.17, -0.15)
"""Decision functions below are outliers: the thresholds of the authors' code, strictest first."""
LEAST_ORDERS = 6
"""With fewer orders (questions with two options have 2) nothing can stand out: they are not counted."""


def shown(stem: str, options: Sequence[tuple[str, str]], order: Order) -> str:
    """The text whose log-probability is taken: the stem, then a line an option. Letters stay in place."""
    lines = [f"{options[place][0]}. {options[which][1]}" for place, which in enumerate(order)]
    return "\n".join([stem, *lines])


@dataclass(frozen=True, slots=True)
class OrderScores:
    """What the log-probabilities of one question say. The original order is the first."""

    orders: int
    rank: int
    """Of the original, 1 is the highest; a tie counts against it, so that chance is never exceeded."""
    is_highest: bool
    margin: float
    """Original less the highest of the others, in nats; 0 where there are no others."""
    z: float
    """Modified z-score of the original among all orders; 0 where all scores are alike."""
    highest_z: float
    lowest_z: float
    highest_is_outlier: bool


def order_scores(log_probabilities: Sequence[float]) -> OrderScores:
    """Judge one question. Raises ValueError for no score, or one that is no number."""
    scores = np.asarray(log_probabilities, dtype=np.float64)
    if not len(scores) or not np.isfinite(scores).all():
        raise ValueError(f"{len(scores)} log-probabilities, of which not all are numbers")
    z = modified_z(scores)
    others = scores[1:]
    rank = 1 + int((others >= scores[0]).sum())
    highest = float(z.max())
    return OrderScores(
        orders=len(scores),
        rank=rank,
        is_highest=rank == 1 and len(scores) > 1,
        margin=float(scores[0] - others.max()) if len(others) else 0.0,
        z=float(z[0]),
        highest_z=highest,
        lowest_z=float(z.min()),
        highest_is_outlier=len(scores) >= LEAST_ORDERS and highest > OUTLIER,
    )


def modified_z(scores: np.ndarray) -> np.ndarray:
    """Modified z-scores; all 0 where the scores are alike."""
    away = scores - np.median(scores)
    spread = float(np.median(np.abs(away))) / _TO_SIGMA
    if spread == 0.0:
        spread = float(np.mean(np.abs(away))) * _MEAN_TO_SIGMA
    return away / spread if spread > 0.0 else np.zeros_like(scores)


def has_forest() -> bool:
    """Whether scikit-learn is installed."""
    return importlib.util.find_spec("sklearn") is not None


def forest_scores(log_probabilities: Sequence[float]) -> tuple[float, float]:
    """Decision functions of the original and of the highest order; below a threshold it is an outlier.

    As the authors' code: 100 trees, contamination "auto", a fixed seed, one forest a question. Needs
    scikit-learn.
    """
    from sklearn.ensemble import IsolationForest  # pyright: ignore[reportMissingImports]

    column = np.asarray(log_probabilities, dtype=np.float64).reshape(-1, 1)
    forest: Any = IsolationForest(n_estimators=100, contamination="auto", random_state=42)
    found = forest.fit(column).decision_function(column)
    return float(found[0]), float(found[int(column.argmax())])


def outlier_chance(orders: int, *, seed: int, draws: int = 20_000) -> float:
    """How often the highest of ``orders`` scores is an outlier by the robust rule where none is one.

    Simulated, by ``seed``, with normally distributed scores. Real ones have other tails, which is why reports
    give beside it the share of questions whose lowest score is an outlier (``lowest_z``): as many false
    alarms are to be expected above, where scores are spread alike to both sides.
    """
    if orders < LEAST_ORDERS:
        return 0.0
    scores = np.random.default_rng([seed, orders]).standard_normal((draws, orders))
    away = scores - np.median(scores, axis=1, keepdims=True)
    spread = np.median(np.abs(away), axis=1) / _TO_SIGMA
    return float((away.max(axis=1) > OUTLIER * spread).mean())
