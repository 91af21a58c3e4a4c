"""Verdicts: letters, or texts of options, of which it is said that they are the answer, true, or not."""

import re
from collections.abc import Iterator

from anessuite.answers.doubts import is_doubted
from anessuite.answers.english import ADVERB, SORT
from anessuite.answers.mention import has_name
from anessuite.answers.plain import MARKED, WORD
from anessuite.answers.reply import SENTENCE, Reply, last_matches
from anessuite.answers.selection import WRONG, Selection, selection_at
from anessuite.answers.statements import Statement, Tier

_WORDS_BEFORE = 18
"""Characters before a letter that are looked at for what it names."""
_ISOLATED = re.compile(rf"(?<![{WORD}])[A-Z](?![{WORD}])")
"""A letter that may be an option's."""
_COPULA = (
    r"(?: (?:is|are|was|(?:would|should|must|will|has to) be|(?:seems|appears|looks)(?: to be| like)?"
    r"|remains|stands out as|emerges as|represents|becomes|being|as)|'s)"
)
"""After a letter: a verb that judges it."""
_FIT = (
    r"(?:correct|right|best|better|most|more|likely|likeliest|appropriate|accurate|suitable|plausible"
    r"|probable|fitting|relevant|consistent|reasonable|logical|effective|specific|only|single|final|true"
    r"|proper|ideal|optimal|strongest|preferred|intended|expected|obvious|clear|closest|definitive|possible"
    r"|remaining|valid|chosen|selected|recommended|safest|overall)"
)
"""Words of praise."""
_ANSWER = (
    r"(?:answers?|choice|option|response|selection|pick|alternative|one|fit|match)(?![a-z])(?! (?:if|when"
    r"|only if)(?![a-z]))"
)
"""What a letter is said to be."""
_SAID = rf"(?: ?\([^()\n]{{0,80}}\))?,?(?: {ADVERB},?)?{_COPULA}(?: {ADVERB}){{0,2}}"
"""A verb with all that may surround it."""
_GOOD_ZH = (
    r"(?:我|本题|该题|此题|这道题|题目|唯一|最佳|最优|最|正确|标准|合适|恰当|符合题意|符合|可能|合理|准确|的)"
)
"""Words of praise, in Chinese."""
_STATED = re.compile(
    rf"{_SAID}(?: (?:the|my|our|your)(?: {_FIT}){{0,4}}| (?:an? )?(?:{_FIT} ){{0,3}}{_FIT}) {_ANSWER}| it is"
    rf"(?=[.!\n]|\Z)|(?:选?项)? ?(?:[,:]|应该?|才|就|即|显然|无疑|最终|确实)?(?:是|为|作为|即为|当为)"
    rf"(?:{_GOOD_ZH}{{1,5}}(?:选项|选择|一项)|{_GOOD_ZH}{{0,5}}(?:答案|正解))|(?:选?项)? ?(?:才|最|更)?"
    rf"(?:符合题[意目干]|符合要求|当选)"
)
"""After a letter: it is the answer."""
_MADE = re.compile(
    rf" (?:as )?(?:(?:the|our|my)(?: {_FIT}){{0,4}} {_ANSWER}|(?:correct|right)(?=[.,;!\n]|\Z))"
)
_MAKES = re.compile(
    r"(?:mak(?:es?|ing)|leaving|leaves|consider(?:ed)?|support(?:s|ing)|confirm(?:s|ing)|favou?r(?:s|ing)) "
    r"(?:(?:option|choice) )?\W?\Z"
)
"""``making`` C ``the answer``."""
_JUDGED = re.compile(
    rf"{_SAID} (?:the )?(?:(?:most [a-z]{{3,20}}|best|likeliest)(?![a-z-])(?! (?:[a-z]{{2,15}} )?(?:answer"
    r"|choice|option))|(?:correct|right|true|accurate)(?=[.,;:!)\n]|\Z| (?:because|since|as|and|but|while"
    r"|whereas|here|so|which|given|due|for this|in this)(?![a-z])))|[ |:.)(\]-]{0,4}✓"
    r"|[ :.)、-]{0,3}[(\[]?(?:correct|right|true|yes|正确|对)(?=[.,;:!)\]\n]|\Z)"
    r"|(?:选?项)? ?(?:的[^,.;:!?、\n不错非没]{1,10}?)?(?:[,:]|应|才|就|是|为|也|都|均|两|项|最|更"
    r"|完全){0,4}(?:正确|对的|恰当|最?合适|准确|合理|符合|最可能|无误|对(?=[.,;:!\n]|\Z))"
)
"""After a letter: it is true, or fits, which is the answer only if nothing else is said to be."""
_PRAISE = re.compile(
    r"answer|choice|option|response|selection|pick|alternative| one(?![a-z])| fit| match|correct|right|true"
    r"|accurate|most|best|likeliest| it is|✓|答案|正解|选项|选择|一项|符合|当选|正确|对|恰当|合适|准确|合理"
    r"|最可能|无误"
)
"""Without any of these near, nothing of the above is said."""
_TEXT_STATED = re.compile(
    rf" (?:is|would be|must be|should be)(?: {ADVERB})? (?:the|my|our)(?: {_FIT}){{0,3}} (?:answer|option"
    rf"|choice(?=[.!\n]|\Z))(?![a-z])(?! if )"
    r"|[是为](?:正确|最佳|本题的?)?(?:答案|正解)"
)
"""After the text of an option: it is the answer."""
_SUBJECT = re.compile(
    rf"(?:[.\n;,:?!()\[\"'>→|{MARKED}-] ?|(?<![a-z])(?:options?|choices?|answers?|statements?|letter|that|so"
    r"|therefore|thus|hence|and|but|or|only|because|since|while|whereas|though|although|instead|as|both"
    r"|either|believe|think|conclude) ?[\"(\[]{0,2}|[\u4e00-\u9fff、][\"(\[ ]{0,2})\Z"
)
"""Before a letter: it may be the subject of a sentence."""
_REST = re.compile(rf"(?<![{WORD}])[a-z][\"')\]]{{0,2}} ?(?:[、/&+和与及或]|and|or) ?[\"'(\[]{{0,2}}\Z")
"""Before a letter: it is one of a list that could not be read from its beginning."""
_KINDS = re.compile(
    rf"(?:(?<![a-z])(?:{SORT}|stage|influenza|protein|coenzyme|lead|phase|blood|category|zone|schedule"
    r"|drugs?|patient|compound|substance|figure|panel|curve|point|gene|allele|chain|receptor|region|area"
    r"|line|segment|plan|part|section|cell|immunoglobulin|ig|child-pugh|hla|exhibit|image|structure|person"
    r"|parent|boy|girl|child|ha?emophilia|chromogranin|cyclosporin|amphotericin|polymyxin|cytochrome|complex"
    r"|interval|step|cohort|arm|study|test|sample|solution|bone|muscle|kerley|appendix"
    rf"|apolipoprotein)s?[ -]{{0,2}}\(?|[{WORD}][/-]|[0-9°] ?|[维肝]生?素?炎?|[型组类])\Z"
)
"""Before a letter: it names a vitamin, a virus, a patient, a unit ..."""

