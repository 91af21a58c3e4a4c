"""Look for secrets in every byte that a run left: as they are, encoded, and inside what is compressed."""

import base64
import gzip
import io
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import zstandard

_SQLITE = b"SQLite format 3\0"
_GZIP, _ZSTD, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"


def forms(secret: str) -> set[bytes]:
    """The secret as it is, in hexadecimal, in a URL, and in base64 at each of the three places in a group."""
    plain = secret.encode()
    found = {plain, plain.hex().encode(), quote(secret, safe="").encode()}
    for shift in range(3):  # whatever stands before it; the groups at both ends depend on neighbours
        coded = base64.b64encode(b"x" * shift + plain)
        found.add(coded[4 if shift else 0 : len(coded) // 4 * 4 - 4])
    return found


def leaks(secrets: Iterable[str], folder: Path) -> list[str]:
    """Each file below ``folder`` that holds a secret, and where in it; empty is well."""
    wanted = {form: secret for secret in secrets for form in forms(secret)}
    return [
        f"{file.relative_to(folder)}{place}: {wanted[form]}"
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        for place, content in unpacked(file.read_bytes(), file)
        for form in wanted
        if form in content
    ]


def unpacked(content: bytes, file: Path | None = None) -> Iterator[tuple[str, bytes]]:
    """``content``, and what is in it if it is compressed, Parquet or (given its file) a database."""
    yield "", content
    if content.startswith(_SQLITE) and file is not None:
        yield from _rows(file)
    elif content.startswith(_PARQUET):
        for name, column in pl.read_parquet(io.BytesIO(content)).to_dict(as_series=False).items():
            yield f" column {name}", repr(column).encode()
    elif content.startswith(_GZIP):
        for place, inner in unpacked(gzip.decompress(content)):
            yield f" gzip{place}", inner
    elif content.startswith(_ZSTD):
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)) as reader:
            for place, inner in unpacked(reader.read()):
                yield f" zstd{place}", inner


def _rows(file: Path) -> Iterator[tuple[str, bytes]]:
    """All values of all tables; the write-ahead log beside the file counts too."""
    with closing(sqlite3.connect(file)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    for place, content in unpacked(_bytes(value)):
                        yield f" table {table}{place}", content


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
