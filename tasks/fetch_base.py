"""The base model of a training, as a folder of this machine."""

import hashlib
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.training.base import Base, fetch


@task(name="fetch base model", cache_policy=NO_CACHE)
def fetch_base(base: Base, work: Path) -> Path:
    """Its folder; downloads what is on the hub. Raises ConfigError as `fetch`."""
    return fetch(base, work)


def working_folder(build: Build) -> Path:
    """Where checkpoints are written: in the build, or for a root that is no folder in the user's cache."""
    if build.store.is_local:
        return Path(build.store.absolute(build.path("models")))
    root = hashlib.sha256(str(build.store.root).encode()).hexdigest()[:12]
    return Path.home() / ".cache" / "anessuite" / "training" / root / build.ref.name / build.ref.version
