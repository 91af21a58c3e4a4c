"""A real Prefect server for the whole session, and one AnesCorpus built from samples/ by the command line."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.command_server import CommandServer

PROJECT = Path(__file__).parents[2]
DEMO = "deployments/corpus.demo.yaml"


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API address of a server on a free loopback port, with a database of its own."""
    home = tmp_path_factory.mktemp("prefect")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | {"PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/api"
    try:
        _wait_for(url, process, home / "server.log")
        with temporary_settings({PREFECT_API_URL: url}):
            yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.3)
    raise RuntimeError(f"the Prefect server did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def environment(prefect_server: str) -> dict[str, str]:
    """The environment of a command, with the session's server."""
    return os.environ | {"PREFECT_API_URL": prefect_server, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


@pytest.fixture(scope="session")
def _commands(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CommandServer]:
    with CommandServer(environment, tmp_path_factory.mktemp("commands")) as server:
        yield server


@pytest.fixture(scope="session")
def anes(environment: dict[str, str], _commands: CommandServer) -> Callable[..., Finished]:
    """Run ``anes`` as a user does, from the project's root; ``cold`` starts an interpreter for it.

    A build that is not told how many workers to use has one, which needs no process of its own.
    """

    def run(*arguments: str | Path, env: dict[str, str] | None = None, cold: bool = False) -> Finished:
        words, whole = list(map(str, arguments)), environment | (env or {})
        if words[0] == "build" and "--workers" not in words:
            words += ["--workers", "1"]
        assert cold or _of_prefect(whole) == _of_prefect(environment), "Prefect reads it at import: be cold"
        if not cold:
            return Finished(*_commands.run(words, whole))
        command = [sys.executable, "-m", "flows", *words]
        done = subprocess.run(command, cwd=PROJECT, env=whole, capture_output=True, text=True, timeout=300)
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


def _of_prefect(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("PREFECT_")}


@pytest.fixture(scope="session")
def demo(anes: Callable[..., Finished], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root that holds ``corpus@dev`` built from samples/ with two workers. Not to be changed."""
    root = tmp_path_factory.mktemp("demo")
    done = anes("build", "corpus", "--config", DEMO, "--root", root, "--workers", "2")
    assert done.code == 0, done.err
    return root
