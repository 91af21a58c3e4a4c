"""Memory of a training step: its parts, measured peaks, and what is free."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.errors import ConfigError
from anessuite.training.architecture import Architecture
from anessuite.training.memory import (
    GIB,
    LowRank,
    Memory,
    Step,
    available_bytes,
    check_memory,
    training_bytes,
)

SMOL = Architecture(30, 576, 1_536, 9, 3, 64, 49_152, is_tied=True)
QWEN = Architecture(28, 3_584, 18_944, 28, 4, 128, 152_064, is_tied=False, has_query_biases=True)
STEP = Step(sequences=2, tokens=4_096)


def needed(step: Step = STEP, architecture: Architecture = QWEN) -> Memory:
    return training_bytes(architecture, step)


def test_mixed_precision_takes_sixteen_bytes_a_weight_and_the_copies_of_autocast() -> None:
    memory, weights = needed(), QWEN.parameters
    assert (memory.weights, memory.gradients, memory.optimizer) == (6 * weights, 4 * weights, 8 * weights)
    assert needed(replace(STEP, precision="fp32")).weights == 4 * weights
    assert needed(replace(STEP, optimizer="adamw_8bit")).optimizer == 2 * weights
    assert needed(replace(STEP, trainable=0.5)).gradients == 2 * weights


def test_an_adapter_leaves_the_model_in_half_precision_without_gradients() -> None:
    adapter = LowRank(16)
    memory, own = needed(replace(STEP, trainable=adapter)), adapter.parameters(QWEN)
    assert memory.weights == 2 * QWEN.parameters + 6 * own
    assert (memory.gradients, memory.optimizer) == (4 * own, 8 * own)
    assert adapter.parameters(SMOL) == 4_884_480


def test_an_adapter_of_some_projections_is_counted_by_these() -> None:
    two = LowRank(8, ["q_proj", "v_proj"])
    assert two.parameters(SMOL) == 30 * 8 * (576 + 576 + 576 + 192)
    assert LowRank(8, "q_proj").maps(SMOL) == [(576, 576)]
    with pytest.raises(ConfigError, match="adapters of lm_head is not known"):
        needed(replace(STEP, trainable=LowRank(8, ["q_proj", "lm_head"])))


def test_a_second_model_is_kept_for_comparison_only_without_an_adapter() -> None:
    assert needed().reference == 0
    assert needed(replace(STEP, has_reference=True)).reference == 4 * QWEN.parameters
    assert needed(replace(STEP, has_reference=True, trainable=LowRank(16))).reference == 0


def test_shards_are_an_nth_and_a_unit_in_whole() -> None:
    memory = needed(replace(STEP, devices=8, has_reference=True))
    assert memory.weights == memory.gradients == memory.reference == QWEN.parameters * 4 // 8
    assert memory.gathered == 3 * 2 * 152_064 * 3_584
    assert memory.activations == needed().activations


def test_activations_are_those_that_were_counted_tensor_by_tensor() -> None:
    """A layer of width 64 (MLP 160, 4 heads of 16) saves 5,144 bytes a token in 32 bits, with keys and values
    repeated for all heads, and 3,480 in bf16 besides the copies of weights; Qwen3 792 more in 32 bits."""
    tiny = Architecture(2, 64, 160, 4, 2, 16, 50, is_tied=True)

    def a_layer(architecture: Architecture, **changes: Any) -> int:
        step = Step(sequences=1, tokens=1, gradient_checkpointing=False, **changes)
        more = replace(architecture, layers=architecture.layers + 1)
        return training_bytes(more, step).activations - training_bytes(architecture, step).activations

    assert a_layer(tiny, precision="fp32") == 5_144
    assert a_layer(tiny, precision="bf16") == 3_480
    assert a_layer(replace(tiny, has_head_norms=True), precision="fp32") == 5_144 + 792
    assert a_layer(tiny, precision="bf16", trainable=LowRank(8)) == 3_480 + 7 * 8 * 2


def test_checkpointing_keeps_what_layers_begin_with() -> None:
    deep = replace(QWEN, layers=29)
    assert needed(architecture=deep).activations - needed().activations == STEP.positions * 3_584 * 4
    assert needed().activations < needed(replace(STEP, gradient_checkpointing=False)).activations / 7


def test_logits_are_a_tile_or_all_of_them() -> None:
    ends = 8 * 152_064 * 3_584
    assert needed().logits == ends + 4_096 * 32_768 * 2
    assert needed(replace(STEP, sequences=64)).logits == needed().logits
    assert needed(replace(STEP, has_tiled_logits=False)).logits == ends + 16 * 2 * 4_096 * 152_064
    assert needed(replace(STEP, trainable=LowRank(1))).logits == 4_096 * 32_768 * 2


BARE = Step(sequences=4, tokens=512, precision="fp32", gradient_checkpointing=False, on_gpu=False)
SAVING = replace(BARE, gradient_checkpointing=True)
MEASURED = [
    (replace(BARE, sequences=1, tokens=128), 3_287_937_024),
    (replace(BARE, sequences=1), 4_362_432_512),
    (BARE, 8_839_225_344),
    (replace(BARE, sequences=1, tokens=2_048), 8_985_919_488),
    (SAVING, 6_473_363_456),
    (replace(SAVING, sequences=8), 10_057_928_704),
    (replace(BARE, has_tiled_logits=False), 8_153_972_736),
    (replace(SAVING, precision="bf16"), 6_017_556_480),
    (replace(BARE, trainable=LowRank(16)), 8_839_151_616),
    (replace(BARE, precision="bf16", trainable=LowRank(16)), 5_829_877_760),
    (replace(BARE, sequences=2), 5_932_474_368),
    (replace(SAVING, sequences=2, tokens=384, precision="bf16"), 4_289_167_360),
    (replace(SAVING, sequences=2, tokens=384, precision="bf16", has_reference=True), 4_768_288_768),
    (replace(SAVING, precision="bf16", trainable=LowRank(16)), 4_024_651_776),
]
"""Bytes of memory at the peak of fresh processes that trained SmolLM2-135M: loops in PyTorch, and (the last
four) SFT and GRPO by TRL's trainers."""


