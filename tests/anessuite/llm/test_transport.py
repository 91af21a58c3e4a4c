import asyncio
import email.utils
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydantic import SecretStr

from anessuite.llm.replies import Completion
from anessuite.llm.transport import Failed, ModelRefused, Overloaded, Rejected, Transport, retry_after
from tests import llm_server
from tests.llm_server import LlmServer, Reply, say, status

KEY = "sk-very-secret-0123456789"
BODY = b'{"messages": [{"role": "user", "content": "q"}]}'


def ask(url: str, *, timeout: float = 5.0, key: str | None = None, models: bool = False) -> object:
    async def once() -> Completion | list[str] | None:
        secret = None if key is None else SecretStr(key)
        transport = Transport(url, key=secret, timeout=timeout, connections=4)
        try:
            return await transport.models() if models else await transport.complete(BODY)
        finally:
            await transport.close()

    return asyncio.run(once())


def outcome_of(reply: Reply, *, timeout: float = 5.0) -> Exception:
    with LlmServer(reply=lambda _: reply) as server, pytest.raises(Exception) as caught:
        ask(server.url, timeout=timeout, key=KEY)
    return caught.value


def test_a_completion_comes_back_as_one() -> None:
    with LlmServer(reply=lambda _: "A") as server:
        reply = ask(server.url)
    assert isinstance(reply, Completion)
    assert reply.text == "A"


@pytest.mark.parametrize("code", [400, 413, 422])
def test_a_request_that_is_refused_for_itself_is_rejected(code: int) -> None:
    error = outcome_of(status(code, "maximum context length exceeded"))
    assert isinstance(error, Rejected)
    assert "maximum context length exceeded" in str(error)


@pytest.mark.parametrize("code", [401, 402, 403, 404, 405, 410])
def test_what_no_other_try_mends_is_model_refused(code: int) -> None:
    error = outcome_of(status(code, "you may not"))
    assert isinstance(error, ModelRefused)
    assert f"{code}: " in error.what
    assert "you may not" in error.what
    assert "api_key_env" in error.hint


def test_a_redirection_is_not_followed_and_says_where_to() -> None:
    reply = Reply(307, b"", {"Location": f"https://elsewhere.example/v1?key={KEY}"})
    error = outcome_of(reply)
    assert isinstance(error, ModelRefused)
    assert "points to https://elsewhere.example/v1" in error.what
    assert KEY not in str(error)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (status(500, "oops"), "500"),
        (status(502), "502"),
        (status(503), "503"),
        (status(529), "529"),
        (status(408), "408"),
        (llm_server.NO_JSON, "not_a_completion"),
        (llm_server.ERROR_AS_200, "not_a_completion"),
        (llm_server.BROKEN_OFF, "not_a_completion"),
        (llm_server.HALF, "connection"),
        (llm_server.HANGS_UP, "connection"),
        (Reply(body=b"abcd", headers={"Content-Encoding": "gzip"}), "connection"),
        (Reply(body=b"zz\r\nab", headers={"Transfer-Encoding": "chunked"}), "connection"),
        (Reply(headers={"X": "a" * 20_000}), "connection"),
    ],
)
def test_what_another_try_may_mend_has_failed(reply: Reply, kind: str) -> None:
    error = outcome_of(reply)
    assert isinstance(error, Failed)
    assert error.kind == kind


def test_no_answer_in_time_has_failed() -> None:
    error = outcome_of(llm_server.NEVER, timeout=0.2)
    assert isinstance(error, Failed)
    assert error.kind == "timeout"
    assert str(error) == "no answer within 0.2 s"


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        (status(429), None),
        (status(429, retry_after="7"), 7.0),
        (status(429, retry_after_ms="1500", retry_after="2"), 1.5),
        (status(503, retry_after="3"), 3.0),
    ],
)
def test_a_server_that_asks_for_a_pause_is_overloaded(reply: Reply, seconds: float | None) -> None:
    error = outcome_of(reply)
    assert isinstance(error, Overloaded)
    assert error.seconds == seconds
    assert error.kind == str(reply.status)


@contextmanager
def black_hole() -> Iterator[str]:
    """An address that takes no connection and refuses none, like a machine that is off."""
    clients = [socket.socket() for _ in range(3)]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for client in clients:
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    for client in clients:
        client.close()


def test_a_server_that_is_gone_is_unreachable_and_not_slow() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
    with black_hole() as off:
        for url in (refused, off, "http://no-such-host.invalid/v1"):
            with pytest.raises(Failed) as caught:
                ask(url, timeout=0.6)
            assert caught.value.kind == "unreachable", url


def test_something_that_speaks_no_http_has_failed() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        await writer.drain()
        writer.close()

    async def once() -> None:
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport = Transport(f"http://127.0.0.1:{port}/v1", key=None, timeout=5, connections=1)
        try:
            await transport.complete(BODY)
        finally:
            await transport.close()
            server.close()

    with pytest.raises(Failed, match="Bad status line"):
        asyncio.run(once())


@pytest.mark.parametrize("code", [200, 307, 400, 401, 403, 429, 500])
def test_a_server_that_echoes_the_key_does_not_bring_it_into_a_message(code: int) -> None:
    error = outcome_of(Reply(code, b"x" * 480, {"retry-after": "1"}, echoes_headers=True))
    assert "x" * 400 in str(error)
    assert KEY not in str(error)
    assert KEY[:12] not in str(error)


def test_the_key_is_sent_as_a_bearer_token() -> None:
    with LlmServer(reply=lambda _: "A", key=KEY) as server:
        assert isinstance(ask(server.url, key=KEY), Completion)
        with pytest.raises(ModelRefused, match="does not accept the key"):
            ask(server.url, key="another")


def test_models_are_listed_or_none_if_the_server_keeps_no_list_or_not_for_this_key() -> None:
    with LlmServer() as server:
        assert ask(server.url, models=True) == [llm_server.MODEL]
    for lists in (status(403), status(404), status(405), Reply(body=b"<html>"), Reply(body=b"{}")):
        with LlmServer(lists=lists) as server:
            assert ask(server.url, models=True) is None
    for lists, error in (
        (status(401), ModelRefused),
        (status(500), Failed),
        (status(429), Overloaded),
        (Reply(302, headers={"Location": "https://elsewhere"}), ModelRefused),
    ):
        with LlmServer(lists=lists) as server, pytest.raises(error):
            ask(server.url, models=True)


def test_retry_after_is_read_as_seconds_milliseconds_or_a_date() -> None:
    now = 1_700_000_000.0
    later, earlier = (email.utils.formatdate(now + seconds, usegmt=True) for seconds in (90, -90))
    known = [
        ({}, None),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": later}, 90.0),
        ({"retry-after": earlier}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after-ms": "inf", "retry-after": "4"}, 4.0),
        ({"retry-after": "Mon, 32 Foo 99999 99:99:99 GMT"}, None),
    ]
    assert [retry_after(headers, now=now) for headers, _ in known] == [seconds for _, seconds in known]


def test_a_whole_reply_is_read_however_long_it_is() -> None:
    with LlmServer(reply=lambda _: say("长" * 1_000_000)) as server:
        reply = ask(server.url)
    assert isinstance(reply, Completion)
    assert len(reply.text) == 1_000_000
