"""Memory that a training step takes, in bytes a device, and whether there is that much.

Weights, gradients and the optimizer's states as in Rajbhandari et al. (2020, ZeRO, section 3.1), but for what
is trained with automatic mixed precision instead of a copy in 16 bits: weights, gradients and the two moments
of AdamW in 32 bits each (16 bytes a parameter), in bf16 and on one device also the 16-bit weights that
autocast keeps (2). Frozen weights below an adapter have the precision of the stage. Shards of FSDP or ZeRO-3
are these over the number of devices, and a layer or the embedding as a whole.

Activations are counted as in Korthikanti et al. (2022, section 4), but for decoders as transformers 5.24
builds them (norms in 32 bits, gated MLPs, no dropout, grouped keys repeated) rather than for GPT, whose
34 s b h bytes a layer are too few here: SmolLM2 has 83 s b h in 32 bits. Attention is fused (SDPA, flash), so
that none of its scores are saved. What is saved for the backward pass was counted tensor by tensor.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from anessuite.errors import ConfigError
from anessuite.training.architecture import Architecture

GIB: Final = 1 << 30
OPTIMIZER_BYTES: Final = {"adamw": 8, "adamw_8bit": 2, "sgd": 0}
"""Bytes of state a trained parameter: two moments in 32 bits, or in 8 (Dettmers et al. 2021); none."""
TILE_TOKENS: Final = 4_096
TILE_WORDS: Final = 32_768
"""Of a tile of logits in TRL 1.16 (`trl.kernels.chunked_logprob`), which never holds all of them."""
TILE_COPIES: Final = 9
"""Copies of a tile in 32 bits where there is no Triton, as on a CPU: 8.3 were measured (2,048 tokens against
512, the loss alone). With Triton there is one, in the precision of the stage."""
LOGIT_COPIES: Final = 4
"""Copies of all logits in 32 bits where they are not tiled: as they are, the logarithms of their
probabilities, and the gradients of both."""
RUNTIME_BYTES: Final = GIB
"""Python with PyTorch and TRL: 0.5 GiB were measured on a CPU; a CUDA context is assumed to take as much."""
CPU_SLACK: Final = 0.35
"""Share of activations and logits that is lost between them: glibc keeps what is freed below 32 MiB. Measured
are 0.1 without checkpointing, 0.3 with it, and most, 0.4, for adapters in 32 bits without it; with
``MALLOC_MMAP_THRESHOLD_=1000000`` in the environment nothing is lost."""
GPU_SLACK: Final = 0.05
"""The same of PyTorch's allocator on a GPU: assumed."""


@dataclass(frozen=True, slots=True)
class LowRank:
    """Low-rank adapters (Hu et al. 2021): ``all-linear``, or names of the projections of a layer."""

    rank: int
    modules: str | Sequence[str] = "all-linear"

    def maps(self, architecture: Architecture) -> list[tuple[int, int]]:
        """Inputs and outputs of the projections of a layer that have an adapter. Raises ConfigError for an
        unknown one."""
        known = architecture.projections
        listed = [self.modules] if isinstance(self.modules, str) else self.modules
        names = list(known) if list(listed) == ["all-linear"] else listed
        if unknown := ", ".join(name for name in names if name not in known):
            every = ", ".join(["all-linear", *known])
            raise ConfigError(f"the memory of adapters of {unknown} is not known", f"known: {every}")
        return [known[name] for name in names]

    def parameters(self, architecture: Architecture) -> int:
        """Weights of all adapters."""
        return architecture.layers * sum(self.rank * sum(sizes) for sizes in self.maps(architecture))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a device does at once: forward and backward over ``sequences`` of ``tokens`` (prompt and reply).

    ``trainable`` is an adapter, or the share of weights that is trained. ``devices`` share weights and states
    (FSDP, ZeRO-3); 1 for copies on each (DDP). ``has_reference``: a second model stays in memory (GRPO with
    ``beta`` above 0; an adapter needs none, it is switched off). ``has_tiled_logits``: TRL computes the loss;
    else transformers, from all logits.
    """

    sequences: int
    tokens: int
    precision: Literal["bf16", "fp32"] = "bf16"
    optimizer: Literal["adamw", "adamw_8bit", "sgd"] = "adamw"
    trainable: LowRank | float = 1.0
    gradient_checkpointing: bool = True
    devices: int = 1
    has_reference: bool = False
    has_tiled_logits: bool = True
    on_gpu: bool = True

    @property
    def positions(self) -> int:
        """Tokens at once."""
        return self.sequences * self.tokens

    @property
    def width(self) -> int:
        """Bytes of a number in matrix products."""
        return 2 if self.precision == "bf16" else 4

    @property
    def adapter(self) -> LowRank | None:
        return self.trainable if isinstance(self.trainable, LowRank) else None


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes a device, by what they hold. ``gathered``: what shards are put together to while it is used;
    ``runtime``: libraries, and what the allocator cannot use."""

    weights: int
    gradients: int
    optimizer: int
    reference: int
    gathered: int
    activations: int
    logits: int
    runtime: int

    @property
    def total(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))


