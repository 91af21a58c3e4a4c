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
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import fsspec
import zstandard
from fsspec.implementations.local import LocalFileSystem

from anessuite.errors import AnesError, ConfigError
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
_PRUNED_AT_ONCE = 5_000
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)

Row = tuple[bytes, str, Completion]
"""Key, model and reply."""


class CacheError(AnesError):
    """The cache file cannot be used: not a database, no room, no rights."""


def cache_folder(root: str, chosen: str | None) -> Path:
    """The folder of the cache: ``chosen`` (``ANES_CACHE``), else ``{root}/.cache``; on this machine's disks.

    Versions on an object store have their cache in ``~/.cache/anessuite``.

    Raises:
        ConfigError: ``chosen`` is on an object store.
    """
    if chosen:
        folder = _local(chosen)
        if folder is None:
            raise ConfigError(
                f"the cache cannot lie at {chosen}", "set ANES_CACHE to a folder on a local disk"
            )
        return folder
    folder = _local(root)
    return Path.home() / ".cache" / "anessuite" if folder is None else folder / ".cache"


def _local(url: str) -> Path | None:
    if "://" not in url:
        return Path(url).expanduser()
    fs, path = fsspec.url_to_fs(url)
    return Path(path) if isinstance(fs, LocalFileSystem) else None


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
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection:
                _prepare(connection)
        self._reading = threading.Lock()
        self._reader: sqlite3.Connection | None = None
        self._writes: SimpleQueue[tuple[Row, Future[None]] | None] = SimpleQueue()
        self._writer: threading.Thread | None = None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from None

    def _unusable(self, error: Exception) -> CacheError:
        advice = (
            "free disk space, or set ANES_CACHE to another folder on a local disk; what is in it stays valid"
        )
        if getattr(error, "sqlite_errorcode", None) in _DAMAGED or not isinstance(
            error, sqlite3.Error | OSError
        ):
            advice = "move the file away: a new one is begun, and what it held is asked again"
        return CacheError(f"the cache {self.path} cannot be used: {error}", advice)

    def __enter__(self) -> "Cache":
        with self._explained():
            connection = self._connect()
        self._writer = threading.Thread(
            target=self._write_all, args=(connection,), name="completion-cache", daemon=True
        )
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writes.put(None)
            self._writer.join()
            self._writer = None
        with self._reading:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Completion]:
        """The finished replies among ``keys``. Raises CacheError."""
        found: dict[bytes, Completion] = {}
        unpacker = zstandard.ZstdDecompressor()
        with self._reading, self._explained():
            self._reader = connection = self._reader or self._connect()
            for start in range(0, len(keys), _LOOKUP):
                some = keys[start : start + _LOOKUP]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, reply FROM completions WHERE key IN ({marks})"  # noqa: S608
                rows = connection.execute(query, some).fetchall()
                try:
                    found |= {key: unpack(unpacker.decompress(reply)) for key, reply in rows}
                except (zstandard.ZstdError, TypeError, ValueError) as error:
                    raise self._unusable(error) from None
        return found

    def put(self, key: bytes, model: str, completion: Completion) -> "Future[None]":
        """Store one reply; the future is done when it is committed, or holds a CacheError.

        A future that is cancelled takes nothing back: the reply is stored all the same.
        """
        if self._writer is None:
            raise CacheError(f"the cache {self.path} is not open", "use it in a with block")
        done: Future[None] = Future()
        self._writes.put(((key, model, completion), done))
        return done

    def _write_all(self, connection: sqlite3.Connection) -> None:
        with closing(connection):
            for waiting in self._batches():
                wanted = [done for _, done in waiting if done.set_running_or_notify_cancel()]
                try:
                    insert(connection, [row for row, _ in waiting])
                except Exception as error:  # whatever it is: those that wait must hear of it
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                    for done in wanted:
                        done.set_exception(self._unusable(error))
                else:
                    for done in wanted:
                        done.set_result(None)

    def _batches(self) -> Iterator[list[tuple[Row, "Future[None]"]]]:
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
        """Replies, tokens and bytes by model. Raises CacheError."""
        query = """SELECT model, count(*), sum(prompt_tokens), sum(completion_tokens), sum(length(reply)),
                   min(created), max(created) FROM completions GROUP BY model ORDER BY model"""
        with self._explained(), closing(self._connect()) as connection:
            return [CacheStats(*row) for row in connection.execute(query)]

    def prune(self, *, before: float, model: str | None = None, dry_run: bool = False) -> int:
        """Remove replies older than ``before`` (seconds since 1970), of one model or all: how many.

        Goes in small steps and gives the room back, so that builds may go on meanwhile. Raises CacheError.
        """
        where, values = "created < ?", [before]
        if model is not None:
            where, values = "created < ? AND model = ?", [before, model]
        with self._explained(), closing(self._connect()) as connection:
            (count,) = connection.execute(
                f"SELECT count(*) FROM completions WHERE {where}",  # noqa: S608
                values,
            ).fetchone()
            if dry_run or not count:
                return int(count)
            (last,) = connection.execute("SELECT max(rowid) FROM completions").fetchone()
            removed = 0
            for start in range(0, last, _PRUNED_AT_ONCE):
                gone = connection.execute(
                    f"DELETE FROM completions WHERE rowid > ? AND rowid <= ? AND {where}",  # noqa: S608
                    [start, start + _PRUNED_AT_ONCE, *values],
                ).rowcount
                if gone:
                    removed += gone
                    connection.executescript("PRAGMA incremental_vacuum")  # execute() would free one page
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return removed


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the file what it has to be. Another process may do so at the same moment: then wait for it."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            if connection.execute("PRAGMA page_count").fetchone() == (0,):
                connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(_SCHEMA)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def insert(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
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
