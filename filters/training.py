"""Which rows a stage of training cannot use, or should not."""

import hashlib

import polars as pl

TOO_LONG, NO_GOLD, HELD_OUT = "too_long", "no_gold", "held_out"
ALWAYS_RIGHT, ALWAYS_WRONG = "always_right", "always_wrong"
REPEATED, BEYOND_MIX, BEYOND_MAX = "exact_duplicate", "beyond_mix", "beyond_max_rows"


def too_long(limit: int, *, tokens: str = "tokens") -> pl.Expr:
    """ "too_long" where a sequence has more tokens than ``limit``: what is cut off would be the answer."""
    return pl.when(pl.col(tokens) > limit).then(pl.lit(TOO_LONG))


def no_gold(*, options: str = "options", solution: str = "solution") -> pl.Expr:
    """ "no_gold" where the solution is no letter of the options: a reward would be a coin's."""
    letters = pl.col(options).list.eval(pl.element().struct.field("letter"))
    usable = pl.col(solution).is_not_null() & letters.list.contains(pl.col(solution)).fill_null(False)
    return pl.when(~usable).then(pl.lit(NO_GOLD))


def always_right() -> pl.Expr:
    """ "always_right" where each of two attempts or more was: the whole group would get one reward, and none
    teaches anything. One attempt that was right says nothing yet."""
    sure = (pl.col("pass_rate") >= 1.0) & (pl.col("attempts") >= 2)
    return pl.when(sure).then(pl.lit(ALWAYS_RIGHT))


def always_wrong() -> pl.Expr:
    """ "always_wrong" where no attempt was right."""
    return pl.when(pl.col("pass_rate") <= 0.0).then(pl.lit(ALWAYS_WRONG))


def is_held_out(share: float, *, seed: int) -> pl.Expr:
    """Whether a row belongs to the slice that no stage trains on: by a hash of its id and the seed, so that
    all stages agree, whatever other rows there are."""

    def judged(ids: pl.Series) -> pl.Series:
        digests = (hashlib.sha256(f"{seed} {one}".encode()).digest() for one in ids)
        return pl.Series(
            [int.from_bytes(one[:4], "big") < share * (1 << 32) for one in digests], dtype=pl.Boolean
        )

    return pl.col("id").map_batches(judged, return_dtype=pl.Boolean, is_elementwise=True)
