"""Progress in the flow UI: of each step a bar with counts, and a table of its parts (shards, or the chunks of
requests), both brought up to date in place.

Each update is an event in the server's database, so they become rarer the longer a step takes.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import orjson
from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.context import FlowRunContext, SettingsContext, TaskRunContext, get_settings_context

from anessuite.builds import Build
from anessuite.repeat import repeated

_MOST_ROWS = 50
_MOST_READ = 500
"""Marks read at once: each is a small file, on an object store a request."""
_SILENCE = 30.0
"""Seconds without a picture after one that the server did not take."""
log = logging.getLogger("anes")


@contextmanager
def progress_artifacts(
    what: str, count: Callable[[], tuple[int, int]], told: Callable[[], str], table: "Parts | None"
) -> Iterator[None]:
    """Keep the artifacts of a step up to date while the block runs (in a task run only).

    ``count`` gives how many are done, and of how many; ``told`` the same in words, with what else is known.
    """
    if TaskRunContext.get() is None:
        yield
        return
    bar, rows = _Bar(what, count, told), _Table(what, table) if table else None

    def update() -> None:
        bar.update()
        if rows is not None:
            rows.update()

    with repeated(update, every=lambda seconds: min(20.0, 1.0 + seconds / 10)):
        try:
            yield
        finally:
            update()


class _Bar:
    def __init__(self, what: str, count: Callable[[], tuple[int, int]], told: Callable[[], str]) -> None:
        self._count, self._told, self._shown = count, told, ""
        self._id = _id(
            create_progress_artifact(self._share(), key=_key("progress", what), description=told())
        )

    def _share(self) -> float:
        done, total = self._count()
        return 100.0 * min(done, total) / total if total else 100.0

    def update(self) -> None:
        text = self._told()
        if text != self._shown:
            self._shown = text
            quietly(lambda: update_progress_artifact(self._id, self._share(), description=text))


class _Table:
    def __init__(self, what: str, parts: "Parts") -> None:
        self._parts, self._shown = parts, parts.rows()
        described = f"{what}: its parts; the first line is the sum of those that are done"
        self._id = _id(create_table_artifact(self._shown, key=_key("parts", what), description=described))

    def update(self) -> None:
        rows = self._parts.rows()
        if rows != self._shown:
            self._shown = rows
            quietly(lambda: self._send(rows))

    def _send(self, rows: list[dict[str, Any]]) -> None:
        with get_client(sync_client=True) as client:
            client.update_artifact(self._id, ArtifactUpdate(data=orjson.dumps(rows).decode()))


@dataclass
class Parts:
    """The finished parts of a step, from their marks, each of which is read once."""

    build: Build
    step: str
    _marks: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """The sum, then one line a part, the newest first, and no more than _MOST_ROWS of them."""
        self._read()
        lines = [{"part": part} | _cells(self._marks[part]) for part in [*self._marks][::-1][:_MOST_ROWS]]
        return [{"part": f"all {len(self._marks):,}"} | _cells(_sum(list(self._marks.values()))), *lines]

    def summed(self) -> str:
        """Counts of all finished parts, such as ``rows 1,200, kept 80``."""
        self._read()
        total = _sum(list(self._marks.values()))
        return ", ".join(f"{name} {count:,}" for name, count in total.items() if isinstance(count, int))

    def _read(self) -> None:
        there = self.build.marked_parts(self.step)
        for part in [part for part in there if part not in self._marks][:_MOST_READ]:
            self._marks[part] = self.build.marked(self.step, part) or {}


def _sum(marks: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts added up, nested ones by name; what is no count is left out."""
    total: dict[str, Any] = {}
    for mark in marks:
        for name, value in mark.items():
            if isinstance(value, int):
                total[name] = total.get(name, 0) + value
            elif _counts(value):
                total[name] = dict(Counter(total.get(name, {})) + Counter(value))
    return total


def _counts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(count, int) for count in value.values())


def _cells(mark: Mapping[str, Any]) -> dict[str, Any]:
    """A mark as one line: numbers and words as they are, counts by name as ``too_short 3, no_term 2``."""
    cells: dict[str, Any] = {}
    for name, value in mark.items():
        if isinstance(value, int | str):
            cells[name] = value
        elif _counts(value):
            most = sorted(value.items(), key=lambda pair: (-pair[1], pair[0]))
            cells[name] = ", ".join(f"{key} {count:,}" for key, count in most)
    return cells


def _key(kind: str, what: str) -> str:
    """``progress-corpus-dev-curate``: named after the run, so that other versions have others."""
    run = FlowRunContext.get()
    name = run.flow_run.name if run and run.flow_run else ""
    words = f"{kind} {name} {what}".lower()
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in words).split())


def _id(created: Any) -> UUID:
    """Of an artifact, whichever Prefect returns."""
    return created if isinstance(created, UUID) else UUID(str(created))


@dataclass
class _Silence:
    until: float = 0.0


_silence = _Silence()


def quietly(act: Callable[[], object]) -> None:
    """A server that does not answer stops no build for the sake of a picture, and holds none up.

    Prefect's client tries each request for a minute. A picture is tried twice within seconds, and after one
    that did not get through none is tried for a while.
    """
    if time.monotonic() < _silence.until:
        return
    try:
        with _two_tries():
            act()
    except Exception as error:
        if isinstance(error, httpx.TransportError):
            _silence.until = time.monotonic() + _SILENCE
        log.debug("the flow UI was not updated: %s", error)


@contextmanager
def _two_tries() -> Iterator[None]:
    """Prefect's `temporary_settings` reads all sources of settings anew, which takes a tenth of a second."""
    known = get_settings_context()
    client = known.settings.client.model_copy(update={"max_retries": 1})
    settings = known.settings.model_copy(update={"client": client})
    with SettingsContext(profile=known.profile, settings=settings):
        yield
