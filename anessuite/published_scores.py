"""The leaderboard that the authors of AnesBench published, to stand beside a version's own scores.

The numbers are those of the authors' repository (github.com/MiliLab/AnesBench, README.md, commit 0850f23,
read on 28 November 2026), which equal those of their project page; the paper is arXiv 2504.02404, and its own
table may differ in later versions. They were measured on the authors' version of the benchmark by their
evaluator, without intervals: near a version's own scores they are a bearing, not a match digit for digit.
"""

import io
from importlib.resources import files
from typing import Final

import polars as pl

WHOSE: Final = (
    "Published by the authors of AnesBench (arXiv 2504.02404; leaderboard of their repository, read on "
    "28 November 2026): measured on their version of the benchmark by their evaluator, with two digits and "
    "without intervals. Not comparable digit for digit with the scores of this version."
)
"""What a page says beside these numbers."""

PUBLISHED_SCORE: Final = {"model": pl.String} | dict.fromkeys(
    [
        "size",
        *("en_system1", "en_system1.x", "en_system2", "en_total"),
        *("zh_system1", "zh_system1.x", "zh_system2", "zh_total"),
        "average",
    ],
    pl.Float64,
)
"""Columns: ``size`` in billions of parameters, null where the model's name does not state it (mixtures of
experts: all parameters, so null for a name that states only the active ones); scores from 0 to 1, ``en_`` of
their AnesBench, ``zh_`` of their AMCQA; ``average`` is the mean of the two totals."""


def published_scores() -> pl.DataFrame:
    """One row a model (PUBLISHED_SCORE), in the authors' order."""
    text = files("anessuite").joinpath("published_scores.csv").read_bytes()
    return pl.read_csv(io.BytesIO(text), comment_prefix="#", schema=PUBLISHED_SCORE)
