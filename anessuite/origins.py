"""Sections of a report: what went into a version, and how it was made."""

from collections.abc import Sequence

import yaml

from anessuite.manifests import Manifest, Stage
from anessuite.pages import MOST_ROWS, Html, escape, more, table


def stages_by_source(manifest: Manifest) -> dict[str, list[Stage]]:
    """The funnel of each source, in the manifest's order."""
    found: dict[str, list[Stage]] = {}
    for stage in manifest.funnel:
        found.setdefault(stage.source, []).append(stage)
    return found


def sources(manifest: Manifest, licences: dict[str, str]) -> list[str]:
    """Sources with their licences, and every input with its digest."""
    stages = stages_by_source(manifest)
    rows = [
        (name, licences.get(name) or "not stated", found[0].rows_in if found else None, _left(found))
        for name in dict.fromkeys([*stages, *licences])
        for found in [stages.get(name, [])]
    ]
    inputs = [(i.name, i.source, i.bytes, _code(i.digest)) for i in manifest.recipe.inputs]
    return [
        table(("Source", "Licence", "Rows read", "Rows kept"), rows),
        "<h3>Inputs</h3>",
        table(("Input", "Source", "Bytes", "Digest"), inputs[:MOST_ROWS], tall=len(inputs) > 12),
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
    requests = [(name.replace("_", " "), count) for name, count in manifest.requests.items()]
    return [
        "<h3>Config</h3>",
        f'<pre tabindex="0">{escape(config)}</pre>',
        *(["<h3>Lexicons and prompts</h3>", table(("File", "SHA-256"), texts)] if texts else []),
        *(["<h3>Model requests</h3>", table(("What", "Count"), requests)] if requests else []),
        "<h3>Made with</h3>",
        table(("What", "Version"), [(name, _said(value)) for name, value in made_with]),
    ]


def _said(value: str | bool) -> str:
    return value if isinstance(value, str) else "yes" if value else "no"


def _code(text: str) -> Html:
    return Html(f"<code>{escape(text)}</code>")
