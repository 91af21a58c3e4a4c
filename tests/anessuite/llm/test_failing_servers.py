"""What a run delivers when servers fail: nothing lost or asked twice, no row blamed for a dead server."""

import threading
import time

import pytest

from anessuite.llm.cache import Cache, CacheError
from anessuite.llm.endpoints import EndpointsDead
from anessuite.llm.replies import BAD_REQUEST, REQUEST_FAILED, Completion
from anessuite.llm.requests import Request
from anessuite.llm.transport import ModelRefused
from tests import llm_server
from tests.llm_server import (
    LlmServer,
    Reply,
    first,
    first_of_each,
    key_of,
    normal,
    status,
    takes_at_most,
    to_those_with,
    too_many,
)

KEY = "sk-very-secret-0123456789"
FAILURES = {
    "500": status(500),
    "502": status(502),
    "503": status(503),
    "html": llm_server.NO_JSON,
    "error as 200": llm_server.ERROR_AS_200,
    "broken off": llm_server.BROKEN_OFF,
    "half a body": llm_server.HALF,
    "hangs up": llm_server.HANGS_UP,
    "never": llm_server.NEVER,
}


def limit(failure: str, seconds: float) -> float:
    """The time-out, short only where it must come: on a busy machine others would come, too."""
    return seconds if failure == "never" else 20


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_tried_again_until_the_reply_comes(failure: str, asker, at, questions) -> None:
    with LlmServer(first_of_each(1, FAILURES[failure])) as server:
        asked = asker.ask(at(server, timeout=limit(failure, 0.5)), questions(12))
    assert asked.faults() == {}
    assert len(asked.replies) == 12
    assert set(server.asked.values()) == {2}
    assert asked.tally.retries == 12
    assert sum(asked.tally.troubles.values()) == asked.tally.retries


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("failure", FAILURES)
def test_a_request_that_fails_each_time_is_a_verdict_and_the_others_are_answered(
    failure: str, asker, at, questions
) -> None:
    with LlmServer(to_those_with("question 7", FAILURES[failure])) as server:
        asked = asker.ask(at(server, timeout=limit(failure, 0.5), retries=2), questions(50))
        assert asked.faults() == {7: REQUEST_FAILED}
        assert asked.replies[7].detail
        assert len(asked.replies) == 50
        server.reply = normal
        again = asker.ask(at(server), questions(50))
    assert again.faults() == {}  # it was not cached
    assert again.tally.sent == 1
    tries = server.asked[key_of({"messages": questions(8)[7].messages})]
    assert tries == 3 + 1 or (failure == "never" and tries < 4)  # on a busy machine it may never have come


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("failure", ["500", "hangs up", "never"])
@pytest.mark.parametrize("patience", [0.1, 30])
def test_a_failing_request_that_is_alone_is_a_verdict_if_the_server_answers_a_word_of_ours(
    failure: str, patience: float, asker, at, questions
) -> None:
    with LlmServer(to_those_with("question", FAILURES[failure])) as server:
        config = at(server, timeout=limit(failure, 0.2), retries=3, patience=patience)
        asked = asker.ask(config, questions(1))
    assert asked.faults() == {0: REQUEST_FAILED}
    assert server.asked[key_of({"messages": questions(1)[0].messages})] == 4
    assert server.finished.total() >= 1  # words of ours


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("failure", ["500", "html", "hangs up", "never"])
@pytest.mark.parametrize("concurrency", [1, 32])
def test_a_server_that_answers_nothing_rightly_is_dead_and_turns_no_row_into_a_verdict(
    failure: str, concurrency: int, asker, at, questions
) -> None:
    with LlmServer(lambda _: FAILURES[failure]) as server, pytest.raises(EndpointsDead):
        config = at(server, timeout=limit(failure, 0.1), retries=1, patience=0.3, concurrency=concurrency)
        asker.ask(config, questions(40))
    assert asker.last.replies == {}


def test_a_server_that_is_not_there_ends_the_run_at_once_and_nothing_is_sent(asker, at, questions) -> None:
    with LlmServer() as server:
        config = at(server, patience=120)
    with pytest.raises(EndpointsDead, match="no endpoint answers") as caught:
        asker.ask(config, questions(5))
    assert server.url in caught.value.what
    assert "nothing was sent" in caught.value.hint
    assert asker.last.replies == {}


