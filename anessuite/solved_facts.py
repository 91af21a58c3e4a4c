"""What the report of solved questions shows beside the manifest, counted frame by frame."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from anessuite.report_bins import log_lower, log_upper

SAMPLES_PER_LANGUAGE, SAMPLES_PER_REASON = 4, 5
_PER_DECADE = 8
VERIFY = "verify"
"""The stage whose rejected rows were asked about."""


@dataclass(frozen=True, slots=True)
class SolvedFacts:
    """Counts and samples, small however many questions there are."""

    verdicts: pl.DataFrame
    """language, attempt, verdict, attempts"""
    asked: pl.DataFrame
    """language, source, solved (bool), questions"""
    first: pl.DataFrame
    """language, source, correct (bool), attempts: first attempts that a model answered"""
    pass_rates: pl.DataFrame
    """language, pass_rate, questions that are kept"""
    lengths: pl.DataFrame
    """correct (bool), lower, upper (generated tokens, log bins), attempts: correct and wrong ones"""
    forms: pl.DataFrame
    """verdict, form (how the answer is said, or why there is none), attempts"""
    faults: pl.DataFrame
    """language, fault (of the reasoning of a correct attempt), attempts"""
    kept_samples: pl.DataFrame
    rejected_samples: pl.DataFrame
    licences: dict[str, str]


def solved_facts(
    kept: Iterable[pl.DataFrame],
    rejected: Iterable[pl.DataFrame],
    attempts: Iterable[pl.DataFrame],
    licences: Mapping[str, str],
) -> SolvedFacts:
    """Read frames of SOLVED_QUESTION, REJECTED_QUESTION and ATTEMPT once; samples have the lowest ids."""
    asked, rates, verdicts, first, lengths, forms, faults = (_Sums() for _ in range(7))
    samples, dropped = list[pl.DataFrame](), list[pl.DataFrame]()
    for frame in rejected:
        dropped = [_lowest([*dropped, frame], ["stage", "reason"], SAMPLES_PER_REASON)]
        tried = frame.filter(pl.col("stage") == VERIFY)
        asked.add(tried.select("language", "source", solved=pl.lit(False)))
    for frame in kept:
        asked.add(frame.select("language", "source", solved=pl.lit(True)))
        rates.add(frame.select("language", pl.col("pass_rate").round(4)))
        samples = [_lowest([*samples, frame], ["language"], SAMPLES_PER_LANGUAGE)]
    is_correct = pl.col("verdict") == "correct"
    for frame in attempts:
        verdicts.add(frame.select("language", "attempt", "verdict"))
        answered = frame.filter(~pl.col("verdict").is_in(["bad_request", "request_failed"]))
        first.add(answered.filter(pl.col("attempt") == 1).select("language", "source", correct=is_correct))
        told = answered.filter(pl.col("verdict").is_in(["correct", "wrong"]))
        lower = log_lower(pl.col("completion_tokens").clip(1), per_decade=_PER_DECADE)
        lengths.add(told.select(correct=is_correct, lower=lower))
        forms.add(answered.select("verdict", "form"))
        faults.add(answered.filter(is_correct).drop_nulls("fault").select("language", "fault"))
    binned = lengths.total("attempts")
    if binned.height:
        binned = binned.select(
            "correct", "lower", "attempts", upper=log_upper(pl.col("lower"), per_decade=_PER_DECADE)
        ).select("correct", "lower", "upper", "attempts")
    return SolvedFacts(
        verdicts=verdicts.total("attempts"),
        asked=asked.total("questions"),
        first=first.total("attempts"),
        pass_rates=rates.total("questions"),
        lengths=binned,
        forms=forms.total("attempts"),
        faults=faults.total("attempts"),
        kept_samples=samples[0] if samples else pl.DataFrame(),
        rejected_samples=dropped[0] if dropped else pl.DataFrame(),
        licences=dict(licences),
    )


def _lowest(frames: list[pl.DataFrame], groups: list[str], most: int) -> pl.DataFrame:
    ordered = pl.concat(frames).sort("id", "source_id")
    return ordered.group_by(groups, maintain_order=True).head(most).select(ordered.columns)


class _Sums:
    """Numbers of rows by all their columns, added up over frames."""

    def __init__(self) -> None:
        self._frames: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame) -> None:
        counted = frame.group_by(frame.columns).len("_count")
        self._frames = [self._added([*self._frames, counted])]

    def total(self, name: str) -> pl.DataFrame:
        """The columns and their count as ``name``, sorted; without columns if there was no frame."""
        if not self._frames:
            return pl.DataFrame()
        whole = self._frames[0]
        return whole.sort(whole.columns[:-1]).rename({"_count": name})

    def _added(self, frames: list[pl.DataFrame]) -> pl.DataFrame:
        whole = pl.concat(frames)
        return whole.group_by(whole.columns[:-1]).agg(pl.col("_count").sum())
