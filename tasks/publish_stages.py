"""Turn the stages of a build into a version: shards, rejected rows, card, report, manifest last."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path, PurePosixPath

import polars as pl
import pyarrow as pa

from anessuite import provenance
from anessuite.builds import Build
from anessuite.errors import NothingKept, RowsLost
from anessuite.manifests import File, Manifest, Quarantined, Recipe
from anessuite.sharding import shard_count, write_shards
from anessuite.stages import Stage

_COPY_BYTES = 16 << 20


@dataclass(frozen=True)
class Attached:
    """A further folder of shards beside ``data/``: its rows by language, and their size in parts."""

    folder: str
    schema: pa.Schema
    frames: Callable[[str], Iterable[pl.DataFrame]]
    bytes: int
    sort_by: Sequence[str]


@dataclass(frozen=True)
class Placed:
    """A file of this machine that the version holds as it is, such as the weights of a model."""

    path: str
    source: Path


@dataclass(frozen=True)
class Finished:
    """All that a version is made of. ``finish`` gives the last stage's rows the columns of ``data``, whose
    configs are the values of its column ``config_by``."""

    build: Build
    recipe: Recipe
    stages: Sequence[Stage]
    data: pa.Schema
    rejected: pa.Schema
    finish: Callable[[pl.DataFrame], pl.DataFrame]
    languages: Sequence[str]
    config_by: str = "language"
    requests: dict[str, int] = field(default_factory=dict)
    quarantined: Sequence[Quarantined] = ()
    warnings: Sequence[str] = ()
    attached: Sequence[Attached] = ()
    placed: Sequence[Placed] = ()
    packages: Sequence[str] = ()
    """Whose versions the manifest has, beside those of any dataset."""

    def kept_frames(self) -> Iterator[pl.DataFrame]:
        """The rows of ``data/``, part by part."""
        for frame in self.stages[-1].frames():
            yield self.finish(frame)

    def rejected_frames(self) -> Iterator[pl.DataFrame]:
        """The rows of ``rejected/``, part by part."""
        for stage in self.stages:
            for part in stage.parts():
                yield stage.read_rejected(part)


def publish_stages(finished: Finished, pages: Callable[[Manifest], Mapping[str, str | bytes]]) -> Manifest:
    """Write the shards, then what ``pages`` makes of the manifest (card, report), then the manifest.

    Raises NothingKept if no row is left of a dated version; ``dev`` is published without rows, so that its
    report can be looked at. Raises RowsLost if the stages do not add up.
    """
    build = finished.build
    build.store.remove(build.publish_folder)
    _check_chain(finished.stages)
    kept, rejected = _write_kept(finished), _write_rejected(finished)
    manifest = _manifest(finished, kept, rejected)
    _check_stored(manifest, finished.stages)
    texts = [write_page(build, name, content) for name, content in pages(manifest).items()]
    more = [*_write_attached(finished), *_place(finished), *texts]
    manifest = manifest.model_copy(update={"files": [*manifest.files, *more]})
    build.publish(manifest)
    return manifest


def _check_chain(stages: Sequence[Stage]) -> None:
    """What one stage keeps is what the next one judges."""
    for before, after in pairwise(stages):
        left = sum(mark["kept"] for mark in before.marks())
        judged = sum(mark["rows"] for mark in after.marks())
        if left != judged:
            raise RowsLost(
                f"{after.build.ref}: {before.name} kept {left:,} rows, {after.name} judged {judged:,}",
                "this is a defect of the product: report it, and build anew with --restart",
            )


def _write_kept(finished: Finished) -> list[File]:
    last, files = finished.stages[-1], list[File]()
    if not any(frame.height for frame in last.frames()) and not last.build.ref.is_dev:
        raise NothingKept(
            f"{last.build.ref}: {nothing_kept(finished.stages)}",
            "build the same as dev: its report shows what was dropped where, with evidence",
        )
    for language in finished.languages:
        files += write_shards(
            last.build.store,
            f"{last.build.publish_folder}/data",
            (frame.filter(pl.col(finished.config_by) == language) for frame in finished.kept_frames()),
            finished.data,
            shards=shard_count(last.bytes("kept")),
            name=language,
            sort_by=["id"],
            scratch=last.build.path("scratch"),
        )
    return [_below(last.build, file) for file in files]


def nothing_kept(stages: Sequence[Stage]) -> str:
    """Says that no row is left, and where they went."""
    return f"no row is kept; dropped: {dict(Counter(_drops(stages)).most_common())}"


def warnings_of(
    stages: Sequence[Stage], requests: dict[str, int], left_out: Sequence[Quarantined] = ()
) -> list[str]:
    """What a reader has to know: a stage that lets nothing through, requests that no model answered, files
    that were left out."""
    found = [
        f"{line.source}: {line.stage} lets none of {line.rows_in:,} through: {line.dropped}"
        for line in (stage.funnel() for stage in stages)
        if line.rows_in and not line.rows_out
    ]
    if not any(frame.height for frame in stages[-1].frames()):
        found.insert(0, nothing_kept(stages))
    for name, count in requests.items():
        if name.endswith((".fault_request_failed", ".fault_bad_request")) and count:
            step, fault = name.split(".fault_")
            found.append(f"{step}: {count:,} requests without an answer ({fault}); their rows are rejected")
    return found + [f"left out {one.path} of source {one.source}: {one.error}" for one in left_out]


def _write_rejected(finished: Finished) -> list[File]:
    build = finished.build
    files = write_shards(
        build.store,
        f"{build.publish_folder}/rejected",
        finished.rejected_frames(),
        finished.rejected,
        shards=shard_count(sum(stage.bytes("rejected") for stage in finished.stages)),
        name="part",
        sort_by=["id", "source", "source_id", "stage", "reason", "evidence"],
        scratch=build.path("scratch"),
    )
    return [_below(build, file) for file in files]


def _write_attached(finished: Finished) -> list[File]:
    build = finished.build
    return [
        _below(build, file)
        for one in finished.attached
        for language in finished.languages
        for file in write_shards(
            build.store,
            f"{build.publish_folder}/{one.folder}",
            one.frames(language),
            one.schema,
            shards=shard_count(one.bytes),
            name=language,
            sort_by=list(one.sort_by),
            scratch=build.path("scratch"),
        )
    ]


def _place(finished: Finished) -> list[File]:
    build = finished.build
    found: list[File] = []
    for one in finished.placed:
        with build.store.create(f"{build.publish_folder}/{one.path}") as sink, one.source.open("rb") as file:
            shutil.copyfileobj(file, sink, _COPY_BYTES)  # type: ignore[misc]
        found.append(File(path=one.path, bytes=sink.bytes, sha256=sink.sha256))
    return found


def _below(build: Build, file: File) -> File:
    return file.model_copy(update={"path": str(PurePosixPath(file.path).relative_to(build.publish_folder))})


def write_page(build: Build, name: str, page: str | bytes) -> File:
    """Write a page, or another small file, of the version that is being published."""
    content = page.encode() if isinstance(page, str) else page
    digest = build.store.write_bytes(f"{build.publish_folder}/{name}", content)
    return File(path=name, bytes=len(content), sha256=digest)


def _drops(stages: Sequence[Stage]) -> dict[str, int]:
    return dict(sorted(sum((Counter(s.funnel().dropped) for s in stages), Counter[str]()).items()))


def _manifest(finished: Finished, kept: list[File], rejected: list[File]) -> Manifest:
    rows: Counter[str] = Counter()
    for file in kept:
        rows[PurePosixPath(file.path).name.split("-")[0]] += file.rows or 0
    return Manifest(
        name=finished.build.ref.name,
        version=finished.build.ref.version,
        created=datetime.now(UTC),
        recipe=finished.recipe,
        code=provenance.code(),
        packages=provenance.packages(finished.packages),
        schema_={column.name: str(column.type) for column in finished.data},
        files=[*kept, *rejected],
        rows=dict(rows),
        drops=_drops(finished.stages),
        funnel=[stage.funnel() for stage in finished.stages],
        masked={},
        quarantined=list(finished.quarantined),
        requests=finished.requests,
        warnings=list(finished.warnings),
    )


def _check_stored(manifest: Manifest, stages: Sequence[Stage]) -> None:
    stored = sum(file.rows or 0 for file in manifest.rejected_files())
    last = sum(mark["kept"] for mark in stages[-1].marks())
    if manifest.kept != last or stored != manifest.dropped:
        raise RowsLost(
            f"{manifest.kept:,} of {last:,} kept rows are stored, {stored:,} of {manifest.dropped:,} dropped",
            "this is a defect of the product: report it, and build anew with --restart",
        )
