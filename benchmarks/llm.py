"""Requests a second of the model client, beside bare httpx, httpx2 and aiohttp; then from its cache.

    python -m benchmarks.llm [--requests 4000] [--repeats 5] [--cached 100000] [--json FILE]

The server is local, in a process of its own, and answers each request after 50 ms; 256 are in flight.
Ours builds, names, sends and reads each request, and commits each reply to a fresh cache before it delivers
it. The peers post bodies that were made beforehand and parse the replies. All take turns, several times.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import httpx2
import orjson

from anessuite.llm.cache import Cache
from anessuite.llm.client import complete
from anessuite.llm.config import ModelConfig
from anessuite.llm.replies import Completion
from anessuite.llm.requests import Request, request_body, request_key
from benchmarks.corpus_jobs import peak_memory

PROJECT = Path(__file__).parent.parent
IN_FLIGHT, LATENCY = 256, 0.05
AIM_OF_HTTPX, AIM_CACHED = 0.9, 10_000.0
_PROMPT_CHARACTERS, _REPLY_WORDS = 1_000, 120
_STORED_AT_ONCE = 256


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=4000, help="requests of one run")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cached", type=int, default=100_000, help="replies to find in the cache")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    figures = {
        "asked": asked(arguments.requests, arguments.repeats),
        "cached": cached(arguments.cached, arguments.repeats),
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


def asked(count: int, repeats: int) -> dict[str, Any]:
    """Rates of ours and of the bare loops, in turn."""
    command = [sys.executable, "-m", "tests.llm_server", "--latency", str(LATENCY)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=PROJECT, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        config = ModelConfig(model="test-model", endpoints=[url], concurrency=IN_FLIGHT)
        bodies = [request_body(config, request, structure="text") for request in requests(count)]
        runs: dict[str, list[float]] = {}
        print(
            f"{count:,} requests, {IN_FLIGHT} in flight, answered in {LATENCY * 1000:.0f} ms; load {load()}"
        )
        for _ in range(repeats):
            for name, work in {
                "ours, fresh cache": lambda: ours(config, count),
                "bare httpx": lambda: asyncio.run(bare_httpx(httpx, url, bodies)),
                "bare httpx2": lambda: asyncio.run(bare_httpx(httpx2, url, bodies)),
                "bare aiohttp": lambda: asyncio.run(bare_aiohttp(url, bodies)),
            }.items():
                begun = time.perf_counter()
                work()
                runs.setdefault(name, []).append(count / (time.perf_counter() - begun))
        server.communicate("\n")
    rates = {name: statistics.median(found) for name, found in runs.items()}
    for name, found in runs.items():
        print(f"  {name:20}{rates[name]:10,.0f} requests/s   ({min(found):,.0f} to {max(found):,.0f})")
    print(f"  {'most that fits':20}{IN_FLIGHT / LATENCY:10,.0f} requests/s")
    mine = rates["ours, fresh cache"]
    for name in ("bare httpx", "bare httpx2", "bare aiohttp"):
        aim = AIM_OF_HTTPX if name == "bare httpx" else None
        _verdict(f"times {name}", mine / rates[name], aim)
    print(f"  load {load()}")
    return {"runs": runs, "rates": rates}


def ours(config: ModelConfig, count: int) -> None:
    """All through the client, into a fresh cache."""
    delivered = 0

    def deliver(_number: int, _key: bytes, _completion: Completion) -> None:
        nonlocal delivered
        delivered += 1

    with tempfile.TemporaryDirectory() as folder, Cache(folder) as cache:
        complete(config, requests(count), deliver, cache=cache)
    assert delivered == count


async def bare_httpx(library: Any, url: str, bodies: list[bytes]) -> None:
    """A loop over httpx or httpx2, which have the same face."""
    limits = library.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
    async with library.AsyncClient(limits=limits, timeout=60) as client:

        async def post(body: bytes) -> None:
            response = await client.post(
                f"{url}/chat/completions", content=body, headers={"Content-Type": "application/json"}
            )
            orjson.loads(response.content)

        await in_parallel(post, bodies)


async def bare_aiohttp(url: str, bodies: list[bytes]) -> None:
    """A loop over aiohttp."""
    connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def post(body: bytes) -> None:
            headers = {"Content-Type": "application/json"}
            async with session.post(f"{url}/chat/completions", data=body, headers=headers) as response:
                orjson.loads(await response.read())

        await in_parallel(post, bodies)


async def in_parallel(post: Callable[[bytes], Awaitable[None]], bodies: list[bytes]) -> None:
    """All bodies, by as many workers as there may be requests in flight."""
    waiting = iter(bodies)

    async def work() -> None:
        for body in waiting:
            await post(body)

    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))


def cached(count: int, repeats: int) -> dict[str, Any]:
    """How fast replies come from the cache, and what they take there."""
    config = ModelConfig(model="test-model", endpoints=["http://127.0.0.1:9/v1"])  # nobody listens there
    chance, words = random.Random(2), (PROJECT / "README.md").read_text(encoding="utf-8").split()
    rates: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        size, waiting = 0, deque[Future[None]]()
        with Cache(folder) as cache:
            begun = time.perf_counter()
            for request in requests(count):
                text = " ".join(chance.choices(words, k=_REPLY_WORDS))
                size += len(text.encode())
                reply = Completion(text, None, "stop", 200, 160)
                waiting.append(cache.put(request_key(config, request), config.model, reply))
                if len(waiting) == _STORED_AT_ONCE:
                    waiting.popleft().result()
            waiting[-1].result()
            filled = count / (time.perf_counter() - begun)
        stored, on_disk = cache.stats()[0].bytes, cache.path.stat().st_size
        for _ in range(repeats):
            found = 0

            def deliver(_number: int, _key: bytes, _completion: Completion) -> None:
                nonlocal found
                found += 1

            with cache:
                begun = time.perf_counter()
                complete(config, requests(count), deliver, cache=cache)
                rates.append(count / (time.perf_counter() - begun))
            assert found == count
    rate = statistics.median(rates)
    print(f"{count:,} replies of {size / count:,.0f} bytes each, from the cache; load {load()}")
    print(f"  {'found again':20}{rate:10,.0f} requests/s   ({min(rates):,.0f} to {max(rates):,.0f})")
    print(f"  {'stored':20}{filled:10,.0f} replies/s")
    print(
        f"  {'room':20}{on_disk / count:10,.0f} bytes a reply on disk, {stored / count:,.0f} of them its text"
    )
    _verdict("requests/s from the cache", rate, AIM_CACHED)
    print(f"  peak memory {peak_memory() / 1e6:,.0f} MB")
    return {"rates": rates, "stored": filled, "bytes": on_disk / count, "text_bytes": size / count}


def requests(count: int) -> Iterator[Request]:
    """Requests of some 1,000 characters; the same ones each time."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    for number in range(count):
        begin = 37 * number % (len(text) - _PROMPT_CHARACTERS)
        content = f"{number}: {text[begin : begin + _PROMPT_CHARACTERS]}"
        yield Request([{"role": "system", "content": "Answer."}, {"role": "user", "content": content}])


def load() -> str:
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def _verdict(what: str, figure: float, aim: float | None) -> None:
    said = "" if aim is None else f": {'reached' if figure >= aim else 'NOT reached'} (at least {aim:,g})"
    print(f"  {'':20}{figure:10,.2f} {what}{said}")


if __name__ == "__main__":
    main()
