"""What a build has spent and may spend."""

import json
from dataclasses import dataclass

from anessuite.errors import AnesError
from anessuite.llm.config import ModelConfig, SpendingCaps
from anessuite.llm.replies import Completion
from anessuite.llm.tally import cost_of


class BudgetReached(AnesError):
    """The cap of the config is reached: nothing more is sent, all that came back is kept."""


@dataclass(slots=True)
class Budget:
    """Requests and cost of one build over all its runs. What is in flight counts at its dearest."""

    caps: SpendingCaps
    requests: int = 0
    cost: float = 0.0
    _reserved_requests: int = 0
    _reserved_cost: float = 0.0

    @classmethod
    def load(cls, caps: SpendingCaps, content: bytes | None) -> "Budget":
        """Go on from what :meth:`dump` wrote; None is nothing spent."""
        spent = json.loads(content) if content else {}
        return cls(caps, int(spent.get("requests", 0)), float(spent.get("cost", 0.0)))

    def dump(self) -> bytes:
        return json.dumps({"requests": self.requests, "cost": self.cost}).encode()

    def reserve(self, config: ModelConfig, prompt_chars: int) -> float:
        """Set the dearest outcome of one request aside; returns it. Raises BudgetReached if it may not go.

        A prompt is taken as one token for two characters: near to Chinese, far above English.
        """
        dearest = cost_of(config.price, prompt_chars // 2, config.max_tokens)
        caps = self.caps
        if caps.max_requests is not None and self.requests + self._reserved_requests >= caps.max_requests:
            raise self._reached(f"max_requests is {caps.max_requests:,}")
        if caps.max_cost is not None and self.cost + self._reserved_cost + dearest > caps.max_cost:
            raise self._reached(f"max_cost is {caps.max_cost:,.2f}")
        self._reserved_requests += 1
        self._reserved_cost += dearest
        return dearest

    def settle(self, config: ModelConfig, reserved: float, completion: Completion | None) -> None:
        """Replace a reservation by what it came to; None for a request that got no answer."""
        self._reserved_requests -= 1
        self._reserved_cost -= reserved
        if completion is not None and completion.answered:
            self.requests += 1
            self.cost += cost_of(config.price, completion.prompt_tokens, completion.completion_tokens)

    def _reached(self, cap: str) -> BudgetReached:
        return BudgetReached(
            f"the budget is reached: {cap}; spent so far {self.requests:,} requests, cost {self.cost:,.2f}",
            "raise the cap in the config and run the same command again: it goes on where it stopped",
        )
