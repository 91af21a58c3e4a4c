"""A model server for tests: HTTP on a free loopback port, in a thread or (``-m``) in a process of its own.

    with LlmServer(reply=lambda body: "A") as server:
        ModelConfig(model=MODEL, endpoints=[server.url])

``reply`` gets the body of each request and returns what is sent: a text, or a :class:`Reply`. Ready-made ones
are below the server. It counts what it is asked, so that a test can tell what was asked twice.
"""

import argparse
import asyncio
import email.utils
import hashlib
import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import orjson

MODEL = "test-model"


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes over the wire: all of it, half of the body, nothing (it hangs up), or never anything."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    sends: Literal["all", "half", "nothing", "never"] = "all"
    echoes_headers: bool = False
    """The body ends with the request's headers, the key among them."""


Behaviour = Callable[[dict[str, Any]], Reply | str]


def key_of(body: Mapping[str, Any]) -> str:
    """A name for what a request asks: its messages, or its plain text and whether that is scored."""
    asked = body["messages"] if "messages" in body else [body["prompt"], bool(body.get("echo"))]
    return hashlib.sha256(orjson.dumps(asked)).hexdigest()[:16]


def normal(body: dict[str, Any]) -> Reply:
    """Always the same text for the same messages; JSON where a schema is asked for."""
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    if schema is not None:
        return say(json.dumps(_instance(schema, key_of(body))), body=body)
    return say(f"reply {key_of(body)}", body=body)


