"""What is seen while a model is asked: a live panel, plain lines without a terminal, an artifact."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from anessuite.llm.tally import Tally
from tasks.progress import progress_artifact

_POLL_SECONDS, _LINE_SECONDS = 0.5, 10.0
log = logging.getLogger("anes")


@contextmanager
def panel(what: str, tally: Tally, tick: Callable[[], None]) -> Iterator[None]:
    """Show ``tally`` while the block runs; ``tick`` is called twice a second."""
    stop = threading.Event()
    show = _live if sys.stderr.isatty() else _lines
    thread = threading.Thread(target=show, args=(what, tally, tick, stop), daemon=True)
    with progress_artifact(what, tally.total or 0, lambda: tally.done):
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _live(what: str, tally: Tally, tick: Callable[[], None], stop: threading.Event) -> None:
    with Live(_table(what, tally), console=Console(stderr=True), refresh_per_second=4) as live:
        while not stop.wait(_POLL_SECONDS):
            tick()
            live.update(_table(what, tally))
        live.update(_table(what, tally))


def _lines(what: str, tally: Tally, tick: Callable[[], None], stop: threading.Event) -> None:
    said = time.monotonic()
    while not stop.wait(_POLL_SECONDS):
        tick()
        if time.monotonic() - said >= _LINE_SECONDS:
            said = time.monotonic()
            log.info("%s: %s", what, ", ".join(f"{name} {value}" for name, value in figures(tally)))
    log.info("%s: %s", what, ", ".join(f"{name} {value}" for name, value in figures(tally)))


def _table(what: str, tally: Tally) -> Table:
    table = Table(title=what, title_justify="left", box=None, pad_edge=False, header_style="bold")
    shown = figures(tally)
    for name, _ in shown:
        table.add_column(name, justify="right", min_width=len(name) + 2)
    table.add_row(*(value for _, value in shown))
    return table


def figures(tally: Tally) -> list[tuple[str, str]]:
    """What the panel shows, name and value."""
    requests, tokens = tally.rates()
    left = tally.seconds_left()
    total = "?" if tally.total is None else f"{tally.total:,}"
    return [
        ("done", f"{tally.done:,} of {total}"),
        ("cached", f"{tally.cached:,}"),
        ("in flight", f"{tally.in_flight:,}"),
        ("requests/s", f"{requests:,.1f}"),
        ("tokens/s", f"{tokens:,.0f}"),
        ("retries", f"{tally.retries:,}"),
        ("faults", f"{tally.faults.total():,}"),
        ("cost", f"{tally.cost:,.2f}"),
        ("left", "?" if left is None else _clock(left)),
    ]


def _clock(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
