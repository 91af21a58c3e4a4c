from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anessuite.errors import SourceError
from anessuite.sources import documents, parquet
from anessuite.sources.columns import Columns, Each
from anessuite.sources.documents import Source, Unit, read_texts, read_unit, units_of
from anessuite.sources.files import find_files


def write(path: Path, count: int = 100, group: int = 10, **more: Any) -> Source:
    table = pa.table(
        {
            "id": [f"d{n}" for n in range(count)],
            "text": [None if n % 9 == 4 else f"text {n}" for n in range(count)],
            "url": [f"https://x/{n}" for n in range(count)],
            "number": list(range(count)),
            **more,
        }
    )
    pq.write_table(table, path, row_group_size=group, compression="zstd")
    return Source(path=str(path), columns=Columns(id="id", url="url"))


def units(source: Source, **more: Any) -> list[Unit]:
    [file] = find_files(source.path)
    return units_of(source, file, start=0, **more)


def rows(found: list[Unit]) -> list[tuple[int, Any, Any, Any]]:
    result = []
    for unit in found:
        for batch in read_unit(unit):
            assert batch.source_id is not None and batch.url is not None and batch.fault is None
            columns = (batch.text, batch.source_id, batch.url)
            triples = zip(*(column.to_pylist() for column in columns), strict=True)
            result += [(batch.first_row + n, *triple) for n, triple in enumerate(triples)]
    return result


def expected(count: int) -> list[tuple[int, Any, Any, Any]]:
    return [(n, None if n % 9 == 4 else f"text {n}", f"d{n}", f"https://x/{n}") for n in range(count)]


@given(st.integers(1, 90), st.integers(1, 40), st.integers(1, 900), st.none() | st.integers(0, 100))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
def test_units_together_give_the_rows_of_the_whole(
    tmp_path: Path, count: int, group: int, unit_bytes: int, sample: int | None
) -> None:
    source = write(tmp_path / "a.parquet", count, group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "UNIT_BYTES", unit_bytes)
        patch.setattr(parquet, "_MIN_ROWS", 3)
        patch.setattr(parquet, "BATCH_BYTES", 1)
        found = units(source, sample=sample)
        assert rows(found) == expected(count)[:sample]
    assert [unit.index for unit in found] == list(range(len(found)))


def test_row_groups_become_units_by_the_bytes_of_the_columns_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "a.parquet", blob=["x" * 5_000 + str(n) for n in range(100)])
    assert len(units(source)) == 1
    monkeypatch.setattr(documents, "UNIT_BYTES", 1)
    assert [(u.first, u.last, u.first_row, u.rows) for u in units(source)] == [
        (n, n + 1, 10 * n, 10) for n in range(10)
    ]
    monkeypatch.setattr(documents, "UNIT_BYTES", 5_000)
    assert len(units(source)) < 10


def test_units_are_numbered_from_the_given_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "UNIT_BYTES", 1)
    source = write(tmp_path / "a.parquet", 30)
    found = units_of(source, find_files(source.path)[0], start=7)
    assert [unit.index for unit in found] == [7, 8, 9]


def test_a_sample_ends_inside_a_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "UNIT_BYTES", 1)
    found = units(write(tmp_path / "a.parquet"), sample=23)
    assert [unit.rows for unit in found] == [10, 10, 3]
    assert rows(found) == expected(23)


def test_a_limit_counts_rows_over_all_files(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path / f"{name}.parquet", 10)
    batches = list(read_texts(Source(path=str(tmp_path)), limit=15))
    assert [len(batch) for batch in batches] == [10, 5]
    assert sum(len(batch) for batch in read_texts(Source(path=str(tmp_path)))) == 30


def test_a_file_without_rows_has_no_units(tmp_path: Path) -> None:
    assert units(write(tmp_path / "a.parquet", 0)) == []


def test_nested_columns_are_assembled(tmp_path: Path) -> None:
    qa = [[{"q": f"Q{n}", "a": f"A{n}"}, {"q": "And", "a": None}] for n in range(3)]
    source = write(tmp_path / "a.parquet", 3, qa=qa).model_copy(
        update={"columns": Columns(text=["url", Each(each="qa", columns=["q", "a"])])}
    )
    [batch] = [batch for unit in units(source) for batch in read_unit(unit)]
    assert batch.text.to_pylist() == [f"https://x/{n}\n\nQ{n}\nA{n}\n\nAnd" for n in range(3)]
    assert batch.source_id is None and batch.url is None


def test_a_number_may_be_an_id_but_not_a_text(tmp_path: Path) -> None:
    source = write(tmp_path / "a.parquet", 3)
    [unit] = units(source.model_copy(update={"columns": Columns(id="number")}))
    [batch] = read_unit(unit)
    assert batch.source_id is not None and batch.source_id.to_pylist() == ["0", "1", "2"]
    [unit] = units(source.model_copy(update={"columns": Columns(text="number")}))
    with pytest.raises(SourceError, match=r"column 'number' \(int64\) is no text"):
        list(read_unit(unit))


@pytest.mark.parametrize("role", ["text", "id", "url"])
def test_a_list_column_is_no_text_id_or_address(tmp_path: Path, role: str) -> None:
    source = write(tmp_path / "a.parquet", 3, tags=[[{"a": 1}]] * 3)
    [unit] = units(source.model_copy(update={"columns": Columns(**{role: "tags"})}))
    with pytest.raises(SourceError, match=r"column 'tags' .* is no text"):
        list(read_unit(unit))


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_every_kind_of_string_column_is_read(tmp_path: Path, kind: pa.DataType) -> None:
    body = pa.array(["a", None, "麻醉"]).cast(kind)
    source = write(tmp_path / "a.parquet", 3, body=body).model_copy(update={"columns": Columns(text="body")})
    assert [text for unit in units(source) for b in read_unit(unit) for text in b.text.to_pylist()] == [
        "a", None, "麻醉",
    ]  # fmt: skip


def test_a_missing_column_names_the_nearest(tmp_path: Path) -> None:
    source = write(tmp_path / "a.parquet").model_copy(update={"columns": Columns(text="txt")})
    with pytest.raises(SourceError, match=r"a\.parquet has no column 'txt'\n.*did you mean 'text'\?"):
        units(source)


@pytest.mark.parametrize("content", ["half", "empty", "foreign"])
def test_a_file_that_is_no_whole_parquet_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.parquet"
    source, whole = write(path), path.read_bytes()
    path.write_bytes({"half": whole[: len(whole) // 2], "empty": b"", "foreign": b"text " * 50}[content])
    with pytest.raises(SourceError, match=r"a\.parquet is not a whole Parquet file: .*\n.*--keep-going"):
        units(source)


def test_damage_inside_a_file_names_it_and_the_row(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    source, whole = write(path, 1_000, 500), path.read_bytes()
    column = pq.ParquetFile(path).metadata.row_group(1).column(1)
    begin = column.dictionary_page_offset or column.data_page_offset
    size = column.total_compressed_size
    path.write_bytes(whole[:begin] + b"\xff" * size + whole[begin + size :])
    found = units(source)
    with pytest.raises(SourceError, match=r"a\.parquet is damaged after row \d+"):
        rows(found)
