"""What each character becomes in the normal form of a text: NFKC, lower case, one form of punctuation."""

import unicodedata
from collections.abc import Callable
from functools import lru_cache

import numpy as np

UNIFIED = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2035\u0060\u00b4", "'"),
    **dict.fromkeys(
        "\u201c\u201d\u201e\u201f\u2033\u2036\u300c\u300d\u300e\u300f\u301d\u301e\u00ab\u00bb", '"'
    ),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2e3a\u2e3b", "-"),
    **dict.fromkeys("\u3001", ","),
    **dict.fromkeys("\u3002", "."),
    **dict.fromkeys("\u2022\u2027\u30fb\u2219\u22c5", "\u00b7"),
    **dict.fromkeys("\u3008\u300a", "<"),
    **dict.fromkeys("\u3009\u300b", ">"),
    **dict.fromkeys("\u3010\u3014\u3016", "["),
    **dict.fromkeys("\u3011\u3015\u3017", "]"),
    "\u301c": "~",
}
"""What punctuation becomes after NFKC."""
INVISIBLE = (
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062"
    "\u2063\u2064\u2066\u2067\u2068\u2069\ufe0e\ufe0f\ufeff"
)
"""What goes without a trace: it can be put anywhere in a text without changing how it looks."""
CJK = "\u2e80-\u9fff\U00020000-\U0003ffff"
"""Radicals, kana and Han, as a regex class: white space beside them means nothing."""

_MAP = {ord(char): other for char, other in UNIFIED.items()} | dict.fromkeys(map(ord, INVISIBLE), "")
_BLANKS = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\u1680\u2028\u2029"
"""White space that NFKC leaves as it is."""
TABLE_SIZE = 0x30000
"""Later planes hold nothing that changes (Han extensions G to J, private use, tags)."""
DROP, COMPOSES, EXPANDS = -1, -2, -16
"""Marks in the table of characters. Compiled code freezes these three and TABLE_SIZE: when one changes,
remove the caches (``__pycache__``)."""


def folded(text: str) -> str:
    """The normal form of a text but for its white space."""
    return "".join(map(str.lower, unicodedata.normalize("NFKC", text))).translate(_MAP)


def is_cjk(code: int) -> bool:
    """True for the code points of CJK."""
    return 0x2E80 <= code <= 0x9FFF or 0x20000 <= code <= 0x3FFFF


@lru_cache(maxsize=1)
def tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each character becomes (a code point, DROP, COMPOSES, or EXPANDS minus the number of an
    expansion); the code points of all expansions; where each begins."""
    table = np.arange(TABLE_SIZE, dtype=np.int32)
    expansions: list[int] = []
    starts = [0]
    for char, target in zip(_chars(), _each(folded), strict=True):
        if target == char and char not in _BLANKS:
            continue
        codes = [32 if c.isspace() else ord(c) for c in target]
        if len(codes) == 1:
            table[ord(char)] = codes[0]
        elif not codes:
            table[ord(char)] = DROP
        else:
            table[ord(char)] = EXPANDS - (len(starts) - 1)
            expansions += codes
            starts.append(len(expansions))
    table[[ord(char) for char in _composing()]] = COMPOSES
    return table, np.array(expansions, dtype=np.uint32), np.array(starts, dtype=np.int64)


@lru_cache(maxsize=1)
def _chars() -> list[str]:
    """All characters that may change, but for NUL, which takes no part in any composition."""
    but_han_hangul_surrogates = (range(1, 0x3400), range(0xA000, 0xAC00), range(0xE000, 0x20000))
    compatibility_han = range(0x2F800, 0x2FA20)
    return [chr(code) for some in (*but_han_hangul_surrogates, compatibility_han) for code in some]


def _each(change: Callable[[str], str]) -> list[str]:
    """What each of the characters becomes by itself; many times faster than to ask for each."""
    return change("\0".join(_chars())).split("\0")


@lru_cache(maxsize=1)
def _composing() -> tuple[str, ...]:
    """Characters whose normal form depends on what stands before them: combining, or second in a pair."""
    medial_and_final_jamo = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))
    pairs = (pair for char in _chars() if " " in (pair := unicodedata.decomposition(char)))
    seconds = {chr(int(pair.split()[1], 16)) for pair in pairs if pair[0] != "<"}
    seconds.update(map(chr, medial_and_final_jamo))
    heads = _each(lambda text: unicodedata.normalize("NFKC", text))
    return tuple(
        char
        for char, head in zip(_chars(), heads, strict=True)
        if head and (head[0] in seconds or unicodedata.combining(head[0]))
    )
