"""Is an answer grounded? Each number and each drug in it has to stand in the abstract or in the question.

A number is compared by its value: 1,200 = 1200, .5 = 0.5 = 0·5, 50 % = half, twelve = 12, 三分之一 = 1/3.
A drug is compared as an agent, by any of its names in English or Chinese (`filters/terms/agents.txt`). What
is left, the wording, is compared loosely: a share of the answer's content words has to occur in the abstract.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Set
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, TypedDict, Unpack

import orjson
import polars as pl
from pydantic import Field
from rapidfuzz import fuzz

from anessuite.config import Config
from anessuite.errors import ConfigError
from filters.lexicon import Lexicon, Term
from filters.question import FUNCTION_WORDS, mentions_study, plain
from filters.scanner import buffers, contiguous, scanner
from filters.spans import contained, overlapping, whole_words

MOST_EVIDENCE = 50
"""Numbers, agents and words named in one piece of evidence."""
GROUNDING: dict[str, Any] = {"reason": pl.String, "score": pl.Float64, "evidence": pl.String}


class GroundingRules(Config):
    """Thresholds, our choice unless said. Lengths are words in English, letters and digits in Chinese."""

    min_words: int = Field(default=3, ge=0, description="a bare yes or a name teaches little")
    max_words: int = Field(default=300, ge=1, description="a long abstract; more is not from it")
    min_chars: int = Field(default=5, ge=0, description="Chinese")
    max_chars: int = Field(default=600, ge=1, description="Chinese; two characters an English word")
    min_support: float = Field(
        default=0.35,
        ge=0,
        le=1,
        description="share of content words in the abstract; in PubMedQA 99 % of answers to another abstract "
        "lie below, and 11 % of a paper's own conclusions, which the abstract there lacks",
    )
    min_word_similarity: float = Field(default=85, ge=0, le=100, description="rapidfuzz ratio of two stems")
    allow_rounding: bool = Field(default=False, description="24 is grounded by 23.6")


class Given(TypedDict, total=False):
    """Columns under other names than these; agents other than those of `read_agents`."""

    question: str
    answer: str
    abstract: str
    agents: "Agents"


def grounding(language: str, rules: GroundingRules, **given: Unpack[Given]) -> pl.Expr:
    """A struct of the three below, ``reason``, ``score`` and ``evidence``, measured once.

    Raises ValueError for an unknown language.
    """
    if language not in ("en", "zh"):
        raise ValueError(f"unknown language {language!r}; known languages: en, zh")

    def decide(rows: pl.Series) -> pl.Series:
        agents = given.get("agents") or read_agents()
        return _judge(rows.struct.unnest(), language, rules, agents).to_struct(rows.name)

    columns = [pl.col(str(given.get(name, name))).alias(name) for name in ("question", "answer", "abstract")]
    judged = pl.struct(columns).map_batches(decide, return_dtype=pl.Struct(GROUNDING), is_elementwise=True)
    return judged.alias("grounding")


def grounding_reason(language: str, rules: GroundingRules, **given: Unpack[Given]) -> pl.Expr:
    """The first reason to drop the answer, or null.

    In order: answer_missing, answer_too_short, answer_too_long, answer_mentions_study, ungrounded_number,
    ungrounded_agent, unsupported_answer, answer_in_question. Numbers and agents are compared always, the
    wording (unsupported_answer) only where answer and abstract are in one language.
    """
    return grounding(language, rules, **given).struct.field("reason")


def grounding_score(language: str, rules: GroundingRules, **given: Unpack[Given]) -> pl.Expr:
    """Share of the answer's numbers, agents and content words that were found, 0 to 1; 0 if it has none."""
    return grounding(language, rules, **given).struct.field("score")


def grounding_evidence(language: str, rules: GroundingRules, **given: Unpack[Given]) -> pl.Expr:
    """JSON of what is missing: ``numbers``, ``agents``, ``words``, and ``support``; null if nothing is."""
    return grounding(language, rules, **given).struct.field("evidence")


