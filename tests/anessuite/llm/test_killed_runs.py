"""A run that is killed or interrupted pays for nothing twice. Its process is a real one."""

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from anessuite.llm.cache import FILE, Cache
from anessuite.llm.client import complete
from anessuite.llm.config import ModelConfig
from anessuite.llm.replies import Completion
from anessuite.llm.requests import Request
from tests.llm_server import MODEL, NEVER, LlmServer, key_of, normal

PROJECT = Path(__file__).parents[3]
COUNT, CONCURRENCY = 400, 16
RUN = f"""
import sys
from anessuite.llm.cache import Cache
from anessuite.llm.client import complete
from anessuite.llm.config import ModelConfig
from anessuite.llm.requests import Request

url, folder = sys.argv[1:]
config = ModelConfig(model={MODEL!r}, endpoints=[url], concurrency={CONCURRENCY})
requests = (Request([{{"role": "user", "content": f"question {{n}}"}}]) for n in range({COUNT}))
with Cache(folder) as cache:
    complete(config, requests, lambda n, key, reply: print(n, flush=True), cache=cache)
"""


def begin(server: LlmServer, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", RUN, server.url, str(folder)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop_after(process: "subprocess.Popen[str]", replies: int, how: signal.Signals) -> list[int]:
    """The numbers that it said were delivered, before and while it ended."""
    delivered: list[int] = []
    assert process.stdout is not None
    for line in process.stdout:
        delivered.append(int(line))
        if len(delivered) == replies:
            process.send_signal(how)
    process.wait(20)
    return delivered


def resume(server: LlmServer, folder: Path) -> dict[int, Completion]:
    config = ModelConfig(model=MODEL, endpoints=[server.url], concurrency=CONCURRENCY)
    requests = [Request([{"role": "user", "content": f"question {n}"}]) for n in range(COUNT)]
    replies: dict[int, Completion] = {}
    with Cache(folder) as cache:
        complete(config, requests, lambda n, _, reply: replies.update({n: reply}), cache=cache)
    return replies


def key(number: int) -> str:
    return key_of({"messages": [{"role": "user", "content": f"question {number}"}]})


@pytest.mark.parametrize("replies", [1, 250])
def test_after_kill_9_only_what_was_in_flight_is_asked_again(tmp_path: Path, replies: int) -> None:
    with LlmServer(latency=0.01) as server:
        delivered = stop_after(begin(server, tmp_path), replies, signal.SIGKILL)
        assert replies <= len(delivered) < COUNT
        with Cache(tmp_path) as cache:
            kept = sum(stats.replies for stats in cache.stats())
        assert kept >= len(delivered)
        asked_before = server.requests
        resumed = resume(server, tmp_path)
    assert len(resumed) == COUNT
    assert server.requests - asked_before == COUNT - kept
    assert {server.asked[key(number)] for number in delivered} == {1}
    assert server.asked.total() <= COUNT + CONCURRENCY
    assert [number for number, reply in resumed.items() if reply.text != f"reply {key(number)}"] == []


def test_ctrl_c_ends_the_run_at_once_and_leaves_a_whole_cache(tmp_path: Path) -> None:
    with LlmServer(latency=0.01) as server:
        process = begin(server, tmp_path)
        server.reply = lambda body: normal(body) if server.requests < 200 else NEVER
        begun = time.monotonic()
        delivered = stop_after(process, 100, signal.SIGINT)
        assert time.monotonic() - begun < 15
        assert process.returncode in (1, 130, -signal.SIGINT)
        assert process.stderr is not None
        assert "KeyboardInterrupt" in process.stderr.read()
        with closing(sqlite3.connect(tmp_path / FILE)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        server.reply = normal
        resumed = resume(server, tmp_path)
    assert len(resumed) == COUNT
    assert {server.asked[key(number)] for number in delivered} == {1}


def test_two_processes_over_one_cache_share_what_they_have(tmp_path: Path) -> None:
    with LlmServer(latency=0.005) as server:
        processes = [begin(server, tmp_path) for _ in range(2)]
        said = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert [len(out.split()) for out, _ in said] == [COUNT, COUNT]
    with Cache(tmp_path) as cache:
        assert cache.stats()[0].replies == COUNT
