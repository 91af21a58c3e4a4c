"""The model server that a build talks to, as a process that can be killed and started again on its port."""

import hashlib
import multiprocessing
import signal
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import orjson

from tests.flows import test_qa, test_r1
from tests.llm_server import LlmServer, Reply, say
from tests.prefect_server import free_port

_WORD = "Answer with one word."
"""What the client asks a server in doubt whether it lives: no question of a build."""


class ModelServer:
    """A model server in a process of its own; what it was asked stands in a file, a line a question."""

    def __init__(self, journal: Path, *, latency: float = 0.3) -> None:
        self.journal, self.latency, self.port = journal, latency, free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._spawn = multiprocessing.get_context("spawn")  # the one fork server is that of the workers
        self._process: Any = None
        self._lifeline: Connection | None = None

    def start(self) -> None:
        """Returns once it listens."""
        ours, theirs = self._spawn.Pipe()
        called = (self.port, str(self.journal), self.latency, theirs)
        self._process = self._spawn.Process(target=_serve, args=called, daemon=True)
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
