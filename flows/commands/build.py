"""``anes build`` and ``anes plan``."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.output import JsonOption, errors_explained, log_to_stderr, print_json, print_table
from flows.commands.versions import Root, root_or_default


class Dataset(StrEnum):
    """What can be built so far."""

    corpus = "corpus"


class EngineName(StrEnum):
    """Where the work runs."""

    local = "local"


Name = Annotated[Dataset, typer.Argument(help="the dataset")]
ConfigFile = Annotated[Path, typer.Option("--config", help="YAML recipe; deployments/ holds ready ones")]
Sample = Annotated[int | None, typer.Option(min=1, help="read only the first N rows of each source")]


def _quiet_prefect() -> None:
    """Prefect's own console log says everything twice; the flow UI keeps it. Its usage reports stay off."""
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")  # datatrove's own bars


def build(
    name: Name,
    config: ConfigFile,
    version: Annotated[str, typer.Option(help="YYYY.MM.DD, YYYY.MM.DD.N or dev")] = "dev",
    root: Root = None,
    sample: Sample = None,
    engine: Annotated[EngineName, typer.Option(help="where the shards run")] = EngineName.local,
    workers: Annotated[int | None, typer.Option(min=1, help="parallel workers; default: all cores")] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="leave unreadable files out, and list them")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="drop unfinished work of this version first")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="show Prefect's log too")] = False,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Build one dataset version. A run that was stopped continues when the same command is given again.

    Examples:

        anes build corpus --config deployments/corpus.demo.yaml

        anes build corpus --config deployments/corpus.fineweb.yaml --version 2026.12.01 --workers 16
    """
    with errors_explained():
        from anessuite.config import read_config
        from anessuite.storage import Store
        from anessuite.versions import DatasetRef

        DatasetRef(name.value, version)
        if not verbose:
            _quiet_prefect()
        log_to_stderr()
        workers = workers or os.cpu_count() or 1
        if workers > 1:
            from tasks.workers import prepare_workers

            prepare_workers()
        if not as_json:
            typer.echo(f"building {name.value}@{version} in {root_or_default(root)}", err=True)
        from flows.corpus import CorpusConfig, corpus

        built = corpus(
            config=read_config(config, CorpusConfig),
            version=version,
            root=root_or_default(root),
            sample=sample,
            workers=workers,
            engine=engine.value,
            keep_going=keep_going,
            restart=restart,
        )
        manifest = Store(root_or_default(root)).manifest(DatasetRef.parse(built))
        if as_json:
            print_json(manifest.model_dump(mode="json"))
            return
        for warning in manifest.warnings:
            typer.secho(f"warning: {warning}", fg="yellow", err=True)
        kept = ", ".join(f"{language} {rows:,}" for language, rows in manifest.rows.items())
        typer.echo(f"{built}: kept {manifest.kept:,} rows ({kept}), dropped {manifest.dropped:,}")
        print_table(["reason", "rows"], sorted(manifest.drops.items(), key=lambda pair: -pair[1]))
        typer.echo(
            f"next: anes show {built}; report: {root_or_default(root)}/{name.value}/{version}/report.html"
        )
        sys.stdout.flush()


def plan(
    name: Name,
    config: ConfigFile,
    sample: Sample = None,
    workers: Annotated[int | None, typer.Option(min=1, help="parallel workers; default: all cores")] = None,
    probe: Annotated[int, typer.Option(min=1, help="rows of each source to try")] = 2000,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Say what a build would take: rows, requests, tokens, cost, time and disk. Builds and spends nothing.

    Example: anes plan corpus --config deployments/corpus.fineweb.yaml
    """
    with errors_explained():
        from anessuite.config import read_config

        _quiet_prefect()
        from flows.corpus import CorpusConfig
        from tasks.estimate import estimate

        recipe = read_config(config, CorpusConfig)
        found = estimate(
            recipe.sources,
            {source.language: recipe.curation(source.language) for source in recipe.sources},
            sample=sample,
            probe=probe,
        )
        workers = workers or os.cpu_count() or 1
        total = {
            "dataset": name.value,
            "rows": sum(e.rows for e in found),
            "kept": sum(e.kept for e in found),
            "stored_rejects": sum(e.rejected for e in found),
            "disk_bytes": sum(e.disk_bytes for e in found),
            "seconds": sum(e.seconds for e in found) / workers,
            "workers": workers,
            "requests": 0,
            "tokens": 0,
            "cost": 0.0,
            "sources": [e.as_dict() for e in found],
        }
        if as_json:
            print_json(total)
            return
        rows = [e.as_dict() | {"exact": "yes" if e.exact else "no"} for e in found]
        print_table(list(rows[0]), [list(row.values()) for row in rows], title=f"plan {name.value}")
        typer.echo(
            f"in all: {total['rows']:,} rows, about {total['kept']:,} kept before duplicates go, "
            f"{total['disk_bytes'] / 1e6:,.1f} MB on disk, {total['seconds']:,.0f} s on {workers} workers; "
            f"model requests 0, tokens 0, cost 0"
        )
        typer.echo(
            f"estimated from the first {probe:,} rows of each source; not exact: rows scaled by file size"
        )
