"""The section of an evaluation's report on the length of replies: do longer ones do better, and why?"""

from collections.abc import Sequence

import polars as pl

from anessuite.evaluation_tables import EvaluationTables
from anessuite.length_effects import PLAIN, WITHIN
from anessuite.pages import Cell, Html, figure, more, nothing
from anessuite.report_contestants import LEVEL_NAMES, Line, by, contestant, long_table, with_interval
from anessuite.report_parts import charts
from anessuite.report_scores import PERCENT, Axis, Point, Row, intervals, log_range_of, scatter
from anessuite.scores import ALL

_MOST_CHARTS = 12
_METHODS = (PLAIN, WITHIN)
_MEANING = (
    "An odds ratio says by what the odds of being right change where a reply has twice the tokens: below 1, "
    "longer replies are wrong more often."
)
_PLAIN_MEANING = (
    "Plain: all answers are compared. A hard question makes the reply long and the answer wrong, so this "
    "ratio falls below 1 even if length does no harm."
)
_WITHIN_MEANING = (
    "Within questions: only answers to the same question are compared, so that its difficulty drops out; "
    "what is left is whether, of several replies to one question, the longer ones are right more or less "
    "often."
)


def lengths(tables: EvaluationTables) -> list[str]:
    """Accuracy by generated tokens and level, then the effect of length, plain and within questions."""
    if not tables.lengths.height:
        return [nothing("No answer has a length: none ended by itself with its tokens counted.")]
    lines = tables.lengths.to_dicts()
    contestants = list(by(lines, "model"))
    named = [
        (contestant(those[0]), those) for _, of_model in contestants for _, those in by(of_model, "style")
    ]
    rows = [
        (
            contestant(line),
            _level(line["level"]),
            _span(line),
            line["answers"],
            _accuracy(line),
        )
        for line in lines
    ]
    head = ("Model and style", "Level", "Generated tokens", "Answers", "Accuracy, %")
    return [
        nothing(
            "Bins hold about as many answers of a model and style each. Replies that were cut off are left "
            "out: their length is the limit's."
        ),
        charts(figure(_curve(those), name) for name, those in named[:_MOST_CHARTS]),
        more(len(named) - _MOST_CHARTS, "are in the table below"),
        *long_table(head, rows, "rows are in tables/lengths.parquet"),
        "<h3>The effect of length</h3>",
        *_effects(tables.length_effects),
    ]


def _level(level: str) -> str:
    return LEVEL_NAMES.get(level, level)


def _span(line: Line) -> str:
    return f"{line['lower']:,.0f} to {line['upper']:,.0f}"


def _accuracy(line: Line) -> str:
    return with_interval(line["accuracy"], line["low"], line["high"])


def _curve(lines: Sequence[Line]) -> str:
    """Accuracy over tokens, a series a level; all levels together only where there is no other."""
    levels = [level for level in LEVEL_NAMES if any(line["level"] == level for line in lines)]
    levels = [level for level in levels if level != ALL] or levels
    points = [
        Point(levels.index(line["level"]), line["accuracy"], line["low"], line["high"], at=_middle(line))
        for line in lines
        if line["level"] in levels
    ]
    domain = log_range_of([point.at for point in points], least=(points[0].at / 1.5, points[0].at * 1.5))
    names = [LEVEL_NAMES[level] for level in levels]
    return scatter(
        points, names, Axis("generated tokens", domain, "~s", is_log=True), PERCENT, is_joined=True
    )


def _middle(line: Line) -> float:
    """The geometric middle of a bin: its axis is logarithmic."""
    return max(line["lower"], 1.0) ** 0.5 * max(line["upper"], 1.0) ** 0.5


def _effects(effects: pl.DataFrame) -> list[str]:
    if not effects.height:
        return [nothing("There is no estimate, since there are no answers.")]
    lines = effects.to_dicts()
    pooled = [line for line in lines if line["model"] == ALL]
    drawn = [(str(model), those) for model, those in by(pooled or lines, "model")][:_MOST_CHARTS]
    names = {ALL: "All models"}
    found = [(names.get(model, model), _effect_chart(those)) for model, those in drawn]
    return [
        nothing(_MEANING),
        nothing(_PLAIN_MEANING),
        nothing(_WITHIN_MEANING),
        charts(figure(svg, name, "Odds ratio of twice the tokens") for name, svg in found if svg),
        *_effect_table(lines),
    ]


def _effect_chart(lines: Sequence[Line]) -> str:
    rows = []
    for level, those in by(lines, "level"):
        points = [
            Point(_METHODS.index(line["method"]), line["odds_ratio"], line["low"], line["high"])
            for line in those
            if line["odds_ratio"] is not None
        ]
        rows += [Row(_level(level), points)] if points else []
    ends = [end for row in rows for point in row.points for end in (point.low, point.high)]
    axis = Axis("odds ratio", log_range_of(ends, least=(0.5, 2.0)), "~g", is_log=True, mark=1.0)
    return intervals(rows, _METHODS, axis)


def _effect_table(lines: Sequence[Line]) -> list[str]:
    rows: list[Sequence[Cell]] = []
    for model, of_model in by(lines, "model"):
        rows.append(("All models" if model == ALL else str(model),))
        for level, those in by(of_model, "level"):
            found = {line["method"]: line for line in those}
            told = [part for method in _METHODS for part in _told(found.get(method))]
            rows.append((_level(level), *told))
    head = ("Level", "Plain", "Answers", "Within questions", "Answers to compare")
    return long_table(head, rows, "rows are in tables/length_effects.parquet")


def _told(line: Line | None) -> tuple[str | Html, int | None]:
    if line is None:
        return "–", None
    if line["odds_ratio"] is None:
        return f"none: {line['why_not']}", line["answers"]
    return f"{line['odds_ratio']:.2f} ({line['low']:.2f}\u00a0to\u00a0{line['high']:.2f})", line["answers"]
