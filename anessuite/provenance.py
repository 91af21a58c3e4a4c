"""Where a version comes from: the code's commit and the packages that shaped its bytes."""

import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import anessuite

_PACKAGES = ("polars", "pyarrow", "datatrove", "hyperscan", "trafilatura", "xxhash", "numpy")


def code() -> dict[str, str | bool]:
    """Version, commit and whether the checkout had changes; without a checkout only the version."""
    known: dict[str, str | bool] = {"version": anessuite.__version__}
    commit = _git("rev-parse", "HEAD")
    if commit is not None:
        known["commit"] = commit
        known["changed"] = bool(_git("status", "--porcelain", "--untracked-files=no"))
    return known


def packages(more: Iterable[str] = ()) -> dict[str, str]:
    """Python's version and those of the packages that read, match and write, and of ``more``."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in (*_PACKAGES, *more):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _git(*arguments: str) -> str | None:
    folder = Path(anessuite.__file__).parent.parent
    if not (folder / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
