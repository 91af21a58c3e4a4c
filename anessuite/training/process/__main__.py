"""``python -m anessuite.training.process JOB.json``, by itself or once a device under accelerate."""

import os
import sys
import threading
from pathlib import Path

from anessuite.errors import AnesError
from anessuite.training.jobs import Job, Said

FAILED = 3


def main(path: str) -> int:
    """Do the job; returns the exit status."""
    _end_with_parent()
    job = Job.model_validate_json(Path(path).read_bytes())
    try:
        from anessuite.training.process.train import train

        train(job)
    except AnesError as error:
        print(Said(kind="error", text=error.what, hint=error.hint).line(), flush=True)  # noqa: T201
        return FAILED
    return 0


def _end_with_parent() -> None:
    """Its end of our standard input is closed when the starting process is gone, however it went."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        os._exit(FAILED)

    if not sys.stdin.isatty():
        threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
