"""Progress of long work: a bar on a terminal, plain lines elsewhere, lines and artifacts in the flow UI."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from anessuite.builds import Build
from anessuite.repeat import repeated
from tasks.progress_artifacts import Parts, progress_artifacts
from tasks.run_log import log, ui_log

_POLL_SECONDS = 0.5
_LINE_SECONDS = 10.0


@contextmanager
def watched(what: str, total: int, done: Callable[[], int], *, table: Parts | None = None) -> Iterator[None]:
    """Show how many of ``total`` parts are done while the block runs; ``done`` counts them and is polled."""
    begun, before = time.monotonic(), done()
    if before:
        log.info("%s: %d of %d parts were done before, and are not done again", what, before, total)

    def told() -> str:
        figures = _figures(done(), total, before, time.monotonic() - begun)
        return f"{figures}; {summed}" if table and (summed := table.summed()) else figures

    with (
        progress_artifacts(what, lambda: (done(), total), told, table),
        spoken(what, told),
        _bar(what, total, done),
    ):
        yield


@contextmanager
def watched_parts(build: Build, step: str, total: int, *, what: str = "") -> Iterator[None]:
    """`watched` for a step that marks its parts; the flow UI has a table of them."""
    with watched(what or step, total, lambda: build.marks(step), table=Parts(build, step)):
        yield


def _figures(done: int, total: int, before: int, seconds: float) -> str:
    """``5 of 16 parts, 30.0 s, about 66 s left``."""
    left = f", about {(total - done) * seconds / (done - before):.0f} s left" if before < done < total else ""
    return f"{done:,} of {total:,} parts, {seconds:.1f} s{left}"


@contextmanager
def spoken(what: str, told: Callable[[], str]) -> Iterator[None]:
    """Say ``told`` every ten seconds and at the end; to the flow UI alone where there is a terminal."""
    where = ui_log if sys.stderr.isatty() else log

    def say() -> None:
        where.info("%s: %s", what, told())

    with repeated(say, every=lambda _: _LINE_SECONDS):
        try:
            yield
        finally:
            say()


@contextmanager
def _bar(what: str, total: int, done: Callable[[], int]) -> Iterator[None]:
    if not sys.stderr.isatty():
        yield
        return
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TextColumn("parts"))
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        with repeated(lambda: bar.update(task, completed=done()), every=lambda _: _POLL_SECONDS):
            try:
                yield
            finally:
                bar.update(task, completed=done())
