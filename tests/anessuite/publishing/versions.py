"""A finished version with a large shard, and what is found of it in a bucket."""

import hashlib
import io
import random
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from anessuite.manifests import File, Manifest, Recipe
from anessuite.publishing.objects import Objects
from anessuite.publishing.plan import Plan, make_plan
from anessuite.publishing.target import Target
from anessuite.publishing.upload import Published, publish
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from tests.s3_server import S3Server

MIB = 1 << 20
REF, DEV = DatasetRef("bench", "2026.12.01"), DatasetRef("bench", "dev")
LARGE = "data/zh-00000-of-00001.parquet"
TOP = "suite/bench/2026.12.01/"


def shard(rows: int, size: int, seed: int) -> bytes:
    """A Parquet file of so many rows, together of about ``size`` random bytes."""
    drawn = random.Random(seed)
    table = pa.table({"id": list(range(rows)), "text": [drawn.randbytes(size // rows) for _ in range(rows)]})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="none", use_dictionary=False, write_statistics=False)
    return sink.getvalue()


def write_version(
    root: str, ref: DatasetRef = REF, *, large: int = 6 * MIB, small: int = 2, seed: int = 1
) -> Store:
    """Write a finished version: one large shard, small ones, rejected rows, an empty file, a card."""
    store = Store(root)
    contents = {f"data/en-{i:05}-of-{small:05}.parquet": (shard(7, 7000, seed + i), 7) for i in range(small)}
    if large:
        contents["data/zh-00000-of-00001.parquet"] = (shard(12, large, seed), 12)
    contents |= {
        "rejected/part-00000-of-00001.parquet": (shard(3, 900, seed + 99), 3),
        "README.md": (b"# A card of 100% tests, \xe9\xba\xbb\xe9\x86\x89\n", None),
        "review/a b+c=d.txt": (b"", None),
    }
    files = []
    for path, (content, rows) in contents.items():
        store.write_bytes(f"{store.folder(ref)}/{path}", content)
        files.append(
            File(path=path, bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), rows=rows)
        )
    manifest = Manifest(
        name=ref.name, version=ref.version, created=datetime(2026, 12, 1, tzinfo=UTC),
        recipe=Recipe(inputs=[], config={"seed": seed}, texts={}), code={}, packages={}, schema_={},
        files=files, rows={"en": 7 * small} | ({"zh": 12} if large else {}), drops={}, funnel=[], masked={},
        quarantined=[], requests={}, warnings=[],
    )  # fmt: skip
    store.write_bytes(f"{store.folder(ref)}/manifest.json", manifest.model_dump_json(indent=1).encode())
    return store


def published_files(server: S3Server, ref: DatasetRef = REF, prefix: str = "suite") -> dict[str, bytes]:
    """What is below the version in the bucket, by path, fetched past the proxy."""
    client, top = server.client(), f"{prefix}/{ref.name}/{ref.version}/"
    return {
        key.removeprefix(top): client.get_object(Bucket=server.bucket, Key=key)["Body"].read()
        for key in server.listed()
        if key.startswith(top)
    }


def local_files(store: Store, ref: DatasetRef = REF) -> dict[str, bytes]:
    """What is in the version's folder, by path."""
    folder = store.folder(ref)
    return {path: store.read_bytes(f"{folder}/{path}") for path in store.files(folder)}


def planned(server: S3Server, store: Store, ref: DatasetRef = REF, **more: bool) -> tuple[Objects, Plan]:
    """The target that tests publish to, and the plan, with parts of 5 MiB."""
    objects = Objects(Target(server.bucket, "suite"))
    return objects, make_plan(store, ref, objects, wanted_part_bytes=5 * MIB, **more)


def published(server: S3Server, store: Store, ref: DatasetRef = REF, **more: bool) -> Published:
    """Plan and publish."""
    objects, plan = planned(server, store, ref, **more)
    return publish(store, objects, plan, workers=4)
