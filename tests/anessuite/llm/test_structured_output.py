"""What an endpoint knows of structured output is found out with real requests, once for each endpoint."""

import json

import pytest

from anessuite.llm.replies import BAD_REQUEST
from anessuite.llm.requests import OutputSchema, Request
from tests.llm_server import LlmServer, first, knows, normal, status, takes_at_most

SCHEMA = OutputSchema("answer", {"type": "object", "properties": {"answer": {"enum": ["A", "B"]}}})


def asks(count: int, *, length: int = 1) -> list[Request]:
    return [Request([{"role": "user", "content": "q" * length + str(n)}], SCHEMA) for n in range(count)]


def kinds(server: LlmServer) -> list[str | None]:
    return [body.get("response_format", {}).get("type") for body in server.bodies]


def test_a_server_that_knows_json_schema_gets_it_with_each_request(asker, at) -> None:
    with LlmServer() as server:
        asked = asker.ask(at(server), asks(80))
    assert kinds(server) == ["json_schema"] * 80
    assert all(json.loads(reply.text)["answer"] in "AB" for reply in asked.replies.values())


@pytest.mark.parametrize(
    ("known", "refusals", "then"), [(["json_object"], 1, "json_object"), ([], 2, None), (["text"], 2, None)]
)
def test_what_a_server_does_not_know_is_found_out_once(
    known: list[str], refusals: int, then: str | None, asker, at
) -> None:
    with LlmServer(knows(*known), latency=0.02) as server:
        asked = asker.ask(at(server), asks(200))
    assert server.statuses[400] == refusals
    assert asked.faults() == {}
    assert kinds(server)[refusals:] == [then] * 200


def test_each_endpoint_is_asked_in_the_form_that_it_knows(asker, at) -> None:
    with LlmServer(knows("json_object"), latency=0.01) as one, LlmServer(latency=0.01) as other:
        asked = asker.ask(at(one, other), asks(300))
    assert asked.faults() == {}
    assert one.statuses[400] == 1
    assert other.statuses[400] == 0
    assert set(kinds(one)) == {"json_schema", "json_object"}
    assert set(kinds(other)) == {"json_schema"}


def test_requests_without_a_schema_do_not_wait_for_it_to_be_found_out(asker, at, questions) -> None:
    with LlmServer(knows("json_object"), latency=0.05) as server:
        asker.ask(at(server), [*asks(20), *questions(20)])
    assert kinds(server).count(None) == 20
    assert server.statuses[400] == 1


def test_a_row_that_is_too_long_says_nothing_about_what_the_server_knows(asker, at) -> None:
    with LlmServer(takes_at_most(100)) as server:
        asked = asker.ask(at(server, concurrency=1), [*asks(1, length=500), *asks(40)])
    assert asked.faults() == {0: BAD_REQUEST}
    assert server.statuses[400] == 3  # the first row in all three forms
    assert kinds(server)[3:] == ["json_schema"] * 40


@pytest.mark.usefixtures("hurried")
def test_a_failure_while_it_is_found_out_is_tried_again(asker, at) -> None:
    with LlmServer(first(3, status(500), then=knows("json_object"))) as server:
        asked = asker.ask(at(server), asks(60))
    assert asked.faults() == {}
    assert len(asked.replies) == 60
    assert server.statuses[400] == 1


@pytest.mark.usefixtures("hurried")
def test_a_server_that_never_answers_the_first_structured_request_is_found_dead_in_time(asker, at) -> None:
    """The others do not try one after the other, each for the whole time."""
    from anessuite.llm.endpoints import EndpointsDead
    from tests.llm_server import NEVER

    with LlmServer(lambda _: NEVER) as server, pytest.raises(EndpointsDead):
        asker.ask(at(server, timeout=0.3, patience=1, concurrency=64), asks(200))
    assert server.requests < 12
    server.reply = normal
