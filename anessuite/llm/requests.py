"""What is asked of a model, and its name: equal requests have equal keys on every machine."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from anessuite.llm.config import ModelConfig
from anessuite.llm.replies import CHAT, Form

Message = Mapping[str, str]
"""``{"role": "system" | "user" | "assistant", "content": ...}``; what else it holds is not sent."""

_KEYS = orjson.OPT_NON_STR_KEYS  # YAML reads the tokens of a logit_bias as numbers


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """The JSON schema that a reply has to obey, with a name as servers want one."""

    name: str
    schema: Mapping[str, Any]

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class Request:
    """One request for a turn of a chat. ``attempt`` tells apart several completions of the same messages.

    `anessuite.llm.logprobs.TextRequest` is one of another kind: such classes override all that is below.
    """

    messages: Sequence[Message]
    output: OutputSchema | None = None
    attempt: int = 0

    @property
    def form(self) -> Form:
        """Where it is sent, and how its reply is read."""
        return CHAT

    def identity(self) -> bytes:
        """What is asked, for the key in the cache; of no two kinds of requests equal."""
        return orjson.dumps([[m["role"], m["content"]] for m in self.messages])

    def content(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The body's fields beside the model, ``parameters`` (those of the model) among them."""
        messages = [{"role": m["role"], "content": m["content"]} for m in self.messages]
        return {"messages": messages} | dict(parameters)

    def size(self) -> int:
        """Bytes of all that a model has to read, near enough."""
        schema = b"" if self.output is None else orjson.dumps(self.output.schema)
        return len(schema) + sum(len(message["content"].encode()) for message in self.messages)


def request_key(config: ModelConfig, request: Request) -> bytes:
    """SHA-256 of model, messages, parameters, output schema and attempt; never of the endpoint or the key.

    The order of properties in a schema counts, because models write them in that order.
    """
    digest = hashlib.sha256(_fixed(config.model, orjson.dumps(_sorted(config.parameters()), option=_KEYS)))
    if request.output is not None:
        digest.update(orjson.dumps(request.output.schema))
    digest.update(b"|%d|" % request.attempt)
    digest.update(request.identity())
    return digest.digest()


def _sorted(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(parameters.items()))


@lru_cache(maxsize=64)
def _fixed(model: str, parameters: bytes) -> bytes:
    return b"1|" + model.encode() + b"|" + parameters + b"|"


def request_body(config: ModelConfig, request: Request, *, structure: str) -> bytes:
    """The body to send to the request's path; ``structure`` is json_schema, json_object or text."""
    body: dict[str, Any] = {"model": config.model} | request.content(config.parameters())
    if request.attempt and config.seed is not None:
        body["seed"] = config.seed + request.attempt
    if request.output is not None and structure == "json_schema":
        inner = {"name": request.output.name, "schema": request.output.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": inner}
    elif request.output is not None and structure == "json_object":
        body["response_format"] = {"type": "json_object"}
    return orjson.dumps(body, option=_KEYS)
