"""Requests and tokens a minute, kept to by waiting: two leaky buckets."""

import asyncio
import time
from collections.abc import Callable


class Rate:
    """Lets through ``per_minute`` units a minute, evenly: at most one second's worth at once.

    An amount may be corrected afterwards (:meth:`settle`) when it was an estimate.
    """

    def __init__(self, per_minute: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = None if per_minute is None else per_minute / 60.0
        self._clock = clock
        self._free_at = 0.0

    def delay(self, amount: float = 1.0) -> float:
        """Take ``amount`` and return how long to wait before using it, in seconds."""
        if self._per_second is None:
            return 0.0
        now = self._clock()
        begin = max(self._free_at, now - 1.0)
        self._free_at = begin + amount / self._per_second
        return max(0.0, begin - now)

    async def take(self, amount: float = 1.0) -> None:
        """Wait until ``amount`` may go."""
        delay = self.delay(amount)
        if delay > 0:
            await asyncio.sleep(delay)

    def settle(self, difference: float) -> None:
        """Add what an estimate was short of; negative gives back."""
        if self._per_second is not None:
            self._free_at += difference / self._per_second
