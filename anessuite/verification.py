"""Does a version still hold what its manifest says?"""

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from anessuite.manifests import File
from anessuite.storage import MANIFEST, Store
from anessuite.versions import DatasetRef


@dataclass(frozen=True, slots=True)
class Fault:
    """One file of a version and what is wrong with it."""

    path: str
    problem: str


def verify(store: Store, ref: DatasetRef) -> list[Fault]:
    """Read every file of a version again; an empty list means that all is as the manifest says.

    Looks for missing and added files, other sizes, other SHA-256, other row counts, and counts that do not
    add up.
    Raises VersionNotFound if there is no such version.
    """
    manifest = store.manifest(ref)
    folder = store.folder(ref)
    known = {file.path for file in manifest.files} | {MANIFEST}
    faults = [fault for file in manifest.files if (fault := _check(store, folder, file))]
    faults += [Fault(path, "is not in the manifest") for path in store.files(folder) if path not in known]
    rows = Counter[str]()
    for file in manifest.data_files():
        rows[file.path.removeprefix("data/").rsplit("-of-", 1)[0].rsplit("-", 1)[0]] += file.rows or 0
    if dict(rows) != manifest.rows:
        faults.append(Fault(MANIFEST, f"rows {manifest.rows}, but its shards hold {dict(rows)}"))
    return faults


def _check(store: Store, folder: str, file: File) -> Fault | None:
    path = f"{folder}/{file.path}"
    if not store.exists(path):
        return Fault(file.path, "is missing")
    digest, size = store.sha256(path)
    if size != file.bytes:
        return Fault(file.path, f"has {size:,} bytes, not {file.bytes:,}")
    if digest != file.sha256:
        return Fault(file.path, f"has SHA-256 {digest[:16]}..., not {file.sha256[:16]}...")
    if file.rows is not None and (rows := _rows(store, path)) != file.rows:
        return Fault(file.path, f"holds {rows} rows, not {file.rows:,}")
    return None


def _rows(store: Store, path: str) -> int | str:
    try:
        with store.fs.open(store.absolute(path), "rb") as file:
            return pq.ParquetFile(file).metadata.num_rows
    except (pa.ArrowInvalid, OSError):
        return "unreadable"
