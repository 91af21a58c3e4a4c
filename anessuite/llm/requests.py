"""What is asked of a model, and its name: equal requests have equal keys on every machine."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from anessuite.llm.config import ModelConfig

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
    """One request. ``attempt`` tells apart several completions of the same messages."""

    messages: Sequence[Message]
    output: OutputSchema | None = None
    attempt: int = 0

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
    digest.update(orjson.dumps([[m["role"], m["content"]] for m in request.messages]))
    return digest.digest()


def _sorted(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(parameters.items()))


@lru_cache(maxsize=64)
def _fixed(model: str, parameters: bytes) -> bytes:
    return b"1|" + model.encode() + b"|" + parameters + b"|"


def request_body(config: ModelConfig, request: Request, *, structure: str) -> bytes:
    """The body of ``/chat/completions``; ``structure`` is json_schema, json_object or text."""
    messages = [{"role": m["role"], "content": m["content"]} for m in request.messages]
    body: dict[str, Any] = {"model": config.model, "messages": messages} | config.parameters()
    if request.attempt and config.seed is not None:
        body["seed"] = config.seed + request.attempt
    if request.output is not None and structure == "json_schema":
        inner = {"name": request.output.name, "schema": request.output.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": inner}
    elif request.output is not None and structure == "json_object":
        body["response_format"] = {"type": "json_object"}
    return orjson.dumps(body, option=_KEYS)
