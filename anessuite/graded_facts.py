"""What the report and the card of graded questions show beside the manifest, counted frame by frame."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from anessuite.votes import LEVELS

SAMPLES_PER_LEVEL, SAMPLES_PER_REASON = 4, 5
_COUNTED = {
    "levels": ["language", "level"],
    "by_source": ["language", "source", "level"],
    "origins": ["language", "level_origin"],
    "agreement": ["language", "agreement"],
    "letters": ["language", "options", "answer"],
    "reviewed": ["language", "level", "reviewed"],
}
"""What is counted, by which columns; ``options`` is the number of a question's options."""


@dataclass(frozen=True, slots=True)
class GradedFacts:
    """Counts, each with its columns and ``questions``, and samples; small however many there are."""

    levels: pl.DataFrame
    by_source: pl.DataFrame
    origins: pl.DataFrame
    agreement: pl.DataFrame
    letters: pl.DataFrame
    reviewed: pl.DataFrame
    votes: pl.DataFrame
    """language, level (null: not read), votes"""
    kept_samples: pl.DataFrame
    rejected_samples: pl.DataFrame
    licences: dict[str, str]

    def share_above_recall(self, language: str | None = None, source: str | None = None) -> float | None:
        """The share of system1.x and system2, of a language or of a source; None of nothing."""
        rows = self.by_source
        if language is not None:
            rows = rows.filter(pl.col("language") == language)
        if source is not None:
            rows = rows.filter(pl.col("source") == source)
        whole = int(rows["questions"].sum())
        above = int(rows.filter(pl.col("level") != LEVELS[0])["questions"].sum())
        return above / whole if whole else None


def graded_facts(
    kept: Iterable[pl.DataFrame], rejected: Iterable[pl.DataFrame], licences: Mapping[str, str]
) -> GradedFacts:
    """Read frames of GRADED_QUESTION and REJECTED_QUESTION once; samples are those with the lowest ids."""
    counts: dict[str, list[pl.DataFrame]] = {name: [] for name in _COUNTED}
    votes: list[pl.DataFrame] = []
    samples: list[pl.DataFrame] = []
    for frame in kept:
        numbered = frame.with_columns(options=pl.col("options").list.len())
        for name, columns in _COUNTED.items():
            counts[name].append(numbered.group_by(columns).len("questions"))
        told = frame.select("language", "votes").explode("votes").unnest("votes")
        votes.append(told.group_by("language", "level").len("votes"))
        samples = [_lowest([*samples, frame], ["language", "level"], SAMPLES_PER_LEVEL)]
    dropped: list[pl.DataFrame] = []
    for frame in rejected:
        dropped = [_lowest([*dropped, frame], ["stage", "reason"], SAMPLES_PER_REASON)]
    return GradedFacts(
        **{name: _summed(counts[name], columns, "questions") for name, columns in _COUNTED.items()},
        votes=_summed(votes, ["language", "level"], "votes"),
        kept_samples=samples[0] if samples else pl.DataFrame(),
        rejected_samples=dropped[0] if dropped else pl.DataFrame(),
        licences=dict(licences),
    )


def _lowest(frames: list[pl.DataFrame], groups: list[str], most: int) -> pl.DataFrame:
    ordered = pl.concat(frames).sort("id", "source_id")
    return ordered.group_by(groups, maintain_order=True).head(most).select(ordered.columns)


def _summed(frames: list[pl.DataFrame], columns: list[str], what: str) -> pl.DataFrame:
    if not frames:
        return pl.DataFrame(schema={**dict.fromkeys(columns, pl.String), what: pl.UInt32})
    return pl.concat(frames).group_by(columns).agg(pl.col(what).sum()).sort(columns)
