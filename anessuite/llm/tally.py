"""What happened so far in one run over many requests; a panel reads it while the run goes on."""

import time
from collections import Counter, deque
from dataclasses import dataclass, field

from anessuite.llm.config import Price
from anessuite.llm.replies import Completion

_WINDOW_SECONDS = 30.0


@dataclass(slots=True)
class Tally:
    """Counts of one run. ``total`` is None while it is not known how many requests there will be."""

    total: int | None = None
    done: int = 0
    cached: int = 0
    sent: int = 0
    """Replies that were asked for in this run."""
    in_flight: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    """Failures that were tried again, by kind: a status, timeout, connection, not_a_completion."""
    begun: float = field(default_factory=time.monotonic)
    _recent: deque[tuple[float, int]] = field(default_factory=deque)

    def count(self, completion: Completion, price: Price, *, cached: bool) -> None:
        """Take in one finished request."""
        self.done += 1
        if completion.fault is not None:
            self.faults[completion.fault] += 1
        if cached:
            self.cached += 1
            return
        self.sent += 1
        self.prompt_tokens += completion.prompt_tokens
        self.completion_tokens += completion.completion_tokens
        self.cost += cost_of(price, completion.prompt_tokens, completion.completion_tokens)
        now = time.monotonic()
        self._recent.append((now, completion.completion_tokens))
        while self._recent and self._recent[0][0] < now - _WINDOW_SECONDS:
            self._recent.popleft()

    def rates(self) -> tuple[float, float]:
        """Requests and generated tokens a second, of the last half minute; of replies that were asked for."""
        now = time.monotonic()
        recent = [pair for pair in list(self._recent) if pair[0] >= now - _WINDOW_SECONDS]
        seconds = max(0.001, min(_WINDOW_SECONDS, now - self.begun))
        return len(recent) / seconds, sum(tokens for _, tokens in recent) / seconds

    def seconds_left(self) -> float | None:
        """Until all are done, at the rate so far; None if that cannot be told."""
        if self.total is None or not self.done:
            return None
        requests, _ = self.rates()
        left = self.total - self.done
        return left / requests if requests else (0.0 if not left else None)

    def requests(self) -> dict[str, int]:
        """The counts that a manifest records."""
        counts = {
            "requests": self.done,
            "cached": self.cached,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "retries": self.retries,
        }
        return counts | {f"fault_{name}": count for name, count in sorted(self.faults.items())}


def cost_of(price: Price, prompt_tokens: int, completion_tokens: int) -> float:
    """In the currency of ``price``, which is for a million tokens."""
    return (prompt_tokens * price.input + completion_tokens * price.output) / 1e6
