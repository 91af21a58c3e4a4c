"""The report of question-answer pairs: one HTML file that needs nothing else."""

from collections.abc import Sequence

import polars as pl

from anessuite.card_words import PAIR_REASONS, language_name
from anessuite.charts import Bar, bars
from anessuite.manifests import Manifest, Stage
from anessuite.origins import files_by_source, recipe, sources_with_files, stage_totals, stages_by_source
from anessuite.pages import Cell, escape, figure, nothing, table
from anessuite.removals import clipped, counted
from anessuite.report_facts import PairFacts, pair_facts
from anessuite.report_models import models, steps_of
from anessuite.report_pair_figures import pair_figures
from anessuite.report_pair_samples import kept_pair, rejected_pair
from anessuite.report_parts import (
    Section,
    Tile,
    charts,
    details,
    funnel_figure,
    funnel_table,
    languages,
    ratio,
    report_page,
    share,
)

__all__ = ["PairFacts", "pair_facts", "pair_report"]

STAGES = {
    "citations": "keeps those that have an abstract, in the language, on the specialty",
    "updates": "keeps the newest form of each citation, once, and so many as are wanted",
    "questions": "has the generator model write questions",
    "rules": "keeps questions that stand alone and ask one thing",
    "judge": "has the filter model judge each question",
    "answer": "has the filter model answer, and compares the answer with the abstract",
    "repeats": "keeps one of the questions that repeat each other",
    "decontaminate": "drops pairs that give away a question of the benchmark",
}
"""What each stage does."""
_MOST_LABEL = 32
_MARKS = (
    '<p class="quiet">Drawn by chance, a few of each reason. In an answer, numbers and drugs that neither '
    'abstract nor question holds are <span class="ungrounded"><mark>marked</mark>, wording that the abstract '
    'does not hold is <mark class="idle">underlined</mark></span>; of a pair that gives a question away, '
    "what the two have in common is <mark>marked</mark>.</p>"
)


def pair_report(manifest: Manifest, facts: PairFacts) -> str:
    """One self-contained HTML page; nothing in it loads or runs anything."""
    sections: list[Section] = [
        ("Funnel", _funnel(manifest)),
        ("Reasons", _reasons(manifest)),
        ("Pairs", [*languages(manifest, rows="pairs"), pair_figures(manifest, facts)]),
        ("Models", models(manifest)),
        ("Kept samples", _kept_samples(manifest, facts)),
        ("Dropped samples", _rejected_samples(manifest, facts)),
        ("Sources", sources_with_files(manifest, facts.licences)),
        ("Recipe", recipe(manifest)),
    ]
    return report_page(manifest, _tiles(manifest, facts), sections)


def _tiles(manifest: Manifest, facts: PairFacts) -> list[Tile]:
    tiles: list[Tile] = []
    units, files = stages_by_source(manifest), files_by_source(manifest)
    read_files = sum(len(files.get(name, [])) for name in facts.licences)
    if read := units.get("citations"):
        tiles.append(("", "Citations read", read[0].rows_in, f"from {counted(read_files, 'file')}"))
    if asked := units.get("abstracts"):
        tiles.append(("", "Abstracts", asked[0].rows_in, "to ask about"))
    questions = units.get("questions", [])
    written = questions[0].rows_in if questions else 0
    tiles.append(("", "Questions", written, "written by a model"))
    tiles += [
        ("kept", f"Pairs, {language_name(language)}", rows, f"{share(rows, written)} of the questions")
        for language, rows in manifest.rows.items()
    ]
    counts = steps_of(manifest.requests).values()
    requests, tokens = (
        sum(each.get(name, 0) for each in counts for name in names)
        for names in (("requests",), ("prompt_tokens", "completion_tokens"))
    )
    return [*tiles, ("", "Model requests", requests, f"{tokens:,} tokens")]


