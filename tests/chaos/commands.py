"""``anes`` as a process of its own that can be stopped, killed and watched."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.chaos.builds import PROJECT

_MARK = "ANES_CHAOS_ROUND"
_STALL_CPU_SECONDS = 1.0
_ERROR = re.compile(r"error: |[A-Za-z_.]+(Error|Exception|Warning|Interrupt|Exit|Aborted\w*|Crashed\w*): ")
_TICKS = os.sysconf("SC_CLK_TCK")


class Hangs(Exception):
    """A run neither ends nor works."""


class Command:
    """A running ``anes``. ``mark`` is in the environment of all processes that it starts."""

    def __init__(self, arguments: list[str], *, log: Path, mark: str, env: dict[str, str]) -> None:
        self.log, self.mark = log, mark
        self.begun = time.monotonic()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANES_")}
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows", *arguments],
                cwd=PROJECT,
                env=environment | env | {_MARK: mark},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit status once it has ended; minus a signal's number if that ended it."""
        return self._process.poll()

    def signal_all(self, sent: signal.Signals) -> None:
        """To the whole process group."""
        os.killpg(self.pid, sent)

    def wait(self, *, stall: float = 45.0) -> int:
        """The exit status. Raises Hangs if no process of it computes anything for ``stall`` seconds."""
        moved, spent = time.monotonic(), 0.0
        while (code := self.code) is None:
            time.sleep(0.05)
            if time.monotonic() - moved < stall:
                continue
            now = sum(_cpu_seconds(pid) for pid in processes(self.mark))
            if now - spent < _STALL_CPU_SECONDS:
                raise Hangs(f"hangs: {now - spent:.1f} s of computing in {stall:.0f} s")
            moved, spent = time.monotonic(), now
        return code

    def workers(self) -> list[int]:
        """The processes that its fork server has started."""
        known = processes(self.mark)
        servers = {pid for pid, line in known.items() if "forkserver" in line and _parent(pid) == self.pid}
        return [pid for pid in known if _parent(pid) in servers]

    def said(self) -> str:
        """What it said to the end: its error, else the exception below a traceback, else its last line."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        errors = [at for at, line in enumerate(lines) if _ERROR.match(line)]
        found = "\n".join(lines[errors[-1] :] if errors else lines[-1:])
        return found.partition("\n--- ")[0]  # below it Python's logging complains of its own

    def has_traceback(self) -> bool:
        """Whether it ended in one instead of in words; Prefect's own threads may log theirs besides."""
        said = self.log.read_text(errors="replace")
        return "Traceback (most recent call last)" in said and "\nerror: " not in said


def processes(mark: str) -> dict[int, str]:
    """Number and command line of the living processes with this mark in their environment."""
    wanted, found = f"{_MARK}={mark}".encode(), dict[int, str]()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
            except OSError:  # it has just ended
                continue
    return found


def _fields(pid: int) -> list[str]:
    """From the state on; what stands before may hold blanks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split(" ")
    except OSError:
        return []


def _parent(pid: int) -> int:
    fields = _fields(pid)
    return int(fields[1]) if fields else 0


def _cpu_seconds(pid: int) -> float:
    fields = _fields(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS if fields else 0.0


def end_all(mark: str) -> None:
    """SIGKILL to whatever is left with this mark."""
    for pid in processes(mark):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
