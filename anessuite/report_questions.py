"""Multiple-choice questions on a page: the stem, its options, and what is told about a dropped one."""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from anessuite.card_words import QUESTION_REASONS
from anessuite.manifests import Manifest
from anessuite.origins import stage_totals
from anessuite.pages import Cell, Html, escape, nothing, table
from anessuite.removals import clipped
from anessuite.report_parts import charts, details, funnel_figure, funnel_table, ratio

MOST_TEXT, _MOST_EVIDENCE = 600, 500


def asked(row: Mapping[str, Any]) -> Html:
    """A question with its options; the right one is marked."""
    options = "".join(f"<li>{_marked(option, row['answer'])}</li>" for option in row["options"] or ())
    stem = escape(clipped(row["question"] or "(no question)", MOST_TEXT))
    return Html(f'<p class="text" dir="auto">{stem}</p><ul class="options" dir="auto">{options}</ul>')


def _marked(option: Mapping[str, str], answer: str | None) -> str:
    shown = escape(clipped(f"{option['letter']}. {option['text']}", MOST_TEXT))
    return f"<mark>{shown}</mark>" if option["letter"] == answer else shown


def question(row: Mapping[str, Any], told: str, below: str) -> Html:
    """A question under what is told of it, with more below."""
    where = " · ".join(part for part in (row["source"], row["source_id"], told) if part)
    return Html(
        f'<article class="pair"><div class="where">{escape(where)}</div>{asked(row)}{below}</article>'
    )


def funnel(manifest: Manifest) -> list[str]:
    """The funnel, drawn and in numbers."""
    if not manifest.funnel:
        return [nothing("The manifest holds no funnel.")]
    lines = stage_totals(manifest.funnel)
    return [
        charts([funnel_figure(lines, "Questions", rows="rows", passed=True)]),
        funnel_table([("Questions", lines)], whole="Of all"),
    ]


def reasons(manifest: Manifest) -> list[str]:
    """Dropped rows by stage and reason, with what each means."""
    rows: list[tuple[Cell, ...]] = []
    for stage in manifest.funnel:
        if stage.dropped:
            rows.append((stage.stage,))
            rows += [
                (reason, count, ratio(count, stage.rows_in), QUESTION_REASONS.get(reason, ""))
                for reason, count in sorted(stage.dropped.items(), key=lambda drop: (-drop[1], drop[0]))
            ]
    head = ("Reason", "Rows", "Of the stage's", "Meaning")
    return [
        nothing("Each row is dropped by the first reason that holds."),
        table(head, rows) if rows else nothing("No row was dropped."),
    ]


def rejected_samples(manifest: Manifest, samples: pl.DataFrame) -> list[str]:
    """A few dropped rows of each stage and reason (REJECTED_QUESTION), with their evidence."""
    parts: list[str] = []
    for stage in manifest.funnel if samples.height else ():
        mine = samples.filter(pl.col("stage") == stage.stage)
        folded = [
            details(
                str(reason),
                f"{rows.height} of {stage.dropped.get(str(reason), 0):,}",
                [question(row, "", _evidence(row["evidence"])) for row in rows.iter_rows(named=True)],
                QUESTION_REASONS.get(str(reason), ""),
            )
            for (reason,), rows in mine.group_by("reason", maintain_order=True)
        ]
        parts += [f"<h3>{escape(stage.stage)}</h3>", *folded] if folded else []
    return parts or [nothing("There are no dropped rows to show.")]


def _evidence(evidence: str | None) -> str:
    """JSON as ``name: value`` pairs; anything else as it is."""
    try:
        content = json.loads(evidence or "{}")
    except ValueError:
        content = evidence
    if isinstance(content, dict):
        content = "; ".join(
            f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
            for name, value in content.items()
        )
    shown = clipped(str(content or ""), _MOST_EVIDENCE)
    return f'<p class="quiet" dir="auto">{escape(shown)}</p>' if shown else ""
