"""What a publication would send: found out by reading the version's manifest and listing the target."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pydantic import ValidationError

from anessuite.errors import ConfigError
from anessuite.manifests import File, Manifest
from anessuite.publishing import objects as names
from anessuite.publishing.errors import PublishedOtherwise, TargetOccupied, UploadGone
from anessuite.publishing.objects import Held, HeldPart, Objects, Upload
from anessuite.publishing.parts import PART_BYTES, encoded, part_bytes
from anessuite.storage import MANIFEST, Store
from anessuite.versions import DatasetRef


@dataclass(frozen=True, slots=True)
class Planned:
    """One file: its key, bytes a part, and whether the target has it. A single part is one plain request."""

    file: File
    key: str
    part_bytes: int
    there: bool
    upload: Upload | None = None
    """An unfinished upload that may be continued."""
    parts_there: int = 0

    @property
    def parts(self) -> int:
        return max(1, -(-self.file.bytes // self.part_bytes))

    @property
    def is_multipart(self) -> bool:
        return self.parts > 1

    @property
    def bytes_there(self) -> int:
        """Bytes that need not be sent again."""
        return self.file.bytes if self.there else min(self.file.bytes, self.parts_there * self.part_bytes)


@dataclass(frozen=True, slots=True)
class Plan:
    """A version and what of it the target lacks. ``published``: the target has this very manifest."""

    ref: DatasetRef
    folder: str
    manifest: bytes
    files: list[Planned]
    published: bool
    replaces: bool
    """Another manifest of the version ``dev`` is there and will be overwritten."""
    stale: list[str]
    """Keys that are not this version's; of an earlier ``dev``, which go."""
    unlisted: list[str]
    """Files beside the version that its manifest does not name: not sent."""

    @property
    def bytes(self) -> int:
        return sum(planned.file.bytes for planned in self.files)

    @property
    def bytes_to_send(self) -> int:
        """Without the manifest."""
        return sum(planned.file.bytes - planned.bytes_there for planned in self.files)

    @property
    def to_send(self) -> list[Planned]:
        return [planned for planned in self.files if not planned.there]


def make_plan(
    store: Store,
    ref: DatasetRef,
    objects: Objects,
    *,
    wanted_part_bytes: int = PART_BYTES,
    allow_dev: bool = False,
    only_look: bool = False,
    workers: int = 8,
) -> Plan:
    """Compare a finished version with its target; sends nothing.

    With ``only_look`` what is there of others is no error, but named in ``stale``.

    Raises:
        ConfigError: ``dev`` without ``allow_dev``, or a manifest whose paths or name are not its version's.
        PublishedOtherwise: a dated version is there with another manifest.
        TargetOccupied: something under the version's keys is not this version's.
        VersionNotFound, StoreRefused, TargetWrong.
    """
    if ref.is_dev and not (allow_dev or only_look):
        raise ConfigError(
            f"{ref} is a development version: it may change under its readers",
            "build it under a date (--version YYYY.MM.DD) and publish that, or say --allow-dev",
        )
    content, files = _manifest(store, ref)
    target, folder = objects.target, objects.target.folder(ref)
    keys = {target.key(ref, file.path): file for file in files}
    there = {key: size for key, size in objects.keys(folder).items() if not key.endswith("/")}
    published, replaces = _published(objects, ref, content, there)
    held = _heads(objects, [key for key, file in keys.items() if there.get(key) == file.bytes], workers)
    stale = [key for key in there if key not in keys and key != folder + MANIFEST]
    if not only_look:
        _refuse_strangers(objects, ref, stale)
    unfinished = [] if published else objects.uploads(folder)
    planned = [
        _planned(objects, key, file, held.get(key), unfinished, wanted_part_bytes)
        for key, file in keys.items()
    ]
    if not (ref.is_dev or published or only_look):
        _refuse_others(objects, planned, there)
    listed = {MANIFEST, *(file.path for file in files)}
    unlisted = [path for path in store.files(store.folder(ref)) if path not in listed]
    return Plan(ref, store.folder(ref), content, planned, published, replaces, stale, unlisted)


