"""The report of a corpus: one HTML file that needs nothing else; charts, exact tables, sample rows."""

from dataclasses import dataclass

import polars as pl

from anessuite.card_words import KINDS, REASONS, language_name
from anessuite.charts import Bar, bars
from anessuite.excerpts import kept_article, rejected_article
from anessuite.manifests import Manifest
from anessuite.origins import recipe, sources, stage_totals, stages_by_source
from anessuite.pages import Html, figure, more, nothing, table
from anessuite.removals import counted
from anessuite.report_parts import (
    Section,
    Tile,
    charts,
    details,
    each_language,
    funnel_figure,
    funnel_table,
    languages,
    log_histograms,
    report_page,
    share,
    with_share,
)

TOP_TERMS = 30
_MOST_SOURCES = 12


@dataclass(frozen=True, slots=True)
class CorpusFacts:
    """What the report shows beside the manifest: aggregated beforehand, as there may be millions of rows."""

    term_documents: pl.DataFrame
    """language, term, documents"""
    lengths: pl.DataFrame
    """language, lower, upper (characters; log-spaced bins), documents"""
    densities: pl.DataFrame
    """language, lower, upper (hits per 1,000 characters; log-spaced bins), documents"""
    rejected_samples: pl.DataFrame
    """reason, language, source, source_id, url, text, evidence (JSON); a few rows per reason"""
    kept_samples: pl.DataFrame
    """language, source, source_id, url, text, terms (list)"""
    licences: dict[str, str]
    """source -> licence, "" where none is stated"""


def corpus_report(manifest: Manifest, facts: CorpusFacts) -> str:
    """One self-contained HTML page; nothing in it loads or runs anything."""
    sections: list[Section] = [
        ("Funnel", _funnel(manifest)),
        ("Reasons", _reasons(manifest)),
        ("Languages", languages(manifest, rows="documents")),
        ("Terms", _terms(manifest, facts)),
        ("Distributions", _distributions(manifest, facts)),
        ("Personal data", _masked(manifest)),
        ("Kept samples", _kept_samples(manifest, facts)),
        ("Dropped samples", _rejected_samples(manifest, facts)),
        ("Sources", sources(manifest, facts.licences)),
        ("Recipe", recipe(manifest)),
    ]
    return report_page(manifest, _tiles(manifest), sections)


def _tiles(manifest: Manifest) -> list[Tile]:
    read = manifest.kept + manifest.dropped
    kept = [
        ("kept", f"Kept, {language_name(language)}", rows, f"{share(rows, read)} of all read")
        for language, rows in manifest.rows.items()
    ]
    return [
        ("", "Rows read", read, f"from {counted(len(stages_by_source(manifest)), 'source')}"),
        *kept,
        ("", "Dropped", manifest.dropped, f"for {counted(len(manifest.drops), 'reason')}"),
    ]


def _funnel(manifest: Manifest) -> list[str]:
    totals = stage_totals(manifest.funnel)
    if not totals:
        return [nothing("The manifest holds no funnel.")]
    sources = {name: stage_totals(stages) for name, stages in stages_by_source(manifest).items()}
    groups = list((({"All sources": totals} if len(sources) > 1 else {}) | sources).items())
    drawn = [funnel_figure(lines, name) for name, lines in groups[: _MOST_SOURCES + 1]]
    return [
        '<p class="quiet">Rows left after each stage. Bars are logarithmic: equal steps in length '
        "are equal factors in rows. The table has the exact numbers.</p>",
        charts(drawn),
        more(len(groups) - len(drawn), "sources are in the table only"),
        funnel_table(groups, whole="Of all read"),
    ]


def _reasons(manifest: Manifest) -> list[str]:
    read = manifest.kept + manifest.dropped
    ranked = sorted(manifest.drops.items(), key=lambda drop: (-drop[1], drop[0]))
    if not ranked:
        return [nothing("No row was dropped.")]
    stage_of = {reason: stage.stage for stage in manifest.funnel for reason in stage.dropped}
    rows = [(r, n, n / read, stage_of.get(r), REASONS.get(r, "")) for r, n in ranked]
    chart = bars([Bar(reason, count, f"{count:,}") for reason, count in ranked], log=True)
    return [
        figure(chart, "Rows dropped by reason", "Bars are logarithmic."),
        table(("Reason", "Rows", "Of all read", "Stage", "Meaning"), rows),
    ]


def _terms(manifest: Manifest, facts: CorpusFacts) -> list[str]:
    def draw(language: str) -> Html:
        mine = facts.term_documents.filter(pl.col("language") == language).drop_nulls("term")
        top = mine.sort("documents", "term", descending=[True, False]).head(TOP_TERMS)
        kept = manifest.rows.get(language, 0)
        rows = [Bar(term, n, with_share(n, kept)) for term, n in top.select("term", "documents").iter_rows()]
        note = f"{len(rows)} of {mine.height:,} terms found"
        return figure(bars(rows, log=False), language_name(language), note)

    note = "The terms of the lexicon that most documents hold: number and share of the kept documents."
    return [f'<p class="quiet">{note}</p>', each_language(manifest, draw, rows="documents")]


def _distributions(manifest: Manifest, facts: CorpusFacts) -> list[str]:
    lengths = log_histograms(facts.lengths, title="characters", unit="characters")
    densities = log_histograms(facts.densities, title="hits per 1,000 characters", unit="hits")
    return [
        "<h3>Length</h3>",
        each_language(manifest, lengths, rows="documents"),
        "<h3>Density of terms</h3>",
        each_language(manifest, densities, rows="documents"),
        '<p class="quiet">Documents per bin; the lower axis is logarithmic.</p>',
    ]


def _masked(manifest: Manifest) -> list[str]:
    if not any(manifest.masked.values()):
        return [nothing("None was found in the kept documents.")]
    rows = [(KINDS.get(kind, kind), count) for kind, count in manifest.masked.items()]
    return [
        '<p class="quiet">Found by patterns and replaced by a tag; counted before duplicates went.</p>',
        table(("Kind", "Masked"), rows),
    ]


def _kept_samples(manifest: Manifest, facts: CorpusFacts) -> list[str]:
    parts: list[str] = []
    for language in manifest.rows:
        rows = facts.kept_samples.filter(pl.col("language") == language).to_dicts()
        count = f"{len(rows)} of {manifest.rows[language]:,}"
        parts.append(details(language_name(language), count, [kept_article(row) for row in rows]))
    return parts or [nothing("No document was kept.")]


def _rejected_samples(manifest: Manifest, facts: CorpusFacts) -> list[str]:
    ranked = sorted(manifest.drops.items(), key=lambda drop: (-drop[1], drop[0]))
    parts: list[str] = []
    for reason, count in ranked:
        rows = facts.rejected_samples.filter(pl.col("reason") == reason).to_dicts()
        cards = [rejected_article(row) for row in rows]
        if cards:
            parts.append(details(reason, f"{len(rows)} of {count:,}", cards, REASONS.get(reason, "")))
    if not parts:
        return [nothing("There are no dropped rows to show.")]
    note = (
        '<p class="quiet">Terms that count are <mark>marked</mark>, those that do not count are '
        '<mark class="idle">underlined</mark>.</p>'
    )
    return [note, *parts]
