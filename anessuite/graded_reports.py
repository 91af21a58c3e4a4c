"""The report of graded questions: one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from anessuite.card_graded import MEANINGS
from anessuite.card_words import language_name
from anessuite.charts import Bar, bars
from anessuite.graded_facts import GradedFacts
from anessuite.manifests import Manifest
from anessuite.origins import recipe, sources_with_files
from anessuite.pages import Cell, Html, escape, figure, nothing, table
from anessuite.removals import clipped
from anessuite.report_models import models
from anessuite.report_parts import (
    Section,
    Tile,
    charts,
    details,
    languages,
    ratio,
    report_page,
    share,
    with_share,
)
from anessuite.report_questions import funnel, question, reasons, rejected_samples
from anessuite.review.parts import ReviewFacts, review_on_page
from anessuite.votes import LEVELS

_MOST_RATIONALE = 300


def graded_report(manifest: Manifest, facts: GradedFacts, reviewed: ReviewFacts) -> str:
    """One self-contained HTML page; nothing in it loads or runs anything."""
    sections: list[Section] = [
        ("Levels", _levels(manifest, facts)),
        ("Votes", _votes(manifest, facts)),
        ("Review", review_on_page(reviewed)),
        ("Funnel", funnel(manifest)),
        ("Reasons", reasons(manifest)),
        ("Questions", [*languages(manifest, rows="questions"), _letters(manifest, facts)]),
        ("Models", models(manifest)),
        ("Kept samples", _kept_samples(facts)),
        ("Dropped samples", rejected_samples(manifest, facts.rejected_samples)),
        ("Sources", sources_with_files(manifest, facts.licences)),
        ("Recipe", recipe(manifest)),
    ]
    return report_page(manifest, _tiles(manifest, facts), sections)


def _tiles(manifest: Manifest, facts: GradedFacts) -> list[Tile]:
    read = manifest.funnel[0].rows_in if manifest.funnel else 0
    tiles: list[Tile] = [("", "Rows read", read, f"from {len(facts.licences):,} sources")]
    tiles += [
        ("kept", f"Questions, {language_name(language)}", rows, f"{share(rows, manifest.kept)} of all")
        for language, rows in manifest.rows.items()
    ]
    reviewed = int(facts.reviewed.filter(pl.col("reviewed"))["questions"].sum()) if manifest.kept else 0
    above = int(facts.levels.filter(pl.col("level") != LEVELS[0])["questions"].sum()) if manifest.kept else 0
    return [
        *tiles,
        ("", "Above recall", above, f"{share(above, manifest.kept)}; the paper: 20 to 30 %"),
        ("", "Reviewed", reviewed, f"{share(reviewed, manifest.kept)} by people"),
    ]


def _levels(manifest: Manifest, facts: GradedFacts) -> list[str]:
    drawn = [_level_figure(facts, language) for language in manifest.rows]
    rows: list[Sequence[Cell]] = []
    for (language, source), found in facts.by_source.group_by("language", "source", maintain_order=True):
        counts = dict(found.select("level", "questions").iter_rows())
        whole = sum(counts.values())
        above = whole - counts.get(LEVELS[0], 0)
        each = [counts.get(level, 0) for level in LEVELS]
        rows.append((str(source), language_name(str(language)), *each, whole, ratio(above, whole)))
    meanings = [(level, MEANINGS[level]) for level in LEVELS]
    return [
        table(("Level", "Meaning"), meanings),
        charts(drawn),
        table(("Source", "Language", *LEVELS, "All", "Above recall"), rows)
        if rows
        else nothing("No question."),
    ]


def _level_figure(facts: GradedFacts, language: str) -> Html:
    found = facts.levels.filter(pl.col("language") == language)
    counts = dict(found.select("level", "questions").iter_rows())
    whole = sum(counts.values())
    drawn = [Bar(level, counts.get(level, 0), with_share(counts.get(level, 0), whole)) for level in LEVELS]
    return figure(bars(drawn, log=False), language_name(language))


def _votes(manifest: Manifest, facts: GradedFacts) -> list[str]:
    drawn = []
    for language in manifest.rows:
        found = facts.agreement.filter(pl.col("language") == language).sort("agreement", descending=True)
        whole = int(found["questions"].sum()) if found.height else 0
        shown = [
            Bar(f"{agreement:.0%} of votes", count, with_share(count, whole))
            for agreement, count in found.select("agreement", "questions").iter_rows()
        ]
        drawn.append(figure(bars(shown, log=False), f"Agreement, {language_name(language)}"))
    rows: list[Sequence[Cell]] = [
        (language_name(language), level or "could not be read", count)
        for language, level, count in facts.votes.iter_rows()
    ]
    origins: list[Sequence[Cell]] = [
        (language_name(language), origin, count) for language, origin, count in facts.origins.iter_rows()
    ]
    return [
        charts(drawn),
        table(("Language", "Vote", "Votes"), rows) if rows else nothing("There were no votes."),
        "<h3>Who settled the levels</h3>",
        table(("Language", "Origin", "Questions"), origins) if origins else "",
    ]


def _letters(manifest: Manifest, facts: GradedFacts) -> str:
    """How often each letter is right: a benchmark that leans to one letter pays guessing."""
    drawn = []
    for language in manifest.rows:
        found = facts.letters.filter(pl.col("language") == language)
        counts = found.group_by("answer").agg(pl.col("questions").sum()).sort("answer")
        whole = int(counts["questions"].sum()) if counts.height else 0
        shown = [Bar(letter, count, with_share(count, whole)) for letter, count in counts.iter_rows()]
        drawn.append(figure(bars(shown, log=False), f"Right letters, {language_name(language)}"))
    return charts(drawn)


def _kept_samples(facts: GradedFacts) -> list[str]:
    if not facts.kept_samples.height:
        return [nothing("No question was kept.")]
    parts = []
    for (language, level), rows in facts.kept_samples.group_by("language", "level", maintain_order=True):
        cards = [_kept(row) for row in rows.iter_rows(named=True)]
        parts.append(details(f"{language_name(str(language))}, {level}", f"{len(cards)} shown", cards))
    return [nothing("Drawn by chance. The right option is marked; below stand the votes."), *parts]


def _kept(row: Mapping[str, Any]) -> str:
    votes = "".join(
        f"<li><b>{escape(vote['level'] or 'could not be read')}</b> "
        f"{escape(clipped(vote['rationale'] or '', _MOST_RATIONALE))}</li>"
        for vote in row["votes"]
    )
    return question(row, f"{row['level_origin']}, {row['agreement']:.0%} of votes", f"<ul>{votes}</ul>")
