"""What goes wrong. Each fault strikes a running build; most are lifted afterwards."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from os import kill

from tests.chaos.builds import CONCURRENCY, DATASETS, cached_replies
from tests.chaos.commands import Command
from tests.chaos.disks import Disk, no_mounts
from tests.chaos.scenes import Scene, no_faketime

Strike = Callable[[Scene, Command | None], str]
"""Strikes, and says how; an empty text if there was nothing to strike. Without a command before its start."""


def _nothing(_scene: Scene) -> None:
    """It cannot be lifted, or needs not be."""


@dataclass(frozen=True, slots=True)
class Fault:
    """``needs`` says why the fault cannot be had on this machine. ``precedes``: it may be there before the
    build starts. ``passes``: it may be lifted while the build goes on. ``own_disk`` and ``tight``: the root
    is a disk of its own, and too small. ``skewed``: the clock is wrong from the beginning. ``asked``: it
    strikes mostly while a model is asked. ``stall``: seconds without computing after which a run hangs."""

    name: str
    strike: Strike
    lift: Callable[[Scene], None] = _nothing
    datasets: tuple[str, ...] = DATASETS
    needs: Callable[[], str | None] = lambda: None
    precedes: bool = False
    passes: bool = False
    own_disk: bool = False
    tight: bool = False
    skewed: bool = False
    asked: bool = False
    stall: float = 45.0


def note_lost_replies(scene: Scene) -> None:
    """After the end of a process: questions that were asked and whose replies are nowhere.

    More than can be in flight are a problem.
    """
    if scene.dataset == "corpus":
        return
    lost = max(0, len(scene.model.asked()) - cached_replies(scene.disk.folder))
    scene.lost = max(scene.lost, lost)  # the same ones may be in flight still
    if lost > CONCURRENCY:
        scene.problems.append(f"{lost} replies were lost at once, only {CONCURRENCY} can be in flight")


def _kill_group(scene: Scene, command: Command | None) -> str:
    assert command is not None
    command.signal_all(signal.SIGKILL)
    return "flow and workers"


def _kill_parent(scene: Scene, command: Command | None) -> str:
    assert command is not None
    count = len(command.workers())
    kill(command.pid, signal.SIGKILL)
    return f"flow alone, with {count} workers"


def _terminate(scene: Scene, command: Command | None) -> str:
    assert command is not None
    kill(command.pid, signal.SIGTERM)
    return "SIGTERM to the flow"


def _kill_worker(scene: Scene, command: Command | None) -> str:
    assert command is not None
    while command.code is None:
        if workers := command.workers():
            time.sleep(scene.chance.uniform(0, 0.3))
            victim = scene.chance.choice(workers)
            try:
                kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue
            return f"one of {len(workers)} workers"
        time.sleep(0.05)
    return ""


def _kill_prefect(scene: Scene, command: Command | None) -> str:
    scene.prefect.kill()
    return "Prefect server"


def _kill_model(scene: Scene, command: Command | None) -> str:
    scene.model.kill()
    time.sleep(0.3)
    note_lost_replies(scene)
    return "model server"


def _fill(scene: Scene, command: Command | None) -> str:
    return "disk too small"


def _grow(scene: Scene) -> None:
    assert isinstance(scene.disk, Disk)
    scene.disk.grow()


def _freeze(scene: Scene, command: Command | None) -> str:
    assert isinstance(scene.disk, Disk)
    scene.disk.freeze()
    return "root read-only"


def _thaw(scene: Scene) -> None:
    assert isinstance(scene.disk, Disk)
    scene.disk.thaw()


def some_hours(scene: Scene) -> int:
    """How wrong a clock is: back or forward, up to a day and a half."""
    return scene.chance.choice((-1, 1)) * scene.chance.randint(1, 36)


def _set_clock(scene: Scene, command: Command | None) -> str:
    """Stop the build, set the clock, let another process try to take the version, end the build."""
    assert command is not None
    before, scene.skew = scene.skew, some_hours(scene)
    command.signal_all(signal.SIGSTOP)
    try:
        _intrude(scene)
    finally:
        command.signal_all(signal.SIGKILL)
    return f"killed at {before:+d} h, resumed at {scene.skew:+d} h"


def _intrude(scene: Scene) -> None:
    """A second build of the version, whose clock is hours off, must be refused."""
    intruder = scene.start()
    code = intruder.wait()
    if code != 1 or "is being built by another process" not in intruder.said():
        scene.problems.append(
            f"a second build at {scene.skew:+d} h was not refused: {code}, {intruder.said()}"
        )


FAULTS = (
    Fault("kill -9 flow and workers", _kill_group),
    Fault("kill -9 flow alone", _kill_parent),
    Fault("kill -9 a worker", _kill_worker, datasets=("corpus",)),
    Fault("SIGTERM", _terminate),
    Fault(
        "kill -9 Prefect server",
        _kill_prefect,
        lambda scene: scene.prefect.ensure(),
        precedes=True,
        passes=True,
        stall=150.0,
    ),
    Fault(
        "kill -9 model server",
        _kill_model,
        lambda scene: scene.model.ensure(),
        datasets=("qa", "r1"),
        precedes=True,
        passes=True,
        asked=True,
    ),
    Fault("disk full", _fill, _grow, needs=no_mounts, own_disk=True, tight=True),
    Fault("read-only root", _freeze, _thaw, needs=no_mounts, own_disk=True, precedes=True),
    Fault("clock skew", _set_clock, needs=no_faketime, skewed=True),
)
