"""Models that are compared with one another, and so need names."""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

from pydantic import Field

from anessuite.llm.config import ModelConfig


class NamedModel(ModelConfig):
    """A model with the name that tables give it, and its size."""

    name: str = Field(default="", max_length=80, description="what tables call it; default: end of `model`")
    size: float | None = Field(default=None, gt=0, description="billions of parameters, for tables and plots")

    @property
    def label(self) -> str:
        """Its name in tables."""
        return self.name or self.model.rstrip("/").rpartition("/")[2]

    def recipe(self) -> dict[str, Any]:
        """As of any model, with name and size."""
        return {"name": self.label, "size": self.size} | super().recipe()


def check_apart(
    models: Sequence[NamedModel],
    asked: Callable[[NamedModel], Any] = lambda model: (model.model, model.parameters()),
) -> None:
    """Raise ValueError where two of them could not be told apart.

    That is by their names, or in the cache, which knows a request by what is ``asked`` of whom and not by the
    endpoint: the second would be given the replies of the first.
    """
    for one, other in combinations(models, 2):
        if one.label == other.label:
            raise ValueError(f"two models are called {one.label!r}: give them different names")
        if asked(one) == asked(other):
            raise ValueError(
                f"{one.label} and {other.label} get the same replies, which are kept by `model` and "
                "parameters: serve them under different names"
            )
