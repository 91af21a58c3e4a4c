"""What a run delivers when the servers do what they should."""

import logging
import random
import socket
import time
from collections.abc import Iterator

import pytest

from anessuite.errors import AnesError
from anessuite.llm.budget import Budget, BudgetReached
from anessuite.llm.cache import Cache
from anessuite.llm.config import ModelConfig, Price, SpendingCaps
from anessuite.llm.replies import EMPTY, REFUSED, TRUNCATED, Completion
from anessuite.llm.requests import Request, request_key
from tests import llm_server
from tests.llm_server import MODEL, LlmServer, Reply, key_of, say


def late(body: dict[str, object]) -> Reply:
    """Replies overtake one another."""
    reply = llm_server.normal(body)
    return Reply(body=reply.body, delay=random.uniform(0, 0.05))


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/v1"


def test_each_request_is_delivered_once_with_its_own_reply_in_any_order(asker, at, questions) -> None:
    requests = questions(600)
    with LlmServer(reply=late, gathers=32) as server:
        config = at(server)
        asked = asker.ask(config, requests)
    assert sorted(asked.replies) == list(range(600))
    assert list(asked.replies) != sorted(asked.replies)
    for number, request in enumerate(requests):
        assert asked.replies[number].text == f"reply {key_of({'messages': request.messages})}"
        assert asked.keys[number] == request_key(config, request)
    assert server.asked.total() == 600
    assert server.most_in_flight == 32


def test_a_reply_is_in_the_cache_before_it_is_delivered(cache: Cache, at, questions) -> None:
    from anessuite.llm.client import complete

    missing: list[int] = []

    def deliver(number: int, key: bytes, completion: Completion) -> None:
        if Cache(cache.path.parent).find([key]) != {key: completion}:
            missing.append(number)

    with LlmServer() as server:
        complete(at(server), questions(60), deliver, cache=cache)
    assert missing == []


def test_equal_requests_are_asked_once_and_cost_once(asker, at) -> None:
    requests = [Request([{"role": "user", "content": f"q{number % 100}"}]) for number in range(900)]
    with LlmServer(latency=0.01) as server:
        asked = asker.ask(at(server, price=Price(input=1e6)), requests)
    assert sorted(asked.replies) == list(range(900))
    assert set(server.asked.values()) == {1}
    assert (asked.tally.done, asked.tally.sent, asked.tally.cached) == (900, 100, 800)
    assert (
        asked.tally.cost
        == asked.tally.prompt_tokens
        == sum(asked.replies[number].prompt_tokens for number in range(100))
    )


