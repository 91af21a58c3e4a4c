"""A disk of its own for a build: a small tmpfs that fills up, can grow, and can turn read-only."""

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

_MIB = 1 << 20
ROOMY = 256 * _MIB


@cache
def no_mounts() -> str | None:
    """Why no file system can be mounted here, or None."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            _call("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder)
        except (OSError, subprocess.CalledProcessError) as error:
            return f"no tmpfs can be mounted here: {error}"
        _call("umount", folder)
    return None


def _call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


class Disk:
    """``folder`` is the disk, ``root`` the place where the build sees it.

    A file system that is open for writing cannot be mounted read-only again. So the root is a second mount of
    the disk, and a third one over it, which is read-only, is what the build finds from then on; files that it
    holds open can still be written, as to a network disk that is exported anew.
    """

    def __init__(self, folder: Path, root: Path, *, size: int = ROOMY) -> None:
        self.folder, self.root = folder, root
        self._frozen = False
        for made in (folder, root):
            made.mkdir(parents=True)
        _call("mount", "-t", "tmpfs", "-o", f"size={max(size, 4096)}", "tmpfs", str(folder))
        _call("mount", "--bind", str(folder), str(root))

    def used(self) -> int:
        """Bytes that are taken."""
        found = os.statvfs(self.folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def grow(self, size: int = ROOMY) -> None:
        _call("mount", "-o", f"remount,size={size}", str(self.folder))

    def freeze(self) -> None:
        """From now on the root is read-only."""
        _call("mount", "--bind", "-o", "ro", str(self.folder), str(self.root))
        _call("mount", "-o", "remount,bind,ro", str(self.root))
        self._frozen = True

    def thaw(self) -> None:
        if self._frozen:
            _call("umount", "-l", str(self.root))
            self._frozen = False

    def close(self) -> None:
        """Take all mounts away, and what was on them."""
        self.thaw()
        for place in (self.root, self.folder):
            subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)


class Folder:
    """The same for a build that needs no disk of its own, or where none can be had."""

    def __init__(self, root: Path) -> None:
        self.root = self.folder = root
        root.mkdir(parents=True)

    def used(self) -> int:
        return 0

    def close(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
