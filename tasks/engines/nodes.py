"""What a machine of a cluster must have to do a rank as this machine would: the root, the code, the packages.

The data must not depend on where a rank ran, so a machine that differs is refused and not merely hoped for.
"""

import hashlib
import os
import platform
import sys
import uuid
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from datatrove.io import get_datafolder

import anessuite
from anessuite import provenance
from anessuite.errors import AnesError

_CODE = ("anessuite", "filters", "tasks")


class RootNotShared(AnesError):
    """A worker on another machine does not see the files of the build."""


class NodesDiffer(AnesError):
    """A worker runs other code or other packages, whose bytes would differ."""


class WorkerLost(AnesError):
    """A worker died, more often than is put up with."""


@dataclass(frozen=True, slots=True)
class Home:
    """The machine that a build was started on, as its workers must find it."""

    working_folder: str
    """Relative paths of sources and of the root start here."""
    logging_dir: str
    token: str
    packages: dict[str, str]
    """Versions of Python and of the packages that shape bytes."""
    code: dict[str, str]
    """Digest of each module's file."""

    @classmethod
    def here(cls, logging_dir: str) -> "Home":
        """Leave a token in ``logging_dir``, for the workers to look for."""
        token = f"home/{uuid.uuid4().hex}"
        get_datafolder(logging_dir).open(token, "w").close()
        return cls(os.getcwd(), logging_dir, token, provenance.packages(), _digests())

    def leave(self) -> None:
        """Remove the token."""
        with suppress(OSError):
            get_datafolder(self.logging_dir).rm_file(self.token)

    def enter(self) -> None:
        """Make this process a worker of that build. Raises RootNotShared and NodesDiffer."""
        with suppress(OSError):
            os.chdir(self.working_folder)
        if not _sees(self.logging_dir, self.token):
            raise RootNotShared(
                f"the machine {platform.node()} does not see {self.logging_dir}",
                "--root has to be a folder that all machines of the cluster share (NFS, Lustre ...), or an "
                "object store (s3://bucket/prefix) that each may read and write",
            )
        if differing := [*self._other_packages(), *self._other_code()]:
            raise NodesDiffer(
                f"the machine {platform.node()} has {', '.join(differing[:5])}",
                "install the same packages (constraints.txt) and checkout on all machines, and leave the "
                "checkout alone while a build runs; the same command continues",
            )

    def _other_packages(self) -> list[str]:
        found = provenance.packages()
        return [
            f"{name} {found.get(name, 'missing')} instead of {wanted}"
            for name, wanted in self.packages.items()
            if found.get(name) != wanted
        ]

    def _other_code(self) -> list[str]:
        """Only what this process has loaded counts: the rest has no part in the rank."""
        loaded = {f"{name.replace('.', '/')}.py" for name in sys.modules if name.startswith(_CODE)}
        found = _digests()
        return [
            f"another {path}"
            for path in sorted(loaded)
            if path in found and found[path] != self.code.get(path)
        ]


@lru_cache(maxsize=4)
def _sees(logging_dir: str, token: str) -> bool:
    try:
        return get_datafolder(logging_dir).isfile(token)
    except Exception:  # whatever an object store says to a machine without credentials
        return False


@lru_cache(maxsize=1)
def _digests() -> dict[str, str]:
    """Of all our modules, by their path in the checkout; as they are when first asked for."""
    checkout = Path(anessuite.__file__).parent.parent
    files = [path for name in _CODE for path in (checkout / name).rglob("*.py")]
    return {
        path.relative_to(checkout).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in files
    }