@pytest.mark.usefixtures("hurried")
def test_all_dead_in_mid_run_stops_it_and_the_next_run_asks_only_the_rest(asker, at, questions) -> None:
    with LlmServer(latency=0.005, dies_after=150) as server:
        config = at(server, patience=0.5, retries=1)
        with pytest.raises(EndpointsDead):
            asker.ask(config, questions(400))
        first_run = asker.last.replies
        assert len(first_run) >= 150
        assert [reply.fault for reply in first_run.values() if reply.fault] == []
        server.start()
        rest = asker.ask(config, questions(400))
    assert len(rest.replies) == 400
    assert rest.tally.cached == len(first_run)
    assert set(server.finished.values()) == {1}


@pytest.mark.usefixtures("hurried")
def test_a_server_that_dies_and_comes_back_within_the_patience_costs_nothing(asker, at, questions) -> None:
    with LlmServer(latency=0.005, dies_after=100) as server:

        def revive() -> None:
            while server.dies_after is not None:
                time.sleep(0.01)
            time.sleep(0.6)
            server.start()

        nurse = threading.Thread(target=revive)
        nurse.start()
        asked = asker.ask(at(server, patience=20, retries=0), questions(300))
        nurse.join()
    assert asked.faults() == {}
    assert len(asked.replies) == 300
    assert set(server.finished.values()) == {1}


@pytest.mark.usefixtures("hurried")
def test_two_endpoints_of_which_one_dies_lose_nothing(asker, at, questions) -> None:
    with LlmServer(latency=0.01, dies_after=80) as mortal, LlmServer(latency=0.01) as other:
        asked = asker.ask(at(mortal, other, retries=1), questions(300))
    assert asked.faults() == {}
    assert len(asked.replies) == 300
    assert mortal.finished.total() + other.finished.total() == 300


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("concurrency", [1, 8])
def test_one_endpoint_that_is_dead_from_the_start_stops_nothing(
    concurrency: int, asker, at, questions
) -> None:
    with LlmServer() as dead, LlmServer() as alive:
        dead.stop()
        asked = asker.ask(at(dead, alive, concurrency=concurrency, patience=1, retries=0), questions(60))
    assert asked.faults() == {}
    assert alive.requests == 60


@pytest.mark.usefixtures("hurried")
def test_an_endpoint_that_comes_back_is_used_again(asker, at, questions) -> None:
    with LlmServer(first(3, status(500)), latency=0.005) as flaky, LlmServer(latency=0.005) as other:
        asker.ask(at(flaky, other, concurrency=4), questions(400))
    assert flaky.finished.total() > 60


