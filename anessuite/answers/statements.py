"""What a reply says of options, and what that is worth."""

from dataclasses import dataclass
from enum import IntEnum


class Tier(IntEnum):
    """What a statement is worth."""

    DENIED = 0
    """It says that an option is not true."""
    REMARKED = 1
    """It says that an option is true."""
    HEDGED = 2
    """It says with a reserve what the answer is, or names the exception that may have been asked for."""
    STATED = 3
    """It says what the answer is."""


@dataclass(frozen=True, slots=True)
class Statement:
    """``lower[start:end]`` of a reply says that ``letters`` are the answer; without letters, that none is.

    ``letters`` may be no options of the question, and are alternatives if ``either``. ``how`` is the form as
    in ``Choice``, ``cue`` the words that announced it.
    """

    start: int
    end: int
    letters: frozenset[str]
    tier: Tier = Tier.STATED
    how: str = ""
    cue: str = ""
    either: bool = False
