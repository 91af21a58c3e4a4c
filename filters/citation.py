"""Which PubMed citations make questions: those with an abstract on the specialty, not retracted."""

import polars as pl
from pydantic import Field

from anessuite.config import Config
from anessuite.errors import ConfigError
from filters.keywords import KeywordRules, keyword_reason, term_statistics
from filters.lexicon import Lexicon

RETRACTED = "Retracted Publication"
NOTICES = ["Retraction of Publication", "Retraction Notice"]
"""Publication types of MEDLINE; the notice has had two names."""


class CitationRules(Config):
    """Which citations are used. Types and languages are spelt as in MEDLINE."""

    languages: list[str] = Field(default=["eng"], min_length=1)
    min_abstract_chars: int = Field(default=250, ge=1, description="shorter ones hold a topic, not a finding")
    left_out_types: list[str] = Field(default=["Published Erratum", "Expression of Concern"])
    first_year: int | None = Field(
        default=None, ge=1, description="earliest year of publication; articles without a year stay"
    )
    keywords: KeywordRules = KeywordRules()
    max_abstracts: int | None = Field(
        default=None, ge=1, description="of all that could be used, so many are drawn; by hash, ever the same"
    )


def citation_reason(rules: CitationRules) -> pl.Expr:
    """Why a citation is of no use whatever its topic, or null."""
    types = pl.col("publication_types")
    return pl.coalesce(
        _when(pl.col("abstract").str.strip_chars().str.len_bytes() == 0, "no_abstract"),
        _when(pl.col("languages").list.set_intersection(rules.languages).list.len() == 0, "not_english"),
        _when(pl.col("retracted") | types.list.contains(RETRACTED), "retracted"),
        _when(types.list.set_intersection(NOTICES).list.len() > 0, "retraction_notice"),
        _when(types.list.set_intersection(rules.left_out_types).list.len() > 0, "left_out_type"),
        _when(pl.col("year") < rules.first_year, "too_old") if rules.first_year else pl.lit(None),
        _when(pl.col("abstract").str.len_chars() < rules.min_abstract_chars, "abstract_too_short"),
    )


def _when(condition: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(condition).then(pl.lit(reason))


def topic_columns(mesh: list[str], lexicon: Lexicon, rules: CitationRules) -> list[pl.Expr]:
    """``on_mesh`` (the descriptors of the list that are major topics) and ``statistics`` of the terms in
    ``text`` (title and abstract)."""
    return [
        pl.col("mesh_major").list.set_intersection(mesh).list.sort().alias("on_mesh"),
        term_statistics(lexicon, rules.keywords).alias("statistics"),
    ]


def off_topic(rules: CitationRules, language: str) -> pl.Expr:
    """``off_topic`` unless a major MeSH topic is on the list, or the text passes the keyword rules."""
    by_terms = keyword_reason(pl.col("statistics"), rules.keywords, language).is_null()
    return _when((pl.col("on_mesh").list.len() == 0) & ~by_terms, "off_topic")


def parse_mesh(content: str, where: str) -> list[str]:
    """The descriptors of a list, one a line. Raises ConfigError if there are none, or one stands twice."""
    lines = [line.strip() for line in content.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    twice = sorted({name for name in found if found.count(name) > 1})
    if not found or twice:
        raise ConfigError(
            f"{where} holds no descriptor" if not found else f"{where} holds {twice[0]!r} twice"
        )
    return found
