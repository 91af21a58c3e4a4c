"""Charts of scores: points with intervals, row by row or over a logarithmic axis. Looks as in `charts`.

Series differ by shape as well as by colour. Intervals are drawn as thin filled bars, since the page recolours
fills for dark mode.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from anessuite.charts import ACCENT, FAINT, GRID, INK, MUTED, WIDTH, log_ticks, svg, text_width
from anessuite.pages import visible

MOST_SERIES: Final = 4
_MARKS = ((ACCENT, "circle"), (MUTED, "diamond"), (INK, "square"), (FAINT, "triangle-up"))
_SIDE, _LEGEND, _AXIS = 18, 26, 46
_LABEL, _LINE, _GAP = 20, 13, 9
_FONT = 13
_HEIGHT = 240
_BAR, _DOT = 2, 62


@dataclass(frozen=True, slots=True)
class Point:
    """A value with its interval; ``series`` is a number of the chart's series, ``at`` where it stands on the
    horizontal axis of a scatter."""

    series: int
    value: float
    low: float
    high: float
    at: float = 0.0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A label, and below it one point a series."""

    label: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Axis:
    """Title, ends, and how numbers are written: ``%`` and ``+%`` are shares, all else is a format of d3.

    ``mark`` is where a line stands (no difference), if anywhere.
    """

    title: str
    domain: tuple[float, float]
    format: str = "%"
    is_log: bool = False
    mark: float | None = None


PERCENT: Final = Axis("accuracy", (0.0, 1.0))


def intervals(rows: Sequence[Row], series: Sequence[str], axis: Axis) -> str:
    """Rows of points with intervals over a common horizontal axis. No rows give an empty text."""
    if not rows:
        return ""
    import altair as alt

    top = _LEGEND if len(series) > 1 else 0
    points, labels, height = _laid_out(rows, top)
    y_scale = alt.Scale(domain=[height, 0], nice=False)
    y = alt.Y("y:Q", axis=None, scale=y_scale)
    x = alt.X("value:Q", scale=_scale(axis), axis=_axis(axis))
    base = alt.Chart(alt.Data(values=points)).encode(y=y)
    bars = base.mark_bar(size=_BAR).encode(
        x=alt.X("low:Q", scale=_scale(axis)), x2=alt.X2("high:Q"), color=_colours()
    )
    dots = base.mark_point(filled=True, size=_DOT, opacity=1).encode(x=x, color=_colours(), shape=_shapes())
    named = alt.Chart(alt.Data(values=labels)).mark_text(align="left", fontSize=_FONT, color=INK)
    names = named.encode(x=alt.XValue(0), y=y, text=alt.Text("label:N"))
    line = _mark_line(axis, y=(top, height), y_scale=y_scale)
    layers = alt.layer(*line, bars, dots, names, *_legend(series))
    return svg(layers, WIDTH - 2 * _SIDE, height, left=_SIDE, right=_SIDE, top=0, bottom=_AXIS)


