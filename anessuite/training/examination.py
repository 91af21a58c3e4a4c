"""How models are examined before and after training: an evaluation's settings, and who serves them."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field

from anessuite.config import Config
from anessuite.contests import Style
from anessuite.sources.against import Benchmarks
from anessuite.training.models import Trained


class Examination(Config):
    """The benchmark and, for what was forgotten, questions of other fields.

    ``plain`` asks in the words of the training exports. A server is started for each model in its turn.
    """

    bench: Benchmarks
    general: Benchmarks | None = Field(
        default=None, description="questions of other fields: what was forgotten"
    )
    style: Style = Style(style="plain")
    server: Literal["transformers", "vllm"] = Field(default="transformers", description="who serves them")
    concurrency: int = Field(default=8, ge=1, le=4096, description="requests at once")
    max_tokens: int = Field(default=2048, ge=1)
    temperature: float = Field(default=0.0, ge=0)
    samples: int = Field(default=1, ge=1, le=64, description="answers to a question; 1 at temperature 0")

    def benchmarks(self) -> dict[str, list[str]]:
        """Name of the evaluation -> its benchmarks."""
        return {"bench": self.bench} | ({} if self.general is None else {"general": self.general})

    def evaluation(self, bench: list[str], models: Iterable[Trained], *, seed: int) -> dict[str, Any]:
        """The config of an evaluation of the models."""
        asked = {
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "concurrency": self.concurrency,
            "timeout": 3600.0,
        }
        return {
            "bench": bench,
            "models": [
                {"name": one.label, "model": one.name, "endpoints": [f"{self.server}:{one.folder}"], **asked}
                for one in models
            ],
            "styles": [self.style.model_dump()],
            "samples": self.samples,
            "seed": seed,
        }
