"""Many requests to one model: cached replies first, the rest over all endpoints, each reply kept at once."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice

from anessuite.errors import AnesError
from anessuite.llm.budget import Budget
from anessuite.llm.cache import Cache
from anessuite.llm.config import ModelConfig, SpendingCaps
from anessuite.llm.endpoints import Endpoint, EndpointsDead, Pool, back_off
from anessuite.llm.rates import Rate
from anessuite.llm.replies import BAD_REQUEST, REQUEST_FAILED, Completion
from anessuite.llm.requests import Request, request_body, request_key
from anessuite.llm.servers import find_structure, list_models, serving
from anessuite.llm.tally import Tally
from anessuite.llm.transport import Failed, Overloaded, Rejected

log = logging.getLogger("anes")

Deliver = Callable[[int, bytes, Completion], None]
"""Called with the number of the request, its key, and its reply, in the order in which replies come."""

_LOOKED_UP = 500
_CHARS_PER_TOKEN = 4


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
    the next one asks only what had not come back.

    Raises:
        ModelRefused: a server refuses key, model or rights.
        EndpointsDead: no endpoint answers, for ``config.patience`` seconds (at the start: at once).
        BudgetReached: a cap is reached; what was in flight has been waited for.
        CacheError: the cache cannot be written; nothing more is sent then.
    """
    run = _Run(config, deliver, cache, budget or Budget(SpendingCaps()), tally or Tally())
    asyncio.run(run.all(requests))


@dataclass(slots=True)
class _Job:
    request: Request
    key: bytes
    chars: int


