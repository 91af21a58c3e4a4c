"""Publishing to a store that breaks, twice, at once, and of files that changed."""

import threading
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from anessuite.errors import AnesError
from anessuite.publishing.check import check
from anessuite.publishing.errors import (
    ArrivedWrong,
    SourceChanged,
    StoreRefused,
)
from anessuite.publishing.objects import Objects
from anessuite.publishing.plan import Plan, make_plan
from anessuite.publishing.target import Target
from anessuite.publishing.upload import Published, publish
from anessuite.storage import Store
from anessuite.verification import verify
from tests.anessuite.publishing.versions import LARGE, MIB, REF, TOP, planned, published
from tests.s3_server import WRITES, Asked, S3Server, faultless, random_faults, refusing

Make = Callable[..., Store]
Serve = Callable[..., S3Server]
Arrived = Callable[..., None]


@pytest.mark.parametrize(("seed", "lists_checksums"), [(1, True), (2, False), (3, True)])
def test_whatever_breaks_on_the_way_the_published_version_is_equal_file_by_file(
    make: Make, serve: Serve, arrived: Arrived, seed: int, lists_checksums: bool
) -> None:
    server, store = serve(random_faults(seed, 0.25), lists_checksums=lists_checksums), make(large=11 * MIB)
    assert published(server, store).state == "published"
    assert sum(seen.fault is not None for seen in server.seen) >= 3
    arrived(server, store)


def test_when_each_requests_first_attempt_breaks_in_one_way_or_another_the_version_arrives(
    make: Make, serve: Serve, arrived: Arrived
) -> None:
    faults = ("lost", "cut", "corrupt", "half", "reset", "slow_down")

    def broken(asked: Asked) -> str | None:
        drawn = zlib.crc32(f"{asked.kind}/{asked.key}/{asked.part}".encode())
        return None if asked.nth else faults[drawn % 6]

    server, store = serve(broken), make()
    assert published(server, store).state == "published"
    kinds = {seen.asked.kind for seen in server.seen if seen.fault is not None or seen.asked.nth}
    assert kinds >= {"put", "part", "begin", "complete", "head", "list", "uploads"}
    arrived(server, store)


@pytest.mark.parametrize("fault", ["lost", "half", "corrupt", "cut"])
def test_a_manifest_whose_answer_was_lost_is_still_ours(make: Make, serve: Serve, fault: str) -> None:
    server = serve(
        lambda asked: fault if asked.kind == "put" and "manifest" in asked.key and not asked.nth else None
    )
    assert published(server, make(large=0)).state == "published"


def test_a_version_in_the_store_is_published_from_there(
    make: Make, server: S3Server, arrived: Arrived
) -> None:
    store = make()
    assert published(server, store).state == "published"
    remote = Store(f"s3://{server.bucket}/suite")
    objects = Objects(Target(server.bucket, "copies"))
    assert publish(remote, objects, make_plan(remote, REF, objects)).state == "published"
    assert verify(Store(f"s3://{server.bucket}/copies"), REF) == []
    assert published(server, Store(f"file://{store.root}")).state == "already"
    arrived_keys = [key for key in server.listed() if key.startswith("copies/bench/")]
    assert len(arrived_keys) == len(store.files("bench/2026.12.01"))


def test_publishing_again_sends_nothing_and_says_so(make: Make, server: S3Server) -> None:
    store = make()
    published(server, store)
    before = len(server.done(*WRITES))
    assert published(server, store) == Published("already", 0, 0, 0)
    assert len(server.done(*WRITES)) == before


