"""How commands speak: results to stdout (tables, or JSON for machines), everything else to stderr."""

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from anessuite.errors import AnesError
from flows.commands.refusals import explained

JsonOption = typer.Option("--json", help="print the result as JSON")


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, ensure_ascii=False, indent=1, default=str))  # noqa: T201


def print_table(headings: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str | None = None) -> None:
    """A table on stdout; numbers to the right, with separators. Wide enough for pipes, too."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, heading in enumerate(headings):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        table.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value).replace("[", "\\[")


@contextmanager
def errors_explained() -> Iterator[None]:
    """Turn an AnesError, and what the machine refuses, into a message and an exit code.

    Anything else keeps its traceback.
    """
    try:
        yield
    except AnesError as error:
        _say(error)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        typer.echo("stopped; the same command continues where it was", err=True)
        raise typer.Exit(1) from None
    except Exception as error:
        known = explained(error)
        if known is None:
            raise
        _say(known)
        raise typer.Exit(known.exit_code) from None


def _say(error: AnesError) -> None:
    style = Console(stderr=True, highlight=False, soft_wrap=True)
    style.print("[bold red]error:[/] ", end="")
    style.print(error.what, markup=False)
    if error.hint:
        style.print(f"  {error.hint}", markup=False)


def log_to_stderr() -> None:
    """Plain progress lines of our own logger on stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("anes")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
