"""How a lexicon variant may be written in a text: its byte expression for the scanner.

A blank also matches a hyphen or a line break; an apostrophe either form; the last word takes its regular
English plural; a variant in capitals (PONV) is matched in that case only.
"""

import re

BLANK = rb"(?:[ \t\r\n\-]|\xc2\xa0|\xe2\x80[\x89\x90-\x93]){1,3}"
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
    source = BLANK.join(words)
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
    cased: list[str] = []
    folded: list[bytes] = []  # the scanner folds ASCII letters only
    consonant_y: list[bytes] = []
    for variant in sorted(set(variants), key=lambda v: (len(v), v)):
        whole = variant.encode().lower()
        plural_y = bool(_CONSONANT_Y.search(variant))
        stem = whole[:-1] if plural_y else whole  # its plural ends in -ies
        implied = (
            (is_cased(variant) and any(short in variant for short in cased))
            or any(short in stem for short in folded)
            or any(short in whole for short in consonant_y)
        )
        if implied:
            continue
        keep.append(variant)
        if is_cased(variant):
            cased.append(variant)
        elif plural_y:
            consonant_y.append(whole)
        else:
            folded.append(whole)
    return keep
