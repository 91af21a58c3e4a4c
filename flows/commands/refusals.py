"""What the machine or the Prefect server refuses, in words: no defect of the program, so no traceback."""

import errno
import os
from collections.abc import Iterator

from anessuite.errors import AnesError
from flows.commands.own_server import OwnServer

_DISK = {
    errno.ENOSPC: ("the disk is full", "free space (anes doctor shows it)"),
    errno.EDQUOT: ("the disk quota is used up", "free space, or have the quota raised"),
    errno.EROFS: ("the disk is read-only", "make it writable, or choose another --root"),
    errno.EACCES: ("permission denied", "give this user the right to write there, or choose another --root"),
    errno.EIO: ("the disk fails to read or write", "look at the machine's log (dmesg)"),
    errno.EMFILE: ("too many open files", "raise the limit: ulimit -n 65536"),
}
_CONTINUE = "; then the same command continues"
_API = "Failed to reach API at"


def explained(error: BaseException) -> AnesError | None:
    """The message for an error that is the machine's or the Prefect server's; None for any other."""
    for one in _causes(error):
        if isinstance(one, OSError) and one.errno in _DISK:
            what, hint = _DISK[one.errno]
            return AnesError(f"{what}: {one.filename}" if one.filename else what, hint + _CONTINUE)
    if any(_is_of_prefect(one) for one in _causes(error)):
        api = os.environ.get("PREFECT_API_URL")
        if api is not None and api == OwnServer.used:
            return AnesError("Prefect's temporary server ended", "make ui starts one that stays" + _CONTINUE)
        return AnesError(
            f"the Prefect server {f'at {api} ' if api else ''}does not answer",
            "start it (make ui), or unset PREFECT_API_URL for one of the run's own" + _CONTINUE,
        )
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came from."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def _is_of_prefect(error: BaseException) -> bool:
    """Prefect's client speaks HTTP by httpx, and nothing of ours does."""
    kind = type(error)
    is_network = kind.__module__.split(".")[0] == "httpx" and kind.__name__.endswith(("Error", "Timeout"))
    return is_network or _API in str(error)
