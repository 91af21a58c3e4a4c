"""The report of a training: one HTML file that needs nothing else."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from anessuite.manifests import Manifest
from anessuite.origins import recipe, stage_totals
from anessuite.pages import Cell, Html, figure, nothing, table
from anessuite.report_contestants import (
    LEVEL_NAMES,
    language_in_words,
    languages_in,
    point_of,
    points_with_interval,
    with_interval,
)
from anessuite.report_parts import Section, Tile, charts, funnel_figure, funnel_table, ratio, report_page
from anessuite.report_scores import MOST_SERIES, PERCENT, Axis, Point, Row, intervals, scatter
from anessuite.scores import ALL
from anessuite.training.card import REASONS
from anessuite.training.results import BENCH, GENERAL, Results
from anessuite.votes import LEVELS

_FIRST: Final = {
    "loss": "Loss, on what is trained on",
    "eval_loss": "Loss, on what is held out",
    "reward": "Mean reward",
    "reward_std": "Spread of rewards within groups",
    "rewards/correctness/mean": "Share of right replies",
    "rewards/format_of_reply/mean": "Reward of the form",
    "rewards/same_language/mean": "Reward of the language",
    "completions/mean_length": "Tokens a reply",
    "completions/clipped_ratio": "Share of replies that were cut off",
    "frac_reward_zero_std": "Share of groups without a difference",
    "kl": "Divergence from the model before",
    "entropy": "Entropy",
    "mean_token_accuracy": "Token accuracy",
    "grad_norm": "Norm of the gradient",
    "learning_rate": "Learning rate",
}
"""Curves that are drawn, in this order; all are in the table."""
_MOST_POINTS: Final = 300


def training_report(manifest: Manifest, results: Results) -> str:
    """One self-contained HTML page."""
    sections: list[Section] = [
        ("Accuracy", _examined(results, BENCH)),
        ("Forgetting", _examined(results, GENERAL)),
        ("Curves", _curves(results)),
        ("Stages", _stages(results)),
        ("Rows", _rows(manifest)),
        ("Models", _models(results)),
        ("Recipe", recipe(manifest)),
    ]
    return report_page(manifest, _tiles(manifest, results), sections)


def _tiles(manifest: Manifest, results: Results) -> list[Tile]:
    steps = sum(one.steps for one in results.plan.values())
    return [
        ("kept", "Models", len(results.models), f"{len(results.kept):,} with their weights"),
        ("", "Steps", steps, "of all stages, as planned"),
        ("", "Rows", manifest.kept, "trained on or held out"),
        ("", "Left out", manifest.dropped, "with a reason each"),
    ]


def _examined(results: Results, name: str) -> list[str]:
    scores = results.scores(name)
    if not scores.height:
        return [nothing("There was no such examination: the config asks for none.")]
    drawn = [
        figure(_chart(scores.filter(pl.col("language") == language)), language_in_words(language))
        for language in languages_in(scores)
    ]
    found = results.examined[name]
    return [
        nothing(
            f"In percent, with 95 % intervals over questions, before and after each stage; {found.ref} has "
            "every answer. Differences from the base model: paired bootstrap, p corrected for all pairs."
        ),
        charts(drawn),
        _score_table(scores),
        *_gains(results.against_base(name)),
        *_levels(found.scores),
    ]


def _chart(scores: pl.DataFrame) -> str:
    rows = [Row(line["model"], [point_of(line, 0)]) for line in scores.iter_rows(named=True)]
    return intervals(rows, [""], PERCENT)


def _score_table(scores: pl.DataFrame) -> Html:
    languages = languages_in(scores)
    rows = [
        (model, *(_one(scores, model, language) for language in languages))
        for model in dict.fromkeys(scores["model"])
    ]
    return table(("Model", *map(language_in_words, languages)), rows)


def _one(scores: pl.DataFrame, model: str, language: str) -> Cell:
    found = scores.filter((pl.col("model") == model) & (pl.col("language") == language))
    return with_interval(*found.select("accuracy", "low", "high").row(0)) if found.height else None


def _gains(gains: pl.DataFrame) -> list[str]:
    rows = [
        (
            line["model"],
            language_in_words(line["language"]),
            points_with_interval(line["difference"], line["low"], line["high"]),
            line["only_model"],
            line["only_other"],
            f"{line['p_holm']:.2g}",
        )
        for line in gains.iter_rows(named=True)
    ]
    head = ("Model", "Questions", "Against base, points", "Only it right", "Only base right", "p (Holm)")
    return ["<h3>What was gained</h3>", table(head, rows)] if rows else []


def _levels(scores: pl.DataFrame) -> list[str]:
    levels = [level for level in LEVELS if level in set(scores["level"])]
    whole = scores.filter(pl.col("level").is_in(levels) & (pl.col("language") == ALL))
    if not whole.height:
        return []
    rows = [
        (
            model,
            *(
                with_interval(*found.select("accuracy", "low", "high").row(0)) if found.height else None
                for level in levels
                for found in [whole.filter((pl.col("model") == model) & (pl.col("level") == level))]
            ),
        )
        for model in dict.fromkeys(whole["model"])
    ]
    return ["<h3>By level</h3>", table(("Model", *(LEVEL_NAMES[one] for one in levels)), rows)]


def _curves(results: Results) -> list[str]:
    found = results.curves
    if not found.height:
        return [nothing("Nothing was logged.")]
    parts: list[str] = []
    for kind, models in _by_kind(results).items():
        for begin in range(0, len(models), MOST_SERIES):
            shown = models[begin : begin + MOST_SERIES]
            mine = found.filter(pl.col("model").is_in(shown))
            drawn = [_curve(mine.filter(pl.col("name") == name), shown, name) for name in _FIRST]
            parts += [f"<h3>{kind}: {', '.join(shown)}</h3>", charts(filter(None, drawn))]
    return [nothing("All figures that the trainers logged are in tables/curves.parquet."), *parts]


def _by_kind(results: Results) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for model in results.models:
        kinds.setdefault(results.plan[model.label.split("+")[-1]].kind, []).append(model.label)
    return kinds


def _curve(rows: pl.DataFrame, models: Sequence[str], name: str) -> str:
    if rows["step"].n_unique() < 2:
        return ""
    points = [
        Point(models.index(line["model"]), line["value"], line["value"], line["value"], at=line["step"])
        for model in models
        for line in _thinned(rows.filter(pl.col("model") == model)).iter_rows(named=True)
    ]
    low, high = min(p.value for p in points), max(p.value for p in points)
    room = (high - low) * 0.05 or max(abs(high), 1.0) * 0.05
    upright = Axis(
        "", (min(low - room, 0.0) if low >= 0 and low < high / 2 else low - room, high + room), ".3~g"
    )
    across = Axis("step", (0.0, float(max(p.at for p in points))), ",.0f")
    return figure(scatter(points, models, across, upright, is_joined=True), _FIRST[name])


def _thinned(rows: pl.DataFrame) -> pl.DataFrame:
    """Means of neighbouring steps where there are more than a chart has room for."""
    ordered = rows.sort("step")
    if ordered.height <= _MOST_POINTS:
        return ordered
    each = -(-ordered.height // _MOST_POINTS)
    grouped = ordered.with_columns(part=pl.int_range(pl.len()) // each)
    return grouped.group_by("part", "model").agg(pl.col("step").mean(), pl.col("value").mean()).sort("part")


def _stages(results: Results) -> list[str]:
    rows: list[Sequence[Cell]] = []
    for name, one in results.plan.items():
        tokens = ", ".join(f"{group} {count:,}" for group, count in sorted(one.tokens.items()))
        rows.append((name, one.kind, one.rows, one.places, one.held_out, tokens, one.steps, one.reached))
    head = ("Stage", "Kind", "Rows", "Places", "Held out", "Tokens a pass", "Steps", "Places reached")
    return [
        nothing(
            "A row has several places where the mix repeats a small group; a stage may end before it "
            "reaches all. Tokens of GRPO are of prompts."
        ),
        table(head, rows),
    ]


def _rows(manifest: Manifest) -> list[str]:
    lines = stage_totals(manifest.funnel)
    if not lines:
        return [nothing("The manifest holds no funnel.")]
    entered = lines[0][1]
    rows = [
        (reason, count, ratio(count, entered), REASONS.get(reason, ""))
        for reason, count in sorted(manifest.drops.items(), key=lambda drop: -drop[1])
    ]
    return [
        charts([funnel_figure(lines, "Rows of all stages of training", passed=True)]),
        funnel_table([("Rows", lines)], whole="Of all"),
        table(("Reason", "Rows", "Of all", "Meaning"), rows) if rows else nothing("No row was left out."),
    ]


def _models(results: Results) -> list[str]:
    rows = [
        (
            one.label,
            "kept" if one.label in results.kept else "not kept",
            sum(file.bytes for file in one.files),
            Html(f"<code>{one.digest}</code>"),
        )
        for one in results.models
    ]
    return [
        nothing("The digest is of all files of a model, each of which manifest.json has."),
        table(("Model", "Weights", "Bytes", "Digest"), rows),
    ]
