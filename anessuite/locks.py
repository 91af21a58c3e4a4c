"""Locks: a POSIX record lock on a file system, a lease that is renewed on an object store."""

import fcntl
import json
import os
import posixpath
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from anessuite.errors import BuildInProgress
from anessuite.repeat import repeated
from anessuite.storage import Store

LEASE_SECONDS = 60.0
"""A remote lock that was not renewed for so long is free: object stores cannot tell that its owner died."""


@contextmanager
def lock(store: Store, path: str, what: str) -> Iterator[None]:
    """Hold ``path`` below the store against other processes. Raises BuildInProgress if one holds it."""
    if store.is_local:
        with _file_lock(store.absolute(path), what):
            yield
    else:
        with _lease(store, path, what):
            yield


_held_here: set[str] = set()


@contextmanager
def _file_lock(path: str, what: str) -> Iterator[None]:
    """A POSIX record lock: the kernel frees it when its process dies, however it dies.

    Unlike ``flock`` it is not inherited by forked workers that outlive a killed parent. It does not
    exclude threads of one process; ``_held_here`` does.
    """
    os.makedirs(posixpath.dirname(path), exist_ok=True)
    if path in _held_here:
        raise _in_progress(what, f" (process {os.getpid()})")
    with open(path, "a+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise _in_progress(what, _owner(file)) from None
        if not os.path.exists(path) or not os.path.samestat(os.stat(path), os.fstat(file.fileno())):
            raise _in_progress(what, "")  # a build that just ended took the file away under us
        _held_here.add(path)
        try:
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield
        finally:
            _held_here.discard(path)


def _owner(file: IO[str]) -> str:
    file.seek(0)
    return f" (process {file.read().strip() or 'unknown'})"


def _in_progress(what: str, owner: str) -> BuildInProgress:
    return BuildInProgress(
        f"{what} is being built by another process{owner}",
        "wait for it, or choose another version; nothing was changed",
    )


@contextmanager
def _lease(store: Store, path: str, what: str) -> Iterator[None]:
    """A lock object renewed every third of LEASE_SECONDS, for stores without file locks."""
    owner = uuid.uuid4().hex
    if store.exists(path):
        if _age(store, path) < LEASE_SECONDS:
            raise _in_progress(what, "")
        store.fs.rm_file(store.absolute(path))
    try:  # create only: of two that come at once, one wins
        store.fs.pipe_file(store.absolute(path), _lease_of(owner), mode="create")
    except FileExistsError:
        raise _in_progress(what, "") from None

    def is_ours() -> bool:
        held = _read_lease(store, path)
        return held is not None and held["owner"] == owner

    def renew() -> None:
        with suppress(Exception):  # the store may answer again before the lease runs out
            if is_ours():
                _write_lease(store, path, owner)

    try:
        with repeated(renew, every=lambda _: LEASE_SECONDS / 3):
            yield
    finally:
        if is_ours():
            store.fs.rm_file(store.absolute(path))


def _age(store: Store, path: str) -> float:
    """Seconds since the lease was written, by the store's own clock: two machines' may differ by hours."""
    probe = f"{path}.{uuid.uuid4().hex}"
    store.write_bytes(probe, b"now")
    try:
        store.fs.invalidate_cache()
        now, written = (store.fs.modified(store.absolute(one)) for one in (probe, path))
    except FileNotFoundError:  # given up meanwhile
        return LEASE_SECONDS
    finally:
        store.fs.rm_file(store.absolute(probe))
    return (now - written).total_seconds()


def _read_lease(store: Store, path: str) -> dict[str, Any] | None:
    return json.loads(store.read_bytes(path)) if store.exists(path) else None


def _write_lease(store: Store, path: str, owner: str) -> None:
    store.write_bytes(path, _lease_of(owner))


def _lease_of(owner: str) -> bytes:
    return json.dumps({"owner": owner}).encode()
