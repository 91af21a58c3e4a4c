"""Processes of this machine that are killed: the build ends with words, and nothing is left behind."""

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tasks.engines import run_ranks
from tasks.engines.failures import pack, unpack
from tasks.engines.nodes import WorkerLost

ROOT = Path(__file__).parents[2]
LONG_SECONDS = 300.0


@dataclass(frozen=True)
class DieOnce:
    """Rank 1 is killed the first time."""

    folder: str

    def __call__(self, data: Any, rank: int, ranks: int) -> None:
        tried = Path(self.folder) / "tried"
        if rank == 1 and not tried.exists():
            tried.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        (Path(self.folder) / f"rank-{rank}").touch()


@dataclass(frozen=True)
class Wait:
    """Leaves its process's number, then takes very long."""

    folder: str

    def __call__(self, data: Any, rank: int, ranks: int) -> None:
        draft = Path(self.folder) / f"draft-{rank}"
        draft.write_text(str(os.getpid()))
        draft.rename(Path(self.folder) / f"pid-{rank}")
        time.sleep(LONG_SECONDS)


def run(step: Any, folder: Path) -> None:
    logs = f"file://{folder}/log"
    run_ranks([step], ranks=3, workers=2, engine="local", logging_dir=logs, skip_completed=True)


def test_a_worker_that_is_killed_ends_the_run_and_the_next_one_finishes_it(tmp_path: Path) -> None:
    with pytest.raises(WorkerLost, match="a worker process was killed") as raised:
        run(DieOnce(str(tmp_path)), tmp_path)
    assert "--workers" in raised.value.hint
    run(DieOnce(str(tmp_path)), tmp_path)
    assert {path.name for path in tmp_path.glob("rank-*")} == {"rank-0", "rank-1", "rank-2"}


def test_workers_end_with_a_flow_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.tasks import test_local_engine as it; "
        "it.run(it.Wait(sys.argv[1]), Path(sys.argv[1]))"
    )
    flow = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stderr=subprocess.DEVNULL)
    workers = [_number(flow, tmp_path / f"pid-{rank}") for rank in (0, 1)]
    assert all(_lives(worker) for worker in workers)
    flow.kill()
    flow.wait()
    until = time.monotonic() + 60
    while any(map(_lives, workers)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(_lives, workers))


def test_a_full_disk_in_a_worker_keeps_its_number_and_file() -> None:
    error = unpack(pack(OSError(errno.ENOSPC, "No space left on device", "data/a.parquet")), 2)
    assert isinstance(error, OSError)
    assert (error.errno, error.filename) == (errno.ENOSPC, "data/a.parquet")


def _number(flow: subprocess.Popen[bytes], file: Path) -> int:
    while not file.exists():
        assert flow.poll() is None, "the flow ended before its workers began"
        time.sleep(0.1)
    return int(file.read_text())


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
