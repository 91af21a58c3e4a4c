"""Charts of question-answer pairs: lengths, grounding, and what they were written from."""

from collections.abc import Callable

import polars as pl

from anessuite.card_words import language_name
from anessuite.charts import Bar, bars
from anessuite.manifests import Manifest
from anessuite.pages import figure
from anessuite.removals import clipped, counted
from anessuite.report_facts import PairFacts
from anessuite.report_parts import charts, log_histograms, with_share

_MOST_LABEL, _MOST_BARS = 32, 16
_SPANS = (1, 2, 5, 10, 20, 50, 100, 1000)
"""Years that one bar may stand for."""


def pair_figures(manifest: Manifest, facts: PairFacts) -> str:
    """All charts, side by side where there is room."""
    drawn = [
        draw(text)
        for language in manifest.rows
        for draw in [_lengths(facts, language, named=len(manifest.rows) > 1)]
        for text in ("question", "answer")
    ]
    drawn += [_grounding(facts), _per_abstract(facts), _years(facts), _journals(facts)]
    return charts(drawn)


def _lengths(facts: PairFacts, language: str, *, named: bool) -> Callable[[str], str]:
    name = f", {language_name(language)}" if named else ""
    return log_histograms(
        facts.lengths.filter(pl.col("language") == language),
        title="characters",
        unit="characters",
        by="text",
        caption=lambda text: f"Length of {text}s{name}",
    )


def _grounding(facts: PairFacts) -> str:
    rows = facts.grounding.sort("lower", descending=True)
    whole = int(rows["pairs"].sum())
    drawn = [
        Bar(f"{lower:g}" if lower == upper else f"{lower:.2f} to {upper:.2f}", n, with_share(n, whole))
        for lower, upper, n in rows.select("lower", "upper", "pairs").iter_rows()
    ]
    note = "Share of an answer's numbers, drugs and content words that were found."
    return figure(bars(drawn, log=False), "Grounding scores", note)


def _per_abstract(facts: PairFacts) -> str:
    whole = int(facts.per_abstract["abstracts"].sum())
    drawn = [
        Bar(counted(questions, "pair"), n, with_share(n, whole))
        for questions, n in facts.per_abstract.sort("questions").iter_rows()
    ]
    return figure(
        bars(drawn, log=False), "Pairs of one abstract", f"Of {counted(whole, 'abstract')} with any."
    )


def _years(facts: PairFacts) -> str:
    known = dict(facts.years.drop_nulls("year").iter_rows())
    unknown = int(facts.years.filter(pl.col("year").is_null())["pairs"].sum())
    whole = sum(known.values()) + unknown
    drawn = [Bar(name, n, with_share(n, whole)) for name, n in _spans(known)]
    rest = [Bar("not stated", unknown, with_share(unknown, whole))] if unknown else []
    return figure(bars([*drawn, *rest], log=False), "Years of publication")


def _spans(pairs: dict[int, int]) -> list[tuple[str, int]]:
    """Years, or equal spans of years so that they are at most _MOST_BARS, with those that have no pair."""
    if not pairs:
        return []
    first, last = min(pairs), max(pairs)
    width = next((w for w in _SPANS if last // w - first // w < _MOST_BARS), last - first + 1)
    places = range(first // width, last // width + 1)
    counts = dict.fromkeys(places, 0)
    for year, count in pairs.items():
        counts[year // width] += count
    return [
        (f"{place * width}" if width == 1 else f"{place * width}–{place * width + width - 1}", count)
        for place, count in counts.items()
    ]


def _journals(facts: PairFacts) -> str:
    whole = int(facts.years["pairs"].sum())
    drawn = [
        Bar(clipped(journal or "not stated", _MOST_LABEL), n, with_share(n, whole))
        for journal, n in facts.journals.iter_rows()
    ]
    note = f"{len(drawn)} with most pairs, of {facts.journal_count:,}"
    return figure(bars(drawn, log=False), "Journals", note if drawn else "")
