"""Which of the statements of a reply decides."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from anessuite.answers.announcements import announced
from anessuite.answers.frames import framed, frames_of
from anessuite.answers.lines import lines
from anessuite.answers.options import Options
from anessuite.answers.reply import Reply, reply_of
from anessuite.answers.selection import EITHER
from anessuite.answers.statements import Statement, Tier
from anessuite.answers.verdicts import verdicts

Reason = Literal["no_answer", "ambiguous", "refused", "empty"]

_JOINT = re.compile(r"[\s,;、.)\]}\\$]*+(?:\d{1,2}[.)、] ?)?(?:(?:and|or|[和或与及&/])\s*+)?")
"""Between two statements that list options together."""
_BESIDE = re.compile(
    r"(?:(?!(?<![a-z])(?:but|no|not|wait|instead|rather|however|final|finally)(?![a-z])"
    r"|[但不而然改终])[^.!?\n]){1,60}"
)
"""Between two equal announcements of one sentence: of two questions, or of two cases."""
_ANOTHER = re.compile(
    r"\n[^\w\n]{0,4}(?:(?:next |new )?(?:question|problem)|题目|问题|human|user) ?\d{0,3} ?[:.]"
)
"""A reply that goes on to another question."""
_NONE_FITS = re.compile(
    r"(?<![a-z])none of (?:the |these |those )?(?!other|remaining|rest)(?:[a-z]{1,12} ){0,2}(?:options?"
    r"|choices?|answers?|above|these|listed|conditions)|(?:answer|option) is not (?:[a-z]{2,12} ){0,2}"
    r"(?:listed|among|provided|given|in the)|no (?:correct|suitable) (?:answer|option)|(?:没有|无)(?:一个)?"
    r"(?:正确|合适|恰当)的?(?:答案|选项)|选项[都均]不|题目(?:可能)?有误"
)
"""No option is right."""
_REFUSED = re.compile(
    r"(?<![a-z])(?:i(?:'m| am)(?: very| so)? (?:sorry|unable|not able)|i(?: can(?:not|'t| not)|'m not"
    r"| am not| won't| will not| do not| don't)(?: able to| really| accurately| definitively| actually)? "
    r"(?:answer|provide|assist|help|give|determine|select|choose|comply|diagnose|offer|know|able|qualified"
    r"|make)|as an ai|(?:unable|impossible|not possible|insufficient information"
    r"|not enough information) to (?:[a-z]{2,15} )?(?:answer|determine|provide|assist|select|choose"
    r"|identify|say|tell)|can(?:not|'t| not) (?:be )?(?:[a-z]{2,15}ly )?(?:answer|determine|provide|select"
    r"|choose))|(?:无法|不能)(?:回答|确定|判断|提供|作答|选择|给出|得出)|抱歉|对不起|很遗憾|不便回答"
    r"|拒绝回答|不知道"
)
"""The reply says that it cannot answer."""
_FULL_STOP = re.compile(r"[.\n]")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The letters on which a reply settles, all keys of its options, and as alternatives if ``either``;
    without letters, the ``reason``. ``span`` and ``how`` as in ``Choice``."""

    letters: frozenset[str] = frozenset()
    either: bool = False
    reason: Reason | None = None
    span: tuple[int, int] | None = None
    how: str = ""


def settle(text: str, options: Options) -> Outcome:
    """What the reply comes to: the last plain statement, else the only thing that its remarks favour."""
    reply = reply_of(text, options)
    if reply is None:
        return Outcome(reason="no_answer")
    frames = frames_of(reply)
    if frames and frames[-1].is_blank(reply.lower):
        span = reply.plain.span(frames[-1].start, frames[-1].end)
        return Outcome(reason="empty", span=span, how=frames[-1].how)
    said = [*announced(reply), *verdicts(reply), *lines(reply)]
    found = sorted([*said, *framed(reply, frames, said)], key=lambda one: (one.end, -one.start))
    stated = _to_this_question([one for one in found if one.tier == Tier.STATED], reply.lower)
    last = _joined(stated, reply.lower) if stated else _favoured(found, reply)
    if last is None:
        return Outcome(reason=_reason(reply))
    span = reply.plain.span(last.start, last.end)
    if not last.letters or not last.letters <= options.letters:
        return Outcome(reason=_reason(reply), span=span, how=last.how)
    return Outcome(last.letters, last.either, None, span, last.how)


def _reason(reply: Reply) -> Reason:
    return "refused" if _REFUSED.search(reply.lower) else "no_answer"


def _to_this_question(stated: list[Statement], lower: str) -> list[Statement]:
    """Those before the reply asks and answers a question of its own."""
    another = _ANOTHER.search(lower, stated[0].end) if stated else None
    return [one for one in stated if one.start < another.start()] if another else stated


def _joined(stated: list[Statement], lower: str) -> Statement:
    """The last statement, with those before it that are of one list with it."""
    last = stated[-1]
    for one in reversed(stated[:-1]):
        link = _link(one, last, lower)
        if link is None:
            break
        if one.end <= last.start:
            either = one.either or last.either or link == "or"
            last = replace(last, start=one.start, letters=one.letters | last.letters, either=either)
    return last


def _link(one: Statement, last: Statement, lower: str) -> Literal["and", "or"] | None:
    """How two statements list options together, if they do; ``or`` if what they state are alternatives."""
    start, end = one.end, max(one.end, last.start)
    if gap := _JOINT.fullmatch(lower, start, end):
        if one.cue != last.cue and _FULL_STOP.search(gap[0]):
            return None
        return "or" if EITHER.search(gap[0]) else "and"
    if one.cue == last.cue and _BESIDE.fullmatch(lower, start, end):
        return "and" if one.letters == last.letters else "or"
    return None


def _favoured(found: list[Statement], reply: Reply) -> Statement | None:
    """Of remarks: what all of the highest tier say, unless it is taken back after them.

    Which of the options are true is no answer by itself, since a question may ask for the false one. If all
    are but one, which is not, that one is the answer; if one is and one is not, nothing can be said, unless
    the true one comes last.
    """
    tier = max((one.tier for one in found), default=Tier.DENIED)
    best = [one for one in found if one.tier == tier]
    if tier == Tier.DENIED or _is_taken_back(reply.lower, best[-1].end):
        return None
    letters = _letters(best)
    denials = [one for one in found if one.tier == Tier.DENIED] if tier == Tier.REMARKED else []
    denied = _letters(denials) - letters
    unmentioned = reply.options.letters - letters
    is_all_but_one = len(unmentioned) == 1
    if is_all_but_one and unmentioned == denied and len(letters) > 1:
        return replace(denials[-1], letters=unmentioned, how="exception")
    agree = all(one.letters == letters for one in best)
    if agree and (is_all_but_one or len(denied) != 1 or best[-1].end > denials[-1].end):
        return best[-1]
    return replace(best[-1], letters=letters | denied, either=True)


def _is_taken_back(lower: str, at: int) -> bool:
    return _NONE_FITS.search(lower, at) is not None or _REFUSED.search(lower, at) is not None


def _letters(statements: list[Statement]) -> frozenset[str]:
    return frozenset[str]().union(*(one.letters for one in statements))
