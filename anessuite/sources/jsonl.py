"""JSON Lines (plain, gzip, zstd) and JSON arrays.

A line that is no JSON object becomes a row with a fault; bytes that are not UTF-8, a broken archive, and a
file without one good line are errors of the file.
"""

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, cast

import orjson
import pyarrow as pa
import zstandard
from isal import igzip, isal_zlib

from anessuite.errors import SourceError
from anessuite.sources.columns import Columns
from anessuite.sources.documents import BATCH_BYTES, Batch, Unit
from anessuite.sources.files import SourceFile

MALFORMED = "malformed_json"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
BROKEN: tuple[type[Exception], ...] = (
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
    cast("type[Exception]", isal_zlib.error),  # its stub calls it an object
    zstandard.ZstdError,
    OSError,
)
"""What readers of archives raise for one that cannot be read to its end."""

Row = tuple[dict[str, Any] | None, int]
"""One row (None if it is malformed) and about how many bytes it takes."""


def read_lines(unit: Unit) -> Iterator[Batch]:
    """One JSON object a line."""
    yield from batches(unit, rows_of_lines(unit.file))


def read_array(unit: Unit) -> Iterator[Batch]:
    """A file that is one JSON array of objects."""
    yield from batches(unit, rows_of_array(unit.file))


def rows_of_lines(file: SourceFile) -> Iterator[Row]:
    """The objects of a JSON Lines file. Raises SourceError, naming it, if it cannot be read to its end."""
    with opened(file) as stream:
        yield from _objects(stream, file.name)


def rows_of_array(file: SourceFile) -> Iterator[Row]:
    """The objects of a JSON array; it is read whole, so it has to fit in memory.

    Raises SourceError, naming the file, if it is damaged or holds no array.
    """
    name = file.name
    try:
        with opened(file) as stream:
            content = stream.read().removeprefix(codecs.BOM_UTF8)
    except BROKEN as error:
        raise broken(name, error) from None
    utf8(content, name, 1)
    try:
        rows = _loads(content)
    except ValueError as error:
        raise SourceError(f"{name} is no JSON array: {error}", "JSON Lines files end in .jsonl") from None
    if not isinstance(rows, list):
        raise SourceError(f"{name} holds {type(rows).__name__}, not an array of objects")
    yield from ((row if isinstance(row, dict) else None, 1 << 10) for row in cast("list[Any]", rows))


@contextmanager
def opened(file: SourceFile) -> Iterator[IO[bytes]]:
    """The file's content, decompressed."""
    fs, path = file.filesystem()
    with fs.open(path, "rb") as raw:
        yield decompressed(raw, path)


def count_lines(file: SourceFile, *, max_bytes: int) -> tuple[int, float]:
    """Lines in about the first ``max_bytes`` of a file as stored, and the share of the file that they are."""
    fs, path = file.filesystem()
    lines = 0
    with fs.open(path, "rb") as raw:
        for line in decompressed(raw, path):
            lines += not line.isspace()
            if raw.tell() >= max_bytes and raw.tell() < file.bytes:
                return lines, raw.tell() / file.bytes
    return lines, 1.0


def decompressed(raw: IO[bytes], path: str) -> IO[bytes]:
    """The stream behind ``.gz`` and ``.zst`` names."""
    if path.lower().endswith(".gz"):
        return cast("IO[bytes]", igzip.IGzipFile(fileobj=raw))
    if path.lower().endswith(".zst"):
        return cast("IO[bytes]", io.BufferedReader(_ZstdStream(raw), 1 << 20))
    return raw


class _ZstdStream(io.RawIOBase):
    """Zstd frames, one after another; unlike zstandard's reader it raises EOFError if one is cut off."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._frame: Any = None
        self._packed = self._plain = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._plain:
            self._packed = self._packed or self._raw.read(1 << 16)
            if not self._packed:
                if self._frame is not None and not self._frame.eof:
                    raise EOFError("the last zstd frame is not complete")
                return 0
            if self._frame is None or self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._plain = self._frame.decompress(self._packed)
            self._packed = self._frame.unused_data if self._frame.eof else b""
        size = min(len(buffer), len(self._plain))
        buffer[:size], self._plain = self._plain[:size], self._plain[size:]
        return size


def broken(name: str, error: BaseException) -> SourceError:
    """The error of a file whose archive cannot be read to its end."""
    return SourceError(
        f"{name} is cut off or damaged: {str(error) or type(error).__name__}",
        "fetch it again, or leave it out with --keep-going",
    )


def _objects(stream: IO[bytes], name: str) -> Iterator[Row]:
    number, good = 0, False
    try:
        for number, line in enumerate(stream, start=1):
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if not line or line.isspace():
                continue
            try:
                row = _loads(line)
            except ValueError:
                utf8(line, name, number)
                row = None
            good = good or isinstance(row, dict)
            yield (row if isinstance(row, dict) else None), len(line)
    except BROKEN as error:
        raise broken(name, error) from None
    if number and not good:
        raise SourceError(
            f"{name}: not one of {number} lines is a JSON object", "is it JSON Lines? see `format`"
        )


def _loads(content: bytes) -> Any:
    """As orjson, but strings may hold lone surrogates, which it refuses."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        if not _SURROGATE.search(content):
            raise
        return json.loads(content)


def utf8(content: bytes, name: str, line: int) -> str:
    """``content``, which begins on this line of the file, as text.

    Raises SourceError, which names the line and the command that helps, if it is not UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        guess = _encoding_of(content)
        advice = (
            f"the bytes read well as {guess}: iconv -f {guess} -t UTF-8" if guess else "convert it to UTF-8"
        )
        at = line + content[: error.start].count(10)
        raise SourceError(f"{name}, line {at}, is not UTF-8 ({error.reason})", advice) from None


def _encoding_of(content: bytes) -> str | None:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    for name in ("gb18030", "big5", "shift_jis", "cp1252"):
        try:
            content.decode(name)
        except UnicodeDecodeError:
            continue
        return name.upper()
    return None


def batches(unit: Unit, rows: Iterable[Row]) -> Iterator[Batch]:
    """The unit's rows, in batches of about BATCH_BYTES; the first good one must have the source's columns."""
    columns, limit = unit.source.columns, unit.rows
    first, held, size, checked = unit.first_row, cast("list[Any]", []), 0, False
    for number, (row, length) in enumerate(rows):
        if limit is not None and number >= limit:
            break
        if row is not None and not checked:
            columns.check(row, unit.file.name)
            checked = True
        held.append(row)
        size += length
        if size >= BATCH_BYTES:
            yield _batch(held, columns, first)
            first, held, size = first + len(held), [], 0
    if held:
        yield _batch(held, columns, first)


def _batch(rows: list[Mapping[str, Any] | None], columns: Columns, first: int) -> Batch:
    def strings(values: Iterable[str | None]) -> pa.Array:
        return pa.array(values, pa.large_string())

    known = [row or {} for row in rows]
    return Batch(
        first,
        strings(storable(columns.text_of(row)) for row in known),
        strings(storable(columns.id_of(row)) for row in known) if columns.id else None,
        strings(storable(columns.url_of(row)) for row in known) if columns.url else None,
        strings(MALFORMED if row is None else None for row in rows),
    )


def storable(text: str | None) -> str | None:
    """Lone surrogates (written as escapes in JSON) cannot be stored as UTF-8; they become U+FFFD."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
