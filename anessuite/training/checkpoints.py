"""Checkpoints of one stage: which are whole, and which is the newest of them."""

import shutil
from pathlib import Path

_MARK = "whole"


def mark_whole(checkpoint: Path) -> None:
    """Say that all files of a checkpoint are there."""
    (checkpoint / _MARK).touch()


def newest_whole(folder: Path) -> Path | None:
    """The newest ``checkpoint-N`` that was marked, or None."""
    whole = [mark.parent for mark in folder.glob(f"checkpoint-*/{_MARK}")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def remove_halves(folder: Path) -> None:
    """Remove checkpoints that were not marked: a killed process leaves them, and the disk is not endless."""
    for path in folder.glob("checkpoint-*"):
        if not (path / _MARK).exists():
            shutil.rmtree(path)


def remove_all(folder: Path) -> None:
    """Remove the checkpoints of a stage that is done: weights and moments take several times the model."""
    for path in folder.glob("checkpoint-*"):
        shutil.rmtree(path)
