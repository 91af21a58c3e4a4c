"""Ask a model about each row of a stage. Completions are a file a part; the cache has each reply at once.

The rows of all parts share one run over the endpoints, so that they stay busy across the ends of parts.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.llm.budget import Budget
from anessuite.llm.cache import Cache, cache_folder
from anessuite.llm.client import complete
from anessuite.llm.config import ModelConfig, SpendingCaps
from anessuite.llm.replies import Completion
from anessuite.llm.requests import Request
from anessuite.llm.tally import Tally
from anessuite.prompting import Prompt, load_prompt
from anessuite.schemas import COMPLETION, PART_ZSTD_LEVEL, ParquetSink, empty
from anessuite.settings import Settings
from tasks.panel import panel
from tasks.progress_artifacts import Parts
from tasks.run_log import log

PROJECT = Path(__file__).resolve().parent.parent
_SPENT = "spent.json"
_MOST_TOKENS = 0xFFFFFFFF
"""As many as COMPLETION has room for, whatever a server says."""

Inputs = Callable[[dict[str, Any]], dict[str, str | int]]
"""From a row to the inputs of the prompt."""


def prompt(name: str, language: str, version: int = 1) -> Prompt:
    """The project's prompt ``name``, such as ``qa/judge``. Raises ConfigError as `load_prompt`."""
    file = PROJECT / "prompts" / f"{name}.{language}.v{version}.md"
    return load_prompt(file, root=PROJECT)


class Rows(Protocol):
    """Rows to ask about, part by part: a stage, or what is left of one."""

    @property
    def build(self) -> Build: ...
    def parts(self) -> list[str]: ...
    def count(self, part: str) -> int: ...
    def read(self, part: str) -> pl.DataFrame: ...


class Asking(Protocol):
    """What `generate` asks about rows: as many requests a row as there are attempts."""

    @property
    def step(self) -> str: ...
    @property
    def model(self) -> ModelConfig: ...
    @property
    def attempts(self) -> int: ...
    def requests(self, row: dict[str, Any]) -> Iterator[Request]: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about a row: step, prompt, model, how a row fills the prompt, and how often.

    ``first`` is the number of the first of ``attempts``; ``others`` are prompts for rows in other languages.
    """

    step: str
    prompt: Prompt
    model: ModelConfig
    inputs: Inputs
    attempts: int = 1
    first: int = 0
    others: Mapping[str, Prompt] = field(default_factory=dict)

    def prompt_for(self, language: str) -> Prompt:
        """The prompt for rows in a language."""
        return self.others.get(language, self.prompt)

    def requests(self, row: dict[str, Any]) -> Iterator[Request]:
        """One request an attempt."""
        asks, inputs = self.prompt_for(row.get("language", "")), self.inputs(row)
        for attempt in range(self.first, self.first + self.attempts):
            yield asks.request(attempt=attempt, **inputs)


@dataclass(slots=True)
class Conversation:
    """What all steps of a build share: the cache and the budget."""

    build: Build
    cache: Cache
    budget: Budget

    def save(self) -> None:
        """Write down what is spent, so that a cap holds over all runs of a build."""
        self.build.store.write_bytes(self.build.path(_SPENT), self.budget.dump())


@contextmanager
def conversation(build: Build, caps: SpendingCaps) -> Iterator[Conversation]:
    """Open the cache, and take up what earlier runs of this build have spent."""
    path = build.path(_SPENT)
    spent = build.store.read_bytes(path) if build.store.exists(path) else None
    with Cache(cache_folder(build.store.root, Settings().cache)) as cache:
        held = Conversation(build, cache, Budget.load(caps, spent))
        try:
            yield held
        finally:
            held.save()


@task(name="generate", task_run_name="{asked.step}", cache_policy=NO_CACHE)
def generate(conversation: Conversation, asked: Asking, rows: Rows) -> None:
    """Ask about every row of the parts that are not done yet, and store their completions."""
    build = conversation.build
    there = rows.parts()
    parts = [part for part in there if build.marked(asked.step, part) is None]
    if len(parts) < len(there):
        done = len(there) - len(parts)
        log.info("%s: %d of %d parts were done before, and are not asked again", asked.step, done, len(there))
    if not parts:
        return
    tally = Tally(total=sum(rows.count(part) for part in parts) * asked.attempts)
    collector = _Collector(build, asked)

    def requests() -> Iterator[Request]:
        for part in parts:
            frame = rows.read(part)
            collector.open(part, frame.height)
            for row in frame.iter_rows(named=True):
                yield from asked.requests(row)

    with panel(asked.step, tally, conversation.save, Parts(build, asked.step)):
        complete(
            asked.model,
            requests(),
            collector.take,
            cache=conversation.cache,
            budget=conversation.budget,
            tally=tally,
        )


@dataclass
class _Collector:
    """Puts replies, which come in any order, back into their parts; a part that is full is written."""

    build: Build
    asked: Asking
    _parts: list[str] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _sizes: dict[str, int] = field(default_factory=dict)
    _replies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _end: int = 0

    def open(self, part: str, rows: int) -> None:
        """The next requests are of this part."""
        size = rows * self.asked.attempts
        self._parts.append(part)
        self._starts.append(self._end)
        self._sizes[part], self._replies[part] = size, []
        self._end += size
        if not size:
            self._write(part)

    def take(self, number: int, key: bytes, completion: Completion) -> None:
        """Reply ``number`` of the whole run."""
        at = bisect_right(self._starts, number) - 1
        part, within = self._parts[at], number - self._starts[at]
        row, attempt = divmod(within, self.asked.attempts)
        fields = {name: getattr(completion, name) for name in COMPLETION.names if hasattr(completion, name)}
        for name in ("prompt_tokens", "completion_tokens"):
            fields[name] = min(int(fields[name]), _MOST_TOKENS)
        self._replies[part].append({"row": row, "attempt": attempt, "request": key.hex()} | fields)
        if len(self._replies[part]) == self._sizes[part]:
            self._write(part)

    def _write(self, part: str) -> None:
        replies = pl.DataFrame(self._replies.pop(part), schema=empty(COMPLETION).schema).sort(
            "row", "attempt"
        )
        path = self.build.path(self.asked.step, "completions", f"{part}.parquet")
        with ParquetSink(self.build.store, path, COMPLETION, level=PART_ZSTD_LEVEL) as sink:
            sink.write(replies)
        faults = replies["fault"].drop_nulls().value_counts()
        counts = {
            "requests": replies.height,
            "prompt_tokens": int(replies["prompt_tokens"].cast(pl.UInt64).sum()),
            "completion_tokens": int(replies["completion_tokens"].cast(pl.UInt64).sum()),
            "faults": dict(faults.sort("fault").iter_rows()),
        }
        self.build.mark(self.asked.step, part, counts)


def completions(build: Build, step: str, part: str) -> pl.DataFrame:
    """The completions of a finished part, as COMPLETION, by row and attempt."""
    path = build.path(step, "completions", f"{part}.parquet")
    return pl.read_parquet(build.store.read_bytes(path))


def request_counts(build: Build, step: str, parts: list[str]) -> dict[str, int]:
    """Requests, tokens and faults of a step, as a manifest records them: ``judge.requests`` and so on."""
    total: dict[str, int] = {}
    for part in parts:
        mark = build.marked(step, part) or {}
        counts = {name: mark.get(name, 0) for name in ("requests", "prompt_tokens", "completion_tokens")}
        counts |= {f"fault_{name}": count for name, count in mark.get("faults", {}).items()}
        for name, count in counts.items():
            total[f"{step}.{name}"] = total.get(f"{step}.{name}", 0) + count
    return total
