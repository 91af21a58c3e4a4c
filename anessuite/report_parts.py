"""What the reports of all datasets share: the page, tiles, funnels, histograms, folded samples."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

import polars as pl

from anessuite.card_words import language_name
from anessuite.charts import Bar, Bin, bars, histogram
from anessuite.manifests import Manifest
from anessuite.pages import MOST_ROWS, Cell, Html, escape, figure, more, nothing, page, percent, table
from anessuite.removals import counted

Section = tuple[str, Iterable[str]]
"""Heading and content (HTML)."""
Tile = tuple[str, str, int, str]
"""Kind ("kept" is the result, "" all else), name, number, note."""
Line = tuple[str, int, int]
"""A stage of a funnel: name, rows that entered, rows dropped."""


def report_page(manifest: Manifest, tiles: Sequence[Tile], sections: Sequence[Section]) -> str:
    """A whole page: heading, what went wrong, the main numbers, then the sections with links to them."""
    places = [(name, name.lower().replace(" ", "-")) for name, _ in sections]
    nav = "".join(f'<a href="#{place}">{name}</a>' for name, place in places)
    body = [*_head(manifest), *_alerts(manifest), _tiles(tiles), f"<nav>{nav}</nav>"]
    for (name, content), (_, place) in zip(sections, places, strict=True):
        body += [f'<section id="{place}">\n<h2>{name}</h2>', *content, "</section>"]
    text = page(f"{manifest.name}@{manifest.version}", [*body, _foot(manifest)])
    return text.encode("utf-8", "replace").decode("utf-8")  # for lone surrogates


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
        parts.append(_alert(counted(len(told), "warning"), items))
    if broken:
        items = "".join(
            f"<li><code>{escape(q.path)}</code> of {escape(q.source)}: {escape(q.error)}</li>"
            for q in broken[:MOST_ROWS]
        )
        title = f"Left out: {counted(len(broken), 'source file')} that could not be read"
        parts += [_alert(title, items), more(len(broken) - MOST_ROWS, "files are in manifest.json")]
    return parts


def _alert(title: str, items: str) -> str:
    return f'<div class="alert" role="alert"><h2>{title}</h2><ul>{items}</ul></div>'


def _tiles(tiles: Sequence[Tile]) -> str:
    shown = "".join(
        f'<div class="{kind}"><dt>{escape(name)}</dt><dd>{rows:,}<small>{escape(note)}</small></dd></div>'
        for kind, name, rows, note in tiles
    )
    return f'<dl class="tiles">{shown}</dl>'


def _foot(manifest: Manifest) -> str:
    name = escape(f"{manifest.name}@{manifest.version}")
    return f'<footer class="quiet">Check the files with <code>anes verify {name}</code>.</footer>'


def ratio(part: int, whole: int) -> float | None:
    """A share for a table's cell; None of nothing."""
    return part / whole if whole else None


def share(part: int, whole: int) -> str:
    """A share in words; a dash of nothing."""
    return percent(part / whole) if whole else "–"


def with_share(part: int, whole: int) -> str:
    """A number and its whole percents beside a bar; figure spaces keep the digits in their columns."""
    return f"{part:,}\u2007{_whole_percents(part, whole):\u2007>3} %"


def _whole_percents(part: int, whole: int) -> str:
    """Only nothing is 0, and only all is 100."""
    if not whole:
        return "–"
    percents = f"{100 * part / whole:.0f}"
    if percents == "0" and part:
        return "<1"
    return ">99" if percents == "100" and part < whole else percents


def charts(drawn: Iterable[str]) -> str:
    """Figures side by side, where there is room."""
    return f'<div class="charts">{"".join(drawn)}</div>'


def each_language(manifest: Manifest, draw: Callable[[str], str], *, rows: str) -> str:
    """What ``draw`` makes of each language of the version; ``rows`` is what its rows are called."""
    return charts(map(draw, manifest.rows)) if manifest.rows else nothing(f"No language has {rows}.")


def languages(manifest: Manifest, *, rows: str) -> list[str]:
    """Rows, files and bytes of each language."""
    if not manifest.rows:
        return [nothing(f"No language has {rows}.")]
    found: list[Sequence[Cell]] = []
    for language, kept in manifest.rows.items():
        files = [file for file in manifest.data_files() if file.path.startswith(f"data/{language}-")]
        size = sum(file.bytes for file in files)
        name = f"{language_name(language)} ({language})"
        found.append((name, kept, ratio(kept, manifest.kept), len(files), size))
    return [table(("Language", rows.capitalize(), "Share", "Files", "Bytes"), found)]


def funnel_figure(
    lines: Sequence[Line], name: str, *, rows: str = "rows", note: str = "", passed: bool = False
) -> Html:
    """Rows left after each stage as bars: logarithmic ones, or with ``passed`` plain ones with pass rates."""
    first = lines[0][1]
    left = [(f"all {rows}", first, first), *((stage, n - dropped, n) for stage, n, dropped in lines)]
    drawn = [Bar(stage, n, with_share(n, entered) if passed else f"{n:,}") for stage, n, entered in left]
    return figure(bars(drawn, log=not passed), name, note)


def funnel_table(groups: Sequence[tuple[str, Sequence[Line]]], *, whole: str) -> Html:
    """Every number of the funnels; ``whole`` heads the share of what entered a group's first stage."""
    rows: list[Sequence[Cell]] = []
    for name, lines in groups:
        rows.append((name,))
        for stage, entered, dropped in lines:
            left = entered - dropped
            rows.append((stage, entered, dropped, left, ratio(left, entered), ratio(left, lines[0][1])))
    return table(("Stage", "Rows in", "Dropped", "Rows out", "Passed", whole), rows)


def log_histograms(
    bins: pl.DataFrame,
    *,
    title: str,
    unit: str,
    by: str = "language",
    caption: Callable[[str], str] = language_name,
) -> Callable[[str], Html]:
    """Draws the rows of one value of ``by``; the charts of all values have one common logarithmic axis.

    ``bins``: ``by``, lower, upper, and the number of rows as its last column.
    """
    rows = pl.col(bins.columns[-1])
    usable = bins.filter((rows > 0) & (pl.col("lower") > 0)).sort("lower")
    domain = (1.0, 10.0)
    if usable.height:
        low, high = usable.select(pl.col("lower").min(), pl.col("upper").max()).row(0)
        domain = (float(low), float(high))

    def draw(value: str) -> Html:
        mine = usable.filter(pl.col(by) == value).select("lower", "upper", rows)
        chosen = [Bin(*row) for row in mine.iter_rows()]
        note = f"Median between {_middle(chosen)} {unit}" if chosen else ""
        return figure(histogram(chosen, title=title, domain=domain), caption(value), note)

    return draw


def _middle(bins: Sequence[Bin]) -> str:
    counts = list(accumulate(found.documents for found in bins))
    middle = bins[bisect_left(counts, counts[-1] / 2)]
    return f"{_figure(middle.lower)} and {_figure(middle.upper)}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def details(name: str, count: str, cards: Sequence[str], meaning: str = "") -> str:
    """Samples, folded away under a name; ``meaning`` becomes a sentence above them."""
    told = f'<p class="quiet">{escape(meaning[:1].upper() + meaning[1:])}.</p>' if meaning else ""
    content = "\n".join(cards) or nothing("There are none.")
    return (
        f'<details>\n<summary>{escape(name)} <span class="count">{escape(count)}</span></summary>\n'
        f"{told}{content}\n</details>"
    )
