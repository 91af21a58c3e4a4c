"""Where a row comes from: the source of the config, its files with digests, its licence."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anessuite.manifests import Input, Manifest
from anessuite.versions import DatasetRef

_SOURCES = ("sources", "pool")
"""Keys of configs that list sources."""
_AGAINST = "against "
_REF = re.compile(r"([a-z][a-z0-9_-]*)@(dev|\d{4}\.\d{2}\.\d{2}(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of a row. ``files`` are all those that may hold it: one, where ``source_id`` tells which.

    ``place`` is the row's number there, from 0; None where the source has names of its own for its rows.
    ``licence`` is "" where none is stated.
    """

    source: str
    source_id: str
    licence: str
    files: list[Input]
    place: int | None


def origin_of(manifest: Manifest, row: Mapping[str, Any]) -> Origin:
    """The origin of a row with ``source`` and ``source_id``."""
    source, source_id = str(row["source"]), str(row["source_id"])
    files = [one for one in manifest.recipe.inputs if one.name == source]
    name, _, number = source_id.rpartition("#")
    named = [one for one in files if name and (one.source == name or one.source.endswith(f"/{name}"))]
    place = int(number) if named and number.isascii() and number.isdecimal() else None
    licence = str(row.get("licence") or _licence(manifest, source))
    return Origin(source, source_id, licence, named or files, place)


def _licence(manifest: Manifest, source: str) -> str:
    config = manifest.recipe.config
    listed = [one for key in _SOURCES for one in config.get(key) or () if isinstance(one, dict)]
    return next((str(one.get("licence") or "") for one in listed if _label(one) == source), "")


def _label(source: Mapping[str, Any]) -> str:
    """What rows call a source of the config: its name, else the last part of its path, else its query."""
    path = str(source.get("path") or "").rstrip("/")
    return str(source.get("name") or path.split("/")[-1] or f"pubmed: {source.get('query')}")


def benchmarks(manifest: Manifest) -> list[Input]:
    """The files that the version was decontaminated against, with the benchmark's label as their name."""
    return [
        one.model_copy(update={"name": one.name.removeprefix(_AGAINST)})
        for one in manifest.recipe.inputs
        if one.name.startswith(_AGAINST)
    ]


def versions_in(manifest: Manifest) -> list[DatasetRef]:
    """The inputs that are versions themselves, each once."""
    found = (_REF.fullmatch(one.name.removeprefix(_AGAINST)) for one in manifest.recipe.inputs)
    return list(dict.fromkeys(DatasetRef(match[1], match[2]) for match in found if match))
