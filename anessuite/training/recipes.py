"""Stages of training as a config file states them: continued pre-training, SFT, GRPO.

Defaults are TRL's where it has one, else those of the AnesSuite paper or the paper that is named.
"""

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from anessuite.config import Config
from anessuite.versions import DatasetRef

Mix = dict[str, Annotated[float, Field(gt=0)]]
"""Share of each group of rows, such as ``{en: 1, zh: 1}``; a group is a language, or what a source says."""


class TrainingSource(Config):
    """What is trained on: a finished ``name@version``, or files with rows of a known shape."""

    path: str = Field(min_length=1, description="name@version, or a file, folder, glob or URL")
    group: str | None = Field(default=None, description="name in `mix`; default: the language of each row")
    language: Literal["en", "zh"] | None = Field(
        default=None, description="of files whose rows do not say it; default: told from the text"
    )
    licence: str = ""

    @property
    def ref(self) -> DatasetRef | None:
        """The version that it names, or None."""
        name, at, version = self.path.partition("@")
        return DatasetRef(name, version) if at and "/" not in self.path else None

    @property
    def label(self) -> str:
        """How tables and rows name it."""
        return str(self.ref or PurePosixPath(self.path).name)


def _by_path(told: Any) -> Any:
    listed = told if isinstance(told, list) else [told]
    return [{"path": one} if isinstance(one, str) else one for one in listed]


Sources = Annotated[list[TrainingSource], BeforeValidator(_by_path), Field(min_length=1)]


class Adapter(Config):
    """Low-rank adapters (Hu et al. 2021) instead of all weights; merged into the model at the end."""

    rank: int = Field(default=16, ge=1, le=1024)
    alpha: int = Field(default=32, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    modules: str | list[str] = Field(default="all-linear", description="as peft's target_modules")


class TrainingStage(Config):
    """What all stages have. A step is one update of the weights, by ``batch_size`` sequences (of GRPO:
    replies) over all devices; what of them does not fit at once is accumulated."""

    data: Sources
    mix: Mix = Field(default_factory=dict, description="share of each group; default: all alike")
    most_repeats: int = Field(
        default=4, ge=1, description="how often a row of a small group may come for the mix's sake"
    )
    max_rows: int | None = Field(default=None, ge=1, description="rows in all, drawn with the seed")
    max_steps: int | None = Field(default=None, ge=1, description="default: all rows, `epochs` times")
    epochs: float = Field(default=1.0, gt=0)
    batch_size: int = Field(default=32, ge=1)
    per_device: int = Field(default=1, ge=1, description="sequences that a device holds at once")
    learning_rate: float = Field(default=1e-5, gt=0)
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = Field(default=0.05, ge=0, lt=1, description="share of the steps")
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    precision: Literal["bf16", "fp32"] = "bf16"
    gradient_checkpointing: bool = True
    adapter: Adapter | None = None
    save_every: int = Field(default=50, ge=1, description="steps between two checkpoints to resume from")
    report_every: int = Field(default=1, ge=1, description="steps between two points of the curves")

    @model_validator(mode="after")
    def _fits(self) -> "TrainingStage":
        if self.batch_size % self.per_device:
            raise ValueError(f"batch_size {self.batch_size} is no multiple of per_device {self.per_device}")
        return self


class Pretraining(TrainingStage):
    """Continued pre-training on documents, packed into sequences of ``max_length`` tokens.

    The mix has to be stated, in shares of tokens: with three parts of English to one of Chinese the paper's
    model lost 14 points of Chinese.
    """

    kind: Literal["pretraining"] = "pretraining"
    max_length: int = Field(default=4096, ge=16)
    tokens: int | None = Field(default=None, ge=1, description="in all; default: what the rows and mix give")

    @model_validator(mode="after")
    def _stated(self) -> "Pretraining":
        if not self.mix:
            raise ValueError("`mix` has to be stated for pre-training, such as {en: 1, zh: 1}")
        return self


class FineTuning(TrainingStage):
    """Supervised fine-tuning; the loss is on replies only. Sequences that are longer than ``max_length``
    tokens are left out, since what is cut off is the answer."""

    kind: Literal["sft"] = "sft"
    max_length: int = Field(default=4096, ge=16)
    eos_token: str | None = Field(
        default=None, description="token that ends a reply; of base models often another than the template's"
    )
    evaluate_every: int = Field(default=25, ge=1, description="steps between two looks at what is held out")
    patience: int = Field(default=3, ge=0, description="looks without a lower loss until it stops; 0: never")

    @model_validator(mode="after")
    def _saves_what_it_looks_at(self) -> "FineTuning":
        if self.patience and self.save_every % self.evaluate_every:
            raise ValueError(
                f"save_every {self.save_every} has to be a multiple of evaluate_every {self.evaluate_every}: "
                "the best checkpoint is one that was saved"
            )
        return self


class Rewards(Config):
    """Weights of the rewards in `anessuite.training.rewards`; 0 leaves one out."""

    correctness: float = Field(default=1.0, ge=0)
    format_of_reply: float = Field(default=0.1, ge=0)
    same_language: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _some(self) -> "Rewards":
        if not self.correctness:
            raise ValueError("without the reward of correctness nothing medical is learnt")
        return self


class VllmSampling(Config):
    """Replies by vLLM: in the training processes, or by a server (``trl vllm-serve``)."""

    mode: Literal["colocate", "server"] = "colocate"
    server: str | None = Field(default=None, description="URL of the server")
    memory: float = Field(default=0.3, gt=0, lt=1, description="share of a GPU's memory")
    devices: int = Field(default=1, ge=1, description="GPUs that hold one copy of the model")


class GroupOptimization(TrainingStage):
    """GRPO (Shao et al. 2024): groups of replies to one question, each reply better or worse than its group.

    ``batch_size`` counts replies. ``pass_rate`` are the bounds of the r1 row's pass rate, both excluded:
    what is always or never right gives no gradient.
    """

    kind: Literal["grpo"] = "grpo"
    batch_size: int = Field(default=64, ge=2)
    learning_rate: float = Field(default=1e-6, gt=0)
    generations: int = Field(default=8, ge=2, description="replies to a question")
    max_prompt: int = Field(default=2048, ge=16, description="tokens; longer prompts are left out")
    max_reply: int = Field(default=2048, ge=1, description="tokens")
    temperature: float = Field(default=1.0, gt=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    beta: float = Field(default=0.0, ge=0, description="weight of the divergence from the model before")
    iterations: int = Field(default=1, ge=1, description="updates by the same replies")
    loss: Literal["dapo", "grpo", "dr_grpo", "bnpo"] = "dapo"
    scale_rewards: Literal["group", "batch", "none"] = "group"
    mask_truncated: bool = Field(default=False, description="no loss on replies that were cut off")
    rewards: Rewards = Rewards()
    drop_always_right: bool = True
    drop_always_wrong: bool = True
    easy_first: bool = Field(default=False, description="questions by falling pass rate")
    vllm: VllmSampling | None = None

    @model_validator(mode="after")
    def _whole_groups(self) -> "GroupOptimization":
        if self.batch_size % self.generations:
            raise ValueError(
                f"batch_size {self.batch_size} is no multiple of generations {self.generations}: "
                "a step takes whole groups"
            )
        if self.save_every % self.iterations:
            raise ValueError(f"save_every {self.save_every} is no multiple of iterations {self.iterations}")
        return self


StageRecipe = Annotated[Pretraining | FineTuning | GroupOptimization, Field(discriminator="kind")]
