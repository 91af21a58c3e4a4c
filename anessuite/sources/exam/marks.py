"""What begins a line of an exam: the number of a question, an option, an answer, a heading, a note.

All patterns read lines in half width (`Line.half`). They look at a bounded number of characters, or at each
character once, so that no text takes more than linear time.
"""

import re
from dataclasses import dataclass, replace

_S = r"\s{0,9}"
_CHINESE = "一二三四五六七八九十百"
_NUMBER = re.compile(
    rf"(?i:question|ques|quiz|q|no){_S}[.#:]?{_S}(\d{{1,4}})(?:{_S}(?:of|/){_S}\d{{1,4}})?{_S}(?:[.):、\]]|(?=\s)|$)"
    rf"|第{_S}(\d{{1,4}}){_S}题{_S}[.:、)]?"
    rf"|第([{_CHINESE}]{{1,5}})题{_S}[.:、)]?"
    rf"|[(\[【]{_S}(\d{{1,4}}){_S}[)\]】]{_S}[.、:]?"
    rf"|#{_S}(\d{{1,4}})(?:[.):、]|(?=\s))"
    rf"|(\d{{1,4}}){_S}(?:[.](?!\d)|[.](?=\d{{1,3}}{_S}(?:岁|天|个月|周|例|名|位|-year))|[)、]|:(?!\d)|题[.:、])"
)
_MARK = re.compile(r"(?:([(\[【])\s?)?([A-Ja-j])\s?([)\]】]|[.、:](?![A-Za-z]\.))")
_SPACED = re.compile(r"([A-J])[ \t]{1,9}(?=\S)")
_BULLET = re.compile(r"[-*+•·○●▪□☐☑◦]\s{1,9}(?=\S)")
_TYPES = (
    r"[ABCXK][1-4]?(?:/[AB]?[1-4])?\s?型(?:单?选?择?)题|单项?选择?|多项?选择?|不定项|选择题|判断题|填空题|问答题"
    r"|简答题|名词解释|案例分析|病例分析|论述题|配伍"
)
_HEADING = re.compile(
    rf"[{_CHINESE}]{{1,3}}{_S}[、.:]|\([{_CHINESE}]{{1,3}}\)"
    rf"|第{_S}[{_CHINESE}\d]{{1,5}}{_S}(?:章|节|部分|单元|篇|套|卷|大题)"
    r"|(?:P(?:art|ART)|S(?:ection|ECTION)|C(?:hapter|HAPTER)|U(?:nit|NIT)|M(?:odule|ODULE)|T(?:est|EST)|E(?:xam|XAM))"
    r"\s{1,9}(?:[IVXivx]{1,5}|\d{1,3}|[A-H]|[Oo]ne|[Tt]wo|[Tt]hree|[Ff]our|[Ff]ive)(?:\s{0,9}[:.–—-].{0,80})?$"
    rf"|[\[【(]?(?:{_TYPES}).{{0,40}}$"
)
_FURNITURE = re.compile(
    rf"(?i:第{_S}\d{{1,4}}{_S}页.{{0,20}}$|page\s{{1,9}}\d{{1,4}}(?:{_S}(?:of|/){_S}\d{{1,4}})?$)"
    rf"|[-–—]{_S}\d{{1,4}}{_S}[-–—]$"
)
_RANGE = rf"(\d{{1,4}}){_S}题?{_S}(?:-{{1,3}}|[~–—至到]|to|through|and|&){_S}第?{_S}(\d{{1,4}})"
_SHARED = re.compile(
    rf"(?i:.{{0,120}}?\b(?:questions?|items?|cases?)\s{{1,9}}{_RANGE}|.{{0,40}}?{_RANGE}{_S}(?:小?题))"
)
_SHARES = re.compile(
    r"(?i:共用|共同|题干|备选答案|案例|病例|材料|根据|refer|based|relate|pertain|concern|share|\bappl|scenario|vignette"
    r"|\bcase|passage|match|patient|following (?:info|graph|table|data|choices|options|list))"
)
_NEXT = re.compile(
    r"(?i:.{0,160}?\bnext\s{1,9}(\d{1,2}|two|three|four|five|six)\s{1,9}(?:questions|items)\b)"
)
_SHARED_TYPE = re.compile(
    r"(?i:.{0,20}?(?:A3|A4|B1|\b[BCK]\s?型|[、.(]\s?[BCK]\s?型|共用|案例分析|病例分析|配伍|串型)"
    r"|.{0,40}?\b(?:matching|extended[ -]matching|case (?:scenario|cluster|based|stud)"
    r"|linked questions|R-type)\b)"
)
_CASE = re.compile(
    r"(?i:\b\d{1,3}[- ](?:year|month|week|day)s?[- ]old\b"
    r"|\b(?:patient|man|woman|boy|girl|infant)\s(?:is|was|who|with|presents|has)\b)"
    r"|患者|患儿|病人|\d{1,3}\s?(?:岁|个月)|男性|女性|男,|女,|产妇|孕妇"
)
_DEFINITE = re.compile(r"(?i:(?:the|this|these|in|because|since|option|choice|note|see)\b)")
_DIRECTIONS = re.compile(
    r"(?i:directions?\b|instructions?\b|choose\b|select\b|answer (?:all|the following)\b|for each\b"
    r"|every question|each (?:of the )?(?:question|item)|time:)"
    r"|答题|说明|每[一道]|每题|请从|请选|请在|选出|共\d|满分|考试|姓名"
)
_BRACKETS = r"[-=*_#\s\[\](){}【】<>《》:]{0,20}"
_KEY_HEADING = re.compile(
    rf"(?i:{_BRACKETS}(?:[一二三四五六七八九十]{{1,3}}[、.])?附?(?:试题|习题|练习题?|选择题|单选题|多选题)?"
    rf"(?:参考|标准|正确)?答案(?:与|及|和|&)?(?:解析|解释|详解|部分|要点|一览表|表|速查)?{_BRACKETS}$"
    rf"|{_BRACKETS}(?:the\s)?(?:correct\s|model\s|suggested\s)?(?:answers?|answer\s?keys?|keys?|solutions?)"
    r"(?:\s(?:key|sheet|table|list))?(?:\s(?:to|for|of)\s.{0,60}?)?"
    rf"(?:\s(?:and|with|&)\s(?:explanations?|rationales?|discussions?))?{_BRACKETS}$)"
)
_ANSWER = re.compile(
    rf"(?i:[(\[【*]{{0,3}}{_S}(?:(?:正确|参考|标准|本题)?(?:答案|答)(?:\s?(?:是|为|选))?|本题应?选"
    rf"|(?:the\s)?(?:correct\s|right\s|best\s)?(?:answers?(?:\skey)?|ans|keys?)(?:\s(?:is|choice))?|correct(?:\s(?:option|choice))?)"
    rf"{_S}(?:[\]】)]{_S}[:.]?|[:.=]|->|(?<=[是为选])|(?<=\bis)(?=\s)|(?=\s?[(\[]?[A-J]{{1,10}}[)\]]?$)){_S}[\]】)]?\*{{0,2}}{_S})"
)
_ANSWER_INSIDE = re.compile(
    r"[(\[【]?(?:(?:正确|参考|标准)?答案\s?[\]】)]?\s?[:是为]?|(?i:\b(?:correct\s)?ans(?:wer)?(?:\sis)?)\s?[:.=])"
    r"[\]】)]?\s{0,9}(?=[(\[]?[A-J]{1,10}(?![A-Za-z0-9]))"
)
_SPEAKS_OF_ANSWER = re.compile(r"答案|解析\s?[\]】:]|(?i:\banswers?(?:\skey)?\s?[:=]|\bexplanation\s?:)")
_NOTE = re.compile(
    rf"(?i:[(\[【*]{{0,3}}{_S}(?:解析|答案解析|试题解析|详解|解释|考点|考查点|难度|知识点|分析|点评|思路|出处|来源"
    r"|(?:answer\s)?explanations?|rationales?|references?|discussion|difficulty|objective|topic|commentary|feedback)"
    rf"{_S}(?:[\]】)]|[:.]|$))"
)
_LETTERS = re.compile(
    rf"(?:(?i:option|choice|选项|选)\s?)?[(\[【]?{_S}([A-J](?:{_S}(?:[,、;/&+和与及]|and\b|or\b)?{_S}[A-J]){{0,9}}|[a-j])"
    rf"(?![A-Za-z0-9]){_S}[)\]】]?"
)
_HAS_CONTENT = re.compile(r"[^\W_]")
_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九")}


