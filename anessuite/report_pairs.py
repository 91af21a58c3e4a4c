"""Sections of an evaluation's report beyond accuracy: pairs, sizes, orders of options, open answers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from anessuite.card_words import language_name
from anessuite.evaluation_tables import EvaluationTables
from anessuite.pages import Cell, figure, nothing, percent, table
from anessuite.published_scores import WHOSE
from anessuite.removals import counted
from anessuite.report_contestants import (
    by,
    contestant,
    language_in_words,
    languages_in,
    long_table,
    points_with_interval,
    with_interval,
)
from anessuite.report_parts import charts, details
from anessuite.report_scores import PERCENT, Axis, Point, log_range_of, scatter
from anessuite.scores import ALL, CONTESTANT, MEAN

_SURE = 0.05
_MOST_NAMED = 12


def pairs(tables: EvaluationTables) -> list[str]:
    """Paired comparisons on the questions that both were asked, over all languages and within each."""
    found = tables.comparisons
    if not found.height:
        return [
            nothing(
                "There is no pair to compare: fewer than two models or styles answered the same questions."
            )
        ]
    parts = [
        nothing(
            "Each pair on the questions that both were asked. Difference of accuracies in percentage points, "
            "with the 95 % interval of a paired bootstrap over questions; p is McNemar's exact test on the "
            "questions that only one of the two has right, corrected for all pairs of a language by Holm's "
            "method."
        ),
        *_not_compared(tables),
    ]
    for language in languages_in(found):
        lines = found.filter(pl.col("language") == language).sort("p_holm", "model", "style").to_dicts()
        sure = sum(line["p_holm"] < _SURE for line in lines)
        told = nothing(f"{sure} of {counted(len(lines), 'pair')} differ by more than chance (p below 0.05).")
        name = language_in_words(language)
        content = [told, *long_table(_PAIR_HEAD, [_pair(line) for line in lines], _REST)]
        parts += content if language == ALL else [details(name, counted(len(lines), "pair"), content)]
    return parts


_PAIR_HEAD = (
    "Model and style",
    "Other",
    "Questions",
    "Difference",
    "Only the first right",
    "Only the other",
    "p",
)
_REST = "pairs are in tables/comparisons.parquet"


def _pair(line: Mapping[str, Any]) -> Sequence[Cell]:
    return (
        contestant(line),
        f"{line['other_model']} · {line['other_style']}",
        line["questions"],
        points_with_interval(line["difference"], line["low"], line["high"]),
        line["only_model"],
        line["only_other"],
        f"{line['p_holm']:.3f}" if line["p_holm"] >= 0.001 else "< 0.001",
    )


def _not_compared(tables: EvaluationTables) -> list[str]:
    """Pairs grow with the square of contestants, so that an evaluation may compare its best ones only."""
    found = tables.comparisons
    others = found.select(pl.col("other_model").alias("model"), pl.col("other_style").alias("style"))
    compared = pl.concat([found.select(CONTESTANT), others]).n_unique()
    left = tables.scores.select(CONTESTANT).n_unique() - compared
    return [nothing(f"{left} with lower accuracy are not compared in pairs.")] if left > 0 else []


def sizes(tables: EvaluationTables, published: pl.DataFrame) -> list[str]:
    """Accuracy over the number of parameters, the authors' published rows beside this version's."""
    scored = _main_scores(tables.scores)
    sized = scored.filter(pl.col("size").is_not_null()).sort("size", *CONTESTANT).to_dicts()
    if not sized:
        return [
            nothing("No model has a stated size; the config's `size` states it, in billions of parameters.")
        ]
    column = _published_column(scored)
    theirs = published.filter(pl.col("size").is_not_null() & pl.col(column).is_not_null())
    ours = list(_sized(sized))
    beside = [
        Point(1, score, score, score, at=size) for size, score in theirs.select("size", column).iter_rows()
    ]
    domain = log_range_of([point.at for point in (*ours, *beside)], least=(1.0, 10.0))
    series = ["this version", "published by the authors"] if beside else ["this version"]
    axis = Axis("billions of parameters (logarithmic)", domain, "~g", is_log=True)
    left = scored.filter(pl.col("size").is_null())
    unsized = ", ".join(contestant(line) for line in left.iter_rows(named=True))
    rows = [(contestant(line), f"{line['size']:g}", _accuracy(line)) for line in sized]
    return [
        nothing(f"Score: {_score_in_words(scored)}. Mixtures of experts count with all their parameters."),
        charts([figure(scatter([*beside, *ours], series, axis, PERCENT), "Size and accuracy")]),
        nothing(WHOSE) if beside else "",
        *long_table(
            ("Model and style", "Billions", "Accuracy, %"), rows, "models are in tables/scores.parquet"
        ),
        nothing(f"Left out, as no size is stated: {unsized}.") if unsized else "",
    ]


def _main_scores(scores: pl.DataFrame) -> pl.DataFrame:
    """Of each contestant the mean of the languages; where only one was asked, its total."""
    whole = scores.filter(pl.col("level") == ALL)
    mean = whole.filter(pl.col("language") == MEAN)
    return mean if mean.height else whole.filter(~pl.col("language").is_in([ALL, MEAN]))


def _published_column(scored: pl.DataFrame) -> str:
    languages = set(scored["language"])
    return f"{languages.pop()}_total" if languages < {"en", "zh"} and len(languages) == 1 else "average"


def _score_in_words(scored: pl.DataFrame) -> str:
    languages = sorted(set(scored["language"]))
    return (
        "mean of the languages' totals" if languages == [MEAN] else ", ".join(map(language_name, languages))
    )


def _sized(lines: Sequence[Mapping[str, Any]]) -> Iterator[Point]:
    """Points of this version; a few models are named, each once."""
    named: set[str] = set()
    for line in lines:
        is_named = len(lines) <= _MOST_NAMED and line["model"] not in named
        named.add(line["model"])
        label = str(line["model"]) if is_named else ""
        yield Point(0, line["accuracy"], line["low"], line["high"], at=line["size"], label=label)


def _accuracy(line: Mapping[str, Any]) -> str:
    return with_interval(line["accuracy"], line["low"], line["high"])


def orders(tables: EvaluationTables) -> list[str]:
    """How scores and choices depend on the order of the options."""
    if not tables.orders.height:
        return [nothing("Options were asked in one order only: `shuffles` in the config asks for more.")]
    lines = tables.orders.to_dicts()
    rows = [
        (
            contestant(line),
            language_in_words(line["language"]),
            line["orders"],
            line["questions"],
            line["lowest"],
            line["highest"],
            line["always_right"],
            line["same_option"],
        )
        for line in lines
    ]
    head = (
        *("Model and style", "Questions in", "Orders", "Questions", "Worst order", "Best order"),
        *("Right in all", "Same option in all"),
    )
    return [
        nothing(
            "A model that knows the answer gives the same option in whatever order it stands. Right in all "
            "orders is an accuracy that no preference for a letter can raise."
        ),
        *long_table(head, rows, "rows are in tables/orders.parquet"),
        "<h3>Letters</h3>",
        nothing("How often each letter was chosen, and below how often it was right: shares of all answers."),
        _letters([line for line in lines if line["language"] == ALL] or lines),
    ]


def _letters(lines: Sequence[Mapping[str, Any]]) -> str:
    letters = sorted({one["letter"] for line in lines for one in line["letters"]})
    rows: list[Sequence[Cell]] = []
    for line in lines:
        found = {one["letter"]: one for one in line["letters"]}
        for name in ("chosen", "gold"):
            shares = [percent(found[letter][name]) if letter in found else "–" for letter in letters]
            rows.append((contestant(line), "chosen" if name == "chosen" else "right", *shares))
    return table(("Model and style", "Letter", *letters), rows, tall=len(rows) > 24)


def open_answers(agreement: pl.DataFrame | None) -> list[str]:
    """Replies without options: what the judge says beside the results with options, and beside people."""
    if agreement is None:
        return [nothing("No question was asked without its options: `open` in the config does.")]
    if not agreement.height:
        return [nothing("No question has both a judged open answer and another verdict to set beside it.")]
    rows: list[Sequence[Cell]] = []
    for model, lines in by(agreement.to_dicts(), "model"):
        rows.append((str(model),))
        rows += [_agreed(line) for line in lines]
    head = (
        "Questions in",
        "Beside",
        "Questions",
        "Open answers right",
        "Right beside",
        "Same verdict",
        "Kappa",
    )
    return [
        nothing(
            "Open answers are judged by a model against the text of the right option. Beside a style with "
            "options the two may differ for good reason: who picks the right letter need not know the answer "
            "without it. Beside people, kappa says how far the judge is to be trusted."
        ),
        *long_table(head, rows, "rows are in tables/open_agreement.parquet"),
    ]


def _agreed(line: Mapping[str, Any]) -> Sequence[Cell]:
    kappa = line["kappa"]
    ends = (line["kappa_low"], line["kappa_high"])
    bounds = "" if None in ends else f" ({ends[0]:.2f} to {ends[1]:.2f})"
    return (
        language_in_words(line["language"]),
        line["beside"],
        line["questions"],
        line["open_accuracy"],
        line["other_accuracy"],
        line["same"],
        "none: all verdicts are alike" if kappa is None else f"{kappa:.2f}{bounds}",
    )
