"""One request until it is answered: which endpoint, when, how often, and whose fault it is if it fails."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import orjson

from anessuite.llm.budget import Budget
from anessuite.llm.config import ModelConfig
from anessuite.llm.endpoints import Endpoint, EndpointsDead, Pool, back_off
from anessuite.llm.rates import Rate
from anessuite.llm.replies import BAD_REQUEST, REQUEST_FAILED, Completion
from anessuite.llm.requests import Request, request_body
from anessuite.llm.servers import Server, find_structure, list_models
from anessuite.llm.tally import Tally
from anessuite.llm.transport import Failed, Overloaded, Rejected
from anessuite.sources.files import public

log = logging.getLogger("anes")

_BYTES_PER_TOKEN = 4
_BUDGET_NAP = 1.0
_WORD_SECONDS = 60.0


class Dispatcher:
    """Sends requests of one model to its servers, within rates and budget."""

    def __init__(self, config: ModelConfig, servers: list[Server], budget: Budget, tally: Tally) -> None:
        self.config = config
        self._budget, self._tally = budget, tally
        self._servers = {server.url: server for server in servers}
        self._pool = Pool(list(self._servers), patience=config.patience)
        self._requests_rate = Rate(config.requests_per_minute)
        self._tokens_rate = Rate(config.tokens_per_minute)
        self._mean_tokens = config.max_tokens / 2
        self._settled = asyncio.Event()
        self._doubt = asyncio.Lock()
        self.sending: set[asyncio.Task[None]] = set()
        """Tasks whose request is on its way, or answered and not yet delivered."""
        self.halted = False
        """Nothing more is to be sent."""

    async def check(self) -> None:
        """Ask each server for its models. Raises ModelRefused, or EndpointsDead if none answers."""
        servers = list(self._servers.values())
        answers = await asyncio.gather(*map(list_models, servers), return_exceptions=True)
        dead: list[str] = []
        for server, answer in zip(servers, answers, strict=True):
            url = public(server.url)
            if isinstance(answer, Failed):
                dead.append(f"  - {url}: {answer}")
            elif isinstance(answer, BaseException):
                raise answer
            elif answer and self.config.model not in answer and self.config.endpoints[0].startswith("http"):
                shown = ", ".join(answer[:8])
                log.warning("%s does not list the model %s; it lists: %s", url, self.config.model, shown)
        if len(dead) == len(servers):
            raise EndpointsDead(
                f"{self.config.model}: no endpoint answers:\n" + "\n".join(dead),
                "start the servers, or mend `endpoints` in the config; nothing was sent",
            )
        for line in dead:
            log.warning("an endpoint does not answer, the others go on without it:\n%s", line)

    async def ask(self, request: Request) -> Completion:
        """The reply to one request, or the verdict that there is none.

        Raises:
            ModelRefused, EndpointsDead, BudgetReached: nothing more can be sent at all.
        """
        case = _Case(request, request.size())
        reserved = await self._reserve(case.size)
        completion: Completion | None = None
        self._tally.in_flight += 1
        try:
            completion = await self._until_answered(case)
            return completion
        finally:
            self._tally.in_flight -= 1
            self._budget.settle(self.config, reserved, completion)
            self._settled.set()
            self._settled = asyncio.Event()

    async def _reserve(self, size: int) -> float:
        """Raises BudgetReached."""
        while (reserved := self._budget.reserve(self.config, size)) is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), _BUDGET_NAP)
        return reserved

    async def _until_answered(self, case: "_Case") -> Completion:
        """A request that used up its tries is given up once the servers have answered anything since it
        began to fail: another request, or a word of ours. A server that answers nothing is dead, and turns no
        row into a verdict."""
        while True:
            try:
                return await self._once(case)
            except Rejected as error:
                return Completion("", fault=BAD_REQUEST, detail=str(error))
            except Overloaded as error:
                await self._before_next(error.kind, 0.0)  # the endpoint's own pause is long enough
            except Failed as error:
                if error.kind != "unreachable":
                    case.blame(self._pool.successes)
                if case.failures > self.config.retries and await self._alive(case.answered_before):
                    return Completion("", fault=REQUEST_FAILED, detail=str(error))
                await self._before_next(error.kind, back_off(case.failures))
            except EndpointsDead:
                if not case.failures or not await self._alive(case.answered_before):
                    raise

    async def _before_next(self, kind: str, seconds: float) -> None:
        """Between two tries. A task that was sending when all was halted ends here."""
        self._tally.retries += 1
        self._tally.troubles[kind] += 1
        task = asyncio.current_task()
        if self.halted and task is not None:
            task.cancel()
        await asyncio.sleep(seconds)

    async def _alive(self, answered_before: int) -> bool:
        """Whether a server has answered anything since then; if not, each is asked for one word."""
        async with self._doubt:
            if self._pool.successes > answered_before:
                return True
            for endpoint in self._pool.endpoints:
                with suppress(Failed, Overloaded, TimeoutError):
                    async with asyncio.timeout(_WORD_SECONDS):
                        with suppress(Rejected):
                            await self._servers[endpoint.url].complete(_a_word(self.config))
                    self._pool.succeeded(endpoint)
                    return True
            return False

    async def _once(self, case: "_Case") -> Completion:
        expected = case.size / _BYTES_PER_TOKEN + self._mean_tokens
        used, pool = 0.0, self._pool
        await pool.awake()  # what a rate lets through should not pile up during a pause
        await self._requests_rate.take()
        await self._tokens_rate.take(expected)
        try:
            async with pool.lend(
                structured=case.request.output is not None, avoid=case.failed_at
            ) as endpoint:
                with self._on_its_way():
                    try:
                        completion = await self._send(endpoint, case.request)
                    except Overloaded as error:
                        pool.overloaded(endpoint, error.seconds, str(error))
                        case.failed_at = endpoint
                        raise
                    except Failed as error:
                        pool.failed(endpoint, str(error))
                        case.failed_at = endpoint
                        raise
                    except Rejected:
                        pool.succeeded(endpoint)
                        raise
                    pool.succeeded(endpoint)
            used = completion.prompt_tokens + completion.completion_tokens
            self._mean_tokens += (completion.completion_tokens - self._mean_tokens) / 100
            return completion
        finally:
            self._tokens_rate.settle(used - expected)

    @contextmanager
    def _on_its_way(self) -> Iterator[None]:
        """Notes that this task is sending. After an answer its owner takes the note away."""
        task = asyncio.current_task()
        assert task is not None
        self.sending.add(task)
        try:
            yield
        except BaseException:
            self.sending.discard(task)
            raise

    async def _send(self, endpoint: Endpoint, request: Request) -> Completion:
        server = self._servers[endpoint.url]
        if request.output is None:
            body = request_body(self.config, request, structure="text")
            return await server.complete(body, request.form)
        if endpoint.structure is not None:
            return await server.complete(request_body(self.config, request, structure=endpoint.structure))
        endpoint.finding = True
        try:
            return await find_structure(endpoint, server, self.config, request)
        finally:
            endpoint.finding = False


@dataclass(slots=True)
class _Case:
    """One request and what befell it."""

    request: Request
    size: int
    failures: int = 0
    """Tries that a server took and did not answer rightly."""
    answered_before: int = 0
    """How many requests had been answered when the first of them failed."""
    failed_at: Endpoint | None = None

    def blame(self, answered: int) -> None:
        if not self.failures:
            self.answered_before = answered
        self.failures += 1


def _a_word(config: ModelConfig) -> bytes:
    messages = [{"role": "user", "content": "Answer with one word."}]
    return orjson.dumps({"model": config.model, "messages": messages, "max_tokens": 1})