def _manifest(store: Store, ref: DatasetRef) -> tuple[bytes, list[File]]:
    try:
        store.manifest(ref)
        content = store.read_bytes(f"{store.folder(ref)}/{MANIFEST}")
        manifest = Manifest.model_validate_json(content)
    except ValidationError:
        raise ConfigError(f"{ref} has a manifest that cannot be read", "build the version anew") from None
    if (manifest.name, manifest.version) != (ref.name, ref.version):
        raise ConfigError(
            f"the manifest of {ref} is that of {manifest.name}@{manifest.version}",
            "the folder was copied or renamed by hand: publish it under its own name",
        )
    paths = [file.path for file in manifest.files]
    if len(set(paths)) != len(paths) or MANIFEST in paths:
        raise ConfigError(f"the manifest of {ref} names a file twice, or itself", "build the version anew")
    return content, manifest.files


def _published(objects: Objects, ref: DatasetRef, content: bytes, there: Iterable[str]) -> tuple[bool, bool]:
    """Whether this very manifest is at the target, and whether another is and will be replaced."""
    key = objects.target.folder(ref) + MANIFEST
    found = objects.get(key) if key in there else None
    if found is None or found == content:
        return found is not None, False
    if ref.is_dev:
        return False, True
    raise published_otherwise(objects, ref)


def published_otherwise(objects: Objects, ref: DatasetRef) -> PublishedOtherwise:
    """The error of a version that is at the target with other content."""
    return PublishedOtherwise(
        f"{ref} is published in {objects.target} already, with another manifest",
        "a published version never changes: give the build another number (such as"
        f" {ref.version}.2), or publish to another prefix; anes show {ref} --root {objects.target} shows it",
    )


def _heads(objects: Objects, keys: list[str], workers: int) -> dict[str, Held | None]:
    with ThreadPoolExecutor(workers) as pool:
        return dict(zip(keys, pool.map(objects.head, keys), strict=True))


def _refuse_strangers(objects: Objects, ref: DatasetRef, keys: list[str]) -> None:
    """Raise TargetOccupied for keys that are not an earlier ``dev`` of ours."""
    for key in keys:
        held = objects.head(key) if ref.is_dev else None
        if held is None or held.metadata.get(names.VERSION) != str(ref):
            raise TargetOccupied(
                f"{objects.target.url(key)} is there, but {ref} has no such file",
                "readers would find it between the version's files: remove it, or publish to another prefix",
            )


def _planned(
    objects: Objects, key: str, file: File, held: Held | None, unfinished: list[Upload], wanted: int
) -> Planned:
    size = part_bytes(file.bytes, wanted)
    if held is not None and is_same(held, file):
        there = held.metadata.get(names.PART_BYTES, "")
        return Planned(file, key, int(there) if there.isdecimal() and int(there) else size, there=True)
    if file.bytes > size:
        for upload in unfinished:
            if upload.key == key and (parts := _continued(objects, upload, file, size)):
                return Planned(file, key, size, False, upload, parts)
    return Planned(file, key, size, there=False)


def is_same(held: Held, file: File) -> bool:
    """Whether an object says that it is this file: bytes, our digest, and the store's where it is of the
    whole (a checksum of parts is compared when the version is verified)."""
    if held.bytes != file.bytes or held.metadata.get(names.SHA256) != file.sha256 or held.checksum is None:
        return False
    return (
        "-" in held.checksum
        or names.PART_BYTES in held.metadata
        or held.checksum == encoded(bytes.fromhex(file.sha256))
    )


def _continued(objects: Objects, upload: Upload, file: File, size: int) -> int:
    """How many parts of an upload can be those of a file in parts of ``size`` bytes; 0: begin anew."""
    try:
        parts = objects.parts(upload)
    except UploadGone:
        return 0
    return len(parts) if all(fits(part, file, size) for part in parts.values()) else 0


def fits(part: HeldPart, file: File, size: int) -> bool:
    """Whether a part has the bytes that this file's part of that number would have."""
    return part.bytes == max(0, min(size, file.bytes - (part.number - 1) * size))


def _refuse_others(objects: Objects, planned: list[Planned], there: dict[str, int]) -> None:
    for file in planned:
        if not file.there and file.key in there:
            raise occupied(objects, file.key)


def occupied(objects: Objects, key: str) -> TargetOccupied:
    """The error of a key that holds another file and no finished version."""
    url = objects.target.url(key)
    return TargetOccupied(
        f"{url} is there with other content, and was not replaced",
        "another build of this version was begun there: anes publish --abort removes what it left; or publish"
        " to another prefix",
    )
