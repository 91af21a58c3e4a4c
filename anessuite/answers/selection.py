"""One option or several at one place of a reply, however they are linked."""

import re
from dataclasses import dataclass, replace

from anessuite.answers.mention import LINE_END, LINKS, TEXT_END, Mention, mention_at
from anessuite.answers.plain import CLOSE, OPEN
from anessuite.answers.reply import Reply, skip

_LONGEST_LIST = 12
"""Mentions that are read of one list."""
EITHER = re.compile(r"(?<!/)(?<![a-z])or(?![a-z])|或|还是")
"""Between alternatives."""
_FILLER = (
    r"the|options?|choices?|letter|statements?|following|number|is|most|likely|probably|clearly|definitely"
    r"|therefore|indeed|actually|obviously|simply|only|either|both|between|best|correct|answer"
    r"|represented by|given by|labell?ed|none other than|still|also|thus|in fact|of course|towards?|to|for"
    r"|that|as follows|first|second|third|fourth|fifth|last|i (?:think|believe|guess)"
)
"""A word between an announcement and the answer."""
_MARK = rf"[ \n{OPEN}:=>|,\\→…]|\.{{2,3}}|-(?= )|\d{{1,2}}[.)] (?=[a-z](?:[.)] |[a-z]))"
"""A mark between an announcement and the answer."""
_MARKS = re.compile(rf"(?:{_MARK}){{0,8}}+")
_FILLERS = re.compile(
    rf"(?:{_MARK}|(?:{_FILLER})(?![a-z])|选项|选择?|应该?|[是为该第]|字母|显然|只有|仅|就|最){{0,12}}+"
)
"""All that may stand between an announcement and the answer; above, marks alone."""
_NOT = re.compile(r"(?:not|definitely not) |不是|不|非")
"""Before an option that is not the answer, and one that is."""
_BUT = re.compile(rf"[{CLOSE} ]{{0,3}}[,.;]? ?(?:but(?: rather)?|rather|instead|it is|而是|应该?是|是)")
"""Between these two."""
_NONE = re.compile(
    r"none(?! other)|neither|no (?:correct|single|options?|answers?|choice|clear|definitive|one of)|not "
    r"(?:[a-z]{2,15} ){0,2}?(?:listed|among|given|provided|available|present|included|applicable|clear"
    r"|determin|possible|an option|here|in the|one of)|n/a|unknown|unclear|cannot|can't|can not"
    r"|undetermined|indeterminate|impossible|missing|null|不(?:在|存在|确定|明)|无|没有|[都均皆]不"
    r"|以上[都均皆]不|题目|选项[都均有]|四个选项|未知"
)
"""What is announced is that no option is right."""
_ALL = re.compile(
    r"all (?:of )?(?:the |these |those )?(?:above|options|choices|listed|answers|four|five|are)"
    r"|以上[都均皆全](?:对|是|选|正确)?|全部|[都全]对|全选|所有选项"
)
"""What is announced is every option."""

WRONG = re.compile(
    rf"[{CLOSE} ]{{0,3}}(?:(?:is|are|was|were|would be|can be|could be|seems?|looks?) "
    rf"(?:[a-z]{{1,12}} ){{0,2}}?(?:not|wrong|incorrect"
    r"|false|inaccurate|eliminated|excluded|ruled out|unlikely)(?![a-z])|(?:is|are|was|were)n't|"
    r"(?:两?三?个?选?项)?[都均也是为被]{0,2}(?:不正确|错误|错[的了.,\n]|不对|不符|不合|不恰当|有误|排除"
    r"|不成立|不可能|不考虑))"
)
"""After letters: they are ruled out."""
_ASKED = re.compile(rf"[{CLOSE} 项]{{0,3}}(?:\?|吗|么\?|呢\?|(?: only)? if(?![a-z])|如果|的话)")
"""After letters: it was a question, or on a condition."""