def _funnel(manifest: Manifest) -> list[str]:
    units = stages_by_source(manifest)
    if not units:
        return [nothing("The manifest holds no funnel.")]
    groups = {unit: stage_totals(stages) for unit, stages in units.items()}
    drawn = [
        funnel_figure(lines, unit.capitalize(), rows=unit, note=_born(units, unit), passed=True)
        for unit, lines in groups.items()
    ]
    return [
        nothing(
            "What is left after each stage, and which share of its rows passed. One abstract makes several "
            "questions, so each kind of row has a funnel of its own."
        ),
        charts(drawn),
        funnel_table([(unit.capitalize(), lines) for unit, lines in groups.items()], whole="Of all"),
        table(
            ("Stage", "What it does"),
            [(stage.stage, STAGES.get(stage.stage, "")) for stage in manifest.funnel],
        ),
    ]


def _born(units: dict[str, list[Stage]], unit: str) -> str:
    """Where the questions come from."""
    asked, written = units.get("abstracts"), units["questions"] if unit == "questions" else None
    if not asked or not written or not asked[-1].rows_out:
        return ""
    each = written[0].rows_in / asked[-1].rows_out
    return f"{each:.2g} for each of {counted(asked[-1].rows_out, 'abstract')}"


def _reasons(manifest: Manifest) -> list[str]:
    dropping = [stage for stage in manifest.funnel if stage.rows_in > stage.rows_out]
    if not dropping:
        return [nothing("No row was dropped.")]
    drawn = [_reasons_figure(stage) for stage in dropping]
    rows: list[Sequence[Cell]] = []
    for stage in dropping:
        rows.append((stage.stage,))
        rows += [
            (reason, count, ratio(count, stage.rows_in), PAIR_REASONS.get(reason, ""))
            for reason, count in _ranked(stage)
        ]
    return [
        nothing("Each row is dropped by the first reason that holds. Bars are logarithmic."),
        charts(drawn),
        table(("Reason", "Rows", "Of the stage's", "Meaning"), rows),
    ]


def _ranked(stage: Stage) -> list[tuple[str, int]]:
    return sorted(stage.dropped.items(), key=lambda drop: (-drop[1], drop[0]))


def _reasons_figure(stage: Stage) -> str:
    drawn = bars([Bar(clipped(reason, _MOST_LABEL), n, f"{n:,}") for reason, n in _ranked(stage)], log=True)
    gone = stage.rows_in - stage.rows_out
    note = f"{gone:,} of {stage.rows_in:,} {stage.source} dropped, {share(gone, stage.rows_in)}"
    return figure(drawn, stage.stage, note.replace(" %", "\u00a0%"))


def _kept_samples(manifest: Manifest, facts: PairFacts) -> list[str]:
    parts = []
    for language, kept in manifest.rows.items():
        rows = facts.kept_samples.filter(pl.col("language") == language).to_dicts()
        parts.append(details(language_name(language), f"{len(rows)} of {kept:,}", list(map(kept_pair, rows))))
    note = nothing("Drawn by chance. Below a pair stands why the filter model let its question pass.")
    return [note, *parts] if parts else [nothing("No pair was kept.")]


def _rejected_samples(manifest: Manifest, facts: PairFacts) -> list[str]:
    parts: list[str] = []
    for stage in manifest.funnel:
        mine = facts.rejected_samples.filter(pl.col("stage") == stage.stage)
        folded = [
            details(reason, f"{len(rows)} of {count:,}", rows, PAIR_REASONS.get(reason, ""))
            for reason, count in _ranked(stage)
            for found in [mine.filter(pl.col("reason") == reason).to_dicts()]
            for rows in [[rejected_pair(row, facts.repeated) for row in found]]
            if rows
        ]
        parts += [f"<h3>{escape(stage.stage)}</h3>", *folded] if folded else []
    if not parts:
        return [nothing("There are no dropped rows to show.")]
    return [_MARKS, *parts]
