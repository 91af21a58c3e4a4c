import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from anessuite.errors import ConfigError
from anessuite.llm import cache as module
from anessuite.llm.cache import FILE, Cache, CacheError, cache_folder
from anessuite.llm.replies import Completion

PROJECT = Path(__file__).parents[3]
WRITER = """
import os, resource, sys
from anessuite.llm.cache import Cache, CacheError
from anessuite.llm.replies import Completion

folder, begin, count, limit = sys.argv[1], *map(int, sys.argv[2:])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
with Cache(folder) as cache:
    for number in range(begin, begin + count):
        reply = Completion(os.urandom(1500).hex() + f" {os.getpid()}")
        try:
            cache.put(b"%032d" % number, "m", reply).result(60)
        except CacheError as error:
            print("CacheError", error.what, flush=True)
            break
        print(number, flush=True)
"""


def writer(folder: Path, begin: int, count: int, *, limit: int = 0) -> subprocess.Popen[str]:
    """A process that stores replies and prints the number of each when it is committed."""
    command = [sys.executable, "-c", WRITER, str(folder), str(begin), str(count), str(limit)]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)


def lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    assert process.stdout is not None
    yield from process.stdout


def is_whole(file: Path) -> bool:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_reply_is_found_once_its_future_is_done_and_by_others_too(cache: Cache) -> None:
    reply = Completion("A", "因为", "stop", 3, 4, "m-2", None)
    cache.put(b"k" * 32, "m", reply).result(10)
    assert cache.find([b"k" * 32, b"x" * 32]) == {b"k" * 32: reply}
    assert Cache(cache.path.parent).find([b"k" * 32]) == {b"k" * 32: reply}


def test_more_keys_are_found_than_one_query_takes(cache: Cache) -> None:
    keys = [b"%032d" % number for number in range(1_203)]
    for done in [cache.put(key, "m", Completion(str(key))) for key in keys]:
        done.result(10)
    assert {key: reply.text for key, reply in cache.find(keys).items()} == {key: str(key) for key in keys}


def test_a_key_keeps_its_first_reply(cache: Cache) -> None:
    for text in ("first", "second"):
        cache.put(b"k" * 32, "m", Completion(text)).result(10)
    assert cache.find([b"k" * 32])[b"k" * 32].text == "first"


def test_what_was_put_is_written_when_the_block_ends(tmp_path: Path) -> None:
    with Cache(tmp_path) as cache:
        for number in range(500):
            cache.put(b"%032d" % number, "m", Completion("A"))
    assert cache.stats()[0].replies == 500
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_a_future_that_is_cancelled_takes_nothing_back_and_does_not_end_the_writer(cache: Cache) -> None:
    for number in range(300):
        cache.put(b"%032d" % number, "m", Completion("A")).cancel()
    cache.put(b"k" * 32, "m", Completion("B")).result(10)
    assert cache.stats()[0].replies == 301


def test_a_reply_that_cannot_be_stored_fails_alone_and_the_writer_goes_on(cache: Cache) -> None:
    with pytest.raises(CacheError):
        cache.put(b"a" * 32, "m", Completion("A", prompt_tokens=1 << 70)).result(10)
    with pytest.raises(CacheError):
        cache.put(b"b" * 32, "m", Completion("\ud800")).result(10)
    cache.put(b"c" * 32, "m", Completion("C")).result(10)
    assert list(cache.find([b"a" * 32, b"b" * 32, b"c" * 32])) == [b"c" * 32]


