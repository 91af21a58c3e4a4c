"""What the report of question-answer pairs shows beside the manifest, counted frame by frame."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from anessuite.report_bins import log_lower, log_upper, share_lower

SAMPLES_KEPT, SAMPLES_PER_REASON, TOP_JOURNALS = 8, 5, 20
GROUNDING_BINS = 20
_PER_DECADE = 16
_MOST_UNSUMMED = 100_000
"""Counts of frames that are held before they are added up."""

_TEXT = pl.String()
_BIN = {"lower": pl.Float64(), "upper": pl.Float64()}
_KEPT: dict[str, pl.DataType] = {
    **dict.fromkeys(["id", "language", "question", "answer"], _TEXT),
    **dict.fromkeys(["source_id", "pmid", "title", "journal"], _TEXT),
    "year": pl.Int16(),
    **dict.fromkeys(["doi", "verdict"], _TEXT),
    "grounding_score": pl.Float32(),
}
_REJECTED: dict[str, pl.DataType] = {
    **dict.fromkeys(["stage", "reason", "id", "language", "question", "answer"], _TEXT),
    **dict.fromkeys(["source", "source_id", "pmid", "title", "journal"], _TEXT),
    "year": pl.Int16(),
    **dict.fromkeys(["doi", "evidence"], _TEXT),
}


@dataclass(frozen=True, slots=True)
class PairFacts:
    """Aggregates and samples, small however many pairs there are; reasons and tokens are in the manifest."""

    lengths: pl.DataFrame
    """language, text ("question", "answer"), lower, upper (characters; log-spaced bins), pairs"""
    grounding: pl.DataFrame
    """lower, upper (of the score; a score of 1 has a bin of its own), pairs"""
    years: pl.DataFrame
    """year (null: not stated), pairs"""
    journals: pl.DataFrame
    """journal, pairs; only those with most"""
    journal_count: int
    per_abstract: pl.DataFrame
    """questions (kept of one abstract), abstracts"""
    kept_samples: pl.DataFrame
    """id, language, question, answer, source_id, pmid, title, journal, year, doi, verdict, grounding_score"""
    rejected_samples: pl.DataFrame
    """stage, reason, id, language, question, answer, source, source_id, pmid, title, journal, year, doi,
    evidence (JSON); a few rows per stage and reason"""
    repeated: dict[str, str]
    """id -> question of kept pairs that rejected samples repeat"""
    licences: dict[str, str]
    """source -> licence, "" where none is stated"""


def pair_facts(
    kept: Iterable[pl.DataFrame], rejected: Iterable[pl.DataFrame], licences: Mapping[str, str]
) -> PairFacts:
    """Read frames of QA_PAIR and REJECTED_PAIR once, the rejected ones first.

    Memory is that of a frame, some 12 bytes for each abstract that has pairs, and each journal's name.
    Samples are the rows with the lowest ids: hashes, so however rows are cut into frames, a fair draw.
    """
    lengths = _Sums({"language": _TEXT, "text": _TEXT, "lower": pl.Float64()})
    grounding, years = _Sums({"lower": pl.Float64()}), _Sums({"year": pl.Int16()})
    journals, abstracts = _Sums({"journal": _TEXT}), _Sums({"pmid": pl.UInt64()})
    dropped = _Draw(["stage", "reason"], SAMPLES_PER_REASON, _REJECTED)
    for frame in rejected:
        dropped.add(frame)
    samples, repeated = _Draw(["language"], SAMPLES_KEPT, _KEPT), dict[str, str]()
    wanted = _repeated_ids(dropped.rows)
    for frame in kept:
        for text in ("question", "answer"):
            lower = log_lower(pl.col(text).str.len_chars(), per_decade=_PER_DECADE)
            lengths.add(frame.select("language", text=pl.lit(text), lower=lower))
        grounding.add(frame.select(lower=share_lower(pl.col("grounding_score"), bins=GROUNDING_BINS)))
        years.add(frame)
        journals.add(frame)
        abstracts.add(frame.select(pl.col("pmid").hash()))
        samples.add(frame)
        repeated |= dict(frame.filter(pl.col("id").is_in(wanted)).select("id", "question").iter_rows())
    named = journals.total().sort("pairs", "journal", descending=[True, False])
    upper = log_upper(pl.col("lower"), per_decade=_PER_DECADE)
    return PairFacts(
        lengths=lengths.total()
        .select("language", "text", "lower", "pairs", upper=upper)
        .select("language", "text", *_BIN, "pairs"),
        grounding=_share_bins(grounding.total()),
        years=years.total(),
        journals=named.head(TOP_JOURNALS),
        journal_count=named.height,
        per_abstract=_per_abstract(abstracts.total()),
        kept_samples=samples.rows,
        rejected_samples=dropped.rows,
        repeated=repeated,
        licences=dict(licences),
    )


def _share_bins(lower: pl.DataFrame) -> pl.DataFrame:
    upper = (pl.col("lower") + 1 / GROUNDING_BINS).clip(upper_bound=1).round(6)
    return lower.drop_nulls("lower").select("lower", "pairs", upper=upper).select(*_BIN, "pairs")


def _per_abstract(pairs: pl.DataFrame) -> pl.DataFrame:
    counted = pairs.group_by(questions="pairs").agg(abstracts=pl.len())
    return counted.sort("questions")


def _repeated_ids(samples: pl.DataFrame) -> Sequence[str]:
    """Ids that the evidence of repeats names."""
    found: list[str] = []
    for evidence in samples["evidence"].drop_nulls():
        try:
            content = json.loads(evidence)
        except ValueError:
            continue
        if isinstance(content, dict) and isinstance(content.get("repeats"), str):
            found.append(content["repeats"])
    return found


class _Sums:
    """Numbers of rows by keys, added up over frames."""

    def __init__(self, keys: dict[str, pl.DataType]) -> None:
        self._keys = list(keys)
        self._counts = [pl.DataFrame(schema={**keys, "pairs": pl.UInt32()})]

    def add(self, frame: pl.DataFrame) -> None:
        """Count the rows of a frame that has the keys as columns."""
        self._counts.append(frame.group_by(self._keys).len("pairs"))
        if sum(counts.height for counts in self._counts[1:]) > max(_MOST_UNSUMMED, self._counts[0].height):
            self._counts = [self.total()]

    def total(self) -> pl.DataFrame:
        """The keys and ``pairs``, sorted by the keys."""
        counts = pl.concat(self._counts)
        return counts.group_by(self._keys).agg(pl.col("pairs").sum()).sort(self._keys)


class _Draw:
    """The first rows of each group by id, over frames."""

    def __init__(self, groups: list[str], most: int, schema: dict[str, pl.DataType]) -> None:
        self._groups, self._most = groups, most
        self.rows = pl.DataFrame(schema=schema)

    def add(self, frame: pl.DataFrame) -> None:
        """Take in the rows of a frame that has all columns."""
        both = pl.concat([self.rows, frame.select(self.rows.columns)])
        ordered = both.sort("id", "source_id")
        self.rows = ordered.group_by(self._groups, maintain_order=True).head(self._most)
