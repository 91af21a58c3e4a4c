"""Which rows a stage of training cannot use."""

import hashlib

import polars as pl
import pytest

from filters.training import always_right, always_wrong, is_held_out, no_gold, too_long

OPTIONS = [{"letter": "A", "text": "x"}, {"letter": "B", "text": "y"}]


def reasons(expression: pl.Expr, **columns: list) -> list[str | None]:
    return pl.DataFrame(columns).select(expression).to_series().to_list()


def test_a_sequence_is_too_long_from_the_first_token_beyond_the_limit():
    assert reasons(too_long(10), tokens=[9, 10, 11]) == [None, None, "too_long"]


def test_gold_is_a_letter_of_the_options():
    found = reasons(
        no_gold(), options=[OPTIONS, OPTIONS, OPTIONS, [], None], solution=["B", "C", None, "A", "A"]
    )
    assert found == [None, "no_gold", "no_gold", "no_gold", "no_gold"]


def test_one_right_attempt_does_not_make_a_question_always_right():
    found = reasons(always_right(), pass_rate=[1.0, 1.0, 0.75, None], attempts=[1, 2, 4, 4])
    assert found == [None, "always_right", None, None]


def test_without_a_right_attempt_a_question_is_always_wrong():
    assert reasons(always_wrong(), pass_rate=[0.0, 0.25, None]) == ["always_wrong", None, None]


@pytest.mark.parametrize("seed", [0, 7, 2**31])
def test_about_the_share_is_held_out_and_the_same_rows_whatever_else_is_there(seed):
    ids = [hashlib.sha256(str(n).encode()).hexdigest()[:32] for n in range(20_000)]
    whole = reasons(is_held_out(0.05, seed=seed), id=ids)
    assert 800 < sum(whole) < 1200
    assert reasons(is_held_out(0.05, seed=seed), id=ids[:100]) == whole[:100]
    assert reasons(is_held_out(0.05, seed=seed + 1), id=ids) != whole
    assert not any(reasons(is_held_out(0.0, seed=seed), id=ids))
