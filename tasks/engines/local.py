"""Ranks as processes of this machine, on datatrove's local executor."""

from datatrove.executor import LocalPipelineExecutor
from datatrove.utils.stats import PipelineStats
from loguru import logger

from tasks.engines.ranks import Job, run_steps
from tasks.workers import prepare_workers


class _QuietLocalExecutor(LocalPipelineExecutor):
    """datatrove's local executor without its logs: the flow shows progress and errors itself, and to set them
    up takes longer than some ranks."""

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> PipelineStats:
        logger.disable("datatrove")
        if self.is_rank_completed(rank):
            return PipelineStats()
        run_steps(self.pipeline, rank, self.world_size)
        self.mark_rank_as_completed(rank)
        return PipelineStats(self.pipeline)


def run_here(job: Job, *, workers: int) -> None:
    """Run the ranks in ``workers`` processes; with one, in this one."""
    logger.disable("datatrove")
    if workers > 1:
        prepare_workers()
    executor = _QuietLocalExecutor(
        pipeline=job.pipeline,
        tasks=job.ranks,
        workers=workers,
        logging_dir=job.logging_dir,
        skip_completed=job.skip_completed,
    )
    executor.run()
