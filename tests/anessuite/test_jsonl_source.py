import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anessuite.errors import SourceError
from anessuite.sources import jsonl
from anessuite.sources.columns import Columns, Each
from anessuite.sources.documents import Batch, Source, read_unit, units_of
from anessuite.sources.files import find_files

PACK: dict[str, Callable[[bytes], bytes]] = {
    "": lambda content: content,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def read(path: Path, columns: Columns | None = None, sample: int | None = None) -> list[Batch]:
    source = Source(path=str(path), columns=columns or Columns())
    found = [
        unit for file in find_files(source.path) for unit in units_of(source, file, start=0, sample=sample)
    ]
    return [batch for unit in found for batch in read_unit(unit)]


def texts(batches: list[Batch]) -> list[str | None]:
    return [text for batch in batches for text in batch.text.to_pylist()]


def faults(batches: list[Batch]) -> list[str | None]:
    return [fault for batch in batches if batch.fault is not None for fault in batch.fault.to_pylist()]


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("kind", ["jsonl", "ndjson", "json"])
def test_every_packing_gives_the_same_rows(tmp_path: Path, kind: str, suffix: str) -> None:
    rows = [{"text": f"麻醉 {n}", "id": n, "url": f"https://x/{n}"} for n in range(50)]
    content = json.dumps(rows).encode() if kind == "json" else lines(*rows)
    path = written(tmp_path / f"a.{kind}{suffix}", PACK[suffix](content))
    [batch] = read(path, Columns(id="id", url="url"))
    assert batch.text.to_pylist() == [row["text"] for row in rows]
    assert batch.source_id is not None and batch.source_id.to_pylist() == [str(n) for n in range(50)]
    assert batch.url is not None and batch.url.to_pylist() == [row["url"] for row in rows]
    assert faults([batch]) == [None] * 50


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_archives_of_several_members_are_read_to_the_end(tmp_path: Path, suffix: str) -> None:
    content = b"".join(PACK[suffix](lines({"text": f"{n}"})) for n in range(3))
    assert texts(read(written(tmp_path / f"a.jsonl{suffix}", content))) == ["0", "1", "2"]


@given(
    st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=30), min_size=1, max_size=30),
    st.integers(1, 200),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
