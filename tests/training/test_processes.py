"""Stages of training in their processes: what is learnt, and that a kill changes nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from anessuite.storage import Store
from anessuite.training.checkpoints import newest_whole
from anessuite.training.curves import curves
from anessuite.training.examples import read_examples
from anessuite.training.jobs import HISTORY, MODEL, Job, Said
from anessuite.training.process.__main__ import FAILED
from anessuite.training.recipes import FineTuning, GroupOptimization, Pretraining, TrainingSource
from tests.training.made import documents, solved, write_version

CALM = os.environ | {"OMP_WAIT_POLICY": "passive"}
COMMAND = [sys.executable, "-m", "anessuite.training.process"]
FAST: dict[str, Any] = {
    "data": ["r1@dev"],
    "precision": "fp32",
    "gradient_checkpointing": False,
    "warmup": 0.0,
}


def rows_for(stage: Any, root: Path, *, source: str = "r1@dev") -> Path:
    """The file that a process is given."""
    found = pl.concat(list(read_examples(TrainingSource(path=source), stage, Store(str(root)))))
    path = root / f"{stage.kind}.parquet"
    found.with_columns(tokens=pl.lit(300, pl.UInt32)).write_parquet(path)
    return path


def job(stage: Any, model: Path, rows: Path, out: Path, steps: int, **more: Any) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    told = Job(
        stage=stage, model=model, train=rows, out=out, steps=steps, **({"seed": 7, "held_out": None} | more)
    )
    (out / "job.json").write_text(Job.model_validate(told).model_dump_json())
    return out


def run(out: Path) -> list[Said]:
    """Run a job to its end; what it said."""
    done = subprocess.run(
        [*COMMAND, str(out / "job.json")],
        stdin=_open_pipe(),
        capture_output=True,
        text=True,
        timeout=500,
        env=CALM,
    )
    said = [one for one in map(Said.read, done.stdout.splitlines()) if one]
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return said


def _open_pipe() -> int:
    """A standard input that does not end before this process does."""
    reading, _ = os.pipe()
    return reading


def curve(out: Path, name: str) -> list[float]:
    found = curves({"x": out / HISTORY}).filter(pl.col("name") == name).sort("step")
    return found["value"].to_list()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_version(folder, "r1@dev", solved(64, answers="B", reasoning="So."))
    write_version(folder, "corpus@dev", documents(40))
    return folder


@pytest.fixture(scope="module")
def tuned(root: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """After SFT on any letter: the model has learnt the form of an answer, and not which."""
    folder = tmp_path_factory.mktemp("tuned")
    write_version(folder, "r1@dev", solved(64, reasoning="So."))
    stage = FineTuning(
        **FAST, batch_size=16, per_device=16, max_length=1024, learning_rate=5e-3, patience=0, save_every=100
    )
    out = job(stage, tiny, rows_for(stage, folder), folder / "out", 60)
    run(out)
    return out


def test_the_loss_of_sft_falls_and_is_on_replies_alone(tuned):
    losses = curve(tuned, "loss")
    assert len(losses) == 60
    assert sum(losses[-5:]) / 5 < 0.2 * losses[0]


def test_grpo_raises_the_mean_reward_over_three_seeds(root, tuned):
    stage = GroupOptimization(
        **FAST,
        batch_size=32,
        per_device=32,
        generations=8,
        max_reply=48,
        learning_rate=1e-3,
        schedule="constant",
        rewards={"correctness": 1.0, "format_of_reply": 0.1},
    )
    rows = rows_for(stage, root)
    for seed in (1, 2, 3):
        out = job(stage, tuned / MODEL, rows, root / f"grpo-{seed}", 40, seed=seed)
        run(out)
        right = curve(out, "rewards/correctness/mean")
        before, after = sum(right[:4]) / 4, sum(right[-4:]) / 4
        assert before < 0.4 and after > before + 0.4, (seed, right)


def killed_at(out: Path, steps: int) -> None:
    """Run a job until it has said so many steps, then kill it with -9."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [*COMMAND, str(out / "job.json")], stdin=reading, stdout=subprocess.PIPE, text=True, env=CALM
    )
    assert process.stdout is not None
    for line in process.stdout:
        if (said := Said.read(line)) and said.kind == "step" and said.step >= steps:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.close(writing)


