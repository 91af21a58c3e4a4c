"""Pieces of a self-contained HTML page. All that comes from data goes through `escape`: texts are hostile.

The page forbids every script, font, image and request by its own content security policy; it links nowhere
but to pages that were read, and only to http and https addresses.
"""

import html
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
"""Characters that reorder or hide text, and control characters; tab, newline and return stay."""

MOST_ROWS = 500
"""Longer tables and lists end in a line that says how many rows are left out."""

Cell = str | int | float | None


class Html(str):
    """Text that is HTML already; all other text is escaped where it enters a page."""

    __slots__ = ()


def escape(text: object) -> Html:
    """Text for elements and quoted attributes; characters that reorder or hide text become visible."""
    return text if isinstance(text, Html) else Html(html.escape(visible(str(text))))


def visible(text: str) -> str:
    """Text whose control and direction characters are written out: ⟨U+202E⟩."""
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text.replace("\r\n", "\n"))


def page(title: str, body: Iterable[str]) -> str:
    """A whole document around ``body``."""
    style = files("anessuite").joinpath("report.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta http-equiv="Content-Security-Policy" '
            "content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>",
            *body,
            "</main>\n</body>\n</html>\n",
        ]
    )


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], *, tall: bool = False) -> Html:
    """A table that scrolls sideways where it must, its numbers flush right; `row_of` has more."""
    rows = list(rows)
    whole = [row for row in rows if len(row) == len(head)]
    numeric = [any(isinstance(row[i], int | float) for row in whole) for i in range(len(head))]
    heads = "".join(
        f"<th{_number(is_number)}>{escape(name)}</th>" for name, is_number in zip(head, numeric, strict=True)
    )
    lines = "\n".join(row_of(row, numeric) for row in rows)
    kind = "scroll" + (" tall" if tall else "") + (" slim" if len(head) == 2 else "")
    return Html(
        f'<div class="{kind}" tabindex="0"><table>\n<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{lines}\n</tbody>\n</table></div>"
    )


def row_of(cells: Sequence[Cell], numeric: Sequence[bool]) -> str:
    """One table row; a row of a single cell is a heading over all columns."""
    if len(cells) == 1:
        return f'<tr class="group"><th colspan="{len(numeric)}">{escape(cells[0])}</th></tr>'
    shown = "".join(
        f"<td{_number(is_number)}>{escape(shown_cell(cell))}</td>"
        for cell, is_number in zip(cells, numeric, strict=True)
    )
    return f"<tr>{shown}</tr>"


def _number(is_number: bool) -> str:
    return ' class="n"' if is_number else ""


def shown_cell(cell: Cell) -> str:
    """Numbers with thousands separators, floats as percentages, None as a dash."""
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return percent(cell)
    return f"{cell:,}" if isinstance(cell, int) else cell


def percent(share: float) -> str:
    """0.4213 -> "42.1 %", 0.00139 -> "0.14 %"; only a true zero shows as 0 % and only the whole as 100 %."""
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    if share < 0.01:
        return f"{share * 100:.2g} %" if share >= 1e-5 else "< 0.001 %"
    return f"{share * 100:.1f} %" if share < 0.9995 else "> 99.9 %"


def figure(svg: str, name: str, note: str = "") -> Html:
    """A chart under its caption; without a chart the page says that there is nothing to show."""
    shown = svg or '<p class="quiet">Nothing to show.</p>'
    return Html(
        f"<figure>\n<figcaption><b>{escape(name)}</b> {escape(note)}</figcaption>\n{shown}\n</figure>"
    )


def link(url: str) -> Html:
    """The address, clickable only if it is http or https."""
    if not re.match(r"https?://", url, re.IGNORECASE):
        return escape(url)
    return Html(f'<a href="{escape(url)}" rel="noreferrer noopener nofollow">{escape(url)}</a>')


def nothing(text: str) -> str:
    """What stands in place of an empty table or chart."""
    return f'<p class="quiet">{escape(text)}</p>'


def more(count: int, text: str) -> str:
    """Says that ``count`` rows are left out, if any are."""
    return nothing(f"{count:,} more {text}.") if count > 0 else ""
