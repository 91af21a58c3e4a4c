"""An unfinished version: its lock, its recipe, and the marks of what is done.

Below ``.build/{name}/{version}/``: ``recipe.json`` (identity), ``lock`` (one process at a time),
``{step}/...`` (parts with a mark each) and ``publish/`` (the tree that becomes the version).
A run that dies continues here; a part counts as done only when its mark is there.
"""

import fcntl
import glob
import json
import os
import posixpath
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from anessuite.errors import BuildInProgress, RecipeChanged, VersionExists
from anessuite.frozen import refuse_changed_prompts
from anessuite.manifests import Manifest, Recipe
from anessuite.storage import BUILD_FOLDER, MANIFEST, Store
from anessuite.versions import DatasetRef

LEASE_SECONDS = 60.0
"""A remote lock that was not renewed for so long is free: object stores cannot tell that its owner died."""


class Build:
    """The working folder of one version. Paths are relative to the store's root."""

    def __init__(self, store: Store, ref: DatasetRef) -> None:
        self.store = store
        self.ref = ref
        self.folder = f"{BUILD_FOLDER}/{ref.name}/{ref.version}"
        self.publish_folder = f"{self.folder}/publish"

    def path(self, *parts: str) -> str:
        return posixpath.join(self.folder, *parts)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the version against other processes; VersionExists and BuildInProgress change nothing."""
        self._refuse_finished()
        with _lock(self.store, self.path("lock"), str(self.ref)):
            self._refuse_finished()  # it may have been finished while we came to the lock
            yield

    def _refuse_finished(self) -> None:
        if self.store.is_finished(self.ref) and not self.ref.is_dev:
            day = ".".join(self.ref.version.split(".")[:3])
            raise VersionExists(
                f"{self.ref} is finished and never written again",
                f"choose a new version, such as {day}.2, or dev",
            )

    def begin(self, recipe: Recipe, *, restart: bool = False) -> bool:
        """Take up the work: True if an earlier run of the same recipe is continued.

        Raises RecipeChanged, naming the fields that differ, if the folder holds work of another recipe, and
        ConfigError if a prompt has changed that a dated version cites.
        """
        refuse_changed_prompts(self.store, self.ref, recipe)
        wanted = recipe.model_dump(mode="json")
        found = self._recipe()
        if found is not None and found != wanted and not restart:
            changes = "\n".join(f"  - {line}" for line in differences(found, wanted)[:20])
            raise RecipeChanged(
                f"the unfinished build of {self.ref} has another recipe:\n{changes}",
                "restore it to continue, or begin anew with --restart",
            )
        resumed = found == wanted and not restart
        if not resumed:
            self.store.remove(self.path("recipe.json"))  # first: half-removed parts must not look resumable
            for name in {path.split("/")[0] for path in self.store.files(self.folder)} - {"lock"}:
                self.store.remove(self.path(name))
            self.store.write_bytes(self.path("recipe.json"), json.dumps(wanted, indent=1).encode())
        return resumed

    def _recipe(self) -> dict[str, Any] | None:
        path = self.path("recipe.json")
        return json.loads(self.store.read_bytes(path)) if self.store.exists(path) else None

    def mark(self, step: str, key: str, result: dict[str, Any]) -> None:
        """Say that part ``key`` of ``step`` is done, with its counts; call it after its files are whole."""
        self.store.write_bytes(self.path(step, f"{key}.json"), json.dumps(result).encode())

    def marked(self, step: str, key: str) -> dict[str, Any] | None:
        """The result of a finished part, or None."""
        path = self.path(step, f"{key}.json")
        return json.loads(self.store.read_bytes(path)) if self.store.exists(path) else None

    def marks(self, step: str) -> int:
        """How many parts of ``step`` are done."""
        folder = self.store.absolute(self.path(step))
        return len(self.store.fs.glob(posixpath.join(glob.escape(folder), "*.json")))

    def publish(self, manifest: Manifest) -> None:
        """Make the tree in ``publish/`` the finished version; the manifest comes last."""
        content = manifest.model_dump_json(indent=1).encode()
        target = self.store.folder(self.ref)
        if self.store.is_local:
            self.store.write_bytes(f"{self.publish_folder}/{MANIFEST}", content)
            self._rename_into(target)
        else:
            self._copy_into(target, content)
        self.store.remove(self.folder)

    def _rename_into(self, target: str) -> None:
        source, goal = self.store.absolute(self.publish_folder), self.store.absolute(target)
        os.makedirs(posixpath.dirname(goal), exist_ok=True)
        if os.path.isdir(goal):  # only dev, or a leftover without manifest: locked() refused the rest
            os.rename(goal, self.store.absolute(self.path(f"replaced-{uuid.uuid4().hex[:8]}")))
        os.rename(source, goal)

    def _copy_into(self, target: str, manifest: bytes) -> None:
        fs, goal = self.store.fs, self.store.absolute(target)
        self.store.remove(target)
        for path in self.store.files(self.publish_folder):
            place = posixpath.join(goal, path)
            fs.makedirs(posixpath.dirname(place), exist_ok=True)
            fs.copy(self.store.absolute(self.publish_folder, path), place)
        try:  # create only: of two publishers one wins
            fs.pipe_file(posixpath.join(goal, MANIFEST), manifest, mode="create")
        except FileExistsError:
            raise VersionExists(f"{self.ref} was published by another process meanwhile") from None


def differences(old: Any, new: Any, place: str = "") -> list[str]:
    """The fields in which two JSON values differ, one line each: ``config.keywords.min_hits: 1 -> 2``."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        return [
            line
            for key in keys
            for line in differences(old.get(key), new.get(key), f"{place}.{key}" if place else key)
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for i, (a, b) in pairs for line in differences(a, b, f"{place}[{i}]")]
    return [] if old == new else [f"{place}: {_short(old)} -> {_short(new)}"]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


@contextmanager
def _lock(store: Store, path: str, what: str) -> Iterator[None]:
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
    held = _read_lease(store, path)
    if held is not None:
        if time.time() - held["renewed"] < LEASE_SECONDS:
            raise _in_progress(what, "")
        store.fs.rm_file(store.absolute(path))
    try:  # create only: of two that come at once, one wins
        store.fs.pipe_file(store.absolute(path), _lease_of(owner), mode="create")
    except FileExistsError:
        raise _in_progress(what, "") from None
    stop = threading.Event()

    def is_ours() -> bool:
        held = _read_lease(store, path)
        return held is not None and held["owner"] == owner

    def renew() -> None:
        while not stop.wait(LEASE_SECONDS / 3):
            with suppress(Exception):  # the store may answer again before the lease runs out
                if is_ours():
                    _write_lease(store, path, owner)

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        if is_ours():
            store.fs.rm_file(store.absolute(path))


def _read_lease(store: Store, path: str) -> dict[str, Any] | None:
    return json.loads(store.read_bytes(path)) if store.exists(path) else None


def _write_lease(store: Store, path: str, owner: str) -> None:
    store.write_bytes(path, _lease_of(owner))


def _lease_of(owner: str) -> bytes:
    return json.dumps({"owner": owner, "renewed": time.time()}).encode()
