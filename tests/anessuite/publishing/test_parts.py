"""Parts: their size, their checksums, and a file that is not what the manifest says."""

import base64
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.errors import ConfigError
from anessuite.manifests import File
from anessuite.publishing.errors import SourceChanged
from anessuite.publishing.parts import MIB, MOST_PARTS, composite, part_bytes, read_parts, read_whole
from anessuite.storage import Store

FOLDER = "bench/2026.12.01"


@given(st.integers(0, 50 << 40), st.integers(5, 64))
def test_no_file_needs_more_parts_than_s3_takes_and_none_is_smaller_than_wanted(size: int, mib: int) -> None:
    found = part_bytes(size, mib * MIB)
    assert -(-size // found) <= MOST_PARTS
    assert found >= mib * MIB and found % MIB == 0
    if size <= mib * MIB * MOST_PARTS:
        assert found == mib * MIB


@pytest.mark.parametrize("mib", [0, 4, 5 * 1024 + 1, -3])
def test_part_sizes_that_s3_does_not_take_are_refused(mib: int) -> None:
    with pytest.raises(ConfigError, match=r"MiB are not possible\n  5 to 5,120 MiB"):
        part_bytes(1, mib * MIB)


def test_the_checksum_of_parts_is_that_of_their_digests() -> None:
    digests = [hashlib.sha256(part).digest() for part in (b"one", b"two")]
    expected = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    assert composite([base64.b64encode(digest).decode() for digest in digests]) == f"{expected}-2"


def written(tmp_path: Path, content: bytes) -> tuple[Store, File]:
    store = Store(str(tmp_path))
    store.write_bytes(f"{FOLDER}/a", content)
    return store, File(path="a", bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 30])
def test_parts_join_to_the_file(tmp_path: Path, size: int) -> None:
    content = bytes(range(size))
    store, file = written(tmp_path, content)
    parts = list(read_parts(store, FOLDER, file, 10))
    assert b"".join(part.body for part in parts) == content == read_whole(store, FOLDER, file)
    assert [part.number for part in parts] == list(range(1, max(1, -(-size // 10)) + 1))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda path: path.write_bytes(b"x" * 25), r"has SHA-256 [0-9a-f]{16}\.\.\., not"),
        (lambda path: path.write_bytes(b"ab"), "has fewer than 25 bytes"),
        (lambda path: path.write_bytes(b"a" * 26), "has 26 bytes, not 25"),
        (lambda path: path.unlink(), "is missing"),
        (lambda path: (path.unlink(), path.mkdir()), r"cannot be read \(IsADirectoryError\)"),
    ],
)
def test_a_changed_file_is_refused_by_name_whole_or_in_parts(
    tmp_path: Path, change: object, problem: str
) -> None:
    store, file = written(tmp_path, b"a" * 25)
    change(tmp_path / FOLDER / "a")  # type: ignore[operator]
    for read in (lambda: read_whole(store, FOLDER, file), lambda: list(read_parts(store, FOLDER, file, 10))):
        with pytest.raises(SourceChanged, match=rf"^bench@2026.12.01: a {problem}"):
            read()