def _judge(rows: pl.DataFrame, language: str, rules: GroundingRules, agents: "Agents") -> pl.DataFrame:
    rows, answer, english = rows.fill_null(""), pl.col("plain"), language == "en"
    length = answer.str.count_matches(r"[^\s\p{P}]\S*" if english else r"[\p{L}\p{N}]")
    least, most = (rules.min_words, rules.max_words) if english else (rules.min_chars, rules.max_chars)
    no_answer = (length == 0) | answer.str.contains(_NO_ANSWER if english else _NO_ANSWER_ZH)
    reason = pl.coalesce(
        _reason("answer_missing", no_answer),
        _reason("answer_too_short", length < least),
        _reason("answer_too_long", length > most),
        mentions_study(language, answer, reason="answer_mentions_study"),
        _reason("ungrounded_number", pl.col("numbers") > 0),
        _reason("ungrounded_agent", pl.col("agents") > 0),
        _reason("unsupported_answer", pl.col("support") < rules.min_support),
        _reason("answer_in_question", pl.col("repeats")),
    )
    compared = pl.DataFrame(list(_compare(rows, language, rules, agents)), schema=_COMPARED, orient="row")
    judged = compared.with_columns(rows.select(plain=plain(pl.col("answer"))))
    return judged.select(reason.alias("reason"), "score", "evidence")


def _reason(name: str, wrong: pl.Expr) -> pl.Expr:
    return pl.when(wrong).then(pl.lit(name))


_COMPARED: dict[str, Any] = {"numbers": pl.Int64, "agents": pl.Int64, "support": pl.Float64}
_COMPARED |= {"repeats": pl.Boolean, "score": pl.Float64, "evidence": pl.String}
"""Numbers and agents that are missing; the share of words found; does the answer repeat the question?"""


def _compare(
    rows: pl.DataFrame, language: str, rules: GroundingRules, agents: "Agents"
) -> Iterator[tuple[int, int, float | None, bool, float, str | None]]:
    """One row of _COMPARED for each answer."""
    named = [agents.find(rows[column]) for column in ("answer", "question", "abstract")]
    texts = rows.select("answer", "question", "abstract").iter_rows()
    for (answer, question, abstract), claimed, *given in zip(texts, *named, strict=True):
        numbers, words = claims(answer), content(answer, language)
        values = mentions(question) | mentions(abstract) if numbers else frozenset[Fraction]()
        no_numbers = [number.text for number in numbers if not number.is_given(values, rules.allow_rounding)]
        no_agents = sorted(claimed.difference(*given))
        if abstract and _is_chinese(abstract) != (language == "zh"):
            words = []
        known = _known(abstract, language)
        no_words = [word for word in words if not _is_known(word, known, rules.min_word_similarity)]
        support = 1 - len(no_words) / len(words) if words else None
        missing = len(no_numbers) + len(no_agents) + len(no_words)
        checked = len(numbers) + len(claimed) + len(words)
        score = 1 - missing / checked if checked else 0.0
        repeats = not no_numbers and _repeats(question, answer, numbers, language)
        evidence = _evidence(no_numbers, no_agents, no_words, support) if missing else None
        yield len(no_numbers), len(no_agents), support, repeats, score, evidence


def _evidence(numbers: list[str], agents: list[str], words: list[str], support: float | None) -> str:
    some = {"numbers": numbers, "agents": agents, "words": words}
    shown = {name: missing[:MOST_EVIDENCE] for name, missing in some.items()}
    return orjson.dumps(shown | {"support": None if support is None else round(support, 3)}).decode()


def _repeats(question: str, answer: str, numbers: list["Number"], language: str) -> bool:
    """Is each word and number of the answer in the question, and the question offers no choice?"""
    if _CHOICE.search(question) or not all(number.is_given(mentions(question)) for number in numbers):
        return False
    if language == "zh":
        own, asked = (set(content(text, "zh")) for text in (answer, question))
    else:  # all words: less and more, before and after make an answer
        own, asked = (set(map(stem, _WORD.findall(text.lower()))) for text in (answer, question))
    return bool(own) and own <= asked


