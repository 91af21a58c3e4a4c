"""Progress of long work: a bar on a terminal, plain lines elsewhere, an artifact in the flow UI."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import TaskRunContext
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_POLL_SECONDS = 0.5
_LINE_SECONDS = 10.0
_ARTIFACT_SECONDS = 5.0
log = logging.getLogger("anes")


@contextmanager
def watched(what: str, total: int, done: Callable[[], int]) -> Iterator[None]:
    """Show how many of ``total`` parts are done while the block runs; ``done`` counts them and is polled."""
    stop = threading.Event()
    show = _bar if sys.stderr.isatty() else _lines
    thread = threading.Thread(target=show, args=(what, total, done, stop), daemon=True)
    with progress_artifact(what, total, done):
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextmanager
def progress_artifact(what: str, total: int, done: Callable[[], int]) -> Iterator[None]:
    """Keep a progress artifact of the flow UI up to date while the block runs (in a task run only)."""
    artifact = _artifact(what)
    stop = threading.Event()
    reporter = threading.Thread(target=_report, args=(artifact, total, done, stop), daemon=True)
    reporter.start()
    try:
        yield
    finally:
        stop.set()
        reporter.join()
    if artifact is not None:
        update_progress_artifact(artifact, progress=100.0)


def _artifact(what: str) -> UUID | None:
    if TaskRunContext.get() is None:
        return None
    key = "progress-" + "".join(c if c.isalnum() else "-" for c in what.lower())
    created = create_progress_artifact(progress=0.0, key=key, description=what)
    return cast("UUID", created)


def _report(artifact: UUID | None, total: int, done: Callable[[], int], stop: threading.Event) -> None:
    while artifact is not None and not stop.wait(_ARTIFACT_SECONDS):
        update_progress_artifact(artifact, progress=100.0 * min(done(), total) / max(1, total))


def _bar(what: str, total: int, done: Callable[[], int], stop: threading.Event) -> None:
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TextColumn("parts"))
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        while not stop.wait(_POLL_SECONDS):
            bar.update(task, completed=done())
        bar.update(task, completed=done())


def _lines(what: str, total: int, done: Callable[[], int], stop: threading.Event) -> None:
    begun, seen = time.monotonic(), done()
    while not stop.wait(_LINE_SECONDS):
        now, seconds = done(), time.monotonic() - begun
        eta = f"{(total - now) * seconds / (now - seen):.0f} s left" if now > seen else "no estimate yet"
        log.info("%s: %d of %d parts, %.0f s, %s", what, now, total, seconds, eta)
    log.info("%s: %d of %d parts, %.1f s", what, done(), total, time.monotonic() - begun)
