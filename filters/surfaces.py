"""How a lexicon variant may be written in a text, as a byte expression and as the literals that find it.

A blank also matches a hyphen or a line break (`BLANKS`); an apostrophe either form, or none; the last word
takes its regular English plural; a variant in capitals (PONV) is matched in that case only.
"""

import itertools
import re

_SINGLE = (" ", "-", "\n", "\u00a0", "\u2010", "\u2011", "\u2013")
_RUNS = ("  ", "\r\n", " \n", "-\n")
BLANKS = tuple(blank.encode() for blank in (*_SINGLE, *_RUNS))
"""What may stand between two words of a variant; each costs literals, so the rare ones are left out."""
BLANK = b"(?:" + b"|".join(re.escape(blank) for blank in sorted(BLANKS, key=len, reverse=True)) + b")"
_APOSTROPHE = re.compile("['\u2019]")
_APOSTROPHES = ("'", "\u2019", "")
_CAPITALS = re.compile(r"[A-Z0-9/+ -]*[A-Z][A-Z0-9/+ -]*")
_LATIN_END = re.compile(r"[a-zA-Z]$")
_CONSONANT_Y = re.compile(r"[^aeiou]y$", re.IGNORECASE)


def is_cased(variant: str) -> bool:
    """True for abbreviations such as ``PONV``, which match in that case only."""
    return bool(_CAPITALS.fullmatch(variant)) and len(variant) > 1


def takes_s(variant: str) -> bool:
    """True if the plural is the variant with -s or -es."""
    return bool(_LATIN_END.search(variant)) and not takes_ies(variant)


def takes_ies(variant: str) -> bool:
    """True if the plural ends in -ies instead of -y."""
    return not is_cased(variant) and bool(_CONSONANT_Y.search(variant))


def words(variant: str) -> list[str]:
    """What blanks and hyphens part."""
    return variant.replace("-", " ").split(" ")


def expression(variant: str) -> bytes:
    """All that a variant may be written as, for Python's ``re`` on bytes (IGNORECASE unless `is_cased`)."""
    source = joined(words(variant))
    if takes_ies(variant):
        return source[:-1] + rb"(?:y|ies)"
    return source + rb"(?:s|es)?" if takes_s(variant) else source


def joined(some: list[str]) -> bytes:
    """The expression of words with blanks between them, without a plural."""
    return BLANK.join(b"".join(map(_character, word)) for word in some)


def _character(character: str) -> bytes:
    return b"(?:'|\xe2\x80\x99)?" if character in "'\u2019" else re.escape(character.encode())


def is_long(variant: str) -> bool:
    """True if the variant has more words than its anchor."""
    return len(words(variant)) > 2


def anchor(variant: str) -> int:
    """The number of the word with which the variant's longest pair of neighbours begins (0 for one word)."""
    pairs = [len(left) + len(right) for left, right in itertools.pairwise(words(variant))]
    return pairs.index(max(pairs)) if pairs else 0


def anchor_words(variant: str) -> list[str]:
    """The one or two words with which `anchor` begins."""
    return words(variant)[anchor(variant) :][:2]


def literals(variant: str) -> list[bytes]:
    """The ways in which the variant's `anchor` (one word, or two neighbours) may be written, without -s.

    One of them occurs wherever the variant does, at the same place.
    """
    chosen = anchor_words(variant)
    ends = [chosen]
    if takes_ies(variant) and anchor(variant) + 2 >= len(words(variant)):
        ends.append([*chosen[:-1], f"{chosen[-1][:-1]}ies"])
    return [
        b"".join(pieces)
        for end in ends
        for spelt in itertools.product(*map(_spellings, end))
        for pieces in ([spelt] if len(spelt) == 1 else [(spelt[0], blank, spelt[1]) for blank in BLANKS])
    ]


def _spellings(word: str) -> list[bytes]:
    parts = _APOSTROPHE.split(word)
    if len(parts) == 1:
        return [word.encode()]
    return [
        "".join(itertools.chain(*zip(parts, (*marks, ""), strict=True))).encode()
        for marks in itertools.product(_APOSTROPHES, repeat=len(parts) - 1)
    ]
