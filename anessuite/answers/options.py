"""The options of a question: their letters, their texts, and which texts stand for an option."""

import re
from dataclasses import dataclass
from functools import lru_cache

from anessuite.answers.plain import ARTICLE, plain

_WORDS = re.compile(r"\w+(?:\.\d+)?")
_KEY = re.compile(r"[A-Za-z]")
_MIXED = re.compile(r"[a-z][A-Z]")


@dataclass(frozen=True, slots=True)
class Name:
    """An option's text that stands for it; where its capitals tell it from others, they count."""

    text: str
    letter: str
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Options:
    """``keys``: the caller's, by capital letter; ``letters``: these capitals; ``texts``: in plain form and
    lower case, by capital letter; ``names``: the longest first."""

    keys: dict[str, str]
    letters: frozenset[str]
    texts: dict[str, str]
    names: tuple[Name, ...]


@lru_cache(maxsize=256)
def options_of(options: tuple[tuple[str, str], ...]) -> Options:
    """The options of a question as pairs of letter and text; what has no letter is left out."""
    keys = {key.strip().upper(): key for key, _ in options if _KEY.fullmatch(key.strip())}
    given = dict(options)
    texts = {letter: _unlabelled(given[key], letter) for letter, key in keys.items()}
    names = [name for letter in texts if (name := _name(letter, texts))]
    names.sort(key=lambda name: -len(name.text))
    lower = {letter: text.lower() for letter, text in texts.items()}
    return Options(keys, frozenset(keys), lower, tuple(names))


def _unlabelled(text: str, letter: str) -> str:
    """The text in plain form, without its letter, an article, and the marks around it."""
    bare = plain(text).text.strip(" \n.,;:").lstrip("([{\"'<")
    if bare[:1].upper() == letter and bare[1:2] in (".", ")", ":", "、"):
        bare = bare[2:].lstrip()
    article = ARTICLE.match(bare.lower())
    return bare[article.end() :] if article else bare


def _name(letter: str, texts: dict[str, str]) -> Name | None:
    """The text of an option as its name, unless it is a letter of another, or within another's text."""
    text, lower = texts[letter], texts[letter].lower()
    alike = [other for other in texts.values() if other.lower() == lower]
    differ_in_capitals = len(alike) > 1 and any(other[1:] != other[1:].lower() for other in alike)
    is_exact = differ_in_capitals or _MIXED.search(text) is not None
    name = Name(text if is_exact else lower, letter, is_exact)
    holders = sum(_is_within(name.text, other if is_exact else other.lower()) for other in texts.values())
    return name if text and text.upper() not in texts and holders == 1 else None


def _is_within(text: str, other: str) -> bool:
    """Whether a text is, or lies within, another: word by word if it is ASCII."""
    if text.isascii():
        return f" {' '.join(_WORDS.findall(text))} " in f" {' '.join(_WORDS.findall(other))} "
    return text in other
