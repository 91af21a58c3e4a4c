"""Votes of an annotator model on the cognitive level of a question: what they say together, and how surely.

A vote that cannot be read is counted and never guessed. The level is that of most votes; a tie takes the
lower of the tied levels, as the guidelines do for border cases (``prompts/bench/level.*.md``), and is marked,
so that people look at it first.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Level = Literal["system1", "system1.x", "system2"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""Cognitive levels, from the lowest: recall, a few facts put together, decisions under several conditions."""
_NAMED: dict[str, Level] = dict(zip([*LEVELS, *"123"], LEVELS * 2, strict=True))


def level_named(stated: object) -> Level | None:
    """The level that a benchmark states: ``System 1.x``, ``system1x``, or its number from 1."""
    name = "".join(str(stated).lower().split()).replace("_", "").removesuffix(".0")
    return _NAMED.get({"system1x": "system1.x"}.get(name, name))


@dataclass(frozen=True, slots=True)
class Grade:
    """What the votes on one question say.

    ``agreement`` is the share of all votes that were asked for, read or not, that are for ``level``: a model
    that answers one time in three is not sure.
    """

    level: Level | None
    agreement: float
    is_tie: bool
    unread: int


def grade(votes: Sequence[str | None]) -> Grade:
    """The level of most votes; None in ``votes`` is a reply that could not be read.

    Without a vote that can be read there is no level. Raises ValueError for an unknown level or no votes.
    """
    if not votes:
        raise ValueError("no votes")
    if unknown := sorted({vote for vote in votes if vote is not None and vote not in LEVELS}):
        raise ValueError(f"unknown level {unknown[0]!r}; known levels: {', '.join(LEVELS)}")
    counts = Counter(vote for vote in votes if vote is not None)
    unread = len(votes) - counts.total()
    if not counts:
        return Grade(None, 0.0, False, unread)
    most = max(counts.values())
    tied: list[Level] = [level for level in LEVELS if counts[level] == most]
    return Grade(tied[0], most / len(votes), len(tied) > 1, unread)
