"""Sends a version's files: in parallel, each read once, verified on the way, never over another's file."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

from anessuite.publishing import objects as names
from anessuite.publishing.errors import Precondition, SourceChanged, StoreRefused, UploadGone
from anessuite.publishing.objects import HeldPart, Objects, Upload
from anessuite.publishing.parts import Part, composite, encoded, read_part, read_parts, read_whole
from anessuite.publishing.plan import Plan, Planned, fits, is_same, occupied
from anessuite.storage import Store

Progress = Callable[[Planned, int, bool], None]
"""Told of a file's bytes as they are done, and whether they were sent (or were there); from any thread."""
_TRIES = 4
"""Of a file whose upload another publisher ended, or which two write at once."""


class Sender:
    """One publication's sending. ``sent_bytes`` and ``sent_requests`` count what went over the wire once."""

    def __init__(
        self, store: Store, objects: Objects, plan: Plan, *, workers: int, progress: Progress
    ) -> None:
        self._store, self._objects, self._plan, self._progress = store, objects, plan, progress
        self._create = not plan.ref.is_dev
        self._workers = workers
        self._slots = threading.BoundedSemaphore(workers + 1)  # bounds the parts in memory
        self._failures: list[BaseException] = []
        self._lock = threading.Lock()
        self._done: set[tuple[str, int]] = set()
        self.sent_bytes = 0
        self.sent_requests = 0

    def send_all(self) -> dict[str, str]:
        """Send what the target lacks; returns the store's expected checksum by key of what we wrote.

        Raises SourceChanged, TargetOccupied, StoreRefused, TargetWrong; what was sent so far stays for the
        next run.
        """
        small = [planned for planned in self._plan.to_send if not planned.is_multipart]
        large = [planned for planned in self._plan.to_send if planned.is_multipart]
        known: dict[str, str | None] = {}
        pool = ThreadPoolExecutor(self._workers)
        try:
            futures = {planned.key: pool.submit(self._send_small, planned) for planned in small}
            for future in futures.values():
                future.add_done_callback(_noted(self._failures))
            for planned in large:
                known[planned.key] = self._send_large(pool, planned)
            known |= {key: future.result() for key, future in futures.items()}
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return {key: checksum for key, checksum in known.items() if checksum is not None}

    def _send_small(self, planned: Planned) -> str | None:
        content = read_whole(self._store, self._plan.folder, planned.file)
        checksum = encoded(bytes.fromhex(planned.file.sha256))
        for attempt in range(_TRIES):
            try:
                self._objects.put(
                    planned.key, content, checksum, self._metadata(planned), create=self._create
                )
            except Precondition:
                if self._is_there(planned):
                    self._tell(planned, 1, len(content), sent=False)
                    return None
                time.sleep(0.1 * 2**attempt)
                continue
            self._tell(planned, 1, len(content), sent=True)
            return checksum
        raise self._contended(planned)

    def _send_large(self, pool: ThreadPoolExecutor, planned: Planned) -> str | None:
        """Send a file in parts; returns its checksum if we wrote it, None if another did."""
        upload = planned.upload
        for attempt in range(_TRIES):
            upload, there, begun = self._opened(planned, upload)
            try:
                parts = self._send_parts(pool, planned, upload, there)
                self._objects.complete(upload, parts, create=self._create)
            except SourceChanged:
                self._abort(upload)
                raise
            except (UploadGone, Precondition) as error:
                if isinstance(error, Precondition):
                    self._abort(upload)
                if self._is_there(planned):
                    return None
                time.sleep(0.1 * 2**attempt)
                continue
            if begun or self._is_marked(planned):
                return composite([part.sha256 or "" for part in parts])
            upload = None
        raise self._contended(planned)

    def _opened(self, planned: Planned, upload: Upload | None) -> tuple[Upload, dict[int, HeldPart], bool]:
        """The upload to send to, the parts that it has, and whether it was begun here."""
        there = self._continued(planned, upload) if upload is not None else None
        if upload is not None and there is not None:
            return upload, there, False
        return self._objects.begin(planned.key, self._metadata(planned)), {}, True

    def _continued(self, planned: Planned, upload: Upload) -> dict[int, HeldPart] | None:
        """The parts of an unfinished upload of this very file; None if it is gone or another file's."""
        try:
            there = self._objects.parts(upload)
        except UploadGone:
            return None
        size = planned.part_bytes
        if not there or not all(fits(part, planned.file, size) for part in there.values()):
            return None
        first = min(there)
        ours = read_part(self._store, self._plan.folder, planned.file, first, size)
        return there if _matches(ours, there[first]) else None

    def _send_parts(
        self, pool: ThreadPoolExecutor, planned: Planned, upload: Upload, there: dict[int, HeldPart]
    ) -> list[HeldPart]:
        futures: list[Future[HeldPart]] = []
        failures: list[BaseException] = []
        try:
            for part in read_parts(self._store, self._plan.folder, planned.file, planned.part_bytes):
                self._slots.acquire()
                future = pool.submit(self._send_part, planned, upload, part, there.get(part.number))
                future.add_done_callback(lambda _: self._slots.release())
                future.add_done_callback(_noted(failures))
                futures.append(future)
                if failed := (*failures, *self._failures):
                    raise failed[0]
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            wait(futures)
            raise

    def _send_part(self, planned: Planned, upload: Upload, part: Part, held: HeldPart | None) -> HeldPart:
        sha256 = part.sha256
        if held is not None and _matches(part, held):
            self._tell(planned, part.number, len(part.body), sent=False)
            return HeldPart(part.number, held.bytes, held.etag, sha256)
        sent = self._objects.put_part(upload, part.number, part.body, sha256)
        self._tell(planned, part.number, len(part.body), sent=True)
        return sent

    def _metadata(self, planned: Planned) -> dict[str, str]:
        marks = {names.SHA256: planned.file.sha256, names.VERSION: str(self._plan.ref)}
        return marks | ({names.PART_BYTES: str(planned.part_bytes)} if planned.is_multipart else {})

    def _is_there(self, planned: Planned) -> bool:
        """Whether another wrote this very file meanwhile; raises TargetOccupied if it wrote another one."""
        held = self._objects.head(planned.key)
        if held is None:
            return False
        if is_same(held, planned.file):
            return True
        if not self._create:
            return False
        raise occupied(self._objects, planned.key)

    def _is_marked(self, planned: Planned) -> bool:
        """Whether a continued upload was begun for this very file; if not, its object is removed."""
        held = self._objects.head(planned.key)
        if held is not None and is_same(held, planned.file):
            return True
        self._objects.delete(planned.key)
        return False

    def _abort(self, upload: Upload) -> None:
        with suppress(UploadGone):
            self._objects.abort(upload)

    def _contended(self, planned: Planned) -> StoreRefused:
        return StoreRefused(
            f"another process keeps writing {self._objects.target.url(planned.key)}",
            "wait for it to end, then run the same command: it continues",
        )

    def _tell(self, planned: Planned, number: int, size: int, *, sent: bool) -> None:
        with self._lock:
            self.sent_bytes += size * sent
            self.sent_requests += sent
            if (planned.key, number) in self._done:
                return
            self._done.add((planned.key, number))
            self._progress(planned, size, sent)


def _matches(part: Part, held: HeldPart) -> bool:
    """Whether the store has this very part: by its SHA-256, or by its ETag (MD5) where it lists none."""
    if held.bytes != len(part.body):
        return False
    return held.sha256 == part.sha256 if held.sha256 is not None else held.etag == part.md5


def _noted(failures: list[BaseException]) -> Callable[[Future[Any]], None]:
    """A callback that adds what a future failed with."""

    def ended(future: Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            failures.append(error)

    return ended
