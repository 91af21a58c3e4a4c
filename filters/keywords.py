"""Two-stage keyword filter: any term at all, then whole terms counted.

Stage 1 (`any_term`) scans the text buffer of a whole Arrow array at once and asks only whether a document
holds a term as a substring, for which some of the variants are enough (`scanner.innermost`). Stage 2
(`term_statistics`) works on the survivors: whole words where a term ends in a Latin letter or digit, the
longest match where terms lie inside each other, ``not`` phrases void all they overlap, ``context`` terms
count near a ``core`` term only. Both run on Hyperscan (Wang et al., NSDI 2019), whose automaton reports every
occurrence of every pattern, so that nothing hides behind another match.
"""

from typing import Annotated, Any

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator

from filters.lexicon import LANGUAGES, Lexicon
from filters.scanner import buffers, contiguous, quick_scanner, scanner
from filters.spans import character_offsets, contained, near, overlapping, whole_words

MAX_EVIDENCE_SPANS = 50


class KeywordRules(BaseModel):
    """Thresholds of stage 2. Defaults are measured on real text, see ``benchmarks/filter_quality.py``.

    The density of core terms tells a text on the topic from a long one that mentions it here and there,
    however often; a second hit of one tells it from a short one that mentions it in passing. A title says
    what a text is about, so one hit in the opening is enough. Context terms add to neither figure.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_hits: int = Field(default=3, ge=1, description="counted hits in all")
    min_core_hits: int = Field(
        default=2, ge=1, description="hits of core terms, one in the opening counted opening_weight times"
    )
    min_core: int = Field(default=1, ge=1, description="distinct core terms")
    min_distinct: int = Field(default=2, ge=1, description="distinct counted terms")
    min_per_1000_chars: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default={"en": 0.75, "zh": 2.0},
        description="hits of core terms per 1,000 characters of text; one number, or one for each language",
    )
    context_window: int = Field(
        default=1000, ge=0, description="a context term counts within so many characters of a core term"
    )

    opening_chars: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default={"en": 300, "zh": 100},
        description="the opening is the first line (mostly a title), at most so many characters of it; "
        "one number, or one for each language",
    )
    opening_weight: int = Field(default=2, ge=1, description="a core term in the opening is so many hits")

    @field_validator("min_per_1000_chars", "opening_chars", mode="before")
    @classmethod
    def _for_each_language(cls, value: Any) -> Any:
        return dict.fromkeys(LANGUAGES, value) if isinstance(value, int | float) else value


def any_term(texts: pa.Array | pa.ChunkedArray, lexicon: Lexicon) -> np.ndarray:
    """Stage 1: a boolean per document, True where a core or context term occurs as a substring.

    ``texts`` is a string or large_string array; null is False.
    """
    array = contiguous(texts)
    found = np.zeros(len(array), dtype=bool)
    found[quick_scanner(lexicon).find(*buffers(array)).document] = True
    return found


def term_statistics(lexicon: Lexicon, rules: KeywordRules, *, text: str = "text") -> pl.Expr:
    """Stage 2: a struct per document.

    Fields: ``terms`` (distinct counted headwords in order of first occurrence), ``core`` (how many of them
    are core), ``hits`` (counted hits), ``core_hits`` (hits of core terms, those in the opening weighted),
    ``raw_hits`` (substring hits), ``spans`` (the first MAX_EVIDENCE_SPANS whole hits: term, start and end in
    characters, counted or not), ``per_1000_chars`` (hits of core terms, unweighted, per 1,000 characters).
    """

    def statistics(texts: pl.Series) -> pl.Series:
        return _statistics(texts, lexicon, rules)

    return pl.col(text).map_batches(statistics, return_dtype=pl.Struct(STATISTICS), is_elementwise=True)


STATISTICS: dict[str, Any] = {
    "terms": pl.List(pl.String),
    "core": pl.UInt32,
    "hits": pl.UInt32,
    "core_hits": pl.UInt32,
    "raw_hits": pl.UInt32,
    "spans": pl.List(
        pl.Struct({"term": pl.String, "start": pl.Int64, "end": pl.Int64, "counted": pl.Boolean})
    ),
    "per_1000_chars": pl.Float32,
}


def no_whole_word(statistics: pl.Expr) -> pl.Expr:
    """ "no_whole_word" where terms occur inside other words, or voided, only."""
    return _reason(statistics.struct.field("spans").list.len() == 0, "no_whole_word")


def no_core_term(statistics: pl.Expr, *, min_core: int) -> pl.Expr:
    """ "no_core_term" where fewer than ``min_core`` distinct core terms occur."""
    return _reason(statistics.struct.field("core") < min_core, "no_core_term")


def too_few_hits(statistics: pl.Expr, *, min_hits: int, min_core_hits: int) -> pl.Expr:
    """ "too_few_hits" where fewer than ``min_hits`` hits count, or fewer than ``min_core_hits`` of core terms
    (those in the opening weighted)."""
    few, few_core = (
        statistics.struct.field(name) < least
        for name, least in (("hits", min_hits), ("core_hits", min_core_hits))
    )
    return _reason(few | few_core, "too_few_hits")


def too_few_terms(statistics: pl.Expr, *, min_distinct: int) -> pl.Expr:
    """ "too_few_terms" where fewer than ``min_distinct`` distinct terms count."""
    return _reason(statistics.struct.field("terms").list.len() < min_distinct, "too_few_terms")


def too_sparse(statistics: pl.Expr, *, min_per_1000_chars: float) -> pl.Expr:
    """ "too_sparse" where fewer core terms occur per 1,000 characters."""
    return _reason(statistics.struct.field("per_1000_chars") < min_per_1000_chars, "too_sparse")


def keyword_reason(statistics: pl.Expr, rules: KeywordRules, language: str) -> pl.Expr:
    """The first of the reasons above that holds, or null."""
    return pl.coalesce(
        no_whole_word(statistics),
        no_core_term(statistics, min_core=rules.min_core),
        too_few_hits(statistics, min_hits=rules.min_hits, min_core_hits=rules.min_core_hits),
        too_few_terms(statistics, min_distinct=rules.min_distinct),
        too_sparse(statistics, min_per_1000_chars=rules.min_per_1000_chars.get(language, 0.0)),
    )


def _reason(holds: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(holds).then(pl.lit(reason))


def _statistics(texts: pl.Series, lexicon: Lexicon, rules: KeywordRules) -> pl.Series:
    compiled = scanner(lexicon)
    array = contiguous(texts.to_arrow(compat_level=pl.CompatLevel.oldest()))
    offsets, data = buffers(array)
    raw = compiled.find(offsets, data)
    words = raw.where(whole_words(raw, offsets, data))
    is_not = compiled.role_is_not[words.term]
    terms, voids = words.where(~is_not), words.where(is_not & ~contained(words))
    hits = terms.where(~overlapping(terms, voids))
    hits = hits.where(~contained(hits))
    starts, ends = character_offsets(hits, offsets, data)
    core = compiled.role_is_core[hits.term]
    counted = core | near(hits.document, starts, ends, core, rules.context_window)
    opening = starts < _openings(texts, rules.opening_chars.get(lexicon.language, 0))[hits.document]
    frame = pl.DataFrame(
        {
            "document": hits.document,
            "term": pl.Series(compiled.headwords, dtype=pl.String).gather(hits.term),
            "start": starts,
            "end": ends,
            "counted": counted,
            "core": core,
            "weight": np.where(opening, rules.opening_weight, 1),
        }
    )
    raw_counts = np.bincount(raw.document[~compiled.role_is_not[raw.term]], minlength=len(array))
    return _by_document(frame, texts, raw_counts)


def _openings(texts: pl.Series, most_chars: int) -> np.ndarray:
    """Length in characters of each document's opening, with the blank lines before it."""
    first_line = texts.str.slice(0, most_chars).str.extract(r"^\s*[^\n]*", 0)
    return first_line.str.len_chars().fill_null(0).to_numpy()


