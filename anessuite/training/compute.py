"""Arithmetic, GPU hours and disk of a plan: estimates from counts, before anything runs.

A forward pass takes 2 floating-point operations a weight and token, a backward pass twice as many (Kaplan et
al. 2020, Scaling laws for neural language models, section 2.1): 6 N a token. Gradient checkpointing computes
the forward pass again: 8 N (Korthikanti et al. 2022, appendix A). Attention over the sequence is left out, as
there: about tokens / (12 * hidden) more, a twelfth for 4,096 tokens and a hidden width of 4,096.

``parameters`` are those that a token is multiplied with, so that an embedding that is not tied to the head
may be left out; all together are a little too many, never too few.
"""

from dataclasses import dataclass
from typing import Final

FORWARD: Final = 2
"""Operations a weight and token (Kaplan et al. 2020). Backward takes as many for the gradients of
activations, and as many again for those of weights that are trained."""

PEAK_FLOPS: Final = {"A100": 312e12, "H100": 989e12, "H200": 989e12}
"""Operations a second in bf16, dense, by NVIDIA's data sheets (A100 80GB; H100 and H200 SXM)."""

TRAINING_UTILISATION: Final = 0.4
"""Share of the peak that training reaches: assumed. Llama 3 reports 0.38 to 0.43 on H100 (Dubey et al. 2024,
table 4); small batches, short sequences and slow links stay below."""

GENERATION_UTILISATION: Final = 0.1
"""Share of the peak that generation in large batches (vLLM) reaches: assumed. A token at a time moves all
weights for little arithmetic, so that memory is the limit; with few sequences at once it is far lower still.
The first run's own tokens a second are a better guide."""

_SECONDS: Final = 3_600


@dataclass(frozen=True, slots=True)
class GrpoFlops:
    """Floating-point operations of GRPO: of replies, of their log-probabilities, of the updates."""

    generation: float
    scoring: float
    update: float

    @property
    def total(self) -> float:
        return self.generation + self.scoring + self.update


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Bytes on disk of what training resumes from."""

    weights: int
    optimizer: int

    @property
    def total(self) -> int:
        return self.weights + self.optimizer


def training_flops(
    parameters: int, tokens: int, *, gradient_checkpointing: bool, adapter: bool = False
) -> float:
    """Operations of training on ``tokens``, repeats counted: 6 N a token, 8 N with checkpointing.

    With an ``adapter`` frozen weights need no gradients: 4 N and 6 N; the adapter's own are left out.
    """
    passes = 1 + gradient_checkpointing + (1 if adapter else 2)
    return float(FORWARD * passes * parameters * tokens)


def generation_flops(parameters: int, tokens: int) -> float:
    """Operations of generating: 2 N a token, of prompts as of replies."""
    return float(FORWARD * parameters * tokens)


def grpo_flops(
    parameters: int,
    *,
    prompts: int,
    generations: int,
    prompt_tokens: float,
    reply_tokens: float,
    gradient_checkpointing: bool,
    adapter: bool = False,
    iterations: int = 1,
    scorings: int = 0,
) -> GrpoFlops:
    """Operations of GRPO on ``prompts``, repeats counted, of each of which there are ``generations`` replies.

    ``prompt_tokens`` and ``reply_tokens`` are means; each reply is counted with its prompt, though engines
    read the prompt of a group once. ``iterations`` are updates by the same replies. ``scorings`` are forward
    passes over finished replies: one for a reference model (``beta`` above 0), one for the policy that wrote
    them if it has changed since (``iterations`` above 1) or another engine did (vLLM).
    """
    tokens = round(prompts * generations * (prompt_tokens + reply_tokens))
    generation = generation_flops(parameters, tokens)
    once = training_flops(parameters, tokens, gradient_checkpointing=gradient_checkpointing, adapter=adapter)
    return GrpoFlops(generation, scorings * generation, iterations * once)


def gpu_hours(flops: float, *, peak: float, utilisation: float = TRAINING_UTILISATION) -> float:
    """Hours of one GPU with ``peak`` operations a second; over n GPUs an n-th of the time, at best.

    Raises ValueError for a peak that is not positive or a utilisation outside 0 (excluded) to 1.
    """
    if peak <= 0 or not 0 < utilisation <= 1:
        raise ValueError(f"no GPU has a peak of {peak} and a utilisation of {utilisation}")
    return flops / (peak * utilisation) / _SECONDS


def grpo_hours(flops: GrpoFlops, *, peak: float) -> float:
    """GPU hours of GRPO: generation at its own utilisation, the rest at that of training."""
    trained = gpu_hours(flops.scoring + flops.update, peak=peak)
    return gpu_hours(flops.generation, peak=peak, utilisation=GENERATION_UTILISATION) + trained


def checkpoint_bytes(parameters: int, *, weight_bytes: int = 2, optimizer_bytes: int = 8) -> Checkpoint:
    """Of ``parameters`` that are saved: with an adapter, its own.

    Weights in bf16 have 2 bytes; a trainer that holds them in 32 bits writes 4. AdamW's two moments in 32
    bits have 8. Tokenizer, scheduler and random states are left out: some megabytes.
    """
    return Checkpoint(parameters * weight_bytes, parameters * optimizer_bytes)


def kept_bytes(checkpoint: Checkpoint, kept: int) -> int:
    """Most disk that ``kept`` checkpoints take: the oldest goes only once the next one is written."""
    return (kept + 1) * checkpoint.total
