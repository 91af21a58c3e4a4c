"""Which rows does a user mean? An id, the beginning of one, or what the source calls the row."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from anessuite.errors import AnesError, ConfigError, SourceError
from anessuite.manifests import Manifest
from anessuite.storage import Store
from anessuite.tracing.shards import Placed, Shards
from anessuite.versions import DatasetRef

LEAST_PREFIX = 6
ID_LENGTH = 32
_ID = re.compile(r"[0-9a-f]{6,32}")
_NEAR_PREFIX = 4
_SHOWN = ("id", "source", "source_id", "stage", "reason")
_MOST_SHOWN = 8
_MOST_VERSIONS = 20
_AFTER_HEX = "g"

Matched = Literal["its id", "the beginning of its id", "its source_id"]


class RowNotFound(AnesError):
    """No row of the version has this name."""

    exit_code = 2


class RowAmbiguous(AnesError):
    """Several rows have this name."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Version:
    """A finished version, and the shards of its folders."""

    store: Store
    ref: DatasetRef
    manifest: Manifest

    @classmethod
    def of(cls, store: Store, ref: DatasetRef) -> "Version":
        """Reads the manifest. Raises VersionNotFound."""
        return cls(store, ref, store.manifest(ref))

    def shards(self, folder: str) -> Shards:
        """Those below ``data/``, ``rejected/`` or ``attempts/``; there may be none."""
        files = [
            file
            for file in self.manifest.files
            if file.path.startswith(f"{folder}/") and file.path.endswith(".parquet")
        ]
        return Shards(self.store, self.ref, files)


@dataclass(frozen=True, slots=True)
class Meant:
    """The rows of one id, ``count`` of them; and how the name was understood.

    Rows with the very source_id that was given come first, then the kept one.
    """

    id: str
    matched: Matched
    rows: list[Placed]
    count: int


def find_rows(version: Version, wanted: str) -> Meant:
    """The rows of the one id that ``wanted`` names.

    Six to 32 hexadecimal digits are an id or its beginning; only where no id begins so, and for any other
    text, it is a source's own id. Raises RowNotFound naming what is near, RowAmbiguous naming all that could
    be meant, ConfigError for an empty name, SourceError for a shard that cannot be read.
    """
    wanted = wanted.strip()
    if not wanted:
        raise ConfigError("the row has no name", "give its id, the beginning of its id, or its source_id")
    prefix = wanted.lower()
    by_id = _ids(version, prefix, columns=_SHOWN) if _ID.fullmatch(prefix) else []
    how: Matched = "its id" if len(prefix) == ID_LENGTH else "the beginning of its id"
    if not by_id:
        how = "its source_id"
        by_id = [placed for shards in _both(version) for placed in shards.named(wanted)]
    ids = sorted({placed.row["id"] for placed in by_id})
    if not ids:
        raise _not_found(version, wanted)
    if len(ids) > 1:
        raise _ambiguous(version, wanted, how, by_id)
    rows, count = rows_of(version, ids[0])
    if how == "its source_id":
        rows = by_id + [placed for placed in rows if placed.row["source_id"] != wanted]
    return Meant(ids[0], how, rows, count)


def rows_of(version: Version, row_id: str) -> tuple[list[Placed], int]:
    """All rows of an id, kept ones first, and how many there are; none is no error."""
    found = [shards.between(row_id, row_id + _AFTER_HEX) for shards in _both(version)]
    return [placed for rows, _ in found for placed in rows], sum(count for _, count in found)


def is_kept(placed: Placed) -> bool:
    """Whether the row is one of ``data/``."""
    return placed.file.startswith("data/")


def fate(row: dict[str, Any]) -> str:
    """``kept``, or the reason for which the row was dropped."""
    return f"dropped: {row['reason']}" if row.get("reason") else "kept"


def _both(version: Version) -> Iterator[Shards]:
    yield version.shards("data")
    yield version.shards("rejected")


def _ids(version: Version, prefix: str, columns: tuple[str, ...]) -> list[Placed]:
    return [
        placed
        for shards in _both(version)
        for placed in shards.between(prefix, prefix + _AFTER_HEX, columns)[0]
    ]


def _line(row: dict[str, Any]) -> str:
    return f"{row['id']} ({row['source']} {row['source_id']}, {fate(row)})"


def _listed(rows: list[Placed]) -> str:
    lines = list(dict.fromkeys(_line(placed.row) for placed in rows))
    more = [f"and {len(lines) - _MOST_SHOWN} more"] if len(lines) > _MOST_SHOWN else []
    return "\n  ".join([*lines[:_MOST_SHOWN], *more])


def _ambiguous(version: Version, wanted: str, how: Matched, rows: list[Placed]) -> RowAmbiguous:
    what = "several sources call a row" if how == "its source_id" else "several ids begin with"
    return RowAmbiguous(
        f"{version.ref}: {what} {wanted}", f"give the id, or more of it, of one of\n  {_listed(rows)}"
    )


def _not_found(version: Version, wanted: str) -> RowNotFound:
    hints = [*_near_ids(version, wanted), *_near_names(version, wanted), *_elsewhere(version, wanted)]
    unstored = version.manifest.drops.get("no_term", 0)
    if unstored:
        hints.append(f"{unstored:,} rows without any term (no_term) were counted and not stored")
    hints.append(
        f"a row is named by its id, by {LEAST_PREFIX} or more of the id's first digits, or by its source_id"
    )
    return RowNotFound(f"{version.ref} has no row {wanted!r}", "\n  ".join(hints))


def _near_ids(version: Version, wanted: str) -> list[str]:
    prefix = wanted.lower()[:_NEAR_PREFIX]
    if not re.fullmatch(r"[0-9a-f]{4}", prefix):
        return []
    near = _ids(version, prefix, _SHOWN)
    return [f"ids that begin with {prefix}: {_listed(near)}"] if near else []


def _near_names(version: Version, wanted: str) -> list[str]:
    found = sorted((like for shards in _both(version) for like in shards.like(wanted)), reverse=True)
    names = list(dict.fromkeys(name for _, name in found))[:_MOST_SHOWN]
    return [f"source_ids like it: {', '.join(names)}"] if names else []


def _elsewhere(version: Version, wanted: str) -> list[str]:
    """Other versions below the root that hold this very id; those that cannot be read have nothing to say."""
    if not re.fullmatch(r"[0-9a-f]{32}", wanted.lower()):
        return []
    there = []
    for ref in [one for one in version.store.refs() if one != version.ref][-_MOST_VERSIONS:]:
        with suppress(SourceError):
            if _ids(Version.of(version.store, ref), wanted.lower(), _SHOWN):
                there.append(str(ref))
    return [f"it is a row of {', '.join(there)}"] if there else []
