"""How models write the answer to a multiple-choice question: what announces it, what it is, what may follow.

The patterns are for the plain form of a reply (:func:`plain`): one kind of letter, quote, dash and bracket,
no emphasis or LaTeX dress, white space one blank or one line feed; and, but for those with capitals, in
lower case. Each takes linear time: repetitions are bounded, or possessive over what nothing else can match.
The wording was collected from replies of SmolLM2, Qwen2.5, GPT-4 and DeepSeek-R1 and from the explanations
of MedMCQA (``../shared/data``), and from how evaluation harnesses ask for answers.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

STATES, HEDGES, REMARKS, DENIES = 3, 2, 1, 0
"""What a statement is worth: it says what the answer is; it says so with a reserve, or names the exception
that a question may have asked for; it says that an option is true; that it is not."""

WORD = (
    r"A-Za-z0-9\u00b0\u00b2\u00b3\u00b5\u00b9\u00c0-\u00d6\u00d8-\u024f"
    r"\u0370-\u03ff\u0400-\u04ff\u2070-\u209f"
)
"""What makes an adjoining letter part of a word, a unit or a formula; Chinese characters do not."""
_A_TO_Z = (0x249C, 0x24B6, 0x24D0, 0x1F110, 0x1F130, 0x1F150, 0x1F170, *range(0x1D400, 0x1D6A4, 52))
"""Where the alphabet begins among bracketed, ringed, boxed and mathematical letters."""
_SAME = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    **{first + i: 65 + i for first in _A_TO_Z for i in range(26)},
    **str.maketrans(
        "АВСЕ‘’ʼ′´“”„‟″「」『』«»【〔〖［】〕〗］‐‑‒–—―−。｡、∶﹕_",
        "ABCE'''''" + '"' * 11 + "[[[[]]]]-------..、:: ",
    ),
    **dict.fromkeys(map(ord, "⇒⟹➡➔⟶➜"), "→"),
    **dict.fromkeys(map(ord, "✔✅☑√"), "✓"),
    **dict.fromkeys(map(ord, "✗✘❌✖"), "×"),
    **dict.fromkeys(map(ord, "\t\v\f\xa0\u1680\u2002\u2003\u2009\u200a\u202f\u205f\u3000"), " "),
    **dict.fromkeys(map(ord, "\r\x85\u2028\u2029"), "\n"),
}
_LOWER = {code: code + 32 for code in range(65, 91)}
_DRESS = (
    r"[*`$#\U0001f300-\U0001f64f\U0001f680-\U0001faff"
    r"\u00ad\u200b-\u200f\u2060\ufe0e\ufe0f\ufeff\u20dd\u20de]|~~[^~\n]{1,200}~~|\\[,;:!()\[\] ]"
    r"|\\(?:text(?:bf|it|rm|sf|tt|normal)?|math(?:rm|bf|sf|it|bb|tt)|bf|rm|bm|q?quad|displaystyle|left"
    r"|right|[lL]arge|LARGE)(?![A-Za-z])|<\|[a-z ]{1,30}\|>|<eo[a-z]>|</?(?:b|i|u|s|em|strong|mark|span"
    r"|code|p|br|div|li|ul|ol|h[1-6]|center)(?: [^<>\n]{0,80})?/?>"
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
        between = "\n" if _BREAKS.search(run[0]) else " " if _BLANKS.search(run[0]) else ""
        pieces += (same[at : run.start()], between)
        size += run.start() - at + len(between)
        at = run.end()
        begins.append(size)
        shifts.append(start + at - size)
    pieces.append(same[at:])
    joined = "".join(pieces)
    return Plain(joined, joined.translate(_LOWER), begins, shifts)


def bare(line: str) -> str:
    """A line without what stands around its words, nor an article."""
    words = line.strip(" .,;:!?\"'()[]-•·>")
    article = ARTICLE.match(words.lower())
    return words[article.end() :] if article else words


ARTICLE = re.compile(r"(?:the|an?|both) ")
BEFORE_TEXT = re.compile(r"(?:(?:the|an?|both) )?(?:[\"'(]{1,2}(?:(?:the|an?) )?)?")
WORDS = re.compile(r"\w+(?:\.\d+)?")
KEY = re.compile(r"[A-Za-z]")
MIXED = re.compile(r"[a-z][A-Z]")
THOUGHT = re.compile(
    r"</think(?:ing)?>|◁/think▷|\[/THINK\]|<\|end_of_thought\|>|<\|channel\|>final<\|message\|>", re.I
)
THINKS = re.compile(r"<think(?:ing)?>|◁think▷|\[THINK\]|<\|begin_of_thought\|>|<\|channel\|>analysis", re.I)

# Letters, and what stands around them.

_OPEN, _CLOSE, _NOTED = r"\"'(\[{<", r"\"')\]}>", "✓×"
_END = r" ?(?:\n|\Z)"
_ADVERB = r"(?:[a-z]{2,15}ly|therefore|thus|hence|then|indeed|here|also|still|now|in fact)"
_SPECIES = (
    r"(?:coli|difficile|albicans|aureus|pylori|faecalis|faecium|baumannii|tetani|botulinum|perfringens"
    r"|subtilis|cereus|anthracis|fragilis|burgdorferi|influenzae|henselae|pertussis|abortus|melitensis"
    r"|cloacae|jejuni|trachomatis|psittaci|diphtheriae|histolytica|granulosus|israelii|fumigatus|flavus"
    r"|duodenale|lumbricoides|immitis|neoformans|gattii|glabrata|freundii|hydrophila|dhakensis"
    r"|bronchiseptica|cepacia|pneumoniae|garinii|hominis|bovis|suis|catarrhalis|auris"
    r"|elegans|melanogaster)(?![a-z])"
)
_STOP = rf"\.(?!\d|[a-z](?![a-z,、\u4e00-\u9fff])| ?{_SPECIES})"
"""A full stop, but not that of i.v. or of E. coli."""
_ITEM = r"(?:选项|[项選])"
LETTER = re.compile(
    rf"(?:[ {_OPEN}\\]|(?i:options?|choice|letter|选项|选)(?![a-z]) ?){{0,6}}+([A-Za-z]{{1,10}})(?![{WORD}])"
)
CLOSED = re.compile(rf"(?:[{_CLOSE}\\]| (?=[{_CLOSE}])){{0,6}}+(?!(?<=')s(?![a-z]))")
ISOLATED = re.compile(rf"(?<![{WORD}])[A-Z](?![{WORD}])")
FOLLOWS = re.compile(
    rf"{_END}| ?(?:{_STOP}|[,;:!?|→{_NOTED}<>…(\[{{}}、\"])| =|\\| ?-{{1,2}}>?(?=[ \n]|\Z|[\u4e00-\u9fff])"
    rf"|{_ITEM}"
    r"| (?:because|since|as|due|with|and|or|for|based|which|given|but|not|rather|instead|however|in|the"
    r"|that|it|this|so|if|then|while|when|where|who|by|from|on|over|at|here|too|again|i\.e)(?![a-z])| ?"
    r"(?:因|由|即|也|而|[和与或及]|这|其|正确|更|最|的(?:原因|理由)|了|吧|才|符合|对|比较|所以|故|答案"
    r"|[是为]正|是因|还是)"
)
"""After the first letter and what closes it: it is a letter, and no article, unit or name."""
VERB = re.compile(
    r" (?:is|are|was|has|have|can|does|would|will|should|must|seems|appears|looks|remains|stands|emerges"
    r"|represents|becomes|being|it is)(?![a-z])| ?[是为]"
)
"""After a letter: a verb, which the letter A could not have if it were the article."""
NEXT = re.compile(
    rf"{_END}|{_STOP}| ?[,;:!?|、<\"]| (?:and|or|because|since|as|are|both|respectively|but|not|rather)"
    rf"(?![a-z])"
    r"|(?:选项|[项選])(?=\Z|[^\u4e00-\u9fff]|[和与及或都均是也])|[和与或及都均也两三四五同共]|以及|还是"
    r"|正确|符合|错|不|\\|[{}]"
)
"""After a further letter of a list."""
LINKS = re.compile(
    r" ?[,;/&+、]\s?(?:(?:and/or|and|or|&)(?![a-z]) ?)?|\|(?=[A-Za-z])| (?:and/or|and|or|as well as|plus)"
    r"(?![a-z]) ?| ?(?:和|与|及|以及|或者?|还是|并) ?| ?\n ?(?:[-•·] ?)?| "
)
LISTED = re.compile(rf"[^\n]{{0,300}}\n ?[{_OPEN}]{{0,2}}([a-z])[.)、:]")
"""After a letter that begins a line: the next line begins with one, too."""
EITHER = re.compile(r"(?<!/)(?<![a-z])or(?![a-z])|或|还是")
SMALL = re.compile(r"\Z|[\n.,:;]")
LINE_END = re.compile(rf"[{_CLOSE}]{{0,3}}(?:选?项)?[.!]?{_END}")
ITEM_END = re.compile(rf"[{_CLOSE}]{{0,3}}[.!]?{_END}|[.):] [A-Z]")
LABELLED = re.compile(r"(?:选?项)? ?[.:)\-,(=、]{0,3} ?[\"'({\[]?(?:(?:the|an?|both) )?")
OWN_END = re.compile(rf"(?![{WORD}])[\"')\]}}\\]{{0,4}}")
OTHER_END = re.compile(r"[\"')\]} ]{0,3}(?:\Z|[.;\n<,])")
TEXT_END = re.compile(
    r"[\"')\]} ]{0,3}(?:\Z|[.!?\n;,:|<)\]}、(]|\\| (?:because|since|as|which|due|and|or|but|not|for|in this"
    r"|is the|given|based|-)(?![a-z])|因|由于|和|与|或|这|[是为])"
)
"""After an option's text that stands for the option."""
BOX = re.compile(r"(?:\\|\x08)?b?oxed ?\{|\\f(?:rame)?box ?\{")
BRACES = re.compile(r"[{}]")
TAG = re.compile(r"[<\[](?:final ?)?(?:answer|choice)[>\]](?! ?:)|\[\[(?=[(a-z])")
TAG_END = re.compile(r"[<\[]/(?:final ?)?(?:answer|choice)[>\]]|\]\]")
BLANK = re.compile(r"[\s{}\[\]\\~\"'.]*+")
BLANK_ANSWER = re.compile(r"(?:answer|choice|答案)[\"'] ?: ?(\"\"|''|\[ ?\])(?![\"'])")
PLACEHOLDER = re.compile(
    rf"[ {_OPEN}\\]*+(?:(?:your |the |final |correct |option |answer |chosen |single ){{0,5}}+(?:answers?"
    rf"|letter|option|choice|x|here)|\.\.\.|…|字母|答案|选项|最终答案)[ {_CLOSE}\\]*+"
)
LINE = re.compile(
    rf"(?:\A|\n)[^\w\n(\[\"'\\]{{0,4}}(?:\d{{1,2}}[.)] )?(?=[{_OPEN}]{{0,3}}(?:(?:option|choice"
    rf"|选项) ?)?[{_OPEN}]{{0,3}}([A-Za-z])(?-i:[A-J]{{0,9}})(?:[/.:,;!、(\-{_CLOSE}\u4e00-\u9fff]|\s|\Z))",
    re.I,
)
"""A line that may begin with the letter of an option."""
LINE_GOES_ON = re.compile(
    rf"[)\]] |.(?:选?项)?[{_CLOSE}]{{0,3}}(?:[.!]?{_END}| ?[.:),;、(|-]| (?:because|since|as|due)(?![a-z])"
    rf"|因)"
)
"""From the last character of a letter on: more is said of it than that it begins a sentence."""
LINE_WRONG = re.compile(
    r"(?:选?项)?[ .:)、(\[-]{0,4}(?:错|不|×|incorrect|wrong|false|no(?![a-z])|not(?![a-z]))"
)
LABEL = re.compile(rf"(?<![{WORD}])([A-Z])(?= ?[.:)(、\"{_NOTED}-]|选?项)")
SURE = re.compile(rf"(?:{_ADVERB}|most likely|options?:|选项:|assistant:)[,:]? ?(?![a-z]{{2}})")
"""Before a letter or a text that is all that a reply says else."""

