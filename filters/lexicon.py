"""Lexicons: the terms of a specialty in one language, each with its class.

File form (``filters/terms/<specialty>.<language>.txt``), one term a line, ``#`` begins a comment line::

    core: sevoflurane
    core: general anesthesia, general anaesthesia, GA-ETT
    context: mechanical ventilation, ventilatory support
    not: anesthetic to the soul
"""

import re
from dataclasses import dataclass
from typing import Literal, cast, get_args

from anessuite.errors import ConfigError

Role = Literal["core", "context", "not"]
"""``core`` counts by itself, ``context`` beside a core term only, ``not`` voids each hit that it overlaps."""

_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Term:
    """One term: its class and its variants, of which the first is the headword."""

    role: Role
    variants: tuple[str, ...]

    @property
    def headword(self) -> str:
        return self.variants[0]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All terms of one specialty in one language, in file order."""

    specialty: str
    language: str
    terms: tuple[Term, ...]


def parse_lexicon(content: str, *, specialty: str, language: str) -> Lexicon:
    """Read the file form.

    Raises:
        ConfigError: a line without class, an unknown class, a class without a term or a variant twice (each
            names its line); no core term, an unknown language, or terms that are not written in ``language``.
    """
    where = f"lexicon {specialty}.{language}"
    terms: list[Term] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        term = _parse_line(line, f"{where}, line {number}")
        for variant in term.variants:
            if variant in seen:
                raise ConfigError(f"{where}, line {number}: {variant!r} is already in line {seen[variant]}")
            seen[variant] = number
        terms.append(term)
    _check(terms, language, where)
    return Lexicon(specialty, language, tuple(terms))


def _parse_line(line: str, where: str) -> Term:
    role, colon, rest = line.partition(":")
    role = role.strip()
    if not colon or role not in get_args(Role):
        raise ConfigError(
            f"{where}: {line.strip()!r} has no class", f"begin it with one of {', '.join(get_args(Role))}:"
        )
    variants = tuple(variant for part in rest.split(",") if (variant := " ".join(part.split())))
    if not variants:
        raise ConfigError(f"{where}: a class without a term")
    return Term(cast("Role", role), variants)


def _check(terms: list[Term], language: str, where: str) -> None:
    if language not in LANGUAGES:
        raise ConfigError(f"{where}: unknown language {language!r}", f"known: {', '.join(LANGUAGES)}")
    if not any(term.role == "core" for term in terms):
        raise ConfigError(f"{where} has no core term, so it could keep nothing")
    han = sum(bool(_HAN.search(term.headword)) for term in terms) / len(terms)
    if (language == "zh") != (han > 0.5):
        raise ConfigError(
            f"{where}: {han:.0%} of the terms are Chinese; this is a lexicon for another language"
        )
