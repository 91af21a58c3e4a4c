"""What a model returned: text, reasoning and usage, whichever way the server wrote them down."""

import re
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from anessuite.sources.files import public

TRUNCATED, REFUSED, EMPTY = "truncated", "refused", "empty_reply"
BAD_REQUEST, REQUEST_FAILED = "bad_request", "request_failed"
FAULTS = (TRUNCATED, REFUSED, EMPTY, BAD_REQUEST, REQUEST_FAILED)
"""Verdicts on a reply as such. The last two are of the request: no model answered, and nothing is cached."""

_THINK = re.compile(r"<think>(.*?)</think>", re.DOTALL)
_OPEN, _CLOSE = "<think>", "</think>"


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply. ``fault`` is None, or why it is of no use; ``detail`` says what the server said then."""

    text: str
    reasoning: str | None = None
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    served_model: str = ""
    fault: str | None = None
    detail: str = ""

    @property
    def answered(self) -> bool:
        """A model spoke, usefully or not."""
        return self.fault not in (BAD_REQUEST, REQUEST_FAILED)


class NotACompletion(Exception):
    """The server's body is no chat completion."""


def read_reply(body: bytes) -> Completion:
    """The completion in the body of ``/chat/completions``. Raises NotACompletion for anything else."""
    try:
        content = orjson.loads(body)
        choice = content["choices"][0]
        message = choice["message"]
        text, refusal = _text(message.get("content")), message.get("refusal")
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
        raise NotACompletion(f"{type(error).__name__} in {body[:200]!r}") from None
    apart = message.get("reasoning_content") or message.get("reasoning")
    thought, text = split_reasoning(text)
    reasoning = "\n".join(part for part in (_text(apart), thought) if part) or None
    finish = str(choice.get("finish_reason") or "stop")
    usage = content.get("usage") or {}
    return Completion(
        text=text,
        reasoning=reasoning,
        finish_reason=finish,
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        completion_tokens=int(usage.get("completion_tokens") or 0),
        served_model=public(str(content.get("model") or "")),
        fault=_fault(text, finish, bool(refusal)),
        detail=_text(refusal)[:500],
    )


def split_reasoning(content: str) -> tuple[str, str]:
    """Reasoning and text of a content that holds ``<think>`` blocks.

    A block that nothing closes was cut off by the token limit: all after it is reasoning. A lone ``</think>``
    closes a block that the chat template had opened in the prompt.
    """
    thoughts: list[str] = []
    if _CLOSE in content and _OPEN not in content.partition(_CLOSE)[0]:
        thought, _, content = content.partition(_CLOSE)
        thoughts.append(thought)
    thoughts += _THINK.findall(content)
    content, opened, cut_off = _THINK.sub("", content).partition(_OPEN)
    if opened:
        thoughts.append(cut_off)
    return "\n".join(thought.strip() for thought in thoughts if thought.strip()), content.strip()


def _text(content: Any) -> str:
    """Content is a string, null, or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return ""


def _fault(text: str, finish: str, refused: bool) -> str | None:
    if refused or finish == "content_filter":
        return REFUSED
    if finish == "length":
        return TRUNCATED
    return None if text else EMPTY


def pack(completion: Completion) -> bytes:
    """As JSON, without what is at its default."""
    default = Completion("")
    content = {
        name: value
        for name, value in asdict(completion).items()
        if name == "text" or value != getattr(default, name)
    }
    return orjson.dumps(content)


def unpack(content: bytes) -> Completion:
    """The reverse of :func:`pack`."""
    return Completion(**orjson.loads(content))
