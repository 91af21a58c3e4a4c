import json

import pytest

from anessuite.llm.budget import Budget, BudgetReached
from anessuite.llm.config import ModelConfig, Price, SpendingCaps
from anessuite.llm.replies import BAD_REQUEST, Completion

PRICED = ModelConfig(
    model="m", endpoints=["http://a/v1"], max_tokens=1_000, price=Price(input=1.0, output=10.0)
)
DEAREST = (400 + 256 + 1_000 * 10) / 1e6


def test_without_caps_everything_goes_and_is_counted() -> None:
    budget = Budget(SpendingCaps())
    for _ in range(3):
        reserved = budget.reserve(PRICED, 400)
        assert reserved == pytest.approx(DEAREST)
        budget.settle(PRICED, reserved, Completion("A", prompt_tokens=100, completion_tokens=10))
    assert (budget.requests, budget.cost) == (3, pytest.approx(3 * 200 / 1e6))


def test_what_is_in_flight_counts_at_its_dearest_and_the_next_waits_for_it() -> None:
    budget = Budget(SpendingCaps(max_cost=2.5 * DEAREST))
    first, second = budget.reserve(PRICED, 400), budget.reserve(PRICED, 400)
    assert budget.reserve(PRICED, 400) is None
    assert first is not None
    budget.settle(PRICED, first, Completion("A", prompt_tokens=1, completion_tokens=1))
    assert budget.reserve(PRICED, 400) == second


def test_a_cap_is_reached_only_by_what_is_spent() -> None:
    budget = Budget(SpendingCaps(max_cost=1.5 * DEAREST))
    reserved = budget.reserve(PRICED, 400)
    assert reserved is not None
    budget.settle(PRICED, reserved, Completion("A", prompt_tokens=656, completion_tokens=1_000))
    with pytest.raises(BudgetReached, match=r"max_cost is 0\.02, and the next request may cost 0\.0107"):
        budget.reserve(PRICED, 400)


def test_max_requests_lets_exactly_so_many_be_answered() -> None:
    budget = Budget(SpendingCaps(max_requests=2))
    first, second = budget.reserve(PRICED, 1), budget.reserve(PRICED, 1)
    assert first is not None
    assert second is not None
    assert budget.reserve(PRICED, 1) is None
    budget.settle(PRICED, first, Completion("", fault=BAD_REQUEST))
    third = budget.reserve(PRICED, 1)
    assert third is not None
    for reserved in (second, third):
        budget.settle(PRICED, reserved, Completion("A"))
    with pytest.raises(BudgetReached, match="max_requests is 2; spent so far 2 requests"):
        budget.reserve(PRICED, 1)


def test_rounding_leaves_nothing_reserved_when_nothing_is_in_flight() -> None:
    """A remainder would let the last request that just fits wait for ever."""
    budget = Budget(SpendingCaps(max_cost=3 * DEAREST))
    reserved = [budget.reserve(PRICED, 400) for _ in range(3)]
    assert budget.reserve(PRICED, 400) is None
    for one in reserved:
        assert one is not None
        budget.settle(PRICED, one, None)
    assert budget._reserved_cost == 0.0
    assert budget.reserve(PRICED, 400) is not None


def test_a_cap_of_nothing_sends_nothing() -> None:
    with pytest.raises(BudgetReached):
        Budget(SpendingCaps(max_requests=0)).reserve(PRICED, 1)
    with pytest.raises(BudgetReached):
        Budget(SpendingCaps(max_cost=0)).reserve(PRICED, 1)


def test_an_answer_without_its_tokens_counts_at_its_dearest() -> None:
    budget = Budget(SpendingCaps())
    reserved = budget.reserve(PRICED, 400)
    assert reserved is not None
    budget.settle(PRICED, reserved, Completion("A"))
    assert budget.cost == pytest.approx(DEAREST)


def test_what_was_spent_is_taken_up_by_the_next_run() -> None:
    budget = Budget(SpendingCaps())
    reserved = budget.reserve(PRICED, 400)
    assert reserved is not None
    budget.settle(PRICED, reserved, Completion("A", prompt_tokens=1_000_000))
    budget.reserve(PRICED, 400)  # in flight when it died: not spent
    later = Budget.load(SpendingCaps(max_requests=1), budget.dump())
    assert json.loads(later.dump()) == {"requests": 1, "cost": 1.0}
    with pytest.raises(BudgetReached):
        later.reserve(PRICED, 400)
    assert Budget.load(SpendingCaps(), None).requests == 0
