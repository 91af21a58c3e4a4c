"""Rates against chance: exact tests, corrections, intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from anessuite.leakage_rates import at_least, auc, mean_of, mean_rank, rate_of


@given(st.integers(1, 60), st.floats(0.01, 0.9), st.data())
def test_equal_chances_give_the_binomial_test(n: int, p: float, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, n))
    expected = stats.binomtest(count, n, p, alternative="greater").pvalue
    assert at_least(count, [p] * n) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.lists(st.sampled_from([1 / 24, 1 / 6, 0.5]), min_size=1, max_size=9), st.data())
def test_unequal_chances_give_the_sum_over_all_outcomes(chances: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(chances)))
    whole = 0.0
    for outcome in range(2 ** len(chances)):
        happened = [bool(outcome >> at & 1) for at in range(len(chances))]
        if sum(happened) >= count:
            whole += float(np.prod([p if yes else 1 - p for p, yes in zip(chances, happened, strict=True)]))
    assert at_least(count, chances) == pytest.approx(whole, abs=1e-9)


def test_a_model_that_has_seen_half_stands_out_and_one_that_has_not_does_not() -> None:
    seen = rate_of([True] * 50 + [False] * 50, [1 / 24] * 100)
    unseen = rate_of([True] * 4 + [False] * 96, [1 / 24] * 100)
    assert seen is not None and unseen is not None
    assert seen.p < 1e-12 and seen.low > seen.chance
    assert unseen.p > 0.4 and unseen.low < unseen.chance < unseen.high


def test_nothing_has_no_rate_and_no_mean() -> None:
    assert rate_of([], []) is None and mean_of([], seed=1) is None and mean_rank([], []) is None
    with pytest.raises(ValueError, match="flags"):
        rate_of([True], [])


def test_the_interval_of_a_mean_covers_it_in_about_19_of_20_samples() -> None:
    draws = np.random.default_rng(3).exponential(1.0, (100, 80))
    found = [mean_of(row, seed=1) for row in draws]
    covered = sum(one is not None and one.low <= 1.0 <= one.high for one in found)
    assert 86 <= covered <= 100


def test_a_mean_rank_is_a_half_within_its_error_where_ranks_are_uniform() -> None:
    ranks = np.random.default_rng(4).integers(1, 25, 5000).tolist()
    found = mean_rank(ranks, [24] * 5000)
    assert found is not None and abs(found[0] - 0.5) < 3.3 * found[1]
    best = mean_rank([1] * 10, [24] * 10)
    assert best is not None and best[0] == pytest.approx(0.5 / 24)


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=8), st.lists(st.integers(0, 9), min_size=1, max_size=8)
)
def test_an_auc_counts_pairs(positive: list[int], negative: list[int]) -> None:
    pairs = [(a > b) + 0.5 * (a == b) for a in positive for b in negative]
    assert auc(positive, negative) == pytest.approx(sum(pairs) / len(pairs))
