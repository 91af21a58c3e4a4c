"""Many requests to one model: cached replies first, the rest over all endpoints, each reply kept at once."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from anessuite.errors import RowsLost
from anessuite.llm.budget import Budget
from anessuite.llm.cache import Cache
from anessuite.llm.config import ModelConfig, SpendingCaps
from anessuite.llm.dispatcher import Dispatcher
from anessuite.llm.replies import Completion
from anessuite.llm.requests import Request, request_key
from anessuite.llm.servers import serving
from anessuite.llm.tally import Tally

Deliver = Callable[[int, bytes, Completion], None]
"""Called with the number of the request, its key, and its reply, in the order in which replies come."""

_LOOKED_UP = 500


def complete(
    config: ModelConfig,
    requests: Iterable[Request],
    deliver: Deliver,
    *,
    cache: Cache,
    budget: Budget | None = None,
    tally: Tally | None = None,
) -> None:
    """Get a reply to each request and hand it to ``deliver``; equal requests are asked once.

    Every reply is in the cache before it is delivered. Whatever ends the run (an error, Ctrl-C, kill -9),
    the next one asks only what had not come back. An error ends it once what is in flight has come back;
    Ctrl-C at once. ``requests`` and ``deliver`` run in the calling thread; ``deliver`` is not called again
    after it raised.

    Raises:
        ModelRefused: a server refuses key, model or rights.
        EndpointsDead: no endpoint answers, for ``config.patience`` seconds (at the start: at once).
        BudgetReached: a cap is reached.
        CacheError: the cache cannot be read or written.
        Exception: whatever ``requests`` or ``deliver`` raised.
    """
    run = _Run(config, deliver, cache, budget or Budget(SpendingCaps()), tally or Tally())
    asyncio.run(run.all(requests))


@dataclass(frozen=True, slots=True)
class _Job:
    request: Request
    key: bytes


@dataclass
class _Run:
    config: ModelConfig
    deliver: Deliver
    cache: Cache
    budget: Budget
    tally: Tally
    _waiting: dict[bytes, list[int]] = field(default_factory=dict)
    """Numbers of the requests that wait for a reply, by key."""
    _verdicts: dict[bytes, Completion] = field(default_factory=dict)
    """Of requests that no model answered: the cache does not hold these."""
    _delivers: bool = True
    _stop: Exception | None = None

    async def all(self, requests: Iterable[Request]) -> None:
        numbered = enumerate(requests)
        while chunk := list(islice(numbered, _LOOKED_UP)):
            missing = await self._deliver_known(chunk)
            if missing:
                await self._ask_rest(missing, numbered)

    async def _deliver_known(self, chunk: list[tuple[int, Request]]) -> list[_Job]:
        """Deliver what is known; the rest, each key once.

        What is on its way already is noted before the cache is read: it may arrive while that is done.
        """
        jobs: dict[bytes, _Job] = {}
        numbers: dict[bytes, list[int]] = {}
        for number, request in chunk:
            key = request_key(self.config, request)
            if key in self._waiting:
                self._waiting[key].append(number)
            else:
                jobs.setdefault(key, _Job(request, key))
                numbers.setdefault(key, []).append(number)
        known = await asyncio.to_thread(self.cache.find, list(jobs)) if jobs else {}
        known |= {key: self._verdicts[key] for key in jobs.keys() & self._verdicts.keys()}
        for key in jobs.keys() - known.keys():
            self._waiting[key] = numbers[key]
        for key, of_key in numbers.items():
            if key in known:
                self._take(of_key, key, known[key], cached=True)
        return [job for key, job in jobs.items() if key not in known]

    def _take(self, numbers: list[int], key: bytes, completion: Completion, *, cached: bool) -> None:
        for number in numbers:
            if not self._delivers:
                return
            try:
                self.deliver(number, key, completion)
            except BaseException:
                self._delivers = False
                raise
            self.tally.count(completion, self.config.price, cached=cached)
            cached = True  # those that follow cost nothing

    async def _ask_rest(self, jobs: list[_Job], rest: Iterator[tuple[int, Request]]) -> None:
        """Ask ``jobs`` and all that follows, with ``concurrency`` workers."""
        async with serving(self.config) as servers:
            self._dispatcher = Dispatcher(self.config, servers, self.budget, self.tally)
            await self._dispatcher.check()
            queue: asyncio.Queue[_Job] = asyncio.Queue(maxsize=2 * self.config.concurrency)
            self._feeder = asyncio.create_task(self._feed(queue, jobs, rest))
            self._workers = [asyncio.create_task(self._work(queue)) for _ in range(self.config.concurrency)]
            everyone = (self._feeder, *self._workers)
            try:
                await self._end()
            finally:
                for task in everyone:
                    task.cancel()
                await asyncio.wait(everyone)
        for task in everyone:
            if (signal := _signal_in(task)) is not None:
                raise signal
        if self._stop is not None:
            raise self._stop

    async def _end(self) -> None:
        """Wait until all is asked, or what was in flight at a halt has come back, or a signal hit a task."""
        pending: set[asyncio.Task[None]] = {self._feeder, *self._workers}
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if self._feeder in done and self._stop is None:
                return
            if any(_signal_in(task) is not None for task in done):
                return

    async def _feed(
        self, queue: "asyncio.Queue[_Job]", jobs: list[_Job], rest: Iterator[tuple[int, Request]]
    ) -> None:
        """Ends when all is asked and done with."""
        try:
            for job in jobs:
                await queue.put(job)
            while chunk := list(islice(rest, _LOOKED_UP)):
                for job in await self._deliver_known(chunk):
                    await queue.put(job)
            await queue.join()
        except Exception as error:
            self._halt(error)

    async def _work(self, queue: "asyncio.Queue[_Job]") -> None:
        task = asyncio.current_task()
        assert task is not None
        while self._stop is None:
            job = await queue.get()
            try:
                await self._finish(job)
            except asyncio.CancelledError:
                if task.cancelling():
                    raise
                self._halt(RowsLost("a request was cancelled by nobody: a defect", "report it"))
            except Exception as error:
                self._halt(error)
            finally:
                self._dispatcher.sending.discard(task)
                queue.task_done()

    async def _finish(self, job: _Job) -> None:
        completion = await self._dispatcher.ask(job.request)
        if completion.answered:
            await asyncio.wrap_future(self.cache.put(job.key, self.config.model, completion))
        else:
            self._verdicts[job.key] = completion
        self._take(self._waiting.pop(job.key), job.key, completion, cached=False)

    def _halt(self, error: Exception) -> None:
        """Send nothing more: end all tasks but those whose request is on its way. The first error counts."""
        if self._stop is not None:
            return
        self._stop = error
        self._dispatcher.halted = True
        self._feeder.cancel()
        for worker in self._workers:
            if worker not in self._dispatcher.sending:
                worker.cancel()


def _signal_in(task: "asyncio.Task[None]") -> BaseException | None:
    """What a handler of signals raised in a task, which asyncio keeps there and does not pass on."""
    error = None if task.cancelled() else task.exception()
    return None if isinstance(error, Exception) else error
