"""Does GRPO teach? A small model learns to answer B, after it has learnt the form of an answer from SFT.

    python -m benchmarks.training --base DIR --work /tmp/training [--seeds 3]

``--base`` is an instruction model, such as SmolLM2-135M-Instruct; needs the extra ``train``. For each seed
``anes build morpheus`` trains 12 steps of SFT (4 rows each) on questions whose answer stands in the question,
then 24 steps of GRPO (one question, 8 replies each) on questions of which B is always right. Prints a table
in Markdown: the loss on what is held out before and after, the share of right replies in the first and the
last four steps beside chance (one of four letters), and the seconds that each build took. What the work
folder holds already is not trained again.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean

import polars as pl
import yaml

from tests.training.made import solved, write_version

CHANCE = 0.25
_ON_A_CPU = {"precision": "fp32", "gradient_checkpointing": False}
_SFT = _ON_A_CPU | {
    "kind": "sft",
    "data": ["r1@2026.01.01"],
    "batch_size": 4,
    "per_device": 4,
    "max_length": 512,
    "max_steps": 12,
    "save_every": 6,
    "evaluate_every": 6,
    "learning_rate": 5e-5,
}
_GRPO = _ON_A_CPU | {
    "kind": "grpo",
    "data": ["r1@2026.01.02"],
    "batch_size": 8,
    "per_device": 8,
    "generations": 8,
    "max_reply": 24,
    "max_steps": 24,
    "save_every": 8,
    "learning_rate": 2e-5,
    "schedule": "constant",
    "warmup": 0.0,
}


def main() -> None:
    told = _arguments()
    root: Path = told.work / "data"
    if not (root / "r1").is_dir():
        write_version(root, "r1@2026.01.01", solved(240, reasoning="So."))
        write_version(root, "r1@2026.01.02", solved(60, seed=2, answers="B", reasoning="So."))
    print(f"| seed | loss before | after | right at first | at last | chance {CHANCE} times | seconds |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for seed in range(told.seeds):
        begun = time.monotonic()
        curves = pl.read_parquet(_trained(root, told.base, seed) / "tables/curves.parquet").sort("step")
        loss = _values(curves, "eval_loss")
        right = _values(curves, "rewards/correctness/mean")
        first, last = mean(right[:4]), mean(right[-4:])
        print(
            f"| {seed} | {loss[0]:.2f} | {loss[-1]:.2f} | {first:.2f} | {last:.2f} | {last / CHANCE:.1f} "
            f"| {time.monotonic() - begun:.0f} |",
            flush=True,
        )


def _trained(root: Path, base: Path, seed: int) -> Path:
    """The folder of the version of one seed; it is built unless it is there."""
    version = f"2026.02.{seed + 1:02}"
    folder = root / "morpheus" / version
    if folder.is_dir():
        return folder
    recipe = {"base": str(base), "stages": {"sft": _SFT, "grpo": _GRPO}, "held_out": 0.05, "seed": seed}
    config = root.parent / f"seed-{seed}.yaml"
    config.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    flags = ["--config", str(config), "--version", version, "--root", str(root)]
    subprocess.run(
        [sys.executable, "-m", "flows", "build", "morpheus", *flags], check=True, stdout=subprocess.DEVNULL
    )
    return folder


def _values(curves: pl.DataFrame, name: str) -> list[float]:
    return curves.filter(pl.col("name") == name)["value"].to_list()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--work", type=Path, required=True, help="folder for versions and models")
    parser.add_argument("--seeds", type=int, default=3, help="trainings with seeds 0, 1, ...")
    return parser.parse_args()


if __name__ == "__main__":
    main()
