"""The report of an evaluation: one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from anessuite.evaluation_tables import EvaluationTables
from anessuite.manifests import Manifest
from anessuite.origins import recipe
from anessuite.pages import Cell, Html, figure, nothing, table
from anessuite.published_scores import published_scores
from anessuite.report_contestants import (
    LEVEL_NAMES,
    contestant,
    drawn_rows,
    language_in_words,
    languages_in,
    left_out,
    long_table,
    point_of,
    points_with_interval,
    with_interval,
)
from anessuite.report_lengths import lengths
from anessuite.report_models import models
from anessuite.report_pairs import open_answers, orders, pairs, sizes
from anessuite.report_parts import Section, Tile, charts, report_page
from anessuite.report_questions import funnel, reasons
from anessuite.report_scores import PERCENT, Axis, Row, intervals, spread_of
from anessuite.scores import ALL, CONTESTANT, MEAN, UNLABELLED
from anessuite.votes import LEVELS

_NO_SCORES = "There are no scores: no question was asked."


def evaluation_report(
    manifest: Manifest, tables: EvaluationTables, agreement: pl.DataFrame | None = None
) -> str:
    """One self-contained HTML page; nothing in it loads or runs anything.

    ``agreement`` is a frame of AGREEMENT where questions were asked without their options too.
    """
    sections: list[Section] = [
        ("Accuracy", _accuracy(tables.scores)),
        ("Levels", _levels(tables)),
        ("Languages", _languages(tables)),
        ("Pairs", pairs(tables)),
        ("No answer", _no_answer(tables.scores)),
        ("Lengths", lengths(tables)),
        ("Sizes", sizes(tables, published_scores())),
        ("Orders", orders(tables)),
        ("Open answers", open_answers(agreement)),
        ("Cost", _cost(tables.scores)),
        ("Questions", [*funnel(manifest), *reasons(manifest)]),
        ("Models", models(manifest)),
        ("Recipe", recipe(manifest)),
    ]
    return report_page(manifest, _tiles(tables), sections)


def _whole(scores: pl.DataFrame) -> pl.DataFrame:
    """One row a contestant: all questions alike."""
    return scores.filter((pl.col("language") == ALL) & (pl.col("level") == ALL)).sort(
        "accuracy", *CONTESTANT, descending=[True, False, False]
    )


def _tiles(tables: EvaluationTables) -> list[Tile]:
    whole = _whole(tables.scores)
    answers = int(whole["answers"].sum())
    asked = int(whole["questions"].max() or 0)  # type: ignore[arg-type]
    compared = tables.comparisons.filter(pl.col("language") == ALL)
    differ = compared.filter(pl.col("p_holm") < 0.05).height
    return [
        ("", "Models", whole["model"].n_unique(), f"{whole.height:,} with their styles"),
        ("", "Questions", asked, "asked of each, at most"),
        ("kept", "Answers", answers, "in the benchmark's own order of options"),
        ("", "Pairs that differ", differ, f"of {compared.height:,} compared"),
    ]


def _accuracy(scores: pl.DataFrame) -> list[str]:
    if not scores.height:
        return [nothing(_NO_SCORES)]
    ranked = [contestant(line) for line in _whole(scores).iter_rows(named=True)]
    levels = [level for level in (*LEVELS, UNLABELLED) if level in set(scores["level"])]
    rows: list[Sequence[Cell]] = []
    drawn: list[Html] = []
    for language in languages_in(scores):
        found = _by_contestant(scores.filter(pl.col("language") == language))
        rows.append((language_in_words(language),))
        rows += [_score_row(name, found[name], levels) for name in ranked if name in found]
        if language not in (ALL, MEAN):
            drawn.append(_level_chart(language, ranked, found, levels))
    head = (
        "Model and style",
        *(LEVEL_NAMES[level] for level in levels),
        "All levels",
        "Mean of levels",
        "Questions",
    )
    return [
        nothing(
            "In percent, with 95 % intervals over questions. What is not correct is wrong: no answer, a "
            "refusal, a reply that was cut off and a request without a reply earn nothing."
        ),
        charts(drawn),
        left_out([Row(name, ()) for name in ranked]),
        *long_table(head, rows, "rows are in tables/scores.parquet"),
        *_spread(scores),
    ]


def _by_contestant(scores: pl.DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    """Of each contestant its rows by level."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for line in scores.iter_rows(named=True):
        found.setdefault(contestant(line), {})[line["level"]] = line
    return found


def _score_row(name: str, found: Mapping[str, Mapping[str, Any]], levels: Sequence[str]) -> Sequence[Cell]:
    each = [
        with_interval(line["accuracy"], line["low"], line["high"]) if line else None
        for line in map(found.get, (*levels, ALL, MEAN))
    ]
    return (name, *each, found[ALL]["questions"] if ALL in found else None)


