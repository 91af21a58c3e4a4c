"""Estimate what a training takes, from its own rows: tokens, steps, GPU hours, memory, disk."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from anessuite.storage import Store
from anessuite.training import compute
from anessuite.training.architecture import Architecture
from anessuite.training.chains import Chain, label
from anessuite.training.examples import read_examples
from anessuite.training.memory import GIB, training_bytes
from anessuite.training.plans import StagePlan, plan_of
from anessuite.training.recipes import GroupOptimization, TrainingStage
from anessuite.training.steps import step_of
from anessuite.training.tokens import Tokens
from tasks.lay_out_examples import HeldOut, judged, places_of

GPU = "H100"
_KEPT = 2
"""Checkpoints that a stage keeps while it runs."""


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    """One model to be trained: the last stage of a chain.

    ``memory`` is in bytes a GPU; ``size`` of the model, and its ``checkpoints`` at most, in bytes of disk.
    Those go when the stage is done.
    """

    model: str
    plan: StagePlan
    hours: float
    memory: int
    size: int
    checkpoints: int

    def row(self) -> dict[str, str | int]:
        """As a table has it."""
        return {
            "model": self.model,
            "kind": self.plan.kind,
            "rows": self.plan.rows,
            "places": self.plan.places,
            "tokens a pass": sum(self.plan.tokens.values()),
            "steps": self.plan.steps,
            f"{GPU} hours": f"{self.hours:,.2f}",
            "GiB a GPU": f"{self.memory / GIB:.1f}",
            "model GB": f"{self.size / 1e9:.1f}",
            "checkpoints GB": f"{self.checkpoints / 1e9:.1f}",
        }


def most_disk(models: Sequence[TrainingEstimate]) -> int:
    """Bytes at the worst moment, with all models and the largest checkpoints."""
    return sum(one.size for one in models) + max((one.checkpoints for one in models), default=0)


def plan_rows(
    stages: Mapping[str, TrainingStage],
    store: Store,
    tokens: Tokens,
    held_out: HeldOut,
    *,
    sample: int | None,
) -> dict[str, StagePlan]:
    """The plan of each stage, its rows judged and ordered as a build does; writes nothing."""
    return {
        name: plan_of(name, stage, _placed(name, stage, store, tokens, held_out, sample))
        for name, stage in stages.items()
    }


def _placed(
    name: str,
    stage: TrainingStage,
    store: Store,
    tokens: Tokens,
    held_out: HeldOut,
    sample: int | None,
) -> pl.DataFrame:
    seen: set[str] = set()
    kept: list[pl.DataFrame] = []
    for frame in _frames(stage, store, sample):
        rows = judged(frame, name, stage, tokens, held_out, seen)[0]
        seen |= set(rows["id"])
        kept.append(rows.select("id", "group", "tokens", "pass_rate", "held_out"))
    slim = pl.concat(kept)
    places, _ = places_of(slim.with_row_index("row"), stage, held_out.seed)
    return slim.join(places, on="id", how="left").with_columns(pl.col("places").fill_null([]))


def _frames(stage: TrainingStage, store: Store, sample: int | None) -> Iterator[pl.DataFrame]:
    for source in stage.data:
        left = sample
        for frame in read_examples(source, stage, store):
            rows = frame if left is None else frame.head(left)
            left = None if left is None else left - rows.height
            yield rows
            if left is not None and left <= 0:
                break


def estimate_training(
    chains: Sequence[Chain],
    stages: Mapping[str, TrainingStage],
    plan: Mapping[str, StagePlan],
    architecture: Architecture,
    *,
    devices: int,
) -> list[TrainingEstimate]:
    """Hours of one GPU, memory a GPU with the weights shared by ``devices``, and disk, of each chain."""
    return [
        _estimate(label(chain), stages[chain[-1]], plan[chain[-1]], architecture, devices) for chain in chains
    ]


def _estimate(
    model: str, stage: TrainingStage, plan: StagePlan, architecture: Architecture, devices: int
) -> TrainingEstimate:
    step = step_of(stage, plan.longest, devices=devices, on_gpu=True)
    trained = architecture.parameters if step.adapter is None else step.adapter.parameters(architecture)
    copies = 1 if devices == 1 else 2  # FSDP resumes from shards, and writes the model beside them
    checkpoint = compute.checkpoint_bytes(trained, weight_bytes=4 * copies)
    return TrainingEstimate(
        model,
        plan,
        _hours(stage, plan, architecture.parameters),
        training_bytes(architecture, step).total,
        2 * architecture.parameters,
        compute.kept_bytes(checkpoint, _KEPT),
    )


def _hours(stage: TrainingStage, plan: StagePlan, parameters: int) -> float:
    """By the rows that the steps reach; replies of GRPO are taken for half of the most that they may be."""
    peak, adapter = compute.PEAK_FLOPS[GPU], stage.adapter is not None
    tokens = sum(plan.tokens.values()) * plan.reached / max(1, plan.places) * _passes(stage, plan)
    if not isinstance(stage, GroupOptimization):
        flops = compute.training_flops(
            parameters, round(tokens), gradient_checkpointing=stage.gradient_checkpointing, adapter=adapter
        )
        return compute.gpu_hours(flops, peak=peak)
    prompts = round(plan.reached * _passes(stage, plan))
    found = compute.grpo_flops(
        parameters,
        prompts=prompts,
        generations=stage.generations,
        prompt_tokens=tokens / max(1, prompts),
        reply_tokens=stage.max_reply / 2,
        gradient_checkpointing=stage.gradient_checkpointing,
        adapter=adapter,
        iterations=stage.iterations,
        scorings=(stage.beta > 0) + (stage.iterations > 1 or stage.vllm is not None),
    )
    return compute.grpo_hours(found, peak=peak)


def _passes(stage: TrainingStage, plan: StagePlan) -> float:
    """How often all places come, where the steps reach every one."""
    return stage.epochs if stage.max_steps is None and plan.reached == plan.places else 1.0
