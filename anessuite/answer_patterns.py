"""How models write the answer to a multiple-choice question: characters, cues, and what may follow a letter.

The patterns are for the plain form of a reply (:func:`plain`): one kind of letter, quote, dash and bracket, no
emphasis or LaTeX dress, white space one blank or one line feed. Each is linear: repetitions are bounded, or
possessive over what nothing else can match. The wording comes from replies of SmolLM2, Qwen2.5, DeepSeek-R1 and
GPT-4 (``../shared/data/traces``), from explanations in MedMCQA, and from what graders of other projects look for.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

WORD = r"A-Za-z0-9\u00b0\u00b2\u00b3\u00b5\u00b9\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff\u2070-\u209f"
"""What makes an adjoining letter part of a word, a unit or a formula; Chinese characters do not."""
_SAME = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    **{first + i: 65 + i for first in (0x249C, 0x24B6, 0x24D0, 0x1F110, 0x1F130, 0x1F150, 0x1F170) for i in range(26)},
    **{first + i: 65 + i for first in range(0x1D400, 0x1D6A4, 52) for i in range(26)},
    **str.maketrans("АВСЕ‘’ʼ′´“”„‟″「」『』«»【〔〖［】〕〗］‐‑‒–—―−。｡、∶﹕_", "ABCE'''''\"\"\"\"\"\"\"\"\"\"\"[[[[]]]]-------..、:: "),
    **dict.fromkeys(map(ord, "⇒⟹➡➔⟶➜"), "→"),
    **dict.fromkeys(map(ord, "\t\v\f\xa0\u1680\u2002\u2003\u2009\u200a\u202f\u205f\u3000"), " "),
    **dict.fromkeys(map(ord, "\r\x85\u2028\u2029"), "\n"),
}
_LOWER = {code: code + 32 for code in range(65, 91)}
_DRESS = (
    r"[*`$#\u00ad\u200b-\u200f\u2060\ufe0e\ufe0f\ufeff\u20dd\u20de]|~~[^~\n]{1,200}~~|\\[,;:!()\[\] ]"
    r"|\\(?:text(?:bf|it|rm|sf|tt|normal)?|math(?:rm|bf|sf|it|bb|tt)|bf|rm|bm|q?quad|displaystyle|left|right"
    r"|[lL]arge|LARGE)(?![A-Za-z])|<\|[a-z ]{1,30}\|>|<eo[a-z]>"
    r"|</?(?:b|i|u|s|em|strong|mark|span|code|p|br|div|li|ul|ol|h[1-6]|center)(?: [^<>\n]{0,80})?/?>"
)
_SQUEEZED = re.compile(rf"(?:[ \n]|{_DRESS}){{2,}}+|{_DRESS}")
_BREAKS = re.compile(r"\n|</?(?:p|br|div|li|ul|ol|h[1-6])\b")
_BLANKS = re.compile(r" |quad")


@dataclass(frozen=True, slots=True)
class Plain:
    """The plain form: ``lower`` is ``text`` in lower case; :meth:`span` leads back to the original."""

    text: str
    lower: str
    _begins: list[int]
    _shifts: list[int]

    def part(self, start: int, end: int) -> "Plain":
        """A stretch of the plain form by itself; it leads back nowhere."""
        return Plain(self.text[start:end], self.lower[start:end], [], [])

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where ``text[start:end]``, not empty, stands in the original."""
        return self._origin(start), self._origin(end - 1) + 1

    def _origin(self, at: int) -> int:
        return at + self._shifts[bisect_right(self._begins, at) - 1]


def plain(text: str, *, start: int = 0) -> Plain:
    """The plain form of ``text[start:]``."""
    same = text[start:].translate(_SAME)
    pieces, begins, shifts, at, size = list[str](), [0], [start], 0, 0
    for run in _SQUEEZED.finditer(same):
        dress = run[0]
        between = "\n" if _BREAKS.search(dress) else " " if _BLANKS.search(dress) else ""
        pieces += (same[at : run.start()], between)
        size += run.start() - at + len(between)
        at = run.end()
        begins.append(size)
        shifts.append(start + at - size)
    pieces.append(same[at:])
    joined = "".join(pieces)
    return Plain(joined, joined.translate(_LOWER), begins, shifts)


