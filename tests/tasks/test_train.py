"""The task around a training process, with a process that only writes files: torch is not asked for."""

import sys
from pathlib import Path

import pytest

from anessuite.builds import Build
from anessuite.storage import Store
from anessuite.training.jobs import Job
from anessuite.training.launch import Launch
from anessuite.training.recipes import FineTuning
from anessuite.versions import DatasetRef
from tasks.train import TrainingFailed, train

PROCESS = """
import json, sys
from pathlib import Path
out = Path(json.loads(Path(sys.argv[1]).read_text())["out"])
for step in (1, 2):
    (out / f"checkpoint-{step}").mkdir(exist_ok=True)
    (out / f"checkpoint-{step}" / "whole").touch()
FAIL
(out / "model").mkdir()
(out / "model" / "model.safetensors").write_bytes(b"weights")
"""


class Writing(Launch):
    """Starts that process instead of torch."""

    end: str = ""

    def command(self) -> list[str]:
        return [sys.executable, "-c", PROCESS.replace("FAIL", self.end)]


FAILING = Writing(end="sys.exit('no such device')")


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(Store(str(tmp_path / "root")), DatasetRef("morpheus", "dev"))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    stage = FineTuning(kind="sft", data=["r1@dev"], max_steps=2)
    rows = tmp_path / "rows.parquet"
    return Job(
        stage=stage, model=tmp_path, train=rows, held_out=None, out=tmp_path / "out/sft", steps=2, seed=0
    )


def _checkpoints(job: Job) -> list[str]:
    return sorted(path.name for path in job.out.glob("checkpoint-*"))


def test_a_stage_that_is_done_leaves_its_model_and_no_checkpoints(build: Build, job: Job) -> None:
    trained = train.fn(build, "sft", job, Writing())
    assert [file.path for file in trained.files] == ["model.safetensors"]
    assert (trained.folder / "model.safetensors").read_bytes() == b"weights"
    assert _checkpoints(job) == []


def test_one_that_failed_keeps_them_and_says_what_the_process_said(build: Build, job: Job) -> None:
    with pytest.raises(TrainingFailed, match=r"^sft: .* ended with status 1:\nno such device"):
        train.fn(build, "sft", job, FAILING)
    assert _checkpoints(job) == ["checkpoint-1", "checkpoint-2"]


def test_a_kill_between_the_mark_and_the_removal_leaves_none_either(build: Build, job: Job) -> None:
    train.fn(build, "sft", job, Writing())
    (job.out / "checkpoint-2").mkdir()
    assert train.fn(build, "sft", job, FAILING).files, "what was trained is not trained again"
    assert _checkpoints(job) == []
