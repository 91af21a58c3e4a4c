"""The numbers that a text names, by their values: digits, words and Chinese numerals.

1,200 = 1200, .5 = 0.5 = 0·5, 50 % = half, twelve = 12, 三分之一 = 1/3.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Set
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache


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