def training_bytes(architecture: Architecture, step: Step) -> Memory:
    """The peak of memory, once the optimizer has its states and gradients are accumulated.

    Measured on a CPU with SmolLM2-135M (torch 2.13, transformers 5.24, TRL 1.16; peaks of fresh processes):
    18 loops of 128 to 4,096 tokens a step, with and without checkpointing, adapter and bf16, lie 3 to 22 %
    below the estimate, and 4 runs of TRL's SFT and GRPO trainers 16 to 20 %. No GPU was measured.
    Raises ConfigError for an adapter of an unknown projection.
    """
    trained = _trained(architecture, step)
    copies = 2 if step.precision == "bf16" and step.devices == 1 else 0
    frozen = 0 if step.adapter is None else architecture.parameters
    updated = architecture.parameters if step.adapter is None else trained
    activations, logits = _activations(architecture, step), _logits(architecture, step)
    slack = GPU_SLACK if step.on_gpu else CPU_SLACK
    return Memory(
        weights=_shard(step, frozen * step.width + updated * (4 + copies)),
        gradients=_shard(step, 4 * trained),
        optimizer=_shard(step, OPTIMIZER_BYTES[step.optimizer] * trained),
        reference=_shard(step, 4 * architecture.parameters) if step.has_reference and not frozen else 0,
        gathered=_gathered(architecture, step),
        activations=activations,
        logits=logits,
        runtime=RUNTIME_BYTES + round(slack * (activations + logits)),
    )


def _trained(architecture: Architecture, step: Step) -> int:
    if isinstance(step.trainable, LowRank):
        return step.trainable.parameters(architecture)
    return round(step.trainable * architecture.parameters)


def _shard(step: Step, size: int) -> int:
    return -(-size // step.devices)


def _gathered(architecture: Architecture, step: Step) -> int:
    """The largest unit as a whole, the next one on its way, and the gradients of one."""
    largest = max(architecture.layer_parameters, architecture.embedding_parameters)
    return 3 * largest * step.width if step.devices > 1 else 0


def _activations(architecture: Architecture, step: Step) -> int:
    """All layers, or with checkpointing what they begin with and one layer; in either case the gradients of
    one layer, the ends of the model, and a mask of the attention."""
    layer = _layer_bytes(architecture, step)
    residual = architecture.hidden * (step.width if step.adapter else 4)
    each = residual if step.gradient_checkpointing else layer
    ends = 12 * architecture.hidden + 4 * step.tokens
    return step.positions * (architecture.layers * each + (1 + step.gradient_checkpointing) * layer + ends)


def _layer_bytes(architecture: Architecture, step: Step) -> int:
    """Bytes a token that a layer saves for its backward pass.

    Norms save what they get and what they scale, in 32 bits, and in bf16 each projection its own copy of its
    input; attention saves queries, keys and values of all heads, and its output; the MLP four vectors.
    """
    hidden, queries = architecture.hidden, architecture.queries
    norms = 16 * hidden + (10 if step.width == 2 else 8) * hidden
    fused = step.width * 4 * (queries + architecture.intermediate) + 4 * architecture.heads + 8
    normed = 8 * (queries + architecture.keys) + 4 * (architecture.heads + architecture.key_value_heads)
    ranks = 0 if step.adapter is None else step.adapter.rank * len(step.adapter.maps(architecture))
    return norms + fused + architecture.has_head_norms * normed + step.width * ranks


def _logits(architecture: Architecture, step: Step) -> int:
    """Logits, and the gradients of the head and of the embedding before they are added up."""
    ends = 0 if step.adapter else 8 * architecture.embedding_parameters
    if not step.has_tiled_logits:
        return LOGIT_COPIES * 4 * step.positions * architecture.vocabulary + ends
    tile = min(step.positions, TILE_TOKENS) * TILE_WORDS
    return ends + tile * (step.width if step.on_gpu else 4 * TILE_COPIES)


def available_bytes(root: Path = Path("/")) -> int | None:
    """Main memory that this process may still take, or None where that cannot be told (no Linux).

    The least of what the kernel calls available and what the limits of the process's control groups leave
    (v2 ``memory.max``, v1 ``memory.limit_in_bytes``, of each group above it, too). Cached files of a group
    that are not in use count as free. ``root`` holds ``proc`` and ``sys``.
    """
    found = [*_of_machine(root / "proc/meminfo"), *_of_groups(root)]
    return max(0, min(found)) if found else None


def check_memory(needed: Memory, available: int) -> None:
    """Raise ConfigError, with the parts and what to change, unless ``available`` bytes a device suffice."""
    if needed.total <= available:
        return
    parts = {field.name: getattr(needed, field.name) for field in fields(needed)}
    told = ", ".join(f"{name} {size / GIB:.1f}" for name, size in parts.items() if size)
    standing = needed.weights + needed.gradients + needed.optimizer + needed.reference + needed.gathered
    batch = "lower per_device, then max_length or max_reply; set gradient_checkpointing; "
    raise ConfigError(
        f"a step needs {needed.total / GIB:.1f} GiB of memory on each device, of which "
        f"{available / GIB:.1f} GiB are free: {told}",
        ("no batch is small enough: " if standing > available else batch)
        + "train an adapter; share the weights over more devices (FSDP); or take a smaller model",
    )


def _of_machine(meminfo: Path) -> Iterator[int]:
    for line in _read(meminfo).splitlines():
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _of_groups(root: Path) -> Iterator[int]:
    """What each limit leaves. A container may see its own group as the root of them all."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            top = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        group = PurePosixPath(path.lstrip("/"))
        for one in (group, *group.parents):
            yield from _left(top / one, *names)


def _left(group: Path, limit: str, used: str, idle: str) -> Iterator[int]:
    most, taken = _read(group / limit).strip(), _read(group / used).strip()
    if most.isdigit() and taken.isdigit():
        cached = dict(line.split()[:2] for line in _read(group / "memory.stat").splitlines() if " " in line)
        yield int(most) - int(taken) + int(cached.get(idle, 0))


def _read(path: Path) -> str:
    """The text of a file of the kernel; empty if there is none, or none for us."""
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