def content(text: str, language: str) -> list[str]:
    """What a text says: stems of its English content words, or its pairs of Chinese characters."""
    if language == "zh":
        runs = _HAN_RUN.findall(_HAN_STOP.sub(" ", text))
        return list(dict.fromkeys(run[at : at + 2] for run in runs for at in range(len(run) - 1)))
    words = _LATIN.findall(unicodedata.normalize("NFKC", text).lower())
    return list(dict.fromkeys(stem(word) for word in words if word not in FUNCTION_WORDS))


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """A word without its usual ending, in American spelling: anaesthetized, anesthetizing -> anesthetiz."""
    return _ENDING.sub("", re.sub("our(?=s?$)", "or", re.sub("ae|oe", "e", word).replace("ph", "f")))


@lru_cache(maxsize=1024)
def _known(text: str, language: str) -> dict[str, set[str]]:
    """The content of a text by its first three letters."""
    known: dict[str, set[str]] = {}
    for word in content(text, language):
        known.setdefault(word[:3], set()).add(word)
    return known


def _is_known(word: str, known: dict[str, set[str]], min_similarity: float) -> bool:
    near = known.get(word[:3], set())
    return word in near or (len(word) > 3 and any(fuzz.ratio(word, each) >= min_similarity for each in near))


def _is_chinese(text: str) -> bool:
    return 3 * len(_HAN.findall(text)) > len(text) - text.count(" ")


