"""Finished replies by the key of their request: SQLite, zstd, shared by all stages, runs and processes.

A reply counts as finished when it is committed here; a killed run finds it again. WAL keeps readers and the
one writer of the moment apart, so several builds may share the file (on a local disk: WAL does not work over
NFS).
"""

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import zstandard

from anessuite.errors import AnesError
from anessuite.llm.replies import Completion, pack, unpack

FILE = "completions.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS completions (
    key BLOB PRIMARY KEY,               -- SHA-256 of the request
    model TEXT NOT NULL,
    created INTEGER NOT NULL,           -- seconds since 1970
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    reply BLOB NOT NULL                 -- JSON of anessuite.llm.replies.Completion, zstd
) STRICT
"""
_BUSY_SECONDS = 60
_LOOKUP = 500
_LEVEL = 3


class CacheError(AnesError):
    """The cache file cannot be used: not a database, no room, no rights."""


@dataclass(frozen=True, slots=True)
class CacheStats:
    """One model's share of the cache."""

    model: str
    replies: int
    prompt_tokens: int
    completion_tokens: int
    bytes: int
    first: int
    last: int


class Cache:
    """One cache file. Use it as a context manager: a thread of its own writes, and ends with the block."""

    def __init__(self, folder: Path | str) -> None:
        self.path = Path(folder) / FILE
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from None
        self._readers = threading.local()
        self._writes: SimpleQueue[tuple[tuple[bytes, str, Completion], Future[None]] | None] = SimpleQueue()
        self._writer = threading.Thread(target=self._write_all, name="completion-cache", daemon=True)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    def _unusable(self, error: Exception) -> CacheError:
        return CacheError(
            f"the cache {self.path.name} cannot be used: {error}",
            "free disk space, or set ANES_CACHE to another folder on a local disk; what is in it stays valid",
        )

    def __enter__(self) -> "Cache":
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._writes.put(None)
        self._writer.join()

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Completion]:
        """The finished replies among ``keys``."""
        if not hasattr(self._readers, "connection"):
            self._readers.connection = self._connect()
        connection, unpacker = self._readers.connection, zstandard.ZstdDecompressor()
        found: dict[bytes, Completion] = {}
        try:
            for start in range(0, len(keys), _LOOKUP):
                some = keys[start : start + _LOOKUP]
                marks = ",".join("?" * len(some))
                rows = connection.execute(
                    f"SELECT key, reply FROM completions WHERE key IN ({marks})",  # noqa: S608
                    some,
                )
                found |= {key: unpack(unpacker.decompress(reply)) for key, reply in rows}
        except (sqlite3.Error, zstandard.ZstdError) as error:
            raise self._unusable(error) from None
        return found

    def put(self, key: bytes, model: str, completion: Completion) -> "Future[None]":
        """Store one reply; the future is done when it is committed, or holds a CacheError."""
        done: Future[None] = Future()
        self._writes.put(((key, model, completion), done))
        return done

    def _write_all(self) -> None:
        with closing(self._connect()) as connection:
            for waiting in self._batches():
                rows = [row for row, _ in waiting]
                try:
                    insert(connection, rows)
                except sqlite3.Error as error:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                    for _, done in waiting:
                        done.set_exception(self._unusable(error))
                else:
                    for _, done in waiting:
                        done.set_result(None)

    def _batches(self) -> Iterator[list[tuple[tuple[bytes, str, Completion], "Future[None]"]]]:
        """All that waits, as one transaction; more comes in while it is written."""
        while True:
            first = self._writes.get()
            if first is None:
                return
            batch, ended = [first], False
            while not self._writes.empty():
                more = self._writes.get()
                if more is None:
                    ended = True
                    break
                batch.append(more)
            yield batch
            if ended:
                return

    def stats(self) -> list[CacheStats]:
        """Replies, tokens and bytes by model."""
        query = """SELECT model, count(*), sum(prompt_tokens), sum(completion_tokens), sum(length(reply)),
                   min(created), max(created) FROM completions GROUP BY model ORDER BY model"""
        with closing(self._connect()) as connection:
            return [CacheStats(*row) for row in connection.execute(query)]

    def prune(self, *, before: float, model: str | None = None, dry_run: bool = False) -> int:
        """Remove replies older than ``before`` (seconds since 1970), of one model or all: how many."""
        where, values = "created < ?", [before]
        if model is not None:
            where, values = "created < ? AND model = ?", [before, model]
        with closing(self._connect()) as connection:
            query = f"SELECT count(*) FROM completions WHERE {where}"  # noqa: S608
            (count,) = connection.execute(query, values).fetchone()
            if count and not dry_run:
                connection.execute(f"DELETE FROM completions WHERE {where}", values)  # noqa: S608
                connection.execute("VACUUM")
        return int(count)


def insert(connection: sqlite3.Connection, rows: Iterable[tuple[bytes, str, Completion]]) -> None:
    """One transaction; a key that is there already keeps its first reply."""
    packer = zstandard.ZstdCompressor(level=_LEVEL)
    now = int(time.time())
    packed = [
        (key, model, now, reply.prompt_tokens, reply.completion_tokens, packer.compress(pack(reply)))
        for key, model, reply in rows
    ]
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT OR IGNORE INTO completions VALUES (?, ?, ?, ?, ?, ?)", packed)
    connection.execute("COMMIT")
