"""``anes`` without its seconds of imports: each command is a fork of a process that has imported the flows.

To the command that is a process of its own, with its own environment, output and exit code.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]
LIMIT = 300
"""Seconds after which a command is killed."""
_FLOWS = (
    *("flows.__main__", "flows.corpus", "flows.qa", "flows.r1", "flows.bench", "flows.suite"),
    *("flows.evaluation", "flows.leakage"),
)
_LATE = (
    *("altair", "tasks.warm", "prefect.flow_engine", "prefect.task_engine", "fastapi"),
    *("anyio._backends._asyncio", "statsmodels.discrete.conditional_models", "statsmodels.stats.inter_rater"),
)
"""What commands import, and what they compile, when they need it."""


@dataclass(frozen=True)
class Finished:
    """A command that has ended; the code of a signal is negative."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class CommandServer:
    """Runs commands one after another, or beside each other, from the project's root. A context manager.

    What is read from ``environment`` at import (Prefect's settings) is the same for all commands.
    """

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment, self._folder, self._count = environment, folder, 0

    def __enter__(self) -> "CommandServer":
        quiet = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL", "TQDM_DISABLE": "1"}  # as commands set
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.command_server"],
            cwd=PROJECT,
            env=quiet | self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate(timeout=30)

    def run(self, arguments: list[str], environment: dict[str, str]) -> Finished:
        """Until it ends."""
        return self.start(arguments, environment).wait()

    def start(self, arguments: list[str], environment: dict[str, str]) -> "Started":
        """Let it run: to be waited for, stopped or killed."""
        self._count += 1
        out, err = (self._folder / f"{self._count}.{name}" for name in ("out", "err"))
        return Started(self, self.ask("start", arguments, environment, str(out), str(err)), out, err)

    def ask(self, *question: Any) -> Any:
        assert self._server.stdin is not None and self._server.stdout is not None
        print(json.dumps(question), file=self._server.stdin, flush=True)
        answer = self._server.stdout.readline()
        assert answer, "the process that runs the commands has ended"
        return json.loads(answer)


class Started:
    """A running command, the leader of a process group of its own."""

    def __init__(self, server: CommandServer, pid: int, out: Path, err: Path) -> None:
        self.pid, self.out, self.err = pid, out, err
        self._server, self._code = server, None

    def poll(self) -> int | None:
        """The exit code once it has ended; of a signal: its negative."""
        if self._code is None:
            self._code = self._server.ask("end", self.pid, os.WNOHANG)
        return self._code

    def wait(self) -> Finished:
        if self._code is None:
            self._code = self._server.ask("end", self.pid, 0)
        return Finished(self._code, self.out.read_text(), self.err.read_text())

    def signal(self, sent: signal.Signals) -> None:
        """To the command and its workers."""
        os.killpg(self.pid, sent)

    def kill(self) -> Finished:
        if self.poll() is None:
            self.signal(signal.SIGKILL)
        return self.wait()


def _check_threads() -> None:
    """Threads do not survive a fork. polars starts its own at its first query: importing it is all that is
    done here, and all that a module may do at import."""
    names = {(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()}
    assert "polars-0" not in names, "a module runs polars when it is imported"


def _serve() -> None:
    """Answer each line of stdin on stdout. Returns in the forks only."""
    running = set[int]()
    for line in iter(sys.stdin.readline, ""):
        match json.loads(line):
            case ["start", *how]:
                if not (process := os.fork()):
                    return _become(*how)
                with suppress(PermissionError):  # it has become another program already
                    os.setpgid(process, process)  # as it does itself: whoever comes first
                running.add(process)
                answer: int | None = process
            case ["end", process, options]:
                answer = _end(process, options)
                if answer is not None:
                    running.discard(process)
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()
    for process in running:
        _kill_all(process)
    os._exit(0)


def _end(process: int, options: int) -> int | None:
    """The exit code of a fork; None while it runs."""
    ended, status = os.waitpid(process, options)
    if not ended:
        return None
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        _kill_all(process)  # the workers of a command that was killed
    return code


def _kill_all(process: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


def _become(arguments: list[str], environment: dict[str, str], out: str, err: str) -> None:
    """Make this process one that has just been started."""
    os.setpgid(0, 0)
    signal.alarm(LIMIT)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["anes", *arguments]
    for number, name, mode in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
        file = os.open(name, mode | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)


def _run() -> int:
    """The command, up to its exit code."""
    try:
        runpy.run_module("flows", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _leave(code: int) -> None:
    """End as a process does, but for the second that it takes to tear down all that was imported."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    gc.disable()
    for _name in (*_FLOWS, *_LATE):
        importlib.import_module(_name)
    del sys.modules["flows.__main__"]  # runpy warns of a module that is there before it is run
    gc.collect()
    gc.freeze()
    gc.enable()
    _check_threads()
    _serve()
    _leave(_run())
