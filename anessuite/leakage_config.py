"""What a leakage analysis asks, and of whom, as a YAML file states it."""

from typing import Any, Literal

from pydantic import Field, model_validator

from anessuite.config import Config
from anessuite.llm.logprobs import Way
from anessuite.llm.named import NamedModel, check_apart

Test = Literal["order", "continuation"]


class ProbedModel(NamedModel):
    """A model that may have seen the benchmark: best a base model, at a server that scores prompts."""

    logprobs_by: Way = Field(default="echo", description="how its server gives log-probabilities of a prompt")
    ask: Literal["completions", "chat"] = Field(
        default="completions", description="continuations: of plain text, or as a chat, by a prompt"
    )

    def recipe(self) -> dict[str, Any]:
        """As of any named model, with how it is asked; never where."""
        return super().recipe() | {"parameters": self.extra, "ask": self.ask}


class ContinuationRules(Config):
    """What a model is shown, and how much it may write."""

    first_option: bool = Field(default=True, description="show the first option, too")
    max_tokens: int = Field(default=128, ge=8, le=2048)


class Probing(Config):
    """The part of a config that says what is asked: models, tests, orders."""

    models: list[ProbedModel] = Field(min_length=1)
    tests: list[Test] = Field(default=["order", "continuation"], min_length=1)
    orders: int = Field(default=24, ge=6, le=720, description="of the options, the original among them")
    continuation: ContinuationRules = ContinuationRules()
    seed: int = Field(default=7, description="of samples of orders, of controls and of intervals")

    @model_validator(mode="after")
    def _tell_apart(self) -> "Probing":
        check_apart(self.models, asked=lambda one: (one.model, one.extra))
        if len(set(self.tests)) < len(self.tests):
            raise ValueError("tests: each once")
        return self
