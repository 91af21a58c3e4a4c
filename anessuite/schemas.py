"""Columns of the suite's Parquet files, as Arrow schemas, and the one way to write them."""

from contextlib import suppress
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from anessuite.manifests import File
from anessuite.storage import Store

DOCUMENT = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("terms", pa.list_(pa.string()), nullable=False),
        pa.field("term_hits", pa.uint32(), nullable=False),
        pa.field("hits_per_1000_chars", pa.float32(), nullable=False),
        pa.field("masked", pa.uint16(), nullable=False),
    ]
)
"""A kept document: ``terms`` are the distinct lexicon terms found, ``masked`` counts masked personal data."""

REJECTED_DOCUMENT = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string()),
        pa.field("language", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("evidence", pa.string()),
    ]
)
"""A dropped document; ``evidence`` is JSON whose keys depend on the reason."""

_ARTICLE = [
    pa.field("source", pa.string(), nullable=False),
    pa.field("source_id", pa.string(), nullable=False),
    pa.field("pmid", pa.string(), nullable=False),
    pa.field("title", pa.string(), nullable=False),
    pa.field("journal", pa.string(), nullable=False),
    pa.field("year", pa.int16()),
    pa.field("doi", pa.string()),
]
ABSTRACT = pa.schema([*_ARTICLE, pa.field("abstract", pa.string(), nullable=False)])
"""A PubMed abstract to write questions about; ``source_id`` is its file and its row there."""

CANDIDATE = pa.schema(
    [
        *ABSTRACT,
        pa.field("id", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("verdict", pa.string()),
        pa.field("answer", pa.string()),
        pa.field("grounding_score", pa.float32()),
    ]
)
"""A question on its way to a pair; ``source_id`` is PMID and number in the reply, ``verdict`` the filter
model's reason."""

QA_PAIR = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        *_ARTICLE,
        pa.field("generator", pa.string(), nullable=False),
        pa.field("filter", pa.string(), nullable=False),
        pa.field("question_prompt", pa.string(), nullable=False),
        pa.field("judge_prompt", pa.string(), nullable=False),
        pa.field("answer_prompt", pa.string(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("grounding_score", pa.float32(), nullable=False),
    ]
)
"""A question-answer pair; ``id`` is of PMID and question, ``verdict`` the filter model's reason."""

REJECTED_PAIR = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("question", pa.string()),
        pa.field("answer", pa.string()),
        pa.field("language", pa.string(), nullable=False),
        *_ARTICLE,
        pa.field("stage", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("evidence", pa.string()),
    ]
)
"""A citation, an abstract or a question that was dropped; the first two hold no question."""

COMPLETION = pa.schema(
    [
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("attempt", pa.uint16(), nullable=False),
        pa.field("request", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("reasoning", pa.string()),
        pa.field("finish_reason", pa.string(), nullable=False),
        pa.field("prompt_tokens", pa.uint32(), nullable=False),
        pa.field("completion_tokens", pa.uint32(), nullable=False),
        pa.field("served_model", pa.string(), nullable=False),
        pa.field("fault", pa.string()),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""What a model returned for row ``row`` of a part; ``request`` is the key in the cache, as hex."""

ROW_GROUP_BYTES = 32 << 20
_SLICE_ROWS = 1024
ZSTD_LEVEL = 3
PART_ZSTD_LEVEL = 1
"""For parts of a build that are read once and written anew."""


class ParquetSink:
    """One zstd Parquet file of exactly ``schema``, written frame by frame; use it as a context manager.

    The same rows in the same order give the same bytes, however they are cut into frames.
    Afterwards ``file`` holds its path, rows, bytes and SHA-256.
    """

    file: File

    def __init__(self, store: Store, path: str, schema: pa.Schema, *, level: int = ZSTD_LEVEL) -> None:
        self._path, self._schema, self._level = path, schema, level
        self._held: list[pa.Table] = []
        self._open: list[pa.Table] = []
        self._held_bytes = self._open_rows = self._rows = 0
        self._created = store.create(path)

    def __enter__(self) -> "ParquetSink":
        self._sink = self._created.__enter__()
        self._writer = pq.ParquetWriter(
            self._sink, self._schema, compression="zstd", compression_level=self._level
        )
        return self

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows; raises pyarrow's ArrowInvalid if a column does not fit the schema."""
        table = as_arrow(frame, self._schema)
        begin = 0
        while begin < table.num_rows:
            piece = table.slice(begin, _SLICE_ROWS - self._open_rows)
            self._open.append(piece)
            self._open_rows += piece.num_rows
            self._rows += piece.num_rows
            begin += piece.num_rows
            if self._open_rows == _SLICE_ROWS:
                self._close_slice()

    def _close_slice(self) -> None:
        """Row groups end at whole slices, measured by their values alone, so that frames leave no trace."""
        if not self._open_rows:
            return
        piece = pa.concat_tables(self._open).combine_chunks()
        self._held.append(piece)
        self._held_bytes += sum(pa.ipc.get_record_batch_size(batch) for batch in piece.to_batches())
        self._open, self._open_rows = [], 0
        if self._held_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            table = pa.concat_tables(self._held).combine_chunks()
            self._writer.write_table(table, row_group_size=table.num_rows)
            self._held, self._held_bytes = [], 0

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            if kind is None:
                self._close_slice()
                self._flush()
            self._writer.close()
        except BaseException as failure:
            with suppress(Exception):
                self._writer.close()
            self._created.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._created.__exit__(kind, error, trace)
        self.file = File(path=self._path, bytes=self._sink.bytes, sha256=self._sink.sha256, rows=self._rows)


def empty(schema: pa.Schema) -> pl.DataFrame:
    """A frame of the schema without rows."""
    return pl.DataFrame(pl.from_arrow(schema.empty_table()))


def as_arrow(frame: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    """The frame's columns in the schema's order and types; a missing column raises."""
    return frame.select(schema.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)
