"""``anes decontaminate``."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.commands.output import JsonOption, errors_explained, log_to_stderr, print_json, print_table
from flows.commands.versions import Root, root_or_default


def decontaminate(
    docs: Annotated[
        str, typer.Argument(help="file, folder, glob or URL of documents (id, text) or of questions")
    ],
    against: Annotated[
        list[str],
        typer.Option(help="benchmark: MCQ file or folder, name@version, or YAML list; may be repeated"),
    ],
    out: Annotated[Path, typer.Option(help="folder for data/, rejected/ and report.html")],
    rule: Annotated[
        str,
        typer.Option(
            help="lcs (more than 64 characters shared), cover (gives a question away), or both: lcs,cover"
        ),
    ] = "lcs",
    screen: Annotated[
        str | None,
        typer.Option(help="ngram:N, the paper's screen before the rules; says how many hits it loses"),
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="phrase that is boilerplate for the rule cover; may be repeated")
    ] = None,
    id_column: Annotated[
        str, typer.Option("--id", help="column of ids; without it rows are FILE#ROW")
    ] = "id",
    text_column: Annotated[str, typer.Option("--text", help="column of texts")] = "text",
    min_coverage: Annotated[
        float | None, typer.Option(min=0.01, max=1, help="cover: share of a stem that gives it away")
    ] = None,
    root: Root = None,
    workers: Annotated[int | None, typer.Option(min=1, help="parallel workers; default: all cores")] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="leave unreadable files out, and list them")
    ] = False,
    restart: Annotated[bool, typer.Option("--restart", help="replace what is in the folder")] = False,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Drop what gives a benchmark away from any documents or questions, with evidence for each removal.

    Examples:

        anes decontaminate train.parquet --against medqa.jsonl --out clean

        anes decontaminate pool.jsonl --against bench@2026.12.01 --rule cover,lcs --out clean

        anes decontaminate docs/ --against medqa.jsonl --rule cover --allow "blood pressure is" --out clean
    """
    with errors_explained():
        log_to_stderr()
        os.environ.setdefault("TQDM_DISABLE", "1")
        workers = workers or os.cpu_count() or 1
        if workers > 1:
            from tasks.workers import prepare_workers

            prepare_workers()
        from anessuite.sources.against import read_against
        from anessuite.storage import Store
        from tasks.decontaminate_files import decontaminate_files, source_of

        outcome = decontaminate_files(
            source_of(docs, id_column=id_column, text_column=text_column),
            read_against(*against, store=Store(root_or_default(root))),
            out=str(out),
            rules=_rules(rule, allow or [], min_coverage),
            screen=_screen(screen),
            workers=workers,
            keep_going=keep_going,
            restart=restart,
        )
        if as_json:
            print_json(outcome.model_dump(mode="json"))
            return
        for warning in outcome.warnings:
            typer.secho(f"warning: {warning}", fg="yellow", err=True)
        for lost in outcome.quarantined:
            typer.secho(f"warning: left out {lost.path}: {lost.error}", fg="yellow", err=True)
        dropped = outcome.rows - outcome.kept
        typer.echo(f"{outcome.rows:,} {outcome.kind}: kept {outcome.kept:,}, dropped {dropped:,}")
        if outcome.drops:
            print_table(["reason", "rows"], sorted(outcome.drops.items(), key=lambda pair: -pair[1]))
        typer.echo(f"sign-off page: {out}/report.html")


def _rules(rule: str, allow: list[str], min_coverage: float | None):
    from anessuite.config import check_config
    from filters.contamination import ContaminationRules

    content: dict[str, Any] = {
        "rules": [name.strip() for name in rule.split(",") if name.strip()],
        "allow": allow,
    }
    if min_coverage is not None:
        content["min_coverage"] = min_coverage
    return check_config(content, ContaminationRules, where="--rule")


def _screen(screen: str | None) -> int | None:
    from anessuite.errors import ConfigError

    if screen is None:
        return None
    kind, _, size = screen.partition(":")
    if kind != "ngram" or not size.isdigit() or not 1 <= int(size) <= 50:
        raise ConfigError(
            f"--screen {screen} is not known", "it is ngram:N, N from 1 to 50, such as ngram:13"
        )
    return int(size)
