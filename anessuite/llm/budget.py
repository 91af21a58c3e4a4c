"""What a build has spent and may spend."""

import json
from dataclasses import dataclass

from anessuite.errors import AnesError
from anessuite.llm.config import ModelConfig, SpendingCaps
from anessuite.llm.replies import Completion
from anessuite.llm.tally import cost_of

_TEMPLATE_TOKENS = 256
"""What a chat template may add to a prompt."""


class BudgetReached(AnesError):
    """The cap of the config is reached: nothing more is sent, all that came back is kept."""


@dataclass(slots=True)
class Budget:
    """Requests and cost of one build over all its runs. What is in flight counts at its dearest.

    A request counts once it is answered. Tries that failed are not counted, although a server may have worked
    for one that timed out; nor is the word that a doubtful server is asked for.
    """

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

    def reserve(self, config: ModelConfig, prompt_bytes: int) -> float | None:
        """Set the dearest outcome of one request aside; returns it.

        None if it would go over a cap should all that is in flight come out at its dearest: ask again when
        some of that is settled. A prompt is taken as one token a byte, which no tokenizer exceeds.

        Raises:
            BudgetReached: it goes over a cap with what is spent already.
        """
        dearest = cost_of(config.price, prompt_bytes + _TEMPLATE_TOKENS, config.max_tokens)
        requests, cost = self.caps.max_requests, self.caps.max_cost
        if requests is not None and self.requests >= requests:
            raise self._reached(f"max_requests is {requests:,}")
        if cost is not None and self.cost + dearest > cost:
            raise self._reached(f"max_cost is {cost:,.2f}, and the next request may cost {dearest:,.4f}")
        if requests is not None and self.requests + self._reserved_requests >= requests:
            return None
        if cost is not None and self.cost + self._reserved_cost + dearest > cost:
            return None
        self._reserved_requests += 1
        self._reserved_cost += dearest
        return dearest

    def settle(self, config: ModelConfig, reserved: float, completion: Completion | None) -> None:
        """Replace a reservation by what it came to; None for a request that got no answer.

        An answer without its tokens counts at its dearest.
        """
        self._reserved_requests -= 1
        self._reserved_cost = self._reserved_cost - reserved if self._reserved_requests else 0.0
        if completion is not None and completion.answered:
            told = completion.prompt_tokens or completion.completion_tokens
            cost = cost_of(config.price, completion.prompt_tokens, completion.completion_tokens)
            self.requests += 1
            self.cost += cost if told else reserved

    def _reached(self, cap: str) -> BudgetReached:
        return BudgetReached(
            f"the budget is reached: {cap}; spent so far {self.requests:,} requests, cost {self.cost:,.2f}",
            "raise the cap in the config and run the same command again: it goes on where it stopped",
        )
