"""Operations, GPU hours and disk of a plan."""

import pytest

from anessuite.training.compute import (
    GENERATION_UTILISATION,
    PEAK_FLOPS,
    TRAINING_UTILISATION,
    Checkpoint,
    GrpoFlops,
    checkpoint_bytes,
    generation_flops,
    gpu_hours,
    grpo_flops,
    grpo_hours,
    kept_bytes,
    training_flops,
)

N, TOKENS = 7_000_000_000, 1_000_000


def test_training_takes_six_operations_a_weight_and_token_and_eight_with_checkpointing() -> None:
    assert training_flops(N, TOKENS, gradient_checkpointing=False) == 6 * N * TOKENS
    assert training_flops(N, TOKENS, gradient_checkpointing=True) == 8 * N * TOKENS
    assert generation_flops(N, TOKENS) == 2 * N * TOKENS


def test_an_adapter_spares_the_gradients_of_frozen_weights() -> None:
    assert training_flops(N, TOKENS, gradient_checkpointing=False, adapter=True) == 4 * N * TOKENS
    assert training_flops(N, TOKENS, gradient_checkpointing=True, adapter=True) == 6 * N * TOKENS


def test_grpo_generates_scores_and_updates_every_reply_with_its_prompt() -> None:
    asked = {"prompts": 100, "generations": 8, "prompt_tokens": 200.0, "reply_tokens": 800.0}
    plain = grpo_flops(N, **asked, gradient_checkpointing=False)  # type: ignore[arg-type]
    tokens = 100 * 8 * 1_000
    assert plain == GrpoFlops(2 * N * tokens, 0, 6 * N * tokens)
    twice = grpo_flops(N, **asked, gradient_checkpointing=True, iterations=2, scorings=2)  # type: ignore[arg-type]
    assert twice == GrpoFlops(2 * N * tokens, 4 * N * tokens, 16 * N * tokens)
    assert twice.total == 22 * N * tokens


def test_hours_are_operations_over_what_a_gpu_reaches() -> None:
    assert gpu_hours(3_600 * 312e12 * 0.4, peak=PEAK_FLOPS["A100"]) == pytest.approx(1.0)
    assert gpu_hours(3_600 * 989e12, peak=PEAK_FLOPS["H200"], utilisation=1.0) == pytest.approx(1.0)


def test_a_billion_tokens_for_eight_billion_weights_take_some_hundred_hours_of_an_a100() -> None:
    flops = training_flops(8_030_261_248, 1_000_000_000, gradient_checkpointing=True)
    assert gpu_hours(flops, peak=PEAK_FLOPS["A100"]) == pytest.approx(143, abs=1)


def test_generation_has_a_utilisation_of_its_own() -> None:
    hour = 3_600 * PEAK_FLOPS["H100"]
    flops = GrpoFlops(hour * GENERATION_UTILISATION, hour * TRAINING_UTILISATION, hour * TRAINING_UTILISATION)
    assert grpo_hours(flops, peak=PEAK_FLOPS["H100"]) == pytest.approx(3.0)
    assert GENERATION_UTILISATION < TRAINING_UTILISATION


@pytest.mark.parametrize(("peak", "utilisation"), [(0, 0.4), (-1, 0.4), (1e12, 0), (1e12, 1.1)])
def test_a_gpu_that_cannot_be_is_an_error(peak: float, utilisation: float) -> None:
    with pytest.raises(ValueError, match="no GPU"):
        gpu_hours(1, peak=peak, utilisation=utilisation)


def test_a_checkpoint_is_weights_and_the_moments_of_the_optimizer() -> None:
    assert checkpoint_bytes(N) == Checkpoint(2 * N, 8 * N)
    assert checkpoint_bytes(N, weight_bytes=4, optimizer_bytes=2).total == 6 * N


def test_the_next_checkpoint_is_written_before_the_oldest_goes() -> None:
    assert kept_bytes(checkpoint_bytes(N), 2) == 3 * 10 * N