SHORT: dict[str, Any] = FAST | {"save_every": 2}


@pytest.mark.parametrize(
    "stage",
    [
        FineTuning(
            **SHORT, batch_size=4, per_device=2, max_length=1024, learning_rate=1e-3, evaluate_every=2
        ),
        GroupOptimization(**SHORT, batch_size=8, per_device=4, generations=4, max_reply=8, iterations=2),
    ],
    ids=["sft", "grpo"],
)
def test_a_kill_and_a_resume_give_the_same_curve_and_the_same_weights(stage, root, tiny, tmp_path):
    rows = rows_for(stage, root)
    held_out = rows if isinstance(stage, FineTuning) else None
    whole = job(stage, tiny, rows, tmp_path / "whole", 6, held_out=held_out)
    run(whole)
    broken = job(stage, tiny, rows, tmp_path / "broken", 6, held_out=held_out)
    killed_at(broken, 3)
    assert newest_whole(broken) is not None
    (broken / "checkpoint-5").mkdir()  # half of one, as a kill may leave it
    said = run(broken)
    assert any("continues from checkpoint-" in one.text for one in said)
    assert curves({"x": broken / HISTORY}).equals(curves({"x": whole / HISTORY}))
    assert (broken / MODEL / "model.safetensors").read_bytes() == (
        whole / MODEL / "model.safetensors"
    ).read_bytes()


def test_documents_are_packed_and_adapters_are_merged(root, tiny, tmp_path):
    stage = Pretraining(
        data=["corpus@dev"],
        mix={"en": 1},
        precision="fp32",
        max_length=128,
        batch_size=4,
        per_device=4,
        adapter={"rank": 4},
        gradient_checkpointing=False,
        learning_rate=1e-3,
    )
    out = job(stage, tiny, rows_for(stage, root, source="corpus@dev"), tmp_path / "out", 10)
    run(out)
    losses = curve(out, "loss")
    assert losses[-1] < losses[0]
    assert sorted(path.name for path in (out / MODEL).glob("*.safetensors")) == ["model.safetensors"]
    weights = (out / MODEL / "model.safetensors").read_bytes()
    assert weights != (tiny / "model.safetensors").read_bytes()
    assert b"lora" not in weights


def test_the_process_ends_when_the_one_that_started_it_is_gone(root, tiny, tmp_path):
    stage = FineTuning(**FAST, batch_size=4, per_device=4, max_length=1024, patience=0)
    out = job(stage, tiny, rows_for(stage, root), tmp_path / "out", 10_000)
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [*COMMAND, str(out / "job.json")], stdin=reading, stdout=subprocess.PIPE, env=CALM
    )
    os.close(reading)
    assert process.stdout is not None
    process.stdout.readline()
    os.close(writing)
    assert process.wait(30) != 0


def test_a_batch_that_does_not_fit_the_devices_is_said_and_not_a_traceback(root, tiny, tmp_path):
    stage = FineTuning(**FAST, batch_size=4, per_device=4, max_length=1024)
    out = job(stage, tiny, rows_for(stage, root), tmp_path / "out", 2)
    done = subprocess.run(
        [*COMMAND, str(out / "job.json")],
        stdin=_open_pipe(),
        capture_output=True,
        text=True,
        env=CALM | {"WORLD_SIZE": "3"},
        check=False,
    )
    said = [one for one in map(Said.read, done.stdout.splitlines()) if one]
    assert said[-1].kind == "error" and "is no multiple of 4 on 3 devices" in said[-1].text


def test_what_does_not_fit_into_memory_is_said_before_it_begins(root, tiny, tmp_path):
    stage = FineTuning(**FAST, batch_size=1 << 20, per_device=1 << 20, max_length=1024)
    out = job(stage, tiny, rows_for(stage, root), tmp_path / "out", 2)
    done = subprocess.run(
        [*COMMAND, str(out / "job.json")], stdin=_open_pipe(), capture_output=True, text=True, env=CALM
    )
    assert done.returncode == FAILED
    said = [one for one in map(Said.read, done.stdout.splitlines()) if one]
    assert said[-1].kind == "error" and "GiB of memory on each device" in said[-1].text
    assert "lower per_device" in said[-1].hint
