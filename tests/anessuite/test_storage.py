import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anessuite.errors import VersionNotFound
from anessuite.manifests import Manifest, Recipe
from anessuite.storage import HashingWriter, Store
from anessuite.versions import DatasetRef


def manifest(ref: DatasetRef) -> Manifest:
    return Manifest(
        name=ref.name, version=ref.version, created=datetime(2026, 12, 1, tzinfo=UTC),
        recipe=Recipe(inputs=[], config={}, texts={}), code={}, packages={}, schema_={}, files=[],
        rows={}, drops={}, funnel=[], masked={}, quarantined=[], requests={}, warnings=[],
    )  # fmt: skip


def finish(store: Store, *names: str) -> None:
    for name in names:
        ref = DatasetRef.parse(name)
        store.write_bytes(f"{store.folder(ref)}/manifest.json", manifest(ref).model_dump_json().encode())


def test_a_written_file_reads_back_with_the_hash_of_hashlib(any_root: str) -> None:
    store, content = Store(any_root), os.urandom(3 << 20)
    digest = store.write_bytes("corpus/dev/a.bin", content)
    assert digest == hashlib.sha256(content).hexdigest()
    assert store.read_bytes("corpus/dev/a.bin") == content
    assert store.sha256("corpus/dev/a.bin") == (digest, len(content))


@given(st.lists(st.binary(max_size=50)))
@settings(max_examples=50)
def test_the_hashing_writer_counts_and_hashes_all_that_passes(blocks: list[bytes]) -> None:
    with fsspec.filesystem("memory").open("/hashing", "wb") as sink:
        writer = HashingWriter(sink)
        for block in blocks:
            assert writer.write(memoryview(block)) == len(block)
        whole = b"".join(blocks)
        assert (writer.bytes, writer.tell()) == (len(whole), len(whole))
        assert writer.sha256 == hashlib.sha256(whole).hexdigest()


def test_an_exception_while_a_file_is_written_leaves_nothing(any_root: str) -> None:
    store = Store(any_root)
    with pytest.raises(KeyboardInterrupt), store.create("corpus/dev/a.bin") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert store.files("corpus") == []
    assert not store.exists("corpus/dev/a.bin")


def test_an_exception_after_many_megabytes_leaves_nothing_either(s3_root: str) -> None:
    store = Store(s3_root)
    with pytest.raises(RuntimeError), store.create("a.bin") as file:
        for _ in range(12):
            file.write(bytes(10 << 20))
        raise RuntimeError
    assert store.files(".") == []
    assert store.fs.call_s3("list_multipart_uploads", Bucket="suite").get("Uploads", []) == []


def test_an_exception_while_a_file_is_replaced_keeps_the_old_one(any_root: str) -> None:
    store = Store(any_root)
    store.write_bytes("x/a", b"old")
    with pytest.raises(RuntimeError), store.create("x/a") as file:
        file.write(b"new")
        raise RuntimeError
    assert store.read_bytes("x/a") == b"old"
    store.write_bytes("x/a", b"new")
    assert store.read_bytes("x/a") == b"new"
    assert store.files("x") == ["a"]


def test_a_file_is_unseen_under_its_name_until_it_is_whole(any_root: str) -> None:
    store = Store(any_root)
    with store.create("x/a") as file:
        file.write(b"half")
        assert not store.exists("x/a")
    assert store.exists("x/a")


@pytest.mark.parametrize(
    "parts", [("..",), ("a", "../../b"), ("/etc/passwd",), ("a", "/etc"), ("a/../../b",)]
)
def test_paths_that_lead_out_of_the_root_are_refused(tmp_path: Path, parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="leads out of the root"):
        Store(str(tmp_path)).absolute(*parts)


def test_paths_inside_the_root_are_joined_to_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert store.absolute() == store.absolute("a", "..") == str(tmp_path)
    assert store.absolute("a/./b", "..c") == f"{tmp_path}/a/b/..c"
    assert store.absolute("..a") == f"{tmp_path}/..a"


