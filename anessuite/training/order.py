"""The order in which rows are trained on; at every point of it the groups have the shares of the mix."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from anessuite.errors import ConfigError


def ordered(
    rows: pl.DataFrame,
    mix: Mapping[str, float],
    *,
    most_repeats: int,
    seed: int,
    budget: int | None = None,
    by: str | None = None,
) -> pl.DataFrame:
    """Places of rows: (``row``, ``place``), places from 0 on without gaps.

    ``rows`` has ``row`` (a number), ``group`` and ``weight`` (tokens, or 1 where rows are counted). Within a
    group rows come in random order (or by falling ``by``, ties at random), and all over again where the mix
    wants more of the group than there is, ``most_repeats`` times at most. The order ends where the first
    group would have to come once more, when the largest of them is through, or with ``budget`` (in
    ``weight``). At every point each group has its share, but for one row: the k-th row of a group stands at
    (weight before it + half its own) / share, as in stride scheduling (Waldspurger & Weihl 1995).

    ``mix`` empty: equal shares. Raises ConfigError for a group without rows, or one that the mix leaves out.
    """
    shares = _shares(rows, mix)
    random = np.random.default_rng(seed)
    groups = {name: _shuffled(rows.filter(pl.col("group") == name), random, by) for name in sorted(shares)}
    length = _length({name: int(one["weight"].sum()) for name, one in groups.items()}, shares, most_repeats)
    if budget is not None:
        length = min(length, budget)
    keyed = [_keyed(one, shares[name], length) for name, one in groups.items()]
    found = pl.concat(keyed).sort("key", "group", maintain_order=True)
    return found.select("row", place=pl.int_range(pl.len(), dtype=pl.UInt32))


def _shares(rows: pl.DataFrame, mix: Mapping[str, float]) -> dict[str, float]:
    there = set(rows["group"].unique())
    wanted = mix or dict.fromkeys(there, 1.0)
    if gone := sorted(set(wanted) - there):
        raise ConfigError(f"`mix` names {', '.join(gone)}, of which there is no row", _there(there))
    if unnamed := sorted(there - set(wanted)):
        raise ConfigError(f"`mix` leaves out {', '.join(unnamed)}", "name each group, or do not read it")
    whole = sum(wanted.values())
    return {name: share / whole for name, share in wanted.items()}


def _there(groups: set[str]) -> str:
    return f"there are: {', '.join(sorted(groups)) or 'none'}"


def _shuffled(rows: pl.DataFrame, random: np.random.Generator, by: str | None) -> pl.DataFrame:
    shuffled = rows.sort("row")[random.permutation(rows.height)]
    return (
        shuffled if by is None else shuffled.sort(by, descending=True, maintain_order=True, nulls_last=True)
    )


def _length(weights: Mapping[str, int], shares: Mapping[str, float], most_repeats: int) -> float:
    """Weight of the whole order."""
    once = {name: weight / shares[name] for name, weight in weights.items()}
    return min(max(once.values()), most_repeats * min(once.values()))


def _keyed(rows: pl.DataFrame, share: float, length: float) -> pl.DataFrame:
    """The rows of a group as often as its share of ``length`` takes, with their ``key``."""
    times = max(1, -(-int(np.ceil(length * share)) // max(1, int(rows["weight"].sum()))))
    repeated = pl.concat([rows] * times)
    before = repeated["weight"].cum_sum() - repeated["weight"]
    key = (before + repeated["weight"] / 2) / share
    return (
        repeated.select("row", "group")
        .with_columns(key=key)
        .filter(pl.Series(before < length * share - 1e-9))
    )