def test_a_cache_that_is_not_open_refuses_to_store_instead_of_waiting_for_ever(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with pytest.raises(CacheError, match="not open"):
        cache.put(b"k" * 32, "m", Completion("A"))
    cache.__exit__(None, None, None)
    with cache:
        cache.put(b"k" * 32, "m", Completion("A")).result(10)
    with pytest.raises(CacheError, match="not open"):
        cache.put(b"k" * 32, "m", Completion("A"))
    with cache:
        assert cache.find([b"k" * 32])


def test_two_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    processes = [writer(tmp_path, begin, 600) for begin in (0, 300)]
    said = [list(lines(process)) for process in processes]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert [len(numbers) for numbers in said] == [600, 600]
    cache = Cache(tmp_path)
    assert cache.stats()[0].replies == 900
    assert is_whole(cache.path)


def test_many_that_begin_a_cache_at_the_same_moment_all_can(tmp_path: Path) -> None:
    errors: list[Exception] = []
    rounds, threads = 20, 6
    barrier = threading.Barrier(threads)

    def begin() -> None:
        for number in range(rounds):
            barrier.wait()
            try:
                with Cache(tmp_path / str(number)) as cache:
                    cache.put(os.urandom(32), "m", Completion("A")).result(30)
            except Exception as error:
                errors.append(error)

    workers = [threading.Thread(target=begin) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    assert {Cache(tmp_path / str(number)).stats()[0].replies for number in range(rounds)} == {threads}


@pytest.mark.parametrize("committed", [1, 40, 400])
def test_a_process_killed_in_mid_write_loses_nothing_that_was_committed(
    tmp_path: Path, committed: int
) -> None:
    process = writer(tmp_path, 0, 100_000)
    numbers = []
    for line in lines(process):
        numbers.append(int(line))
        if len(numbers) == committed:
            process.send_signal(signal.SIGKILL)
    process.wait(10)
    with Cache(tmp_path) as cache:
        assert len(cache.find([b"%032d" % number for number in numbers])) == len(numbers)
        cache.put(b"k" * 32, "m", Completion("A")).result(10)
    assert is_whole(cache.path)


def test_a_full_disk_is_said_once_it_comes_and_loses_nothing_before(tmp_path: Path) -> None:
    process = writer(tmp_path, 0, 5_000, limit=600_000)
    *numbers, last = lines(process)
    process.wait(10)
    assert last.startswith("CacheError the cache ")
    assert len(numbers) > 20
    cache = Cache(tmp_path)
    assert len(cache.find([b"%032d" % int(number) for number in numbers])) == len(numbers)


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """The folder is read-only, also for root."""
    root = os.geteuid() == 0
    parents = list(folder.parents)[:3] if root else []
    modes = [parent.stat().st_mode for parent in parents]
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for parent in parents:
        parent.chmod(0o755)
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        for parent, mode in zip(parents, modes, strict=True):
            parent.chmod(mode)


def test_a_cache_without_rights_says_so_and_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    Cache(folder)
    with without_rights(folder), pytest.raises(CacheError) as caught:
        Cache(folder)
    assert str(folder / FILE) in caught.value.what
    assert "ANES_CACHE" in caught.value.hint


def test_a_folder_that_cannot_be_made_is_a_cache_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CacheError, match="cannot be used"):
        Cache(tmp_path / "file")


@pytest.mark.parametrize(
    "content", [b"this is no database at all" * 100, b"SQLite format 3\x00" + b"\x07" * 5000]
)
def test_a_file_that_is_no_database_is_a_cache_error_that_says_to_move_it(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(CacheError) as caught:
        Cache(tmp_path)
    assert "move the file away" in caught.value.hint


def test_a_damaged_page_or_reply_is_a_cache_error_when_it_is_read(tmp_path: Path) -> None:
    with Cache(tmp_path) as cache:
        for number in range(400):
            cache.put(b"%032d" % number, "m", Completion(os.urandom(500).hex()))
    with closing(sqlite3.connect(cache.path)) as connection, connection:
        connection.execute("UPDATE completions SET reply = x'00' WHERE key = ?", [b"%032d" % 7])
    with pytest.raises(CacheError):
        cache.find([b"%032d" % 7])
    content = bytearray(cache.path.read_bytes())
    content[8192:] = os.urandom(len(content) - 8192)
    cache.path.write_bytes(content)
    with pytest.raises(CacheError, match="malformed"):
        Cache(tmp_path).find([b"%032d" % number for number in range(400)])
    with pytest.raises(CacheError, match="malformed"):
        Cache(tmp_path).stats()


def filled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """20 replies of model a, ten days old, and 10 of b, an hour old; each pair of tokens is 3 and 4."""
    now = time.time()
    with Cache(folder) as cache:
        for model, count, age in (("a", 20, 10 * 86_400), ("b", 10, 3_600)):
            monkeypatch.setattr(module.time, "time", lambda age=age: now - age)
            for _ in range(count):
                cache.put(
                    os.urandom(32), model, Completion(os.urandom(3_000).hex(), None, "stop", 3, 4)
                ).result(9)
    monkeypatch.undo()
    return cache


def test_stats_count_replies_tokens_and_bytes_by_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = filled(tmp_path, monkeypatch)
    a, b = cache.stats()
    assert (a.model, a.replies, a.prompt_tokens, a.completion_tokens) == ("a", 20, 60, 80)
    assert (b.model, b.replies) == ("b", 10)
    assert a.bytes > 20 * 3_000
    assert b.first - a.last == pytest.approx(10 * 86_400 - 3_600, abs=5)
    assert Cache(tmp_path / "empty").stats() == []


def test_prune_removes_what_is_old_and_gives_the_room_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = filled(tmp_path, monkeypatch)
    size = cache.path.stat().st_size
    day_ago = time.time() - 86_400
    assert cache.prune(before=day_ago, dry_run=True) == 20
    assert cache.prune(before=day_ago, model="b") == 0
    assert [stats.replies for stats in cache.stats()] == [20, 10]
    assert cache.prune(before=day_ago) == 20
    assert [(stats.model, stats.replies) for stats in cache.stats()] == [("b", 10)]
    assert cache.path.stat().st_size < size * 0.6
    assert cache.prune(before=time.time() + 1, model="b") == 10
    assert cache.prune(before=time.time() + 1) == 0
    assert is_whole(cache.path)


def test_prune_goes_in_steps_while_a_build_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = filled(tmp_path, monkeypatch)
    monkeypatch.setattr(module, "_PRUNED_AT_ONCE", 7)
    with cache:
        futures = [cache.put(os.urandom(32), "new", Completion("A")) for _ in range(500)]
        assert cache.prune(before=time.time() - 60) == 30
        for done in futures:
            done.result(10)
    assert [(stats.model, stats.replies) for stats in cache.stats()] == [("new", 500)]


def test_the_folder_is_the_chosen_one_else_beside_a_local_root_else_in_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    known: list[tuple[str, str | None, Path]] = [
        ("data", None, Path("data/.cache")),
        ("data", "", Path("data/.cache")),
        (f"file://{tmp_path}/data", None, tmp_path / "data" / ".cache"),
        ("data", "elsewhere", Path("elsewhere")),
        ("data", "~/elsewhere", tmp_path / "elsewhere"),
        ("s3://bucket/suite", None, tmp_path / ".cache" / "anessuite"),
        ("s3://bucket/suite", "/fast/cache", Path("/fast/cache")),
    ]
    assert [cache_folder(root, chosen) for root, chosen, _ in known] == [folder for _, _, folder in known]
    with pytest.raises(ConfigError, match="s3://bucket/cache"):
        cache_folder("data", "s3://bucket/cache")
