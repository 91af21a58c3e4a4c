"""How a lexicon variant may be written in a text: its byte expression for the scanner.

A blank also matches a hyphen or a line break; an apostrophe either form; the last word takes its regular
English plural; a variant in capitals (PONV) is matched in that case only.
"""

import re

_BLANK = rb"(?:[ \t\r\n\-]|\xc2\xa0|\xe2\x80[\x89\x90-\x93]){1,3}"
_APOSTROPHE = rb"(?:'|\xe2\x80\x99)?"
_CAPITALS = re.compile(r"[A-Z0-9/+ -]*[A-Z][A-Z0-9/+ -]*")
_LATIN_END = re.compile(r"[a-zA-Z]$")
_CONSONANT_Y = re.compile(r"[^aeiou]y$", re.IGNORECASE)


def is_cased(variant: str) -> bool:
    """True for abbreviations such as ``PONV``, which match in that case only."""
    return bool(_CAPITALS.fullmatch(variant)) and len(variant) > 1


def expression(variant: str, *, plural: bool) -> tuple[bytes, bool]:
    """Hyperscan source of one variant, and whether its case matters; with ``plural``, its regular plural too.

    Without it the source still matches at least the beginning of the plural, so that a scan for any term at
    all finds "laryngoscopies" as well.
    """
    words = [_literal(word) for word in re.split(r"[ -]", variant)]
    source = _BLANK.join(words)
    cased = is_cased(variant)
    if not cased and _CONSONANT_Y.search(variant):
        source = source[:-1] + rb"(?:y|ies)"
    elif plural and _LATIN_END.search(variant):
        source += rb"(?:s|es)?"
    return source, cased


def _literal(word: str) -> bytes:
    return b"".join(_character(character) for character in word)


def _character(character: str) -> bytes:
    if character in "'\u2019":
        return _APOSTROPHE
    if character.isascii() and character.isalnum():
        return character.encode()
    return b"".join(rb"\x%02x" % byte for byte in character.encode())


def minimal(variants: list[str]) -> list[str]:
    """The variants that stage 1 needs: one that contains another is found whenever that other one is."""
    keep: list[str] = []
    for variant in sorted(set(variants), key=lambda v: (len(v), v)):
        if not any(_implies(variant, short) for short in keep):
            keep.append(variant)
    return keep


def _implies(variant: str, short: str) -> bool:
    if is_cased(short):
        return is_cased(variant) and short in variant
    if _CONSONANT_Y.search(variant) and not _CONSONANT_Y.search(short):
        variant = variant[:-1]  # its plural ends in -ies
    return short.encode().lower() in variant.encode().lower()  # the scanner folds ASCII letters only
