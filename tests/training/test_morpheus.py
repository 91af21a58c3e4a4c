"""Training as a dataset is built: from our versions to a version with models, curves and scores."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from anessuite.storage import Store
from anessuite.verification import verify
from anessuite.versions import DatasetRef
from tests.training.made import solved, write_version

PROJECT = Path(__file__).parents[2]
REF = DatasetRef("morpheus", "dev")
COMMON = {"precision": "fp32", "gradient_checkpointing": False, "save_every": 2}


def recipe(folder: Path, model: Path, **changes: Any) -> Path:
    general = folder / "general.jsonl"
    general.write_text("\n".join(json.dumps({"question": f"Why {n}?", "answer": "So."}) for n in range(20)))
    sft = COMMON | {"kind": "sft", "batch_size": 4, "per_device": 4, "max_length": 700, "evaluate_every": 2}
    grpo = COMMON | {"kind": "grpo", "batch_size": 4, "per_device": 4, "generations": 4, "max_reply": 8}
    content: dict[str, Any] = {
        "base": str(model),
        "stages": {
            "sft": sft | {"data": ["r1@dev"], "max_steps": 4},
            "grpo": grpo | {"data": ["r1@dev"], "max_steps": 2},
            "sft_general": sft | {"data": [str(general)], "max_steps": 2, "patience": 0},
        },
        "runs": [["sft", "grpo"], ["sft_general"]],
        "held_out": 0.2,
        "examination": {
            "bench": str(PROJECT / "samples" / "bench" / "exam.en.jsonl"),
            "max_tokens": 8,
        },
    }
    path = folder / "morpheus.yaml"
    path.write_text(yaml.safe_dump(content | changes))
    return path


def command(config: Path, root: Path) -> list[str]:
    sample = ["--sample", "40", "--json"]
    return [
        sys.executable,
        "-m",
        "flows",
        "build",
        "morpheus",
        "--config",
        str(config),
        "--root",
        str(root),
        *sample,
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_version(root, "r1@dev", pl.concat([solved(30), solved(10, "zh")]))
    return root


@pytest.fixture(scope="module")
def built(
    data: Path, tiny: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """A build that was killed with -9 while it trained, and then run again."""
    config = recipe(tmp_path_factory.mktemp("recipe"), tiny)
    process = subprocess.Popen(command(config, data), env=environment, stdout=subprocess.DEVNULL)
    work = data / ".build" / "morpheus" / "dev" / "models"
    deadline = time.monotonic() + 400
    while not list(work.glob("sft/checkpoint-*/whole")) and time.monotonic() < deadline:
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = subprocess.run(command(config, data), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout), done.stderr


def test_every_row_is_trained_on_held_out_or_left_out_with_a_reason(built, data):
    manifest, _ = built
    rows = pl.concat([pl.read_parquet(one) for one in sorted((data / "morpheus/dev/data").glob("*.parquet"))])
    assert manifest["rows"] == dict(rows["stage"].value_counts().iter_rows())
    read = sum(one["rows_in"] for one in manifest["funnel"] if one["stage"] == "examples")
    assert read == rows.height + sum(manifest["drops"].values())
    assert rows.filter(pl.col("held_out") & (pl.col("places").list.len() > 0)).is_empty()
    held = set(rows.filter("held_out")["id"])
    assert held and held.isdisjoint(rows.filter(pl.col("stage") == "grpo")["id"])
    assert manifest["drops"]["held_out"] == len(held & set(rows.filter(pl.col("stage") == "sft")["id"]))
    in_order = rows.filter(pl.col("stage") == "sft").explode("places").drop_nulls("places").sort("places")
    assert in_order["language"].head(20).value_counts()["count"].to_list() == [10, 10], "one to one"


def test_the_version_has_models_that_load_and_verifies(built, data):
    manifest, log = built
    assert "continues from checkpoint-" in log
    assert verify(Store(str(data)), REF) == []
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folders = sorted(path.name for path in (data / "morpheus/dev/models").iterdir())
    assert folders == ["sft.grpo", "sft_general"], "the ends of the runs"
    for name in folders:
        AutoModelForCausalLM.from_pretrained(data / "morpheus/dev/models" / name, use_safetensors=True)
        assert AutoTokenizer.from_pretrained(data / "morpheus/dev/models" / name).chat_template
    named = [one for one in manifest["files"] if one["path"].startswith("models/")]
    assert all(len(one["sha256"]) == 64 for one in named)


def test_base_and_each_stage_are_examined_and_compared(built, data):
    scores = pl.read_parquet(data / "morpheus/dev/tables/bench_scores.parquet")
    assert set(scores["model"]) == {"base", "sft", "sft+grpo", "sft_general"}
    assert {"low", "high"} <= set(scores.columns)
    assert Store(str(data)).is_finished(DatasetRef("morpheus-bench", "dev"))
    curves = pl.read_parquet(data / "morpheus/dev/tables/curves.parquet")
    told = {(model, name) for model, name in curves.select("model", "name").iter_rows()}
    assert {("sft", "loss"), ("sft", "eval_loss"), ("sft+grpo", "reward")} <= told
    card = (data / "morpheus/dev/README.md").read_text()
    assert "## Accuracy before and after" in card and "`sft+grpo`" in card
    assert str(data) not in card + (data / "morpheus/dev/manifest.json").read_text()
    assert "<svg" in (data / "morpheus/dev/report.html").read_text()


def test_a_dated_version_is_not_trained_on_dev(data, tiny, environment, tmp_path):
    config = recipe(tmp_path, tiny)
    done = subprocess.run(
        [*command(config, data), "--version", "2026.01.02"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "dev is no input of a dated version" in done.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base": "./no-such-folder"}, "no folder of a model"),
        ({"runs": [["sft", "gpro"]]}, "runs name 'gpro'"),
        ({"held_out": 0.7}, "held_out"),
    ],
)
def test_a_config_that_cannot_work_is_refused_at_once(data, tiny, environment, tmp_path, changes, said):
    done = subprocess.run(
        command(recipe(tmp_path, tiny, **changes), data),
        env=environment | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_base_with_pickled_weights_is_refused(data, tiny, environment, tmp_path):
    folder = tmp_path / "pickled"
    folder.mkdir()
    for path in tiny.iterdir():
        if path.suffix != ".safetensors":
            os.link(path, folder / path.name)
    (folder / "pytorch_model.bin").write_bytes(b"x")
    done = subprocess.run(
        command(recipe(tmp_path, folder), data), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "pickled weights" in done.stderr
