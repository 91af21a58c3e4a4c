"""A job: what a training process is told, and what it says while it runs. Both sides read this."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from anessuite.training.recipes import StageRecipe

SAYS = "anes-training "
"""Begins the lines of a process that hold JSON for the one that started it."""

MODEL, HISTORY = "model", "history.json"


class Job(BaseModel):
    """One stage of one run. Paths are folders and files on this machine.

    ``model`` holds safetensors and a tokenizer; ``train`` and ``held_out`` are Parquet, in the order in which
    rows are taken, over and over for ``steps`` updates. Below ``out`` the process leaves checkpoints,
    ``model/`` and ``history.json``.
    """

    stage: StageRecipe
    model: Path
    train: Path
    held_out: Path | None
    out: Path
    steps: int
    seed: int
    trust_remote_code: bool = False


class Said(BaseModel):
    """One line of a process: how far it is, and the newest figures; or why it cannot go on."""

    kind: Literal["step", "note", "error"]
    step: int = 0
    steps: int = 0
    figures: dict[str, float] = {}
    text: str = ""
    hint: str = ""

    def line(self) -> str:
        """As it is printed."""
        return SAYS + self.model_dump_json(exclude_defaults=True)

    @classmethod
    def read(cls, line: str) -> "Said | None":
        """Of a line of output; None if it is another program's."""
        return cls.model_validate_json(line.removeprefix(SAYS)) if line.startswith(SAYS) else None
