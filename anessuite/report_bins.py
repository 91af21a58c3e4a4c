"""Bins of values for histograms, as expressions."""

import polars as pl


def log_lower(value: pl.Expr, *, per_decade: int) -> pl.Expr:
    """Lower edge of the value's bin; bins are equal on a log scale, values below 0.001 are in the first."""
    place = (value.cast(pl.Float64).clip(1e-3).log10() * per_decade + 1e-9).floor()
    return (10 ** (place / per_decade)).round(6)


def log_upper(lower: pl.Expr, *, per_decade: int) -> pl.Expr:
    """Where the bin that begins at ``lower`` ends."""
    return (lower * 10 ** (1 / per_decade)).round(6)


def share_lower(value: pl.Expr, *, bins: int) -> pl.Expr:
    """Lower edge of the bin of a share; bins are equal, from 0 to 1, and 1 is a bin of its own.

    Null where the value is no number.
    """
    known = pl.when(value.is_finite()).then(value.cast(pl.Float64).clip(0, 1))
    return ((known * bins + 1e-6).floor() / bins).round(6)
