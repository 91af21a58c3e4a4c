"""Charts as SVG text, to be put straight into a page: Altair and vl-convert, no browser and no network.

Every chart is `WIDTH` wide: two fit side by side on a desktop, one on a phone. Label columns are measured
here, not by the fonts of the machine that draws. No title is drawn: captions belong to the page, which also
recolours the five colours below for dark mode.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anessuite.pages import visible

WIDTH = 440
ACCENT, INK, MUTED, GRID, FAINT = "#0f766e", "#1d2429", "#5f6b76", "#dfe3e7", "#b9c1c9"
_FONT = 13
_STEP = 22
_GAP = 8
_LEAST_BAR = 72
_LOG_FLOOR = 0.7
"""Where a logarithmic bar begins: below 1, so that a single row still shows."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One horizontal bar: what stands left of it, its length, what stands right of it."""

    label: str
    value: float
    note: str


def bars(rows: Sequence[Bar], *, log: bool) -> str:
    """Horizontal bars in the given order; labels and notes are shown whole. No rows give an empty text."""
    if not rows:
        return ""
    import altair as alt

    rows = [Bar(visible(row.label), row.value, visible(row.note)) for row in rows]  # a NUL kills vl-convert
    left = max(text_width(row.label) for row in rows) + _GAP
    right = max(text_width(row.note) for row in rows) + _GAP
    length = max(WIDTH - left - right, _LEAST_BAR)
    floor = _LOG_FLOOR if log else 0.0
    top = max([row.value for row in rows if row.value > floor], default=1.0)
    values = [
        {"row": i, "label": row.label, "note": row.note, "from": floor, "to": max(row.value, floor)}
        for i, row in enumerate(rows)
    ]
    scale = alt.Scale(type="log" if log else "linear", domain=[floor, top], nice=False)
    y = alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0.32, paddingOuter=0.16))
    base = alt.Chart(alt.Data(values=values)).encode(y=y)
    drawn = base.mark_bar(color=ACCENT, cornerRadiusEnd=2).encode(
        x=alt.X("from:Q", axis=None, scale=scale), x2=alt.X2("to:Q")
    )
    label = base.mark_text(align="right", fontSize=_FONT, color=INK).encode(
        x=alt.XValue(-_GAP), text=alt.Text("label:N")
    )
    note = base.mark_text(align="right", fontSize=_FONT, color=MUTED).encode(
        x=alt.XValue(length + right), text=alt.Text("note:N")
    )
    return svg(
        alt.layer(drawn, label, note), length, _STEP * len(rows), left=left, right=right, top=0, bottom=0
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a histogram: the documents from ``lower`` up to ``upper``."""

    lower: float
    upper: float
    documents: int


def histogram(bins: Sequence[Bin], *, title: str, domain: tuple[float, float]) -> str:
    """Upright bars over a logarithmic axis that spans ``domain``. No bins give an empty text."""
    if not bins:
        return ""
    import altair as alt

    left, right, top, bottom = 48, 14, 10, 46
    values = [{"lower": b.lower, "upper": b.upper, "documents": b.documents} for b in bins]
    axis: dict[str, Any] = {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelExpr": "datum.value >= 1000 ? format(datum.value, '~s') : format(datum.value, '~r')",
    }
    x = alt.X(
        "lower:Q",
        scale=alt.Scale(type="log", domain=list(domain), nice=False),
        axis=alt.Axis(
            title=title, grid=False, values=log_ticks(*domain), domainColor=FAINT, tickColor=FAINT, **axis
        ),
    )
    y = alt.Y(
        "documents:Q",
        axis=alt.Axis(title=None, tickCount=4, domain=False, ticks=False, gridColor=GRID, **axis),
    )
    drawn = alt.Chart(alt.Data(values=values)).mark_rect(color=ACCENT, x2Offset=-1)
    chart = drawn.encode(x=x, x2=alt.X2("upper:Q"), y=y, y2=alt.Y2Datum(0))
    return svg(chart, WIDTH - left - right, 170, left=left, right=right, top=top, bottom=bottom)


def log_ticks(lower: float, upper: float) -> list[float]:
    """Powers of ten within the range; with 2 and 5 between them where there are fewer than three."""
    exponents = range(math.floor(math.log10(lower)), math.ceil(math.log10(upper)) + 1)
    powers = [10.0**e for e in exponents]
    finer = [round(m * power, 9) for power in powers for m in (1, 2, 5)]
    inside = [value for value in powers if lower <= value <= upper]
    return inside if len(inside) >= 3 else [value for value in finer if lower <= value <= upper]


def text_width(text: str) -> int:
    """Pixels that a label takes at most in common fonts: wide characters a full square, others two thirds."""
    return math.ceil(sum(_character_width(character) for character in text))


def _character_width(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return _FONT * 1.02
    if character in " .,:;'|!()ijlt-fr":
        return _FONT * 0.38
    return _FONT * (0.92 if character in "mwMW%@" else 0.68 if character.isupper() else 0.59)


def svg(chart: Any, width: int, height: int, **padding: int) -> str:
    """Render; autosize is off, so that the fonts of this machine move nothing. Not validated each time: that
    takes longer than to draw it, and tests do it."""
    import vl_convert

    whole = chart.properties(width=width, height=height, padding=padding, autosize="none")
    plain = {"background": None, "font": "sans-serif", "aria": False, "view": {"stroke": None}}
    svg = str(vl_convert.vegalite_to_svg(whole.to_dict(validate=False) | {"config": plain})).strip()
    return re.sub(r' (?:xmlns(?::xlink)?|version)="[^"]*"', "", svg, count=3)  # a page needs none of them
