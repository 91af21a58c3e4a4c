"""A toy model that has learnt half of the samples of AnesBench by heart, for tests of the leakage analysis.

Its log-probability of a text is noise by the text's hash; a question that it knows, in the published order,
is far likelier than that. Of a question that it knows it recites the rest; of any other it says a phrase.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from anessuite.leakage import shown
from anessuite.sources.against import read_against
from anessuite.sources.questions import Question
from anessuite.storage import Store
from tests.llm_server import Reply, echo, go_on

BENCH = "deployments/leakage.bench.yaml"


@cache
def published() -> dict[str, Question]:
    """The questions of the samples by their text, in the published order."""
    found = read_against(BENCH, store=Store("data")).questions
    return {_text(question): question for question in found}


def _text(question: Question) -> str:
    options = list(question.options.items())
    return shown(question.question, options, range(len(options)))  # type: ignore[arg-type]


def number(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def knows(question: Question) -> bool:
    """About every other one."""
    return number(question.question) % 2 == 0


def remembering(body: dict[str, Any]) -> Reply:
    """What it replies to a plain text."""
    return reply_of(body, remembers=True)


def innocent(body: dict[str, Any]) -> Reply:
    """The same model before it learnt anything."""
    return reply_of(body, remembers=False)


def reply_of(body: dict[str, Any], *, remembers: bool) -> Reply:
    text: str = body["prompt"]
    if body.get("echo"):
        return echo(body, _scores(text, remembers))
    known = (one for one in published() if one.startswith(text) and knows(published()[one]))
    rest = next(known, "") if remembers else ""
    return go_on(body, rest[len(text) :] or f" the answer depends on the case, number {number(text) % 97}")


def _scores(text: str, remembers: bool) -> Sequence[float | None]:
    question = published().get(text)
    words = text.split()
    noise = (number(text) % 10_000) / 1000
    learnt = 80.0 if remembers and question is not None and knows(question) else 0.0
    return [None, *[-5.0] * len(words), -100.0 - noise + learnt]


PROJECT = Path(__file__).parents[1]