# Announcements.


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that announce an answer, which begins where the match ends.

    ``tier`` is what the statement is worth. ``ends`` asks that the sentence ends with the answer; ``loose``
    lets a verb follow the letter.
    """

    how: str
    tier: int
    pattern: re.Pattern[str]
    ends: bool = False
    loose: bool = False

    @property
    def spurns(self) -> tuple[str, ...]:
        """Forms of an answer that do not count: ``CF``, or even words, may be anything after a remark."""
        return ("run", "named")[: STATES - self.tier]


def _cue(how: str, tier: int, pattern: str, *, ends: bool = False, loose: bool = False) -> Cue:
    return Cue(how, tier, re.compile(pattern), ends, loose)


_NOUN = (
    r"(?:answers?|ans|correct|best|(?:correct|right|best|final|chosen|selected|predicted|appropriate"
    r"|suitable|my|closest|preferred|most likely) ?(?:option|choice|letter|response|selection|pick|match"
    r"|fit|one)s?|(?<!of )choice|option chosen|conclusion|verdict|decision|prediction|selection|pick|key"
    r"|guess|result|solution|response|correction|letter(?=[\"']))"
)
_THING = (
    r"(?:answers?|guess|solution|(?:correct|right|final|chosen|preferred|[a-z]{1,12}est|most [a-z]{3,20}"
    r"|only [a-z]{3,20}|only)(?: [a-z]{1,20}){0,2}? (?:option|choice|letter|response|selection|statement"
    r"|match|fit|one|pick|alternative)s?)"
)
_ASIDE = (
    r"(?:,? (?:choice|option|letter|to|for|here|in|among|amongst|from|of|based|given|according|on|with|out|"
    r"(?:that|which|i|you|we)(?: (?:is|are|was|am))?)(?![a-z])[^.\n?!;:]{0,60}?)?(?: \([^()\n]{0,30}\))?"
)
_IS = (
    rf"(?: (?:is|are|was|were|(?:would|should|must|will|has to|ought to|seems to|appears to|can only"
    rf"|turns out to)(?: {_ADVERB})? be|seems|appears|remains|becomes|being)|'s| ?[:=])"
)
_SORT = r"vitamin|hepatitis|types?|subtypes?|serotype|groups?|class|grade|strain|factor|virus"
_ONE_ZH = (
    r"的?(?:一?[项组句个]|选项|选择|说法|叙述|描述|表述|推测|诊断|治疗|处理|措施|方法|结论|药物|检查|病因"
    r"|原因|词语|顺序|句子|判断|做法){0,2}"
)
ENGLISH = (
    _cue(
        "answer",
        STATES,
        rf"(?<![a-z]){_NOUN}(?: ?(?:choice|option|letter|key|index|idx|label|number))?(?: to [^:\n]{{0,40}}"
        r"| (?:&|and|with) (?:explanation|rationale|reasoning))?"
        r"(?: ?\([^()\n]{0,30}\))?(?: \d{1,3})?[\"'\]) ]{0,3}(?:[:=→|]|- ?>?|=>)|(?<![a-z])ans\. ?|(?:\A"
        r"|\n)ans(?:wer)?\.? ?(?=\([a-z]\))|(?:\A|(?<=\n)|(?<=[.!] ))answer (?=[a-z](?:[.\n]|\Z))|(?:\A"
        r"|\n)[^a-z\n]{0,6}(?:the |my )?(?:final |correct |best )?(?:answer|conclusion|choice)[ :.]{0,2}\n",
        loose=True,
    ),
    _cue(
        "answer",
        STATES,
        rf"(?<![a-z])(?:(?:the|my|so|final|correct|best|right) ){{0,4}}{_THING}{_ASIDE}"
        rf"(?:,? {_ADVERB},?)?{_IS}",
    ),
    _cue("answer", HEDGES, rf"(?<![a-z])(?:could|might|may)(?: {_ADVERB})? be(?= )", ends=True),
    _cue(
        "choice",
        STATES,
        r"(?<![a-z])(?:choos(?:e|ing)|chosen?|select(?:ing|ed)?|pick(?:ing|ed)?|go(?:ing)? (?:with|for)"
        r"|went with|opt(?:ing|ed)? for|settl(?:e|ed|ing) (?:on|for)|decid(?:e|ed|ing) on|vot(?:e|ing)"
        r"(?: for)?|bet on|meant?|lean(?:ing)? (?:towards?|to)|narrow(?:s|ed)? (?:it |this )?down to"
        r"|left with|leaves?(?: us with)?|leaving(?: us with)?|(?:i(?:'d| would|'ll| will)?|we(?:'d|'ll"
        r"| can| would)?) (?:think|believe|say|guess|suspect|answer|conclude)(?: that)?(?: it'?s| it is"
        r"| it must be| it would be)?)(?: only)?(?=[ :\n])",
    ),
    _cue(
        "conclusion",
        STATES,
        r"(?:\A|(?<=[.\n;,:?!(→])|(?<=[.\n;,:?!(→] ))(?:so|thus|therefore|hence|ergo|accordingly"
        r"|consequently|overall|finally|final|tl;dr|=>|→|no|wait|actually|sorry|rather|in (?:conclusion"
        r"|summary"
        r"|short)|to (?:conclude|summari[sz]e)|as a result)"
        rf"[,:]?(?: (?:only|just|probably|likely|(?:it|this|that|we)(?:'s| is| must be| has to be"
        rf"| should be| get| have)|{_ADVERB})){{0,2}}(?=[ \n:(])",
        ends=True,
    ),
    _cue(
        "match",
        REMARKS,
        r"(?<![a-z])(?:(?:it|this|that|which|these|they|findings?|picture|presentation)(?:'s| is| are"
        r"| must be| would be| has to be| should be| match(?:es)?| corresponds? to| fits?| points? to"
        r"| supports?| suggests?| indicates?| aligns? with| favou?rs?| describes?)|consistent with|matches"
        r"|corresponds to|best (?:fits?|match(?:es)?)(?: is| with| by)?)(?= )",
        ends=True,
    ),
    _cue(
        "verdict",
        HEDGES,
        r"(?<![a-z])(?:most|best|likeliest|closest|next|initial|true|correct|right|appropriate|likely"
        r"|diagnosis|treatment|drug"
        rf"|agent|cause|choice)(?:[ -](?!(?:{_SORT}|not|than|is|are)(?![a-z]))[a-z'-]{{1,20}}){{0,14}}?(?: "
        rf"(?:is|would be|are|remains)(?= |:)|:)",
        ends=True,
    ),
    _cue(
        "exception",
        HEDGES,
        r"(?<![a-z])(?:exception|odd one out|(?:incorrect|false|untrue|inaccurate|wrong|least [a-z]{3,20}) "
        r"(?!answer|choice)(?:[a-z]{3,20} ?){1,2}|(?:option|statement|choice|one|answer|drug|agent"
        r"|condition)s? (?:that|which) (?:is|does|are|do|has|was|would|can) ?(?:not|n't"
        r"|least)[^.\n?!;:]{0,60}?) ?(?<= )(?:is|are|would be)"
        rf"(?: {_ADVERB},?)?(?= )",
        ends=True,
    ),
)
CHINESE = (
    _cue(
        "answer",
        STATES,
        r"(?:答案|正解|(?:结论|结果|回答)(?=[\]:是为])|(?<![^\n])答(?=:))(?:选项)?[\"'\])} ]{0,3}(?:应当"
        r"|应该?|就|显然"
        r"|很可能|最可能|必然|只能|也|便|则|都|均|一定|确定|仍|分别|可以){0,3}+(?:选(?!项)择?|是|为|即"
        r"|[:=→\n]|--?>?|=> ?| ){0,5}+",
        loose=True,
    ),
    _cue(
        "answer",
        STATES,
        r"(?<![不未欠])(?:正确|最佳|最优|合适|恰当|妥当|准确|合理|最?符合[^,.;\n]{0,10}?|得体|贴切|适宜"
        r"|最可能|可能性最大)"
        rf"{_ONE_ZH}(?:应该?|就|只|也|显然|很?可能)?(?:[是为:]{{1,2}}|\]:?)",
    ),
    _cue(
        "exception",
        HEDGES,
        r"(?:不正确|错误|有误|不合理|不恰当|不当|不对|不妥|不可能|不准确|无关|除外|例外|(?:不符合|不属于"
        r"|不包括|不能|不利于|不宜|无法"
        rf"|没有)[^,.;:?\n]{{0,12}}?){_ONE_ZH}(?:应该?|就|只)?[是为]",
        ends=True,
    ),
    _cue(
        "choice",
        STATES,
        r"(?<![不未误错勿别没免可备待挑入筛])(?<!(?<!应)当)(?:选择?|选定|选取)(?![项择题用修手举拔民自中])"
        r"(?:的?是|了|为|出)?[: ]?",
    ),
    _cue("verdict", HEDGES, r"(?<!排除)(?<!除外)的(?:一项)?[是为]", ends=True),
    _cue("choice", HEDGES, r"(?:可能|也许|或许|大概|似乎)(?:选择?|是|为)|倾向于?|应为|考虑", ends=True),
    _cue(
        "conclusion",
        STATES,
        r"(?:因此|所以|故|综上(?:所述)?|因而|于是|(?<![a-z])可知|可见|由此可得|(?<=[,;])得|最终"
        r"|总之)[,:]?(?:应该?|就"
        r"|只能|只有|仅)?[是为得]?",
        ends=True,
    ),
    _cue("conclusion", HEDGES, r"(?:只剩下?|剩下的?(?:只有|就?是)?|锁定|即|对应的?是?)", ends=True),
)
HAN = re.compile(r"[\u4e00-\u9fff]")
_FILLERS = (
    r"the|options?|choices?|letter|statements?|following|number|is|most|likely|probably|clearly|definitely"
    r"|therefore|indeed|actually|obviously|simply|only|either|both|between|best|correct|answer"
    r"|represented by|given by|labell?ed|none other than|still|also|thus|in fact|of course|towards?|to|for"
    r"|that|as follows|first|second|third|fourth|fifth|last|i (?:think|believe|guess)"
)
_MARKS = rf"[ \n{_OPEN}:=>|,\\→…]|\.{{2,3}}|-(?= )|\d{{1,2}}[.)] (?=[a-z](?:[.)] |[a-z]))"
MARKS = re.compile(rf"(?:{_MARKS}){{0,8}}+")
FILLERS = re.compile(
    rf"(?:{_MARKS}|(?:{_FILLERS})(?![a-z])|选项|选择?|应该?|[是为该第]|字母|显然|只有|仅|就|最){{0,12}}+"
)
"""Between an announcement and the answer."""
NOT = re.compile(r"(?:not|definitely not) |不是|不|非")
BUT = re.compile(rf"[{_CLOSE} ]{{0,3}}[,.;]? ?(?:but(?: rather)?|rather|instead|it is|而是|应该?是|是)")
NONE = re.compile(
    r"none(?! other)|neither|no (?:correct|single|options?|answers?|choice|clear|definitive|one of)|not "
    r"(?:[a-z]{2,15} ){0,2}?(?:listed|among|given|provided|available|present|included|applicable|clear"
    r"|determin|possible|an option|here|in the|one of)|n/a|unknown|unclear|cannot|can't|can not"
    r"|undetermined|indeterminate|impossible|missing|null|不(?:在|存在|确定|明)|无|没有|[都均皆]不"
    r"|以上[都均皆]不|题目|选项[都均有]|四个选项|未知"
)
ALL = re.compile(
    r"all (?:of )?(?:the |these |those )?(?:above|options|choices|listed|answers|four|five|are)"
    r"|以上[都均皆全](?:对|是|选|正确)?|全部|[都全]对|全选|所有选项"
)

# Letters of which something is said.

_COPULA = (
    r"(?: (?:is|are|was|(?:would|should|must|will|has to) be|(?:seems|appears|looks)(?: to be| like)?"
    r"|remains|stands out as|emerges as|represents|becomes|being|as)|'s)"
)
_FIT = (
    r"(?:correct|right|best|better|most|more|likely|likeliest|appropriate|accurate|suitable|plausible"
    r"|probable|fitting|relevant|consistent|reasonable|logical|effective|specific|only|single|final|true"
    r"|proper|ideal|optimal|strongest|preferred|intended|expected|obvious|clear|closest|definitive|possible"
    r"|remaining|valid|chosen|selected|recommended|safest|overall)"
)
_NAMED = (
    r"(?:answers?|choice|option|response|selection|pick|alternative|one|fit|match)(?![a-z])(?! (?:if|when"
    r"|only if)(?![a-z]))"
)
_SAID = rf"(?: ?\([^()\n]{{0,80}}\))?,?(?: {_ADVERB},?)?{_COPULA}(?: {_ADVERB}){{0,2}}"
_GOOD_ZH = (
    r"(?:我|本题|该题|此题|这道题|题目|唯一|最佳|最优|最|正确|标准|合适|恰当|符合题意|符合|可能|合理|准确|的)"
)
STATED = re.compile(
    rf"{_SAID}(?: (?:the|my|our|your)(?: {_FIT}){{0,4}}| (?:an? )?(?:{_FIT} ){{0,3}}{_FIT}) {_NAMED}| it is"
    rf"(?=[.!\n]|\Z)|(?:选?项)? ?(?:[,:]|应该?|才|就|即|显然|无疑|最终|确实)?(?:是|为|作为|即为|当为)"
    rf"(?:{_GOOD_ZH}{{1,5}}(?:选项|选择|一项)|{_GOOD_ZH}{{0,5}}(?:答案|正解))|(?:选?项)? ?(?:才|最|更)?"
    rf"(?:符合题[意目干]|符合要求|当选)"
)
"""After a letter: it is the answer."""
MADE = re.compile(rf" (?:as )?(?:(?:the|our|my)(?: {_FIT}){{0,4}} {_NAMED}|(?:correct|right)(?=[.,;!\n]|\Z))")
MAKES = re.compile(
    r"(?:mak(?:es?|ing)|leaving|leaves|consider(?:ed)?|support(?:s|ing)|confirm(?:s|ing)|favou?r(?:s|ing)) "
    r"(?:(?:option|choice) )?\W?\Z"
)
"""``making`` C ``the answer``."""
JUDGED = re.compile(
    rf"{_SAID} (?:the )?(?:(?:most [a-z]{{3,20}}|best|likeliest)(?![a-z-])(?! (?:[a-z]{{2,15}} )?(?:answer"
    rf"|choice"
    r"|option))|(?:correct|right|true|accurate)(?=[.,;:!)\n]|\Z| (?:because|since|as|and|but|while|whereas"
    r"|here|so"
    r"|which|given|due|for this|in this)(?![a-z])))|[ |:.)(\]-]{0,4}✓"
    r"|[ :.)、-]{0,3}[(\[]?(?:correct|right|true|yes|正确|对)(?=[.,;:!)\]\n]|\Z)"
    r"|(?:选?项)? ?(?:的[^,.;:!?、\n不错非没]{1,10}?)?(?:[,:]|应|才|就|是|为|也|都|均|两|项|最|更|完全){0,4}"
    r"(?:正确|对的|恰当|最?合适|准确|合理|符合|最可能|无误|对(?=[.,;:!\n]|\Z))"
)
"""After a letter: it is true, or fits, which is the answer only if nothing else is said to be."""
PRAISE = re.compile(
    r"answer|choice|option|response|selection|pick|alternative| one(?![a-z])| fit| match|correct|right|true"
    r"|accurate|most|best|likeliest| it is|✓|答案|正解|选项|选择|一项|符合|当选|正确|对|恰当|合适|准确|合理"
    r"|最可能|无误"
)
"""Without any of these near, nothing of the above is said."""
TEXT_STATED = re.compile(
    rf" (?:is|would be|must be|should be)(?: {_ADVERB})? (?:the|my|our)(?: {_FIT}){{0,3}} (?:answer|option"
    rf"|choice(?=[.!\n]|\Z))(?![a-z])(?! if )"
    r"|[是为](?:正确|最佳|本题的?)?(?:答案|正解)"
)
"""After the text of an option: it is the answer."""
SUBJECT = re.compile(
    rf"(?:[.\n;,:?!()\[\"'>→|{_NOTED}-] ?|(?<![a-z])(?:options?|choices?|answers?|statements?|letter|that"
    rf"|so|therefore|thus"
    r"|hence|and|but|or|only|because|since|while|whereas|though|although|instead|as|both|either|believe"
    r"|think|conclude) ?[\"(\[]{0,2}|[\u4e00-\u9fff、][\"(\[ ]{0,2})\Z"
)
"""Before a letter: it may be the subject of a sentence."""
REST = re.compile(rf"(?<![{WORD}])[a-z][\"')\]]{{0,2}} ?(?:[、/&+和与及或]|and|or) ?[\"'(\[]{{0,2}}\Z")
"""Before a letter: it is one of a list that could not be read from its beginning."""
KINDS = re.compile(
    rf"(?:(?<![a-z])(?:{_SORT}|stage|influenza|protein|coenzyme|lead|phase|blood|category|zone|schedule"
    rf"|drugs?|patient"
    r"|compound|substance|figure|panel|curve|point|gene|allele|chain|receptor|region|area|line|segment|plan"
    r"|part|section|cell|immunoglobulin|ig|child-pugh|hla|exhibit|image|structure|person|parent|boy|girl"
    r"|child|ha?emophilia|chromogranin|cyclosporin|amphotericin|polymyxin|cytochrome|complex|interval|step"
    r"|cohort|arm|study|test|sample|solution|bone|muscle"
    rf"|kerley|appendix|apolipoprotein)s?[ -]{{0,2}}\(?|[{WORD}][/-]|[0-9°] ?|[维肝]生?素?炎?|[型组类])\Z"
)
"""Before a letter: it names a vitamin, a virus, a patient, a unit ..."""

CHOICE = re.compile(r"(?<![a-z])(?:choice|answer) \W?\Z")
"""Before a letter that is said to be correct: it is the answer, not only true."""
ONLY = re.compile(r"(?:只有|仅|(?<![a-z])only )(?:选项|option )?\W?\Z")
"""Before a letter that is said to be wrong: it is the exception."""

# What takes a statement back.

WRONG = re.compile(
    rf"[{_CLOSE} ]{{0,3}}(?:(?:is|are|was|were|would be|can be|could be|seems?|looks?) "
    rf"(?:[a-z]{{1,12}} ){{0,2}}?(?:not|wrong|incorrect"
    r"|false|inaccurate|eliminated|excluded|ruled out|unlikely)(?![a-z])|(?:is|are|was|were)n't|"
    r"(?:两?三?个?选?项)?[都均也是为被]{0,2}(?:不正确|错误|错[的了.,\n]|不对|不符|不合|不恰当|有误|排除"
    r"|不成立|不可能|不考虑))"
)
"""After letters: they are ruled out."""
ASKED = re.compile(rf"[{_CLOSE} 项]{{0,3}}(?:\?|吗|么\?|呢\?|(?: only)? if(?![a-z])|如果|的话)")
"""After letters: it was a question, or on a condition."""
ENDED = re.compile(
    rf"[{_CLOSE} ]{{0,3}}(?:选?项)?(?:\Z|[.!\n;|<{_NOTED}(,]|,? (?:because|since|as|due|which|given|for"
    rf"|based|not|rather)(?![a-z]))"
)
_SET_IF = r"(?! (?:forced|pressed|required|compelled|only one|asked to|(?:i|we|you|one)(?![a-z])))"
DOUBTED = re.compile(
    rf"(?<![a-z])(?:if{_SET_IF}|whether|unless"
    r"|suppos(?:e|ing)|assum(?:e|ing)|imagine|neither|nor|none|not(?! (?:hard|difficult|surpris|only|just"
    r"|unreason))|cannot|never|(?:do|does|did|is|are|was|would|could|should|ca|wo)n't|(?:might|may|could"
    r"|would|tempt[a-z]*) (?:to )?(?:think|say|argue|assume|believe|choose|pick|select|suggest|expect)"
    r"|tempt(?:ed|ing)|mistake[a-z]*|misconception|incorrectly|wrongly|(?:incorrect|wrong|false)(?= \Z)"
    r"|some (?:people|would|may|might|sources)|many (?:people|would)|students?|distractor|trap|formats?"
    r"|form of|last line|e\.g|for (?:example|instance)|such as|like(?! to)|template|instead of|rather than"
    r"|than|previous(?:ly)?|otherwise|initial(?:ly)?|first (?:thought|guess|instinct)|could be argued"
    r"|(?:he|she|they|colleagues?|friends?|teachers?|authors?) (?:says?|said|claims?|thinks?|argues?))"
    r"(?![a-z])|如果|若|假[如设]|倘若|要是|即使|是否|并非|不是|例如|比如|格式|有人|很多人|不少人|考生|同学"
    r"|学生|常见错误|容易(?!看|得|知|判断|推)|不(?:能|应该?|可以?|会|要|宜|建议|再|该)$|如$"
)
"""Before an announcement, in its clause: it is denied, supposed, quoted or told of others."""
CLAUSE = re.compile(
    r"[.;!?\n,:]|(?<![a-z])(?:but|so|therefore|thus|hence|because|and|then|however|yet)(?![a-z])|所以|因此"
    r"|因而|故|而|但"
)
SENTENCES = re.compile(r"[.!?\n]")
EXAMPLE = re.compile(r"(?:example|for instance|e\.g\.?|formats?|例如|比如|格式)[,:]? ?[\"'\\\[]{0,2}\Z")
SUPPOSED = re.compile(
    r"(?<![a-z])(?:if|had)(?![a-z])[^.!?\n]{0,150}(?<![a-z])(?:were|had|was|wasn't|did|didn't|asked)"
    r"(?![a-z])(?! to)|(?<![a-z])were (?:this|it|the|he|she)(?![a-z])"
)
"""Before ``would be``, in its sentence: all of it is supposed."""
IF_THEN = re.compile(
    rf"(?<![a-z])if(?![a-z]){_SET_IF}[^.!?;\n]{{0,150}}(?:,|[ ,]then)(?: the| i| you| we)?(?: would"
    rf"| should)? ?\Z"
    r"|(?:如果|若|假[如设]|倘若|要是)(?!我们|一定|必须|非要|硬要)[^.!?;\n]{0,100}(?:[,则就]|那么"
    r"|可以?)(?:正确"
    r"|应该?|该)?\Z"
)
JOINT = re.compile(r"[\s,;、.)\]}\\$]*+(?:\d{1,2}[.)、] ?)?(?:(?:and|or|[和或与及&/])\s*+)?")
"""Between two statements that list options together."""
BESIDE = re.compile(
    r"(?:(?!(?<![a-z])(?:but|no|not|wait|instead|rather|however|final|finally)(?![a-z])"
    r"|[但不而然改终])[^.!?\n]){1,60}"
)
"""Between two equal announcements of one sentence: of two questions, or of two cases."""
ANOTHER = re.compile(
    r"\n[^\w\n]{0,4}(?:(?:next |new )?(?:question|problem)|题目|问题|human|user) ?\d{0,3} ?[:.]"
)
"""A reply that goes on to another question."""
NONE_FITS = re.compile(
    r"(?<![a-z])none of (?:the |these |those )?(?!other|remaining|rest)(?:[a-z]{1,12} ){0,2}(?:options?"
    r"|choices?|answers?|above|these|listed|conditions)|(?:answer|option) is not (?:[a-z]{2,12} ){0,2}"
    r"(?:listed|among|provided|given|in the)|no (?:correct|suitable) (?:answer|option)|(?:没有|无)(?:一个)?"
    r"(?:正确|合适|恰当)的?(?:答案|选项)|选项[都均]不|题目(?:可能)?有误"
)
REFUSED = re.compile(
    r"(?<![a-z])(?:i(?:'m| am)(?: very| so)? (?:sorry|unable|not able)|i(?: can(?:not|'t| not)|'m not"
    r"| am not| won't| will not| do not| don't)(?: able to| really| accurately| definitively| actually)? "
    r"(?:answer|provide|assist|help|give|determine|select|choose|comply|diagnose|offer|know|able|qualified"
    r"|make)|as an ai|(?:unable|impossible|not possible|insufficient information"
    r"|not enough information) to (?:[a-z]{2,15} )?(?:answer|determine|provide|assist|select|choose"
    r"|identify|say|tell)|can(?:not|'t| not) (?:be )?(?:[a-z]{2,15}ly )?(?:answer|determine|provide|select"
    r"|choose))|(?:无法|不能)(?:回答|确定|判断|提供|作答|选择|给出|得出)|抱歉|对不起|很遗憾|不便回答"
    r"|拒绝回答|不知道"
)
