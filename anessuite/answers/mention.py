"""One option at one place of a reply: its letter, several letters in one, its text."""

import re
from dataclasses import dataclass

from anessuite.answers.options import Name
from anessuite.answers.plain import CLOSE, END, MARKED, OPEN, WORD
from anessuite.answers.reply import Reply, skip

_SPECIES = (
    r"(?:coli|difficile|albicans|aureus|pylori|faecalis|faecium|baumannii|tetani|botulinum|perfringens"
    r"|subtilis|cereus|anthracis|fragilis|burgdorferi|influenzae|henselae|pertussis|abortus|melitensis"
    r"|cloacae|jejuni|trachomatis|psittaci|diphtheriae|histolytica|granulosus|israelii|fumigatus|flavus"
    r"|duodenale|lumbricoides|immitis|neoformans|gattii|glabrata|freundii|hydrophila|dhakensis"
    r"|bronchiseptica|cepacia|pneumoniae|garinii|hominis|bovis|suis|catarrhalis|auris"
    r"|elegans|melanogaster)(?![a-z])"
)
"""After a capital letter and its full stop: a species."""
_STOP = rf"\.(?!\d|[a-z](?![a-z,、\u4e00-\u9fff])| ?{_SPECIES})"
"""A full stop, but not that of i.v. or of E. coli."""
_ITEM = r"(?:选项|[项選])"
"""After a letter: option."""
_LETTER = re.compile(
    rf"(?:[ {OPEN}\\]|(?i:options?|choice|letter|选项|选)(?![a-z]) ?){{0,6}}+([A-Za-z]{{1,10}})(?![{WORD}])"
)
"""A letter, or several, and what may stand before."""
_CLOSED = re.compile(rf"(?:[{CLOSE}\\]| (?=[{CLOSE}])){{0,6}}+(?!(?<=')s(?![a-z]))")
"""After a letter, what closes it; but no genitive."""
_FOLLOWS = re.compile(
    rf"{END}| ?(?:{_STOP}|[,;:!?|→{MARKED}<>…(\[{{}}、\"])| =|\\| ?-{{1,2}}>?(?=[ \n]|\Z|[\u4e00-\u9fff])"
    rf"|{_ITEM}| (?:because|since|as|due|with|and|or|for|based|which|given|but|not|rather|instead|however|in"
    r"|the|that|it|this|so|if|then|while|when|where|who|by|from|on|over|at|here|too|again|i\.e)(?![a-z])"
    r"| ?(?:因|由|即|也|而|[和与或及]|这|其|正确|更|最|的(?:原因|理由)|了|吧|才|符合|对|比较|所以|故|答案"
    r"|[是为]正|是因|还是)"
)
"""After the first letter and what closes it: it is a letter, and no article, unit or name."""
_VERB = re.compile(
    r" (?:is|are|was|has|have|can|does|would|will|should|must|seems|appears|looks|remains|stands|emerges"
    r"|represents|becomes|being|it is)(?![a-z])| ?[是为]"
)
"""After a letter: a verb, which the letter A could not have if it were the article."""
_NEXT = re.compile(
    rf"{END}|{_STOP}| ?[,;:!?|、<\"]| (?:and|or|because|since|as|are|both|respectively|but|not"
    r"|rather)(?![a-z])|(?:选项|[项選])(?=\Z|[^\u4e00-\u9fff]|[和与及或都均是也])"
    r"|[和与或及都均也两三四五同共]|以及|还是|正确|符合|错|不|\\|[{}]"
)
"""After a further letter of a list."""
LINKS = re.compile(
    r" ?[,;/&+、]\s?(?:(?:and/or|and|or|&)(?![a-z]) ?)?|\|(?=[A-Za-z])| (?:and/or|and|or|as well as|plus)"
    r"(?![a-z]) ?| ?(?:和|与|及|以及|或者?|还是|并) ?| ?\n ?(?:[-•·] ?)?| "
)
"""Between the letters of a list."""
_SMALL = re.compile(r"\Z|[\n.,:;]")
"""After a small letter."""
LINE_END = re.compile(rf"[{CLOSE}]{{0,3}}(?:选?项)?[.!]?{END}")
"""After a letter that ends a line."""
_SENTENCE_END = re.compile(rf"[{CLOSE}]{{0,3}}[.!]?{END}|[.):] [A-Z]")
"""After a or I: they end a line or a sentence."""
_LABELLED = re.compile(r"(?:选?项)? ?[.:)\-,(=、]{0,3} ?[\"'({\[]?(?:(?:the|an?|both) )?")
"""Between a letter and its text."""
_OWN_END = re.compile(rf"(?![{WORD}])[\"')\]}}\\]{{0,4}}")
"""After the letter's own text."""
_OTHER_END = re.compile(r"[\"')\]} ]{0,3}(?:\Z|[.;\n<,])")
"""After a text that is not the letter's own."""
TEXT_END = re.compile(
    r"[\"')\]} ]{0,3}(?:\Z|[.!?\n;,:|<)\]}、(]|\\| (?:because|since|as|which|due|and|or|but|not|for|in this"
    r"|is the|given|based|-)(?![a-z])|因|由于|和|与|或|这|[是为])"
)
"""After an option's text that stands for the option."""
_BEFORE_TEXT = re.compile(r"(?:(?:the|an?|both) )?(?:[\"'(]{1,2}(?:(?:the|an?) )?)?")
"""What may stand before an option's text."""


