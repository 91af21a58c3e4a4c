"""Run a stage of training in a process of its own, from its newest checkpoint; it ends when ours does."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.errors import AnesError, ConfigError
from anessuite.stages import Stage
from anessuite.training.base import Base
from anessuite.training.chains import Chain, label
from anessuite.training.checkpoints import newest_whole, remove_all
from anessuite.training.jobs import MODEL, Job, Said
from anessuite.training.launch import Launch
from anessuite.training.models import Trained, files_of
from anessuite.training.recipes import FineTuning, StageRecipe
from tasks.lay_out_examples import write_inputs
from tasks.progress import watched
from tasks.run_log import log

STEP = "training"
_TAIL = 12


class TrainingFailed(AnesError):
    """A training process ended with an error; its checkpoints are kept."""


@task(name="train", task_run_name="train {name}", cache_policy=NO_CACHE)
def train(build: Build, name: str, job: Job, launch: Launch) -> Trained:
    """Do one job, or take what an earlier run of it left; returns the model.

    Raises ConfigError for what the process cannot do (memory, a batch that does not fit the devices), and
    TrainingFailed, with the end of its log, if it ends otherwise.
    """
    key = name.replace("+", ".")
    done = build.marked(STEP, key)
    if done is None or not (job.out / MODEL).is_dir():
        _run(name, job, launch)
        done = {"steps": job.steps, "files": [file.model_dump() for file in files_of(job.out / MODEL)]}
        build.mark(STEP, key, done)
    else:
        log.info("%s was trained before", name)
    remove_all(job.out)
    return Trained.of(name, job.out / MODEL, done["files"])


def _run(name: str, job: Job, launch: Launch) -> None:
    job.out.mkdir(parents=True, exist_ok=True)
    told = job.out / "job.json"
    told.write_text(job.model_dump_json(indent=1), encoding="utf-8")
    progress = _Progress(job)
    with (
        watched(f"train {name}", job.steps, lambda: progress.step),
        (job.out / "process.log").open("a", encoding="utf-8") as lines,
        _process([*launch.command(), str(told)]) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            if (said := Said.read(line)) is None:
                lines.write(line)
                lines.flush()
            else:
                progress.hear(name, said)
        status = process.wait()
    progress.check(name, status, job.out / "process.log")


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Its standard input is a pipe that we hold: it ends when we do, even by kill -9."""
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TRL_EXPERIMENTAL_SILENCE": "1",
        "PYTHONUNBUFFERED": "1",
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "passive"),  # spinning threads starve each other
    }
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    )
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()  # tells it to end, and its own processes with it
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass
class _Progress:
    """How far the process is, and what it said last."""

    job: Job
    step: int = 0
    error: Said | None = None
    newest: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checkpoint = newest_whole(self.job.out)
        self.step = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0

    def hear(self, name: str, said: Said) -> None:
        if said.kind == "error":
            self.error = said
        elif said.kind == "note":
            log.info("%s: %s", name, said.text)
        else:
            self.step = max(self.step, said.step)
            self.newest |= said.figures
            shown = {name: self.newest[name] for name in _SHOWN if name in said.figures}
            if shown:
                figures = ", ".join(f"{name} {value:.4g}" for name, value in shown.items())
                log.debug("%s: step %d of %d: %s", name, said.step, said.steps, figures)

    def check(self, name: str, status: int, lines: Path) -> None:
        if self.error is not None:
            raise ConfigError(f"{name}: {self.error.text}", self.error.hint)
        if status:
            tail = lines.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:]
            how = f"by signal {-status}" if status < 0 else f"with status {status}"
            killed = " (out of memory, if it was the system that killed it)" if status == -9 else ""
            raise TrainingFailed(
                f"{name}: the training process ended {how}{killed}:\n" + "\n".join(tail),
                "the same command goes on from its newest checkpoint",
            )


_SHOWN = ("loss", "eval_loss", "reward", "completions/mean_length")


def job_of(
    order: Stage,
    chain: Chain,
    stage: StageRecipe,
    base: Base,
    *,
    model: Trained,
    work: Path,
    steps: int,
    seed: int,
) -> Job:
    """What trains the last stage of a chain on top of ``model``; writes the rows for it."""
    rows, held_out = write_inputs(order, chain[-1], work / "rows")
    return Job(
        stage=stage,
        model=model.folder,
        train=rows,
        held_out=held_out if isinstance(stage, FineTuning) else None,
        out=work / label(chain).replace("+", "."),
        steps=steps,
        seed=seed,
        trust_remote_code=base.trust_remote_code,
    )
