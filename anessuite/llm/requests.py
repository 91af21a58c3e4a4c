"""What is asked of a model, and its name: equal requests have equal keys on every machine."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from anessuite.llm.config import ModelConfig

Message = Mapping[str, str]
"""``{"role": "system" | "user" | "assistant", "content": ...}``."""


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """The JSON schema that a reply has to obey, with a name as servers want one."""

    name: str
    schema: Mapping[str, Any]

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``attempt`` tells apart several completions of the same messages."""

    messages: Sequence[Message]
    output: OutputSchema | None = None
    attempt: int = 0


def request_key(config: ModelConfig, request: Request) -> bytes:
    """SHA-256 of model, messages, parameters, output schema and attempt; never of the endpoint or the key."""
    digest = hashlib.sha256(_fixed(config.model, orjson.dumps(config.parameters(), option=_SORTED)))
    if request.output is not None:
        digest.update(orjson.dumps(request.output.schema, option=_SORTED))
    digest.update(b"|%d|" % request.attempt)
    digest.update(orjson.dumps([[m["role"], m["content"]] for m in request.messages]))
    return digest.digest()


_SORTED = orjson.OPT_SORT_KEYS


@lru_cache(maxsize=64)
def _fixed(model: str, parameters: bytes) -> bytes:
    return b"1|" + model.encode() + b"|" + parameters + b"|"


def request_body(config: ModelConfig, request: Request, *, structure: str) -> bytes:
    """The body of ``/chat/completions``; ``structure`` is json_schema, json_object or text."""
    body: dict[str, Any] = {"model": config.model, "messages": request.messages} | config.parameters()
    if request.attempt and config.seed is not None:
        body["seed"] = config.seed + request.attempt
    if request.output is not None and structure == "json_schema":
        inner = {"name": request.output.name, "schema": request.output.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": inner}
    elif request.output is not None and structure == "json_object":
        body["response_format"] = {"type": "json_object"}
    return orjson.dumps(body)
