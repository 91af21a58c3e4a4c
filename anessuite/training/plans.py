"""What a stage of training takes: rows, tokens by group, steps."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from anessuite.training.recipes import GroupOptimization, Pretraining, TrainingStage


@dataclass(frozen=True, slots=True)
class StagePlan:
    """A stage as it will run. ``rows`` are distinct ones, ``places`` with repeats, ``held_out`` those looked
    at alone; ``tokens`` of one pass, by group, and of the ``longest`` row (of GRPO, of prompts); ``reached``
    places within the steps."""

    stage: str
    kind: str
    rows: int
    places: int
    held_out: int
    tokens: Mapping[str, int]
    longest: int
    steps: int
    reached: int

    def in_words(self) -> str:
        """A line for people."""
        whole = sum(self.tokens.values())
        by_group = ", ".join(
            f"{name} {count:,} ({count / whole:.1%})" if whole else f"{name} 0"
            for name, count in sorted(self.tokens.items())
        )
        of = "tokens of prompts" if self.kind == "grpo" else "tokens"
        return (
            f"{self.stage} ({self.kind}): {self.rows:,} rows in {self.places:,} places, "
            f"{self.held_out:,} held out; {of} in one pass: {whole:,}: {by_group}; "
            f"{self.steps:,} steps reach {self.reached:,} places"
        )


def plan_of(name: str, stage: TrainingStage, rows: pl.DataFrame) -> StagePlan:
    """The plan of a stage from its rows: ``group``, ``tokens``, ``places``, ``held_out``."""
    used = rows.filter(pl.col("places").list.len() > 0)
    times = pl.col("places").list.len().cast(pl.Int64)
    tokens = used.group_by("group").agg((pl.col("tokens").cast(pl.Int64) * times).sum())
    by_group = {str(group): int(count) for group, count in tokens.sort("group").iter_rows()}
    places = int(used["places"].list.len().sum())
    a_step = places_a_step(stage, places, sum(by_group.values()))
    steps = max(1, math.ceil(places * stage.epochs / a_step)) if places else 0
    if isinstance(stage, GroupOptimization):
        steps *= stage.iterations
    steps = min(steps, stage.max_steps or steps)
    repeats = stage.iterations if isinstance(stage, GroupOptimization) else 1
    reached = min(places, math.floor(steps / repeats * a_step + 1e-9))
    held_out = rows.filter(pl.col("held_out")).height
    longest = int(used["tokens"].max() or 0)  # type: ignore[arg-type]
    return StagePlan(name, stage.kind, used.height, places, held_out, by_group, longest, steps, reached)  # type: ignore[attr-defined]


def places_a_step(stage: TrainingStage, places: int, tokens: int) -> float:
    """Rows that one step takes: of packed documents as many as fill its sequences, on average."""
    if isinstance(stage, Pretraining):
        return stage.max_length * stage.batch_size * places / max(1, tokens)
    if isinstance(stage, GroupOptimization):
        return stage.batch_size / stage.generations
    return stage.batch_size
