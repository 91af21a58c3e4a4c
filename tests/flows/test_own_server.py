"""A command without a Prefect server has one of its own, which ends with it and is not reached by Ctrl-C."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
STOPPED = "stopped; the same command continues where it was"


@pytest.fixture
def home(tmp_path: Path, prefect_server: str, prefect_database: Path) -> Path:
    """Prefect's home, with the database that the session's server made."""
    folder = tmp_path / "prefect"
    folder.mkdir()
    shutil.copy(prefect_database, folder / "prefect.db")
    return folder


@pytest.fixture
def alone(home: Path) -> dict[str, str]:
    """The environment of somebody who runs no Prefect server."""
    own = {"PREFECT_HOME": str(home), "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false"}
    return {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"} | own


@dataclass(frozen=True)
class Silent:
    """A model server that takes each request and never answers, and a recipe of AnesQA that asks it."""

    listening: socket.socket
    recipe: Path

    def asked(self) -> socket.socket:
        """Returns when the build has turned to the model."""
        self.listening.settimeout(120)
        return self.listening.accept()[0]


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Silent]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        endpoint = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        model = {"model": "silent", "endpoints": [endpoint], "timeout": 600}
        recipe = {
            "sources": [{"name": "pubmed-sample", "path": str(PROJECT / "samples/pubmed/*.xml.gz")}],
            "generator": model,
            "filter": model,
        }
        (tmp_path / "qa.yaml").write_text(yaml.safe_dump(recipe))
        yield Silent(listening, tmp_path / "qa.yaml")


def build(recipe: Path, env: dict[str, str]) -> subprocess.Popen[str]:
    """``anes build`` at a terminal: the leader of a process group."""
    command = [sys.executable, "-m", "flows", "build", "qa", "--config", str(recipe), "--workers", "1"]
    return subprocess.Popen(
        [*command, "--root", str(recipe.parent / "data")],
        cwd=PROJECT,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def server_of(process: subprocess.Popen[str]) -> int:
    """The process of a command's own server."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (found,) = [int(pid) for pid in children if b"guard.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return found


def is_running(pid: int) -> bool:
    """Not gone, and not merely waiting for its parent to look."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ended(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_running(pid)


def test_ctrl_c_stops_the_command_in_words_and_then_its_server(silent: Silent, alone: dict[str, str]) -> None:
    process = build(silent.recipe, alone)
    try:
        with silent.asked():
            server = server_of(process)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to all that it runs
            _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1
    assert said.rstrip().splitlines()[-1] == STOPPED and "Traceback" not in said
    assert not is_running(server)


def test_the_server_of_a_command_that_is_killed_ends_too(silent: Silent, alone: dict[str, str]) -> None:
    process = build(silent.recipe, alone)
    try:
        with silent.asked():
            server = server_of(process)
        assert is_running(server)
    finally:
        process.kill()
    process.communicate()
    assert ended(server)


def test_a_server_that_does_not_come_up_is_told_with_its_last_words(
    silent: Silent, alone: dict[str, str]
) -> None:
    nowhere = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:////proc/nowhere/prefect.db"}
    process = build(silent.recipe, alone | nowhere)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "error: Prefect's temporary server did not come up: " in said
    assert "unable to open database file" in said and "Traceback" not in said


SLOW = """
from prefect.settings import PREFECT_API_URL
from flows.commands.output import errors_explained
from flows.commands.own_server import OwnServer
with errors_explained():
    OwnServer.begin().use()
"""


def test_a_server_that_does_not_answer_in_time_is_told(alone: dict[str, str]) -> None:
    env = alone | {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "1"}  # to import it alone takes more
    done = subprocess.run([sys.executable, "-c", SLOW], cwd=PROJECT, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "error: Prefect's temporary server did not come up: no answer within 1 s" in done.stderr


USED = """
from flows.commands.own_server import OwnServer
server = OwnServer.begin()
if server:
    server.use()
from prefect.settings import PREFECT_API_URL
print(PREFECT_API_URL.value(), server is not None and server._process.poll() is None)
"""


def used(env: dict[str, str]) -> tuple[str, bool]:
    """The API of a process with such an environment, and whether it is of its own server."""
    done = subprocess.run([sys.executable, "-c", USED], cwd=PROJECT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    url, is_own = done.stdout.split()
    return url, is_own == "True"


def test_a_server_that_the_environment_names_is_used(alone: dict[str, str], prefect_server: str) -> None:
    assert used(alone | {"PREFECT_API_URL": prefect_server}) == (prefect_server, False)


def test_a_server_that_a_profile_names_is_used(
    home: Path, alone: dict[str, str], prefect_server: str
) -> None:
    profile = f'active = "ours"\n[profiles.ours]\nPREFECT_API_URL = "{prefect_server}"\n'
    (home / "profiles.toml").write_text(profile)
    assert used(alone) == (prefect_server, False)


def test_without_any_a_server_of_its_own_is_used(alone: dict[str, str]) -> None:
    url, is_own = used(alone)
    assert is_own and url.startswith("http://127.0.0.1:")
    assert used(alone | {"PREFECT_SERVER_EPHEMERAL_ENABLED": "false"}) == ("None", False)
