"""Versions on disk or in an object store: immutable, manifest last.

Layout below ``root`` (a folder or any fsspec URL)::

    {name}/{version}/data/{config}-00000-of-00016.parquet  rejected/part-...
    {name}/{version}/manifest.json  README.md  report.html
    .build/{name}/{version}/        unfinished work, see anessuite.builds
"""

import glob
import hashlib
import io
import posixpath
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from anessuite.errors import ConfigError, VersionNotFound
from anessuite.manifests import Manifest
from anessuite.versions import DatasetRef

MANIFEST = "manifest.json"
BUILD_FOLDER = ".build"
PARTIAL = ".partial"
_BLOCK = 1 << 20


class HashingWriter(io.RawIOBase):
    """Passes bytes on to ``sink`` and keeps their count and SHA-256. Not seekable: what was written stays."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink
        self._hash = hashlib.sha256()
        self.bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._hash.update(view)
        self._sink.write(view)
        self.bytes += len(view)
        return len(view)

    def flush(self) -> None:
        if not self._sink.closed:
            self._sink.flush()

    def tell(self) -> int:
        return self.bytes

    @property
    def sha256(self) -> str:
        """Hex digest of what was written so far."""
        return self._hash.hexdigest()


class Store:
    """All versions below one root. Paths given to its methods are relative to the root, with ``/``."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.fs: Any
        self.base: str
        # a cached listing would hide what other processes write
        self.fs, self.base = fsspec.url_to_fs(str(root), use_listings_cache=False)
        self.is_local = isinstance(self.fs, LocalFileSystem)

    def absolute(self, *parts: str) -> str:
        """The path as the root's file system names it; refuses parts that lead out of the root."""
        path = posixpath.normpath(posixpath.join(*parts)) if parts else "."
        if path == ".." or path.startswith(("../", "/")):
            raise ValueError(f"{'/'.join(parts)} leads out of the root")
        return self.base if path == "." else posixpath.join(self.base, path)

    def url(self, *parts: str) -> str:
        """The path with its protocol, for libraries that open it themselves."""
        return cast("str", self.fs.unstrip_protocol(self.absolute(*parts)))

    def folder(self, ref: DatasetRef) -> str:
        """``{name}/{version}``."""
        return f"{ref.name}/{ref.version}"

    def exists(self, path: str) -> bool:
        return bool(self.fs.exists(self.absolute(path)))

    def files(self, folder: str) -> list[str]:
        """Every file below ``folder``, relative to it, sorted."""
        top = self.absolute(folder)
        if not self.fs.isdir(top):
            return []
        found = cast("list[str]", self.fs.find(top))
        return sorted(posixpath.relpath(self._plain(path), self._plain(top)) for path in found)

    def _plain(self, path: str) -> str:
        return "/" + path.lstrip("/")

    def read_bytes(self, path: str) -> bytes:
        return cast("bytes", self.fs.cat_file(self.absolute(path)))

    @contextmanager
    def create(self, path: str) -> Iterator[HashingWriter]:
        """Write one file that appears whole or not at all."""
        target = self.absolute(path)
        if not self.is_local:
            sink = self.fs.open(target, "wb")  # object stores show a file on close only
            try:
                yield HashingWriter(sink)
            except BaseException:
                with suppress(Exception):
                    sink.discard()
                with suppress(AttributeError):
                    sink.closed = True  # closing it would send what was written so far
                raise
            sink.close()
            return
        self.fs.makedirs(posixpath.dirname(target), exist_ok=True)
        partial = f"{target}.{uuid.uuid4().hex[:8]}{PARTIAL}"  # an orphaned worker may still write its own
        try:
            with self.fs.open(partial, "wb") as sink:
                yield HashingWriter(sink)
            self.fs.mv(partial, target)
        except BaseException:
            with suppress(OSError):
                self.fs.rm_file(partial)
            raise

    def write_bytes(self, path: str, content: bytes) -> str:
        """Write one small file whole; returns its SHA-256."""
        with self.create(path) as file:
            file.write(content)
        return file.sha256

    def move(self, path: str, target: str) -> None:
        """Give a file another place; on object stores by copying it there."""
        goal = self.absolute(target)
        self.fs.makedirs(posixpath.dirname(goal), exist_ok=True)
        self.fs.mv(self.absolute(path), goal)

    def remove(self, folder: str) -> None:
        """Remove a folder and all below it, if it is there."""
        top = self.absolute(folder)
        if self.fs.exists(top):
            self.fs.rm(top, recursive=True)

    def sha256(self, path: str) -> tuple[str, int]:
        """SHA-256 and size of a stored file, read again from the store."""
        digest, size = hashlib.sha256(), 0
        with self.fs.open(self.absolute(path), "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
        return digest.hexdigest(), size

    def refs(self) -> list[DatasetRef]:
        """The finished versions, sorted by name and date."""
        if not self.fs.isdir(self.absolute()):
            return []
        found = cast("list[str]", self.fs.glob(posixpath.join(glob.escape(self.base), "*", "*", MANIFEST)))
        refs: list[DatasetRef] = []
        for path in found:
            name, version = path.rsplit("/", 3)[-3:-1]
            with suppress(ConfigError):  # a folder of another origin is no version of ours
                refs.append(DatasetRef(name, version))
        return sorted(refs, key=lambda ref: ref.sort_key)

    def is_finished(self, ref: DatasetRef) -> bool:
        """A version is finished when its manifest is there."""
        return self.exists(f"{self.folder(ref)}/{MANIFEST}")

    def manifest(self, ref: DatasetRef) -> Manifest:
        """Read a finished version's manifest; raises VersionNotFound, naming what there is."""
        if not self.is_finished(ref):
            there = [str(other) for other in self.refs()]
            near = [name for name in there if name.startswith(f"{ref.name}@")] or there
            raise VersionNotFound(
                f"there is no finished {ref} in {self.root}",
                f"there are: {', '.join(near) or 'no versions at all'}",
            )
        return Manifest.model_validate_json(self.read_bytes(f"{self.folder(ref)}/{MANIFEST}"))