def test_batches_together_are_the_whole(tmp_path: Path, wanted: list[str], size: int) -> None:
    path = written(tmp_path / "a.jsonl", lines(*({"text": text} for text in wanted)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "BATCH_BYTES", size)
        batches = read(path)
    assert texts(batches) == wanted
    assert [b.first_row for b in batches] == [
        sum(len(a.text) for a in batches[:n]) for n in range(len(batches))
    ]


@given(st.binary(max_size=400_000), st.integers(1, 5))
@settings(deadline=None, max_examples=20)
def test_zstd_frames_read_back_byte_for_byte(content: bytes, frames: int) -> None:
    import io

    step = len(content) // frames + 1
    packed = b"".join(PACK[".zst"](content[n : n + step]) for n in range(0, len(content), step))
    assert jsonl.decompressed(io.BytesIO(packed), "a.zst").read() == content


@pytest.mark.parametrize("kind", ["jsonl", "json"])
def test_a_sample_reads_the_first_rows(tmp_path: Path, kind: str) -> None:
    rows = [{"text": str(n)} for n in range(9)]
    path = written(tmp_path / f"a.{kind}", json.dumps(rows).encode() if kind == "json" else lines(*rows))
    assert texts(read(path, sample=4)) == ["0", "1", "2", "3"]


def test_nested_columns_are_assembled(tmp_path: Path) -> None:
    row = {"title": "T", "qa": [{"q": "Q", "a": "A"}, {"q": "R"}]}
    columns = Columns(text=["title", Each(each="qa", columns=["q", "a"])])
    assert texts(read(written(tmp_path / "a.jsonl", lines(row)), columns)) == ["T\n\nQ\nA\n\nR"]


def test_a_malformed_line_becomes_a_row_with_a_fault(tmp_path: Path) -> None:
    content = (
        lines({"text": "a"}) + b'{"text": \n\n[1]\n"x"\n' + lines({"text": None}, {"other": 1}, {"text": "b"})
    )
    batches = read(written(tmp_path / "a.jsonl", content))
    assert texts(batches) == ["a", None, None, None, None, None, "b"]
    assert faults(batches) == [None, *["malformed_json"] * 3, None, None, None]


def test_an_element_that_is_no_object_becomes_a_row_with_a_fault(tmp_path: Path) -> None:
    batches = read(written(tmp_path / "a.json", b'[3, {"text": "a"}]'))
    assert (texts(batches), faults(batches)) == ([None, "a"], ["malformed_json", None])


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    assert texts(read(written(tmp_path / "a.jsonl", b'{"text": "a"}\r\n{"text": "b"}'))) == ["a", "b"]


@pytest.mark.parametrize(("kind", "content"), [("jsonl", b'{"text": "a"}\n'), ("json", b'[{"text": "a"}]')])
def test_a_byte_order_mark_is_no_fault(tmp_path: Path, kind: str, content: bytes) -> None:
    batches = read(written(tmp_path / f"a.{kind}", b"\xef\xbb\xbf" + content))
    assert (texts(batches), faults(batches)) == (["a"], [None])


@pytest.mark.parametrize("kind", ["jsonl", "json"])
def test_lone_surrogates_become_replacement_characters(tmp_path: Path, kind: str) -> None:
    row = rb'{"text": "a\ud800b \ud83d\ude00", "id": "\udfff", "url": "\ud800"}'
    path = written(tmp_path / f"a.{kind}", b"[" + row + b"]" if kind == "json" else row)
    [batch] = read(path, Columns(id="id", url="url"))
    assert batch.text.to_pylist() == ["a\ufffdb \U0001f600"]
    assert batch.source_id is not None and batch.source_id.to_pylist() == ["\ufffd"]
    assert batch.url is not None and batch.url.to_pylist() == ["\ufffd"]


def test_surrogate_escapes_do_not_excuse_broken_json(tmp_path: Path) -> None:
    batches = read(written(tmp_path / "a.jsonl", lines({"text": "a"}) + rb'{"text": "\ud800"' + b"\n"))
    assert faults(batches) == [None, "malformed_json"]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("kind", ["jsonl", "json"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_an_archive_that_is_cut_off_is_an_error_of_the_file(
    tmp_path: Path, kind: str, suffix: str, share: float
) -> None:
    rows = [{"text": f"{n * n} {n}"} for n in range(3_000)]
    packed = PACK[suffix](json.dumps(rows).encode() if kind == "json" else lines(*rows))
    path = written(tmp_path / f"a.{kind}{suffix}", packed[: int(len(packed) * share)])
    with pytest.raises(SourceError, match=rf"a\.{kind}\{suffix} is cut off or damaged: .*\n.*--keep-going"):
        read(path)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_an_archive_that_is_none_is_an_error_of_the_file(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(SourceError, match="is cut off or damaged"):
        read(written(tmp_path / f"a.jsonl{suffix}", lines({"text": "a"})))


@pytest.mark.parametrize(
    ("encoding", "text"), [("GB18030", "硬膜外麻醉用于剖宫产手术的临床观察"), ("CP1252", "café")]
)
def test_foreign_bytes_name_the_line_and_the_command_that_helps(
    tmp_path: Path, encoding: str, text: str
) -> None:
    content = lines({"text": "a"}, {"text": "b"}) + f'{{"text": "{text}"}}\n'.encode(encoding)
    with pytest.raises(
        SourceError, match=rf"a\.jsonl, line 3, is not UTF-8 .*\n.*iconv -f {encoding} -t UTF-8"
    ):
        read(written(tmp_path / "a.jsonl", content))


def test_foreign_bytes_in_an_array_name_the_line_too(tmp_path: Path) -> None:
    content = '[{"text": "a"},\n{"text": "麻醉学"}]'.encode("gb18030")
    with pytest.raises(SourceError, match=r"a\.json, line 2, is not UTF-8 .*\n.*iconv -f GB18030"):
        read(written(tmp_path / "a.json", content))


def test_a_file_without_one_good_line_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.jsonl: not one of 2 lines is a JSON object\n.*`format`"):
        read(written(tmp_path / "a.jsonl", b"plain\ntext\n"))


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    assert read(written(tmp_path / "a.jsonl", b"")) == []


def test_an_array_file_that_is_an_object_or_no_json_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.json holds dict, not an array of objects"):
        read(written(tmp_path / "a.json", b'{"text": "a"}'))
    with pytest.raises(SourceError, match=r"a\.json is no JSON array: .*\n.*\.jsonl"):
        read(written(tmp_path / "a.json", lines({"text": "a"}, {"text": "b"})))


def test_a_missing_column_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.jsonl has no column 'text'\n.*did you mean 'texts'\?"):
        read(written(tmp_path / "a.jsonl", b"bad\n" + lines({"texts": "a"})))


@pytest.mark.parametrize(
    ("path", "columns", "rows"),
    [
        (
            "en/medquad.jsonl.gz",
            Columns(text=[Each(each="qa", columns=["question", "answer"])], id="path"),
            5_497,
        ),
        ("en/dolma_CC-MAIN-20190717_00140.jsonl.gz", Columns(id="id"), 697),
        ("zh/CMB-Clin-qa.json", Columns(text=["description", Each(each="QA_pairs", columns=["answer"])]), 74),
        ("zh/cmrc2018_*.json.gz", Columns(text="context_text", id="context_id"), 1_104),
    ],
)
def test_real_sources_hold_the_rows_that_their_readme_states(
    shared_data: Path, path: str, columns: Columns, rows: int
) -> None:
    batches = read(shared_data / "web" / path, columns)
    assert len(texts(batches)) == rows
    assert faults(batches) == [None] * rows
    assert sum(1 for text in texts(batches) if text) > 0.9 * rows
    stated = [n for b in batches if b.source_id is not None for n in b.source_id.to_pylist()]
    assert not columns.id or (len(stated) == rows and None not in stated)
