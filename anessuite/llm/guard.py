"""Run a command for as long as the process that asked for it lives; a script: ``guard.py PID COMMAND...``.

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
from contextlib import suppress

GRACE_SECONDS = 5.0
"""From the request to end until the kill."""
_LOOK_SECONDS = 0.2


def _guard(parent: int, command: list[str]) -> None:
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    process = subprocess.Popen(command)
    while process.poll() is None and os.getppid() == parent and not told.is_set():
        told.wait(_LOOK_SECONDS)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    _guard(int(sys.argv[1]), sys.argv[2:])
