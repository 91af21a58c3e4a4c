"""``anes build``."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.datasets import Dataset, flow_of
from flows.commands.output import JsonOption, errors_explained, log_to_stderr, print_json, print_table
from flows.commands.own_server import OwnServer
from flows.commands.versions import Root, in_words, root_or_default


class EngineName(StrEnum):
    """Where the work runs."""

    local = "local"
    ray = "ray"
    slurm = "slurm"


Name = Annotated[Dataset, typer.Argument(help="the dataset")]
ConfigFile = Annotated[Path, typer.Option("--config", help="YAML recipe; deployments/ holds ready ones")]
Sample = Annotated[int | None, typer.Option(min=1, help="read only the first N rows of each source")]


def quiet_prefect() -> None:
    """Prefect's own console log says everything twice; the flow UI keeps it. Its usage reports stay off."""
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")  # datatrove's own bars


def build(
    name: Name,
    config: ConfigFile,
    version: Annotated[str, typer.Option(help="YYYY.MM.DD, YYYY.MM.DD.N, today or dev")] = "dev",
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
    allow_unreviewed: Annotated[
        bool,
        typer.Option("--allow-unreviewed", help="bench, suite: release before people are done"),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="show Prefect's log too")] = False,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Build one dataset version. A run that was stopped continues when the same command is given again.

    Examples:

        anes build corpus --config deployments/corpus.demo.yaml

        anes build corpus --config deployments/corpus.fineweb.yaml --version 2026.12.01 --workers 16

        anes build qa --config deployments/qa.pubmed.yaml --version 2026.12.01

        anes build r1 --config deployments/r1.deepseek.yaml --version 2026.12.01 --sample 100

        anes build bench --config deployments/bench.deepseek.yaml --version 2026.12.01

        anes build suite --config deployments/suite.demo.yaml

        anes build evaluation --config deployments/evaluation.demo.yaml

        anes build morpheus --config deployments/morpheus.demo.yaml
    """
    with errors_explained():
        from anessuite.config import read_config
        from anessuite.errors import ConfigError
        from anessuite.storage import Store
        from anessuite.versions import TODAY, DatasetRef

        if version != TODAY:
            DatasetRef(name.value, version)
        if allow_unreviewed and name not in (Dataset.bench, Dataset.suite):
            raise ConfigError(
                f"--allow-unreviewed is of bench and suite, not of {name.value}", "leave it out"
            )
        if not verbose:
            quiet_prefect()
        server = OwnServer.begin()
        log_to_stderr()
        workers = workers or os.cpu_count() or 1
        if workers > 1 and engine is EngineName.local:
            from tasks.workers import prepare_workers

            prepare_workers()
        if not as_json:
            typer.echo(f"building {name.value}@{version} in {root_or_default(root)}", err=True)
        model, flow = flow_of(name)
        recipe = read_config(config, model)
        if server:
            server.use()
        built = flow(
            config=recipe,
            version=version,
            root=root_or_default(root),
            sample=sample,
            workers=workers,
            engine=engine.value,
            keep_going=keep_going,
            restart=restart,
            **({"allow_unreviewed": True} if allow_unreviewed else {}),
        )
        store, ref = Store(root_or_default(root)), DatasetRef.parse(built)
        manifest = store.manifest(ref)
        if as_json:
            print_json(manifest.model_dump(mode="json"))
            return
        for warning in manifest.warnings:
            typer.secho(f"warning: {warning}", fg="yellow", err=True)
        typer.echo(f"{built}: {in_words(manifest)}")
        print_table(["reason", "rows"], sorted(manifest.drops.items(), key=lambda pair: -pair[1]))
        typer.echo(
            f"next: anes show {ref}; report: {root_or_default(root)}/{ref.name}/{ref.version}/report.html"
        )
        sys.stdout.flush()
