"""Ranks as an array job of Slurm, on datatrove's Slurm executor, which we wait for.

Partition, account, time limit, QoS and memory are what sbatch's own variables say (``SBATCH_PARTITION``,
``SBATCH_ACCOUNT``, ``SBATCH_TIMELIMIT``, ``SBATCH_QOS``, ``SBATCH_MEM_PER_CPU``), else the defaults there.
"""

import hashlib
import json
import logging
import math
import os
import pwd
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections import Counter
from typing import Any

from datatrove.executor import SlurmPipelineExecutor
from datatrove.io import get_datafolder
from datatrove.utils.stats import PipelineStats
from loguru import logger

from anessuite.errors import AnesError, ConfigError
from tasks.engines.failures import pack, unpack
from tasks.engines.nodes import Home, WorkerLost
from tasks.engines.ranks import Job

MEMORY_GB = 4
"""Asked for each worker, unless ``SBATCH_MEM_PER_CPU`` says otherwise."""
_SHARES = 8
"""Into how many array tasks the work of a worker is cut: Python starts anew in each."""
_POLL_SECONDS = 2.0
_LINE_SECONDS = 30.0
LOST_SECONDS = 60.0
"""How long the outcome of a job that is gone may stay unseen: NFS shows a new file that late."""
_UNSET = ("partition", "time", "mail-type", "mail-user")
log = logging.getLogger("anes")


class SlurmRefused(AnesError):
    """Slurm did not take the job."""


class _WaitedSlurmExecutor(SlurmPipelineExecutor):
    """datatrove's Slurm executor, which leaves an outcome for each rank (``null``, or its error) in a folder
    of this run, asks for nothing that was not said, and knows its own Python."""

    def __init__(self, job: Job, home: Home, *, workers: int) -> None:
        jobs = math.ceil(len(job.open_ranks()) / (workers * _SHARES))
        super().__init__(
            pipeline=job.pipeline,
            tasks=job.ranks,
            time="",
            partition="",
            qos="",
            workers=workers,
            mem_per_cpu_gb=MEMORY_GB,
            job_name=job_name(job.logging_dir),
            logging_dir=job.logging_dir,  # type: ignore[arg-type]
            skip_completed=job.skip_completed,
            tasks_per_job=max(1, jobs),
            with_srun=False,
        )
        self.job, self.home, self.outcomes = job, home, f"outcomes/{uuid.uuid4().hex}"

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> PipelineStats:
        logger.disable("datatrove")
        outcome: str | None = None
        try:
            self.home.enter()
            self.job.run(rank)
        except Exception as error:
            outcome = pack(error)
        with self.logging_dir.open(f"{self.outcomes}/{rank:05d}", "w") as file:
            json.dump(outcome, file)
        return PipelineStats()

    def launch_merge_stats(self) -> None:
        """Nobody reads them."""

    def get_sbatch_args(self, max_array: int = 1) -> dict[str, Any]:
        asked = super().get_sbatch_args(max_array)
        return {name: value for name, value in asked.items() if name not in _UNSET}

    def get_launch_file_contents(self, sbatch_args: dict[str, Any], run_script: str) -> str:
        lines = [
            f"#SBATCH --{name}={_quoted(value)}" if value else f"#SBATCH --{name}"
            for name, value in sbatch_args.items()
        ]
        pickled = self.logging_dir.resolve_paths("executor.pik")
        command = [sys.executable, "-m", "datatrove.tools.launch_pickled_pipeline", str(pickled)]
        return "\n".join(["#!/bin/bash", *lines, f"exec {shlex.join(command)}", ""])


def _quoted(value: Any) -> str:
    text = str(value)
    return f'"{text}"' if " " in text else text


def job_name(logging_dir: str) -> str:
    """The name of all jobs of one step of one build, so that a later run finds what an earlier one left."""
    return f"anes-{hashlib.sha256(logging_dir.encode()).hexdigest()[:12]}"


