"""What the trainers do at each step beside training: say how far they are, and mark whole checkpoints."""

import math
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from anessuite.training.checkpoints import mark_whole
from anessuite.training.jobs import Said


class Speaking(TrainerCallback):
    """Prints a line of JSON for the starting process whenever there are new figures."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if not state.is_world_process_zero:
            return
        figures = {
            name: float(value)
            for name, value in (logs or {}).items()
            if isinstance(value, int | float) and math.isfinite(value)
        }
        said = Said(kind="step", step=state.global_step, steps=state.max_steps, figures=figures)
        print(said.line(), flush=True)  # noqa: T201


class WholeCheckpoints(TrainerCallback):
    """A checkpoint counts once it is marked, after all its files: a killed process may leave half of one."""

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if state.is_world_process_zero and args.output_dir is not None:
            mark_whole(Path(args.output_dir) / f"checkpoint-{state.global_step}")