@pytest.mark.parametrize("code", [401, 402, 403, 404, 405])
@pytest.mark.parametrize("echoes", [False, True])
def test_a_refusal_of_key_rights_or_model_stops_at_once_and_says_why_without_the_key(
    code: int, echoes: bool, asker, at, questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    reply = Reply(code, b"you may not: ", echoes_headers=echoes)
    with LlmServer(lambda _: reply, latency=0.02) as server:
        begun = time.monotonic()
        with pytest.raises(ModelRefused) as caught:
            asker.ask(at(server, api_key_env="THE_KEY"), questions(500))
        assert time.monotonic() - begun < 2
    assert f"{code}: you may not" in caught.value.what
    assert KEY not in str(caught.value)
    assert server.requests <= 32
    assert asker.last.replies == {}


def test_a_wrong_key_is_found_out_before_anything_is_sent(
    asker, at, questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", "another")
    with LlmServer(key=KEY) as server, pytest.raises(ModelRefused, match="does not accept the key"):
        asker.ask(at(server, api_key_env="THE_KEY"), questions(5))
    assert server.requests == 0


def test_a_refusal_in_mid_run_keeps_what_is_in_flight(asker, at, questions) -> None:
    reply = to_those_with("question 40", status(401))
    with LlmServer(lambda body: reply(body), latency=0.05) as server:
        with pytest.raises(ModelRefused):
            asker.ask(at(server), questions(300))
        assert len(asker.last.replies) == server.finished.total() > 31
        server.reply = normal
        again = asker.ask(at(server), questions(300))
    assert again.tally.cached == 300 - again.tally.sent == server.finished.total() - again.tally.sent
    assert set(server.finished.values()) == {1}


def test_a_request_that_is_refused_for_itself_is_a_verdict_of_its_row_and_not_cached(asker, at) -> None:
    requests = [
        Request([{"role": "user", "content": "q" * (50 if number % 10 else 500) + str(number)}])
        for number in range(100)
    ]
    with LlmServer(takes_at_most(100)) as server:
        asked = asker.ask(at(server), requests)
        assert asked.faults() == dict.fromkeys(range(0, 100, 10), BAD_REQUEST)
        assert "maximum context length exceeded" in asked.replies[0].detail
        assert server.requests == 100
        server.reply = normal
        again = asker.ask(at(server), requests)
    assert again.faults() == {}
    assert again.tally.sent == 10


def test_a_verdict_is_not_asked_again_for_an_equal_request_of_the_same_run(asker, at, questions) -> None:
    same = Request([{"role": "user", "content": "q" * 500}])
    with LlmServer(takes_at_most(100)) as server:
        asked = asker.ask(at(server), [same, same, *questions(700), same])
    assert asked.faults() == {0: BAD_REQUEST, 1: BAD_REQUEST, 702: BAD_REQUEST}
    assert server.requests == 701


@pytest.mark.parametrize(("unit", "least"), [("s", 0.9), ("ms", 0.9), ("date", 0.9)])
def test_the_pause_that_a_server_asks_for_is_kept_by_all_requests(
    unit, least: float, asker, at, questions
) -> None:
    seconds = 2.0 if unit == "date" else 1.0  # a date has whole seconds
    with LlmServer(first(1, too_many(seconds, unit))) as server:
        asked = asker.ask(at(server, concurrency=8), questions(60))
    gaps = [after - before for before, after in zip(server.times, server.times[1:], strict=False)]
    assert max(gaps) >= least
    assert len(asked.replies) == 60
    assert asked.tally.troubles == {"429": 1}


def test_a_storm_of_429_does_not_hammer(asker, at, questions) -> None:
    ends: list[float] = []

    def reply(body: dict[str, object]) -> Reply:
        ends or ends.append(time.monotonic() + 1.5)
        return too_many(0.5) if time.monotonic() < ends[0] else normal(body)

    with LlmServer(reply, latency=0.01) as server:
        asked = asker.ask(at(server, concurrency=64), questions(200))
    assert len(asked.replies) == 200
    assert asked.faults() == {}
    assert server.statuses[429] <= 64 + 32 + 16 + 8


def test_a_server_with_room_for_few_gets_hardly_more_than_it_takes(asker, at, questions) -> None:
    def reply(body: dict[str, object]) -> Reply:
        return status(429, retry_after_ms="50") if server.in_flight > 8 else normal(body)

    with LlmServer(reply, latency=0.02) as server:
        asked = asker.ask(at(server, concurrency=64), questions(400))
    assert len(asked.replies) == 400
    assert server.statuses[429] < 200


@pytest.mark.usefixtures("hurried")
def test_a_server_that_says_429_for_ever_ends_the_run_after_patience_and_pause(asker, at, questions) -> None:
    with LlmServer(lambda _: too_many(0.2)) as server, pytest.raises(EndpointsDead, match="429"):
        asker.ask(at(server, patience=0.5), questions(50))
    assert asker.last.replies == {}


def test_a_cache_that_cannot_be_written_ends_the_run_and_nothing_more_is_sent(
    asker, at, questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anessuite.llm import cache as module

    insert, batches = module.insert, []

    def full(connection: object, rows: list[object]) -> None:
        batches.append(rows)
        if len(batches) > 3:
            raise OverflowError("not even an SQLite error")
        insert(connection, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "insert", full)
    with LlmServer(latency=0.01) as server, pytest.raises(CacheError, match="not even an SQLite error"):
        asker.ask(at(server), questions(2_000))
    assert server.requests < 500
    assert len(asker.last.replies) == asker.cache.stats()[0].replies


def test_a_cache_that_cannot_be_read_ends_the_run(
    asker, at, questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(self: Cache, keys: list[bytes]) -> dict[bytes, Completion]:
        if len(asker.last.replies) > 50:
            raise CacheError("the disk is gone")
        return {}

    monkeypatch.setattr(Cache, "find", find)
    with LlmServer(latency=0.01) as server, pytest.raises(CacheError, match="the disk is gone"):
        asker.ask(at(server), questions(1_500))
    assert len(asker.last.replies) == server.requests


def test_a_stop_does_not_wait_for_those_that_only_wait_themselves(asker, at, questions) -> None:
    """Some wait out a long pause, some for a rate: none of them keeps the run from ending."""
    with LlmServer(latency=0.02) as good, LlmServer(lambda _: too_many(600), latency=0.02) as busy:
        good.reply = lambda body: status(401) if good.requests > 100 else normal(body)
        begun = time.monotonic()
        with pytest.raises(ModelRefused):
            asker.ask(at(good, busy, tokens_per_minute=2_000_000), questions(500))
    assert time.monotonic() - begun < 10


def test_a_stop_does_not_send_again_what_fails_after_it(asker, at, questions) -> None:
    reply = to_those_with("question 5", status(401), others=lambda _: Reply(500, delay=0.3))
    with LlmServer(reply) as server, pytest.raises(ModelRefused):
        asker.ask(at(server), questions(200))
    assert server.requests <= 32
