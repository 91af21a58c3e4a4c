"""A real Prefect server for the whole session, and one AnesCorpus built from samples/ by the command line."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.command_server import CommandServer, Finished, Started
from tests.prefect_server import PrefectServer

PROJECT = Path(__file__).parents[2]
DEMO = "deployments/corpus.demo.yaml"


@pytest.fixture(scope="session")
def prefect_server(prefect_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API address of a server on a free loopback port, with a database of its own."""
    server = PrefectServer(tmp_path_factory.mktemp("prefect"), template=prefect_database)
    server.start()
    try:
        with temporary_settings({PREFECT_API_URL: server.url}):
            yield server.url
    finally:
        server.kill()


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
            return _commands.run(words, whole)
        command = [sys.executable, "-m", "flows", *words]
        done = subprocess.run(command, cwd=PROJECT, env=whole, capture_output=True, text=True, timeout=300)
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def start_anes(environment: dict[str, str], _commands: CommandServer) -> Callable[..., Started]:
    """Start ``anes`` as a process group of its own, to be killed or stopped while it works."""

    def start(*arguments: str | Path) -> Started:
        return _commands.start([*map(str, arguments)], environment)

    return start


def _of_prefect(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("PREFECT_")}


@pytest.fixture(scope="session")
def demo(anes: Callable[..., Finished], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root that holds ``corpus@dev`` built from samples/ with two workers. Not to be changed."""
    root = tmp_path_factory.mktemp("demo")
    done = anes("build", "corpus", "--config", DEMO, "--root", root, "--workers", "2")
    assert done.code == 0, done.err
    return root
