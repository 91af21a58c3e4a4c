"""Servers that misbehave at random, from a seed, and die and come back meanwhile."""

import random
import threading
import time
from contextlib import suppress

import pytest

from anessuite.llm.endpoints import EndpointsDead
from anessuite.llm.requests import OutputSchema, Request
from tests import llm_server
from tests.llm_server import LlmServer, Reply, key_of, status, too_many

SCHEMA = OutputSchema("o", {"type": "object", "properties": {"a": {"type": "integer"}}})
TROUBLES = [
    status(500),
    status(503, retry_after="0.05"),
    too_many(0.03, "ms"),
    status(429),
    llm_server.HALF,
    llm_server.HANGS_UP,
    llm_server.NEVER,
    llm_server.NO_JSON,
    llm_server.BROKEN_OFF,
]
REQUESTS = [
    Request([{"role": "user", "content": f"question {number % 350}"}], SCHEMA if number % 2 else None)
    for number in range(500)
]
KEYS = [key_of({"messages": request.messages}) for request in REQUESTS]


def misbehaving(chance: random.Random) -> llm_server.Behaviour:
    share = chance.choice([0.02, 0.1, 0.3])
    proper = llm_server.knows(*chance.choice([("json_schema", "json_object"), ("json_object",), ()]))

    def reply(body: dict[str, object]) -> Reply | str:
        if chance.random() < share:
            return chance.choice(TROUBLES)
        said = proper(body)
        assert isinstance(said, Reply)
        return Reply(said.status, said.body, said.headers, delay=chance.uniform(0, 0.02))

    return reply


def kill_and_revive(servers: list[LlmServer], chance: random.Random, ended: threading.Event) -> None:
    while not ended.wait(chance.uniform(0.05, 0.4)):
        victim = chance.choice(servers)
        victim.stop()
        ended.wait(chance.uniform(0, 0.3))
        victim.start()


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("seed", [0, 1, 3, 4])
def test_each_run_ends_and_the_last_has_all_and_none_asks_for_what_came_back_before(
    seed: int, asker, at
) -> None:
    chance, ended = random.Random(seed), threading.Event()
    with LlmServer(misbehaving(chance)) as one, LlmServer(misbehaving(chance)) as other:
        config = at(one, other, timeout=0.5, retries=3, patience=1, concurrency=chance.choice([1, 8, 64]))
        murderer = threading.Thread(target=kill_and_revive, args=([one, other], chance, ended))
        murderer.start()
        begun, answered = time.monotonic(), {}
        try:
            while len(asker.last.replies) < len(REQUESTS) and time.monotonic() - begun < 60:
                before = one.asked + other.asked
                with suppress(EndpointsDead):
                    asker.ask(config, REQUESTS)
                asked = one.asked + other.asked - before
                replies = asker.last.replies
                assert [n for n in answered if n in replies and replies[n] != answered[n]] == []
                assert [n for n in answered if asked[KEYS[n]]] == []
                answered |= {n: reply for n, reply in replies.items() if reply.answered}
        finally:
            ended.set()
            murderer.join()
    assert sorted(asker.last.replies) == list(range(len(REQUESTS)))
    assert len(asker.last.faults()) <= 25
