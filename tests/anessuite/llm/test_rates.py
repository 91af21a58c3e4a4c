import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.llm.rates import Rate


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_without_a_limit_nothing_waits() -> None:
    assert [Rate(None, Clock()).delay(10**9) for _ in range(3)] == [0, 0, 0]


def test_requests_go_evenly_and_at_most_a_seconds_worth_at_once() -> None:
    rate = Rate(120, Clock())
    assert [rate.delay() for _ in range(5)] == [0, 0, 0, 0.5, 1.0]


def test_what_was_not_used_is_not_saved_up() -> None:
    clock = Clock()
    rate = Rate(60, clock)
    rate.delay()
    clock.now += 3600
    assert [rate.delay() for _ in range(3)] == [0, 0, 1.0]


def test_an_estimate_is_corrected_in_both_directions() -> None:
    rate = Rate(600, Clock())
    rate.delay(100)
    rate.settle(-50)
    assert rate.delay() == 4.0
    rate.settle(20)
    assert rate.delay() == pytest.approx(6.1)


@given(st.floats(1, 10_000), st.lists(st.tuples(st.floats(0, 5), st.floats(0, 50)), min_size=1, max_size=60))
def test_in_no_stretch_of_time_does_more_go_than_the_rate_and_one_second(
    per_minute: float, asked: list[tuple[float, float]]
) -> None:
    clock = Clock()
    rate = Rate(per_minute, clock)
    begins, amounts = [], []
    for pause, amount in asked:
        clock.now += pause
        begins.append(clock.now + rate.delay(amount))
        amounts.append(amount)
    for first in range(len(begins)):
        for last in range(first, len(begins)):
            seconds = begins[last] - begins[first]
            allowed = (seconds + 1.0) * per_minute / 60 + amounts[last] + 1e-6
            assert sum(amounts[first : last + 1]) <= allowed