def _by_document(hits: pl.DataFrame, texts: pl.Series, raw_counts: np.ndarray) -> pl.Series:
    counted = pl.col("counted")
    grouped = hits.group_by("document", maintain_order=True).agg(
        terms=pl.col("term").filter(counted).unique(maintain_order=True),
        core=pl.col("term").filter(counted & pl.col("core")).n_unique().cast(pl.UInt32),
        hits=counted.sum().cast(pl.UInt32),
        core_hits=pl.col("weight").filter("core").sum().cast(pl.UInt32),
        dense=pl.col("core").sum(),
        spans=pl.struct("term", "start", "end", "counted").head(MAX_EVIDENCE_SPANS),
    )
    every = pl.DataFrame(
        {"document": np.arange(len(texts)), "text": texts, "raw_hits": raw_counts.astype(np.uint32)}
    )
    joined = every.join(
        grouped.cast({"document": pl.Int64}), on="document", how="left", maintain_order="left"
    )
    filled = joined.with_columns(
        pl.col("terms", "spans").fill_null([]),
        pl.col("core", "hits", "core_hits", "dense").fill_null(0),
    ).with_columns(
        per_1000_chars=(pl.col("dense") * 1000 / pl.col("text").str.len_chars().clip(1))
        .fill_null(0)
        .cast(pl.Float32)
    )
    return filled.select(pl.struct(*STATISTICS).alias(texts.name)).to_series().cast(pl.Struct(STATISTICS))
