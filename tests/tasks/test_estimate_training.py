"""Disk of a training that was planned; hours and memory have tests of their own."""

from anessuite.training.architecture import Architecture
from anessuite.training.plans import StagePlan
from anessuite.training.recipes import Adapter, FineTuning
from tasks.estimate_training import TrainingEstimate, estimate_training, most_disk

SMOL = Architecture(30, 576, 1_536, 9, 3, 64, 49_152, is_tied=True)
WEIGHTS = 134_515_008
STAGE = FineTuning(kind="sft", data=["r1@dev"], max_steps=2)
PLAN = StagePlan("sft", "sft", 10, 10, 0, {"en": 1_000}, 100, 2, 8)


def estimated(stage: FineTuning = STAGE, devices: int = 1) -> TrainingEstimate:
    (found,) = estimate_training([("sft",)], {"sft": stage}, {"sft": PLAN}, SMOL, devices=devices)
    return found


def test_checkpoints_hold_weights_and_moments_and_a_third_is_written_while_two_are_kept() -> None:
    one = estimated()
    assert (one.size, one.checkpoints) == (2 * WEIGHTS, 3 * 12 * WEIGHTS)
    assert estimated(devices=8).checkpoints == 3 * 16 * WEIGHTS


def test_those_of_an_adapter_hold_the_adapter_alone() -> None:
    found = estimated(STAGE.model_copy(update={"adapter": Adapter(rank=8)}))
    each = 30 * 8 * (2 * (576 + 576) + 2 * (576 + 192) + 3 * (576 + 1_536))
    assert (found.size, found.checkpoints) == (2 * WEIGHTS, 3 * 12 * each)


def test_all_models_stay_and_the_checkpoints_of_one_at_a_time() -> None:
    whole, adapter = estimated(), estimated(STAGE.model_copy(update={"adapter": Adapter(rank=8)}))
    assert most_disk([whole, adapter]) == 4 * WEIGHTS + whole.checkpoints
    assert most_disk([]) == 0
