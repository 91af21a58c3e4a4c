"""Who is asked in an evaluation, and how, as a config states it."""

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from anessuite.config import Config
from anessuite.llm.config import ModelConfig
from anessuite.llm.named import NamedModel
from anessuite.sources.documents import SourcePath

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


class Contestant(NamedModel):
    """A model that is evaluated. Its temperature is 0 unless the config says otherwise."""

    temperature: float | None = Field(default=0.0, ge=0)


class Style(Config):
    """How a question is put: for the letter alone, or for reasoning first; after so many examples or none.

    ``plain`` asks for reasoning in the words of the training exports and of the lm-evaluation-harness task:
    for models that were trained on them, and for a second opinion.
    """

    style: Literal["direct", "cot", "plain"] = "direct"
    shots: int = Field(default=0, ge=0, le=20, description="few-shot examples before each question")
    instructions: Literal["own", "en", "zh"] = Field(
        default="own", description="language of the instructions; own: that of the question"
    )
    max_tokens: int | None = Field(default=None, ge=1, description="default: the model's")
    version: int = Field(default=1, ge=1, description="of the prompt: prompts/evaluation/{style}.*.v<N>.md")

    @model_validator(mode="after")
    def _shots_show_letters(self) -> "Style":
        if self.style != "direct" and self.shots:
            raise ValueError(
                f"shots are of style direct: exemplars have no reasoning to show for {self.style}"
            )
        return self

    @property
    def label(self) -> str:
        """``direct``, ``direct, 5 shots``, ``cot, instructions en``."""
        shots = f", {self.shots} shot{'s' if self.shots > 1 else ''}" if self.shots else ""
        spoken = "" if self.instructions == "own" else f", instructions {self.instructions}"
        return self.style + shots + spoken


class OpenEnded(Config):
    """Questions asked without their options, and the model that judges the replies."""

    judge: ModelConfig
    votes: int = Field(default=3, ge=1, le=15, description="of the judge on each reply")
    human: SourcePath | None = Field(
        default=None, description="people's verdicts, CSV: question_id, model, verdict (correct or wrong)"
    )
    max_tokens: int | None = Field(default=None, ge=1, description="of replies; default: the model's")
    version: int = Field(default=1, ge=1, description="of the prompts open and judge")

    @field_validator("votes")
    @classmethod
    def _odd(cls, votes: int) -> int:
        if votes % 2 == 0:
            raise ValueError("an even number of votes can be tied: take an odd one")
        return votes

    def recipe(self) -> dict[str, Any]:
        """Who judged, and how often."""
        return {"judge": self.judge.recipe(), "votes": self.votes, "max_tokens": self.max_tokens}


def slug(name: str) -> str:
    """A name as a folder is called."""
    return _NOT_IN_NAMES.sub("-", name).strip("-.").lower() or "model"
