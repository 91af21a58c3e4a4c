"""A stage of training by TRL's trainers, from its newest whole checkpoint on."""

import json
import math
import os
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, load_dataset
from transformers import EarlyStoppingCallback, Trainer
from transformers.integrations import unset_hf_deepspeed_config
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from anessuite.errors import ConfigError
from anessuite.training import rewards
from anessuite.training.checkpoints import newest_whole, remove_halves
from anessuite.training.jobs import HISTORY, MODEL, Job
from anessuite.training.process.callbacks import Speaking, WholeCheckpoints
from anessuite.training.process.load import adapter_of, finish, load, say
from anessuite.training.process.room import check_room
from anessuite.training.recipes import FineTuning, GroupOptimization, Pretraining, TrainingStage


def train(job: Job) -> None:
    """Do the job; leaves ``model/`` and ``history.json``. Raises ConfigError where it cannot."""
    check_room(job)
    trainer = _trainer(job)
    remove_halves(job.out)
    checkpoint = newest_whole(job.out)
    if checkpoint is not None:
        say(f"continues from {checkpoint.name}")
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    _save(trainer, job)


def _trainer(job: Job) -> Any:
    stage = job.stage
    arguments = _grpo(stage, job) if isinstance(stage, GroupOptimization) else _sft(stage, job)
    model, tokenizer = load(job)  # after the arguments, which tell transformers of FSDP and DeepSpeed
    common = {
        "args": arguments,
        "model": model,
        "processing_class": tokenizer,
        "peft_config": adapter_of(stage),
        "callbacks": [Speaking(), WholeCheckpoints()],
    }
    if isinstance(stage, GroupOptimization):
        return GRPOTrainer(
            train_dataset=_questions(job, tokenizer),
            reward_funcs=[getattr(rewards, name) for name in _weights(stage)],
            **common,
        )
    columns = ["text"] if isinstance(stage, Pretraining) else ["prompt", "completion"]
    held_out = None if job.held_out is None else _rows(job.held_out, columns)
    trainer = SFTTrainer(
        train_dataset=_rows(job.train, columns),
        eval_dataset=held_out,
        **common,
    )
    if isinstance(stage, FineTuning) and stage.patience and held_out is not None:
        trainer.add_callback(EarlyStoppingCallback(stage.patience))
    return trainer


def _rows(path: Path, columns: list[str]) -> Dataset:
    found = load_dataset(
        "parquet", data_files=str(path), split="train", cache_dir=str(path.parent / "datasets")
    )
    assert isinstance(found, Dataset)
    return found.select_columns(columns)


def _questions(job: Job, tokenizer: Any) -> Dataset:
    """What the rewards are told of each question, and whether its prompt ends with an open ``<think>``."""
    rows = _rows(job.train, ["prompt", "options", "solution", "language", "id"])
    prompt = tokenizer.apply_chat_template(rows[0]["prompt"], tokenize=False, add_generation_prompt=True)
    is_open = prompt.rstrip().endswith("<think>")
    return rows.add_column("thought_is_open", [is_open] * len(rows))  # type: ignore[call-arg]


def _shared(stage: TrainingStage, job: Job) -> dict[str, Any]:
    """Arguments of either trainer."""
    devices = int(os.environ.get("WORLD_SIZE", "1"))
    if stage.batch_size % (stage.per_device * devices):
        raise ConfigError(
            f"batch_size {stage.batch_size} is no multiple of {stage.per_device} on {devices} devices",
            "change batch_size, per_device or the number of processes",
        )
    return {
        "output_dir": str(job.out),
        "per_device_train_batch_size": stage.per_device,
        "per_device_eval_batch_size": stage.per_device,
        "gradient_accumulation_steps": stage.batch_size // (stage.per_device * devices),
        "max_steps": job.steps,
        "learning_rate": stage.learning_rate,
        "lr_scheduler_type": "constant_with_warmup" if stage.schedule == "constant" else stage.schedule,
        "warmup_steps": stage.warmup,
        "weight_decay": stage.weight_decay,
        "max_grad_norm": stage.max_grad_norm,
        "bf16": stage.precision == "bf16",
        "activation_checkpointing": stage.gradient_checkpointing,
        "save_steps": stage.save_every,
        "save_total_limit": 2,
        "logging_steps": stage.report_every,
        "logging_first_step": True,
        "seed": job.seed,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": not torch.cuda.is_available(),
        "dataloader_pin_memory": torch.cuda.is_available(),
        "trust_remote_code": job.trust_remote_code,
    }


def _sft(stage: TrainingStage, job: Job) -> SFTConfig:
    """The order of rows is the file's: the mix of languages is in it."""
    assert isinstance(stage, FineTuning | Pretraining)
    arguments = _shared(stage, job) | {
        "max_length": stage.max_length,
        "train_sampling_strategy": "sequential",
        "packing": isinstance(stage, Pretraining),
        "eval_packing": False,
        "completion_only_loss": None if isinstance(stage, Pretraining) else True,
        "eos_token": stage.eos_token if isinstance(stage, FineTuning) else None,
    }
    if isinstance(stage, FineTuning) and job.held_out is not None:
        arguments |= {
            "eval_strategy": "steps",
            "eval_steps": stage.evaluate_every,
            "eval_on_start": True,
            "load_best_model_at_end": bool(stage.patience),
            "metric_for_best_model": "eval_loss",
            "greater_is_better": False,
        }
    return SFTConfig(**arguments)


def _weights(stage: GroupOptimization) -> dict[str, float]:
    return {name: weight for name, weight in stage.rewards.model_dump().items() if weight}


def _grpo(stage: GroupOptimization, job: Job) -> GRPOConfig:
    arguments = _shared(stage, job) | {
        "num_generations": stage.generations,
        "max_completion_length": stage.max_reply,
        "temperature": stage.temperature,
        "top_p": stage.top_p,
        "beta": stage.beta,
        "num_iterations": stage.iterations,
        "loss_type": stage.loss,
        "scale_rewards": stage.scale_rewards,
        "mask_truncated_completions": stage.mask_truncated,
        "reward_weights": [*_weights(stage).values()],
        "shuffle_dataset": False,
        "remove_unused_columns": False,
    }
    if stage.vllm is not None:
        arguments |= {
            "use_vllm": True,
            "vllm_mode": stage.vllm.mode,
            "vllm_server_base_url": stage.vllm.server,
            "vllm_gpu_memory_utilization": stage.vllm.memory,
            "vllm_tensor_parallel_size": stage.vllm.devices,
        }
    return GRPOConfig(**arguments)


def _save(trainer: Trainer, job: Job) -> None:
    """The model as safetensors in the stage's precision, adapters merged, with its tokenizer."""
    history = [_finite(entry) for entry in trainer.state.log_history]
    trainer.save_model(str(job.out / "trained"))
    if not trainer.is_world_process_zero():
        return
    unset_hf_deepspeed_config()  # else it would load its share of ZeRO-3 alone, and wait for the others
    finish(job, job.out / "trained", job.out / MODEL)
    (job.out / HISTORY).write_text(json.dumps(history), encoding="utf-8")


def _finite(entry: dict[str, Any]) -> dict[str, Any]:
    """JSON has no numbers that are none."""
    return {
        name: value for name, value in entry.items() if not isinstance(value, float) or math.isfinite(value)
    }