@pytest.mark.parametrize(("step", "peak"), MEASURED)
def test_the_estimate_is_a_little_above_what_was_measured(step: Step, peak: int) -> None:
    assert 1.0 < needed(step, SMOL).total / peak < 1.3


STEPS = st.builds(
    Step,
    sequences=st.integers(1, 64),
    tokens=st.integers(16, 8_192),
    precision=st.sampled_from(["bf16", "fp32"]),
    trainable=st.sampled_from([1.0, 0.25, LowRank(16)]),
    gradient_checkpointing=st.booleans(),
    devices=st.sampled_from([1, 8]),
    has_reference=st.booleans(),
    has_tiled_logits=st.booleans(),
    on_gpu=st.booleans(),
)


@given(STEPS, st.sampled_from([SMOL, QWEN]))
def test_smaller_batches_shorter_sequences_and_checkpoints_never_take_more(
    step: Step, architecture: Architecture
) -> None:
    whole = needed(step, architecture)
    assert whole.total == sum(getattr(whole, field.name) for field in fields(whole))
    for change in ({"sequences": 1}, {"tokens": 16}, {"has_reference": False}):
        assert needed(replace(step, **change), architecture).total <= whole.total
    if not step.gradient_checkpointing:
        assert needed(replace(step, gradient_checkpointing=True), architecture).total < whole.total


def test_what_fits_is_no_error() -> None:
    check_memory(needed(), needed().total)


def test_what_does_not_fit_is_told_by_its_parts_and_by_what_to_change_first() -> None:
    memory = needed()
    with pytest.raises(ConfigError) as raised:
        check_memory(memory, memory.total - 1)
    what, hint = raised.value.what, raised.value.hint
    assert (
        f"needs {memory.total / GIB:.1f} GiB" in what and "optimizer 56.7" in what and "reference" not in what
    )
    order = ["per_device", "max_length", "gradient_checkpointing", "adapter", "devices"]
    assert sorted(order, key=hint.index) == order


def test_where_the_weights_alone_do_not_fit_no_smaller_batch_is_advised() -> None:
    with pytest.raises(ConfigError) as raised:
        check_memory(needed(), 80 * GIB)
    assert raised.value.hint.startswith("no batch is small enough") and "per_device" not in raised.value.hint


def laid_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


MEMINFO = {"proc/meminfo": "MemTotal: 99 kB\nMemAvailable: 50 kB\n"}


def test_without_limits_what_the_kernel_calls_available_is_free(tmp_path: Path) -> None:
    free = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": "max\n",
        "sys/fs/cgroup/memory.current": "1",
    }
    assert available_bytes(laid_out(tmp_path, MEMINFO | free)) == 51_200


def test_a_limit_of_any_group_above_counts_less_what_is_used_but_for_idle_files(tmp_path: Path) -> None:
    told = {
        "proc/self/cgroup": "0::/outer/inner\n",
        "sys/fs/cgroup/outer/inner/memory.max": "max\n",
        "sys/fs/cgroup/outer/inner/memory.current": "900\n",
        "sys/fs/cgroup/outer/memory.max": "40000\n",
        "sys/fs/cgroup/outer/memory.current": "10000\n",
        "sys/fs/cgroup/outer/memory.stat": "anon 7000\ninactive_file 2000\n",
    }
    assert available_bytes(laid_out(tmp_path, MEMINFO | told)) == 32_000


def test_a_group_of_the_first_version_is_found_where_a_container_sees_it(tmp_path: Path) -> None:
    top = "sys/fs/cgroup/memory"
    told = {
        "proc/self/cgroup": "5:cpu:/docker/1\n4:memory:/docker/1\n0::/docker/1\n",
        f"{top}/memory.limit_in_bytes": "20000\n",
        f"{top}/memory.usage_in_bytes": "5000\n",
        f"{top}/memory.stat": "inactive_file 1\ntotal_inactive_file 1000\n",
    }
    assert available_bytes(laid_out(tmp_path, MEMINFO | told)) == 16_000


def test_a_group_over_its_limit_has_nothing_free(tmp_path: Path) -> None:
    told = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": "10\n",
        "sys/fs/cgroup/memory.current": "11\n",
    }
    assert available_bytes(laid_out(tmp_path, told)) == 0


def test_where_the_kernel_says_nothing_nothing_is_known(tmp_path: Path) -> None:
    assert available_bytes(tmp_path) is None
