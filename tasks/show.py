"""What a finished version leaves in the flow UI: funnel, samples, card, and where its report lies.

Artifacts are named ``corpus-dev-funnel``; a later run of the same version adds another edition of each.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.context import TaskRunContext

from anessuite.builds import Build
from anessuite.graded_facts import GradedFacts
from anessuite.manifests import Manifest
from anessuite.releases import Bound
from anessuite.report_facts import PairFacts
from anessuite.reports import CorpusFacts
from anessuite.solved_facts import SolvedFacts
from anessuite.training.results import Results
from tasks.progress_artifacts import quietly
from tasks.run_log import redacted

Tables = dict[str, tuple[str, list[dict[str, Any]]]]
"""Name -> what it says, and its rows."""

_MOST_TERMS, _MOST_CHARACTERS = 150, 300
_CORPUS = ("language", "source", "source_id", "text", "terms")
_PAIRS = ("pmid", "question", "answer", "title", "verdict", "grounding_score")
_QUESTIONS = ("language", "source_id", "level", "question", "options", "answer", "reasoning", "pass_rate")


def show_corpus(build: Build, manifest: Manifest, facts: CorpusFacts) -> None:
    """Lexicon, and what `_show` leaves."""
    kept = dict(manifest.rows)
    terms = [
        {
            "term": row["term"],
            "language": row["language"],
            "documents": row["documents"],
            "of all kept": _share(row["documents"], kept.get(row["language"], 0)),
        }
        for row in facts.term_documents.head(_MOST_TERMS).iter_rows(named=True)
    ]
    said = "the lexicon at work: kept documents that hold each term"
    _show(build, manifest, facts.kept_samples, facts.rejected_samples, _CORPUS, {"terms": (said, terms)})


def show_pairs(build: Build, manifest: Manifest, facts: PairFacts) -> None:
    """Requests, and what `_show` leaves."""
    _show(build, manifest, facts.kept_samples, facts.rejected_samples, _PAIRS, _requests(manifest))


def show_solved(build: Build, manifest: Manifest, facts: SolvedFacts) -> None:
    """Verdicts on attempts, requests, and what `_show` leaves."""
    counted = {"verdicts": ("what became of the attempts", facts.verdicts.to_dicts())} | _requests(manifest)
    _show(build, manifest, facts.kept_samples, facts.rejected_samples, _QUESTIONS, counted)


def show_graded(build: Build, manifest: Manifest, facts: GradedFacts) -> None:
    """Levels, requests, and what `_show` leaves."""
    counted = {"levels": ("questions by level", facts.levels.to_dicts())} | _requests(manifest)
    _show(build, manifest, facts.kept_samples, facts.rejected_samples, _QUESTIONS, counted)


def show_release(build: Build, manifest: Manifest, bound: Sequence[Bound]) -> None:
    """The versions that are bound together, their funnels, card and report."""
    if TaskRunContext.get() is None:
        return
    members = [
        {
            "version": str(one.member.ref),
            "rows": one.manifest.kept,
            "dropped": one.manifest.dropped,
            "built": "before, taken as it is" if one.member.was_there else "now",
        }
        for one in bound
    ]
    _table(build, "members", "the versions that this release binds", members)
    _table(build, "funnel", "what was dropped where, dataset by dataset", _funnel(manifest))
    _pages(build, manifest)


def show_evaluation(build: Build, manifest: Manifest, scores: pl.DataFrame) -> None:
    """Scores over all levels, requests, and the pages: in a task run only."""
    if TaskRunContext.get() is None:
        return
    whole = scores.filter((pl.col("level") == "all") & (pl.col("language") != "mean"))
    names = ("model", "style", "language", "questions", "accuracy", "low", "high", "no_answer", "truncated")
    shown = whole.select(pl.col(name).round(3) if name in _ROUNDED else name for name in names)
    _pages(build, manifest)
    _table(build, "scores", "accuracy by model, style and language, with 95 % intervals", shown.to_dicts())
    _table(build, "funnel", "which questions are asked; answers come of them", _funnel(manifest))
    for name, (said, rows) in _requests(manifest).items():
        _table(build, name, said, rows)


_ROUNDED = ("accuracy", "low", "high", "no_answer", "truncated")


def show_leakage(build: Build, manifest: Manifest, rates: list[dict[str, Any]]) -> None:
    """Rates against chance, requests, and the pages: in a task run only."""
    if TaskRunContext.get() is None:
        return
    _pages(build, manifest)
    _table(build, "rates", "questions that each test flags, against chance", rates)
    _table(build, "funnel", "which questions are tested, and by how many models", _funnel(manifest))
    for name, (said, rows) in _requests(manifest).items():
        _table(build, name, said, rows)


def show_training(build: Build, manifest: Manifest, results: Results) -> None:
    """Stages, scores before and after, and the pages: in a task run only."""
    if TaskRunContext.get() is None:
        return
    _pages(build, manifest)
    stages = [
        {"stage": name, "kind": one.kind, "rows": one.rows, "places": one.places, "steps": one.steps}
        for name, one in results.plan.items()
    ]
    _table(build, "stages", "what was trained on, stage by stage", stages)
    _table(build, "funnel", "which rows are trained on", _funnel(manifest))
    for name in results.examined:
        columns = ("model", "language", "questions", "accuracy", "low", "high")
        shown = results.scores(name).select(
            pl.col(column).round(3) if column in _ROUNDED else column for column in columns
        )
        _table(build, name, "accuracy before and after each stage", shown.to_dicts())


def _show(
    build: Build,
    manifest: Manifest,
    kept: pl.DataFrame,
    rejected: pl.DataFrame,
    columns: Sequence[str],
    more: Tables,
) -> None:
    """Report and card, funnel, samples of kept and rejected rows, and ``more``: in a task run only."""
    if TaskRunContext.get() is None:
        return
    _pages(build, manifest)
    _table(build, "funnel", "what was dropped where, and why; kept + dropped = read", _funnel(manifest))
    for name, (said, rows) in more.items():
        _table(build, name, said, rows)
    _samples(build, "kept", "samples of kept rows", kept, columns)
    _samples(build, "rejected", "samples of rejected rows, some for each reason", rejected, columns)


def _funnel(manifest: Manifest) -> list[dict[str, Any]]:
    return [
        {
            "stage": stage.stage,
            "source": stage.source,
            "in": stage.rows_in,
            "out": stage.rows_out,
            "passed": _share(stage.rows_out, stage.rows_in),
            "dropped, by reason": _counts(stage.dropped),
        }
        for stage in manifest.funnel
    ]


def _requests(manifest: Manifest) -> Tables:
    rows = [{"what": name, "count": count} for name, count in manifest.requests.items()]
    return {"requests": ("requests to models, tokens, faults", rows)}


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"


def _counts(counts: Mapping[str, int]) -> str:
    return (
        ", ".join(f"{name} {n:,}" for name, n in sorted(counts.items(), key=lambda pair: -pair[1])) or "none"
    )


def _samples(build: Build, what: str, said: str, rows: pl.DataFrame, columns: Sequence[str]) -> None:
    """As text, since the cells of a table do not wrap: a heading a reason, then row by row."""
    lines: list[str] = []
    for row in rows.to_dicts():
        head = " / ".join(str(row[name]) for name in ("stage", "reason") if row.get(name))
        if head and f"## {head}" not in lines:
            lines.append(f"## {head}")
        lines.append("\n".join(f"- **{name}** {_plain(row[name])}" for name in columns if row.get(name)))
        if row.get("evidence"):
            lines[-1] += f"\n- **evidence** `{_short(row['evidence']).replace('`', ' ')}`"
        lines.append("---")
    text = "\n\n".join(lines) or "None."
    quietly(lambda: create_markdown_artifact(text, key=_key(build, what), description=f"{build.ref}: {said}"))


def _plain(value: Any) -> str:
    """A value that nothing in it can turn into markup: texts come from the web."""
    if isinstance(value, list):
        value = "; ".join(
            f"{one['letter']}. {one['text']}" if isinstance(one, dict) else one for one in value
        )
    return escaped(_short(value))


def escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&:@-])", r"\\\1", text)


def _short(value: Any) -> str:
    text = redacted(" ".join((f"{value:.3f}" if isinstance(value, float) else str(value)).split()))
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def _table(build: Build, what: str, said: str, rows: list[dict[str, Any]]) -> None:
    described = f"{build.ref}: {said}"
    quietly(lambda: create_table_artifact(rows, key=_key(build, what), description=described))


def _pages(build: Build, manifest: Manifest) -> None:
    """Where the version lies, with links to report and card; and the card itself."""
    store, folder = build.store, build.store.folder(build.ref)
    rows = ", ".join(f"{language} {count:,}" for language, count in manifest.rows.items())
    lines = [
        f"# {build.ref}",
        f"{manifest.kept:,} rows kept ({rows or 'it binds other versions'}), {manifest.dropped:,} dropped.",
        *(f"- [{name}]({store.url(folder, name)}): `{store.url(folder, name)}`" for name in _there(build)),
        *_reasons(manifest),
        *(["## Warnings", *(f"- {warning}" for warning in manifest.warnings)] if manifest.warnings else []),
        f"A browser opens no file from this page: copy the address. `anes show {build.ref}` and "
        f"`anes verify {build.ref}` say more.",
    ]
    told = redacted("\n\n".join(lines))
    where = f"{build.ref}: rows, warnings, and where report and card are"
    quietly(lambda: create_markdown_artifact(told, key=_key(build, "report"), description=where))
    card = store.read_bytes(f"{folder}/README.md").decode().removeprefix("---\n").partition("\n---\n")[2]
    said = f"{build.ref}: the dataset card"
    quietly(lambda: create_markdown_artifact(card, key=_key(build, "card"), description=said))


def _reasons(manifest: Manifest) -> list[str]:
    if not manifest.drops:
        return []
    drops = sorted(manifest.drops.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [f"| {reason} | {count:,} | {_share(count, manifest.dropped)} |" for reason, count in drops]
    return ["\n".join(["| dropped for | rows | of all dropped |", "| --- | ---: | ---: |", *rows])]


def _there(build: Build) -> list[str]:
    """The pages that the version has."""
    folder = build.store.folder(build.ref)
    pages = ("report.html", "README.md", "decontamination.html", "manifest.json")
    return [name for name in pages if build.store.exists(f"{folder}/{name}")]


def _key(build: Build, what: str) -> str:
    return f"{build.ref.name}-{build.ref.version}-{what}".replace(".", "-")
