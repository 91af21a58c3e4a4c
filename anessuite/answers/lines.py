"""A first or last line that is one option: ``C. Propofol``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from anessuite.answers.english import ADVERB
from anessuite.answers.mention import LINE_END
from anessuite.answers.plain import CLOSE, END, MARKED, OPEN, WORD, bare
from anessuite.answers.reply import MOST, SENTENCE, Reply
from anessuite.answers.selection import Selection, selection_at
from anessuite.answers.statements import Statement, Tier

_LINE = re.compile(
    rf"(?:\A|\n)[^\w\n(\[\"'\\]{{0,4}}(?:\d{{1,2}}[.)] )?(?=[{OPEN}]{{0,3}}(?:(?:option|choice"
    rf"|选项) ?)?[{OPEN}]{{0,3}}([A-Za-z])(?-i:[A-J]{{0,9}})(?:[/.:,;!、(\-{CLOSE}\u4e00-\u9fff]|\s|\Z))",
    re.I,
)
"""A line that may begin with the letter of an option."""
_LINE_GOES_ON = re.compile(
    rf"[)\]] |.(?:选?项)?[{CLOSE}]{{0,3}}(?:[.!]?{END}| ?[.:),;、(|-]| (?:because|since|as|due)(?![a-z])"
    rf"|因)"
)
"""From the last character of a letter on: more is said of it than that it begins a sentence."""
_LINE_WRONG = re.compile(
    r"(?:选?项)?[ .:)、(\[-]{0,4}(?:错|不|×|incorrect|wrong|false|no(?![a-z])|not(?![a-z]))"
)
"""After the letter that begins a line: it is ruled out."""
_LABEL = re.compile(rf"(?<![{WORD}])([A-Z])(?= ?[.:)(、\"{MARKED}-]|选?项)")
"""A letter as a list has it."""
_SURE = re.compile(rf"(?:{ADVERB}|most likely|options?:|选项:|assistant:)[,:]? ?(?![a-z]{{2}})")
"""Before a letter or a text that is all that a reply says else."""


@dataclass(frozen=True, slots=True)
class _Label:
    """A line that begins with the letter of an option."""

    start: int
    letter: str
    selection: Selection
    is_alone: bool


def lines(reply: Reply) -> Iterator[Statement]:
    """A first or last line that is one option, by letter (the first one, by text), and of no list."""
    if labels := list(_labels(reply)):
        is_one = all(label.is_alone for label in labels[:-1]) and len({one.letter for one in labels}) == 1
        first, last = labels[0], labels[-1]
        if first.start == 0 and (is_one or _opens(reply, *labels[:2])):
            yield from _line(reply, first)
        if "\n" not in reply.lower[last.selection.end :] and (is_one or _closes(reply, labels)):
            yield from _line(reply, last)
    yield from _sure_line(reply)
    yield from _named_line(reply)


def _labels(reply: Reply) -> Iterator[_Label]:
    for match in islice(_LINE.finditer(reply.text), MOST):
        selection = selection_at(reply, match.end(), across_lines=False)
        if selection is None:
            continue
        if selection.form == "own" or _LINE_GOES_ON.match(reply.lower, selection.end - 1):
            is_alone = LINE_END.match(reply.lower, selection.end) is not None
            yield _Label(match.start(), match[1].upper(), selection, is_alone)


def _opens(reply: Reply, first: _Label, following: _Label) -> bool:
    """Whether a first line is more than the beginning of a list A, B, C ..."""
    between = reply.lower[first.selection.end : following.start].strip(" .\n")
    is_whole = first.selection.form == "own" or first.is_alone
    is_repeated = following.letter == first.letter and is_whole and "\n" in between
    return following.letter < first.letter or is_repeated


def _closes(reply: Reply, labels: list[_Label]) -> bool:
    """Whether a last line is more than a part of a list: it follows one, and begins no other."""
    *letters, last = (label.letter for label in labels)
    is_begun = last == letters[0] and (not labels[-1].is_alone or reply.lower.endswith("."))
    return letters == sorted(set(letters)) and last <= letters[-1] and not is_begun


def _line(reply: Reply, label: _Label) -> Iterator[Statement]:
    selection = label.selection
    rest = reply.text[selection.end : selection.end + SENTENCE].partition("\n")[0]
    others = {other[1] for other in _LABEL.finditer(rest)} - {label.letter}
    if not others & reply.options.letters and not _LINE_WRONG.match(reply.lower, selection.end):
        tier = Tier.STATED if label.is_alone else Tier.HEDGED
        yield Statement(label.start, selection.end, selection.letters, tier, "line", either=selection.either)


def _sure_line(reply: Reply) -> Iterator[Statement]:
    """``Definitely C``, and nothing else."""
    sure = _SURE.match(reply.lower)
    selection = selection_at(reply, sure.end()) if sure else None
    if selection and LINE_END.fullmatch(reply.lower, selection.end):
        yield Statement(0, selection.end, selection.letters, Tier.STATED, "line", either=selection.either)


def _named_line(reply: Reply) -> Iterator[Statement]:
    """A first line that is the text of an option, where no other line is that of another."""
    first = reply.text.partition("\n")[0]
    all_lines = {bare(line) for text in (reply.text, reply.lower) for line in text.split("\n")}
    names = [name for name in reply.options.names if name.text in all_lines]
    if len(names) == 1 and names[0].text in (bare(first), bare(first.lower())):
        yield Statement(0, len(first), frozenset(names[0].letter), Tier.HEDGED, "line")
