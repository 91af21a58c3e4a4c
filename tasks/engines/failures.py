"""The error of a rank as text, to carry it from another machine and raise it here as what it is.

Not pickled: some libraries' errors do not survive that, and a folder that others may write to is no place to
read pickles from.
"""

import builtins
import json
import traceback
from importlib import import_module
from typing import Any

from anessuite.errors import AnesError

_OWN = ("anessuite.", "filters.", "tasks.", "flows.")
_TRACE_CHARS = 20_000


class RaisedElsewhere(Exception):
    """The cause of an error that came from a worker: the traceback there."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def pack(error: Exception) -> str:
    """``error`` as JSON: its class, its message or strings, and where it was raised."""
    kind = type(error)
    said = _said(error)
    trace = "".join(traceback.format_exception(error))[-_TRACE_CHARS:]
    return json.dumps({"module": kind.__module__, "name": kind.__name__, "said": said, "trace": trace})


def _said(error: Exception) -> list[Any]:
    """What its class is to be called with."""
    if isinstance(error, AnesError):
        return [error.what, error.hint]
    if isinstance(error, OSError) and error.errno is not None:
        return [error.errno, error.strerror, error.filename if isinstance(error.filename, str) else None]
    return [str(error)]


def unpack(packed: str, rank: int) -> Exception:
    """The error of ``rank``: an AnesError of the same class, a built-in error of the same class, or an
    AnesError that names the class of any other."""
    found = json.loads(packed)
    error = _revived(found["module"], found["name"], found["said"])
    if error is None:
        said = f"{found['name']}: {' '.join(map(str, found['said']))}"
        error = AnesError(f"rank {rank} failed with {said}", "the same command tries it again")
    error.__cause__ = RaisedElsewhere(found["trace"])
    return error


def _revived(module: str, name: str, said: list[Any]) -> Exception | None:
    kind = getattr(builtins, name, None) if module == "builtins" else None
    if module.startswith(_OWN):
        kind = getattr(import_module(module), name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return None
    try:
        return kind(*said)
    except TypeError:  # such as UnicodeDecodeError, which takes more than a message
        return None
