"""Runs ranks of work here or on a cluster; a rank is one part, whatever the engine or worker count.

``local`` are processes of this machine, ``ray`` tasks of a Ray cluster, ``slurm`` array jobs. The data does
not depend on which: a rank reads and writes files below the root, which all machines share, and returns
nothing.
"""

from typing import Literal

from tasks.engines.local import run_here
from tasks.engines.ranks import Job, Step

__all__ = ["Engine", "Step", "run_ranks"]

Engine = Literal["local", "ray", "slurm"]


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
    marks in ``logging_dir`` (a URL or an absolute path), which has to be used for one recipe only. A worker
    that dies is replaced on Ray and Slurm, so there each rank must be fit to run twice. Raises ConfigError if
    the engine is not there; RootNotShared, NodesDiffer and WorkerLost if a machine cannot do the work.
    """
    workers = max(1, min(workers, ranks))
    job = Job(pipeline, ranks, logging_dir, skip_completed)
    if engine == "local":
        run_here(job, workers=workers)
    elif engine == "ray":
        from tasks.engines.ray_tasks import run_on_ray  # Ray is optional, and slow to import

        run_on_ray(job, workers=workers)
    elif engine == "slurm":
        from tasks.engines.slurm_jobs import run_on_slurm

        run_on_slurm(job, workers=workers)
    else:
        raise ValueError(f"unknown engine {engine!r}; there are local, ray and slurm")
