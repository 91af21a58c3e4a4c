"""The two servers that a build talks to, as processes that can be killed and started again on their ports."""

import hashlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import orjson

from tests.flows import test_qa, test_r1
from tests.llm_server import LlmServer, Reply, say

_WORD = "Answer with one word."
"""What the client asks a server in doubt whether it lives: no question of a build."""


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PrefectServer:
    """A real ``prefect server`` with a home, and so a database, of its own."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        env = os.environ | {"PREFECT_HOME": str(self.home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
        with (self.home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port)],
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 120
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"no Prefect server:\n{(self.home / 'server.log').read_text()[-2000:]}")
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """SIGKILL to it and all processes that it started, if it runs."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)
            self._process = None

    def ensure(self) -> None:
        """Start it unless it runs."""
        if self._process is None:
            self.start()


class ModelServer:
    """A model server in a process of its own; what it was asked stands in a file, a line a question."""

    def __init__(self, journal: Path, *, latency: float = 0.3) -> None:
        self.journal, self.latency, self.port = journal, latency, free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._forks = multiprocessing.get_context("forkserver")
        self._forks.set_forkserver_preload([__name__])
        self._process: Any = None
        self._lifeline: Connection | None = None

    def start(self) -> None:
        """Returns once it listens."""
        ours, theirs = self._forks.Pipe()
        called = (self.port, str(self.journal), self.latency, theirs)
        self._process = self._forks.Process(target=_serve, args=called, daemon=True)
        self._process.start()
        theirs.close()
        if not ours.poll(120):
            raise RuntimeError("the model server does not start")
        ours.recv()
        self._lifeline = ours  # it ends when this end is closed

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def ensure(self) -> None:
        """Start it unless it runs."""
        if self._process is None:
            self.start()

    def asked(self) -> Counter[str]:
        """How often each question came."""
        return Counter(self.journal.read_text().splitlines() if self.journal.exists() else ())


class _Journaling(LlmServer):
    """Writes down each question before it answers: what the kernel has survives the end of the process."""

    def __init__(self, journal: str, latency: float) -> None:
        super().__init__(reply=_reply, latency=latency)
        self._journal = open(journal, "ab", buffering=0)  # noqa: SIM115

    def answer(self, path: str, headers: dict[str, str], content: bytes) -> tuple[Reply, str | None]:
        reply, key = super().answer(path, headers, content)
        if key is None or _WORD in content.decode():
            return reply, key
        name = _name(self.bodies.pop())
        self._journal.write(f"{name}\n".encode())
        return reply, name


def _name(body: dict[str, Any]) -> str:
    """One question, or one attempt at it."""
    return hashlib.sha256(orjson.dumps([body["messages"], body.get("seed")])).hexdigest()[:16]


def _reply(body: dict[str, Any]) -> Reply:
    said = body["messages"][-1]["content"]
    if said == _WORD:
        return say("Yes", body=body)
    return test_qa.model(body) if "<abstract>" in said else test_r1.model(body)


def _serve(port: int, journal: str, latency: float, ready: Connection) -> None:
    """Until it is killed, or the process that started it has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = _Journaling(journal, latency)
    server.port = port
    with server:
        ready.send(True)
        while True:
            try:
                if ready.poll(None):
                    ready.recv()
            except (EOFError, OSError):
                return
