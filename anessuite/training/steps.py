"""What one device does at once in a stage of training, as `anessuite.training.memory` counts it."""

from anessuite.training.memory import LowRank, Step
from anessuite.training.recipes import FineTuning, GroupOptimization, Pretraining, TrainingStage


def step_of(stage: TrainingStage, *, devices: int = 1, on_gpu: bool) -> Step:
    """The step of a stage whose weights ``devices`` share; its sequences are as long as the stage allows."""
    assert isinstance(stage, Pretraining | FineTuning | GroupOptimization)
    is_grpo = isinstance(stage, GroupOptimization)
    tokens = stage.max_prompt + stage.max_reply if is_grpo else stage.max_length
    adapter = stage.adapter
    return Step(
        sequences=stage.per_device,
        tokens=tokens,
        precision=stage.precision,
        trainable=1.0 if adapter is None else LowRank(adapter.rank, adapter.modules),
        gradient_checkpointing=stage.gradient_checkpointing,
        devices=devices,
        has_reference=is_grpo and stage.beta > 0 and adapter is None,
        on_gpu=on_gpu,
    )