class LlmServer:
    """The server. All counts are of ``/v1/chat/completions`` and, with ``texts``, of ``/v1/completions``."""

    def __init__(
        self,
        reply: Behaviour = normal,
        *,
        latency: float = 0.0,
        gathers: int = 0,
        key: str | None = None,
        lists: Reply | None = None,
        dies_after: int | None = None,
        texts: Behaviour | None = None,
    ) -> None:
        """``gathers``: it replies to nobody before so many requests were in flight at once. ``key``: the only
        one it accepts. ``lists``: what ``/v1/models`` says. ``dies_after``: so many. ``texts``: what it
        replies to plain texts; without it there is no such path."""
        self.texts = texts
        self.reply, self.latency, self.gathers = reply, latency, gathers
        self.key, self.lists, self.dies_after = key, lists, dies_after
        self.asked: Counter[str] = Counter()
        """Requests by the key of their messages; in ``finished`` those that got a whole completion."""
        self.finished: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.times: list[float] = []
        """When each request came, by time.monotonic."""
        self.in_flight = self.most_in_flight = self.connections = self.listed = 0
        self.port = 0
        self._open: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def requests(self) -> int:
        return len(self.times)

    def rate(self) -> float:
        """Requests a second between the first and the last."""
        return (len(self.times) - 1) / max(1e-9, self.times[-1] - self.times[0]) if self.times else 0.0

    def __enter__(self) -> "LlmServer":
        self._thread = threading.Thread(target=self._loop.run_forever, name="llm-server", daemon=True)
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        assert self._thread is not None
        self._thread.join()
        self._loop.close()

    def start(self) -> None:
        """Listen; again on the same port after :meth:`stop`."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def stop(self) -> None:
        """Die: close the listening socket and cut all connections."""

        async def stop() -> None:
            self._die()

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(10)

    async def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._server = await self._loop.create_server(lambda: _Connection(self), sock=listener, backlog=4096)

    def _die(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._open):
            connection.transport.abort()

    def answer(self, path: str, headers: dict[str, str], content: bytes) -> tuple[Reply, str | None]:
        """What to send, and the key of the messages if it is a request for a completion."""
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            return status(401, "wrong key"), None
        if path == "/v1/models":
            self.listed += 1
            return self.lists or Reply(body=orjson.dumps({"object": "list", "data": [{"id": MODEL}]})), None
        behaviours = {"/v1/chat/completions": self.reply, "/v1/completions": self.texts}
        behaviour = behaviours.get(path)
        if behaviour is None:
            return status(404, f"no such path {path}"), None
        body = orjson.loads(content)
        key = key_of(body)
        self.asked[key] += 1
        self.bodies.append(body)
        self.times.append(time.monotonic())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        reply = behaviour(body)
        return say(reply, body=body) if isinstance(reply, str) else reply, key

    def sent(self, reply: Reply, key: str | None) -> None:
        """A reply has gone out, or never will."""
        if key is None:
            return
        self.in_flight -= 1
        self.statuses[reply.status] += 1
        if reply.status == 200 and reply.sends == "all":
            self.finished[key] += 1
            if self.dies_after is not None and self.finished.total() >= self.dies_after:
                self.dies_after = None
                self._loop.call_soon(self._die)


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, server: LlmServer) -> None:
        self._server = server
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._server.connections += 1
        self._server._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server._open.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        first, *lines = self._buffer[:head_end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        end = head_end + 4 + int(headers.get("content-length", 0))
        if len(self._buffer) < end:
            return
        content = bytes(self._buffer[head_end + 4 : end])
        del self._buffer[:end]
        reply, key = self._server.answer(first.split(" ")[1], headers, content)
        if reply.echoes_headers:
            reply = replace(reply, body=reply.body + json.dumps(headers).encode())
        delay = reply.delay + (self._server.latency if key else 0.0)
        if delay:
            self._server._loop.call_later(delay, self._send, reply, key)
        else:
            self._send(reply, key)

    def _send(self, reply: Reply, key: str | None) -> None:
        if reply.sends == "never":
            self._server.sent(reply, key)
            return
        if key and self._server.most_in_flight < self._server.gathers:
            self._server._loop.call_later(0.01, self._send, reply, key)
            return
        if self.transport.is_closing():  # nobody waits for it any more
            self._server.sent(replace(reply, sends="nothing"), key)
            return
        head = {"Content-Length": str(len(reply.body)), "Content-Type": "application/json", **reply.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        whole = f"HTTP/1.1 {reply.status} Said\r\n{lines}\r\n".encode("latin-1") + reply.body
        if reply.sends == "all":
            self.transport.write(whole)
        else:
            if reply.sends == "half":
                self.transport.write(whole[: len(whole) - len(reply.body) // 2])
            self.transport.close()
        self._server.sent(reply, key)


def say(
    text: str | None,
    *,
    body: Mapping[str, Any] | None = None,
    finish: str | None = "stop",
    usage: Mapping[str, Any] | None = None,
    **message: Any,
) -> Reply:
    """A completion; ``message`` holds further fields of the message, such as ``reasoning_content``."""
    prompt = sum(len(m["content"]) for m in body["messages"]) if body else 40
    tokens = {"prompt_tokens": prompt // 4, "completion_tokens": len(text or "") // 4 + 1}
    choice = {
        "index": 0,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": text, **message},
    }
    content = {"id": "x", "object": "chat.completion", "model": MODEL, "choices": [choice]}
    return Reply(body=orjson.dumps(content | {"usage": tokens if usage is None else usage}))


def echo(body: Mapping[str, Any], scores: Sequence[float | None], written: str = ".") -> Reply:
    """The reply to ``echo`` with ``logprobs``: scores of the prompt's tokens, and of one that is written."""
    whole = [*scores, -1.0]
    logprobs = {"tokens": ["x"] * len(whole), "token_logprobs": whole, "text_offset": [0] * len(whole)}
    choice = {"index": 0, "text": body["prompt"] + written, "logprobs": logprobs, "finish_reason": "length"}
    return _text_completion(choice, len(scores), 1)