def _laid_out(rows: Sequence[Row], top: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """Points and labels with their heights in pixels from the top, and the height of all."""
    points: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    y = top
    for row in rows:
        labels.append({"y": y + _LABEL / 2, "label": _fitting(visible(row.label))})
        y += _LABEL
        for point in row.points:
            points.append(_values(point) | {"y": y + _LINE / 2})
            y += _LINE
        y += _GAP
    return points, labels, y


def _fitting(label: str) -> str:
    """A label that the chart is wide enough for; what is left out is an ellipsis."""
    shown = label
    while text_width(shown) > WIDTH - 2 * _SIDE:
        label = label[:-1]
        shown = f"{label}…"
    return shown


def scatter(
    points: Sequence[Point], series: Sequence[str], x: Axis, y: Axis, *, is_joined: bool = False
) -> str:
    """Points over two axes, with intervals where they have any; ``is_joined`` draws a line through a series.

    No points give an empty text.
    """
    if not points:
        return ""
    import altair as alt

    base = alt.Chart(alt.Data(values=list(map(_values, points)))).encode(
        x=alt.X("at:Q", scale=_scale(x), axis=_axis(x))
    )
    up = alt.Y("value:Q", scale=_scale(y), axis=_axis(y, is_upright=True))
    lines = base.mark_line(color=FAINT, strokeWidth=1.5).encode(y=up, detail=alt.Detail("series:N"))
    bars = base.mark_bar(size=_BAR).encode(
        y=alt.Y("low:Q", scale=_scale(y)), y2=alt.Y2("high:Q"), color=_colours()
    )
    dots = base.mark_point(filled=True, size=_DOT, opacity=1).encode(y=up, color=_colours(), shape=_shapes())
    names = base.mark_text(align="right", dx=-8, fontSize=12, color=MUTED).encode(
        y=up, text=alt.Text("label:N")
    )
    left, top = 48, _LEGEND if len(series) > 1 else 10
    layers = alt.layer(*([lines] if is_joined else []), bars, dots, names, *_legend(series, above=top))
    return svg(layers, WIDTH - left - _SIDE, _HEIGHT, left=left, right=_SIDE, top=top, bottom=_AXIS)


def _colours() -> Any:
    import altair as alt

    return alt.Color("series:N", scale=_by_series(0), legend=None)


def _shapes() -> Any:
    import altair as alt

    return alt.Shape("series:N", scale=_by_series(1), legend=None)


def _by_series(part: int) -> Any:
    import altair as alt

    return alt.Scale(domain=list(range(MOST_SERIES)), range=[mark[part] for mark in _MARKS])


def _values(point: Point) -> dict[str, Any]:
    names = ("series", "value", "low", "high", "at")
    return {name: getattr(point, name) for name in names} | {"label": visible(point.label)}


def _scale(axis: Axis) -> Any:
    import altair as alt

    return alt.Scale(
        type="log" if axis.is_log else "linear", domain=list(axis.domain), nice=False, zero=False
    )


def _axis(axis: Axis, *, is_upright: bool = False) -> Any:
    import altair as alt

    values = log_ticks(*axis.domain) if axis.is_log else None
    fonts: dict[str, Any] = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    colours: dict[str, Any] = {"labelColor": MUTED, "titleColor": MUTED, "gridColor": GRID}
    title = None if is_upright else axis.title
    ticks: dict[str, Any] = {"values": values} if values else {"tickCount": 5}
    return alt.Axis(
        title=title,
        labelExpr=_written(axis),
        labelFlush=False,
        domain=False,
        ticks=False,
        **ticks,
        **fonts,
        **colours,
    )


def _written(axis: Axis) -> str:
    """A Vega expression for the text at a tick."""
    if axis.format.endswith("%"):
        return f"datum.value ? format(100 * datum.value, '{axis.format.removesuffix('%')}.0f') + ' %' : '0 %'"
    return f"format(datum.value, '{axis.format}')"


def _mark_line(axis: Axis, *, y: tuple[float, float], y_scale: Any) -> Iterable[Any]:
    if axis.mark is None:
        return []
    import altair as alt

    data = alt.Data(values=[{"x": axis.mark, "y": y[0], "y2": y[1]}])
    rule = alt.Chart(data).mark_rule(color=FAINT, strokeWidth=2)
    return [
        rule.encode(
            x=alt.X("x:Q", scale=_scale(axis)), y=alt.Y("y:Q", axis=None, scale=y_scale), y2=alt.Y2("y2:Q")
        )
    ]


def _legend(series: Sequence[str], *, above: int = 0) -> list[Any]:
    """Shapes with the names of the series in one line at the top, where there are several."""
    if len(series) < 2:
        return []
    import altair as alt

    values: list[dict[str, Any]] = []
    left = 6
    for number, name in enumerate(series):
        values.append({"series": number, "label": visible(name), "left": left})
        left += 9 + text_width(visible(name)) + 16
    base = alt.Chart(alt.Data(values=values)).encode(y=alt.YValue(9 - above))
    dots = base.mark_point(filled=True, size=_DOT, opacity=1, x=alt.expr("datum.left"))
    names = base.mark_text(align="left", fontSize=12, color=MUTED, x=alt.expr("datum.left + 9"))
    return [dots.encode(color=_colours(), shape=_shapes()), names.encode(text=alt.Text("label:N"))]


def spread_of(points: Iterable[Point], *, around: float) -> tuple[float, float]:
    """Ends of a linear axis that holds all intervals, and lies evenly around a value; a tenth at least."""
    far = max((abs(end - around) for point in points for end in (point.low, point.high)), default=0.0)
    half = max(math.ceil(far * 20) / 20, 0.1)
    return around - half, around + half


def log_range_of(values: Iterable[float], *, least: tuple[float, float]) -> tuple[float, float]:
    """Ends of a logarithmic axis that holds all values, with a little room, and ``least`` in any case."""
    positive = [value for value in values if value > 0]
    return min([least[0], *(v / 1.15 for v in positive)]), max([least[1], *(v * 1.15 for v in positive)])
