"""The order of rows: shares of the mix at every point, repeats within bounds, nothing lost in silence."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anessuite.errors import ConfigError
from anessuite.training.order import ordered


def rows(counts: dict[str, int], weight: int = 1) -> pl.DataFrame:
    groups = [name for name, count in counts.items() for _ in range(count)]
    return pl.DataFrame({"group": groups}).with_columns(
        row=pl.int_range(pl.len(), dtype=pl.UInt32), weight=pl.lit(weight, pl.Int64)
    )


def placed(frame: pl.DataFrame, mix: dict[str, float] | None = None, **how: int) -> pl.DataFrame:
    found = ordered(frame, mix or {}, **({"most_repeats": 4, "seed": 7} | how))
    return found.join(frame, on="row").sort("place")


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_at_every_point_each_group_has_its_share_but_for_a_row(en, zh, of_en, of_zh, seed):
    found = placed(rows({"en": en, "zh": zh}), {"en": of_en, "zh": of_zh}, seed=seed)
    share = of_en / (of_en + of_zh)
    seen = 0
    for number, group in enumerate(found["group"], 1):
        seen += group == "en"
        assert abs(seen - share * number) <= 1.0 + 1e-9


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 5))
def test_a_small_group_is_repeated_evenly_and_no_more_than_it_may(en, zh, most):
    found = placed(rows({"en": en, "zh": zh}), most_repeats=most)
    assert found["place"].to_list() == list(range(found.height))
    times = found.group_by("row").len()["len"]
    assert times.max() <= most + 1
    for group in ("en", "zh"):
        each = found.filter(pl.col("group") == group).group_by("row").len()["len"]
        assert each.max() - each.min() <= 1 or each.len() < {"en": en, "zh": zh}[group]
    if max(en, zh) <= most * min(en, zh):
        assert found["row"].n_unique() == en + zh, "every row comes where the mix can be kept"


def test_tokens_are_mixed_by_their_sums_and_not_by_rows():
    long = rows({"en": 10}, weight=400)
    short = rows({"zh": 200}, weight=20).with_columns(row=pl.col("row") + 10)
    found = placed(pl.concat([long, short]), {"en": 1, "zh": 1})
    sums = found.group_by("group").agg(pl.col("weight").sum())
    assert dict(sums.iter_rows()) == {"en": 4000, "zh": 4000}
    first = found.head(100).group_by("group").agg(pl.col("weight").sum())
    told = dict(first.iter_rows())
    assert abs(told["en"] - told["zh"]) <= 400


def test_a_budget_ends_the_order():
    found = placed(rows({"en": 50, "zh": 50}, weight=10), budget=200)
    assert found["weight"].sum() == 200
    assert set(found["group"]) == {"en", "zh"}


def test_the_order_is_the_seeds_and_no_other():
    frame = rows({"en": 30, "zh": 30})
    assert placed(frame).equals(placed(frame))
    assert not placed(frame).equals(placed(frame, seed=8))
    shuffled = frame.sample(frame.height, shuffle=True, seed=1)
    assert placed(shuffled)["row"].to_list() == placed(frame)["row"].to_list()


def test_rows_may_come_from_easy_to_hard():
    frame = rows({"en": 40}).with_columns(pass_rate=(pl.col("row") % 5) / 5)
    rates = ordered(frame, {}, most_repeats=1, seed=7, by="pass_rate").join(frame, on="row").sort("place")
    assert rates["pass_rate"].to_list() == sorted(rates["pass_rate"], reverse=True)


@pytest.mark.parametrize(
    ("mix", "said"),
    [({"en": 1, "fr": 1}, "names fr, of which there is no row"), ({"en": 1}, "leaves out zh")],
)
def test_a_mix_that_does_not_fit_the_rows_is_an_error(mix, said):
    with pytest.raises(ConfigError, match=said):
        placed(rows({"en": 3, "zh": 3}), mix)