def _level_chart(
    language: str, ranked: Sequence[str], found: Mapping[str, Mapping[str, Any]], levels: Sequence[str]
) -> Html:
    rows = [
        Row(name, [point_of(found[name][level], n) for n, level in enumerate(levels) if level in found[name]])
        for name in ranked
        if name in found
    ]
    series = [LEVEL_NAMES[level] for level in levels]
    return figure(intervals(drawn_rows(rows), series, PERCENT), language_in_words(language))


def _spread(scores: pl.DataFrame) -> list[str]:
    """How far samples of the same questions lie apart, where there are several."""
    sampled = _whole(scores).filter(pl.col("spread").is_not_null())
    rows = [(contestant(line), f"{100 * line['spread']:.1f}") for line in sampled.iter_rows(named=True)]
    head = ("Model and style", "Standard deviation over samples, percentage points")
    return ["<h3>Spread of samples</h3>", table(head, rows, tall=len(rows) > 24)] if rows else []


def _levels(tables: EvaluationTables) -> list[str]:
    found = tables.gaps.filter(pl.col("gap") == f"{LEVELS[0]} - {LEVELS[-1]}")
    return [
        nothing(
            "Accuracy on System 1 (recall) less that on System 2 (decisions under several conditions), in "
            "percentage points. The questions differ, so the interval is that of a difference of independent "
            "shares (Newcombe)."
        ),
        *_gaps(found, "No model has scores on both System 1 and System 2 in one language."),
    ]


def _languages(tables: EvaluationTables) -> list[str]:
    found = tables.gaps.filter(pl.col("gap") == "en - zh")
    return [
        nothing(
            "Accuracy in English less that in Chinese, in percentage points. The two halves hold different "
            "questions, so a gap says as much of the halves as of the model: compare models, not a model "
            "with zero."
        ),
        *_gaps(found, "No model was asked in both English and Chinese."),
    ]


def _gaps(found: pl.DataFrame, why_not: str) -> list[str]:
    if not found.height:
        return [nothing(why_not)]
    ordered = found.sort("difference", *CONTESTANT, descending=[True, False, False])
    points = [point_of(line, 0, "difference") for line in ordered.iter_rows(named=True)]
    axis = Axis("percentage points", spread_of(points, around=0.0), "+%", mark=0.0)
    drawn: list[Html] = []
    rows: list[Sequence[Cell]] = []
    longest: list[Row] = []
    for language in languages_in(ordered):
        lines = ordered.filter(pl.col("language") == language).to_dicts()
        chart = [Row(contestant(line), [point_of(line, 0, "difference")]) for line in lines]
        drawn.append(figure(intervals(drawn_rows(chart), [""], axis), language_in_words(language)))
        rows += [(language_in_words(language),), *map(_gap_row, lines)]
        longest = max(longest, chart, key=len)
    table_ = long_table(("Model and style", "Difference"), rows, "rows are in tables/gaps.parquet")
    return [charts(drawn), left_out(longest), *table_]


def _gap_row(line: Mapping[str, Any]) -> Sequence[Cell]:
    return contestant(line), points_with_interval(line["difference"], line["low"], line["high"])


def _no_answer(scores: pl.DataFrame) -> list[str]:
    if not scores.height:
        return [nothing(_NO_SCORES)]
    whole = scores.filter((pl.col("level") == ALL) & (pl.col("language") != MEAN))
    names = ("no_answer", "refused", "truncated", "not_asked")
    rows: list[Sequence[Cell]] = []
    for language in languages_in(whole):
        mine = whole.filter(pl.col("language") == language).sort(CONTESTANT)
        rows.append((language_in_words(language),))
        rows += [(contestant(line), *(line[name] for name in names)) for line in mine.iter_rows(named=True)]
    head = ("Model and style", "No answer", "Refused", "Cut off", "Not asked or not judged")
    return [
        nothing(
            "Shares of answers that are wrong by rule: the reply states no single option, the model refused, "
            "the limit of tokens cut it off, or there is no reply (or no verdict of the judge) at all."
        ),
        *long_table(head, rows, "rows are in tables/scores.parquet"),
    ]


def _cost(scores: pl.DataFrame) -> list[str]:
    whole = _whole(scores)
    if not whole.height:
        return [nothing(_NO_SCORES)]
    rows = [
        (
            contestant(line),
            f"{line['tokens']:,.0f}",
            _money(1000 * line["cost"]),
            _money(1000 * line["cost"] / line["accuracy"]) if line["accuracy"] else "–",
        )
        for line in whole.iter_rows(named=True)
    ]
    free = nothing("All costs are 0: the config states no prices.") if not whole["cost"].sum() else ""
    head = ("Model and style", "Tokens a reply", "Cost of 1,000 replies", "Cost of 1,000 right ones")
    return [
        nothing("Generated tokens, reasoning among them; costs in the currency of the config's prices."),
        free,
        *long_table(head, rows, "rows are in tables/scores.parquet"),
    ]


def _money(amount: float) -> str:
    return f"{amount:,.2f}" if amount >= 0.01 or not amount else f"{amount:.2g}"
