"""One round: a build, a fault at a random moment, the end of the fault, and the same build once more."""

import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.builds import (
    DATASETS,
    Result,
    faults_of_files,
    is_finished,
    leftovers,
    result,
    rows_lost,
    work_has_begun,
    write_config,
)
from tests.chaos.commands import Command, Hangs, end_all, processes
from tests.chaos.disks import ROOMY, Disk, Folder, no_mounts
from tests.chaos.faults import FAULTS, Fault, note_lost_replies, some_hours
from tests.chaos.scenes import Scene
from tests.chaos.servers import ModelServer
from tests.prefect_server import PrefectServer

_SMALLEST_DISK = 1 << 16
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What a round is to be; all of it, and all chances in it, follow from ``seed``."""

    number: int
    seed: str
    fault: Fault
    dataset: str
    moment: float
    """When the fault strikes, as a share of the time, the room or the questions that the work takes."""

    def __str__(self) -> str:
        return f"{self.number}-{self.fault.name}-{self.dataset}".replace(" ", "-")


def plans(
    rounds: int, seed: int, *, faults: tuple[Fault, ...] = FAULTS, datasets: tuple[str, ...] = DATASETS
) -> list[Plan]:
    """So many rounds; each fault that can befall the datasets comes up before any comes up again."""
    faults = tuple(fault for fault in faults if set(fault.datasets) & set(datasets))
    chance, made, waiting = random.Random(seed), list[Plan](), list[Fault]()
    for number in range(1, rounds + 1 if faults else 1):
        waiting = waiting or chance.sample(faults, len(faults))
        fault = waiting.pop()
        possible = [one for one in fault.datasets if one in datasets]
        dataset = chance.choice(possible)
        made.append(Plan(number, f"{seed}/{number}", fault, dataset, chance.uniform(0.02, 0.85)))
    return made


@dataclass(frozen=True, slots=True)
class Reference:
    """An undisturbed build: its result, the seconds that its work took, the room and questions it needed."""

    result: Result
    seconds: float
    room: int
    questions: int


@dataclass(slots=True)
class Outcome:
    """What became of a round. It is well where ``problems`` is empty."""

    plan: Plan
    struck: str = ""
    at: float = 0.0
    """Seconds from the start of the build."""
    ended: str = ""
    said: str = ""
    traceback: bool = False
    seconds: float = 0.0
    """From the end of the fault to the finished version."""
    equal: bool = False
    twice: int = 0
    problems: list[str] = field(default_factory=list)


class World:
    """What all rounds share: a Prefect server and the undisturbed builds, made when they are asked for."""

    def __init__(self, folder: Path, *, database: Path | None = None) -> None:
        """``database``: an empty one for the Prefect server."""
        self.folder = folder
        self._prefect = PrefectServer(folder / "prefect-server", template=database)
        self._references: dict[str, Reference] = {}

    def close(self) -> None:
        self._prefect.kill()

    def reference(self, dataset: str) -> Reference:
        """Built once."""
        if dataset not in self._references:
            chance = random.Random(dataset)
            with self._scene(f"undisturbed-{dataset}", dataset, chance, own_disk=True) as scene:
                self._references[dataset] = _undisturbed(scene)
        return self._references[dataset]

    @contextmanager
    def _scene(
        self, name: str, dataset: str, chance: random.Random, *, own_disk: bool, size: int = ROOMY
    ) -> Iterator[Scene]:
        folder, mark = self.folder / name, f"{os.getpid()}/{name}"
        folder.mkdir()
        self._prefect.ensure()
        model = ModelServer(folder / "journal")
        mounts = own_disk and no_mounts() is None
        root = folder / "root"
        disk = Disk(folder / "disk", root, size=size) if mounts else Folder(root)
        config = write_config(dataset, folder, model.url, patience=chance.choice((1.0, 15.0)))
        try:
            if dataset != "corpus":
                model.start()
            yield Scene(dataset, folder, disk, config, self._prefect, model, chance, mark)
        finally:
            end_all(mark)
            model.kill()
            disk.close()

    def play(self, plan: Plan) -> Outcome:
        """One round. A fault that came too late to strike is tried again, earlier."""
        reference, outcome, moment = self.reference(plan.dataset), Outcome(plan), plan.moment
        for attempt in range(_TRIES):
            chance = random.Random(f"{plan.seed}/{attempt}")
            size = max(_SMALLEST_DISK, int(moment * reference.room)) if plan.fault.tight else ROOMY
            name, own_disk = f"{plan}-{attempt}", plan.fault.own_disk
            with self._scene(name, plan.dataset, chance, own_disk=own_disk, size=size) as scene:
                outcome = _Round(plan, scene, moment, reference).play()
            if outcome.struck:
                if not outcome.problems:
                    shutil.rmtree(scene.folder, ignore_errors=True)
                return outcome
            moment /= 2
        outcome.problems.append("the fault never struck")
        return outcome


def _undisturbed(scene: Scene) -> Reference:
    command, room, seconds = scene.start(), 0, 0.0
    stop = threading.Event()

    def measure() -> None:
        nonlocal room
        while not stop.wait(0.005):
            room = max(room, scene.disk.used())

    thread = threading.Thread(target=measure)
    thread.start()
    try:
        while command.code is None and not work_has_begun(scene.disk.folder, scene.dataset):
            time.sleep(0.02)
        begun = time.monotonic()
        while command.code is None and not is_finished(scene.disk.folder, scene.dataset):
            time.sleep(0.02)
        seconds = time.monotonic() - begun
        code = command.wait()
    finally:
        stop.set()
        thread.join()
    if code != 0:
        raise RuntimeError(f"the undisturbed build of {scene.dataset} ended with {code}: {command.said()}")
    faults = rows_lost(scene.disk.folder, scene.dataset)
    questions = len(scene.model.asked())
    twice = scene.model.asked().total() - questions
    if faults or twice:
        raise RuntimeError(f"the undisturbed build of {scene.dataset}: {faults}, {twice} asked twice")
    return Reference(result(scene.disk.folder, scene.dataset), seconds, room, questions)


class _Round:
    def __init__(self, plan: Plan, scene: Scene, moment: float, reference: Reference) -> None:
        self._plan, self._fault, self._scene = plan, plan.fault, scene
        self._moment, self._reference = moment, reference
        self._outcome = Outcome(plan)

    def play(self) -> Outcome:
        scene, outcome, fault = self._scene, self._outcome, self._fault
        if fault.skewed:
            scene.skew = some_hours(scene)
        try:
            command = self._strike()
            if not outcome.struck:
                return outcome
            code = self._end(command)
        finally:
            fault.lift(scene)
        lifted = time.monotonic()
        note_lost_replies(scene)
        if is_finished(scene.disk.folder, scene.dataset):
            code = 0  # the fault struck after the last step
        if code != 0:
            code = self._finish()
        outcome.seconds = time.monotonic() - lifted
        if code == 0:
            self._inspect()
        self._no_processes_left()
        outcome.problems = scene.problems
        return outcome

    def _strike(self) -> Command:
        """Start the build, and strike before it, or in the middle of it."""
        scene, fault, outcome = self._scene, self._fault, self._outcome
        if fault.precedes and scene.chance.random() < 0.15:
            outcome.struck = fault.strike(scene, None)
            return scene.start()
        command = scene.start()
        if fault.tight or self._wait_for_moment(command):
            outcome.at = time.monotonic() - command.begun
            outcome.struck = fault.strike(scene, command)
        return command

    def _wait_for_moment(self, command: Command) -> bool:
        """Whether the build is still at work when the moment has come."""
        scene = self._scene
        while command.code is None and not work_has_begun(scene.disk.folder, scene.dataset):
            time.sleep(0.02)
        asking = scene.dataset != "corpus" and scene.chance.random() < (0.8 if self._fault.asked else 0.5)
        is_due = self._while_asked() if asking else self._after_a_time()
        while command.code is None and not is_due():
            time.sleep(0.02)
        return command.code is None and not is_finished(scene.disk.folder, scene.dataset)

    def _after_a_time(self) -> Callable[[], bool]:
        moment = time.monotonic() + self._moment * self._reference.seconds
        return lambda: time.monotonic() >= moment

    def _while_asked(self) -> Callable[[], bool]:
        """A model is asked during a small part of the work only, but it is there that something costs."""
        count = 1 + int(self._moment * self._reference.questions)
        return lambda: len(self._scene.model.asked()) >= count

    def _end(self, command: Command) -> int:
        """Let the build end, which may take the end of the fault, and keep how it did."""
        scene, fault, outcome = self._scene, self._fault, self._outcome
        if fault.passes and scene.chance.random() < 0.5:
            time.sleep(scene.chance.uniform(0.5, 4))
            fault.lift(scene)
            outcome.struck += ", for a moment"
        try:
            code = command.wait(stall=fault.stall)
            outcome.ended = {0: "finished", -9: "killed", -15: "terminated"}.get(code, f"exit {code}")
        except Hangs as error:
            outcome.ended, code = str(error), -9
            scene.problems.append(f"the build {error}")
            end_all(scene.mark)
        if fault.tight and code == 0:
            outcome.struck = ""  # there was room enough
        outcome.said, outcome.traceback = command.said() if code > 0 else "", command.has_traceback()
        if code > 0 and outcome.traceback:
            scene.problems.append("the build ended in a traceback and not in words")
        return code

    def _finish(self) -> int:
        command = self._scene.start()
        try:
            code = command.wait()
        except Hangs as error:
            self._scene.problems.append(f"the build {error} after the fault")
            return -9
        if code != 0:
            said = command.log.read_text(errors="replace")[-1500:]
            self._scene.problems.append(f"not finished after the fault: {code}\n{said}")
        return code

    def _inspect(self) -> None:
        """Note what was lost, and what was done or asked twice."""
        scene, outcome = self._scene, self._outcome
        root, dataset = scene.disk.folder, scene.dataset
        unlike = self._reference.result.differences(result(root, dataset))
        outcome.equal = not unlike
        scene.problems += unlike + faults_of_files(root, dataset) + rows_lost(root, dataset)
        scene.problems += leftovers(root, dataset)
        outcome.twice = scene.model.asked().total() - len(scene.model.asked())
        if outcome.twice > scene.lost:
            scene.problems.append(f"{outcome.twice} questions asked twice, {scene.lost} were in flight")

    def _no_processes_left(self) -> None:
        deadline = time.monotonic() + 15
        while (left := processes(self._scene.mark)) and time.monotonic() < deadline:
            time.sleep(0.1)
        self._scene.problems += [f"process {pid} is left: {line[:120]}" for pid, line in left.items()]
