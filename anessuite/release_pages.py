"""The card and the report of a release: its versions side by side, against the paper's sizes."""

from collections.abc import Sequence

import yaml

from anessuite.card_markdown import Cell as CardCell
from anessuite.card_markdown import code, line
from anessuite.card_markdown import table as card_table
from anessuite.card_words import language_name
from anessuite.manifests import Manifest
from anessuite.origins import stage_totals
from anessuite.pages import Cell, nothing, table
from anessuite.releases import BENCHMARK, PAPER, Bound
from anessuite.report_models import steps_of
from anessuite.report_parts import (
    Section,
    Tile,
    charts,
    funnel_figure,
    funnel_table,
    ratio,
    report_page,
    share,
)

WHAT = {
    "bench": "AnesBench: exam questions graded by cognitive level",
    "corpus": "AnesCorpus: documents for continued pre-training",
    "qa": "AnesQA: question-answer pairs for SFT",
    "r1": "AnesR1: questions with verified reasoning",
}


_SUMMARY = (
    "One benchmark, and three datasets to train on that hold nothing of it: each was decontaminated against "
    "{benchmark}, and `manifest.json` binds the four by the digests of their manifests. Each has a card, "
    "a report and its dropped rows in a folder of its own beside this one."
)
_CANARIES = (
    "Each build plants texts whose verdict is known (canaries) before it judges anything, and stops at a "
    "wrong verdict: a version that exists has passed. Its page `decontamination.html` shows them, and each "
    "removal."
)


def release_card(manifest: Manifest, bound: Sequence[Bound]) -> str:
    """README.md of a release."""
    languages = list(dict.fromkeys(language for one in bound for language in one.manifest.rows))
    front = {
        "pretty_name": f"suite {manifest.version}",
        "language": languages,
        "tags": ["medical", "anessuite"],
    }
    benchmark = next(one for one in bound if one.name == BENCHMARK)
    members: list[Sequence[CardCell]] = [
        (
            code(str(one.member.ref)),
            WHAT.get(one.name, ""),
            rows_in_words(one),
            one.manifest.dropped,
            _how(one),
            code(one.digest[:16]),
        )
        for one in bound
    ]
    licences = [
        (code(one.name), line(source), line(licence) or "not stated")
        for one in bound
        for source, licence in one.licences.items()
    ]
    warnings = [f"> **Warning:** {line(warning)}" for warning in manifest.warnings]
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---",
        f"# suite {manifest.version}",
        _SUMMARY.format(benchmark=code(str(benchmark.member.ref))),
        "## Versions",
        card_table(("version", "what it is", "rows", "dropped", "state", "SHA-256 of its manifest"), members),
        *warnings,
        "## Against the paper",
        card_table(("dataset", "language", "rows", "paper", "of the paper's"), _sizes(bound)),
        "Sizes of the paper: arXiv 2504.02404; those of corpus and r1 are rounded.",
        "## Decontamination",
        _CANARIES,
        "## Licences",
        card_table(("dataset", "source", "licence"), licences),
        "## How to verify it",
        "```sh\n" + "\n".join(f"anes verify {one.member.ref}" for one in bound) + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def release_report(manifest: Manifest, bound: Sequence[Bound]) -> str:
    """One self-contained HTML page."""
    sections: list[Section] = [
        ("Versions", [_versions(bound)]),
        ("Sizes", [_sizes_table(bound)]),
        ("Funnels", _funnels(bound)),
        ("Models and cost", [_costs(bound)]),
        ("Licences", [_licences(bound)]),
        ("Lineage", [_inputs(bound)]),
    ]
    return report_page(manifest, _tiles(bound), sections)


def _tiles(bound: Sequence[Bound]) -> list[Tile]:
    return [("kept", one.name, one.manifest.kept, rows_in_words(one)) for one in bound]


def rows_in_words(one: Bound) -> str:
    """``en 6, zh 3``."""
    return ", ".join(f"{language} {rows:,}" for language, rows in one.manifest.rows.items()) or "none"


def _how(one: Bound) -> str:
    return "unchanged, reused" if one.member.was_there else "built for this release"


def _versions(bound: Sequence[Bound]) -> str:
    rows: list[Sequence[Cell]] = [
        (
            str(one.member.ref),
            WHAT.get(one.name, ""),
            _how(one),
            f"{one.manifest.created:%Y-%m-%d %H:%M}",
            str(one.manifest.code.get("commit", ""))[:10],
            one.manifest.kept,
            one.manifest.dropped,
            len(one.manifest.warnings),
            one.digest[:16],
        )
        for one in bound
    ]
    head = (
        "Version",
        "What it is",
        "State",
        "Built",
        "Code",
        "Rows",
        "Dropped",
        "Warnings",
        "Manifest's SHA-256",
    )
    return table(head, rows)


def _sizes(bound: Sequence[Bound]) -> list[tuple[str, str, int, int, str]]:
    return [
        (one.name, language_name(language), rows, paper, share(rows, paper))
        for one in bound
        for language, paper in PAPER.get(one.name, {}).items()
        for rows in [one.manifest.rows.get(language, 0)]
    ]


def _sizes_table(bound: Sequence[Bound]) -> str:
    head = ("Dataset", "Language", "Rows", "The paper's", "Share")
    return table(head, [(*row[:4], ratio(row[2], row[3])) for row in _sizes(bound)])


def _funnels(bound: Sequence[Bound]) -> list[str]:
    lines = [(str(one.member.ref), stage_totals(one.manifest.funnel)) for one in bound if one.manifest.funnel]
    return [
        charts(funnel_figure(found, name) for name, found in lines),
        funnel_table(lines, whole="Of all"),
    ]


def _costs(bound: Sequence[Bound]) -> str:
    rows: list[Sequence[Cell]] = []
    for one in bound:
        steps = steps_of(one.manifest.requests).values()
        total = {
            what: sum(counts.get(what, 0) for counts in steps)
            for what in ("requests", "prompt_tokens", "completion_tokens")
        }
        if total["requests"]:
            rows.append((one.name, *total.values(), f"{one.cost:,.2f}"))
    head = ("Dataset", "Requests", "Tokens read", "Tokens written", "Cost at the config's prices")
    return table(head, rows) if rows else nothing("No model was asked.")


def _licences(bound: Sequence[Bound]) -> str:
    rows = [
        (one.name, source, licence or "not stated")
        for one in bound
        for source, licence in one.licences.items()
    ]
    return table(("Dataset", "Source", "Licence"), rows)


def _inputs(bound: Sequence[Bound]) -> str:
    rows: list[Sequence[Cell]] = []
    for one in bound:
        rows.append((str(one.member.ref),))
        rows += [
            (file.name, file.source, file.bytes, file.digest[:23]) for file in one.manifest.recipe.inputs
        ]
    return table(("Input", "File", "Bytes", "Digest"), rows)