_STATES = 3


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that announce an answer, which begins where the match ends.

    ``tier`` 3 states the answer, 2 hedges, or names the exception that a question may have asked for, 1 judges
    one option. ``ends`` asks that the sentence ends with the answer; ``loose`` lets a verb follow the letter.
    """

    how: str
    tier: int
    pattern: re.Pattern[str]
    ends: bool = False
    loose: bool = False

    @property
    def spurns(self) -> tuple[str, ...]:
        """Forms of an answer that do not count here: ``CF`` and words may be anything where nothing is announced."""
        return ("run", "named")[: _STATES - self.tier]


_NOUN = (
    r"(?:answers?|ans|correct|(?:correct|right|best|final|chosen|selected|predicted|appropriate|suitable|my|closest"
    r"|preferred|most likely) ?(?:option|choice|letter|response|selection|pick|match|fit|one)s?|(?<!of )choice|conclusion"
    r"|verdict|decision|prediction|selection|pick|key|result|solution)"
)
_THING = (
    r"(?:answers?|(?:correct|right|best|final|chosen|closest|preferred|most [a-z]{3,20}|only [a-z]{3,20}|only)"
    r"(?: [a-z]{1,20}){0,2}? (?:option|choice|letter|response|selection|statement|match|fit|one|pick"
    r"|alternative)s?)"
)
_ASIDE = (
    r"(?:,? (?:choice|option|letter|to|for|here|in|among|amongst|from|of|that|which|based|given|according|on|i|you|we"
    r"|with|out)(?![a-z])[^.\n?!;:]{0,60}?)?"
)
_IS = (
    r"(?: (?:is|are|was|were|would be|should be|must be|will be|has to be|ought to be|seems to be|appears to be|seems"
    r"|appears|remains|becomes|being|can only be|turns out to be)|'s| ?[:=])"
)
_ADVERB = r"(?:[a-z]{2,15}ly|therefore|thus|hence|then|indeed|here|also|still|now|in fact)"
_KIND = (
    r"vitamin|hepatitis|types?|subtypes?|groups?|factor|class|grade|stage|influenza|protein|coenzyme|lead|phase"
    r"|blood|category|zone|schedule|drugs?|patients?|compound|substance|figure|panel|curve|point|gene|allele|chain"
    r"|strain|serotype|receptors?|region|area|line|segment|plan|part|section|cell|immunoglobulin|ig|virus|child-pugh"
    r"|hla|exhibit|image|structure|person|parents?|boy|girl|child|hemophilia|haemophilia|chromogranin|cyclosporin"
    r"|amphotericin|polymyxin|cytochrome|complex|interval|step|cohort|arm|study|test|sample|solution|bone|muscle"
)
KINDS = re.compile(rf"(?:(?<![a-z])(?:{_KIND})s?[ -]{{0,2}}\(?|[{WORD}][/-]|[0-9°] ?|[维肝]生?素?炎?|[型组类])\Z")
"""Before a letter: it names a vitamin, a virus, a patient, a unit ..."""

SUBJECT = re.compile(
    r"(?:[.\n;,:!?(\[\"'>→|-] ?|(?<![a-z])(?:options?|choices?|answers?|statements?|letter|that|so|therefore|thus|hence|and|but|or"
    r"|only|because|since|while|both|either|believe|think|conclude) ?[\"(\[]{0,2}|[\u4e00-\u9fff、][\"(\[ ]{0,2})\Z"
)
"""Before a letter: it may be the subject of a sentence."""

CUES = (
    Cue(
        "answer",
        3,
        re.compile(
            rf"(?<![a-z]){_NOUN}(?: ?(?:choice|option|letter|key|index|idx|label|number))?(?: to [^:\n]{{0,40}})?"
            r"(?: ?\([^()\n]{0,30}\))?(?: \d{1,3})?[\"'\]) ]{0,3}(?:[:=→|]|- ?>?|=>)"
            r"|(?<![a-z])ans\. ?|(?:\A|\n)ans(?:wer)?\.? ?(?=\([a-z]\))|(?:\A|\n)[^a-z\n]{0,6}(?:the |my )?(?:final |correct |best )?(?:answer|conclusion|choice)[ :.]{0,2}\n"
        ),
        loose=True,
    ),
    Cue(
        "answer",
        3,
        re.compile(rf"(?<![a-z])(?:(?:the|my|so|final|correct|best|right) ){{0,4}}{_THING}{_ASIDE}(?: \([^()\n]{{0,30}}\))?(?:,? {_ADVERB},?)?{_IS}"),
    ),
    Cue(
        "answer",
        2,
        re.compile(rf"(?<![a-z]){_THING}{_ASIDE} (?:may|might|could|can)(?: {_ADVERB})? be"),
    ),
    Cue(
        "choice",
        3,
        re.compile(
            r"(?<![a-z])(?:choos(?:e|ing)|chose|select(?:ing|ed)?|pick(?:ing|ed)?|go(?:ing)? (?:with|for)|went with"
            r"|opt(?:ing|ed)? for|settl(?:e|ed|ing) (?:on|for)|decid(?:e|ed|ing) on|vot(?:e|ing) for|bet on"
            r"|lean(?:ing)? (?:towards?|to)|narrow(?:s|ed)? (?:it |this )?down to|left with|leaves?(?: us with)?"
            r"|leaving(?: us with)?|(?:i(?:'d| would|'ll| will)?|we(?:'d|'ll| can| would)?) "
            r"(?:think|believe|say|guess|suspect|answer|conclude)(?: that)?(?: it'?s| it is| it must be| it would be)?)"
            r"(?: only)?(?= |:|\n)"
        ),
    ),
    Cue(
        "conclusion",
        3,
        re.compile(
            r"(?:\A|(?<=[.\n;,:?!(→])|(?<=[.\n;,:?!(→] ))(?:so|thus|therefore|hence|ergo|accordingly|consequently|overall|finally|in (?:conclusion"
            r"|summary|short)|to (?:conclude|summari[sz]e)|as a result|final)[,:]?(?: (?:then|only|just|probably|likely"
            rf"|(?:it|this|that|we)(?:'s| is| must be| has to be| should be| get| have)|{_ADVERB})){{0,2}}(?=[ \n:(])"
        ),
        ends=True,
    ),
    Cue(
        "match",
        1,
        re.compile(
            r"(?<![a-z])(?:(?:it|this|that|which|these|they|findings?|picture|presentation)(?:'s| is| are| must be| would be"
            r"| has to be| should be| match(?:es)?| corresponds? to| fits?| points? to| supports?| suggests?"
            r"| indicates?| aligns? with| favou?rs?| describes?)|consistent with|matches|corresponds to"
            r"|best (?:fits?|match(?:es)?)(?: is| with| by)?)(?= )"
        ),
        ends=True,
    ),
    Cue(
        "verdict",
        2,
        re.compile(
            r"(?<![a-z])(?:most|best|likeliest|closest|next|initial|correct|right|appropriate|likely|diagnosis|treatment"
            rf"|drug|agent|cause)(?:[ -](?!(?:{_KIND}|not|than|is|are)(?![a-z]))[a-z'-]{{1,20}}){{0,6}}? "
            r"(?:is|would be|are|remains)(?= )"
        ),
        ends=True,
    ),
    Cue(
        "exception",
        2,
        re.compile(
            r"(?<![a-z])(?:exception|odd one out|(?:incorrect|false|untrue|inaccurate|wrong|least [a-z]{3,20}) "
            r"(?!answer|choice)(?:[a-z]{3,20} ?){1,2}|(?:option|statement|choice|one|answer|drug|agent|condition)s? (?:that"
            r"|which) (?:is|does|are|do|has|was|would|can) ?(?:not|n't|least)[^.\n?!;:]{0,60}?) ?(?<= )"
            rf"(?:is|are|would be)(?: {_ADVERB},?)?(?= )"
        ),
        ends=True,
    ),
    Cue(
        "answer",
        3,
        re.compile(
            r"(?:答案|正解|结论|结果)(?:选项)?[\"'\])} ]{0,3}(?:应当|应该?|就|显然|很可能|最可能|可能|大概|必然|只能|也|便|则|都|均"
            r"|一定|确定|仍|分别|似乎|可以){0,3}+(?:选(?!项)择?|是|为|即|[:=→\n]|--?>?|=> ?| ){0,5}+"
        ),
        loose=True,
    ),
    Cue(
        "answer",
        3,
        re.compile(
            r"(?<![不未欠])(?:正确|最佳|最优|合适|恰当|妥当|准确|合理|符合题意|符合要求|最?符合[^,.;\n]{0,10}?|得体|贴切|适宜"
            r"|最可能|可能性最大)的?(?:一?[项组句个]|选项|选择|说法|叙述|描述|诊断|治疗|处理|措施|方法|表述|推测|结论|词语"
            r"|顺序|句子|判断|药物|检查|病因|原因){0,2}(?:应该?|就|只|也|显然|很?可能)?[是为:]{1,2}"
        ),
    ),
    Cue(
        "exception",
        2,
        re.compile(
            r"(?:不正确|错误|有误|不合理|不恰当|不当|不对|不妥|不可能|不准确|无关|除外|例外|(?:不符合|不属于|不包括|不能|不利于"
            r"|不宜|无法|没有)[^,.;:?\n]{0,12}?)的?(?:一?[项组句个]|选项|说法|叙述|描述|表述|推测){0,2}"
            r"(?:应该?|就|只)?[是为]"
        ),
        ends=True,
    ),
    Cue(
        "choice",
        3,
        re.compile(
            r"(?<![不未误错勿别没免可备待挑当入筛])(?:选择?|选定|选取)(?![项择题用修手举拔民自中])(?:的?是|了|为|出)?[: ]?"
        ),
    ),
    Cue(
        "conclusion",
        3,
        re.compile(
            r"(?:因此|所以|故|综上(?:所述)?|因而|于是|可知|可见|由此可得|最终|总之)[,:]?(?:应该?|就|只能|只有|仅)?[是为得]?"
        ),
        ends=True,
    ),
    Cue("conclusion", 2, re.compile(r"(?:只剩下?|剩下的?(?:只有|就?是)?|锁定|对应的?是?)"), ends=True),
)

_COPULA = (
    r"(?: (?:is|are|was|would be|should be|must be|has to be|will be|seems(?: to be)?|appears(?: to be)?|remains"
    r"|stands out as|emerges as|represents|becomes|being|as)|'s)"
)
_FIT = (
    r"(?:correct|right|best|better|most|more|likely|likeliest|appropriate|accurate|suitable|plausible|probable"
    r"|fitting|relevant|consistent|reasonable|logical|effective|specific|only|single|final|true|proper|ideal|optimal"
    r"|strongest|preferred|intended|expected|obvious|clear|closest|definitive|possible|remaining|valid|chosen"
    r"|selected|recommended|safest|overall)"
)
_NAMED = r"(?:answers?|choice|option|response|selection|pick|alternative|one|fit|match)(?![a-z])(?! (?:if|when|only if)(?![a-z]))"
_BETWEEN = rf"(?: ?\([^()\n]{{0,80}}\))?,?(?: {_ADVERB},?)?"
STATED = re.compile(
    rf"{_BETWEEN}{_COPULA}(?: {_ADVERB}){{0,2}}(?: (?:the|my|our|your)(?: {_FIT}){{0,4}}| (?:an? )?(?:{_FIT} ){{0,3}}{_FIT}) "
    rf"{_NAMED}|(?:选?项)?(?:[,:]|应该?|才|就|即|显然|无疑|最终|确实)?(?:是|为|作为|即为|当为)(?:(?:我|本题|该题|此题|这道题|题目"
    r"|唯一|最佳|最优|最|正确|标准|合适|恰当|符合题意|符合|可能|合理|准确|的){1,5}(?:选项|选择|一项)|(?:我|本题|该题|此题|最佳|最"
    r"|正确|标准|唯一|合适|恰当|的){0,5}(?:答案|正解))|(?:选?项)?(?:才|最|更)?(?:符合题[意目干]|符合要求|当选)"
)
"""After a letter: it is the answer."""
MADE = re.compile(rf" (?:as )?(?:the|our|my)(?: {_FIT}){{0,4}} {_NAMED}")
MAKES = re.compile(r"(?:mak(?:es?|ing)|leaving|leaves|consider(?:ed)?|support(?:s|ing)|confirm(?:s|ing)|favou?r(?:s|ing)) (?:(?:option|choice) )?\W?\Z")
"""``making`` C ``the answer``."""
JUDGED = re.compile(
    rf"{_BETWEEN}{_COPULA}(?: {_ADVERB}){{0,2}} (?:(?:the )?(?:most [a-z]{{3,20}}|best|likeliest)|(?:the )?(?:correct|right|true"
    r"|accurate))(?![a-z])(?! (?:ventric|atri|heart|lung|side|upper|lower|if |(?:[a-z]{2,15} )?(?:answer|choice|option)))| ?\(?[✓✔✅√]|(?:选?项)?的?(?:说法|叙述|描述|表述|内容"
    r"|推测|解释)?(?:[,:]|应|才|就|是|为|也|都|均|两|项|最|更|完全){0,4}(?:正确|对的|恰当|最?合适|准确|合理|符合|最可能|无误)"
)
"""After a letter: it is true, or fits, which is the answer only if nothing else is said to be."""
WRONG = re.compile(
    r"[\"')\]} ]{0,3}(?:(?:(?:is|are|was|were|would be|can be|could be|seems?|looks?) (?:[a-z]{1,12} ){0,2}?)(?:not|wrong|incorrect|false"
    r"|inaccurate|eliminated|excluded|ruled out|unlikely)(?![a-z])|(?:is|are|was|were)n't|(?:两?三?个?选?项)?(?:[都均也是为被]{0,2})"
    r"(?:不正确|错误|错[的了.,\n]|不对|不符|不合|不恰当|有误|排除|不成立|不可能|不考虑))"
)
"""After letters: they are ruled out."""
ASKED = re.compile(r"[\"')\]} 项]{0,3}(?:\?|吗|么\?|呢\?|(?: only)? if(?![a-z])|如果|的话)")
"""After letters: it was a question, or on a condition."""
ENDED = re.compile(r"[\"')\]}> ]{0,3}(?:\Z|[.!\n;|<✓✔✅(]|,? (?:because|since|as|due|which|given|for|based|not|rather)(?![a-z])|,)")
DOUBTED = re.compile(
    r"(?<![a-z])(?:if|whether|unless|suppos(?:e|ing)|assum(?:e|ing)|imagine|neither|nor|none|not(?! (?:hard|difficult|surpris|only|just"
    r"|unreason))|cannot|never|(?:do|does|did|is|are|was|would|could|should|ca|wo)n't|(?:might|may|could|would|tempt[a-z]*) (?:to )?"
    r"(?:think|say|argue|assume|believe|choose|pick|select|suggest|expect)|tempt(?:ed|ing)|mistake[a-z]*|misconception"
    r"|incorrectly|wrongly|(?:incorrect|wrong|false)(?= \Z)|some (?:people|would|may|might|sources)|many (?:people|would)|students?"
    r"|distractor|trap|formats?|form of|last line|e\.g|for (?:example|instance)|such as|like|example|template|instead of|rather"
    r" than|than|previous(?:ly)?|initial(?:ly)?|first (?:thought|guess|instinct)|could be argued)(?![a-z])"
    r"|如果|若|假[如设]|倘若|要是|即使|是否|并非|不是|例如|比如|格式|有人|很多人|常见错误|容易|不(?:能|应该?|可以?|会|要|宜|建议|再|该)$"
)
"""Before an announcement, in its clause: it is denied, supposed, quoted or told of others."""
CLAUSE = re.compile(r"[.;!?\n,:]|(?<![a-z])(?:but|so|therefore|thus|hence|because|and|then|however|yet)(?![a-z])|所以|因此|因而|故|而|但")
SUPPOSED = re.compile(r"(?<![a-z])(?:if|had)(?![a-z])[^.!?\n]{0,150}(?<![a-z])(?:were|had|was|wasn't|did|didn't|asked)(?![a-z])(?! to)")
"""Before ``would be``, in its sentence: all of it is supposed."""

_FILLERS = (
    r"the|options?|choices?|letter|statements?|following|number|is|most|likely|probably|clearly|definitely|therefore|indeed"
    r"|actually|obviously|simply|only|either|both|between|best|correct|answer|represented by|given by|labell?ed|none other than"
    r"|still|also|thus|in fact|of course|towards?|for|that|as follows"
)
MARKS = re.compile(r"(?:[ \n\"'(\[{<:=>|,\\→]|-(?= )){0,8}+")
FILLERS = re.compile(rf"(?:[ \n\"'(\[{{<:=>|,\\→]|-(?= )|(?:{_FILLERS})(?![a-z])|选项|选择?|应该?|[是为该第]|字母|显然|只有|仅|就|最){{0,12}}+")
"""Between an announcement and the answer."""
NOT = re.compile(r"(?:not|definitely not) |不是|不|非")
BUT = re.compile(r"[\"')\]} ]{0,3},? ?(?:but(?: rather)?|rather|instead|it is|而是|应该?是|是)")
NONE = re.compile(
    r"(?:none(?! other)|neither|no (?:correct|single|options?|answers?|choice|clear|definitive|one of)|not (?:[a-z]{2,15} ){0,2}?(?:listed|among"
    r"|given|provided|available|present|included|applicable|clear|determin|possible|an option|here|in the|one of)|n/a|unknown"
    r"|unclear|cannot|can't|can not|undetermined|indeterminate|impossible|missing|null|不(?:在|存在|确定|明)|无|没有|[都均皆]不"
    r"|以上[都均皆]不|题目|选项[都均有]|四个选项|未知)"
)
ALL = re.compile(
    r"(?:all (?:of )?(?:the |these |those )?(?:above|options|choices|listed|answers|four|five|are)|以上[都均皆全]|全部|[都全]对|全选|所有选项)"
)
NONE_FITS = re.compile(
    r"(?<![a-z])none of (?:the |these |those )?(?!other|remaining|rest)(?:[a-z]{1,12} ){0,2}(?:options?|choices?|answers?|above|these|listed|conditions)"
    r"|(?:answer|option) is not (?:[a-z]{2,12} ){0,2}(?:listed|among|provided|given|in the)|no (?:correct|suitable) (?:answer|option)"
    r"|(?:没有|无)(?:一个)?(?:正确|合适|恰当)的?(?:答案|选项)|选项(?:都|均)不|题目(?:可能)?有误"
)
REFUSED = re.compile(
    r"(?<![a-z])(?:i(?:'m| am)(?: very| so)? (?:sorry|unable|not able)|i(?: can(?:not|'t| not)|'m not| am not| won't| will not| do not|"
    r" don't)(?: able to| really| accurately| definitively| actually)? (?:answer|provide|assist|help|give|determine|select|choose|comply"
    r"|diagnose|offer|know|able|qualified|make)|as an ai|(?:unable|impossible|not possible|insufficient information|not enough"
    r" information) to (?:[a-z]{2,15} )?(?:answer|determine|provide|assist|select|choose|identify|say|tell)|can(?:not|'t| not) (?:be )?"
    r"(?:[a-z]{2,15}ly )?(?:answer|determine|provide|select|choose))|无法(?:回答|确定|判断|提供|作答|选择|给出|得出)|不能(?:回答|确定|判断|提供"
    r"|作答)|抱歉|对不起|很遗憾|不便回答|拒绝回答|不知道"
)
LETTER = re.compile(rf"(?:[ \"'(\[{{<\\]|(?i:options?|choice|letter|选项)(?![a-z]) ?){{0,6}}+([A-Za-z]{{1,10}})(?![{WORD}])")
CLOSED = re.compile(r"(?:[\"')\]}>\\]| (?=[\"')\]}])){0,6}+(?!(?<=')s(?![a-z]))")
ISOLATED = re.compile(rf"(?<![{WORD}])[A-Z](?![{WORD}])")
_STEMS = (
    r"because|since|as|due|with|and|or|for|based|which|given|but|not|rather|instead|however|in|the|that|it|this|so|if|then|while"
    r"|when|where|who|by|from|on|over|at|here|too|again|i\.e"
)
_ITEM = r"(?:选项|[项選])(?=\Z|[^\u4e00-\u9fff]|正确|符合|最|[是为]|和|与|及|或|因|这|其|才|所|更)"
_SPECIES = (
    r"coli|difficile|albicans|aureus|pylori|faecalis|faecium|baumannii|tetani|botulinum|perfringens|subtilis|cereus|anthracis"
    r"|fragilis|burgdorferi|influenzae|henselae|pertussis|abortus|melitensis|cloacae|jejuni|trachomatis|psittaci|diphtheriae"
    r"|histolytica|granulosus|israelii|fumigatus|flavus|duodenale|lumbricoides|immitis|neoformans|gattii|glabrata|freundii"
    r"|hydrophila|dhakensis|bronchiseptica|cepacia|pneumoniae|garinii|hominis|bovis|suis|catarrhalis|auris"
)
FOLLOWS = re.compile(
    rf" ?(?:\Z|\n)|\s?[,;:!?|=→✓✔✅√<>…(、\"]| ?\.(?! ?(?:{_SPECIES})(?![a-z]))(?![a-z](?![a-z])|\d)| ?-{{1,2}}>?(?=[ \n]|\Z|[\u4e00-\u9fff])|{_ITEM}"
    rf"| (?:{_STEMS})(?![a-z])|\\|[{{}}]|是因|因|由|即|也|而|[和与或及]|这|其|正确|最|的原因|了|吧|才|符合|对|所以|故|答案|为正|是正|还是"
)
"""After the first letter, and what closes it: it is a letter, and no article, unit or name."""
LOOSE = re.compile(r" (?:is|are|was|has|have|can|does|would|will|should|must|seems|appears|looks|remains|stands|emerges|represents|becomes|being)(?![a-z])|[是为]")
NEXT = re.compile(
    rf" ?(?:\Z|\n)|\s?[,;:!?|、<\"]|\.(?!\d| ?(?:{_SPECIES}))| (?:and|or|because|since|as|are|both|respectively|but|not|rather)(?![a-z])|{_ITEM}"
    r"|[和与或及都均两三四五同共]|以及|还是|正确|符合|错|不|\\|[{}]"
)
"""After a further letter of a list."""
LINKS = re.compile(
    r"(?:\s?[,;/&+、]\s?(?:(?:and/or|and|or|&)(?![a-z]) ?)?| (?:and/or|and|or|as well as|plus)(?![a-z]) ?| ?(?:和|与|及|以及|或者?|还是|并) ?"
    r"| ?\n ?(?:[-•·] ?)?| )"
)
EITHER = re.compile(r"(?<!/)(?<![a-z])or(?![a-z])|或|还是")
LABELLED = re.compile(r" ?[.:)\-,(=、]{0,3} ?[\"'({\[]?(?:(?:the|an?|both) )?")
STOPPED = re.compile(
    r"[\"')\]} ]{0,3}(?:\Z|[.!?\n;,:|<)\]}、。(]|\\| (?:because|since|as|which|due|and|or|but|not|for|in this|is the|given|based|-)(?![a-z])"
    r"|因|由于|和|与|或|这|[是为])"
)
"""After an option's text that stands for the option."""
BOX = re.compile(r"(?:\\|\x08)?b?oxed ?\{|\\f(?:rame)?box ?\{")
TAG = re.compile(r"<(?:final ?)?(?:answer|choice)>|\[\[")
TAG_END = re.compile(r"</(?:final ?)?(?:answer|choice)>|\]\]")
BRACES = re.compile(r"[{}]")
BLANK = re.compile(r"[\s{}\[\]\\~\"'.]*+")
BLANK_ANSWER = re.compile(r"(?:answer|choice|答案)[\"'] ?: ?(\"\"|''|\[ ?\])(?![\"'])")
PLACEHOLDER = re.compile(
    r"[ {\\<\[\"']*(?:(?:your |the |final |correct |option |answer |chosen |single )*(?:answers?|letter|option|choice|x|here)|\.\.\.|…|字母|答案|选项|最终答案)"
    r"[ }\\>\]\"']*"
)
LINE = re.compile(r"(?:\A|\n)[^\w\n(\[\"'\\]{0,4}(?:\d{1,2}[.)] )?(?=[(\[{\"'<]{0,3}(?:(?:option|choice|选项) ?)?[(\[{\"'<]{0,3}([A-Za-z])(?:[)\]}\"'>.:,;、(\-\u4e00-\u9fff]|\s|\Z))", re.I)
THOUGHT = re.compile(r"</think(?:ing)?>|◁/think▷|\[/THINK\]|<\|end_of_thought\|>|<\|channel\|>final<\|message\|>", re.I)
THINKS = re.compile(r"<think(?:ing)?>|◁think▷|\[THINK\]|<\|begin_of_thought\|>|<\|channel\|>analysis", re.I)