_HAN = re.compile(r"[\u3400-\u9fff]")
_HAN_RUN = re.compile(r"[\u3400-\u9fff]{2,}")
_HAN_STOP = re.compile("[的了是在有为于和与及或其该此之者等被把由从到而则且也都均可能会对以]")
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[^\W\d_\u3400-\u9fff]{3,}")
_ENDING = re.compile(
    r"(?<=\w{4})(?:ations?|itions?|ings?|ions?|ive(?:s|ly)?|ally|ly|ed|es|s|e|y|al|ic|ia|is)$"
)
_CHOICE = re.compile(r"(?i)\b(?:or|which|between|versus|vs|than|compared)\b|哪|还是|或|相比")
_SOURCE = "(?:abstract|text|passage|article|paper|context|(?:provided|given) information)"
_UNSAID = "say|mention|specify|provide|state|report|contain|include|address|give|describe|discuss|indicate"
_SAID = "mentioned|specified|stated|provided|given|described|available"
_NO_ANSWER = "(?i)" + "|".join(
    (
        rf"\b{_SOURCE} (?:does|do|did)(?: not|n't) (?:{_UNSAID})",
        r"\bstud(?:y|ies) (?:does|do|did) not (?:mention|specify|state)",
        rf"\bnot (?:\w+ly )?(?:{_SAID}) in the (?:\w+ )?{_SOURCE}",
        r"(?:^|\bthere is )(?:no|not enough|insufficient) information\b",
        r"\b(?:cannot|can't) be (?:determined|answered|inferred) (?:from|based on) the\b",
        r"\bunable to (?:answer|determine)\b|\bI(?:'m| am) (?:sorry|unable)\b|\bas an AI\b",
        r"\bI (?:cannot|can't|do not|don't) (?:answer|know|determine)\b",
        r"^(?:it is )?(?:n/?a|none|unknown|unclear|no answer)\W*$",
        r"^(?:it is )?not (?:mentioned|specified|stated|reported|known)\W*$",
    )
)
_NO_ANSWER_ZH = (
    "(?:摘要|文[中章献]|原文|本文|资料|信息)[^。,，;；]{0,8}(?:未|没有|无法|不足)"
    "|(?:未|没有)(?:明确)?(?:提及|提到|说明|指出|报告|给出)[。.]?$|信息不足|无法(?:回答|得知|从|根据)"
    "|^[^。]{0,12}无法(?:确定|判断)[^。]{0,6}[。.]?$|^(?:不详|不清楚|未知|无)[。.]?$|抱歉|对不起"
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number that a text claims: as written, its value, and what its unit makes of that (50 %: 1/100)."""

    text: str
    value: Fraction
    scale: Fraction = Fraction(1)
    places: int = 0
    """Decimal places written."""

    def is_given(self, values: Set[Fraction], allow_rounding: bool = False) -> bool:
        if self.value in values or self.value * self.scale in values:
            return True
        half = Fraction(1, 2 * 10**self.places)
        scales = {Fraction(1), self.scale} if allow_rounding else set[Fraction]()
        return any(abs(each - self.value * scale) <= half * scale for scale in scales for each in values)


def claims(text: str) -> list[Number]:
    """The numbers that an answer states, once each, in order.

    No claims: numbers of a list, digits inside names (SpO2, IL-6, 5-HT3), exponents, ordinal words, "one",
    and counts of points ("three reasons", 两个方面).
    """
    digits = _SPACED.sub(_FIRST, _digits(_LISTED.sub("; ", text)))
    found: dict[str, Number] = {}
    for match in _CLAIM.finditer(_SMALL_FRACTION.sub("; ", digits)):
        places = len(match[1].partition(".")[2])
        found.setdefault(match[0], Number(match[0], Fraction(match[1]), _scale(match[2]), places))
    for words, value in _in_words(digits, for_claims=True):
        found.setdefault(words, Number(words, value))
    return list(found.values())


@lru_cache(maxsize=1024)
def mentions(text: str) -> frozenset[Fraction]:
    """All values that a text may be said to mention, read as widely as possible."""
    digits = _digits(text)
    values = {value for _, value in _in_words(digits, for_claims=False)}
    for match in _MENTION.finditer(f"{digits} {_SPACED.sub(_FIRST, digits)}"):
        value = Fraction(match[1])
        values |= {value, value * _scale(match[2])}
    return frozenset(values)


def _scale(unit: str | None) -> Fraction:
    return Fraction(_UNITS.get((unit or "").strip().lower(), 1))


def _digits(text: str) -> str:
    """NFKC with numbers in one form: 1,200 and 1 200 as 1200, 0·5 as 0.5, ½ as 1/2, 10⁹ as 10^9."""
    text = _VULGAR.sub(lambda m: f" {unicodedata.normalize('NFKC', m[0])}", text)
    text = unicodedata.normalize("NFKC", _SUPERSCRIPT.sub(r"^\g<0>", text)).translate(_SIGNS)
    return _THOUSANDS.sub("", re.sub(r"(?<=\d)·(?=\d)", ".", re.sub(r"(?<![\d.])0,(?=\d)", "0.", text)))


def _in_words(text: str, *, for_claims: bool) -> Iterator[tuple[str, Fraction]]:
    """Numbers written as words, fractions included. For mentions: their parts, ordinals and "twice", too."""
    lower = text.lower()
    for match in _FRACTION.finditer(lower):
        top, below = (part for part in match.groups() if part is not None)
        yield match[0], Fraction(_WORD_VALUES.get(top) or int(top or 1), _PARTS.get(below) or int(below))
    for match in (_COUNT if for_claims else _ANY_WORD).finditer(lower):
        parts = [_WORD_VALUES[word] for word in re.split(r"\W+(?:and\W+)?", match[2])]
        if not match[1]:
            yield match[2], Fraction(_total(parts))
        if not for_claims:
            inner = itertools.combinations(range(len(parts) + 1), 2)
            yield from ((match[2], Fraction(_total(parts[start:end]))) for start, end in inner)
    for match in _HAN_FRACTION.finditer(text):
        yield match[0], Fraction(_han(match[2]), 100 if match[1] == "百" else _han(match[1]) or 1)
    for match in (_HAN_COUNT if for_claims else _HAN_NUMBER).finditer(text):
        yield match[0], Fraction(_han(match[1]))
        if not for_claims:
            yield from ((digit, Fraction(_han(digit))) for digit in match[1])


def _total(parts: list[int]) -> int:
    """Twenty-five is 25, two hundred and five is 205, three thousand is 3000."""
    total = last = 0
    for part in parts:
        if part >= 1000:
            total, last = (total + last or 1) * part, 0
        else:
            last = (last or 1) * part if part == 100 else last + part
    return total + last


def _han(digits: str) -> int:
    """Chinese digits: 二十五 is 25, 两 is 2, 一百零五 is 105, 三万 is 30000."""
    total = section = last = 0
    for digit in digits:
        if (scale := _HAN_SCALES.get(digit)) is None:
            last = last * 10 + _HAN_DIGITS[digit]
        elif scale < 10_000:
            section, last = section + (last or 1) * scale, 0
        else:
            total, section, last = (total + section + last) * scale, 0, 0
    return total + section + last


_FIRST = r"\1"
_UNITS = {"%": Fraction(1, 100), "percent": Fraction(1, 100), "per cent": Fraction(1, 100), "thousand": 1000}
_UNITS |= {"million": 10**6, "billion": 10**9, "千": 1000, "万": 10**4, "亿": 10**8}
_ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen"""
_CARDINALS = {word: value for value, word in enumerate(_ONES.split())}
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_CARDINALS |= {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
_CARDINALS |= {"hundred": 100, "thousand": 1000, "million": 10**6, "dozen": 12}
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_WORD_VALUES = _CARDINALS | {word: value for value, word in enumerate(_ORDINALS.split(), start=1)}
_WORD_VALUES |= {"once": 1, "single": 1, "a": 1, "twice": 2, "double": 2, "doubled": 2, "both": 2, "pair": 2}
_WORD_VALUES |= {"triple": 3, "tripled": 3, "thrice": 3}
_PARTS = {"half": 2, "halve": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8}
_PARTS |= {"tenth": 10}
_HAN_DIGITS = dict(zip("零〇一二两三四五六七八九", (0, 0, 1, 2, 2, *range(3, 10)), strict=True))
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_SIGNS = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys("∙⋅‧・", "·") | {"⁄": "/"})
_VULGAR = re.compile("[¼-¾⅐-⅞]")
_SUPERSCRIPT = re.compile("[⁻⁺]?[⁰¹²³⁴-⁹]+")
_THOUSANDS = re.compile(r"(?<=\d)[,'](?=\d{3}(?!\d))")
_SPACED = re.compile(r"(?<![\d.])(\d{1,3}) (?=\d{3}(?!\d))")
_SMALL_FRACTION = re.compile(r"(?<![\d/.])[1-9]/[2-9](?![\d/.])")
_LISTED = re.compile(
    r"(?m)^\s*(?:[-*•]\s*)?[(（]?\d{1,2}(?:[)）]|[.:：]\s|、)\s*(?=\D)|[①-⑳]"
    r"|(?<=[\s:;,，；：。])[(（]?\d{1,2}[)）]\s*(?=[A-Za-z\u4e00-\u9fff])"
)
_UNIT = "(\\s?(?:%|per ?cent\\b|thousand|million|billion|[千万亿]))?"
_CLAIM = re.compile(
    r"(?<![A-Za-z0-9.^_\u0370-\u03ff])(?<![A-Za-z]-)(?<!\^-)(\d+(?:\.\d+)?|\.\d+)"
    rf"(?!\d|\.\d|-?HT|-hydroxy|-chloro|D\b){_UNIT}"
)
_MENTION = re.compile(rf"(\d+(?:\.\d+)?|\.\d+){_UNIT}")
_FRACTION = re.compile(
    rf"\b({'|'.join(_CARDINALS)})[\s-]({'|'.join(_PARTS)})s?\b|\b(a)\s({'|'.join(_PARTS)})\sof\b"
    r"|\b()(half|quarter)\b(?![\s-]?(?:li[fv]e|time|an?\b))|(?<![\d/.])([1-9])/([2-9])(?![\d/.])"
)
_CARDINAL, _SCALES = "|".join(_CARDINALS), "|".join([*_CARDINALS][28:])
_RUN = rf"(?:{_CARDINAL})(?:[\s-]+(?:and\s+)?(?:{_CARDINAL}))*"
_POINTS = "reasons|ways|mechanisms|factors|(?:dis)?advantages|benefits|aspects|points|things|steps|categories"
_COUNT = re.compile(
    rf"(\b(?:the|these|those|all|train[\s-]of|\d+)[\s-]+)?\b(?!one\b(?![\s-](?:{_SCALES})))({_RUN})\b"
    rf"(?!\s+(?:\w+\s+){{0,2}}(?:{_POINTS})\b)(?![\s-](?:{'|'.join(_PARTS)})s?\b)"
)
"""Group 1 tells a number that is known (the two drugs, 2 million) from one that is claimed."""
_ANY_WORD = re.compile(rf"\b()({_RUN}|{'|'.join(_WORD_VALUES)})(?:-?fold|s)?\b")
_HAN_FRACTION = re.compile("(百|[二三四五六七八九十]+)分之([零一二三四五六七八九十]+)(?!点)")
_HAN_NUMBER = re.compile("([零〇一二两三四五六七八九十百千万亿]+)")
_HAN_POINTS = "[个种项类点]?(?:主要|重要)?(?:方面|原因|机制|因素|途径|步骤|优点|特点|阶段|方法|方式|成串)"
_HAN_COUNT = re.compile(
    f"(?<![第星周分之百])([二两三四五六七八九十百千][零一二三四五六七八九十百千万]*)(?!{_HAN_POINTS})"
    "(?=[种个例名次天日周月年岁秒倍组类项级期成]|小时|分钟|毫克|微克|毫升)"
)


@dataclass(frozen=True, slots=True)
class Agents:
    """Drugs, gases, fluids and blood products, each with all its names."""

    lexicon: Lexicon

    def find(self, texts: pl.Series) -> list[frozenset[str]]:
        """The agents named in each text, by their first names; whole words, the longest name wins."""
        compiled = scanner(self.lexicon)
        array = contiguous(texts.to_arrow(compat_level=pl.CompatLevel.oldest()))
        offsets, data = buffers(array)
        hits = compiled.find(offsets, data)
        hits = hits.where(whole_words(hits, offsets, data))
        hits = hits.where(~contained(hits))
        is_not = compiled.role_is_not[hits.term]
        hits = hits.where(~is_not).where(~overlapping(hits.where(~is_not), hits.where(is_not)))
        named: list[set[str]] = [set() for _ in range(len(array))]
        for text, term in zip(hits.document.tolist(), hits.term.tolist(), strict=True):
            named[text].add(compiled.headwords[term])
        return [frozenset(each) for each in named]


def parse_agents(content: str, *, where: str = "agents") -> Agents:
    """Read the file form: one agent a line, its names separated by commas; ``not:`` before what names none.

    Raises:
        ConfigError: a line without a name, or a name twice (each names its line); no agent at all.
    """
    terms: list[Term] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        is_not = line.lstrip().startswith("not:")
        names = [" ".join(name.split()) for name in line.strip().removeprefix("not:").split(",")]
        if not all(names):
            raise ConfigError(f"{where}, line {number}: an empty name", "separate names by single commas")
        for name in names:
            if name.lower() in seen:
                raise ConfigError(f"{where}, line {number}: {name!r} is already in line {seen[name.lower()]}")
            seen[name.lower()] = number
        terms.append(Term("not" if is_not else "core", tuple(names)))
    if not any(term.role == "core" for term in terms):
        raise ConfigError(f"{where} names no agent")
    return Agents(Lexicon("agents", "en", tuple(terms)))


@lru_cache(maxsize=1)
def read_agents() -> Agents:
    """The agents of ``filters/terms/agents.txt``, part of this package."""
    path = Path(__file__).parent / "terms" / "agents.txt"
    return parse_agents(path.read_text(encoding="utf-8"), where="filters/terms/agents.txt")
