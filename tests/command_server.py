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
from pathlib import Path

PROJECT = Path(__file__).parents[1]
LIMIT = 300
"""Seconds after which a command is killed."""
_FLOWS = ("flows.__main__", "flows.corpus", "flows.qa", "flows.r1", "flows.bench", "flows.suite")
_LATE = ("altair", "tasks.warm")
"""What commands import, and what they compile, when they need it."""


class CommandServer:
    """Runs commands one after another, from the project's root. A context manager.

    What is read from ``environment`` at import (Prefect's settings) is the same for all commands.
    """

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment, self._folder, self._count = environment, folder, 0

    def __enter__(self) -> "CommandServer":
        quiet = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL", "TQDM_DISABLE": "1"}  # as commands set
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.command_server"],
            cwd=PROJECT,
            env=quiet | self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate(timeout=30)

    def run(self, arguments: list[str], environment: dict[str, str]) -> tuple[int, str, str]:
        """Exit code (of a signal: its negative), stdout and stderr."""
        assert self._server.stdin is not None and self._server.stdout is not None
        self._count += 1
        out, err = (self._folder / f"{self._count}.{name}" for name in ("out", "err"))
        print(json.dumps([arguments, environment, str(out), str(err)]), file=self._server.stdin, flush=True)
        code = self._server.stdout.readline()
        assert code, "the process that runs the commands has ended"
        return int(code), out.read_text(), err.read_text()


def _check_threads() -> None:
    """Threads do not survive a fork. polars starts its own at its first query: importing it is all that is
    done here, and all that a module may do at import."""
    names = {(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()}
    assert "polars-0" not in names, "a module runs polars when it is imported"


def _serve() -> None:
    """Fork for each line of stdin, and tell the exit code on stdout. Returns in the forks only."""
    for line in iter(sys.stdin.readline, ""):
        if not (process := os.fork()):
            return _become(*json.loads(line))
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        if code < 0:
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)  # the workers of a command that was killed
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()
    os._exit(0)


def _become(arguments: list[str], environment: dict[str, str], out: str, err: str) -> None:
    """Make this process one that has just been started."""
    os.setsid()
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
    for _name in (*_FLOWS, *_LATE):
        importlib.import_module(_name)
    del sys.modules["flows.__main__"]  # runpy warns of a module that is there before it is run
    gc.collect()
    gc.freeze()
    _check_threads()
    _serve()
    _leave(_run())
