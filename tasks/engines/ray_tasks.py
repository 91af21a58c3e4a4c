"""Ranks as tasks of a Ray cluster, one CPU each.

On Ray's own tasks, and not on datatrove's RayPipelineExecutor: that logs the error of a rank and goes on, and
starts an actor, a placement group and a pool of processes for each.
"""

import logging
import os
import socket
from collections import deque
from typing import Any

from anessuite.errors import ConfigError
from tasks.engines.failures import pack, unpack
from tasks.engines.nodes import Home, NodesDiffer, WorkerLost
from tasks.engines.ranks import Job

MOST_DEATHS = 5
"""How often the worker of one rank may die before the build fails; then it is rather the rank's fault."""
_POLL_SECONDS = 1.0
_CANCEL_SECONDS = 30.0
_KNOCK_SECONDS = 10.0
_OBJECT_STORE_BYTES = 100 << 20
log = logging.getLogger("anes")


def run_on_ray(job: Job, *, workers: int) -> None:
    """Run the open ranks on the cluster of ``RAY_ADDRESS``, else on one that this machine belongs to, else on
    one started here with ``workers`` CPUs. Errors as in run_ranks.

    A worker has the environment of its machine, not of this process: an object store's credentials have to be
    there, and are never sent along.
    """
    ranks = job.open_ranks()
    if not ranks:
        return
    ray = _connected(workers)
    home = Home.here(job.logging_dir)
    options = {"num_cpus": 1, "max_retries": MOST_DEATHS, "scheduling_strategy": "SPREAD"}
    remote = ray.remote(**options)(_run_away)
    waiting, running = deque(ranks), dict[Any, int]()
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                rank = waiting.popleft()
                running[remote.remote(job, rank, home)] = rank
            done, _ = ray.wait(list(running), num_returns=1, timeout=_POLL_SECONDS)
            for finished in done:
                _take(ray, finished, running.pop(finished))
    finally:
        _stop(ray, list(running))
        home.leave()


def _run_away(job: Job, rank: int, home: Home) -> str | None:
    """Runs in the worker. Errors are returned as text, since not all of them can be pickled."""
    try:
        home.enter()
        job.run(rank)
    except Exception as error:
        return pack(error)
    return None


def _take(ray: Any, finished: Any, rank: int) -> None:
    """Raise what went wrong with a rank, if anything did."""
    known = ray.exceptions
    try:
        packed = ray.get(finished)
    except known.RayTaskError as error:  # before our own code began
        raise NodesDiffer(
            f"a worker of the Ray cluster cannot begin rank {rank}: {_last_line(error)}",
            "install the same checkout and packages on all machines, and start Ray from that environment",
        ) from error
    except known.RayError as error:
        raise WorkerLost(
            f"rank {rank} lost its worker {MOST_DEATHS + 1} times, at last by {type(error).__name__}",
            "look whether its machine has memory enough (ray status, dmesg); the same command continues",
        ) from error
    if packed is not None:
        raise unpack(packed, rank)


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _stop(ray: Any, running: list[Any]) -> None:
    """Cancel what still runs, and wait until nothing writes any more."""
    if not running:
        return
    for task in running:
        ray.cancel(task, force=True)
    _, alive = ray.wait(running, num_returns=len(running), timeout=_CANCEL_SECONDS)
    if alive:
        log.warning("%d tasks on Ray did not stop within %.0f s", len(alive), _CANCEL_SECONDS)


def _connected(workers: int) -> Any:
    """The module ``ray``, connected to a cluster; the connection stays until the process ends."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ConfigError(
            "--engine ray needs Ray, which is not installed", "pip install 'anessuite[ray]'"
        ) from None
    if not ray.is_initialized():
        _connect(ray, workers)
    return ray


def _connect(ray: Any, workers: int) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        _knock(os.environ.get("RAY_ADDRESS", ""))
        ray.init(address="auto", **quiet)
    except Exception as error:
        if os.environ.get("RAY_ADDRESS", "auto") not in ("", "auto", "local"):
            raise ConfigError(
                f"no Ray cluster can be used at RAY_ADDRESS: {_last_line(error)}",
                "start one (ray start --head) with the same versions of Ray and Python, or unset RAY_ADDRESS",
            ) from error
        if not isinstance(error, ConnectionError):
            raise ConfigError(
                f"the Ray cluster of this machine cannot be used: {_last_line(error)}"
            ) from error
    else:
        log.info("ray: a cluster with %.0f CPUs", ray.cluster_resources().get("CPU", 0))
        return
    store = {"object_store_memory": _OBJECT_STORE_BYTES, "include_dashboard": False}
    ray.init(address="local", num_cpus=workers, **store, **quiet)
    log.info("ray: no cluster is there, so one is started on this machine, with %d CPUs", workers)


def _knock(address: str) -> None:
    """OSError if nothing listens at ``host:port``; Ray itself would try for minutes. Other forms pass."""
    host, _, port = address.rpartition(":")
    if host and "/" not in address and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()
