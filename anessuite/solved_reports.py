"""The report of solved questions: one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from anessuite.card_solved import balance
from anessuite.card_words import QUESTION_REASONS, language_name
from anessuite.charts import Bar, bars
from anessuite.manifests import Manifest
from anessuite.origins import recipe, sources_with_files
from anessuite.pages import Cell, Html, escape, figure, nothing, percent, table
from anessuite.removals import clipped
from anessuite.report_models import models, steps_of
from anessuite.report_parts import (
    Section,
    Tile,
    charts,
    details,
    languages,
    log_histograms,
    ratio,
    report_page,
    share,
    with_share,
)
from anessuite.report_questions import funnel, question, reasons, rejected_samples
from anessuite.sampling import VERDICTS, wilson_interval
from anessuite.solved_facts import SolvedFacts

_MOST_REASONING, _MOST_RESPONSE = 3_000, 800
_MOST_FORMS = 20


def solved_report(manifest: Manifest, facts: SolvedFacts) -> str:
    """One self-contained HTML page; nothing in it loads or runs anything."""
    sections: list[Section] = [
        ("Pass rates", _pass_rates(manifest, facts)),
        ("Attempts", _attempts(facts)),
        ("Lengths", _lengths(facts)),
        ("Funnel", funnel(manifest)),
        ("Reasons", reasons(manifest)),
        ("Questions", [*languages(manifest, rows="questions"), nothing(balance(manifest))]),
        ("Models", models(manifest)),
        ("Kept samples", _kept_samples(manifest, facts)),
        ("Dropped samples", rejected_samples(manifest, facts.rejected_samples)),
        ("Sources", sources_with_files(manifest, facts.licences)),
        ("Recipe", recipe(manifest)),
    ]
    return report_page(manifest, _tiles(manifest, facts), sections)


def _tiles(manifest: Manifest, facts: SolvedFacts) -> list[Tile]:
    read = manifest.funnel[0].rows_in if manifest.funnel else 0
    asked = manifest.funnel[-1].rows_in if manifest.funnel else 0
    counts = steps_of(manifest.requests).values()
    requests = sum(each.get("requests", 0) for each in counts)
    tokens = sum(each.get(name, 0) for each in counts for name in ("prompt_tokens", "completion_tokens"))
    return [
        ("", "Rows read", read, f"from {len(facts.licences):,} sources"),
        ("", "Questions asked", asked, f"{share(asked, read)} of the rows"),
        *(
            ("kept", f"Solved, {language_name(language)}", rows, f"{share(rows, asked)} of those asked")
            for language, rows in manifest.rows.items()
        ),
        ("", "Model requests", requests, f"{tokens:,} tokens"),
    ]


def _pass_rates(manifest: Manifest, facts: SolvedFacts) -> list[str]:
    rows: list[Sequence[Cell]] = []
    drawn: list[Bar] = []
    first = _two_way(facts.first, "correct", "attempts")
    for (language, source), (solved, whole) in _two_way(facts.asked, "solved", "questions").items():
        right, tries = first.get((language, source), (0, 0))
        name = f"{source}, {language_name(language)}"
        rows.append((name, whole, solved, ratio(solved, whole), ratio(right, tries), _interval(right, tries)))
        drawn.append(Bar(clipped(name, 32), 100 * solved / whole if whole else 0, with_share(solved, whole)))
    head = ("Source", "Asked", "Solved", "Solved of asked", "Right at the first attempt", "95 % interval")
    parts = [
        nothing(
            "Solved: an attempt was right and its reasoning sound. The interval is Wilson's, for first "
            "attempts: later ones are made only where earlier ones failed."
            if manifest.recipe.config.get("mode") == "first"
            else "Solved: an attempt was right and its reasoning sound. The interval is Wilson's."
        ),
        table(head, rows) if rows else nothing("No question was asked."),
        charts([figure(bars(drawn, log=False), "Solved, of 100 asked")]) if drawn else "",
    ]
    if manifest.recipe.config.get("mode") == "all" and facts.pass_rates.height:
        parts.append(charts([_rates(facts, language) for language in manifest.rows]))
    return parts


def _two_way(counts: pl.DataFrame, flag: str, what: str) -> dict[tuple[str, str], tuple[int, int]]:
    """Language and source to the rows with ``flag`` and all rows."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for row in counts.iter_rows(named=True):
        key = (row["language"], row["source"])
        with_flag, whole = found.get(key, (0, 0))
        found[key] = (with_flag + row[what] * row[flag], whole + row[what])
    return found


