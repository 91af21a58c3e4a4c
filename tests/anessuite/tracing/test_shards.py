"""What of a version is read to find a row."""

import hashlib
import io
import random
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem

from anessuite.errors import SourceError
from anessuite.manifests import File
from anessuite.storage import Store
from anessuite.tracing.shards import MOST_ROWS, Shards
from anessuite.versions import DatasetRef

REF = DatasetRef("corpus", "dev")
GROUP_ROWS = 500
SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "text", "source", "source_id")])


def row(number: int, *, chars: int = 2000) -> dict[str, str]:
    return {
        "id": hashlib.sha256(str(number).encode()).hexdigest()[:32],
        "text": random.Random(number).randbytes(chars // 2).hex(),
        "source": "web",
        "source_id": f"file.jsonl#{number}",
    }


def shards(store: Store, *files: list[dict[str, str]]) -> Shards:
    """One file for each list of rows, in row groups of GROUP_ROWS, sorted by id."""
    written = []
    for number, rows in enumerate(files):
        sink, path = io.BytesIO(), f"data/en-{number:05d}-of-{len(files):05d}.parquet"
        table = pa.Table.from_pylist(sorted(rows, key=lambda one: one["id"]), schema=SCHEMA)
        pq.write_table(table, sink, row_group_size=GROUP_ROWS, compression="zstd")
        digest = store.write_bytes(f"{store.folder(REF)}/{path}", sink.getvalue())
        written.append(File(path=path, bytes=len(sink.getvalue()), sha256=digest, rows=len(rows)))
    return Shards(store, REF, written)


class CountingFiles(LocalFileSystem):
    """A folder that counts the bytes that are read from its files."""

    protocol = ("counting",)
    read = 0

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **kwargs: Any) -> Any:
        file = super()._open(path, mode, block_size, **kwargs)
        return CountedFile(file) if mode == "rb" else file


class CountedFile(io.RawIOBase):
    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        CountingFiles.read += len(content)
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


@pytest.fixture
def counted(tmp_path: Path) -> Shards:
    """Two shards of 10 row groups each, about 12 MB, on a file system that counts what is read."""
    fsspec.register_implementation("counting", CountingFiles, clobber=True)
    rows = sorted((row(number) for number in range(20 * GROUP_ROWS)), key=lambda one: one["id"])
    half = len(rows) // 2
    made = shards(Store(str(tmp_path)), rows[:half], rows[half:])
    store = Store(f"counting://{tmp_path}")
    CountingFiles.read = 0
    return Shards(store, REF, made.files)


def test_finding_an_id_reads_one_row_group_and_footers(counted: Shards) -> None:
    whole = sum(file.bytes for file in counted.files)
    wanted = row(1234)
    found, count = counted.between(wanted["id"], wanted["id"] + "g")
    assert [placed.row for placed in found] == [wanted] and count == 1
    assert 0 < CountingFiles.read < whole / 10


def test_a_source_id_is_looked_for_without_reading_texts(counted: Shards) -> None:
    whole = sum(file.bytes for file in counted.files)
    assert [placed.row for placed in counted.named("file.jsonl#77")] == [row(77)]
    assert 0 < CountingFiles.read < whole / 5


def test_an_id_that_is_nowhere_reads_no_text(counted: Shards) -> None:
    assert counted.between("0" * 32, "0" * 32 + "g") == ([], 0)
    assert 0 < CountingFiles.read < sum(file.bytes for file in counted.files) / 10


def test_rows_are_found_wherever_the_version_lies(any_root: str) -> None:
    made = shards(Store(any_root), [row(number) for number in range(1200)], [])
    for number in (0, 599, 1199):
        wanted = row(number)
        for found in (made.between(wanted["id"], wanted["id"] + "g")[0], made.named(wanted["source_id"])):
            assert [(placed.file, placed.row) for placed in found] == [(made.files[0].path, wanted)]


def test_the_beginning_of_an_id_finds_all_that_begin_so(tmp_path: Path) -> None:
    rows = [row(number, chars=10) for number in range(300)]
    made = shards(Store(str(tmp_path)), rows)
    begin = rows[7]["id"][:2]
    found, count = made.between(begin, begin + "g", ["id", "no_such_column"])
    wanted = sorted(one["id"] for one in rows if one["id"].startswith(begin))
    assert [placed.row for placed in found] == [{"id": one} for one in wanted] and count == len(wanted)


def test_of_very_many_rows_with_one_id_the_first_are_read_and_all_are_counted(tmp_path: Path) -> None:
    rows = [row(3) | {"source_id": f"copy {number}"} for number in range(3 * GROUP_ROWS)]
    found, count = shards(Store(str(tmp_path)), rows).between(rows[0]["id"], rows[0]["id"] + "g")
    assert len(found) == MOST_ROWS and count == 3 * GROUP_ROWS


def test_names_like_the_wanted_one_come_with_the_nearest_first(tmp_path: Path) -> None:
    rows = [row(number) | {"source_id": name} for number, name in enumerate(["exam-017", "exam-018", "poem"])]
    found = shards(Store(str(tmp_path)), rows).like("exam-17")
    assert [name for _, name in found] == ["exam-017", "exam-018"]


def test_a_shard_that_is_gone_is_named(tmp_path: Path) -> None:
    made = shards(Store(str(tmp_path)), [row(1)])
    made.store.remove(f"corpus/dev/{made.files[0].path}")
    with pytest.raises(SourceError, match=r"corpus@dev/data/en-00000-of-00001\.parquet is in the manifest"):
        made.named("file.jsonl#1")


def test_a_damaged_shard_is_named_with_what_to_do(tmp_path: Path) -> None:
    made = shards(Store(str(tmp_path)), [row(1)])
    made.store.write_bytes(f"corpus/dev/{made.files[0].path}", b"PAR1 no more")
    with pytest.raises(SourceError, match=r"en-00000-of-00001\.parquet cannot be read") as raised:
        made.between("0", "g")
    assert "anes verify corpus@dev" in raised.value.hint
