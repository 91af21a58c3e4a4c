"""A claim on a version at a target, so that of two different builds only one sends anything.

``{prefix}/.publishing/{name}/{version}.json`` names the manifest that is being published. Publishers of the
same manifest share it and help each other; one of another manifest is refused before its first file. It goes
after the manifest was put, so that whoever claims later finds the manifest. One that was abandoned stays: the
same build continues under it, ``--abort`` removes it.
"""

import hashlib
import json
import time
from contextlib import suppress

from anessuite.publishing.errors import Precondition, StoreRefused, TargetOccupied
from anessuite.publishing.objects import Objects
from anessuite.publishing.parts import encoded
from anessuite.versions import DatasetRef

FOLDER = ".publishing"
_TRIES = 6


def claim(objects: Objects, ref: DatasetRef, manifest: bytes) -> None:
    """Claim a version for this manifest.

    Raises TargetOccupied if it is claimed for another, StoreRefused if the store has no create-only writes.
    """
    key, content = _key(objects, ref), _content(manifest)
    for attempt in range(_TRIES):
        try:
            _create(objects, key, content)
        except Precondition:
            found = objects.get(key)
        else:
            _prove(objects, key, content)
            return
        if found == content:
            return
        if found is not None:
            raise TargetOccupied(
                f"another build of {ref} is being published to {objects.target}",
                "let it finish, or build under another number; if it was given up, remove what it left:"
                f" anes publish {ref} {objects.target} --abort",
            )
        time.sleep(0.1 * 2**attempt)
    raise StoreRefused(f"another process keeps writing {objects.target.url(key)}", "try again in a minute")


def _create(objects: Objects, key: str, content: bytes) -> None:
    objects.put(key, content, encoded(hashlib.sha256(content).digest()), {}, create=True)


def _prove(objects: Objects, key: str, content: bytes) -> None:
    """Some stores ignore If-None-Match without a word: there two publishers could mix their files.

    Twice, because one that shares the claim may have released it after the first time.
    """
    with suppress(Precondition):
        for _ in range(2):
            _create(objects, key, content)
        raise StoreRefused(
            f"the store overwrote {objects.target.url(key)} although it was told to create only",
            "publishing needs conditional writes (If-None-Match): another store, or a newer version",
        )


def release(objects: Objects, ref: DatasetRef) -> None:
    """Remove the claim, if there is one; where the store does not let us, it stays and harms nothing."""
    key = _key(objects, ref)
    with suppress(StoreRefused):
        if objects.head(key) is not None:
            objects.delete(key)


def _key(objects: Objects, ref: DatasetRef) -> str:
    return f"{objects.target.prefix}/{FOLDER}/{ref.name}/{ref.version}.json".lstrip("/")


def _content(manifest: bytes) -> bytes:
    return json.dumps({"manifest_sha256": hashlib.sha256(manifest).hexdigest()}).encode()
