"""An unfinished version: its lock, its recipe, and the marks of what is done.

Below ``.build/{name}/{version}/``: ``recipe.json`` (identity), ``lock`` (one process at a time),
``{step}/...`` (parts with a mark each) and ``publish/`` (the tree that becomes the version).
A run that dies continues here; a part counts as done only when its mark is there.
"""

import glob
import json
import os
import posixpath
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anessuite.errors import RecipeChanged, VersionExists
from anessuite.frozen import refuse_changed_prompts
from anessuite.locks import lock
from anessuite.manifests import Manifest, Recipe
from anessuite.storage import BUILD_FOLDER, MANIFEST, Store
from anessuite.versions import DatasetRef


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
        """Hold the version against other processes; VersionExists and BuildInProgress change no version."""
        if not self.store.files(self.folder):
            self._refuse_finished()
        with lock(self.store, self.path("lock"), str(self.ref)):
            if self._is_over():  # finished while we came to the lock, or by a run that was killed right after
                self.store.remove(self.folder)
            self._refuse_finished()
            yield

    def _is_over(self) -> bool:
        return self.store.is_finished(self.ref) and not self.ref.is_dev

    def _refuse_finished(self) -> None:
        if self._is_over():
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

    def marked_parts(self, step: str) -> list[str]:
        """The finished parts of ``step``, in order."""
        files = self.store.files(self.path(step))
        return sorted(
            file.removesuffix(".json") for file in files if file.endswith(".json") and "/" not in file
        )

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
