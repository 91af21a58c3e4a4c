"""``anes trace``: the history of one row of a version."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anessuite.settings import Settings
from flows.commands.output import JsonOption, errors_explained, print_json, print_table
from flows.commands.versions import Ref, Root, root_or_default

if TYPE_CHECKING:
    from anessuite.llm.config import ModelConfig
    from anessuite.manifests import Manifest
    from anessuite.tracing.asked import Keys
    from anessuite.tracing.history import History


def trace(
    ref: Ref,
    row: Annotated[
        str, typer.Argument(help="its id, six or more of the id's first digits, or its source_id")
    ],
    full: Annotated[bool, typer.Option("--full", help="show texts and models' replies whole")] = False,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", help="of model replies; default: $ANES_CACHE, or .cache below the root"),
    ] = None,
    root: Root = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Tell the history of one row: source, stages, requests, checks, reviews; kept or dropped, and why.

    Reads only the parts of the version that can hold the row. JSON has all
    texts whole.

    Examples:

        anes trace r1@2026.12.01 b49f681e

        anes trace qa@dev 38012345#1 --full
    """
    with errors_explained():
        from anessuite.llm.cache import cache_folder
        from anessuite.storage import Store
        from anessuite.tracing.history import trace as history_of
        from anessuite.tracing.search import Version
        from anessuite.versions import DatasetRef

        where = root_or_default(root)
        folder = cache_folder(where, str(cache) if cache is not None else Settings().cache)
        version = Version.of(Store(where), DatasetRef.parse(ref))
        history = history_of(version, row, cache=folder, keys=vote_keys(version.manifest))
        if as_json:
            print_json(_as_json(history))
        else:
            _print(history, full=full)


def vote_keys(manifest: "Manifest") -> "Keys":
    """From a question of a graded version to the keys of the requests for its votes.

    There are none where the version has no votes, or the prompt that it cites is not this checkout's any
    more.
    """

    def keys(row: Mapping[str, Any]) -> Sequence[bytes]:
        from anessuite.errors import ConfigError
        from anessuite.llm.requests import request_key
        from anessuite.prompting import load_prompt
        from tasks.generate import PROJECT
        from tasks.grade import inputs_of

        config, cited = manifest.recipe.config, f"prompts/bench/level.{row['language']}."
        path = next((path for path in manifest.recipe.texts if path.startswith(cited)), None)
        if path is None or not row.get("options"):
            return []
        try:
            file = PROJECT / "prompts" / "bench" / PurePosixPath(path).name  # a manifest leads nowhere else
            asks = load_prompt(file, root=PROJECT).with_examples(config.get("examples"))
        except ConfigError:
            return []
        if asks.sha256 != manifest.recipe.texts[path]:
            return []
        model, inputs = _model(config["annotator"]), inputs_of(dict(row))
        attempts = range(int(config.get("votes") or 0))
        return [request_key(model, asks.request(attempt=attempt, **inputs)) for attempt in attempts]

    return keys


def _model(recipe: Mapping[str, Any]) -> "ModelConfig":
    """The model of a recipe, as requests name it; where it was served is no part of that."""
    from anessuite.llm.config import ModelConfig

    parameters = dict(recipe.get("parameters") or {})
    own = {
        name: parameters.pop(name)
        for name in ("temperature", "top_p", "max_tokens", "seed")
        if name in parameters
    }
    return ModelConfig(model=recipe["model"], endpoints=["replay:none"], extra=parameters, **own)


def _as_json(history: "History") -> dict[str, Any]:
    """The history for machines; files as the manifest has them."""
    told = asdict(history)
    for row in told["rows"]:
        row["origin"]["files"] = [one.model_dump(mode="json") for one in row["origin"]["files"]]
    return told


def _print(history: "History", *, full: bool) -> None:
    from anessuite.tracing.page import sections

    for number, section in enumerate(sections(history, full=full)):
        if number:
            typer.echo()
        typer.secho(section.title, bold=True)
        for line in section.lines:
            typer.echo(f"  {line}")
        if section.rows:
            print_table(section.headings, section.rows)
