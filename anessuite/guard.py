"""Run a command for as long as the process that asked for it lives.

`guarded` starts this file as a script, ``guard.py PID COMMAND...``, in a session of its own: Ctrl-C at a
terminal does not reach the command.

It leads a process group of its own and looks at its parent a few times a second: once that is another than
PID, which any end of PID brings about (kill -9 too), the command is told to end. So it is on SIGTERM, too.
Whatever is left of the group then, the command's own processes among it, is killed, and the guard with it.

It is no ``PR_SET_PDEATHSIG``: that reaches no grandchild (the engine of vLLM is one), fires when a *thread*
ends, and has to be set between fork and exec, where a process with threads can hang. Nor is it a pipe that
breaks: any process that was forked from ours would hold it open.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

GRACE_SECONDS = 5.0
"""From the request to end until the kill."""
_LOOK_SECONDS = 0.2


def guarded(
    command: Sequence[str],
    output: IO[bytes],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    descriptors: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    """Start the guard of a command, which inherits ``descriptors``; all that both say goes to ``output``."""
    return subprocess.Popen(
        [sys.executable, "-IS", __file__, str(os.getpid()), *command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=descriptors,
    )


def end(guard: "subprocess.Popen[bytes]") -> None:
    """End a command with all its processes; it has `GRACE_SECONDS` to do so itself."""
    guard.terminate()
    with suppress(subprocess.TimeoutExpired):
        guard.wait(2 * GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(guard.pid, signal.SIGKILL)
    guard.wait()


def _guard(parent: int, command: list[str]) -> None:
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    process = subprocess.Popen(command, close_fds=False)
    while process.poll() is None and os.getppid() == parent and not told.is_set():
        told.wait(_LOOK_SECONDS)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    _guard(int(sys.argv[1]), sys.argv[2:])
