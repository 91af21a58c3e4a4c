"""Whether a stage fits into memory, before it runs out."""

import json
import os

import polars as pl
import torch

from anessuite.errors import ConfigError
from anessuite.training.architecture import Architecture
from anessuite.training.jobs import Job
from anessuite.training.memory import available_bytes, check_memory, training_bytes
from anessuite.training.process.load import say
from anessuite.training.steps import step_of


def check_room(job: Job) -> None:
    """Raise ConfigError, with the parts, if the stage needs more memory than there is on a device.

    Of a model whose shape is not known, and where the system tells nothing, only says so.
    """
    try:
        shape = Architecture.of(json.loads((job.model / "config.json").read_bytes()))
        longest = int(pl.scan_parquet(job.train).select(pl.col("tokens").max()).collect().item())
        step = step_of(job.stage, longest, devices=_sharing(), on_gpu=torch.cuda.is_available())
        needed = training_bytes(shape, step)
    except ConfigError as error:
        say(f"memory is not checked before it begins: {error.what}")
        return
    if (available := _available()) is not None:
        check_memory(needed, available)


def _available() -> int | None:
    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    return available_bytes()


def _sharing() -> int:
    """Devices over which accelerate spreads the weights; 1 where each has its own copy."""
    is_sharded = os.environ.get("ACCELERATE_USE_FSDP") == "true" or (
        os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true"
        and os.environ.get("ACCELERATE_DEEPSPEED_ZERO_STAGE") == "3"
    )
    return int(os.environ.get("WORLD_SIZE", "1")) if is_sharded else 1