def run_on_slurm(job: Job, *, workers: int) -> None:
    """Run the open ranks as an array job and wait for it. Errors as in run_ranks, and SlurmRefused."""
    if shutil.which("sbatch") is None:
        raise ConfigError(
            "--engine slurm needs sbatch, which this machine does not have",
            "run the command where sbatch works, such as the cluster's login node",
        )
    logger.disable("datatrove")
    name, ranks = job_name(job.logging_dir), job.open_ranks()
    _stop(name)  # of a run that was killed: its jobs would write the same files
    if not ranks:
        return
    home = Home.here(job.logging_dir)
    executor = _WaitedSlurmExecutor(job, home, workers=workers)
    try:
        _launch(executor)
        _wait(executor, ranks)
    finally:
        _stop(name)
        home.leave()


def _launch(executor: _WaitedSlurmExecutor) -> None:
    try:
        executor.launch_job()
    except subprocess.CalledProcessError as error:
        raise SlurmRefused(
            f"sbatch refused the job and ended with {error.returncode}; what it said stands above",
            "partition, account, time and memory are set by SBATCH_PARTITION, SBATCH_ACCOUNT, "
            "SBATCH_TIMELIMIT, SBATCH_MEM_PER_CPU",
        ) from error


def _wait(executor: _WaitedSlurmExecutor, ranks: list[int]) -> None:
    """Until each rank has an outcome. Raises the first error, or WorkerLost if Slurm has no more jobs."""
    missing, said, gone = set(ranks), time.monotonic(), None
    while missing:
        missing -= _ended(executor, missing)
        states = _states(executor.job_name) if missing else Counter()
        gone = None if states else gone or time.monotonic()
        if missing and gone is not None and time.monotonic() - gone > LOST_SECONDS:
            raise _lost(executor, missing)
        if states and time.monotonic() - said > _LINE_SECONDS:
            said = time.monotonic()
            log.info("slurm: %s", ", ".join(f"{count} {state}" for state, count in states.items()))
        if missing:
            time.sleep(_POLL_SECONDS)


def _ended(executor: _WaitedSlurmExecutor, missing: set[int]) -> set[int]:
    """Those of the ranks that have ended well; raises the error of one that has not."""
    folder = get_datafolder(executor.job.logging_dir)
    folder.fs.invalidate_cache()
    files = {int(file.rsplit("/", 1)[-1]) for file in folder.list_files(executor.outcomes)}
    ended = set[int]()
    for rank in sorted(files & missing):
        try:
            with folder.open(f"{executor.outcomes}/{rank:05d}") as file:
                outcome = json.load(file)
        except ValueError:  # it is being written
            continue
        if outcome is not None:
            raise unpack(outcome, rank)
        ended.add(rank)
    return ended


def _lost(executor: _WaitedSlurmExecutor, missing: set[int]) -> WorkerLost:
    shown = ", ".join(map(str, sorted(missing)[:10]))
    return WorkerLost(
        f"Slurm has ended the jobs of {len(missing)} ranks ({shown}) without an outcome: out of memory or "
        "time, or the root is no folder that its machines share",
        f"their logs are in {os.path.abspath(str(executor.slurm_logs_folder))}; the same command continues",
    )


def _states(name: str) -> Counter[str]:
    """How many of our jobs are in each state; a Slurm that does not answer counts as one."""
    done = _slurm("squeue", "--noheader", "--array", "--format=%T (%r)", f"--name={name}")
    if done.returncode:
        return Counter(["Slurm does not answer"])
    return Counter(line.strip().lower() for line in done.stdout.splitlines() if line.strip())


def _stop(name: str) -> None:
    """Cancel all jobs of that name, and wait until they are gone."""
    if not _states(name):
        return
    deadline = time.monotonic() + LOST_SECONDS
    _slurm("scancel", f"--name={name}")
    while _states(name) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS / 4)
    if left := _states(name):
        log.warning("jobs %s on Slurm did not stop: %s", name, ", ".join(left))


def _slurm(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    user = pwd.getpwuid(os.getuid()).pw_name
    return subprocess.run(
        [command, f"--user={user}", *arguments], capture_output=True, text=True, check=False
    )
