"""The report of a version: one HTML file that needs nothing else; charts, exact tables, sample rows."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import polars as pl

from anessuite.cards import KINDS, LANGUAGES, REASONS, stage_totals
from anessuite.charts import Bar, Bin, bars, histogram
from anessuite.excerpts import kept_article, rejected_article
from anessuite.manifests import Manifest
from anessuite.origins import recipe, sources, stages_by_source
from anessuite.pages import MOST_ROWS, Cell, Html, escape, figure, more, nothing, page, percent, table

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
    sections: list[tuple[str, Iterable[str]]] = [
        ("Funnel", _funnel(manifest)),
        ("Reasons", _reasons(manifest)),
        ("Languages", _languages(manifest)),
        ("Terms", _terms(manifest, facts)),
        ("Distributions", _distributions(manifest, facts)),
        ("Personal data", _masked(manifest)),
        ("Kept samples", _kept_samples(manifest, facts)),
        ("Dropped samples", _rejected_samples(manifest, facts)),
        ("Sources", sources(manifest, facts.licences)),
        ("Recipe", recipe(manifest)),
    ]
    places = [(name, name.lower().replace(" ", "-")) for name, _ in sections]
    nav = "".join(f'<a href="#{place}">{name}</a>' for name, place in places)
    body = [*_head(manifest), *_alerts(manifest), _tiles(manifest), f"<nav>{nav}</nav>"]
    for (name, content), (_, place) in zip(sections, places, strict=True):
        body += [f'<section id="{place}">\n<h2>{name}</h2>', *content, "</section>"]
    return page(f"{manifest.name}@{manifest.version}", [*body, _foot(manifest)])


def _head(manifest: Manifest) -> list[str]:
    made = f"{manifest.created:%d %B %Y, %H:%M %Z}".strip()
    return [
        f'<header>\n<h1>{escape(manifest.name)}<span class="version">@{escape(manifest.version)}</span></h1>',
        f'<p class="quiet">Built {escape(made)}</p>\n</header>',
    ]


def _alerts(manifest: Manifest) -> list[str]:
    broken = manifest.quarantined
    told = [
        w
        for w in manifest.warnings
        if not any(q.path in w and q.error in w for q in broken)  # told below, once
    ]
    parts: list[str] = []
    if told:
        items = "".join(f"<li>{escape(text)}</li>" for text in told)
        parts.append(_alert(_count(len(told), "warning"), items))
    if broken:
        items = "".join(
            f"<li><code>{escape(q.path)}</code> of {escape(q.source)}: {escape(q.error)}</li>"
            for q in broken[:MOST_ROWS]
        )
        title = f"Left out: {_count(len(broken), 'source file')} that could not be read"
        parts += [_alert(title, items), more(len(broken) - MOST_ROWS, "files are in manifest.json")]
    return parts


def _alert(title: str, items: str) -> str:
    return f'<div class="alert" role="alert"><h2>{title}</h2><ul>{items}</ul></div>'


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _tiles(manifest: Manifest) -> str:
    read = manifest.kept + manifest.dropped
    tiles = [("", "Rows read", read, f"from {_count(len(stages_by_source(manifest)), 'source')}")]
    for language, rows in manifest.rows.items():
        tiles.append(("kept", f"Kept, {_language(language)}", rows, f"{_share(rows, read)} of all read"))
    tiles.append(("", "Dropped", manifest.dropped, f"for {_count(len(manifest.drops), 'reason')}"))
    shown = "".join(
        f'<div class="{kind}"><dt>{escape(name)}</dt><dd>{rows:,}<small>{escape(note)}</small></dd></div>'
        for kind, name, rows, note in tiles
    )
    return f'<dl class="tiles">{shown}</dl>'


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _share(part: int, whole: int) -> str:
    return percent(part / whole) if whole else "–"


def _language(code: str) -> str:
    return LANGUAGES.get(code, code)


def _funnel(manifest: Manifest) -> list[str]:
    totals = stage_totals(manifest)
    if not totals:
        return [nothing("The manifest holds no funnel.")]
    sources = {
        name: [(s.stage, s.rows_in, s.rows_in - s.rows_out) for s in stages]
        for name, stages in stages_by_source(manifest).items()
    }
    groups = ({"All sources": totals} if len(sources) > 1 else {}) | sources
    charts = [
        figure(bars(_funnel_bars(stages), log=True), name)
        for name, stages in list(groups.items())[: _MOST_SOURCES + 1]
    ]
    rows: list[Sequence[Cell]] = []
    for name, stages in groups.items():
        rows.append((name,))
        read = stages[0][1]
        for stage, entered, dropped in stages:
            left = entered - dropped
            rows.append((stage, entered, dropped, left, _ratio(left, entered), _ratio(left, read)))
    return [
        '<p class="quiet">Rows left after each stage. Bars are logarithmic: equal steps in length '
        "are equal factors in rows. The table has the exact numbers.</p>",
        f'<div class="charts">{"".join(charts)}</div>',
        more(len(groups) - len(charts), "sources are in the table only"),
        table(("Stage", "Rows in", "Dropped", "Rows out", "Passed", "Of all read"), rows),
    ]


def _funnel_bars(stages: Sequence[tuple[str, int, int]]) -> list[Bar]:
    first = stages[0][1]
    return [
        Bar("all rows", first, f"{first:,}"),
        *(Bar(stage, entered - dropped, f"{entered - dropped:,}") for stage, entered, dropped in stages),
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


def _languages(manifest: Manifest) -> list[str]:
    if not manifest.rows:
        return [nothing("No language has documents.")]
    rows = []
    for language, kept in manifest.rows.items():
        files = [file for file in manifest.data_files() if file.path.startswith(f"data/{language}-")]
        size = sum(file.bytes for file in files)
        name = f"{_language(language)} ({language})"
        rows.append((name, kept, _ratio(kept, manifest.kept), len(files), size))
    return [table(("Language", "Documents", "Share", "Files", "Bytes"), rows)]


def _terms(manifest: Manifest, facts: CorpusFacts) -> list[str]:
    def draw(language: str) -> Html:
        mine = facts.term_documents.filter(pl.col("language") == language).drop_nulls("term")
        top = mine.sort("documents", "term", descending=[True, False]).head(TOP_TERMS)
        kept = manifest.rows.get(language, 0)
        rows = [
            Bar(term, n, f"{n:,}\u2007{_whole_percent(n, kept)}")
            for term, n in top.select("term", "documents").iter_rows()
        ]
        note = f"{len(rows)} of {mine.height:,} terms found"
        return figure(bars(rows, log=False), _language(language), note)

    note = "The terms of the lexicon that most documents hold: number and share of the kept documents."
    return [f'<p class="quiet">{note}</p>', _each_language(manifest, draw)]


def _whole_percent(part: int, whole: int) -> str:
    share = f"{min(100 * part / whole, 100):.0f}" if whole else "–"
    return f"{share:\u2007>3} %"  # figure spaces keep the digits in their columns


def _distributions(manifest: Manifest, facts: CorpusFacts) -> list[str]:
    return [
        "<h3>Length</h3>",
        _each_language(manifest, _histograms(facts.lengths, "characters", "characters")),
        "<h3>Density of terms</h3>",
        _each_language(manifest, _histograms(facts.densities, "hits per 1,000 characters", "hits")),
        '<p class="quiet">Documents per bin; the lower axis is logarithmic.</p>',
    ]


def _histograms(bins: pl.DataFrame, title: str, unit: str) -> Callable[[str], Html]:
    """A chart for each language, all over one common axis."""
    usable = bins.filter((pl.col("documents") > 0) & (pl.col("lower") > 0)).sort("lower")
    domain = (1.0, 10.0)
    if usable.height:
        low, high = usable.select(pl.col("lower").min(), pl.col("upper").max()).row(0)
        domain = (float(low), float(high))

    def draw(language: str) -> Html:
        mine = usable.filter(pl.col("language") == language).select("lower", "upper", "documents")
        chosen = [Bin(*row) for row in mine.iter_rows()]
        note = f"Median between {_middle(chosen)} {unit}" if chosen else ""
        return figure(histogram(chosen, title=title, domain=domain), _language(language), note)

    return draw


def _middle(bins: Sequence[Bin]) -> str:
    counts = list(accumulate(found.documents for found in bins))
    middle = bins[bisect_left(counts, counts[-1] / 2)]
    return f"{_figure(middle.lower)} and {_figure(middle.upper)}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _each_language(manifest: Manifest, draw: Callable[[str], Html]) -> str:
    if not manifest.rows:
        return nothing("No language has documents.")
    return f'<div class="charts">{"".join(draw(language) for language in manifest.rows)}</div>'


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
        parts.append(_details(_language(language), count, [kept_article(row) for row in rows]))
    return parts or [nothing("No document was kept.")]


def _rejected_samples(manifest: Manifest, facts: CorpusFacts) -> list[str]:
    ranked = sorted(manifest.drops.items(), key=lambda drop: (-drop[1], drop[0]))
    parts: list[str] = []
    for reason, count in ranked:
        rows = facts.rejected_samples.filter(pl.col("reason") == reason).to_dicts()
        cards = [rejected_article(row) for row in rows]
        if cards:
            parts.append(_details(reason, f"{len(rows)} of {count:,}", cards, REASONS.get(reason, "")))
    if not parts:
        return [nothing("There are no dropped rows to show.")]
    note = (
        '<p class="quiet">Terms that count are <mark>marked</mark>, those that do not count are '
        '<mark class="idle">underlined</mark>.</p>'
    )
    return [note, *parts]


def _details(name: str, count: str, cards: Sequence[str], meaning: str = "") -> str:
    told = f'<p class="quiet">{escape(meaning[:1].upper() + meaning[1:])}.</p>' if meaning else ""
    content = "\n".join(cards) or nothing("There are none.")
    return (
        f'<details>\n<summary>{escape(name)} <span class="count">{escape(count)}</span></summary>\n'
        f"{told}{content}\n</details>"
    )


def _foot(manifest: Manifest) -> str:
    name = escape(f"{manifest.name}@{manifest.version}")
    return f'<footer class="quiet">Check the files with <code>anes verify {name}</code>.</footer>'
