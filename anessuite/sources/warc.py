"""WARC files: the main text of each HTML response, by trafilatura in datatrove's guarded process."""

import re
from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa
from loguru import logger

from anessuite.errors import SourceError
from anessuite.sources.documents import BATCH_BYTES, Batch, Unit
from anessuite.sources.files import SourceFile
from anessuite.sources.jsonl import BROKEN, broken, decompressed

NOT_EXTRACTABLE = "not_extractable"
EXTRACTION_TIMEOUT = "extraction_timeout"
TIMEOUT_SECONDS = 10.0
_HTML = re.compile(r"text/html|application/xhtml\+xml")
_CHARSET = re.compile(rb"charset=[\"']?([A-Za-z0-9_-]+)")


def read(unit: Unit) -> Iterator[Batch]:
    """One row for each HTML response or text conversion; other kinds of WARC entries are not documents."""
    first, rows, size = unit.first_row, list[tuple[str, str | None, str | None, str | None]](), 0
    for row in _rows(unit):
        rows.append(row)
        size += len(row[1] or "")
        if size >= BATCH_BYTES:
            yield _batch(rows, first)
            first, rows, size = first + len(rows), [], 0
        if unit.rows is not None and first + len(rows) >= unit.rows:
            break
    if rows:
        yield _batch(rows, first)


def _batch(rows: list[tuple[str, str | None, str | None, str | None]], first: int) -> Batch:
    ids, texts, urls, faults = (pa.array(column, pa.large_string()) for column in zip(*rows, strict=True))
    return Batch(first, texts, ids, urls, faults)


class _Loud:
    """warcio takes an EOFError for the end of the archive; a cut-off one must not pass."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except EOFError as error:
            raise OSError(str(error)) from None


def count_documents(file: SourceFile, *, max_bytes: int) -> tuple[int, float]:
    """Documents in about the first ``max_bytes`` of a file as stored, and what share of it those bytes
    are."""
    from warcio.archiveiterator import ArchiveIterator

    fs, path = file.filesystem()
    documents = 0
    with fs.open(path, "rb") as raw:
        for entry in ArchiveIterator(_Loud(decompressed(raw, path))):
            documents += _is_document(entry)
            if raw.tell() >= max_bytes and raw.tell() < file.bytes:
                return documents, raw.tell() / file.bytes
    return documents, 1.0


def _rows(unit: Unit) -> Iterator[tuple[str, str | None, str | None, str | None]]:
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.extractors.base import ExtractorSandbox
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    logger.disable("datatrove.pipeline.extractors")
    extractor = Trafilatura(favour_precision=False, deduplicate=False, timeout=TIMEOUT_SECONDS)
    fs, path = unit.file.filesystem()
    entry: Any = None
    with fs.open(path, "rb") as stream, ExtractorSandbox(timeout=TIMEOUT_SECONDS) as sandbox:
        try:
            for entry in ArchiveIterator(_Loud(decompressed(stream, path))):
                row = _row(entry, sandbox, extractor.extract)
                if row is not None:
                    yield row
            if getattr(getattr(entry, "raw_stream", None), "limit", 0) > 0:
                raise EOFError("its last entry is not complete")
        except (ArchiveLoadFailed, *BROKEN) as error:
            raise broken(unit.file.name, error) from None
    if entry is None:
        raise SourceError(f"{unit.file.name} holds no WARC entry", "is it a WARC file? see `format`")


def _content_type(entry: Any) -> str:
    return (entry.http_headers.get_header("Content-Type", "") if entry.http_headers else "") or ""


def _is_document(entry: Any) -> bool:
    is_page = entry.rec_type == "response" and _HTML.search(_content_type(entry))
    return entry.rec_type == "conversion" or bool(is_page)


def _row(entry: Any, sandbox: Any, extract: Any) -> tuple[str, str | None, str | None, str | None] | None:
    headers = entry.rec_headers
    url = headers.get_header("WARC-Target-URI")
    name = headers.get_header("WARC-Record-ID") or url or ""
    if entry.rec_type == "conversion":
        return name, _decoded(entry.content_stream().read(), ""), url, None
    if not _is_document(entry):
        return None
    kind = _content_type(entry)
    html = _decoded(entry.content_stream().read(), kind)
    try:
        text = sandbox.process_document(html, extract)
    except TimeoutError:
        return name, None, url, EXTRACTION_TIMEOUT
    except Exception:  # whatever hostile HTML does to the parser, the row is counted
        return name, None, url, NOT_EXTRACTABLE
    return name, text or None, url, None if text else NOT_EXTRACTABLE


def _decoded(content: bytes, kind: str) -> str:
    """By the HTTP header, else the page's own declaration, else UTF-8; undecodable bytes become U+FFFD."""
    declared = _CHARSET.search(kind.encode()) or _CHARSET.search(content[:2048])
    names = ["utf-8", declared.group(1).decode()] if declared else ["utf-8"]
    for name in names:
        try:
            return content.decode(name)
        except (UnicodeError, LookupError):
            continue
    try:
        return content.decode(names[-1], "replace")
    except (UnicodeError, LookupError):
        return content.decode("utf-8", "replace")
