"""The servers behind a model: who is least busy, who rests, what each can do."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from anessuite.errors import AnesError
from anessuite.sources.files import public

log = logging.getLogger("anes")

Structure = Literal["json_schema", "json_object", "text"]
"""How an endpoint is asked for structured output; ``text`` is by the prompt's instruction alone."""

_LONGEST_REST = 60.0
_FIRST_REST = 0.5
_LONGEST_NAP = 5.0
_WIDENING = 1 / 8
_SAID_FROM_FAILURES, _SAID_FROM_SECONDS = 3, 30.0


class EndpointsDead(AnesError):
    """No endpoint answers any more; what came back is kept."""


@dataclass(slots=True)
class Endpoint:
    """One server. What it suffered counts since its last success."""

    url: str
    in_flight: int = 0
    width: float | None = None
    """Most requests at once, since it asked to slow down; None is no bound."""
    failures: int = 0
    overloads: int = 0
    rests_until: float = 0.0
    """After failures; a success ends it."""
    pauses_until: float = 0.0
    """As the server asked; nothing ends it early."""
    longest_pause: float = 0.0
    troubled_since: float | None = None
    probes: int = 0
    """Requests in flight that were sent since it failed."""
    last_error: str = ""
    structure: Structure | None = None
    """What it was found to know; None until its first structured reply."""
    finding: bool = False
    """A request is on its way to find that out."""

    def ready(self, now: float, *, structured: bool) -> bool:
        """Whether a request may go to it: it is awake and not too busy; a failing one gets one at a time."""
        if max(self.rests_until, self.pauses_until) > now or (self.failures and self.probes):
            return False
        if self.width is not None and self.in_flight >= int(self.width):
            return False
        return not (structured and self.structure is None and self.finding)

    def may_live(self, now: float, *, patience: float) -> bool:
        """It has a request, or had no trouble since its last answer, or not for so long yet."""
        since = self.troubled_since
        return self.in_flight > 0 or since is None or now - since < patience + self.longest_pause


def back_off(failures: int, *, longest: float = _LONGEST_REST) -> float:
    """Exponential, with full jitter in its upper half, in seconds."""
    span = min(longest, _FIRST_REST * 2.0 ** min(failures, 16))
    return span * random.uniform(0.5, 1.0)  # noqa: S311


class Pool:
    """Lends endpoints, least busy first.

    One that failed rests, and is then tried with one request alone. One that asked to slow down pauses, and
    gets half as many requests at once from then on; with each round that it answers, an eighth more.
    """

    def __init__(
        self, urls: Sequence[str], *, patience: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.endpoints = [Endpoint(url) for url in urls]
        self._patience, self._clock = patience, clock
        self.successes = 0
        self._waiters: dict[asyncio.Future[None], None] = {}

    @asynccontextmanager
    async def lend(
        self, *, structured: bool = False, avoid: Endpoint | None = None
    ) -> AsyncIterator[Endpoint]:
        """An endpoint for one request, another than ``avoid`` where there is one that is ready.

        Raises EndpointsDead when none has answered for ``patience`` since the trouble began.
        """
        endpoint = await self._awake(structured, avoid)
        endpoint.in_flight += 1
        probe, structure = endpoint.failures > 0, endpoint.structure
        endpoint.probes += probe
        try:
            yield endpoint
        finally:
            endpoint.in_flight -= 1
            endpoint.probes -= probe
            found_out = endpoint.structure is not structure
            self._wake(len(self._waiters) if found_out else 2)  # its place, and one more where it answered

    async def awake(self) -> None:
        """Wait until an endpoint is ready. Raises as :meth:`lend`."""
        await self._awake(False, None)

    async def _awake(self, structured: bool, avoid: Endpoint | None) -> Endpoint:
        while True:
            self._refuse_dead()
            now = self._clock()
            ready = [endpoint for endpoint in self.endpoints if endpoint.ready(now, structured=structured)]
            if ready:
                return min(ready, key=lambda endpoint: (endpoint is avoid, endpoint.in_flight))
            ends = [max(endpoint.rests_until, endpoint.pauses_until) for endpoint in self.endpoints]
            await self._nap(min((end - now for end in ends if end > now), default=1.0))

    async def _nap(self, seconds: float) -> None:
        """Wait for a change, at most so long."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._waiters[waiter] = None
        timer = loop.call_later(min(max(seconds, 0.01), _LONGEST_NAP), _end, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiters.pop(waiter, None)

    def _wake(self, count: int) -> None:
        for waiter in list(islice(self._waiters, count)):
            del self._waiters[waiter]
            _end(waiter)

    def _refuse_dead(self) -> None:
        now = self._clock()
        if any(endpoint.may_live(now, patience=self._patience) for endpoint in self.endpoints):
            return
        silent = now - max(endpoint.troubled_since or 0.0 for endpoint in self.endpoints)
        lines = "\n".join(f"  - {public(endpoint.url)}: {endpoint.last_error}" for endpoint in self.endpoints)
        raise EndpointsDead(
            f"no endpoint has answered for {silent:.0f} s:\n{lines}",
            "start the servers again and run the same command: nothing that came back is asked twice",
        )

    def succeeded(self, endpoint: Endpoint) -> None:
        """It answered: it rests no longer, and takes somewhat more at once than before."""
        endpoint.troubled_since, endpoint.longest_pause = None, 0.0
        self.successes += 1
        if endpoint.width is not None:
            endpoint.width += max(1 / endpoint.width, _WIDENING)
        endpoint.overloads = 0
        if endpoint.failures:
            endpoint.failures, endpoint.rests_until = 0, 0.0
            self._wake(len(self._waiters))

    def failed(self, endpoint: Endpoint, error: str) -> None:
        """It did not answer rightly: it rests, longer each time. Failures of one moment count once."""
        now = self._troubled(endpoint, error)
        if endpoint.rests_until <= now:
            endpoint.rests_until = now + back_off(endpoint.failures)
            endpoint.failures += 1
            if endpoint.failures == _SAID_FROM_FAILURES:
                log.warning("%s fails: %s; it is tried again from time to time", public(endpoint.url), error)

    def overloaded(self, endpoint: Endpoint, seconds: float | None, error: str) -> None:
        """It asked for a pause (429, 503): nothing goes there for so long. That is no failure of it.

        Requests of one moment count once. Where it says no time, or a time that proves too short, the pause
        grows.
        """
        now = self._troubled(endpoint, error)
        if endpoint.pauses_until <= now:
            endpoint.overloads += 1
            endpoint.width = max(1.0, endpoint.in_flight / 2)
        times = min(endpoint.overloads, 6) - (1 if seconds is None else 2)
        pause = max(seconds or 0.0, back_off(times) if times >= 0 else 0.0)
        if pause >= _SAID_FROM_SECONDS and endpoint.pauses_until <= now:
            log.warning("%s asks for a pause of %.0f s: %s", public(endpoint.url), pause, error)
        endpoint.pauses_until = max(endpoint.pauses_until, now + pause)
        endpoint.longest_pause = max(endpoint.longest_pause, pause)

    def _troubled(self, endpoint: Endpoint, error: str) -> float:
        now = self._clock()
        endpoint.last_error = error
        if endpoint.troubled_since is None:
            endpoint.troubled_since = now
        return now


def _end(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
