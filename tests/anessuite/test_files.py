import gzip
import hashlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from anessuite.errors import SourceError
from anessuite.sources.documents import Source
from anessuite.sources.files import find_files, public


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "web"
    for name in ("b.jsonl", "a.jsonl.gz", "deep/c.parquet", "deep/d.WARC.GZ", "e.json.zst", "notes.txt"):
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return top


def names(path: object, **more: object) -> list[str]:
    return [file.name for file in find_files(str(path), **more)]  # type: ignore[arg-type]


def test_a_folder_gives_every_file_of_a_known_format_below_it(folder: Path) -> None:
    found = find_files(str(folder))
    assert [(file.name, file.format) for file in found] == [
        ("a.jsonl.gz", "jsonl"),
        ("b.jsonl", "jsonl"),
        ("deep/c.parquet", "parquet"),
        ("deep/d.WARC.GZ", "warc"),
        ("e.json.zst", "json"),
    ]


def test_a_glob_names_files_below_its_fixed_part(folder: Path) -> None:
    assert names(folder / "*.jsonl*") == ["a.jsonl.gz", "b.jsonl"]
    assert names(folder / "**" / "*.parquet") == ["deep/c.parquet"]
    assert names(folder / "?.jsonl") == ["b.jsonl"]


def test_a_file_and_its_url_are_the_same_file(folder: Path) -> None:
    [plain] = find_files(str(folder / "b.jsonl"))
    assert find_files(f"file://{folder}/b.jsonl") == [plain]
    assert plain.name == "b.jsonl" and plain.is_local


def test_a_file_on_s3_is_found_and_told_by_its_tag(s3_root: str) -> None:
    import s3fs

    s3fs.S3FileSystem().pipe_file("suite/web/a.jsonl", b"{}")
    [file] = find_files("s3://suite/web/*.jsonl")
    assert (file.path, file.name, file.bytes, file.is_local) == (
        "s3://suite/web/a.jsonl",
        "a.jsonl",
        2,
        False,
    )
    assert hashlib.md5(b"{}").hexdigest() in file.digest


def test_a_local_file_is_told_by_its_size_and_sha256(folder: Path) -> None:
    [file] = find_files(str(folder / "b.jsonl"))
    assert (file.bytes, file.digest) == (7, f"sha256:{hashlib.sha256(b'b.jsonl').hexdigest()}")


def test_digests_are_remembered_until_the_file_changes(folder: Path) -> None:
    memory: dict[str, str] = {}
    [first] = find_files(str(folder / "b.jsonl"), digests=memory)
    assert list(memory.values()) == [first.digest]
    memory[next(iter(memory))] = "remembered"
    assert find_files(str(folder / "b.jsonl"), digests=memory)[0].digest == "remembered"
    (folder / "b.jsonl").write_bytes(b"changed!")
    changed = find_files(str(folder / "b.jsonl"), digests=memory)[0].digest
    assert changed == f"sha256:{hashlib.sha256(b'changed!').hexdigest()}"


def test_a_stated_format_wins_over_the_suffix(folder: Path) -> None:
    assert find_files(str(folder / "notes.txt"), format="jsonl")[0].format == "jsonl"
    assert "notes.txt" in names(folder, format="jsonl")


def test_brackets_in_a_file_name_are_no_pattern(folder: Path) -> None:
    (folder / "data [1].jsonl").write_text("{}")
    assert names(folder / "data [1].jsonl") == ["data [1].jsonl"]


def test_a_missing_file_says_what_is_there_instead(folder: Path) -> None:
    with pytest.raises(
        SourceError, match=r"no file web/x\.jsonl\n  web/ holds: a\.jsonl\.gz, b\.jsonl, deep"
    ):
        find_files(str(folder / "x.jsonl"))


def test_a_pattern_without_match_says_what_is_there_instead(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"no readable file at web/\*\.csv\n  web/ holds: a\.jsonl\.gz"):
        find_files(str(folder / "*.csv"))


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"no readable file at .*empty\n  empty/ holds: nothing"):
        find_files(str(tmp_path / "empty"))


def test_an_unknown_suffix_names_the_known_ones(folder: Path) -> None:
    with pytest.raises(
        SourceError, match=r"notes\.txt: the suffix tells no known format\n.*\.parquet.*`format`"
    ):
        find_files(str(folder / "notes.txt"))


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/home/me/private/web/a.jsonl", "web/a.jsonl"),
        ("file:///home/me/web/a.jsonl", "web/a.jsonl"),
        ("local:///home/me/web/a.jsonl", "web/a.jsonl"),
        ("~/private/web/a.jsonl", "web/a.jsonl"),
        ("data/*.parquet", "data/*.parquet"),
        ("data/part-?.parquet", "data/part-?.parquet"),
        ("s3://key:secret@bucket/a.parquet", "s3://bucket/a.parquet"),
        ("https://me:p@ss@host/a.jsonl", "https://host/a.jsonl"),
        ("https://host/a.jsonl?X-Amz-Signature=abc&b=c", "https://host/a.jsonl"),
        ("hf://datasets/a/b@main/c.parquet", "hf://datasets/a/b@main/c.parquet"),
    ],
)
def test_a_shown_path_has_no_absolute_folder_credentials_or_query(path: str, shown: str) -> None:
    assert public(path) == shown


@pytest.mark.parametrize(
    "path",
    [
        "s3://key:secret@bucket/a", "https://me@host/a", "https://h/a?X-Amz-Signature=1", "https://h/a?b=1&sig=x",
        "https://h/a?token=x", "https://h/a?access_token=x", "https://h/a?api_key=x", "https://h/a?Signature=x",
    ],
)  # fmt: skip
def test_a_path_with_credentials_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="must not hold credentials"):
        Source(path=path)


@pytest.mark.parametrize(
    "path",
    ["hf://datasets/a/b@main/*.parquet", "/home/a@b/x.jsonl", "https://h/a?download=true", "a/part-?.json"],
)
def test_other_paths_are_taken(path: str) -> None:
    assert Source(path=path).path == path


def test_a_source_is_called_by_its_name_or_the_last_part_of_its_path() -> None:
    assert Source(path="a/web/").label == "web"
    assert Source(path="a/web", name="pages").label == "pages"


def test_upper_case_suffixes_are_decompressed_too(tmp_path: Path) -> None:
    from anessuite.sources.documents import read_texts

    (tmp_path / "A.JSONL.GZ").write_bytes(gzip.compress(b'{"text": "a"}\n'))
    assert [text.to_pylist() for text in read_texts(Source(path=str(tmp_path)))] == [["a"]]
