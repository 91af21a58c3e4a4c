import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anessuite.errors import SourceError
from anessuite.sources.columns import Columns
from anessuite.sources.csv_rows import rows
from anessuite.sources.documents import Batch, Source, read_unit, units_of
from anessuite.sources.files import Format, find_files


def written(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, columns: Columns | None = None, sample: int | None = None) -> list[Batch]:
    source = Source(path=str(path), columns=columns or Columns())
    [file] = find_files(source.path)
    return [batch for unit in units_of(source, file, start=0, sample=sample) for batch in read_unit(unit)]


def listed(path: Path, format: Format | None = None) -> list[dict[str, Any] | None]:
    [file] = find_files(str(path), format=format)
    return [row for row, _ in rows(file)]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.CSV.zst", "a.tsv", "a.tsv.gz", "a.TSV"])
def test_every_packing_and_delimiter_gives_the_same_documents(tmp_path: Path, name: str) -> None:
    tab = "\t" if ".tsv" in name.lower() else ","
    lines = f'id{tab}text{tab}url\n1{tab}麻醉{tab}https://x\n2{tab}"a, ""b""{tab}\nc"{tab}\n'.encode()
    packed = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress}.get(
        name[-3:].strip("."), bytes
    )
    [batch] = read(written(tmp_path / name, packed(lines)), Columns(id="id", url="url"))
    assert batch.text.to_pylist() == ["麻醉", f'a, "b"{tab}\nc']
    assert batch.source_id is not None and batch.source_id.to_pylist() == ["1", "2"]
    assert batch.url is not None and batch.url.to_pylist() == ["https://x", ""]


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\0")), min_size=2, max_size=2)
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
def test_what_is_written_as_csv_is_read_back(tmp_path: Path, wanted: list[list[str]]) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerows([["a", "b"], *wanted])
    got = listed(written(tmp_path / "a.csv", stream.getvalue()))
    assert got == [{"a": a, "b": b} for a, b in wanted]


def test_a_byte_order_mark_blank_lines_and_a_missing_last_line_end_are_no_faults(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "\ufeff\r\ntext,n\r\n\r\na,1\r\n\r\nb,2")
    assert listed(path) == [{"text": "a", "n": "1"}, {"text": "b", "n": "2"}]


def test_columns_without_a_name_are_taken(tmp_path: Path) -> None:
    assert listed(written(tmp_path / "a.csv", ",text\n0,a\n")) == [{"": "0", "text": "a"}]
    assert listed(written(tmp_path / "b.csv", "text,,\na,,\n")) == [{"": "", "text": "a"}]


def test_a_field_may_be_longer_than_the_csv_module_allows_by_default(tmp_path: Path) -> None:
    [row] = listed(written(tmp_path / "a.csv", "text\n" + "a" * 200_000 + "\n"))
    assert row is not None and len(row["text"]) == 200_000


@pytest.mark.parametrize("content", ["", "text,n\n", "\n\n"])
def test_a_file_without_rows_has_none(tmp_path: Path, content: str) -> None:
    assert listed(written(tmp_path / "a.csv", content)) == []


def test_a_stated_format_wins_over_the_suffix(tmp_path: Path) -> None:
    assert listed(written(tmp_path / "a.txt", "text\na\n"), "csv") == [{"text": "a"}]


def test_a_sample_reads_the_first_rows(tmp_path: Path) -> None:
    [batch] = read(written(tmp_path / "a.csv", "text\na\nb\nc\n"), sample=2)
    assert batch.text.to_pylist() == ["a", "b"]


@pytest.mark.parametrize(("row", "fields"), [("b", 1), ("b,2,3", 3), ('"b,2"', 1)])
def test_a_ragged_row_names_its_line(tmp_path: Path, row: str, fields: int) -> None:
    path = written(tmp_path / "a.csv", f'text,n\n"a\n\na",1\n{row}\nc,3\n')
    with pytest.raises(
        SourceError, match=rf"a\.csv, line 5, has {fields} fields, but the header has 2\n.*quotes"
    ):
        listed(path)


@pytest.mark.parametrize(
    ("first", "fault"),
    [
        (",,", "it names nothing"),
        ("1,2.5,-3", "it names nothing"),
        ("A,B,A", "'A' stands in it twice"),
        (f"{'what is it? ' * 10},a,b", "it holds a text"),
        ('"two\nlines",a,b', "it holds a text"),
    ],
)
def test_a_missing_header_names_the_line(tmp_path: Path, first: str, fault: str) -> None:
    with pytest.raises(SourceError, match=rf"a\.csv, line 1, is no header: {fault}\n.*must name the columns"):
        listed(written(tmp_path / "a.csv", f"{first}\nx,y,z\n"))


def test_a_missing_column_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.csv has no column 'text'\n.*did you mean 'texts'\?"):
        read(written(tmp_path / "a.csv", "texts\na\n"))


@pytest.mark.parametrize("row", ['"never closed\nb,2', '"b"c,2'])
def test_broken_quotes_name_the_line_where_the_row_begins(tmp_path: Path, row: str) -> None:
    with pytest.raises(SourceError, match=r"a\.csv, the row from line 3 on is no CSV: .*\n.*quote"):
        listed(written(tmp_path / "a.csv", f"text,n\na,1\n{row}\n"))


@pytest.mark.parametrize("encoding", ["GB18030", "UTF-16"])
def test_foreign_bytes_name_the_line_and_the_command_that_helps(tmp_path: Path, encoding: str) -> None:
    line = 1 if encoding == "UTF-16" else 2
    path = written(tmp_path / "a.csv", "text,n\n硬膜外麻醉用于剖宫产手术的临床观察,1\n".encode(encoding))
    with pytest.raises(
        SourceError, match=rf"a\.csv, line {line}, is not UTF-8 .*\n.*iconv -f {encoding} -t UTF-8"
    ):
        listed(path)


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_an_archive_that_is_cut_off_is_an_error_of_the_file(tmp_path: Path, share: float) -> None:
    packed = gzip.compress(("n,m\n" + "".join(f"{n * n},{n}\n" for n in range(9_000))).encode())
    with pytest.raises(SourceError, match=r"a\.csv\.gz is cut off or damaged"):
        listed(written(tmp_path / "a.csv.gz", packed[: int(len(packed) * share)]))
