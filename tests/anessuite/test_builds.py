import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite import locks
from anessuite.builds import Build, differences
from anessuite.errors import BuildInProgress, RecipeChanged, VersionExists
from anessuite.manifests import Manifest, Recipe
from anessuite.storage import Store
from anessuite.versions import DatasetRef

REF = DatasetRef("corpus", "2026.12.01")
DEV = DatasetRef("corpus", "dev")
PROJECT = Path(__file__).parent.parent.parent
HOLD = """
import sys
from anessuite.builds import Build
from anessuite.storage import Store
from anessuite.versions import DatasetRef
with Build(Store(sys.argv[1]), DatasetRef.parse(sys.argv[2])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


def recipe(**config: Any) -> Recipe:
    return Recipe(inputs=[], config=config, texts={"terms.txt": "abc"})


def manifest(ref: DatasetRef, **config: Any) -> Manifest:
    return Manifest(
        name=ref.name, version=ref.version, created=datetime(2026, 12, 1, tzinfo=UTC),
        recipe=recipe(**config), code={}, packages={}, schema_={}, files=[],
        rows={}, drops={}, funnel=[], masked={}, quarantined=[], requests={}, warnings=[],
    )  # fmt: skip


def build_and_publish(store: Store, ref: DatasetRef, files: dict[str, bytes]) -> None:
    build = Build(store, ref)
    with build.locked():
        build.begin(recipe())
        for path, content in files.items():
            store.write_bytes(f"{build.publish_folder}/{path}", content)
        build.publish(manifest(ref))


@contextmanager
def holder(root: str, ref: DatasetRef) -> Any:
    """A second process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, root, str(ref)],
        cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def snapshot(root: str) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(Path(root).rglob("*")) if p.is_file()}


def test_a_second_process_is_told_who_builds_and_changes_nothing(tmp_path: Path) -> None:
    root = str(tmp_path)
    with holder(root, REF) as process:
        before = snapshot(root)
        told = rf"process {process.pid}\)[\s\S]*nothing was changed"
        with pytest.raises(BuildInProgress, match=told), Build(Store(root), REF).locked():
            pass
        assert snapshot(root) == before
        with Build(Store(root), DEV).locked():
            assert Path(root, ".build/corpus/dev/lock").read_text() == str(os.getpid())


def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    with holder(str(tmp_path), REF) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with Build(Store(str(tmp_path)), REF).locked():
            assert (tmp_path / ".build/corpus/2026.12.01/lock").read_text() == str(os.getpid())


