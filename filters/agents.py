"""Drugs, gases, fluids and blood products: which of them a text names, by any of their names."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from anessuite.errors import ConfigError
from filters.lexicon import Lexicon, Term
from filters.scanner import buffers, contiguous, scanner
from filters.spans import contained, overlapping, whole_words


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