_CHOICE = re.compile(r"(?<![a-z])(?:choice|answer) \W?\Z")
"""Before a letter that is said to be correct: it is the answer, not only true."""
_ONLY = re.compile(r"(?:只有|仅|(?<![a-z])only )(?:选项|option )?\W?\Z")
"""Before a letter that is said to be wrong: it is the exception."""


def verdicts(reply: Reply) -> Iterator[Statement]:
    """What is said of options, by letter or by text."""
    done = 0
    for start in _letters_near_praise(reply):
        if start >= done and (selection := selection_at(reply, start, before_verb=True, as_subject=True)):
            done = selection.end
            if verdict := _verdict(reply, start, selection):
                yield verdict
    yield from _of_texts(reply)


def _letters_near_praise(reply: Reply) -> Iterator[int]:
    praise = 0
    for match in last_matches(_ISOLATED, reply.text):
        if praise < match.start():
            found = _PRAISE.search(reply.lower, match.start())
            if found is None:
                return
            praise = found.start()
        if praise <= match.start() + SENTENCE and match[0] in reply.options.keys:
            yield match.start()


def _of_texts(reply: Reply) -> Iterator[Statement]:
    for match in last_matches(_TEXT_STATED, reply.lower):
        for name in reply.options.names:
            start = match.start() - len(name.text)
            if start >= 0 and has_name(reply, name, start) and not is_doubted(reply, start):
                yield Statement(start, match.end(), frozenset(name.letter), Tier.STATED, "verdict")


def _verdict(reply: Reply, start: int, selection: Selection) -> Statement | None:
    lower, end = reply.lower, selection.end
    is_pronoun = selection.letters == {"I"} and not selection.form
    if is_pronoun and not lower.startswith((" is ", "是", "为"), end):
        return None
    before = "\n" * (start < _WORDS_BEFORE) + lower[max(0, start - _WORDS_BEFORE) : start]
    if _KINDS.search(before) or _REST.search(before) or is_doubted(reply, start):
        return None

    def statement(end: int, tier: Tier, how: str = "verdict") -> Statement:
        return Statement(start, end, selection.letters, tier, how, either=selection.either)

    if wrong := WRONG.match(lower, end):
        if _ONLY.search(before):
            return statement(wrong.end(), Tier.HEDGED, "exception")
        return statement(wrong.end(), Tier.DENIED)
    made = _MADE.match(lower, end) if _MAKES.search(before) else None
    if stated := _STATED.match(lower, end) or made:
        return statement(stated.end(), Tier.STATED)
    judged = _JUDGED.match(lower, end) if _SUBJECT.search(before) else None
    tier = Tier.HEDGED if _CHOICE.search(before) else Tier.REMARKED
    return statement(judged.end(), tier) if judged else None
