"""``anes cache``: what the cache of model replies holds, and making it smaller."""

import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.output import JsonOption, errors_explained, print_json, print_table
from flows.commands.versions import Root, root_or_default

if TYPE_CHECKING:
    from anessuite.llm.cache import Cache

cache = typer.Typer(
    name="cache", help="Look into the cache of model replies, or prune it.", no_args_is_help=True
)

CacheOption = Annotated[
    Path | None, typer.Option("--cache", help="its folder; default: $ANES_CACHE, or .cache below the root")
]
AsJson = Annotated[bool, JsonOption]

_HOURS = {"h": 1, "d": 24, "w": 7 * 24}


@cache.command()
def stats(folder: CacheOption = None, root: Root = None, as_json: AsJson = False) -> None:
    """Show replies, tokens and bytes by model.

    Example: anes cache stats --cache /fast/anes-cache
    """
    with errors_explained():
        opened = _open(folder, root)
        found = [] if opened is None else opened.stats()
        size = 0 if opened is None else opened.path.stat().st_size
        if as_json:
            print_json({"bytes": size, "models": [asdict(of_model) for of_model in found]})
            return
        if opened is None:
            typer.echo(
                f"there is no cache in {_folder(folder, root)} yet: a build that asks a model begins one"
            )
            return
        rows = [
            (
                s.model,
                s.replies,
                s.prompt_tokens,
                s.completion_tokens,
                s.bytes / 1e6,
                _day(s.first),
                _day(s.last),
            )
            for s in found
        ]
        print_table(["model", "replies", "prompt tokens", "completion tokens", "MB", "first", "last"], rows)
        replies = sum(of_model.replies for of_model in found)
        typer.echo(f"{opened.path}: {replies:,} replies, {size / 1e6:,.2f} MB on disk")


@cache.command()
def prune(
    older_than: Annotated[str, typer.Option(help="age of the replies that go: 12h, 30d, 8w; 0d: all")],
    model: Annotated[str | None, typer.Option(help="only this model's replies")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say how many would go")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask first")] = False,
    folder: CacheOption = None,
    root: Root = None,
    as_json: AsJson = False,
) -> None:
    """Remove old replies and give their room back. A build that needs one of them asks, and pays, again.

    Example: anes cache prune --older-than 30d --model Qwen/Qwen2.5-72B-Instruct --dry-run
    """
    with errors_explained():
        before = time.time() - _seconds(older_than)
        opened = _open(folder, root)
        if opened is None:
            from anessuite.errors import ConfigError

            raise ConfigError(
                f"there is no cache in {_folder(folder, root)}", "--cache or ANES_CACHE names another"
            )
        count = opened.prune(before=before, model=model, dry_run=True)
        of_model = f" of {model}" if model else ""
        if not dry_run and count:
            if not yes:
                typer.confirm(f"remove {count:,} replies{of_model} from {opened.path}?", abort=True, err=True)
            count = opened.prune(before=before, model=model)
        size = opened.path.stat().st_size
        if as_json:
            print_json({"removed": 0 if dry_run else count, "found": count, "bytes": size})
            return
        done = "would be removed" if dry_run else "removed"
        typer.echo(
            f"{count:,} replies{of_model} older than {older_than} {done}; {size / 1e6:,.2f} MB on disk"
        )
        if not count and model is not None and model not in (known := [of.model for of in opened.stats()]):
            typer.echo(f"no reply is of {model}; models in the cache: {', '.join(known) or 'none'}", err=True)


def _folder(folder: Path | None, root: str | None) -> Path:
    from anessuite.llm.cache import cache_folder
    from anessuite.settings import Settings

    return cache_folder(root_or_default(root), str(folder) if folder is not None else Settings().cache)


def _open(folder: Path | None, root: str | None) -> "Cache | None":
    """The cache, or None where there is none: looking begins no new one."""
    from anessuite.llm.cache import FILE, Cache

    where = _folder(folder, root)
    return Cache(where) if (where / FILE).exists() else None


def _seconds(age: str) -> float:
    from anessuite.errors import ConfigError

    parsed = re.fullmatch(r"(\d+)([hdw])", age.strip())
    if parsed is None:
        raise ConfigError(f"--older-than {age} is no age", "it is a number with h, d or w: 12h, 30d, 8w")
    return int(parsed[1]) * _HOURS[parsed[2]] * 3600.0


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