def test_a_refused_second_lock_of_the_same_process_does_not_free_the_first(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with Build(store, REF).locked():
        with pytest.raises(BuildInProgress, match=f"process {os.getpid()}"), Build(store, REF).locked():
            pass
        child = subprocess.run(
            [sys.executable, "-c", HOLD, str(tmp_path), str(REF)],
            cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        assert "BuildInProgress" in child.stderr and child.stdout == ""
    with Build(store, REF).locked():
        pass


def test_a_lock_is_free_after_an_exception(any_root: str) -> None:
    store = Store(any_root)
    with pytest.raises(RuntimeError), Build(store, REF).locked():
        raise RuntimeError
    with Build(store, REF).locked():
        assert store.exists(".build/corpus/2026.12.01/lock")


def test_a_finished_dated_version_is_refused_and_stays(any_root: str) -> None:
    store = Store(any_root)
    build_and_publish(store, REF, {"data/en-00000-of-00001.parquet": b"1"})
    with pytest.raises(VersionExists, match=r"never written again\n.*2026\.12\.01\.2, or dev"):
        build_and_publish(store, REF, {"data/en-00000-of-00001.parquet": b"2"})
    assert store.read_bytes("corpus/2026.12.01/data/en-00000-of-00001.parquet") == b"1"
    assert store.files(".build") == []


def test_dev_is_overwritten_whole(any_root: str) -> None:
    store = Store(any_root)
    build_and_publish(store, DEV, {"data/a": b"1", "data/b": b"1"})
    build_and_publish(store, DEV, {"data/a": b"2"})
    assert store.files("corpus/dev") == ["data/a", "manifest.json"]
    assert store.read_bytes("corpus/dev/data/a") == b"2"
    assert store.manifest(DEV) == manifest(DEV)
    assert store.files(".build") == []


def test_a_leftover_without_manifest_is_replaced_on_publishing(any_root: str) -> None:
    store = Store(any_root)
    store.write_bytes("corpus/2026.12.01/data/stale", b"?")
    build_and_publish(store, REF, {"data/a": b"1"})
    assert store.files("corpus/2026.12.01") == ["data/a", "manifest.json"]


def test_on_an_object_store_the_manifest_comes_last(s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, order = Store(s3_root), list[str]()
    copy, pipe = store.fs.copy, store.fs.pipe_file

    def watched_copy(source: str, goal: str, **more: Any) -> None:
        assert not store.is_finished(REF)
        order.append(goal.rsplit("/", 1)[-1])
        copy(source, goal, **more)

    def watched_pipe(path: str, *rest: Any, **more: Any) -> None:
        order.append(path.rsplit("/", 1)[-1])
        pipe(path, *rest, **more)

    monkeypatch.setattr(store.fs, "copy", watched_copy)
    monkeypatch.setattr(store.fs, "pipe_file", watched_pipe)
    build_and_publish(store, REF, {"data/a": b"1", "zzz.html": b"2"})
    assert order == ["lock", "a", "zzz.html", "manifest.json"]
    assert store.is_finished(REF)


def test_on_an_object_store_the_second_of_two_publishers_loses(s3_root: str) -> None:
    store, build = Store(s3_root), Build(Store(s3_root), REF)
    store.write_bytes(f"{build.publish_folder}/data/a", b"1")
    copied = store.fs.copy

    def late(source: str, goal: str) -> None:
        copied(source, goal)
        store.write_bytes("corpus/2026.12.01/manifest.json", b"theirs")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build.store.fs, "copy", late)
        with pytest.raises(VersionExists, match="by another process"):
            build.publish(manifest(REF))
    assert store.read_bytes("corpus/2026.12.01/manifest.json") == b"theirs"


def test_the_same_recipe_is_continued_with_its_marks(any_root: str) -> None:
    store = Store(any_root)
    first = Build(store, REF)
    assert first.begin(recipe(min_hits=1)) is False
    first.mark("curate", "00001", {"rows": 3})
    first.mark("curate", "00002", {"rows": 4})
    again = Build(store, REF)
    assert again.begin(recipe(min_hits=1)) is True
    assert again.marked("curate", "00001") == {"rows": 3}
    assert again.marked("curate", "00003") is None
    assert (again.marks("curate"), again.marks("publish")) == (2, 0)


def test_a_recipe_reads_back_equal_whatever_types_its_config_has(tmp_path: Path) -> None:
    build = Build(Store(str(tmp_path)), REF)
    config = {"ids": {1: "a"}, "pair": (1, 2), "none": None, "share": 0.1, "name": "麻醉"}
    build.begin(recipe(**config))
    assert build.begin(recipe(**config)) is True


def test_a_changed_recipe_names_the_fields_and_keeps_the_work(any_root: str) -> None:
    build = Build(Store(any_root), REF)
    build.begin(recipe(keywords={"min_hits": 1, "kept": 0}))
    build.mark("curate", "1", {})
    with pytest.raises(RecipeChanged) as caught:
        build.begin(recipe(keywords={"min_hits": 2, "kept": 0}))
    assert "  - config.keywords.min_hits: 1 -> 2" in str(caught.value)
    assert "kept" not in str(caught.value) and "--restart" in str(caught.value)
    assert build.marks("curate") == 1


@pytest.mark.parametrize("min_hits", [1, 2])
def test_restart_clears_the_work_but_not_the_lock(any_root: str, min_hits: int) -> None:
    build = Build(Store(any_root), REF)
    with build.locked():
        build.begin(recipe(min_hits=1))
        build.mark("curate", "1", {})
        build.store.write_bytes(f"{build.publish_folder}/data/a", b"1")
        assert build.begin(recipe(min_hits=min_hits), restart=True) is False
        assert build.store.files(build.folder) == ["lock", "recipe.json"]
        assert build.begin(recipe(min_hits=min_hits)) is True


def test_a_restart_that_dies_halfway_is_not_continued_as_the_old_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = Build(Store(str(tmp_path)), REF)
    build.begin(recipe())
    build.mark("curate", "1", {})
    remove = build.store.remove

    def dying(path: str) -> None:
        if path.endswith("curate"):
            raise OSError("power cut")
        remove(path)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="power cut"):
        patch.setattr(build.store, "remove", dying)
        build.begin(recipe(), restart=True)
    assert build.begin(recipe()) is False
    assert build.marks("curate") == 0


def test_a_lease_is_refused_while_it_is_fresh_and_taken_over_when_it_ran_out(
    s3_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, path = Store(s3_root), ".build/corpus/2026.12.01/lock"
    store.write_bytes(path, json.dumps({"owner": "other"}).encode())
    with (
        pytest.raises(BuildInProgress, match="is being built by another process"),
        Build(store, REF).locked(),
    ):
        pass
    assert json.loads(store.read_bytes(path))["owner"] == "other"
    monkeypatch.setattr(locks, "LEASE_SECONDS", 1.0)
    time.sleep(2.1)  # an object store tells whole seconds
    with Build(store, REF).locked():
        assert json.loads(store.read_bytes(path))["owner"] != "other"
    assert not store.files(".build"), "no probe is left"


def test_a_lease_is_renewed_while_it_is_held(s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LEASE_SECONDS", 3.0)
    store = Store(s3_root)
    with Build(store, REF).locked():
        time.sleep(4.5)
        with pytest.raises(BuildInProgress), Build(store, REF).locked():
            pass


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_machine_whose_clock_is_wrong_takes_no_living_lease(
    s3_root: str, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    real = time.time
    with Build(Store(s3_root), REF).locked():
        monkeypatch.setattr(time, "time", lambda: real() + hours * 3600)
        with pytest.raises(BuildInProgress), Build(Store(s3_root), REF).locked():
            pass


def test_what_a_run_left_that_was_killed_right_after_it_had_published_is_removed(any_root: str) -> None:
    build = Build(Store(any_root), REF)

    def killed(path: str) -> None:
        if path == build.folder:
            raise KeyboardInterrupt

    with build.locked():
        build.begin(recipe())
        build.mark("curate", "1", {})
        build.store.write_bytes(f"{build.publish_folder}/data/a", b"1")
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(build.store, "remove", killed)
            build.publish(manifest(REF))
    assert build.store.files(build.folder)
    with pytest.raises(VersionExists), build.locked():
        pass
    assert not build.store.files(build.folder)
    assert build.store.read_bytes(f"{build.store.folder(REF)}/data/a") == b"1"


def test_an_owner_whose_lease_was_taken_over_leaves_it_to_the_new_one(
    s3_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "LEASE_SECONDS", 3.0)
    store, path = Store(s3_root), ".build/corpus/2026.12.01/lock"
    with Build(store, REF).locked():
        theirs = json.dumps({"owner": "other"}).encode()
        store.write_bytes(path, theirs)
        time.sleep(1.5)
        assert store.read_bytes(path) == theirs
    assert store.read_bytes(path) == theirs


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, ["a.b[1]: 2 -> 3"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a: [1] -> [1, 2]"]),
        ({"a": 1}, {"b": 1}, ["a: 1 -> null", "b: null -> 1"]),
        ({"a": "x" * 90}, {"a": ""}, [f'a: "{"x" * 76}... -> ""']),
    ],
)
def test_differences_name_each_field_with_both_values(old: Any, new: Any, lines: list[str]) -> None:
    assert differences(old, new) == lines


JSON = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_there_are_differences_exactly_where_values_differ(old: Any, new: Any) -> None:
    assert bool(differences(old, new)) == (old != new)
