"""Which questions people review: a random draw by language and level, and those the model is unsure of.

The draw takes in each stratum (language, level of the model) the questions with the lowest SHA-256 of seed
and id, ``ceil(fraction x questions)`` of them. Questions that are added to other strata never change it, and
a larger fraction only adds questions. Beyond the draw every question goes to people whose votes were tied, or
of whose votes (read or not) a smaller share than ``agreement_below`` is for its level: with three votes and
0.67, all that are not unanimous.
"""

import hashlib
import math
from collections.abc import Callable
from fractions import Fraction

import polars as pl

from anessuite.errors import ConfigError
from anessuite.review.opinions import with_model_level

STRATUM = ("language", "model_level")
DRAWN, LOW_AGREEMENT = "drawn", "low_agreement"
_TIE = "tie"


def draw(questions: pl.DataFrame, *, fraction: float, seed: int, agreement_below: float) -> pl.DataFrame:
    """The questions to review, with ``model_level``, ``drawn`` (by chance) and ``why``.

    ``questions`` are of GRADED_QUESTION. ``why`` is "low_agreement" (of drawn ones too) or "drawn". Low
    agreement and ties come first, the lowest agreement at the top; the rest in the order of the draw. Raises
    ConfigError for a fraction or an agreement that is no share.
    """
    check_share("--fraction", fraction)
    check_share("--agreement-below", agreement_below)
    places = pl.Series([_place(seed, id_) for id_ in questions["id"]], dtype=pl.String)
    ranked = with_model_level(questions).with_columns(_place=places)
    rank = pl.col("_place").rank("ordinal").over(STRATUM)
    number = pl.len().over(STRATUM).map_batches(_wanted_of(fraction), return_dtype=pl.Int64)
    unsure = (pl.col("model_origin") == _TIE) | (pl.col("agreement") < agreement_below)
    why = pl.when(unsure).then(pl.lit(LOW_AGREEMENT)).otherwise(pl.lit(DRAWN))
    chosen = ranked.with_columns(drawn=rank <= number, why=why).filter(
        pl.col("drawn") | (pl.col("why") == LOW_AGREEMENT)
    )
    is_drawn = pl.col("why") == DRAWN
    agreement = pl.when(is_drawn).then(1.0).otherwise("agreement")
    return chosen.sort(is_drawn, agreement, "_place").drop("_place", "model_origin")


def wanted(questions: int, fraction: float) -> int:
    """How many of so many questions the draw takes; exact, so that 7 % of 100 are 7."""
    return math.ceil(Fraction(str(fraction)) * questions)


def check_share(name: str, value: float) -> None:
    """Raises ConfigError unless ``value`` is from 0 to 1."""
    if not 0 <= value <= 1:
        raise ConfigError(f"{name} {value} is no share", "it is a number from 0 to 1, such as 0.6")


def _wanted_of(fraction: float) -> Callable[[pl.Series], pl.Series]:
    def number(sizes: pl.Series) -> pl.Series:
        by_size = {size: wanted(size, fraction) for size in sizes.unique()}
        return pl.Series(sizes.name, [by_size[size] for size in sizes], dtype=pl.Int64)

    return number


def _place(seed: int, id_: str) -> str:
    return hashlib.sha256(f"{seed}:{id_}".encode()).hexdigest()
