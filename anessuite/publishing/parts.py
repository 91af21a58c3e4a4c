"""A file of a version in parts: how large they are, and reading them with their checksums."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from anessuite.errors import ConfigError
from anessuite.manifests import File
from anessuite.publishing.errors import SourceChanged
from anessuite.storage import Store

MIB = 1 << 20
PART_BYTES = 16 * MIB
SMALLEST, LARGEST = 5 * MIB, 5 << 30
"""S3's limits of a part; the last of a file may be smaller."""
MOST_PARTS = 10_000


def part_bytes(size: int, wanted: int = PART_BYTES) -> int:
    """Bytes a part of a file of ``size`` bytes: as wanted, or more (whole MiB) to need at most 10,000.

    Raises ConfigError for a size of parts that S3 does not take.
    """
    if not SMALLEST <= wanted <= LARGEST:
        raise ConfigError(
            f"parts of {wanted / MIB:,.0f} MiB are not possible",
            f"{SMALLEST // MIB} to {LARGEST // MIB:,} MiB; {PART_BYTES // MIB} is the default",
        )
    needed = -(-size // MOST_PARTS)
    return max(wanted, -(-needed // MIB) * MIB)


def encoded(digest: bytes) -> str:
    """A digest as S3 writes it (base64)."""
    return base64.b64encode(digest).decode()


@dataclass(frozen=True, slots=True)
class Part:
    """One part in memory; numbers begin at 1."""

    number: int
    body: bytes

    @property
    def sha256(self) -> str:
        """In base64."""
        return encoded(hashlib.sha256(self.body).digest())

    @property
    def md5(self) -> str:
        """In hex: the ETag of a part in a store that lists no checksums."""
        return hashlib.md5(self.body, usedforsecurity=False).hexdigest()


def composite(checksums: list[str]) -> str:
    """S3's checksum of an object made of parts: SHA-256 of their SHA-256, base64, ``-``, their count."""
    whole = hashlib.sha256(b"".join(map(base64.b64decode, checksums))).digest()
    return f"{encoded(whole)}-{len(checksums)}"


def read_part(store: Store, folder: str, file: File, number: int, size: int) -> Part:
    """One part of a file; raises SourceChanged if it cannot be read whole."""
    begin, end = (number - 1) * size, min(number * size, file.bytes)
    return Part(number, _read(store, folder, file, begin, end))


def read_parts(store: Store, folder: str, file: File, size: int) -> Iterator[Part]:
    """A file part by part, in order, each read once.

    Raises SourceChanged after the last part if the whole is not what the manifest says.
    """
    digest = hashlib.sha256()
    for number in range(1, max(1, -(-file.bytes // size)) + 1):
        part = read_part(store, folder, file, number, size)
        digest.update(part.body)
        yield part
    _compare(store, folder, file, digest.hexdigest())


def read_whole(store: Store, folder: str, file: File) -> bytes:
    """A small file, checked against the manifest; raises SourceChanged."""
    content = _read(store, folder, file, 0, file.bytes)
    _compare(store, folder, file, hashlib.sha256(content).hexdigest())
    return content


def _read(store: Store, folder: str, file: File, begin: int, end: int) -> bytes:
    if begin == end:
        return b""
    path = store.absolute(folder, file.path)
    try:
        content = cast("bytes", store.fs.cat_file(path, start=begin, end=end))
    except FileNotFoundError:
        raise _changed(folder, file, "is missing") from None
    except (OSError, ValueError) as error:
        raise _changed(folder, file, f"cannot be read ({type(error).__name__})") from None
    if len(content) != end - begin:
        raise _changed(folder, file, f"has fewer than {file.bytes:,} bytes")
    return content


def _compare(store: Store, folder: str, file: File, found: str) -> None:
    try:
        size = int(store.fs.info(store.absolute(folder, file.path))["size"])
    except OSError:
        raise _changed(folder, file, "is missing") from None
    if size != file.bytes:
        raise _changed(folder, file, f"has {size:,} bytes, not {file.bytes:,}")
    if found != file.sha256:
        raise _changed(folder, file, f"has SHA-256 {found[:16]}..., not {file.sha256[:16]}...")


def _changed(folder: str, file: File, problem: str) -> SourceChanged:
    name, version = folder.split("/")
    return SourceChanged(
        f"{name}@{version}: {file.path} {problem}",
        f"the manifest was not sent; anes verify {name}@{version} shows every fault."
        " Fetch the file again, or build the version anew under another number",
    )