def go_on(body: Mapping[str, Any], text: str, **fields: Any) -> Reply:
    """A plain text as it goes on; ``fields`` are further ones of the choice."""
    choice = {"index": 0, "text": text, "finish_reason": "length", "logprobs": None} | fields
    return _text_completion(choice, len(body["prompt"]) // 4, len(text) // 4 + 1)


def _text_completion(choice: Mapping[str, Any], read: int, written: int) -> Reply:
    content = {"id": "x", "object": "text_completion", "model": MODEL, "choices": [choice]}
    return Reply(
        body=orjson.dumps(content | {"usage": {"prompt_tokens": read, "completion_tokens": written}})
    )


def status(code: int, said: str = "no", **headers: str) -> Reply:
    """An error as servers write it; ``retry_after="3"`` is the header Retry-After."""
    return Reply(
        code,
        orjson.dumps({"error": {"message": said, "code": code}}),
        {name.replace("_", "-"): value for name, value in headers.items()},
    )


def too_many(seconds: float, unit: Literal["s", "ms", "date"] = "s") -> Reply:
    """429 with the pause in one of three ways; a date has whole seconds."""
    if unit == "ms":
        return status(429, "slow down", retry_after_ms=str(seconds * 1000))
    if unit == "date":
        return status(
            429, "slow down", retry_after=email.utils.formatdate(time.time() + seconds, usegmt=True)
        )
    return status(429, "slow down", retry_after=str(seconds))


HALF = replace(say("this text does not arrive"), sends="half")
HANGS_UP = Reply(sends="nothing")
NEVER = Reply(sends="never")
NO_JSON = Reply(body=b"<html>gateway</html>")
ERROR_AS_200 = Reply(body=b'{"error": {"message": "upstream is gone"}}')
EMPTY = say("")
CUT_SHORT = say("The answer is", finish="length")
REFUSAL = say(None, refusal="I cannot help with that.")
FILTERED = say("", finish="content_filter")
BROKEN_OFF = say("The ans", finish="abort")
REASONED = {
    "reasoning_content": say("B", reasoning_content="first A, then B"),
    "reasoning": say("B", reasoning="first A, then B"),
    "block": say("<think>\nfirst A, then B\n</think>\n\nB"),
    "lone end": say("first A, then B\n</think>\n\nB"),
}
"""The same reply in four ways of writing it."""
UNCLOSED = say("<think>first A, then", finish="length")


def knows(*kinds: str) -> Behaviour:
    """400 for each kind of ``response_format`` but these; ``knows("json_object")`` is like DeepSeek."""

    def reply(body: dict[str, Any]) -> Reply:
        kind = body.get("response_format", {}).get("type")
        if kind is not None and kind not in kinds:
            return status(400, f"response_format {kind} is unavailable now")
        return normal(body)

    return reply


def takes_at_most(characters: int) -> Behaviour:
    """400 for what is longer: the context is too long."""

    def reply(body: dict[str, Any]) -> Reply:
        if sum(len(message["content"]) for message in body["messages"]) > characters:
            return status(400, "maximum context length exceeded")
        return normal(body)

    return reply


def first(count: int, reply: Reply, then: Behaviour = normal) -> Behaviour:
    """``reply`` to the first ``count`` requests, whichever they are."""
    seen = 0

    def of(body: dict[str, Any]) -> Reply | str:
        nonlocal seen
        seen += 1
        return reply if seen <= count else then(body)

    return of


def first_of_each(count: int, reply: Reply, then: Behaviour = normal) -> Behaviour:
    """``reply`` to the first ``count`` tries of each request."""
    seen: Counter[str] = Counter()

    def of(body: dict[str, Any]) -> Reply | str:
        seen[key_of(body)] += 1
        return reply if seen[key_of(body)] <= count else then(body)

    return of


def to_those_with(part: str, reply: Reply, others: Behaviour = normal) -> Behaviour:
    """``reply`` to each request whose messages hold ``part``."""

    def of(body: dict[str, Any]) -> Reply | str:
        return reply if any(part in message["content"] for message in body["messages"]) else others(body)

    return of


def _instance(schema: Mapping[str, Any], seed: str) -> Any:
    """A value that obeys a simple schema."""
    if "enum" in schema:
        return schema["enum"][int(seed, 16) % len(schema["enum"])]
    kind = str(schema.get("type"))
    if kind == "object":
        fields = schema.get("properties", {})
        return {
            name: _instance(inner, f"{int(seed, 16) + n:x}") for n, (name, inner) in enumerate(fields.items())
        }
    if kind == "array":
        return [_instance(schema.get("items", {}), seed)] * max(1, schema.get("minItems", 1))
    least = schema.get("minimum", 0)
    return {"integer": least, "number": least, "boolean": True, "null": None}.get(kind, f"text {seed}")


def main() -> None:
    """Serve until standard input ends; prints the URL."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.05)
    with LlmServer(latency=parser.parse_args().latency) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        input()


if __name__ == "__main__":
    main()
