"""The servers behind a model: who is least busy, who rests, what each can do."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from anessuite.errors import AnesError

Structure = Literal["json_schema", "json_object", "text"]
"""How an endpoint is asked for structured output; ``text`` is by the prompt's instruction alone."""

_LONGEST_REST = 60.0
_FIRST_REST = 0.5


class EndpointsDead(AnesError):
    """No endpoint answers any more; what came back is kept."""


@dataclass(slots=True)
class Endpoint:
    """One server. ``failures`` and ``troubles`` (failures, and requests to slow down) count since its last
    success."""

    url: str
    in_flight: int = 0
    failures: int = 0
    troubles: int = 0
    rests_until: float = 0.0
    last_error: str = ""
    structure: Structure | None = None
    """What it was found to know; None until its first structured reply."""
    probe: asyncio.Lock = field(default_factory=asyncio.Lock)


def back_off(failures: int, *, longest: float = _LONGEST_REST) -> float:
    """Exponential, with full jitter in its upper half, in seconds."""
    span = min(longest, _FIRST_REST * 2.0 ** min(failures, 16))
    return span * random.uniform(0.5, 1.0)  # noqa: S311


class Pool:
    """Lends endpoints, least busy first. One that failed rests, and is then tried with one request alone."""

    def __init__(
        self, urls: Sequence[str], *, patience: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.endpoints = [Endpoint(url) for url in urls]
        self._patience, self._clock = patience, clock
        self._last_success = clock()
        self._longest_pause = 0.0
        self.successes = 0
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Endpoint]:
        """An endpoint for one request. Raises EndpointsDead when none has answered for ``patience``."""
        endpoint = await self._awake()
        endpoint.in_flight += 1
        try:
            yield endpoint
        finally:
            endpoint.in_flight -= 1
            self._wake()

    async def _awake(self) -> Endpoint:
        while True:
            self._refuse_dead()
            now = self._clock()
            ready = [
                endpoint
                for endpoint in self.endpoints
                if endpoint.rests_until <= now and not (endpoint.failures and endpoint.in_flight)
            ]
            if ready:
                return min(ready, key=lambda endpoint: endpoint.in_flight)
            wakes = [endpoint.rests_until - now for endpoint in self.endpoints if endpoint.rests_until > now]
            await self._next_change(min(wakes, default=1.0))

    async def _next_change(self, seconds: float) -> None:
        changed = self._changed
        try:
            await asyncio.wait_for(changed.wait(), min(max(seconds, 0.01), 5.0))
        except TimeoutError:
            return

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _refuse_dead(self) -> None:
        silent = self._clock() - self._last_success
        waits = any(endpoint.in_flight or not endpoint.troubles for endpoint in self.endpoints)
        if waits or silent < self._patience + self._longest_pause:
            return
        lines = "\n".join(f"  - {endpoint.url}: {endpoint.last_error}" for endpoint in self.endpoints)
        raise EndpointsDead(
            f"no endpoint has answered for {silent:.0f} s:\n{lines}",
            "start the servers again and run the same command: nothing that came back is asked twice",
        )

    def succeeded(self, endpoint: Endpoint) -> None:
        """It answered: it may be used at full width again."""
        self._last_success = self._clock()
        self.successes += 1
        endpoint.troubles = 0
        if endpoint.failures:
            endpoint.failures, endpoint.rests_until = 0, 0.0
            self._wake()

    def failed(self, endpoint: Endpoint, error: str) -> None:
        """It did not answer rightly: it rests, longer each time. Failures of one moment count once."""
        endpoint.last_error = error
        endpoint.troubles += 1
        if endpoint.rests_until <= self._clock():
            endpoint.rests_until = self._clock() + back_off(endpoint.failures)
            endpoint.failures += 1

    def overloaded(self, endpoint: Endpoint, seconds: float | None, error: str) -> None:
        """It asked for a pause (429, 503): nothing goes there for so long. That is no failure of it."""
        endpoint.last_error = error
        endpoint.troubles += 1
        pause = back_off(min(endpoint.troubles, 6)) if seconds is None else seconds
        self._longest_pause = max(self._longest_pause, pause)
        endpoint.rests_until = max(endpoint.rests_until, self._clock() + pause)
