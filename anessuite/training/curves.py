"""Curves of a training: what the trainers logged at each step, but for what tells the machine's speed."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from anessuite.schemas import empty

CURVE = pa.schema(
    [
        pa.field("model", pa.string(), nullable=False),
        pa.field("step", pa.uint32(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
"""One figure at one step of the last stage of ``model``; names are the trainers': loss, eval_loss, reward,
rewards/correctness/mean, completions/mean_length, kl, grad_norm and so on."""
_NOT_FIGURES = ("step", "epoch", "total_flos", "train_loss", "num_tokens", "eval_num_tokens")
"""Beside what is no figure, what a trainer counts from the start of its process, so that a resume changes it
(TRL 1.16)."""
_OF_TIME = ("runtime", "per_second", "step_time")


def curves(histories: Mapping[str, Path]) -> pl.DataFrame:
    """CURVE of the ``history.json`` of each model, in the order of models and steps."""
    rows = [row for model, path in histories.items() for row in _rows(model, json.loads(path.read_bytes()))]
    types = empty(CURVE).schema
    found = pl.DataFrame(rows, schema=types, orient="row").unique(["model", "step", "name"], keep="first")
    return found.sort(pl.col("model").cast(pl.Enum([*histories])), "step", "name")


def _rows(model: str, history: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, int, str, float]]:
    for entry in history:
        for name, value in entry.items():
            if name in _NOT_FIGURES or any(part in name for part in _OF_TIME):
                continue
            if isinstance(value, int | float):
                yield model, int(entry["step"]), name, float(value)
