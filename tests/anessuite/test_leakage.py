"""The option-order test: what is flagged, and how often by chance."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.leakage import (
    FOREST_THRESHOLDS,
    LEAST_ORDERS,
    forest_scores,
    modified_z,
    order_scores,
    outlier_chance,
    shown,
)
from anessuite.option_orders import orders_of

FINITE = st.floats(-500, 0, allow_nan=False)


@given(st.integers(1, 5), st.integers(2, 30), st.integers(0, 99))
def test_orders_are_distinct_permutations_with_the_original_first(options: int, most: int, seed: int) -> None:
    found = orders_of(options, most=most, seed=seed, name="q")
    assert found[0] == tuple(range(options))
    assert len(set(found)) == len(found) == min(most, math.factorial(options))
    assert set(found) <= set(permutations(range(options)))
    assert found == orders_of(options, most=most, seed=seed, name="q")


def test_five_options_give_other_samples_for_other_questions_and_seeds() -> None:
    one = orders_of(5, most=24, seed=1, name="a")
    assert one != orders_of(5, most=24, seed=1, name="b") and one != orders_of(5, most=24, seed=2, name="a")


def test_letters_stay_in_place_while_what_they_say_changes_places() -> None:
    options = [("A", "propofol"), ("B", "ketamine"), ("C", "etomidate")]
    assert shown("Which?", options, (2, 0, 1)) == "Which?\nA. etomidate\nB. propofol\nC. ketamine"


@given(st.lists(FINITE, min_size=LEAST_ORDERS, max_size=24))
def test_a_planted_maximum_is_found_and_no_order_of_the_others_matters(others: list[float]) -> None:
    planted = order_scores([1.0, *others])
    assert planted.is_highest and planted.rank == 1 and planted.margin > 0
    assert planted.z == planted.highest_z
    again = order_scores([1.0, *reversed(others)])
    assert (again.rank, again.highest_is_outlier) == (planted.rank, planted.highest_is_outlier)


@given(st.lists(FINITE, min_size=2, max_size=24), st.floats(-100, 100), st.floats(0.1, 10))
def test_the_verdict_does_not_depend_on_level_and_scale(scores: list[float], up: float, by: float) -> None:
    rounded = [round(score, 2) for score in scores]
    one, other = order_scores(rounded), order_scores([round(score * 8 + 64, 6) for score in rounded])
    assert (one.rank, one.is_highest) == (other.rank, other.is_highest)
    assert one.z == pytest.approx(other.z, abs=1e-6)


def test_a_tie_is_no_maximum() -> None:
    tied = order_scores([-1.0, -1.0, *[-5.0] * 22])
    assert not tied.is_highest and tied.rank == 2
    assert order_scores([-2.0] * 24).rank == 24 and order_scores([-2.0] * 24).z == 0


def test_under_exchangeable_scores_one_in_24_is_flagged() -> None:
    draws = np.random.default_rng(5).normal(-80, 3, (6000, 24))
    flagged = [order_scores(row).is_highest for row in draws]
    low, high = 1 / 24 - 3.3 * math.sqrt(23 / 24**2 / 6000), 1 / 24 + 3.3 * math.sqrt(23 / 24**2 / 6000)
    assert low < sum(flagged) / 6000 < high


def test_the_outlier_rule_alarms_as_often_as_simulated_and_finds_what_stands_out() -> None:
    draws = np.random.default_rng(6).normal(-80, 3, (4000, 24))
    chance = outlier_chance(24, seed=1)
    alarms = sum(order_scores(row).highest_is_outlier for row in draws) / 4000
    assert chance == outlier_chance(24, seed=1) and 0.005 < chance < 0.12
    assert abs(alarms - chance) < 3.3 * math.sqrt(2 * chance / 4000)
    draws[:, 7] += 60
    assert all(order_scores(row).highest_is_outlier for row in draws[:200])
    assert not any(order_scores(row).is_highest for row in draws[:200]), "it is not the original"


def test_two_options_never_hold_an_outlier() -> None:
    assert not order_scores([0.0, -300.0]).highest_is_outlier and outlier_chance(2, seed=1) == 0


def test_scores_without_a_spread_in_the_middle_are_still_judged() -> None:
    z = modified_z(np.array([9.0, *[1.0] * 23]))
    assert z[0] > 3.5 and (z[1:] == 0).all()


@pytest.mark.parametrize("scores", [[], [math.nan, 1.0], [-math.inf, -3.0]])
def test_scores_that_are_no_numbers_are_refused(scores: list[float]) -> None:
    with pytest.raises(ValueError, match="log-probabilities"):
        order_scores(scores)


def test_the_isolation_forest_puts_what_stands_out_below_its_thresholds() -> None:
    pytest.importorskip("sklearn")
    scores = [float(n % 7) - 90 for n in range(24)]
    calm = forest_scores(scores)
    planted = forest_scores([-20.0, *scores[1:]])
    assert planted[0] == planted[1] < min(FOREST_THRESHOLDS) < calm[0]
    assert planted == forest_scores([-20.0, *scores[1:]])