@dataclass
class _Run:
    config: ModelConfig
    deliver: Deliver
    cache: Cache
    budget: Budget
    tally: Tally
    _waiting: dict[bytes, list[int]] = field(default_factory=dict)
    """Numbers of the requests that wait for a reply, by key."""
    _stop: AnesError | None = None
    _mean_tokens: float = 0.0

    async def all(self, requests: Iterable[Request]) -> None:
        numbered = enumerate(requests)
        while chunk := list(islice(numbered, _LOOKED_UP)):
            missing = await self._deliver_cached(chunk)
            if missing:
                await self._ask_rest(missing, numbered)

    async def _deliver_cached(self, chunk: list[tuple[int, Request]]) -> list[_Job]:
        """Deliver what is known; the rest, each key once."""
        keys = [request_key(self.config, request) for _, request in chunk]
        found = await asyncio.to_thread(self.cache.find, keys)
        missing: list[_Job] = []
        for key, (number, request) in zip(keys, chunk, strict=True):
            if key in found:
                self._take(number, key, found[key], cached=True)
            elif key in self._waiting:
                self._waiting[key].append(number)
            else:
                self._waiting[key] = [number]
                missing.append(_Job(request, key, sum(len(m["content"]) for m in request.messages)))
        return missing

    def _take(self, number: int, key: bytes, completion: Completion, *, cached: bool) -> None:
        self.tally.count(completion, self.config.price, cached=cached)
        self.deliver(number, key, completion)

    async def _ask_rest(self, jobs: list[_Job], rest: Iterable[tuple[int, Request]]) -> None:
        """Ask ``jobs`` and all that follows, with ``concurrency`` workers."""
        queue: asyncio.Queue[_Job | None] = asyncio.Queue(maxsize=2 * self.config.concurrency)
        async with serving(self.config) as servers:
            self._pool = Pool([server.url for server in servers], patience=self.config.patience)
            self._servers = {server.url: server for server in servers}
            self._requests_rate = Rate(self.config.requests_per_minute)
            self._tokens_rate = Rate(self.config.tokens_per_minute)
            self._mean_tokens = self.config.max_tokens / 2
            await self._check()
            async with asyncio.TaskGroup() as group:
                for _ in range(self.config.concurrency):
                    group.create_task(self._work(queue))
                await self._feed(queue, jobs, rest)
        if self._stop is not None:
            raise self._stop

    async def _feed(
        self, queue: "asyncio.Queue[_Job | None]", jobs: list[_Job], rest: Iterable[tuple[int, Request]]
    ) -> None:
        numbered = iter(rest)
        try:
            while jobs and self._stop is None:
                for job in jobs:
                    await queue.put(job)
                jobs = []
                while not jobs and self._stop is None and (chunk := list(islice(numbered, _LOOKED_UP))):
                    jobs = await self._deliver_cached(chunk)
        except AnesError as error:
            self._stop = self._stop or error
        finally:
            for _ in range(self.config.concurrency):
                await queue.put(None)

    async def _work(self, queue: "asyncio.Queue[_Job | None]") -> None:
        while (job := await queue.get()) is not None:
            if self._stop is not None:
                continue  # nothing new is sent; the feeder must not be left waiting
            try:
                completion = await self._within_budget(job)
                if completion.answered:
                    await asyncio.wrap_future(self.cache.put(job.key, self.config.model, completion))
                for number in self._waiting.pop(job.key):
                    self._take(number, job.key, completion, cached=False)
            except AnesError as error:
                self._stop = self._stop or error

    async def _check(self) -> None:
        """Ask each server for its models. Raises ModelRefused, or EndpointsDead if none answers."""
        errors: list[str] = []
        for url, server in self._servers.items():
            try:
                listed = await list_models(server)
            except Failed as error:
                errors.append(f"  - {url}: {error}")
                continue
            if listed and self.config.model not in listed and not url.startswith("replay:"):
                shown = ", ".join(listed[:8])
                log.warning("%s does not list the model %s; it lists: %s", url, self.config.model, shown)
        if len(errors) == len(self._servers):
            raise EndpointsDead(
                f"{self.config.model}: no endpoint answers:\n" + "\n".join(errors),
                "start the servers, or mend `endpoints` in the config; nothing was sent",
            )

    async def _within_budget(self, job: _Job) -> Completion:
        reserved = self.budget.reserve(self.config, job.chars)
        completion: Completion | None = None
        try:
            self.tally.in_flight += 1
            completion = await self._until_answered(job)
            return completion
        finally:
            self.tally.in_flight -= 1
            self.budget.settle(self.config, reserved, completion)

    async def _until_answered(self, job: _Job) -> Completion:
        failures, overloads = 0, 0
        while True:
            answered_before = self._pool.successes
            try:
                return await self._once(job)
            except Rejected as error:
                return Completion("", fault=BAD_REQUEST, detail=str(error))
            except Overloaded as error:
                overloads += 1
                await self._wait(error.kind, back_off(overloads))
            except Failed as error:
                if self._is_to_blame(error, answered_before):
                    failures += 1
                if failures > self.config.retries:
                    return Completion("", fault=REQUEST_FAILED, detail=str(error))
                await self._wait(error.kind, back_off(failures))

    def _is_to_blame(self, error: Failed, answered_before: int) -> bool:
        """A request counts its failures where the server answered, be it badly, or answered others meanwhile;
        a server that is gone is no fault of the request."""
        return error.kind != "connection" or self._pool.successes > answered_before

    async def _wait(self, kind: str, seconds: float) -> None:
        self.tally.retries += 1
        self.tally.troubles[kind] += 1
        await asyncio.sleep(seconds)
        if self._stop is not None:
            raise self._stop

    async def _once(self, job: _Job) -> Completion:
        expected = job.chars / _CHARS_PER_TOKEN + self._mean_tokens
        await self._requests_rate.take()
        await self._tokens_rate.take(expected)
        async with self._pool.lend() as endpoint:
            try:
                completion = await self._send(endpoint, job.request)
            except Overloaded as error:
                self._pool.overloaded(endpoint, error.seconds, str(error))
                raise
            except Failed as error:
                self._pool.failed(endpoint, str(error))
                raise
            except Rejected:
                self._pool.succeeded(endpoint)
                raise
            self._pool.succeeded(endpoint)
        used = completion.prompt_tokens + completion.completion_tokens
        self._tokens_rate.settle(used - expected)
        self._mean_tokens += (completion.completion_tokens - self._mean_tokens) / 100
        return completion

    async def _send(self, endpoint: Endpoint, request: Request) -> Completion:
        server = self._servers[endpoint.url]
        if request.output is None:
            return await server.complete(request_body(self.config, request, structure="text"))
        if endpoint.structure is None:
            async with endpoint.probe:
                if endpoint.structure is None:
                    return await find_structure(endpoint, server, self.config, request)
        return await server.complete(request_body(self.config, request, structure=endpoint.structure))
