"""What is run: a list of steps, once for each rank, and the marks of the ranks that are done."""

from collections import deque
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from datatrove.io import get_datafolder
from datatrove.pipeline.base import PipelineStep
from loguru import logger

Step = PipelineStep | Callable[[Any, int, int], Any]


@dataclass(frozen=True, slots=True)
class Job:
    """``pipeline`` for each of ``ranks`` ranks; marks and, on Slurm, logs stand below ``logging_dir``."""

    pipeline: list[Step]
    ranks: int
    logging_dir: str
    skip_completed: bool

    def open_ranks(self) -> list[int]:
        """The ranks that are to be run, in order."""
        done = set(get_datafolder(self.logging_dir).list_files("completions")) if self.skip_completed else ()
        return [rank for rank in range(self.ranks) if _mark(rank) not in done]

    def run(self, rank: int) -> None:
        """Run one rank in this process, and mark it; nothing is done if it is marked and may be skipped."""
        logger.disable("datatrove")
        folder = get_datafolder(self.logging_dir)
        if self.skip_completed and folder.isfile(_mark(rank)):
            return
        run_steps(deepcopy(self.pipeline), rank, self.ranks)
        folder.open(_mark(rank), "w").close()


def run_steps(pipeline: list[Step], rank: int, ranks: int) -> None:
    """Pass data from each step to the next, to the end. Steps may keep state: give each rank its own copy."""
    data: Any = None
    for step in pipeline:
        data = step(data, rank, ranks)
    deque(data or (), maxlen=0)


def _mark(rank: int) -> str:
    """The place of datatrove's marks, so that all engines know them."""
    return f"completions/{rank:05d}"
