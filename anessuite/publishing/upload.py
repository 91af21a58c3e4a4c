"""Publishing a planned version: its files, their verification in the store, then its manifest."""

import hashlib
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from anessuite.publishing import objects as names
from anessuite.publishing.check import MISSING, check, check_manifest
from anessuite.publishing.claim import claim, release
from anessuite.publishing.errors import ArrivedWrong, Precondition, StoreRefused, UploadGone
from anessuite.publishing.objects import Objects
from anessuite.publishing.parts import encoded
from anessuite.publishing.plan import Plan, Planned, published_otherwise
from anessuite.publishing.sender import Progress, Sender
from anessuite.storage import MANIFEST, Store
from anessuite.verification import Fault
from anessuite.versions import DatasetRef

State = Literal["published", "replaced", "repaired", "already"]
_TRIES = 6
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Published:
    """What came of it.

    ``already``: the very same version was there, or another put it there meanwhile; ``replaced``: over an
    earlier ``dev``; ``repaired``: the manifest was there, but files were missing.
    """

    state: State
    sent_files: int
    sent_bytes: int
    sent_requests: int
    """Plain writes and parts, without the manifest."""


def _silent(_planned: Planned, _bytes: int, _sent: bool) -> None:
    """No progress shown."""


def publish(
    store: Store, objects: Objects, plan: Plan, *, workers: int = 8, progress: Progress = _silent
) -> Published:
    """Send what the target lacks, verify every file in the store, put the manifest last and create-only.

    May be killed at any time and run again. About twice ``workers`` parts are in memory.

    Raises:
        SourceChanged: a file is not what the manifest says; nothing is published.
        ArrivedWrong: the store holds something else than was sent; nothing is published.
        PublishedOtherwise: another publisher put another manifest meanwhile.
        TargetOccupied, StoreRefused, TargetWrong.
    """
    if plan.published and not _lacks_files(store, objects, plan, workers):
        release(objects, plan.ref)  # of a run that was killed just before its end
        return Published("already", 0, 0, 0)
    key = objects.target.folder(plan.ref) + MANIFEST
    if not plan.ref.is_dev:
        claim(objects, plan.ref, plan.manifest)
        if (found := objects.get(key)) is not None:  # another finished after we planned
            release(objects, plan.ref)
            if found != plan.manifest:
                raise published_otherwise(objects, plan.ref)
    if plan.replaces:
        objects.delete(key)  # its presence means that the version is whole, which from here on it is not
    for planned in plan.files:
        if planned.there:
            progress(planned, planned.file.bytes, False)
    sender = Sender(store, objects, plan, workers=workers, progress=progress)
    known = sender.send_all()
    refuse(check(store, objects, plan, known=known, workers=workers), plan, "was not published:")
    for stale in plan.stale:
        objects.delete(stale)
    ours = _put_manifest(objects, plan, key)
    refuse(check_manifest(objects, plan), plan, "was published, but")
    if not plan.ref.is_dev:
        release(objects, plan.ref)
    return Published(_state(plan, ours), len(plan.to_send), sender.sent_bytes, sender.sent_requests)


def _lacks_files(store: Store, objects: Objects, plan: Plan, workers: int) -> bool:
    """Whether a published version lost files, which may be sent again; raises ArrivedWrong for wrong ones."""
    faults = check(store, objects, plan, workers=workers)
    if all(fault.problem == MISSING for fault in faults):
        return bool(faults)
    refuse(faults, plan, "is published, but")
    return False


def _state(plan: Plan, ours: bool) -> State:
    if plan.published:
        return "repaired"
    return "already" if not ours else "replaced" if plan.replaces else "published"


def refuse(faults: list[Fault], plan: Plan, words: str) -> None:
    """Raise ArrivedWrong if there are faults, naming the first ones."""
    if not faults:
        return
    named = "; ".join(f"{fault.path} {fault.problem}" for fault in faults[:_SHOWN])
    more = f"; and {len(faults) - _SHOWN:,} more" if len(faults) > _SHOWN else ""
    raise ArrivedWrong(
        f"{plan.ref} {words} {len(faults):,} of its files are not right in the store: {named}{more}",
        "remove the wrong files from the bucket and run the same command: it sends only those",
    )


def _put_manifest(objects: Objects, plan: Plan, key: str) -> bool:
    """Whether it is ours that is there now; if not, another put an equal one first."""
    token = uuid.uuid4().hex
    digest = hashlib.sha256(plan.manifest).digest()
    metadata = {names.SHA256: digest.hex(), names.VERSION: str(plan.ref), names.PUBLISHER: token}
    for attempt in range(_TRIES):
        try:
            objects.put(key, plan.manifest, encoded(digest), metadata, create=not plan.ref.is_dev)
            return True
        except Precondition:
            found = objects.get(key)
        if found is not None and found != plan.manifest:
            raise published_otherwise(objects, plan.ref)
        if found is not None:  # perhaps our own, whose answer was lost on the way
            held = objects.head(key)
            return held is not None and held.metadata.get(names.PUBLISHER) == token
        time.sleep(0.1 * 2**attempt)
    raise StoreRefused(
        f"another process keeps writing {objects.target.url(key)}", "run the same command again in a minute"
    )


def abort(objects: Objects, ref: DatasetRef) -> list[str]:
    """Give up an unfinished publication of a version; returns the keys of what was removed.

    Its multipart uploads go; where no manifest is there, so do the files that earlier runs wrote (those that
    carry our mark). A published version keeps all its files.
    """
    removed: list[str] = []
    folder = objects.target.folder(ref)
    for upload in objects.uploads(folder):
        with suppress(UploadGone):
            objects.abort(upload)
            removed.append(upload.key)
    there = objects.keys(folder)
    for key in there if folder + MANIFEST not in there else ():
        held = objects.head(key)
        if held is not None and held.metadata.get(names.VERSION) == str(ref):
            objects.delete(key)
            removed.append(key)
    release(objects, ref)
    return removed
