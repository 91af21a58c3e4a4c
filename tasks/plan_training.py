"""What a training will take, said before it begins."""

from collections.abc import Mapping

import polars as pl

from anessuite.stages import Stage
from anessuite.training.plans import StagePlan, plan_of
from anessuite.training.recipes import TrainingStage
from tasks.run_log import log

Plan = dict[str, StagePlan]


def plan_training(order: Stage, stages: Mapping[str, TrainingStage]) -> Plan:
    """The plan of each stage; says it, tokens by language first."""
    plan = {name: plan_of(name, stage, _rows(order, name)) for name, stage in stages.items()}
    for one in plan.values():
        log.info("%s", one.in_words())
    return plan


def _rows(order: Stage, name: str) -> pl.DataFrame:
    parts = [part for part in order.parts() if part.startswith(f"{name}-")]
    return pl.concat([order.read(part).select("group", "tokens", "places", "held_out") for part in parts])
