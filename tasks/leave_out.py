"""Models that cannot be asked are left out, so that the others are asked to the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from anessuite.errors import AnesError
from anessuite.llm.endpoints import EndpointsDead
from anessuite.llm.transport import ModelRefused
from tasks.run_log import log


class ModelsFailed(AnesError):
    """Some models could not be asked; all others are done."""


@dataclass
class Failures:
    """Models that could not be asked to the end, by name, and why."""

    by_model: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def of(self, model: str) -> Iterator[None]:
        """Note what keeps ``model`` from answering, and go on.

        A cap that is reached and a broken cache are no fault of a model: they end the run.
        """
        try:
            yield
        except (EndpointsDead, ModelRefused) as error:
            log.warning("%s could not be asked, the others go on without it: %s", model, error.what)
            self.by_model[model] = error.what

    def check(self, models: int, *, keep_going: bool) -> None:
        """Raise ModelsFailed if any of so many models failed; with ``keep_going`` only if all did."""
        if not self.by_model or (keep_going and len(self.by_model) < models):
            return
        lines = "\n".join(f"  - {name}: {why}" for name, why in self.by_model.items())
        raise ModelsFailed(
            f"{len(self.by_model)} of {models} models could not be asked; all others are:\n{lines}",
            "mend their endpoints and run the same command again: nothing that came back is asked twice; "
            "--keep-going leaves them out",
        )

    @property
    def warnings(self) -> list[str]:
        """For the manifest."""
        return [f"model {model} is left out: {why}" for model, why in self.by_model.items()]
