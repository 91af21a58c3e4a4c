"""Plain text instead of a chat: how likely a model takes a text to be, and how it goes on with one.

Both go to ``/completions``. Log-probabilities of a prompt are given by vLLM and SGLang, in one of two ways:
echoed (``echo`` with ``logprobs``) or as vLLM's ``prompt_logprobs``. llama.cpp, and APIs that only chat, give
none: `check_logprobs` finds out before anything is spent.

A scored text is one pass over the prompt. vLLM reads no cached prefix for it (the log-probabilities of the
prefix would be missing), so orders of one question share no work there.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from anessuite.errors import AnesError, ConfigError
from anessuite.llm.config import ModelConfig
from anessuite.llm.replies import EMPTY, Completion, Form, NotACompletion
from anessuite.llm.requests import Message, Request, request_body
from anessuite.llm.servers import Server, serving
from anessuite.llm.transport import Failed, ModelRefused, Overloaded, Rejected
from anessuite.sources.files import public

Way = Literal["echo", "prompt_logprobs"]
"""How a server is asked for the log-probabilities of a prompt."""
_IMPOSSIBLE = -9000.0
"""vLLM writes -9999 for minus infinity."""


class NoLogprobs(ConfigError):
    """An endpoint gives no log-probabilities of a prompt."""


def read_score(body: bytes) -> Completion:
    """The score of a prompt: ``text`` is JSON, ``{"log_probability": -61.2, "tokens": 20}``.

    The first token has no log-probability (nothing stands before it) and is not counted. Raises
    NotACompletion where a log-probability is missing: a sum over some tokens is comparable with nothing.
    """
    content, choice = _choice(body)
    usage = _usage(content)
    scores = _prompt_scores(choice, usage.get("prompt_tokens"))
    if any(not isinstance(one, int | float) or not math.isfinite(one) for one in scores):
        raise NotACompletion("a log-probability of the prompt is missing")
    if min(scores) < _IMPOSSIBLE:
        raise NotACompletion("a token of the prompt has probability 0")
    told = {"log_probability": round(math.fsum(scores), 6), "tokens": len(scores)}
    return Completion(
        text=orjson.dumps(told).decode(),
        finish_reason="scored",
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        served_model=public(str(content.get("model") or "")),
    )


def _prompt_scores(choice: Mapping[str, Any], tokens: Any) -> list[Any]:
    """Of all tokens of the prompt but the first. Without a count, the last token is the one it wrote."""
    whole = choice.get("prompt_logprobs")
    if isinstance(whole, list):
        scores: list[Any] = [_first_value(one) for one in whole]
    else:
        echoed = choice.get("logprobs")
        scores = list(echoed.get("token_logprobs") or ()) if isinstance(echoed, dict) else []
        scores = scores[: tokens if isinstance(tokens, int) else len(scores) - 1]
    if (isinstance(tokens, int) and len(scores) != tokens) or len(scores) < 2:
        raise NotACompletion("no log-probabilities of the prompt")
    return scores[1:]


def _first_value(candidates: Any) -> Any:
    """vLLM puts the token of the prompt itself first, then likelier ones."""
    if not isinstance(candidates, dict) or not candidates:
        return None
    one = next(iter(candidates.values()))
    return one.get("logprob") if isinstance(one, dict) else one


def read_continuation(body: bytes) -> Completion:
    """How the model went on. Ending at the limit of tokens is no fault: options are all that is wanted."""
    content, choice = _choice(body)
    text = choice.get("text")
    if not isinstance(text, str):
        raise NotACompletion("no text")
    usage = _usage(content)
    return Completion(
        text=text,
        finish_reason=str(choice.get("finish_reason") or "stop"),
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        served_model=public(str(content.get("model") or "")),
        fault=None if text.strip() else EMPTY,
    )


def _choice(body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        content = orjson.loads(body)
        choice = content["choices"][0]
    except (orjson.JSONDecodeError, LookupError, TypeError) as error:
        raise NotACompletion(type(error).__name__) from None
    if not isinstance(content, dict) or not isinstance(choice, dict):
        raise NotACompletion("no choice")
    return content, choice


def _usage(content: Mapping[str, Any]) -> Mapping[str, Any]:
    usage = content.get("usage")
    return usage if isinstance(usage, dict) else {}


def _count(usage: Mapping[str, Any], name: str) -> int:
    count = usage.get(name)
    return count if isinstance(count, int) and 0 <= count < 1 << 40 else 0


SCORED, CONTINUED = Form("/completions", read_score), Form("/completions", read_continuation)


@dataclass(frozen=True, slots=True)
class TextRequest(Request):
    """A text to go on with, or (``way``) to score; servers want to write at least one token then, too."""

    messages: Sequence[Message] = ()
    prompt: str = ""
    way: Way | None = None

    @property
    def form(self) -> Form:
        return CONTINUED if self.way is None else SCORED

    def identity(self) -> bytes:
        """Never that of a chat, which is a JSON list; the way of scoring changes no score."""
        return (b"continued|" if self.way is None else b"scored|") + self.prompt.encode()

    def size(self) -> int:
        return len(self.prompt.encode())

    def content(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        whole = {"prompt": self.prompt} | dict(parameters)
        if self.way == "echo":
            return whole | {"echo": True, "logprobs": 1, "max_tokens": 1}
        return whole if self.way is None else whole | {"prompt_logprobs": 0, "max_tokens": 1}


def score_of(text: str) -> tuple[float, int]:
    """Log-probability and number of tokens from the text of a scored completion."""
    told = orjson.loads(text)
    return float(told["log_probability"]), int(told["tokens"])


def for_scoring(config: ModelConfig) -> ModelConfig:
    """The same model without what only matters when it writes, so that no such change asks anew."""
    return config.model_copy(update={"temperature": None, "top_p": None, "seed": None, "max_tokens": 1})


def check_logprobs(config: ModelConfig, *, way: Way) -> None:
    """Ask each endpoint for the score of a short text. A server that is not there is not judged.

    Raises NoLogprobs where one answers without log-probabilities of the prompt. Nothing is cached.
    """
    if not config.endpoints[0].startswith(("http", "vllm:")):
        raise _none(config, config.endpoints[0], "it gives no log-probabilities of a prompt")
    asyncio.run(_check_all(config, way))


async def _check_all(config: ModelConfig, way: Way) -> None:
    request = TextRequest(prompt="Oxygen is carried by haemoglobin.", way=way)
    body = request_body(for_scoring(config), request, structure="text")
    async with serving(config) as servers:
        for server in servers:
            try:
                await server.complete(body, SCORED)
            except Overloaded:
                continue
            except Rejected as error:
                raise _none(config, server.url, f"it says {error}") from None
            except Failed as error:
                if error.kind == "not_a_completion":
                    raise _none(config, server.url, str(error)) from None
            except ModelRefused as error:
                if await _lets_in(server):
                    raise _none(config, server.url, error.what) from None


async def _lets_in(server: Server) -> bool:
    """The server takes the key: what it refused is the address."""
    try:
        await server.models()
    except (AnesError, Failed, Overloaded):
        return False
    return True


def _none(config: ModelConfig, url: str, why: str) -> NoLogprobs:
    return NoLogprobs(
        f"{config.model}: {public(url)} gives no log-probabilities of a prompt, which the option-order test "
        f"needs: {why}",
        "serve the model with vLLM (vllm serve MODEL) or SGLang and name its /v1 address; `logprobs_by: "
        "prompt_logprobs` is vLLM's other way; llama.cpp, local:, transformers:, replay: and APIs that only "
        "chat have none (tests: [continuation] does without)",
    )