ARTICLE = re.compile(r"(?:(?:the|an?|both) )?")
WORDS = re.compile(r"\w+")
SENTENCES = re.compile(r"[.!?\n]")
JOINT = re.compile(r"[\s,;、.)\]}\\$]*+(?:(?:and|or|[和或与及&/])\s*+)?")
LINE_END = re.compile(r"[\"')\]}]{0,3}[.!]? ?(?:\n|\Z)")
SMALL = re.compile(r"\Z|[\n.,:;]")
OWN_END = re.compile(rf"(?![{WORD}])[\"')\]}}\\]{{0,4}}")
OTHER_END = re.compile(r"[\"')\]} ]{0,3}(?:\Z|[.;\n<,])")
TEXT_STATED = re.compile(
    rf" (?:is|would be|must be|should be)(?: {_ADVERB})? (?:the|my|our)(?: {_FIT}){{0,3}} (?:answer|option)(?![a-z])(?! if )"
    r"|[是为](?:正确|最佳|本题的?)?(?:答案|正解)"
)
_AROUND = " .,;:!?\"'()[]-•·>"


def bare(line: str) -> str:
    """A line without what stands around its words, nor an article."""
    return line.strip(_AROUND)[ARTICLE.match(line.strip(_AROUND)).end() :]

IF_THEN = re.compile(r"(?<![a-z])if(?![a-z])[^.!?\n]{0,150}[ ,]then(?: the)? ?\Z")
LABEL = re.compile(rf"(?<![{WORD}])([A-Z])(?= ?[.:)-])")
ITEM_END = re.compile(r"[\"')\]}]{0,3}[.!]? ?(?:\n|\Z)|[.):] [A-Z]")
PRAISE = re.compile(
    r"answer|choice|option|response|selection|pick|alternative| one(?![a-z])| fit| match|correct|right|true|accurate|most|best|likeliest"
    r"|[✓✔✅√]|答案|正解|选项|选择|一项|符合|当选|正确|对的|恰当|合适|准确|合理|最可能|无误"
)
"""Without any of these near, nothing is said of a letter."""
EXAMPLE = re.compile(r"(?:for (?:example|instance)|e\.g\.?|formats?|例如|比如|格式)[,:]? ?[\"'\\\[]{0,2}\Z")
LINE_GOES_ON = re.compile(r"(?:选?项)?[\"')\]}]{0,3}(?:[.!]? ?(?:\n|\Z)| ?[.:),;、(|-]| (?:because|since|as|due)(?![a-z])|因)")
