"""What a model returned: text, reasoning and usage, whichever way the server wrote them down."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from anessuite.sources.files import public

TRUNCATED, REFUSED, EMPTY = "truncated", "refused", "empty_reply"
BAD_REQUEST, REQUEST_FAILED = "bad_request", "request_failed"
FAULTS = (TRUNCATED, REFUSED, EMPTY, BAD_REQUEST, REQUEST_FAILED)
"""Verdicts on a reply as such. The last two are of the request: no model answered, and nothing is cached."""

_OPEN, _CLOSE = "<think>", "</think>"
_CUT_SHORT = frozenset({"length", "max_tokens", "model_length"})
_BROKEN_OFF = frozenset({"abort", "aborted", "cancelled", "error", "insufficient_system_resource"})
"""Finish reasons of a server that gave up in mid-reply, through no fault of the request."""
_MOST_TOKENS = 1 << 40
_MOST_DETAIL = 500


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
    """The server's body is no chat completion, or one that the server itself broke off."""


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of request: the path below an endpoint, and what reads the body of its reply.

    ``read`` raises NotACompletion for a body that is none.
    """

    path: str
    read: Callable[[bytes], Completion]


def read_reply(body: bytes) -> Completion:
    """The completion in the body of ``/chat/completions``. Raises NotACompletion for anything else."""
    try:
        content = orjson.loads(body)
        choice = content["choices"][0]
        message = choice["message"]
        text, refusal = _text(message.get("content")), message.get("refusal")
        apart = message.get("reasoning_content") or message.get("reasoning")
        finish = str(choice.get("finish_reason") or "stop")
        served = str(content.get("model") or "")
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
        raise NotACompletion(type(error).__name__) from None
    if finish.lower() in _BROKEN_OFF:
        raise NotACompletion(f"the server broke it off (finish_reason {finish})")
    usage = content.get("usage")
    thought, text = split_reasoning(text)
    return Completion(
        text=text,
        reasoning="\n".join(part for part in (_text(apart), thought) if part) or None,
        finish_reason=finish,
        prompt_tokens=_tokens(usage, "prompt_tokens"),
        completion_tokens=_tokens(usage, "completion_tokens"),
        served_model=public(served),
        fault=_fault(text, finish.lower(), bool(refusal)),
        detail=_text(refusal)[:_MOST_DETAIL],
    )


CHAT = Form("/chat/completions", read_reply)


def split_reasoning(content: str) -> tuple[str, str]:
    """Reasoning and text of a content that holds ``<think>`` blocks.

    A block that nothing closes was cut off by the token limit: all after it is reasoning. A lone ``</think>``
    closes a block that the chat template had opened in the prompt.
    """
    thoughts: list[str] = []
    said: list[str] = []
    at = 0
    first = content.find(_CLOSE)
    if first >= 0 and content.find(_OPEN, 0, first) < 0:
        thoughts.append(content[:first])
        at = first + len(_CLOSE)
    while (begin := content.find(_OPEN, at)) >= 0:
        end = content.find(_CLOSE, begin)
        end = len(content) if end < 0 else end
        said.append(content[at:begin])
        thoughts.append(content[begin + len(_OPEN) : end])
        at = end + len(_CLOSE)
    said.append(content[at:])
    return "\n".join(thought.strip() for thought in thoughts if thought.strip()), "".join(said).strip()


def _text(content: Any) -> str:
    """Content is a string, null, or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return ""


def _tokens(usage: Any, name: str) -> int:
    """A count of tokens; 0 where the server gives none, or something that is none."""
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and 0 <= count <= _MOST_TOKENS else 0


def _fault(text: str, finish: str, refused: bool) -> str | None:
    if refused or finish == "content_filter":
        return REFUSED
    if finish in _CUT_SHORT:
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
