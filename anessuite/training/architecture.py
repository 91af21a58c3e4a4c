"""The shape of a decoder, from its ``config.json``: how many weights it has, without loading one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anessuite.errors import ConfigError

_FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "smollm3")
"""Values of ``model_type``; SmolLM and SmolLM2 are llama."""
_NEEDED = ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "vocab_size")
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")


@dataclass(frozen=True, slots=True)
class Architecture:
    """A decoder with grouped keys and values, gated MLPs and a norm before each of the two.

    Widths are in elements; ``head`` is the width of one attention head. ``has_head_norms``: queries and keys
    are normalised (Qwen3).
    """

    layers: int
    hidden: int
    intermediate: int
    heads: int
    key_value_heads: int
    head: int
    vocabulary: int
    is_tied: bool
    has_query_biases: bool = False
    has_output_bias: bool = False
    has_mlp_biases: bool = False
    has_head_norms: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Architecture":
        """Of a ``config.json``, by the defaults of transformers 5.24.

        Raises ConfigError for a family that is not known here, experts, and sizes that are missing.
        """
        family = _family(config)
        sizes = _sizes(config)
        biased = bool(config.get("attention_bias")) and family not in ("mistral", "qwen2")
        return cls(
            *sizes[:4],
            key_value_heads=config.get("num_key_value_heads") or sizes[3],
            head=config.get("head_dim") or sizes[1] // sizes[3],
            vocabulary=sizes[4],
            is_tied=bool(config.get("tie_word_embeddings", family == "smollm3")),
            has_query_biases=biased or family == "qwen2",
            has_output_bias=biased,
            has_mlp_biases=bool(config.get("mlp_bias")) and family in ("llama", "smollm3"),
            has_head_norms=family == "qwen3",
        )

    @property
    def queries(self) -> int:
        """Width of the queries of all heads."""
        return self.heads * self.head

    @property
    def keys(self) -> int:
        """Width of the keys of all groups, and of the values."""
        return self.key_value_heads * self.head

    @property
    def projections(self) -> dict[str, tuple[int, int]]:
        """Inputs and outputs of the linear maps of a layer, by name."""
        return {
            "q_proj": (self.hidden, self.queries),
            "k_proj": (self.hidden, self.keys),
            "v_proj": (self.hidden, self.keys),
            "o_proj": (self.queries, self.hidden),
            "gate_proj": (self.hidden, self.intermediate),
            "up_proj": (self.hidden, self.intermediate),
            "down_proj": (self.intermediate, self.hidden),
        }

    @property
    def layer_parameters(self) -> int:
        """Weights of one layer."""
        maps = sum(inputs * outputs for inputs, outputs in self.projections.values())
        biases = (
            self.has_query_biases * (self.queries + 2 * self.keys)
            + self.has_output_bias * self.hidden
            + self.has_mlp_biases * (2 * self.intermediate + self.hidden)
        )
        return maps + biases + 2 * self.hidden + self.has_head_norms * 2 * self.head

    @property
    def embedding_parameters(self) -> int:
        """Weights of the embedding; those of a head that is not tied to it are as many."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """All weights; tied ones count once."""
        embeddings = self.embedding_parameters * (1 if self.is_tied else 2)
        return embeddings + self.layers * self.layer_parameters + self.hidden


def _family(config: Mapping[str, Any]) -> str:
    family = str(config.get("model_type"))
    known = f"known here: {', '.join(_FAMILIES)}"
    if any(config.get(name) for name in _EXPERTS):
        raise ConfigError(f"the model ({family}) is a mixture of experts, whose memory is not known", known)
    if family not in _FAMILIES:
        raise ConfigError(f"the memory of a model of model_type {family} is not known", known)
    return family


def _sizes(config: Mapping[str, Any]) -> list[int]:
    wrong = [name for name in _NEEDED if not isinstance(config.get(name), int) or config[name] <= 0]
    if wrong:
        raise ConfigError(f"config.json has no {', '.join(wrong)}", "take it from the model's page")
    return [config[name] for name in _NEEDED]