@dataclass(frozen=True, slots=True)
class Mark:
    """An option's letter: where it stands and where its text begins. ``style`` is how it is written."""

    letter: str
    start: int
    end: int
    style: str


@dataclass(frozen=True, slots=True)
class Stated:
    """An answer as a text gives it. ``letters`` (``C``, ``ABD``) may be empty; ``rest`` stands after them.
    Only if ``is_sure`` they are letters; else they may be a word (``A patient``)."""

    letters: str
    rest: str
    is_sure: bool


def number_of(half: str) -> tuple[int, int] | None:
    """The number of a question that a line begins with, and where the text after it begins."""
    found = _NUMBER.match(half, bullet(half))
    if not found:
        return None
    digits = next(group for group in found.groups() if group)
    return (int(digits) if digits.isdecimal() else _chinese(digits)), found.end()


def _chinese(digits: str) -> int:
    """Up to 999: 二十三 is 23."""
    total = unit = 0
    for sign in digits:
        if sign in "十百":
            total, unit = total + (unit or 1) * (10 if sign == "十" else 100), 0
        else:
            unit = _DIGITS.get(sign, 0)
    return total + unit


def bullet(half: str) -> int:
    """Where the text after a bullet begins; 0 if there is none."""
    found = _BULLET.match(half)
    return found.end() if found else 0


