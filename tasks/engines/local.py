"""Ranks as processes of this machine.

On concurrent.futures, and not on datatrove's LocalPipelineExecutor: the pool in that one waits for ever for a
worker that was killed, and its workers outlive a flow that was.
"""

import faulthandler
import os
import signal
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from threading import Thread

from tasks.engines.failures import pack, unpack
from tasks.engines.nodes import WorkerLost
from tasks.engines.ranks import Job
from tasks.workers import prepare_workers


def run_here(job: Job, *, workers: int) -> None:
    """Run the open ranks in ``workers`` processes; with one, in this one.

    Raises WorkerLost if a worker is killed.
    """
    ranks = job.open_ranks()
    if workers == 1 or not ranks:
        for rank in ranks:
            job.run(rank)
        return
    prepare_workers()
    others = set(active_children())
    pool = ProcessPoolExecutor(workers, get_context("forkserver"), initializer=_begin)
    try:
        _take({rank: pool.submit(_run, job, rank) for rank in ranks})
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in set(active_children()) - others:  # of a rank that no longer matters
            worker.terminate()
            worker.join()


def _run(job: Job, rank: int) -> str | None:
    """Runs in a worker. Errors are returned as text, since not all of them can be pickled."""
    try:
        job.run(rank)
    except Exception as error:
        return pack(error)
    return None


def _take(running: dict[int, Future[str | None]]) -> None:
    """Wait for all, and raise the first error."""
    ranks = {future: rank for rank, future in running.items()}
    try:
        for future in as_completed(ranks):
            if packed := future.result():
                raise unpack(packed, ranks[future])
    except BrokenProcessPool:
        raise WorkerLost(
            "a worker process was killed, perhaps for want of memory (dmesg tells)",
            "the same command continues; fewer workers (--workers) need less memory",
        ) from None


def _begin() -> None:
    """Runs in a worker: a flow that is killed cannot stop its workers, so they look.

    ``kill -USR1`` makes a worker print where it is.
    """
    faulthandler.register(signal.SIGUSR1)
    flow = parent_process()
    assert flow is not None

    def look() -> None:
        flow.join()
        os._exit(1)

    Thread(target=look, daemon=True).start()
