"""Announced answers: ``the answer is C``, ``故选C``."""

import re
from collections.abc import Iterator

from anessuite.answers.chinese import CHINESE, HAN
from anessuite.answers.cues import Cue
from anessuite.answers.doubts import is_doubted
from anessuite.answers.english import ENGLISH
from anessuite.answers.plain import CLOSE, MARKED, OPEN
from anessuite.answers.reply import Reply, last_matches
from anessuite.answers.selection import Selection, announced_at
from anessuite.answers.statements import Statement

_ENDED = re.compile(
    rf"[{CLOSE} ]{{0,3}}(?:选?项)?(?:\Z|[.!\n;|<{MARKED}(,]|,? (?:because|since|as|due|which|given|for"
    rf"|based|not|rather)(?![a-z]))"
)
"""After an answer that ends its clause."""
_LISTED = re.compile(rf"[^\n]{{0,300}}\n ?[{OPEN}]{{0,2}}([a-z])[.)、:]")
"""After a letter that begins a line: the next line begins with one, too."""


def announced(reply: Reply) -> Iterator[Statement]:
    """What cues announce."""
    for cue in ENGLISH + (CHINESE if HAN.search(reply.lower) else ()):
        for match in last_matches(cue.pattern, reply.lower):
            selection = _announced(reply, cue, match.end())
            if selection is not None and not is_doubted(reply, match.start(), match[0]):
                yield Statement(
                    match.start(),
                    selection.end,
                    selection.letters,
                    cue.tier,
                    cue.how,
                    cue=match[0].strip(),
                    either=selection.either,
                )


def _announced(reply: Reply, cue: Cue, at: int) -> Selection | None:
    selection = announced_at(reply, at, before_verb=cue.before_verb)
    if selection is None or selection.form in cue.spurned or _is_of_list(reply, at, selection):
        return None
    is_end = selection.form == "own" or _ENDED.match(reply.lower, selection.end) is not None
    return selection if is_end or not cue.ends else None


def _is_of_list(reply: Reply, at: int, selection: Selection) -> bool:
    """Whether one letter begins a line and its successor the next: a question with its options."""
    if len(selection.letters) != 1 or "\n" not in reply.lower[at : selection.end]:
        return False
    listed = _LISTED.match(reply.lower, selection.end)
    return listed is not None and ord(listed[1].upper()) == ord(min(selection.letters)) + 1