@given(st.lists(st.text(st.sampled_from("./ab"), max_size=6), min_size=1, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_path_is_accepted_lies_below_the_root(tmp_path: Path, parts: list[str]) -> None:
    try:
        found = Store(str(tmp_path)).absolute(*parts)
    except ValueError:
        return
    assert Path(os.path.normpath(found)).is_relative_to(tmp_path)


def test_files_are_listed_below_a_folder_and_sorted(any_root: str) -> None:
    store = Store(any_root)
    for path in ("f/b", "f/a/c", "f/a/b", "g/x"):
        store.write_bytes(path, b"1")
    assert store.files("f") == ["a/b", "a/c", "b"]
    assert store.files("none") == []


def test_removing_a_folder_takes_all_below_it_and_may_be_repeated(any_root: str) -> None:
    store = Store(any_root)
    store.write_bytes("f/a/b", b"1")
    store.write_bytes("fa", b"1")
    store.remove("f")
    store.remove("f")
    assert store.files(".") == ["fa"]


def test_finished_versions_are_listed_by_name_and_date_and_unfinished_ones_are_unseen(any_root: str) -> None:
    store = Store(any_root)
    names = ["corpus@2026.01.02.2", "corpus@2026.01.02.10", "corpus@dev", "qa@2025.01.01"]
    finish(store, *reversed(names))
    store.write_bytes("corpus/2026.12.01/data/en-00000-of-00001.parquet", b"no manifest yet")
    store.write_bytes(".build/corpus/manifest.json", b"{}")
    assert [str(ref) for ref in store.refs()] == names
    assert not store.is_finished(DatasetRef.parse("corpus@2026.12.01"))
    assert store.is_finished(DatasetRef.parse("corpus@dev"))


def test_folders_of_another_origin_do_not_break_the_list(any_root: str) -> None:
    store = Store(any_root)
    store.write_bytes("My Models/v1/manifest.json", b"{}")
    finish(store, "qa@dev")
    assert store.refs() == [DatasetRef("qa", "dev")]


def test_a_root_that_is_not_there_holds_no_versions(any_root: str) -> None:
    assert Store(any_root).refs() == []


def test_a_root_with_brackets_in_its_name_is_searched_literally(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "data [2]"))
    finish(store, "qa@dev")
    assert store.refs() == [DatasetRef("qa", "dev")]


def test_what_another_process_publishes_is_seen_at_once(s3_root: str) -> None:
    import s3fs

    store = Store(s3_root)
    finish(store, "qa@2026.01.01")
    assert len(store.refs()) == 1 and len(store.files("qa")) == 1
    s3fs.S3FileSystem(skip_instance_cache=True).pipe_file(
        f"{store.base}/qa/2026.01.02/manifest.json",
        manifest(DatasetRef("qa", "2026.01.02")).model_dump_json().encode(),
    )
    assert store.is_finished(DatasetRef("qa", "2026.01.02"))
    assert len(store.refs()) == 2 and len(store.files("qa")) == 2


def test_a_manifest_reads_back(any_root: str) -> None:
    store, ref = Store(any_root), DatasetRef.parse("qa@2026.01.01")
    finish(store, str(ref))
    assert store.manifest(ref) == manifest(ref)


def test_a_version_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(VersionNotFound, match=r"no finished qa@dev in .*\n  there are: no versions at all"):
        store.manifest(DatasetRef("qa", "dev"))
    finish(store, "qa@2026.01.01", "corpus@dev")
    with pytest.raises(VersionNotFound, match=r"there are: qa@2026.01.01$"):
        store.manifest(DatasetRef("qa", "dev"))
    with pytest.raises(VersionNotFound, match=r"there are: corpus@dev, qa@2026.01.01$"):
        store.manifest(DatasetRef("bench", "dev"))
