"""Where the review of a version stands: what is missing, and how much people agree."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from anessuite.review.agreement import Measure
from anessuite.review.draw import check_share
from anessuite.review.exports import ReviewExport
from anessuite.review.progress import ReviewStatistics, progress, statistics
from anessuite.review.questions import graded_questions
from anessuite.review.store import ReviewStore
from anessuite.storage import Store
from anessuite.versions import DatasetRef

FRACTION, ANNOTATORS = 0.6, 2
"""What is wanted where neither the caller nor an export says so."""


@dataclass(frozen=True, slots=True)
class ReviewStatus:
    """``progress`` as `progress.progress` gives it, for ``fraction`` and ``required`` annotators."""

    version: str
    fraction: float
    required: int
    progress: pl.DataFrame
    statistics: ReviewStatistics

    def as_dict(self) -> dict[str, Any]:
        """All of it in values that JSON has."""
        return {
            "version": self.version,
            "fraction": self.fraction,
            "required": self.required,
            "progress": self.progress.to_dicts(),
            **self.statistics.as_dict(),
        }

    def agreement(self) -> list[tuple[str, str, str, str, int, str]]:
        """Raters, measure, value, interval, questions and note of every measure, in reading order."""
        return [_in_words(raters, measure) for raters, measure in self._measures()]

    def _measures(self) -> list[tuple[str, Measure]]:
        told = self.statistics
        rows = [("annotators", measure) for measure in told.human]
        rows += [(f"{pair.first} / {pair.second}", pair.kappa) for pair in told.pairs]
        rows += [("people / model", measure) for measure in told.model.measures]
        if told.drawn is not None:
            rows += [("people / model, drawn only", measure) for measure in told.drawn.measures]
        return rows + [(f"{pair.first} / model", pair.kappa) for pair in told.annotators]


def review_status(
    store: Store, ref: DatasetRef, *, fraction: float | None = None, required: int | None = None
) -> ReviewStatus:
    """The status of a version; what is wanted is that of its dataset's latest export to annotators.

    Raises VersionNotFound, and ConfigError for a version without levels or a fraction that is none.
    """
    kept = ReviewStore(store, ref.name)
    latest = _latest(kept.exports())
    if fraction is None:
        fraction = FRACTION if latest is None or latest.fraction is None else latest.fraction
    if required is None:
        required = ANNOTATORS if latest is None else latest.annotators
    check_share("--fraction", fraction)
    questions, reviews = graded_questions(store, ref), kept.reviews()
    return ReviewStatus(
        version=str(ref),
        fraction=fraction,
        required=required,
        progress=progress(questions, reviews, fraction=fraction, required=required),
        statistics=statistics(questions, reviews, drawn=None if latest is None else latest.drawn),
    )


def _latest(exports: list[ReviewExport]) -> ReviewExport | None:
    return next((one for one in reversed(exports) if one.role == "annotator"), None)


def _in_words(raters: str, measure: Measure) -> tuple[str, str, str, str, int, str]:
    value = "–" if measure.value is None else f"{measure.value:.3f}"
    interval = "–" if measure.low is None else f"{measure.low:.3f} to {measure.high:.3f}"
    return raters, measure.name, value, interval, measure.questions, measure.reason or ""
