"""A real Prefect server on a loopback port, as a process that can be killed and started again."""

import fcntl
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import httpx

_PLAIN = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",  # automations, which no test has
}


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PrefectServer:
    """``prefect server`` with a home, and so a database, of its own.

    To make a database takes longer than all else of a start: the first server that is given a ``template``
    leaves its empty one there, and others begin with a copy.
    """

    def __init__(self, home: Path, *, template: Path | None = None) -> None:
        self.home, self.port, self._template = home, free_port(), template
        self.url = f"http://127.0.0.1:{self.port}/api"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        if self._template is not None and not self._database.exists():
            with self._template.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not self._template.exists():
                    self._run()
                    self._leave(self._template)
                    return
            shutil.copy(self._template, self._database)
        self._run()

    @property
    def _database(self) -> Path:
        return self.home / "prefect.db"

    def _leave(self, template: Path) -> None:
        part = template.with_suffix(".part")
        with closing(sqlite3.connect(self._database)) as own, closing(sqlite3.connect(part)) as copy:
            own.backup(copy)
        part.rename(template)

    def _run(self) -> None:
        migrates = str(not self._database.exists()).lower()
        env = os.environ | _PLAIN | {"PREFECT_SERVER_DATABASE_MIGRATE_ON_START": migrates}
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
        with (self.home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port)],
                env=env | {"PREFECT_HOME": str(self.home)},
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