def first_mark(half: str) -> Mark | None:
    """The option that a line begins with, if it does."""
    found = _MARK.match(half, bullet(half))
    mark = _mark(found) if found else None
    return replace(mark, start=0) if mark else None


def marks(half: str) -> list[Mark]:
    """All that could be an option's letter: at the beginning, or not right after Latin letters or digits."""
    found = (_mark(one) for one in _MARK.finditer(half) if _may_begin(half, one))
    return [one for one in found if one is not None]


def _may_begin(half: str, found: re.Match[str]) -> bool:
    before = half[found.start() - 1] if found.start() else " "
    return before.isspace() or not before.isascii() or before in ";,_)" or bool(found[1])


def _mark(found: re.Match[str]) -> Mark | None:
    opened, letter, closed = found.groups(default="")
    if opened and closed not in ")]】":
        return None
    style = f"{opened}{'A' if letter.isupper() else 'a'}{'.' if closed == '、' else closed}"
    return Mark(letter.upper(), found.start(), found.end(), style)


def spaced_mark(half: str) -> Mark | None:
    """An option whose letter only a space parts from its text: ``A  Propofol``."""
    found = _SPACED.match(half, bullet(half))
    return Mark(found[1], 0, found.end(), "A ") if found else None


def is_heading(half: str) -> bool:
    """The name of a part, such as ``Part II`` or 二、多选题."""
    return bool(_HEADING.match(half))


def is_furniture(half: str) -> bool:
    """Page numbers and the like, which may stand amid a question."""
    return bool(_FURNITURE.match(half))


def has_content(half: str) -> bool:
    """Does a line hold a letter or digit? Rulers do not."""
    return bool(_HAS_CONTENT.search(half))


def shared_range(half: str) -> tuple[int, int] | None:
    """The first and the last of the questions that share what follows, where a line says so."""
    found = _SHARED.match(half)
    if not found:
        return None
    first, last = (int(group) for group in found.groups() if group)
    rest = half[found.end() :].strip(" )]】.:")
    is_told = says_shared(half) or (not rest and not is_directions(half))
    return (first, last) if first < last <= first + 30 and is_told else None


def says_shared(half: str) -> bool:
    """Does a line with a range of numbers itself say what they share?"""
    return bool(_SHARES.search(half[:300]))


def shared_count(half: str) -> int:
    """How many of the next questions share what follows; 0 where a line does not say so."""
    found = _NEXT.match(half)
    words = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
    return (words.get(found[1].lower()) or int(found[1])) if found else 0


def is_shared_type(half: str) -> bool:
    """A heading of a part whose questions share a case or their options."""
    return len(half) <= 80 and bool(_SHARED_TYPE.match(half))


def is_case(half: str) -> bool:
    """Does a text speak of a patient?"""
    return bool(_CASE.search(half))


def begins_case(half: str) -> bool:
    """Is a line that stands alone a case, rather than a remark on one or how to answer?"""
    return is_case(half) and not _DEFINITE.match(half) and not is_directions(half)


def is_directions(half: str) -> bool:
    """Does a text tell how to answer?"""
    return bool(_DIRECTIONS.search(half[:400]))


def is_key_heading(half: str) -> bool:
    """The line above a key: ``Answers``, 参考答案."""
    return len(half) <= 120 and bool(_KEY_HEADING.match(half))


def answer_start(half: str) -> int:
    """Where the answer begins in a line that states one; 0 if it states none."""
    found = _ANSWER.match(half, bullet(half))
    return found.end() if found else 0


def answer_inside(half: str) -> tuple[int, int] | None:
    """Where the answer to the question stands amid its text, as in ``D. Xenon  Answer: D``."""
    found = _ANSWER_INSIDE.search(half)
    return found.span() if found else None


def speaks_of_answer(half: str) -> bool:
    """Does an option hold what belongs below it?"""
    return bool(_SPEAKS_OF_ANSWER.search(half))


def is_note(half: str) -> bool:
    """The beginning of an explanation, a reference and the like."""
    return bool(_NOTE.match(half))


def stated(answer: str) -> Stated:
    """What an answer in half width names: ``C``, ``(C) Propofol``, ``A, B and D``, ``Propofol``."""
    found = _LETTERS.match(answer)
    if not found:
        return Stated("", answer, False)
    rest = answer[found.end() :]
    letters = re.sub(r"and|or|[^A-Ja-j]", "", found[1]).upper()
    after = rest.lstrip()
    is_closed = found[0][-1] in ")]】"
    is_sure = (
        is_closed
        or not (after[:1].isascii() and after[:1].isalnum())
        or "\t" in answer[found.end(1) : found.end(1) + 3]
        or is_note(after)
    )
    return Stated(letters, rest.lstrip(" \t.、,:;)-–—。"), is_sure)
