import hashlib
import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anessuite import schemas
from anessuite.schemas import DOCUMENT, REJECTED_DOCUMENT, ParquetSink
from anessuite.storage import Store

SMALL = pa.schema([
    pa.field("id", pa.string(), nullable=False),
    pa.field("text", pa.string()),
    pa.field("terms", pa.list_(pa.string()), nullable=False),
])  # fmt: skip
TYPES = {"id": pl.String, "text": pl.String, "terms": pl.List(pl.String)}


def rows(count: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"{n:08}" for n in range(count)],
            "text": [None if n % 7 == 3 else f"麻醉 {n} " * (n % 13) for n in range(count)],
            "terms": [["term"] * (n % 3) for n in range(count)],
        },
        schema=TYPES,
    )


def write(store: Store, path: str, frames: list[pl.DataFrame], schema: pa.Schema = SMALL) -> ParquetSink:
    with ParquetSink(store, path, schema) as sink:
        for frame in frames:
            sink.write(frame)
    return sink


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schemas, "ROW_GROUP_BYTES", 2_000)
        patch.setattr(schemas, "_SLICE_ROWS", 16)
        yield Store(str(tmp_path))


@given(st.integers(0, 300), st.lists(st.integers(0, 300), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_the_same_rows_give_the_same_bytes_however_they_are_cut(
    store: Store, count: int, cuts: list[int]
) -> None:
    frame = rows(count)
    edges = [0, *sorted(min(cut, count) for cut in cuts), count]
    write(store, "whole", [frame])
    write(store, "cut", [frame[a:b] for a, b in itertools.pairwise(edges)])
    write(store, "alone", [frame[n : n + 1] for n in range(count)])
    assert store.read_bytes("whole") == store.read_bytes("cut") == store.read_bytes("alone")
    assert pl.read_parquet(store.read_bytes("whole")).equals(frame)


def test_row_groups_end_by_size(store: Store) -> None:
    write(store, "x", [rows(300)])
    assert pq.ParquetFile(io.BytesIO(store.read_bytes("x"))).metadata.num_row_groups > 3


def test_the_file_facts_are_those_of_the_file(any_root: str) -> None:
    store = Store(any_root)
    file = write(store, "a/b.parquet", [rows(5), rows(0), rows(2)]).file
    content = store.read_bytes("a/b.parquet")
    assert (file.path, file.rows, file.bytes) == ("a/b.parquet", 7, len(content))
    assert file.sha256 == hashlib.sha256(content).hexdigest()


def test_a_file_without_rows_has_its_schema(store: Store) -> None:
    file = write(store, "x", [], DOCUMENT).file
    assert file.rows == 0
    assert pq.read_table(io.BytesIO(store.read_bytes("x"))).schema.equals(DOCUMENT)


def test_an_exception_leaves_no_file(any_root: str) -> None:
    store = Store(any_root)
    with pytest.raises(RuntimeError), ParquetSink(store, "x/a.parquet", SMALL) as sink:
        sink.write(rows(5))
        raise RuntimeError
    assert store.files("x") == []


def test_a_failure_while_the_last_rows_are_written_leaves_no_file(
    any_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    store = Store(any_root)
    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(OSError, match="no space left") as caught:
        write(store, "x/a.parquet", [rows(5)])
    assert caught.tb is not None and store.files("x") == []


@pytest.mark.parametrize(
    "frame",
    [
        rows(2).drop("text"),
        rows(2).with_columns(id=pl.lit(None, pl.String)),
        rows(2).with_columns(terms=pl.lit(3)),
    ],
    ids=["missing column", "null where there must be none", "another type"],
)
def test_rows_that_do_not_fit_the_schema_are_refused_and_leave_no_file(
    store: Store, frame: pl.DataFrame
) -> None:
    with pytest.raises(
        (pl.exceptions.ColumnNotFoundError, pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError)
    ):
        write(store, "x/a", [frame])
    assert store.files("x") == []


def test_columns_take_the_order_and_types_of_the_schema(store: Store) -> None:
    frame = rows(3).with_columns(more=pl.lit(1)).select("more", "terms", "text", "id")
    write(store, "x", [frame])
    assert pq.read_table(io.BytesIO(store.read_bytes("x"))).schema.equals(SMALL)


def test_a_number_that_its_column_cannot_hold_is_refused(store: Store) -> None:
    schema = pa.schema([pa.field("masked", pa.uint16(), nullable=False)])
    with pytest.raises(pa.ArrowInvalid, match="65536"):
        write(store, "x", [pl.DataFrame({"masked": [65_536]})], schema)


def test_kept_and_dropped_documents_share_their_identity_columns() -> None:
    shared = ("id", "language", "source", "source_id", "url")
    assert all(DOCUMENT.field(name).equals(REJECTED_DOCUMENT.field(name)) for name in shared)
