"""The table of a leaderboard: a row a model and style, and the authors' published rows among them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from anessuite.card_words import language_name
from anessuite.pages import Html, escape, percent
from anessuite.scores import ALL, MEAN, UNLABELLED
from anessuite.votes import LEVELS

REST: Final = "rest"
"""The ``level`` of columns that are no accuracies."""
LEVEL_NAMES: Final = {
    "system1": "System 1",
    "system1.x": "System 1.x",
    "system2": "System 2",
    UNLABELLED: "no level",
    ALL: "Total",
}
_SHORT = {"en": "EN", "zh": "CH"}
_SHORT_LEVELS = {
    "system1": "Sys1",
    "system1.x": "Sys1.x",
    "system2": "Sys2",
    UNLABELLED: "None",
    ALL: "Total",
}
_REST = {
    "no_answer": ("No answer", "share of answers in which no single option was stated"),
    "refused": ("Refused", "share of answers in which the model refused"),
    "truncated": ("Cut off", "share of answers that were cut off at the limit of tokens"),
    "not_asked": ("Not asked", "share of requests that no model answered"),
    "tokens": ("Tokens", "generated tokens, mean of a question and sample"),
    "cost": ("Cost", "for 1,000 questions, in the currency of the config's prices"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """``name`` of a column of SCORE, for the rows of a language and a level."""

    language: str
    level: str
    name: str
    head: str
    title: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in the table: what it is sorted by, what is shown, its interval."""

    value: float
    shown: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table: figures by column."""

    model: str
    style: str
    is_published: bool
    figures: Mapping[Column, Figure]


def languages_of(scores: pl.DataFrame) -> list[str]:
    """Languages that were asked in; without scores those of the published table."""
    found = set(scores["language"]) - {ALL, MEAN} if scores.height else {"en", "zh"}
    return sorted(found)


def levels_of(scores: pl.DataFrame) -> list[str]:
    """Levels with questions, then ``all``; without scores those of the published table."""
    found = set(scores["level"]) if scores.height else set(LEVELS)
    return [*(level for level in (*LEVELS, UNLABELLED) if level in found), ALL]


def columns_of(scores: pl.DataFrame) -> list[Column]:
    """Accuracies by language and level, the average, then all else: of all questions, then by language."""
    languages = languages_of(scores)
    accuracies = [
        Column(
            language,
            level,
            "accuracy",
            f"{_SHORT.get(language, language.upper())}-{_SHORT_LEVELS[level]}",
            f"accuracy, {language_name(language)}, {LEVEL_NAMES[level]}",
        )
        for language in languages
        for level in levels_of(scores)
    ]
    average = Column(MEAN, ALL, "accuracy", "Avg.", "mean of the languages' totals")
    rest = [
        Column(language, REST, name, head, title)
        for language in ([ALL, *languages] if len(languages) > 1 else [ALL])
        for name, (head, title) in _REST.items()
    ]
    size = Column(ALL, "size", "size", "Size", "billions of parameters, where stated")
    return [*accuracies, *([average] if len(languages) > 1 else []), size, *rest]


def lines_of(scores: pl.DataFrame, published: pl.DataFrame, columns: Sequence[Column]) -> list[Line]:
    """All rows, the best first by the column that `main_column` gives."""
    lines = [*_measured(scores, columns), *_published(published, columns)]
    main = main_column(columns)
    return sorted(lines, key=lambda line: (-_value(line, main), line.is_published, line.model, line.style))


def main_column(columns: Sequence[Column]) -> Column:
    """The average of languages, or the total of the only one."""
    return [column for column in columns if column.level == ALL][-1]


def _value(line: Line, column: Column) -> float:
    return line.figures[column].value if column in line.figures else -1.0


def _measured(scores: pl.DataFrame, columns: Sequence[Column]) -> Iterator[Line]:
    for (model, style), rows in scores.group_by("model", "style", maintain_order=True):
        found = {(row["language"], row["level"]): row for row in rows.iter_rows(named=True)}
        figures = {column: _figure(found, column) for column in columns}
        present = {column: figure for column, figure in figures.items() if figure}
        yield Line(str(model), str(style), is_published=False, figures=present)


def _figure(found: Mapping[tuple[str, str], Mapping[str, Any]], column: Column) -> Figure | None:
    level = column.level if column.name == "accuracy" else ALL
    row = found.get((column.language, level))
    value = row[column.name] if row else None
    if row is None or value is None:
        return None
    if column.name == "accuracy":
        return Figure(value, f"{100 * value:.1f}", row["low"], row["high"])
    shown = {"tokens": f"{value:,.0f}", "cost": f"{1000 * value:,.2f}", "size": f"{value:g}"}
    return Figure(value, shown.get(column.name) or percent(value))


def _published(published: pl.DataFrame, columns: Sequence[Column]) -> Iterator[Line]:
    """Scores have two digits, and are shown with no more."""
    for row in published.iter_rows(named=True):
        figures: dict[Column, Figure] = {}
        for column in columns:
            value = row.get(_published_name(column))
            if value is not None:
                shown = f"{value:g}" if column.name == "size" else f"{100 * value:.0f}"
                figures[column] = Figure(value, shown)
        yield Line(row["model"], "", is_published=True, figures=figures)


def _published_name(column: Column) -> str:
    if column.name != "accuracy":
        return column.name
    return "average" if column.language == MEAN else f"{column.language}_{column.level.replace(ALL, 'total')}"


def table_of(lines: Sequence[Line], columns: Sequence[Column]) -> Html:
    """The table in plain HTML. What a script needs to sort and to filter stands in ``data-`` attributes;
    columns of a single language that are no accuracies are hidden at first."""
    main = main_column(columns)
    heads = "".join(_head(column, is_main=column is main) for column in columns)
    rows = "\n".join(_row(line, columns) for line in lines)
    return Html(
        '<table id="scores" aria-label="Accuracy in percent, with 95 % intervals">\n'
        f'<thead><tr><th scope="col">Model</th>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>'
    )


def _head(column: Column, *, is_main: bool) -> str:
    return (
        f'<th scope="col" class="n" title="{escape(column.title)}" data-language="{escape(column.language)}" '
        f'data-level="{escape(column.level)}"{" aria-sort=descending" if is_main else ""}{_hidden(column)}>'
        f"{escape(column.head)}</th>"
    )


def _hidden(column: Column) -> str:
    return " hidden" if column.level == REST and column.language != ALL else ""


def _row(line: Line, columns: Sequence[Column]) -> str:
    note = "published by the authors" if line.is_published else line.style
    cells = "".join(_cell(line.figures.get(column), column) for column in columns)
    kind = ' class="published"' if line.is_published else ""
    return f'<tr{kind}><th scope="row">{escape(line.model)}<small>{escape(note)}</small></th>{cells}</tr>'


def _cell(figure: Figure | None, column: Column) -> str:
    if figure is None:
        return f'<td class="n"{_hidden(column)}>–</td>'
    if figure.low is None or figure.high is None:
        return f'<td class="n" data-value="{figure.value:.6g}"{_hidden(column)}>{escape(figure.shown)}</td>'
    bounds = f'data-low="{figure.low:.6g}" data-high="{figure.high:.6g}"'
    return (
        f'<td class="n" data-value="{figure.value:.6g}" {bounds}>{escape(figure.shown)}'
        f"<small>{100 * figure.low:.1f}–{100 * figure.high:.1f}</small></td>"
    )
