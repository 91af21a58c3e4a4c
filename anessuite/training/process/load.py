"""Models and tokenizers from folders: safetensors only, no code of theirs unless the user asks."""

import shutil
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from anessuite.errors import ConfigError
from anessuite.training.jobs import Job, Said
from anessuite.training.recipes import TrainingStage

_DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


def say(text: str) -> None:
    """A line for people, through the starting process."""
    print(Said(kind="note", text=text).line(), flush=True)  # noqa: T201


def load(job: Job) -> tuple[Any, Any]:
    """Model and tokenizer. Weights that are trained are held in 32 bits, frozen ones in the stage's
    precision. Raises ConfigError for a folder that holds no such model."""
    frozen = job.stage.adapter is not None
    dtype = _DTYPES[job.stage.precision] if frozen else torch.float32
    try:
        model = _model(job.model, dtype, trust_remote_code=job.trust_remote_code)
        tokenizer = AutoTokenizer.from_pretrained(job.model, trust_remote_code=job.trust_remote_code)
    except (OSError, ValueError, KeyError, ImportError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(
            f"{job.model.name} cannot be loaded: {first}", "is it a whole folder of safetensors?"
        ) from None
    return model, tokenizer


def _model(folder: Path, dtype: torch.dtype, *, trust_remote_code: bool) -> Any:
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, use_safetensors=True, trust_remote_code=trust_remote_code
    )


def adapter_of(stage: TrainingStage) -> LoraConfig | None:
    """The adapter that the stage trains, or None."""
    if stage.adapter is None:
        return None
    return LoraConfig(
        r=stage.adapter.rank,
        lora_alpha=stage.adapter.alpha,
        lora_dropout=stage.adapter.dropout,
        target_modules=stage.adapter.modules,
        task_type="CAUSAL_LM",
    )


def finish(job: Job, trained: Path, target: Path) -> None:
    """Turn what the trainer saved into a model by itself: adapters merged, in the stage's precision."""
    dtype = _DTYPES[job.stage.precision]
    if job.stage.adapter is None:
        model = _model(trained, dtype, trust_remote_code=job.trust_remote_code)
    else:
        base = _model(job.model, dtype, trust_remote_code=job.trust_remote_code)
        model = PeftModel.from_pretrained(base, str(trained)).merge_and_unload()  # type: ignore[operator]
    shutil.rmtree(target, ignore_errors=True)
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(trained).save_pretrained(target)
    shutil.rmtree(trained)
