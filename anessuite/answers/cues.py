"""The form of a cue: words that announce an answer."""

import re
from dataclasses import dataclass

from anessuite.answers.statements import Tier

_SPURNED = {Tier.STATED: (), Tier.HEDGED: ("run",), Tier.REMARKED: ("run", "named"), Tier.DENIED: ()}


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that announce an answer, which begins where the match ends.

    ``tier`` is what the statement is worth. ``ends`` asks that the sentence ends with the answer;
    ``before_verb`` lets a verb follow the letter.
    """

    how: str
    tier: Tier
    pattern: re.Pattern[str]
    ends: bool = False
    before_verb: bool = False

    @property
    def spurned(self) -> tuple[str, ...]:
        """Forms of an answer that do not count: ``CF``, or even words, may be anything after a remark."""
        return _SPURNED[self.tier]


def cue(how: str, tier: Tier, pattern: str, *, ends: bool = False, before_verb: bool = False) -> Cue:
    """A cue with its pattern compiled."""
    return Cue(how, tier, re.compile(pattern), ends, before_verb)