@dataclass(frozen=True, slots=True)
class Mention:
    """One letter, several, or an option's text. ``needs_more``: only a list makes it a letter.

    ``form``: own, a letter with its text; named, a text; run, several letters in one; else empty.
    """

    letters: frozenset[str]
    end: int
    form: str = ""
    needs_more: bool = False


def mention_at(reply: Reply, at: int, *, before_verb: bool, is_first: bool = True) -> Mention | None:
    """The option that is mentioned at ``at``.

    ``before_verb``: a verb may follow the letter; ``is_first``: it is no further one of a list.
    """
    if named := _named(reply, at):
        return named
    match = _LETTER.match(reply.text, at)
    closed = _CLOSED.match(reply.text, match.end()) if match else None
    if match is None or closed is None:
        return None
    if len(match[1]) > 1:
        return _run(reply, match[1], closed.end()) if is_first else None
    return _letter(reply, match, closed.end(), before_verb=before_verb, is_first=is_first)


def has_name(reply: Reply, name: Name, at: int) -> bool:
    """Whether an option's text stands at ``at``."""
    return (reply.text if name.is_exact else reply.lower).startswith(name.text, at)


def _named(reply: Reply, at: int) -> Mention | None:
    """An option's text that stands for it."""
    at = skip(_BEFORE_TEXT, reply.lower, at)
    for name in reply.options.names:
        if has_name(reply, name, at) and TEXT_END.match(reply.lower, end := at + len(name.text)):
            return Mention(frozenset(name.letter), end, "named")
    return None


def _run(reply: Reply, run: str, end: int) -> Mention | None:
    """Several letters in one: ``ABD``."""
    letters = frozenset(run)
    in_order = list(run) == sorted(letters) and letters <= reply.options.letters
    return Mention(letters, end, "run") if in_order and _FOLLOWS.match(reply.lower, end) else None


def _letter(
    reply: Reply, match: re.Match[str], end: int, *, before_verb: bool, is_first: bool
) -> Mention | None:
    letter, closing = match[1].upper(), reply.lower[match.end() : end].strip(" \"'")
    if own := _own_text(reply, letter, end):
        return Mention(frozenset(letter), own, "own")
    is_enclosed = end > match.end() or reply.lower[match.start(1) - 1 : match.start(1)] in tuple("([{\"'<")
    if not is_enclosed and not _is_letter(reply, match, end, before_verb):
        return None
    if match[1] == "i" and not before_verb and not LINE_END.match(reply.lower, end):  # (i) ... (ii) ...
        return None
    if other := _of_another(reply, letter, end):
        return Mention(frozenset((letter, other)), end)
    follows = (_FOLLOWS if is_first else _NEXT).match(reply.lower, end) is not None
    is_closed = is_first and closing in (")", "]")
    if follows or is_closed or (before_verb and _VERB.match(reply.lower, end)):
        return Mention(frozenset(letter), end)
    return Mention(frozenset(letter), end, needs_more=True) if LINKS.match(reply.lower, end) else None


def _is_letter(reply: Reply, match: re.Match[str], end: int, before_verb: bool) -> bool:
    """False for what may be the article, the pronoun, or a small letter in running text."""
    begins_line = reply.lower[match.start() - 1 : match.start()] in ("", "\n")
    if match[1] == "I":
        return not (begins_line and reply.lower.startswith(",", end))
    if match[1] in "ai" and before_verb:
        return _SENTENCE_END.match(reply.text, end) is not None
    if match[1] in "ai":
        return begins_line and LINE_END.match(reply.lower, end) is not None
    return match[1].isupper() or _SMALL.match(reply.lower, end) is not None


def _own_text(reply: Reply, letter: str, end: int) -> int | None:
    """The end of the letter's own text, if that follows the letter."""
    text, begin = reply.options.texts.get(letter), skip(_LABELLED, reply.lower, end)
    is_article = letter in "AI" and reply.lower[end - 1 : begin] == f"{letter.lower()} "
    if not text or is_article or not reply.lower.startswith(text, begin):
        return None
    ends = _OWN_END.match(reply.lower, begin + len(text))
    return ends.end() if ends else None


def _of_another(reply: Reply, letter: str, end: int) -> str | None:
    """The letter of the option whose text follows this letter, where it is not this letter's."""
    begin, own = skip(_LABELLED, reply.lower, end), reply.options.texts.get(letter, "")
    for name in reply.options.names:
        if name.letter != letter and name.text not in own and has_name(reply, name, begin):
            return name.letter if _OTHER_END.match(reply.lower, begin + len(name.text)) else None
    return None
