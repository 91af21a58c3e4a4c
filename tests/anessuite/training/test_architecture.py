"""Weights of decoders, counted from their configs."""

import json
from pathlib import Path
from typing import Any

import pytest

from anessuite.errors import ConfigError
from anessuite.training.architecture import Architecture


def config(family: str, sizes: tuple[int, int, int, int, int, int], **more: Any) -> dict[str, Any]:
    """A config of vocabulary, width, width of the MLP, layers, heads, groups of keys."""
    names = (
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
    )
    return {
        "model_type": family,
        **dict(zip(names, sizes, strict=True)),
        "tie_word_embeddings": False,
        **more,
    }


TINY = (1_000, 64, 96, 2, 4, 2)
SMALL = config("llama", (49_152, 576, 1_536, 30, 9, 3), head_dim=64, tie_word_embeddings=True)


@pytest.mark.parametrize(
    ("told", "parameters"),
    [
        (SMALL, 134_515_008),
        (config("qwen2", (151_936, 896, 4_864, 24, 14, 2), tie_word_embeddings=True), 494_032_768),
        (config("qwen2", (152_064, 3_584, 18_944, 28, 28, 4)), 7_615_616_512),
        (config("qwen2", (152_064, 5_120, 13_824, 48, 40, 8)), 14_770_033_664),
        (config("qwen2", (152_064, 5_120, 27_648, 64, 40, 8)), 32_763_876_352),
        (config("llama", (128_256, 4_096, 14_336, 32, 32, 8)), 8_030_261_248),
        (config("mistral", (32_768, 4_096, 14_336, 32, 32, 8), attention_bias=True), 7_248_023_552),
        (config("qwen3", (151_936, 4_096, 12_288, 36, 32, 8), head_dim=128), 8_190_735_360),
        (
            config("qwen3", (151_936, 1_024, 3_072, 28, 16, 8), head_dim=128, tie_word_embeddings=True),
            596_049_920,
        ),
        (config("llama", TINY, attention_bias=True, mlp_bias=True, tie_word_embeddings=True), 126_656),
        (config("qwen3", TINY, head_dim=16, attention_bias=True, tie_word_embeddings=True), 126_208),
    ],
)
def test_weights_are_counted_as_transformers_makes_them(told: dict[str, Any], parameters: int) -> None:
    assert Architecture.of(told).parameters == parameters


def test_the_config_of_a_real_model_is_read() -> None:
    file = Path.home() / ".cache/vllm-cpu/smollm2-135m-instruct/config.json"
    if not file.exists():
        pytest.skip("SmolLM2 is not here")
    assert Architecture.of(json.loads(file.read_bytes())).parameters == 134_515_008


def test_what_a_config_leaves_out_is_the_default_of_its_family() -> None:
    bare = {
        name: value for name, value in config("llama", TINY).items() if name.startswith(("vocab", "num_h"))
    }
    told = bare | {
        "model_type": "llama",
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_attention_heads": 4,
    }
    assert Architecture.of(told) == Architecture(2, 64, 96, 4, 4, 16, 1_000, is_tied=False)
    assert Architecture.of(told | {"model_type": "smollm3"}).is_tied
    assert Architecture.of(told | {"head_dim": None, "num_key_value_heads": None}).keys == 64


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "gpt2"}, "model_type gpt2 is not known"),
        ({"model_type": None}, "model_type None is not known"),
        ({"model_type": "mixtral", "num_local_experts": 8}, "mixture of experts"),
        ({"num_experts": 64}, "mixture of experts"),
        ({"hidden_size": None, "vocab_size": "many"}, "no hidden_size, vocab_size"),
        ({"num_hidden_layers": 0}, "no num_hidden_layers"),
    ],
)
def test_a_config_of_another_kind_is_an_error_that_says_why(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Architecture.of(SMALL | change)