def _interval(right: int, tries: int) -> str | None:
    return "{} to {}".format(*map(percent, wilson_interval(right, tries))) if tries else None


def _rates(facts: SolvedFacts, language: str) -> Html:
    mine = facts.pass_rates.filter(pl.col("language") == language)
    whole = int(mine["questions"].sum())
    drawn = [
        Bar(percent(rate), count, with_share(count, whole))
        for rate, count in mine.select("pass_rate", "questions").iter_rows()
    ]
    return figure(bars(drawn, log=False), f"Pass rate of solved questions, {language_name(language)}")


def _attempts(facts: SolvedFacts) -> list[str]:
    if not facts.verdicts.height:
        return [nothing("No attempt was made.")]
    known = [*VERDICTS, *sorted(set(facts.verdicts["verdict"]) - set(VERDICTS))]
    rows: list[Sequence[Cell]] = []
    for (language, attempt), found in facts.verdicts.group_by("language", "attempt", maintain_order=True):
        counts = dict(found.select("verdict", "attempts").iter_rows())
        each = [counts.get(verdict, 0) for verdict in known]
        rows.append((language_name(str(language)), f"attempt {attempt}", sum(each), *each))
    forms = facts.forms.sort("attempts", descending=True).head(_MOST_FORMS)
    faults = [
        (language_name(language), fault, count, QUESTION_REASONS.get(fault, ""))
        for language, fault, count in (facts.faults.iter_rows() if facts.faults.height else ())
    ]
    return [
        table(("Language", "Attempt", "All", *known), rows),
        "<h3>How answers are said</h3>",
        nothing("By form; where there is no letter, why."),
        table(("Verdict", "Form", "Attempts"), list(forms.iter_rows())),
        "<h3>Right attempts whose reasoning is not kept</h3>",
        table(("Language", "Fault", "Attempts", "Meaning"), faults)
        if faults
        else nothing("There were none."),
    ]


def _lengths(facts: SolvedFacts) -> list[str]:
    if not facts.lengths.height:
        return [nothing("No attempt gave a letter.")]
    named = facts.lengths.with_columns(
        verdict=pl.when("correct").then(pl.lit("right")).otherwise(pl.lit("wrong"))
    ).select("verdict", "lower", "upper", "attempts")
    draw = log_histograms(
        named,
        title="generated tokens",
        unit="tokens",
        by="verdict",
        caption=lambda which: f"Attempts that are {which}",
    )
    both: dict[tuple[float, float], list[int]] = {}
    for verdict, lower, upper, count in named.iter_rows():
        both.setdefault((lower, upper), [0, 0])[verdict == "wrong"] += count
    rows = [
        (
            f"{lower:,.0f} to {upper:,.0f}",
            right + wrong,
            right,
            ratio(right, right + wrong),
            _interval(right, right + wrong),
        )
        for (lower, upper), (right, wrong) in sorted(both.items())
    ]
    return [
        nothing(
            "Harder questions make longer reasoning, so a lower share on the right says nothing of length as "
            "a cause."
        ),
        charts(draw(which) for which in ("right", "wrong")),
        table(("Generated tokens", "Attempts", "Right", "Share", "95 % interval"), rows),
    ]


def _kept_samples(manifest: Manifest, facts: SolvedFacts) -> list[str]:
    parts = []
    for language, kept in manifest.rows.items():
        mine = facts.kept_samples
        rows = mine.filter(pl.col("language") == language).to_dicts() if mine.height else []
        parts.append(
            details(language_name(language), f"{len(rows)} of {kept:,}", [_kept(row) for row in rows])
        )
    return [nothing("Drawn by chance; the right option is marked."), *parts]


def _kept(row: Mapping[str, Any]) -> Html:
    told = f"attempt {row['attempt']} of {row['attempts']}, {row['correct']} right, {row['tokens']:,} tokens"
    reasoning = escape(clipped(row["reasoning"], _MOST_REASONING))
    response = escape(clipped(row["response"], _MOST_RESPONSE))
    below = (
        f'<details><summary>Reasoning</summary><p class="text" dir="auto">{reasoning}</p></details>'
        f'<p class="text" dir="auto">{response}</p>'
    )
    return question(row, told, below)