@dataclass(frozen=True, slots=True)
class Selection:
    """One mention or several. ``form`` is that of the last; ``either``: they are alternatives; ``is_clause``:
    what follows may be a clause of its own."""

    letters: frozenset[str]
    end: int
    form: str = ""
    either: bool = False
    is_clause: bool = False


def announced_at(reply: Reply, at: int, *, before_verb: bool) -> Selection | None:
    """What is announced at ``at``: options, that none is right (no letters), or nothing that could be read.

    ``before_verb``: a verb may follow the letter.
    """

    def options_at(at: int) -> Selection | None:
        return selection_at(reply, at, before_verb=before_verb)

    begin = skip(_FILLERS, reply.lower, at)
    if selection := options_at(skip(_MARKS, reply.lower, at)) or options_at(begin):
        return selection
    if none := _NONE.match(reply.lower, begin):
        return Selection(frozenset(), none.end())
    every = _ALL.match(reply.lower, begin)
    if every and TEXT_END.match(reply.lower, every.end()):
        return Selection(reply.options.letters, every.end())
    denied = _NOT.match(reply.lower, begin)
    other = options_at(denied.end()) if denied else None
    but = _BUT.match(reply.lower, other.end) if other else None
    return options_at(skip(_FILLERS, reply.lower, but.end())) if but else None


def selection_at(
    reply: Reply,
    at: int,
    *,
    before_verb: bool = False,
    as_subject: bool = False,
    across_lines: bool = True,
) -> Selection | None:
    """One option or several, unless they are ruled out, asked about, or only supposed.

    ``before_verb``: a verb may follow the letter; ``as_subject``: it may follow a list, and rule it out;
    ``across_lines``: a list may go on in the next line.
    """
    first = mention_at(reply, at, before_verb=before_verb)
    grown = _grown(reply, first, as_subject=as_subject, across_lines=across_lines) if first else []
    if not grown or _ASKED.match(reply.lower, grown[-1].end):
        return None
    if as_subject or not WRONG.match(reply.lower, grown[-1].end):
        return grown[-1]
    return next((selection for selection in grown if selection.is_clause), None)


def _grown(reply: Reply, first: Mention, *, as_subject: bool, across_lines: bool) -> list[Selection]:
    """A list as it grows, mention by mention; what ends a clause may be all that it says."""
    mentions, grown = [first], [Selection(first.letters, first.end, first.form)]
    first_comma = 0
    while len(mentions) < _LONGEST_LIST:
        link, following = _next(reply, mentions[-1].end, as_subject=as_subject)
        if following is None or not _goes_on(reply, grown[-1], link, following, across_lines):
            break
        mark, before = link.strip(), grown[-1]
        if mark == "、" and first_comma:  # A，B、C: what follows the comma is another list
            return grown[:first_comma]
        if mark == ";" or (mark == "," and max(before.letters) > min(following.letters)):
            grown[-1] = replace(before, is_clause=True)
        if mark == "," and not first_comma:
            first_comma = len(grown)
        either = before.either or EITHER.search(link) is not None
        grown.append(Selection(before.letters | following.letters, following.end, following.form, either))
        mentions.append(following)
    if not mentions[-1].needs_more:
        return grown
    return grown[:-1] if len(grown) > 1 and not mentions[-2].needs_more else []


def _next(reply: Reply, at: int, *, as_subject: bool) -> tuple[str, Mention | None]:
    """What links a further mention, and that mention, if there is one."""
    link = LINKS.match(reply.lower, at)
    if link is None:
        return "", None
    before_verb = as_subject and link[0].strip(" ,") != ""
    return link[0], mention_at(reply, link.end(), before_verb=before_verb, is_first=False)


def _goes_on(reply: Reply, selection: Selection, link: str, following: Mention, across_lines: bool) -> bool:
    """Whether a mention belongs to the list before it; a mere blank links bare letters of options only."""
    if "\n" in link:
        is_in_order = max(selection.letters) < min(following.letters)
        return across_lines and is_in_order and LINE_END.match(reply.lower, following.end) is not None
    are_bare = not (selection.form or following.form) and following.letters <= reply.options.letters
    return bool(link.strip()) or are_bare
