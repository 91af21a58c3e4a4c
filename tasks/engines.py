"""Runs ranks of work on datatrove's executors; a rank is one part, whatever the engine or worker count."""

from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.stats import PipelineStats
from loguru import logger

from tasks.workers import prepare_workers

Engine = Literal["local"]

Step = PipelineStep | Callable[[Any, int, int], Any]


class _QuietLocalExecutor(LocalPipelineExecutor):
    """datatrove's local executor without its logs: the flow shows progress and errors itself, and to set them
    up takes longer than some ranks."""

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> PipelineStats:
        logger.disable("datatrove")
        if self.is_rank_completed(rank):
            return PipelineStats()
        data: Any = None
        for step in self.pipeline:
            data = step(data, rank, self.world_size)
        deque(data or (), maxlen=0)
        self.mark_rank_as_completed(rank)
        return PipelineStats(self.pipeline)


def run_ranks(
    pipeline: list[Step],
    *,
    ranks: int,
    workers: int,
    engine: Engine,
    logging_dir: str,
    skip_completed: bool = False,
) -> None:
    """Run ``pipeline`` once for each rank, at most ``workers`` at a time.

    The first rank that raises stops the others and its error is raised here. ``skip_completed`` trusts the
    marks that datatrove leaves in ``logging_dir``, which has to be used for one recipe only.
    """
    if engine != "local":
        raise ValueError(f"unknown engine {engine!r}")
    logger.disable("datatrove")
    workers = max(1, min(workers, ranks))
    if workers > 1:
        prepare_workers()
    executor = _QuietLocalExecutor(
        pipeline=pipeline,
        tasks=ranks,
        workers=workers,
        logging_dir=logging_dir,
        skip_completed=skip_completed,
    )
    executor.run()
