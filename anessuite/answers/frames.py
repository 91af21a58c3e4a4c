r"""Answers in a frame: ``\boxed{C}``, ``<answer>C</answer>``, ``[[C]]``; empty ones and ``"answer": ""``."""

import re
from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass

from anessuite.answers.doubts import is_doubted
from anessuite.answers.plain import CLOSE, OPEN, plain
from anessuite.answers.reply import MOST, Reply
from anessuite.answers.selection import Selection, announced_at
from anessuite.answers.statements import Statement, Tier

_LONGEST_CONTENT = 1_000
"""Characters of a box or tag that are read."""
_BOX = re.compile(r"(?:\\|\x08)?b?oxed ?\{|\\f(?:rame)?box ?\{")
"""A box opens."""
_BRACES = re.compile(r"[{}]")
_TAG = re.compile(r"[<\[](?:final ?)?(?:answer|choice)[>\]](?! ?:)|\[\[(?=[(a-z])")
"""A tag opens."""
_TAG_END = re.compile(r"[<\[]/(?:final ?)?(?:answer|choice)[>\]]|\]\]")
"""A tag closes."""
_BLANK = re.compile(r"[\s{}\[\]\\~\"'.]*+")
"""Nothing but blanks and brackets."""
_BLANK_ANSWER = re.compile(r"(?:answer|choice|答案)[\"'] ?: ?(\"\"|''|\[ ?\])(?![\"'])")
"""An empty answer in JSON."""
_PLACEHOLDER = re.compile(
    rf"[ {OPEN}\\]*+(?:(?:your |the |final |correct |option |answer |chosen |single ){{0,5}}+(?:answers?"
    rf"|letter|option|choice|x|here)|\.\.\.|…|字母|答案|选项|最终答案)[ {CLOSE}\\]*+"
)
"""What a prompt's form has in its frame: ``\\boxed{your answer}``."""


@dataclass(frozen=True, slots=True, order=True)
class Frame:
    """A box, a tag, or an empty JSON answer; ``begin`` and ``close`` are those of its content."""

    start: int
    begin: int
    close: int
    end: int
    how: str

    @property
    def is_closed(self) -> bool:
        """Whether it has an end of its own."""
        return self.close < self.end or self.how == "answer"

    def is_blank(self, lower: str) -> bool:
        """Whether it is closed and holds nothing."""
        return self.is_closed and _BLANK.fullmatch(lower, self.begin, self.close) is not None


def frames_of(reply: Reply) -> list[Frame]:
    """The last frames of a reply, in order."""
    lower = reply.lower
    return sorted([*_boxes(lower), *_tags(lower), *_blank_answers(lower)])[-MOST:]


def _boxes(lower: str) -> Iterator[Frame]:
    """All boxes that are closed."""
    boxes = list(_BOX.finditer(lower))
    pairs = _pairs(lower) if boxes else {}
    for box in boxes:
        if (close := pairs.get(box.end() - 1)) is not None:
            yield Frame(box.start(), box.end(), close, close + 1, "box")


def _pairs(lower: str) -> dict[int, int]:
    """The place of each opening brace that is closed, and of what closes it."""
    pairs, open_ = dict[int, int](), list[int]()
    for brace in _BRACES.finditer(lower):
        if brace[0] == "{":
            open_.append(brace.start())
        elif open_:
            pairs[open_.pop()] = brace.start()
    return pairs


def _tags(lower: str) -> Iterator[Frame]:
    """All answer tags, closed by the end of the text, if by nothing else."""
    ends = [end.span() for end in _TAG_END.finditer(lower)][::-1]
    for tag in _TAG.finditer(lower):
        while ends and ends[-1][0] < tag.end():
            ends.pop()
        yield Frame(tag.start(), tag.end(), *(ends[-1] if ends else (len(lower), len(lower))), "tag")


def _blank_answers(lower: str) -> Iterator[Frame]:
    for blank in _BLANK_ANSWER.finditer(lower):
        yield Frame(blank.start(), *blank.span(1), blank.end(), "answer")


def framed(reply: Reply, frames: list[Frame], others: list[Statement]) -> Iterator[Statement]:
    """What stands in boxes and tags. One without an option says that none is right, unless one of the
    ``others`` or of the frames stands in it."""
    ends = sorted(one.end for one in others if one.tier == Tier.STATED)
    for frame in reversed(frames):
        is_form = _PLACEHOLDER.fullmatch(reply.lower, frame.begin, frame.close) is not None
        if is_form or is_doubted(reply, frame.start):
            continue
        content = _content(reply, frame.begin, min(frame.close, frame.begin + _LONGEST_CONTENT))
        place = bisect_left(ends, frame.begin)
        holds_another = place < len(ends) and ends[place] <= frame.close
        if content is None and (holds_another or not frame.is_closed):
            continue
        letters, either = (content.letters, content.either) if content else (frozenset[str](), False)
        yield Statement(frame.start, frame.end, letters, Tier.STATED, frame.how, frame.how, either)
        insort(ends, frame.close)


def _content(reply: Reply, begin: int, close: int) -> Selection | None:
    """What a box or tag holds, with or without the braces of LaTeX."""
    content = plain(reply.text[begin:close])
    selection = announced_at(Reply(content, reply.options), 0, before_verb=True)
    if selection is None and "{" in content.text:
        flat = plain(content.text.replace("{", "").replace("}", ""))
        selection = announced_at(Reply(flat, reply.options), 0, before_verb=True)
    return selection
