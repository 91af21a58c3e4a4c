"""What is seen while a model is asked: a live panel, or plain lines; in the flow UI lines and artifacts."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from anessuite.llm.tally import Tally
from anessuite.repeat import repeated
from tasks.progress import spoken
from tasks.progress_artifacts import Parts, progress_artifacts

_POLL_SECONDS = 0.5


@contextmanager
def panel(what: str, tally: Tally, tick: Callable[[], None], parts: Parts) -> Iterator[None]:
    """Show ``tally`` while the block runs; ``tick`` is called twice a second. ``parts`` are those whose
    requests are all answered."""

    def told() -> str:
        return ", ".join(f"{name} {value}" for name, value in figures(tally))

    with (
        progress_artifacts(what, lambda: (tally.done, tally.total or 0), told, parts),
        spoken(what, told),
        repeated(tick, every=lambda _: _POLL_SECONDS),
        _live(what, tally),
    ):
        yield


@contextmanager
def _live(what: str, tally: Tally) -> Iterator[None]:
    if not sys.stderr.isatty():
        yield
        return
    with (
        Live(_table(what, tally), console=Console(stderr=True), refresh_per_second=4) as live,
        repeated(lambda: live.update(_table(what, tally)), every=lambda _: _POLL_SECONDS),
    ):
        try:
            yield
        finally:
            live.update(_table(what, tally))


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
