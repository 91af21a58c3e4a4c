"""PubMed's files through the scanner, some megabytes at a time.

What the scanner does not know goes to the parser: a citation alone where it stands for itself, else, by
raising NotPlain, the whole file. Content that parts into well-formed pieces is well-formed, and each piece
means the same by itself, as long as nothing is declared before (entities, prefixes, another encoding):
so such files are no plain ones.
"""

import re
from collections.abc import Iterator
from typing import IO

import lxml.etree as etree
import numpy as np
import pyarrow as pa

from anessuite.sources.pubmed.bytes import PADDING
from anessuite.sources.pubmed.columns import columns_of
from anessuite.sources.pubmed.paths import BEGIN, END, ROW_WIDTH, STRANGE_ROW, tables
from anessuite.sources.pubmed.records import CITATION, Citation, Deletion, batch_of
from anessuite.sources.pubmed.scan import ENDED, FULL, UNKNOWN, room, scanner
from anessuite.sources.pubmed.trees import citations_of
from anessuite.sources.pubmed.xml import Element, Fault, opened, parsed

ROOTS = ("PubmedArticleSet", "MedlineCitationSet", "PubmedBookArticleSet")
_PROLOG = re.compile(
    rb"(\xef\xbb\xbf)?(<\?xml\s+version=['\"]1\.0['\"](\s+encoding=['\"]utf-8['\"])?\s*\?>)?"
    rb"\s*(<!DOCTYPE\s+\w+(\s+PUBLIC\s+\"[^\"<>]*\"\s+\"[^\"<>]*\"\s*)?>)?"
    rb"\s*<(" + "|".join(ROOTS).encode() + rb")\s*>",
    re.IGNORECASE,
)
_LONGEST_PROLOG = 1 << 14
BLOCK_BYTES = 1 << 22
_PIECE_BYTES = 1 << 17
"""Read at once: larger ones would be new memory each time."""
_LONGEST_CHILD = 1 << 23
"""Beyond this a parser has limits of its own."""
_ROWS = 4096


class NotPlain(Exception):
    """The file, or what is left of it, is for a parser; it may be without fault."""


def plain_batches(path: str, *, block_bytes: int = BLOCK_BYTES) -> Iterator[pa.RecordBatch]:
    """The citations of a file as rows of CITATION, in order, in constant memory.

    Raises NotPlain where `read_citations` has to be asked, from the beginning; batches may have come already.
    """
    with opened(path) as stream:
        first = 0
        for batch in _batches(_Window(stream, block_bytes)):
            numbers = pa.array(np.arange(first, first + batch.num_rows, dtype=np.uint64))
            first += batch.num_rows
            yield batch.set_column(CITATION.get_field_index("row"), CITATION.field("row"), numbers)


class _Window:
    """The part of a stream that is being looked at: ``data[at:size]``, and zeros behind it."""

    def __init__(self, stream: IO[bytes], block_bytes: int) -> None:
        self._stream, self._block_bytes = stream, block_bytes
        self.data = np.empty(2 * block_bytes + PADDING, dtype=np.uint8)
        self.at = self.size = 0

    def read_on(self) -> bool:
        """Drop what is before ``at`` and read a block, or as much as there is: False at the end."""
        held, old = self.size - self.at, self.data
        size = held + max(self._block_bytes, held)
        if size + PADDING > len(old):
            self.data = np.empty(2 * size + PADDING, dtype=np.uint8)
        self.data[:held] = old[self.at : self.size]
        self.at, self.size = 0, held
        while piece := self._stream.read(min(size - self.size, _PIECE_BYTES)):
            self.data[self.size : self.size + len(piece)] = np.frombuffer(piece, dtype=np.uint8)
            self.size += len(piece)
        self.data[self.size : self.size + PADDING] = 0
        return self.size > held

    def content(self) -> bytes:
        """What is looked at."""
        return self.data[self.at : self.size].tobytes()


def _batches(window: _Window) -> Iterator[pa.RecordBatch]:
    root = _root(window)
    rows, values, state = np.empty((_ROWS, ROW_WIDTH), dtype=np.int32), room(len(window.data)), tables()
    scan = scanner()
    while True:
        if len(values) < len(room(len(window.data))):
            values = room(len(window.data))
        window.at, reason, count, many = scan(window.data, window.at, window.size, state, rows, values)
        if count:
            yield _batch(window, rows[:count], values[:many])
        if reason == UNKNOWN:
            raise NotPlain("something is between two citations")
        if reason == ENDED:
            return _end(window, root)
        if reason != FULL and (window.size - window.at > _LONGEST_CHILD or not window.read_on()):
            raise NotPlain("a citation is very long, or cut off")


def _root(window: _Window) -> bytes:
    """Read up to the root: its name."""
    prolog = None
    while not prolog and window.size < _LONGEST_PROLOG and window.read_on():
        prolog = _PROLOG.match(window.data[: min(window.size, _LONGEST_PROLOG)].tobytes())
    if not prolog or prolog[6].decode() not in ROOTS:
        raise NotPlain("it does not begin as PubMed's files do")
    try:
        parsed(prolog[0] + b"</" + prolog[6] + b">")
    except etree.XMLSyntaxError:
        raise NotPlain("its prolog has a fault") from None
    window.at = prolog.end()
    return prolog[6]


def _end(window: _Window, root: bytes) -> None:
    """Read to the end of the file; there is nothing but the root's end tag."""
    end = re.compile(rb"</" + root + rb"[ \t\r\n]*>[ \t\r\n]*")
    while window.size - window.at < _LONGEST_CHILD and window.read_on():
        pass
    if window.size - window.at >= _LONGEST_CHILD or not end.fullmatch(window.content()):
        raise NotPlain("something is behind the last citation")


def _batch(window: _Window, rows: np.ndarray, values: np.ndarray) -> pa.RecordBatch:
    """All rows, the strange ones from trees."""
    if (rows[:, END] - rows[:, BEGIN]).max() > _LONGEST_CHILD:
        raise NotPlain("a citation is very long")
    is_strange = rows[:, STRANGE_ROW] > 0
    numbers = np.cumsum(~is_strange, dtype=np.int32) - 1
    values[:, 0] = numbers[values[:, 0]]
    try:
        columns = columns_of(window.data, window.size, rows[~is_strange], values)
    except (etree.XMLSyntaxError, Fault):
        raise NotPlain("markup in a text has a fault") from None
    columns["row"] = np.zeros(len(rows) - int(is_strange.sum()), dtype=np.uint64)
    plain = pa.RecordBatch.from_arrays([columns[field.name] for field in CITATION], schema=CITATION)
    if not is_strange.any():
        return plain
    order, found = list[int](), list[Citation | Deletion]()
    for row, strange in enumerate(is_strange.tolist()):
        if strange:
            more = _parsed(window.data[rows[row, BEGIN] : rows[row, END]].tobytes())
            order += range(plain.num_rows + len(found), plain.num_rows + len(found) + len(more))
            found += more
        else:
            order.append(int(numbers[row]))
    return pa.concat_batches([plain, batch_of(found, 0)]).take(pa.array(order, pa.int64()))


def _parsed(content: bytes) -> list[Citation | Deletion]:
    """What one child of the root holds, if it is one."""
    try:
        root: Element = parsed(b"<a>" + content + b"</a>")
        if len(root) == 1 and not root.text and not root[0].tail:
            return list(citations_of(root[0]))
    except (etree.XMLSyntaxError, Fault):
        pass
    raise NotPlain("a citation has a fault")
