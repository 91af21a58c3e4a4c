"""Publishing where something is already: another build, a dev version, files of others."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from anessuite.errors import ConfigError
from anessuite.publishing.errors import (
    PublishedOtherwise,
    StoreRefused,
    TargetOccupied,
)
from anessuite.publishing.objects import Objects
from anessuite.publishing.plan import Plan
from anessuite.publishing.target import Target
from anessuite.publishing.upload import abort, publish
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from tests.anessuite.publishing.versions import DEV, LARGE, MIB, REF, TOP, planned, published
from tests.s3_server import WRITES, S3Server, faultless, random_faults, refusing

Make = Callable[..., Store]
Serve = Callable[..., S3Server]
Arrived = Callable[..., None]


@pytest.mark.parametrize("seed", [1, 2])
def test_of_two_different_builds_at_once_one_publishes_and_nothing_of_the_other_is_there(
    make: Make, serve: Serve, arrived: Arrived, seed: int
) -> None:
    server = serve(random_faults(seed, 0.1))
    stores = [make("a", large=6 * MIB, seed=10), make("b", large=6 * MIB, small=3, seed=20)]
    plans = [planned(server, store) for store in stores]
    barrier = threading.Barrier(2)

    def run(store: Store, objects: Objects, plan: Plan) -> str:
        barrier.wait()
        try:
            return publish(store, objects, plan, workers=3).state
        except (TargetOccupied, PublishedOtherwise) as error:
            assert error.exit_code == 2
            return type(error).__name__

    with ThreadPoolExecutor(2) as pool:
        states = list(pool.map(run, stores, *zip(*plans, strict=True)))
    assert states.count("published") == 1
    arrived(server, stores[states.index("published")])


def test_another_manifest_under_a_published_version_is_refused(make: Make, server: S3Server) -> None:
    published(server, make("a", large=0))
    other = make("b", large=0, seed=2)
    before = len(server.seen)
    with pytest.raises(
        PublishedOtherwise, match=r"is published in s3://.*/suite already, with another"
    ) as error:
        published(server, other)
    assert error.value.exit_code == 2
    assert "2026.12.01.2" in error.value.hint
    assert not [seen for seen in server.seen[before:] if seen.asked.kind in WRITES]


@pytest.mark.parametrize("path", ["data/en-00009-of-00009.parquet", "notes.txt"])
def test_a_file_of_others_between_the_versions_files_is_refused(
    make: Make, server: S3Server, path: str
) -> None:
    server.client().put_object(Bucket=server.bucket, Key=TOP + path, Body=b"x")
    with pytest.raises(TargetOccupied, match=f"{path} is there, but bench@2026.12.01 has no such file"):
        published(server, make(large=0))
    assert server.listed() == [TOP + path]


def test_another_content_under_a_files_key_is_never_replaced(make: Make, server: S3Server) -> None:
    server.client().put_object(Bucket=server.bucket, Key=f"{TOP}README.md", Body=b"x")
    with pytest.raises(TargetOccupied, match=r"README.md is there with other content, and was not replaced"):
        published(server, make(large=0))
    assert server.listed() == [f"{TOP}README.md"]


def test_abort_removes_what_an_unfinished_run_left_and_makes_room_for_another_build(
    make: Make, serve: Serve, arrived: Arrived, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    server, other = serve(refusing("reset", "complete")), make("b", large=0, seed=5)
    with pytest.raises(StoreRefused):
        published(server, make("a"))
    server.behaviour = faultless
    with pytest.raises(TargetOccupied, match="--abort"):
        published(server, other)
    foreign = "suite/bench/2026.12.01.2/mine.txt"
    server.client().put_object(Bucket=server.bucket, Key=foreign, Body=b"x")
    removed = abort(Objects(Target(server.bucket, "suite")), REF)
    assert TOP + LARGE in removed and f"{TOP}README.md" in removed
    assert server.listed() == [foreign]
    assert not server.client().list_multipart_uploads(Bucket=server.bucket).get("Uploads")
    server.client().delete_object(Bucket=server.bucket, Key=foreign)
    published(server, other)
    arrived(server, other)
    assert abort(Objects(Target(server.bucket, "suite")), REF) == []
    arrived(server, other)


def test_a_dev_version_is_refused_unless_it_is_wanted(make: Make, server: S3Server) -> None:
    with pytest.raises(ConfigError, match=r"bench@dev is a development version(?s:.)*--allow-dev"):
        published(server, make(ref=DEV, large=0), DEV)
    assert server.seen == []


def test_an_earlier_dev_version_is_replaced_whole(make: Make, server: S3Server, arrived: Arrived) -> None:
    first, second = make("a", DEV, small=3), make("b", DEV, small=2, large=6 * MIB, seed=7)
    assert published(server, first, DEV, allow_dev=True).state == "published"
    assert published(server, first, DEV, allow_dev=True).state == "already"
    assert published(server, second, DEV, allow_dev=True).state == "replaced"
    arrived(server, second, DEV)


def test_a_dev_version_is_not_finished_while_it_is_replaced(
    make: Make, serve: Serve, monkeypatch: pytest.MonkeyPatch, arrived: Arrived
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    server, second = serve(), make("b", DEV, large=0, small=1, seed=7)
    published(server, make("a", DEV, large=0), DEV, allow_dev=True)
    server.behaviour = lambda asked: (
        "reset" if asked.kind == "put" and asked.key.endswith("parquet") else None
    )
    with pytest.raises(StoreRefused):
        published(server, second, DEV, allow_dev=True)
    assert Store(f"s3://{server.bucket}/suite").refs() == []
    server.behaviour = faultless
    published(server, second, DEV, allow_dev=True)
    arrived(server, second, DEV)


@pytest.mark.parametrize("path", ["../../../escape.txt", "/etc/passwd", "data/../../x", "manifest.json"])
def test_a_manifest_that_names_a_path_outside_sends_nothing(make: Make, server: S3Server, path: str) -> None:
    store = make(large=0)
    manifest = store.read_bytes("bench/2026.12.01/manifest.json").replace(b"README.md", path.encode())
    store.write_bytes("bench/2026.12.01/manifest.json", manifest)
    with pytest.raises(ConfigError, match=r"bench@2026.12.01 names the file|names a file twice, or itself"):
        published(server, store)
    assert server.listed() == []


def test_a_manifest_under_another_versions_name_is_refused(make: Make, server: S3Server) -> None:
    store = make(large=0)
    other = DatasetRef("bench", "2026.12.02")
    store.write_bytes("bench/2026.12.02/manifest.json", store.read_bytes("bench/2026.12.01/manifest.json"))
    with pytest.raises(ConfigError, match=r"manifest of bench@2026.12.02 is that of bench@2026.12.01"):
        published(server, store, other)


def test_a_store_that_ignores_create_only_is_refused_before_any_file(make: Make, serve: Serve) -> None:
    server = serve(refusing("unconditional", "put"))
    with pytest.raises(StoreRefused, match=r"although it was told to create only(?s:.)*If-None-Match"):
        published(server, make(large=0))
    assert [key for key in server.listed() if key.startswith(TOP)] == []