@pytest.mark.parametrize("lists_checksums", [True, False])
def test_a_broken_run_is_continued_and_only_the_rest_is_sent(
    make: Make, serve: Serve, arrived: Arrived, lists_checksums: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    server, store = serve(lists_checksums=lists_checksums), make(large=16 * MIB)
    server.behaviour = lambda asked: "reset" if asked.kind == "part" and asked.part >= 3 else None
    with pytest.raises(StoreRefused, match=r"the same command continues|The same command continues"):
        published(server, store)
    assert f"{TOP}manifest.json" not in server.listed()
    first = {asked.part for asked in server.done("part")}
    assert first <= {1, 2} and first
    server.behaviour = faultless
    objects, plan = planned(server, store)
    large = next(file for file in plan.files if file.file.path == LARGE)
    assert (large.parts, large.parts_there) == (4, len(first))
    done = publish(store, objects, plan, workers=2)
    assert done.sent_bytes == plan.bytes_to_send
    assert sorted(asked.part for asked in server.done("part")) == [1, 2, 3, 4]
    puts = Counter(asked.key for asked in server.done("put") if asked.key.startswith(TOP))
    assert set(puts.values()) == {1}
    assert len(server.done("begin")) == 1
    arrived(server, store)


def test_an_unfinished_upload_of_another_file_is_left_alone(
    make: Make, server: S3Server, arrived: Arrived
) -> None:
    store, client = make(), server.client()
    others = client.create_multipart_upload(Bucket=server.bucket, Key=TOP + LARGE)["UploadId"]
    client.upload_part(
        Bucket=server.bucket, Key=TOP + LARGE, UploadId=others, PartNumber=1, Body=bytes(5 * MIB)
    )
    published(server, store)
    arrived(server, store)
    parts = client.list_parts(Bucket=server.bucket, Key=TOP + LARGE, UploadId=others)["Parts"]
    assert [part["Size"] for part in parts] == [5 * MIB]


def test_a_continued_upload_that_was_begun_for_another_build_is_sent_anew(
    make: Make, server: S3Server, arrived: Arrived
) -> None:
    store, client = make(), server.client()
    content = store.read_bytes(f"bench/2026.12.01/{LARGE}")
    upload = client.create_multipart_upload(
        Bucket=server.bucket, Key=TOP + LARGE, Metadata={"sha256": "0" * 64}, ChecksumAlgorithm="SHA256"
    )["UploadId"]
    client.upload_part(
        Bucket=server.bucket, Key=TOP + LARGE, UploadId=upload, PartNumber=1, Body=content[: 5 * MIB]
    )
    assert published(server, store).state == "published"
    arrived(server, store)
    held = client.head_object(Bucket=server.bucket, Key=TOP + LARGE)
    assert held["Metadata"]["sha256"] != "0" * 64


@pytest.mark.parametrize("rate", [0.0, 0.2])
def test_of_two_equal_publishers_at_once_one_publishes_and_the_other_is_told(
    make: Make, serve: Serve, arrived: Arrived, rate: float
) -> None:
    server, store = serve(random_faults(5, rate)), make()
    plans = [planned(server, store) for _ in range(2)]
    barrier = threading.Barrier(2)

    def run(objects: Objects, plan: Plan) -> str:
        barrier.wait()
        return publish(store, objects, plan, workers=3).state

    with ThreadPoolExecutor(2) as pool:
        states = list(pool.map(run, *zip(*plans, strict=True)))
    assert sorted(states) == ["already", "published"]
    assert sum("manifest" in asked.key for asked in server.done("put")) == 1
    arrived(server, store)


def test_a_shard_that_changed_between_two_runs_is_refused_before_the_manifest(
    make: Make, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    server, store = serve(refusing("reset", "complete")), make()
    with pytest.raises(StoreRefused):
        published(server, store)
    server.behaviour = faultless
    path = Path(store.absolute("bench/2026.12.01", LARGE))
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(SourceChanged, match=rf"^bench@2026.12.01: {LARGE} has SHA-256 \w+\.\.\., not"):
        published(server, store)
    keys = server.listed()
    assert f"{TOP}manifest.json" not in keys and TOP + LARGE not in keys
    assert not server.client().list_multipart_uploads(Bucket=server.bucket).get("Uploads")


def test_a_small_shard_that_is_damaged_is_never_sent(make: Make, server: S3Server) -> None:
    store = make(large=0)
    store.write_bytes("bench/2026.12.01/data/en-00001-of-00002.parquet", b"damaged")
    with pytest.raises(SourceChanged, match=r"data/en-00001-of-00002.parquet has fewer than"):
        published(server, store)
    assert f"{TOP}data/en-00001-of-00002.parquet" not in server.listed()
    assert f"{TOP}manifest.json" not in server.listed()


def test_what_the_store_changed_is_found_before_the_manifest_is_put(make: Make, server: S3Server) -> None:
    store = make(large=0)
    objects, plan = planned(server, store)
    key = f"{TOP}data/en-00000-of-00002.parquet"
    size = next(file.file.bytes for file in plan.files if file.key == key)

    def damage(asked: Asked) -> None:
        if asked.kind == "head" and asked.key == key and not asked.nth:
            marks = server.client().head_object(Bucket=server.bucket, Key=key)["Metadata"]
            server.client().put_object(
                Bucket=server.bucket, Key=key, Body=bytes(size), Metadata=marks, ChecksumAlgorithm="SHA256"
            )

    server.behaviour = damage
    with pytest.raises(
        ArrivedWrong, match=r"was not published: 1 of its files .*en-00000-of-00002.parquet has"
    ):
        publish(store, objects, plan)
    assert f"{TOP}manifest.json" not in server.listed()


def test_a_published_version_that_lost_or_changed_files_is_told_with_each_and_gets_the_lost_ones_again(
    make: Make, server: S3Server, arrived: Arrived
) -> None:
    store, client = make(), server.client()
    published(server, store)
    client.delete_object(Bucket=server.bucket, Key=f"{TOP}README.md")
    client.put_object(Bucket=server.bucket, Key=TOP + LARGE, Body=b"other")
    objects, plan = planned(server, store)
    faults = {fault.path: fault.problem for fault in check(store, objects, plan)}
    assert faults.keys() == {"README.md", LARGE}
    assert faults["README.md"] == "is missing"
    assert faults[LARGE].startswith("has 5 bytes, not")
    with pytest.raises(ArrivedWrong, match=r"is published, but 2 of its files .*README.md is missing"):
        publish(store, objects, plan)
    client.delete_object(Bucket=server.bucket, Key=TOP + LARGE)
    repaired = published(server, store)
    assert (repaired.state, repaired.sent_files, repaired.sent_requests) == ("repaired", 2, 3)
    arrived(server, store)


def test_only_so_many_attempts_are_made(make: Make, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    server = serve(refusing("slow_down", "put"))
    with pytest.raises(
        AnesError, match=r"kept refusing to write .* \(503 SlowDown\)\n  wait, then run the same"
    ):
        published(server, make(large=0))
    assert len([seen for seen in server.seen if seen.asked.kind == "put"]) == 2
