"""Where the rows of a version come from: its funnel by source, its inputs, and how it was made."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import yaml

from anessuite.manifests import Input, Manifest, Stage
from anessuite.pages import MOST_ROWS, Html, escape, more, table


def stages_by_source(manifest: Manifest) -> dict[str, list[Stage]]:
    """The funnel of each source, in the manifest's order; a source may also be the unit of the rows."""
    found: dict[str, list[Stage]] = {}
    for stage in manifest.funnel:
        found.setdefault(stage.source, []).append(stage)
    return found


def stage_totals(funnel: Iterable[Stage]) -> list[tuple[str, int, int]]:
    """Stages in order over all sources: name, rows that entered, rows dropped."""
    entered: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    for stage in funnel:
        entered[stage.stage] += stage.rows_in
        dropped[stage.stage] += stage.rows_in - stage.rows_out
    return [(stage, entered[stage], dropped[stage]) for stage in entered]


def files_by_source(manifest: Manifest) -> dict[str, list[Input]]:
    """The files of each source, as the recipe names them."""
    found: dict[str, list[Input]] = {}
    for file in manifest.recipe.inputs:
        found.setdefault(file.name, []).append(file)
    return found


def sources(manifest: Manifest, licences: Mapping[str, str]) -> list[str]:
    """Sources with their licences and rows, and every input with its digest."""
    stages = stages_by_source(manifest)
    rows = [
        (name, licences.get(name) or "not stated", found[0].rows_in if found else None, _left(found))
        for name in dict.fromkeys([*stages, *licences])
        for found in [stages.get(name, [])]
    ]
    return [table(("Source", "Licence", "Rows read", "Rows kept"), rows), *_inputs(manifest)]


def sources_with_files(manifest: Manifest, licences: Mapping[str, str]) -> list[str]:
    """The same where rows are not counted by source: files and bytes of each."""
    head = ("Source", "Licence", "Files", "Bytes")
    return [table(head, source_rows(manifest, licences)), *_inputs(manifest)]


def source_rows(manifest: Manifest, licences: Mapping[str, str]) -> list[tuple[str, str, int, int]]:
    """Of each source: name, licence, files and their bytes."""
    files = files_by_source(manifest)
    return [
        (name, licence or "not stated", len(found), sum(file.bytes for file in found))
        for name, licence in licences.items()
        for found in [files.get(name, [])]
    ]


def _inputs(manifest: Manifest) -> list[str]:
    inputs = [(i.name, i.source, i.bytes, _code(i.digest)) for i in manifest.recipe.inputs]
    return [
        "<h3>Inputs</h3>",
        table(("Source", "File", "Bytes", "Digest"), inputs[:MOST_ROWS], tall=len(inputs) > 12),
        more(len(inputs) - MOST_ROWS, "inputs are in manifest.json"),
    ]


def _left(stages: Sequence[Stage]) -> int | None:
    return stages[-1].rows_out if stages else None


def recipe(manifest: Manifest) -> list[str]:
    """The config, the files of terms and prompts, and what the version was made with."""
    config = yaml.safe_dump(manifest.recipe.config, sort_keys=False, allow_unicode=True, width=100)
    texts = [(name, _code(digest)) for name, digest in manifest.recipe.texts.items()]
    named = {"version": "anessuite", "changed": "uncommitted changes"}
    code = [(named.get(name, name), value) for name, value in manifest.code.items()]
    made_with = [*code, *manifest.packages.items()]
    return [
        "<h3>Config</h3>",
        f'<pre tabindex="0">{escape(config)}</pre>',
        *(["<h3>Lexicons and prompts</h3>", table(("File", "SHA-256"), texts)] if texts else []),
        "<h3>Made with</h3>",
        table(("What", "Version"), [(name, _said(value)) for name, value in made_with]),
    ]


def _said(value: str | bool) -> str:
    return value if isinstance(value, str) else "yes" if value else "no"


def _code(text: str) -> Html:
    return Html(f"<code>{escape(text)}</code>")
