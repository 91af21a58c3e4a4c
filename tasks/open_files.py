"""As many open files as a step needs: MinHash reads the signatures of all units at once."""

import resource
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from anessuite.errors import AnesError

_SPARE = 256
"""For libraries, logs and sockets of the process."""


class TooFewFiles(AnesError):
    """The system lets a process open fewer files than a step reads at once."""


@dataclass(frozen=True)
class OpenFiles:
    """A datatrove step before one that opens ``files`` files; raises the process's own limit where it may."""

    files: int

    def __call__(self, data: Any, rank: int, world_size: int) -> Iterable[Any] | None:
        let_open(self.files)
        return data


def let_open(files: int) -> None:
    """Let this process open so many files.

    Raises:
        TooFewFiles: the hard limit is lower.
    """
    needed = files + _SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise TooFewFiles(
            f"this step reads {files:,} files at once, and the system lets a process open {hard:,}",
            f"`ulimit -n {needed}` (or LimitNOFILE= of the service), then the same command: it continues",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
