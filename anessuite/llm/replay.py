"""Recorded completions as a server: ``replay:FILE``, for tests and for looking at a run without a model.

FILE is JSONL. A line answers the first request that it fits::

    {"contains": ["Abstract of ...", "one question"], "reply": {...}}  all of these in the last user message

``seed`` limits a line to requests with this seed: a model's ``seed`` for its first attempt, one more for each
further one. ``reply`` has the fields of :class:`anessuite.llm.replies.Completion`, or is a string for its
text alone.
"""

import hashlib
import zlib
from dataclasses import dataclass
from typing import Any

import fsspec
import orjson

from anessuite.errors import ConfigError
from anessuite.llm.replies import CHAT, Completion, Form
from anessuite.llm.transport import ModelRefused


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line: what a request has to contain, and the reply to it."""

    contains: tuple[str, ...]
    reply: Completion
    seed: int | None = None


class Replay:
    """Answers from a file. A request that no line fits stops the run, naming its beginning."""

    def __init__(self, path: str) -> None:
        self.url = f"replay:{path}"
        self._path = path
        self._recorded = read_recorded(path)

    async def complete(self, body: bytes, form: Form = CHAT) -> Completion:
        """The reply of the first fitting line. Raises ModelRefused if there is none, or for another form."""
        if form is not CHAT:
            raise ModelRefused(f"{self._path} has replies of chats only", "name the endpoint of a server")
        content = orjson.loads(body)
        said = [m["content"] for m in content["messages"] if m["role"] == "user"]
        last, seed = said[-1] if said else "", content.get("seed")
        for line in self._recorded:
            if line.seed in (None, seed) and all(part in last for part in line.contains):
                return line.reply
        digest = hashlib.sha256(last.encode()).hexdigest()[:12]
        raise ModelRefused(
            f"{self._path} has no reply to the request {last[-200:]!r} (sha256 {digest})",
            "add a line whose `contains` fits it",
        )

    async def models(self) -> list[str] | None:
        return None

    async def close(self) -> None:
        return None


def read_recorded(path: str) -> list[Recorded]:
    """The lines of a file. Raises ConfigError naming the line that is none."""
    try:
        with fsspec.open(path, "rb", compression="infer") as file:
            lines = file.read().splitlines()  # type: ignore[attr-defined]
    except (OSError, EOFError, ValueError, zlib.error) as error:  # ValueError: a protocol that fsspec has not
        raise ConfigError(f"{path} cannot be read: {error}", "replay: names a JSONL file") from None
    found: list[Recorded] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                found.append(_recorded(orjson.loads(line)))
            except (orjson.JSONDecodeError, TypeError, KeyError, ValueError) as error:
                raise ConfigError(f"{path}, line {number} is no recorded reply: {error}") from None
    if not found:
        raise ConfigError(f"{path} holds no recorded reply")
    return found


def _recorded(content: dict[str, Any]) -> Recorded:
    reply, contains = content["reply"], content["contains"]
    parts = (contains,) if isinstance(contains, str) else tuple(contains)
    if not all(isinstance(part, str) and part for part in parts):
        raise ValueError("`contains` is a text or a list of texts")
    completion = Completion(reply) if isinstance(reply, str) else Completion(**reply)
    if not isinstance(completion.text, str):
        raise TypeError("the text of a reply is a string")
    seed = content.get("seed")
    if not isinstance(seed, int | None):
        raise TypeError("`seed` is a number")
    return Recorded(parts, completion, seed)
