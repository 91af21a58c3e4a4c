"""What one device does at once in a stage of training, as `anessuite.training.memory` counts it."""

from anessuite.training.memory import LowRank, Step
from anessuite.training.recipes import FineTuning, GroupOptimization, Pretraining, TrainingStage


def step_of(stage: TrainingStage, longest: int, *, devices: int = 1, on_gpu: bool) -> Step:
    """The step of a stage whose weights ``devices`` share, and whose longest row has so many tokens.

    Documents are packed into sequences of ``max_length``; a reply of GRPO may be as long as ``max_reply``.
    """
    assert isinstance(stage, Pretraining | FineTuning | GroupOptimization)
    row = stage.max_length if isinstance(stage, Pretraining) else longest
    adapter = stage.adapter
    return Step(
        sequences=stage.per_device,
        tokens=row + stage.max_reply if isinstance(stage, GroupOptimization) else row,
        precision=stage.precision,
        trainable=1.0 if adapter is None else LowRank(adapter.rank, adapter.modules),
        gradient_checkpointing=stage.gradient_checkpointing,
        devices=devices,
        has_reference=isinstance(stage, GroupOptimization) and stage.beta > 0 and adapter is None,
        on_gpu=on_gpu,
    )