def test_a_request_whose_equal_finishes_while_the_cache_is_read_is_not_asked_again(
    asker, at, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = Cache.find

    def slow_find(self: Cache, keys: list[bytes]) -> dict[bytes, Completion]:
        found = find(self, keys)
        time.sleep(0.1)  # what was in flight has come back by now
        return found

    monkeypatch.setattr(Cache, "find", slow_find)
    requests = [Request([{"role": "user", "content": f"q{number % 10}"}]) for number in range(1_600)]
    with LlmServer(latency=0.03) as server:
        asked = asker.ask(at(server), requests)
    assert len(asked.replies) == 1_600
    assert set(server.asked.values()) == {1}


def test_attempts_are_requests_of_their_own(asker, at) -> None:
    requests = [Request([{"role": "user", "content": "q"}], attempt=attempt) for attempt in range(5)]
    with LlmServer() as server:
        asked = asker.ask(at(server, seed=7), requests)
        asker.ask(at(server, seed=7), requests)
    assert len(asked.replies) == server.requests == 5
    assert sorted(body["seed"] for body in server.bodies) == [7, 8, 9, 10, 11]


def test_a_cached_run_sends_nothing_and_needs_no_server(asker, at, questions) -> None:
    with LlmServer() as server:
        first = asker.ask(at(server), questions(300))
    again = asker.ask(ModelConfig(model=MODEL, endpoints=[closed_port()]), questions(300))
    assert again.replies == first.replies
    assert (again.tally.cached, again.tally.sent, again.tally.cost) == (300, 0, 0)
    assert server.listed == 1


def test_only_what_is_not_cached_is_asked(asker, at, questions) -> None:
    with LlmServer() as server:
        asker.ask(at(server), questions(600)[::2])
        asked = asker.ask(at(server), questions(600))
    assert (asked.tally.cached, asked.tally.sent) == (300, 300)
    assert set(server.asked.values()) == {1}


def test_nothing_to_ask_is_nothing_done(asker) -> None:
    assert asker.ask(ModelConfig(model=MODEL, endpoints=[closed_port()]), []).replies == {}


def test_requests_are_made_as_they_are_needed_not_all_at_once(asker, at, questions) -> None:
    ahead: list[int] = []

    def requests() -> Iterator[Request]:
        for made, request in enumerate(questions(1_500)):
            ahead.append(made - len(asker.last.replies))
            yield request

    with LlmServer() as server:
        asker.ask(at(server), requests())
    assert len(ahead) == 1_500
    assert max(ahead) <= 500 + 500 + 3 * 32


def test_reasoning_usage_and_faults_are_delivered_and_cached_as_the_model_gave_them(
    asker, at, questions
) -> None:
    replies = iter(
        [llm_server.REASONED["reasoning"], llm_server.CUT_SHORT, llm_server.FILTERED, llm_server.EMPTY]
    )
    with LlmServer(reply=lambda _: next(replies)) as server:
        first = asker.ask(at(server, concurrency=1), questions(4))
        again = asker.ask(at(server, concurrency=1), questions(4))
    assert first.replies[0].reasoning == "first A, then B"
    assert first.faults() == {1: TRUNCATED, 2: REFUSED, 3: EMPTY}
    assert again.replies == first.replies
    assert first.tally.faults == {TRUNCATED: 1, REFUSED: 1, EMPTY: 1}
    assert server.requests == 4


def test_two_endpoints_share_the_load(asker, at, questions) -> None:
    with LlmServer(latency=0.02) as one, LlmServer(latency=0.02) as other:
        asker.ask(at(one, other), questions(400))
    assert one.requests + other.requests == 400
    assert one.requests == pytest.approx(200, abs=30)
    assert one.most_in_flight <= 18


def test_a_slower_endpoint_gets_less(asker, at, questions) -> None:
    with LlmServer(latency=0.01) as fast, LlmServer(latency=0.2) as slow:
        asker.ask(at(fast, slow), questions(300))
    assert fast.requests > 2 * slow.requests


def test_a_rate_is_kept_to(asker, at, questions) -> None:
    with LlmServer() as server:
        begun = time.monotonic()
        asker.ask(at(server, requests_per_minute=1_200), questions(30))
        seconds = time.monotonic() - begun
    assert 0.45 <= seconds < 5  # 20 a second, the first 20 at once
    assert server.times[29] - server.times[20] >= 0.2


def test_tokens_that_were_expected_and_did_not_come_are_given_back_to_the_rate(asker, at, questions) -> None:
    with LlmServer() as server:
        begun = time.monotonic()  # at first it expects 50,000 tokens of each, five seconds' worth
        asker.ask(at(server, max_tokens=100_000, tokens_per_minute=600_000, concurrency=1), questions(6))
    assert time.monotonic() - begun < 5


def test_a_model_that_no_server_lists_is_said_and_asked_for_all_the_same(
    asker, at, questions, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("anes"), "propagate", True)
    with LlmServer() as server, caplog.at_level("INFO", logger="anes"):
        config = at(server).model_copy(update={"model": "llama"})
        assert len(asker.ask(config, questions(2)).replies) == 2
    assert f"does not list the model llama; it lists: {MODEL}" in caplog.text


def test_a_budget_of_requests_is_never_exceeded_with_256_in_flight(asker, at, questions) -> None:
    budget = Budget(SpendingCaps(max_requests=100))
    with LlmServer(latency=0.02) as server:
        config = at(server, concurrency=256)
        with pytest.raises(BudgetReached, match="max_requests is 100"):
            asker.ask(config, questions(600), budget=budget)
        assert server.requests == budget.requests == len(asker.last.replies) == 100
        raised = Budget.load(SpendingCaps(max_requests=600), budget.dump())
        rest = asker.ask(config, questions(600), budget=raised)
    assert (rest.tally.cached, rest.tally.sent) == (100, 500)
    assert set(server.asked.values()) == {1}
    assert raised.requests == 600


def test_a_budget_of_cost_is_never_exceeded_and_nearly_used_up(asker, at, questions) -> None:
    prices = Price(input=1e6, output=1e6)  # one for each token
    spent: list[int] = []

    def reply(body: dict[str, object]) -> Reply:
        tokens = {"prompt_tokens": 10, "completion_tokens": random.randint(1, 100)}
        spent.append(sum(tokens.values()))
        return say("A", usage=tokens)

    budget = Budget(SpendingCaps(max_cost=8_000))
    with LlmServer(reply, latency=0.01) as server, pytest.raises(BudgetReached):
        asker.ask(at(server, concurrency=256, price=prices, max_tokens=100), questions(2_000), budget=budget)
    assert sum(spent) == budget.cost == asker.last.tally.cost
    assert 8_000 - (100 + 256 + 20) < budget.cost <= 8_000
    assert len(asker.last.replies) == server.requests


def test_what_is_cached_needs_no_budget(asker, at, questions) -> None:
    nothing = Budget(SpendingCaps(max_requests=0, max_cost=0))
    with LlmServer() as server:
        asker.ask(at(server), questions(40))
        assert len(asker.ask(at(server), questions(40), budget=nothing).replies) == 40
        with pytest.raises(BudgetReached):
            asker.ask(at(server), questions(41), budget=nothing)
    assert server.requests == 40


class Full(AnesError):
    """The disk of the one who takes the replies."""


@pytest.mark.parametrize("error", [Full("the disk is full"), ValueError("a defect"), KeyError("x")])
@pytest.mark.parametrize("cached", [False, True])
def test_an_error_of_the_one_who_takes_the_replies_surfaces_as_itself_and_ends_the_run(
    cache: Cache, at, questions, error: Exception, cached: bool
) -> None:
    from anessuite.llm.client import complete

    delivered: list[int] = []

    def deliver(number: int, key: bytes, completion: Completion) -> None:
        delivered.append(number)
        if len(delivered) == 150:
            raise error

    with LlmServer(latency=0.005) as server:
        if cached:
            complete(at(server), questions(300), lambda *_: None, cache=cache)
        with pytest.raises(type(error)) as caught:
            complete(at(server), questions(2_000), deliver, cache=cache)
    assert caught.value is error
    assert len(delivered) == 150
    assert server.requests <= (300 if cached else 150 + 2 * 32)
    assert cache.stats()[0].replies == server.requests  # what was in flight is kept


@pytest.mark.parametrize("error", [Full("a source file is damaged"), ValueError("a defect")])
@pytest.mark.parametrize("after", [0, 3, 600])
def test_an_error_of_the_one_who_makes_the_requests_surfaces_as_itself(
    asker, at, questions, error: Exception, after: int
) -> None:
    def requests() -> Iterator[Request]:
        yield from questions(after)
        raise error

    with LlmServer(latency=0.002) as server, pytest.raises(type(error)) as caught:
        asker.ask(at(server), requests())
    assert caught.value is error
    assert server.requests == len(asker.last.replies)


class Terminated(BaseException):
    """As a handler of SIGTERM raises it, wherever the program is."""


def test_a_signal_that_hits_a_reply_ends_the_run_and_is_not_taken_for_its_end(
    cache: Cache, at, questions
) -> None:
    from anessuite.llm.client import complete

    def deliver(number: int, key: bytes, completion: Completion) -> None:
        if number == 20:
            raise Terminated

    with LlmServer(latency=0.01) as server, pytest.raises(Terminated):
        complete(at(server, concurrency=4), questions(200), deliver, cache=cache)
    assert server.requests < 200


def test_a_signal_that_hits_the_making_of_requests_ends_the_run(cache: Cache, at, questions) -> None:
    from anessuite.llm.client import complete

    def requests() -> Iterator[Request]:
        yield from questions(1000)
        raise Terminated

    with LlmServer() as server, pytest.raises(Terminated):
        complete(at(server), requests(), lambda number, key, completion: None, cache=cache)
