"""What is read of a reply, and how much of it."""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from anessuite.answers.options import Options
from anessuite.answers.plain import Plain, plain

MOST = 1_000
"""Announcements of one kind, boxes and letters that are read, the last ones; lines, the first."""
SENTENCE = 200
"""Characters of a sentence that are looked at, before or after a place."""
_THOUGHT = re.compile(
    r"</think(?:ing)?>|◁/think▷|\[/THINK\]|<\|end_of_thought\|>|<\|channel\|>final<\|message\|>", re.I
)
"""What ends a chain of thought."""
_THINKS = re.compile(r"<think(?:ing)?>|◁think▷|\[THINK\]|<\|begin_of_thought\|>|<\|channel\|>analysis", re.I)
"""What begins one."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What follows the chain of thought, in plain form, and the options of the question.

    All places are offsets into ``text``, or ``lower``, which is as long.
    """

    plain: Plain
    options: Options

    @property
    def text(self) -> str:
        """The plain form."""
        return self.plain.text

    @property
    def lower(self) -> str:
        """The plain form in lower case."""
        return self.plain.lower


def reply_of(text: str, options: Options) -> Reply | None:
    """What is read of ``text``; None if there is only thought, finished or not, or nothing at all."""
    start = max((match.end() for match in _THOUGHT.finditer(text)), default=0)
    if _THINKS.search(text, start) or not text[start:].strip():
        return None
    return Reply(plain(text.rstrip(), start=start), options)


def last_matches(pattern: re.Pattern[str], text: str) -> Iterable[re.Match[str]]:
    """The last matches, in order."""
    return deque(pattern.finditer(text), maxlen=MOST)


def skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where a match at ``at`` ends, or ``at``."""
    match = pattern.match(text, at)
    return match.end() if match else at
