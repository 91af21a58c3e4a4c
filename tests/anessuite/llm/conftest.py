"""A cache, and a way to ask a model that notes what is delivered."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from anessuite.llm.budget import Budget
from anessuite.llm.cache import Cache
from anessuite.llm.client import complete
from anessuite.llm.config import ModelConfig
from anessuite.llm.replies import Completion
from anessuite.llm.requests import Request
from anessuite.llm.tally import Tally
from tests.llm_server import MODEL, LlmServer


@dataclass
class Asked:
    """What one run delivered, by the number of the request; twice the same number is an error."""

    tally: Tally = field(default_factory=Tally)
    replies: dict[int, Completion] = field(default_factory=dict)
    keys: dict[int, bytes] = field(default_factory=dict)

    def take(self, number: int, key: bytes, completion: Completion) -> None:
        assert number not in self.replies, f"request {number} is delivered twice"
        self.replies[number], self.keys[number] = completion, key

    def faults(self) -> dict[int, str]:
        return {number: reply.fault for number, reply in sorted(self.replies.items()) if reply.fault}


@dataclass
class Asker:
    """Asks over one cache. ``last`` holds what was delivered, even if the run ended early."""

    cache: Cache
    last: Asked = field(default_factory=Asked)

    def ask(self, config: ModelConfig, requests: Iterable[Request], *, budget: Budget | None = None) -> Asked:
        self.last = Asked()
        complete(config, requests, self.last.take, cache=self.cache, budget=budget, tally=self.last.tally)
        return self.last


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache(tmp_path / "cache") as opened:
        yield opened


@pytest.fixture
def asker(cache: Cache) -> Asker:
    return Asker(cache)


@pytest.fixture
def at() -> Callable[..., ModelConfig]:
    """The config of the model that these servers serve."""

    def config(*servers: LlmServer, **fields: Any) -> ModelConfig:
        endpoints = [server.url for server in servers]
        return ModelConfig(model=MODEL, endpoints=endpoints, **({"concurrency": 32, "timeout": 20} | fields))

    return config


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rests and back-offs of hundredths of a second: for tests that are not about waiting."""
    monkeypatch.setattr("anessuite.llm.endpoints._FIRST_REST", 0.01)


@pytest.fixture
def questions() -> Callable[..., list[Request]]:
    return _questions


def _questions(count: int, *, begin: int = 0) -> list[Request]:
    return [
        Request([{"role": "user", "content": f"question {number}"}]) for number in range(begin, begin + count)
    ]
