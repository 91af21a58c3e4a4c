"""What the sections of an evaluation's report share: names, numbers with intervals, groups of rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import polars as pl

from anessuite.card_words import language_name
from anessuite.pages import Cell, Html, more, table
from anessuite.report_scores import Point, Row
from anessuite.scores import ALL, MEAN, UNLABELLED
from anessuite.votes import LEVELS

LEVEL_NAMES: Final = dict(zip(LEVELS, ("System 1", "System 1.x", "System 2"), strict=True)) | {
    UNLABELLED: "no level",
    ALL: "all levels",
    MEAN: "mean of levels",
}
MOST_DRAWN: Final = 30
"""Contestants in a chart; tables have all."""
MOST_LINES: Final = 500
Line = Mapping[str, Any]
Lines = Sequence[Line]


def contestant(line: Line) -> str:
    """A model and how it was asked."""
    return f"{line['model']} · {line['style']}"


def languages_in(frame: pl.DataFrame) -> list[str]:
    """``all``, the languages, then ``mean``, as far as they are there."""
    found = set(frame["language"])
    return [name for name in (ALL, *sorted(found - {ALL, MEAN}), MEAN) if name in found]


def language_in_words(language: str) -> str:
    """A language, or what stands for several."""
    return {ALL: "All questions", MEAN: "Mean of the languages"}.get(language) or language_name(language)


def with_interval(value: float, low: float, high: float) -> str:
    """Percents with one digit, an interval that no line breaks: 61.2 (58.0 to 64.3)."""
    return f"{100 * value:.1f} ({100 * low:.1f}\u00a0to\u00a0{100 * high:.1f})"


def points_with_interval(value: float, low: float, high: float) -> str:
    """A difference in percentage points, with its sign: +6.1 (−0.4 to +12.6)."""
    written = [f"{100 * number:+.1f}".replace("-", "−") for number in (value, low, high)]
    return "{} ({}\u00a0to\u00a0{})".format(*written)


def point_of(line: Line, series: int, name: str = "accuracy") -> Point:
    """The value called ``name`` with the line's interval."""
    return Point(series, line[name], line["low"], line["high"])


def drawn_rows(rows: Sequence[Row]) -> Sequence[Row]:
    """As many as a chart has."""
    return rows[:MOST_DRAWN]


def left_out(rows: Sequence[Row]) -> str:
    """Says that a chart does not have all rows."""
    return more(len(rows) - MOST_DRAWN, "are in the table below")


def by(lines: Iterable[Line], name: str) -> Iterator[tuple[Any, list[Line]]]:
    """Lines grouped by a column, in the order in which its values come."""
    found: dict[Any, list[Line]] = {}
    for line in lines:
        found.setdefault(line[name], []).append(line)
    yield from found.items()


def long_table(head: Sequence[str], rows: Sequence[Sequence[Cell]], what: str) -> list[str]:
    """A table that scrolls where it is long; ``what`` says where rows beyond MOST_LINES are."""
    shown: Html = table(head, rows[:MOST_LINES], tall=len(rows) > 24)
    return [shown, more(len(rows) - MOST_LINES, what)]
