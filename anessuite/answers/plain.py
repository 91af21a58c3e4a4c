"""The plain form of a reply, its way back to the original, and the classes of its characters."""

import re
from bisect import bisect_right
from dataclasses import dataclass

WORD = (
    r"A-Za-z0-9\u00b0\u00b2\u00b3\u00b5\u00b9\u00c0-\u00d6\u00d8-\u024f"
    r"\u0370-\u03ff\u0400-\u04ff\u2070-\u209f"
)
"""What makes an adjoining letter part of a word, a unit or a formula; Chinese characters do not."""
OPEN, CLOSE = r"\"'(\[{<", r"\"')\]}>"
"""Quotes and brackets, as regex classes."""
MARKED = "✓×"
"""Marks that say right and wrong."""
END = r" ?(?:\n|\Z)"
"""The end of a line."""
ARTICLE = re.compile(r"(?:the|an?|both) ")
"""What an option's text may begin with, here or there."""

_A_TO_Z = (0x249C, 0x24B6, 0x24D0, 0x1F110, 0x1F130, 0x1F150, 0x1F170, *range(0x1D400, 0x1D6A4, 52))
"""Where the alphabet begins among bracketed, ringed, boxed and mathematical letters."""
_UNIFIED = {
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
"""What each character becomes."""
_LOWER = {code: code + 32 for code in range(65, 91)}
"""Lower case of ASCII alone, which keeps the length."""
_DRESS = (
    r"[*`$#\U0001f300-\U0001f64f\U0001f680-\U0001faff"
    r"\u00ad\u200b-\u200f\u2060\ufe0e\ufe0f\ufeff\u20dd\u20de]|~~[^~\n]{1,200}~~|\\[,;:!()\[\] ]"
    r"|\\(?:text(?:bf|it|rm|sf|tt|normal)?|math(?:rm|bf|sf|it|bb|tt)|bf|rm|bm|q?quad|displaystyle|left"
    r"|right|[lL]arge|LARGE)(?![A-Za-z])|<\|[a-z ]{1,30}\|>|<eo[a-z]>|</?(?:b|i|u|s|em|strong|mark|span"
    r"|code|p|br|div|li|ul|ol|h[1-6]|center)(?: [^<>\n]{0,80})?/?>"
)
"""Emphasis, LaTeX dress, tokens of chat templates, HTML: what goes without a trace."""
_SQUEEZED = re.compile(rf"(?:[ \n]|{_DRESS}){{2,}}+|{_DRESS}")
"""A run of white space and dress."""
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
    same = text[start:].translate(_UNIFIED)
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
