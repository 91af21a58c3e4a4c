"""Where a version comes from: its inputs, and theirs, down to the files of the sources."""

from collections.abc import Iterator
from dataclasses import dataclass

from anessuite.errors import ConfigError
from anessuite.manifests import Input
from anessuite.storage import Store
from anessuite.versions import DatasetRef

_AGAINST = "against "


@dataclass(frozen=True, slots=True)
class Origin:
    """One line of a lineage: ``depth`` 0 is the version itself; ``state`` tells what is odd, else ""."""

    depth: int
    name: str
    files: int
    bytes: int
    digest: str
    state: str = ""


def lineage(store: Store, ref: DatasetRef) -> list[Origin]:
    """A version and all that it was made from, depth first; each version's own inputs are told once."""
    return list(_below(store, ref, 0, set()))


def _below(store: Store, ref: DatasetRef, depth: int, told: set[DatasetRef]) -> Iterator[Origin]:
    manifest = store.manifest(ref)
    told.add(ref)
    yield Origin(depth, str(ref), len(manifest.files), sum(file.bytes for file in manifest.files), "")
    by_name: dict[str, list[Input]] = {}
    for one in manifest.recipe.inputs:
        by_name.setdefault(one.name, []).append(one)
    for name, files in by_name.items():
        digest = files[0].digest[:23] if len(files) == 1 else ""
        size = sum(file.bytes for file in files)
        version = _version(name)
        if version is None:
            yield Origin(depth + 1, name, len(files), size, digest)
        elif not store.is_finished(version):
            yield Origin(depth + 1, name, len(files), size, digest, "not in this root")
        elif version in told:
            yield Origin(depth + 1, name, len(files), size, digest, "told above")
        else:
            yield from _below(store, version, depth + 1, told)


def _version(name: str) -> DatasetRef | None:
    """The version that an input is, such as ``against bench@2026.12.01``; None for a source."""
    try:
        return DatasetRef.parse(name.removeprefix(_AGAINST))
    except ConfigError:
        return None
