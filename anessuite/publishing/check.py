"""Does the store hold what was sent? Asked of the store itself: sizes and the checksums that it computed."""

from concurrent.futures import ThreadPoolExecutor

from anessuite.manifests import File
from anessuite.publishing import objects as names
from anessuite.publishing.objects import Held, Objects
from anessuite.publishing.parts import LARGEST, SMALLEST, composite, encoded, read_parts
from anessuite.publishing.plan import Plan, Planned
from anessuite.storage import MANIFEST, Store
from anessuite.verification import Fault

MISSING = "is missing"


def check(
    store: Store, objects: Objects, plan: Plan, *, known: dict[str, str] | None = None, workers: int = 8
) -> list[Fault]:
    """Compare every file at the target with the manifest: bytes, SHA-256; an empty list means all is well.

    Nothing is fetched. The store's checksum of an object made of parts is compared with that of the version's
    own file, which is read for it, unless ``known`` has it by key.
    Raises SourceChanged where that file is not what the manifest says.
    """

    def one(planned: Planned) -> Fault | None:
        problem = _problem(store, plan.folder, planned, objects.head(planned.key), (known or {}))
        return Fault(planned.file.path, problem) if problem else None

    with ThreadPoolExecutor(workers) as pool:
        return [fault for fault in pool.map(one, plan.files) if fault]


def check_manifest(objects: Objects, plan: Plan) -> list[Fault]:
    """Whether the manifest at the target is that of the plan."""
    found = objects.get(objects.target.folder(plan.ref) + MANIFEST)
    if found is None:
        return [Fault(MANIFEST, "is missing: the version is not published there")]
    return [] if found == plan.manifest else [Fault(MANIFEST, "is another one")]


def _problem(
    store: Store, folder: str, planned: Planned, held: Held | None, known: dict[str, str]
) -> str | None:
    file = planned.file
    if held is None:
        return MISSING
    if held.bytes != file.bytes:
        return f"has {held.bytes:,} bytes, not {file.bytes:,}"
    digest = held.metadata.get(names.SHA256)
    if digest != file.sha256:
        return f"is marked with SHA-256 {str(digest)[:16]}, not {file.sha256[:16]}..."
    if held.checksum is None:
        return "has no SHA-256 in the store: it cannot be verified there"
    expected = known.get(planned.key) or _expected(store, folder, file, held)
    if expected is None:
        return "was written in parts of a size that the store does not tell"
    if not _equal(held.checksum, expected):
        return f"has the checksum {held.checksum[:16]}... in the store, not {expected[:16]}..."
    return None


def _expected(store: Store, folder: str, file: File, held: Held) -> str | None:
    size = held.metadata.get(names.PART_BYTES)
    if size is None:
        return None if "-" in (held.checksum or "") else encoded(bytes.fromhex(file.sha256))
    if not size.isdecimal() or not SMALLEST <= int(size) <= LARGEST:
        return None
    return composite([part.sha256 for part in read_parts(store, folder, file, int(size))])


def _equal(held: str, expected: str) -> bool:
    """Some stores leave out ``-N``, the count of parts."""
    return held == expected or ("-" not in held and held == expected.partition("-")[0])
