"""``anes publish``: a finished version into an S3 bucket, resumable, verified, its manifest last."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.output import JsonOption, errors_explained, print_json, print_table
from flows.commands.versions import Ref, Root, root_or_default

if TYPE_CHECKING:
    from anessuite.publishing.objects import Objects
    from anessuite.publishing.plan import Plan, Planned
    from anessuite.storage import Store
    from anessuite.versions import DatasetRef

_LINE_SECONDS = 10.0
_WORDS = {
    "published": "published",
    "replaced": "published; the earlier dev version there was overwritten",
    "repaired": "was published, but files were missing: they are there again",
    "already": "already published, nothing to do; every file there is as the manifest says",
}


def publish(
    ref: Ref,
    to: Annotated[str, typer.Argument(help="s3://BUCKET/PREFIX; it becomes a --root of its own")],
    root: Root = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="requests at once")] = 8,
    part_size: Annotated[
        int, typer.Option(help="MiB a part of large files; more where 10,000 parts were too few")
    ] = 16,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only say what would be sent; sends nothing")
    ] = False,
    verify_only: Annotated[
        bool, typer.Option("--verify-only", help="only compare what is there with the manifest")
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="only give up an unfinished publication: remove what it sent")
    ] = False,
    allow_dev: Annotated[
        bool, typer.Option("--allow-dev", help="publish a dev version, over an earlier one")
    ] = False,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Publish a finished version to an S3 bucket: resumable, verified there, manifest last.

    Credentials, region and endpoint are those of the AWS tools (AWS_PROFILE,
    AWS_ENDPOINT_URL_S3, ...). What is there already is not sent again; a
    killed run continues with the same command. A dated version is never
    written over another.

    Examples:

        anes publish bench@2026.12.01 s3://hospital-data/suite --dry-run

        anes publish bench@2026.12.01 s3://hospital-data/suite

        anes verify bench@2026.12.01 --root s3://hospital-data/suite
    """
    with errors_explained():
        from anessuite.errors import ConfigError
        from anessuite.publishing.objects import Objects
        from anessuite.publishing.plan import make_plan
        from anessuite.publishing.target import Target
        from anessuite.storage import Store
        from anessuite.versions import DatasetRef

        if dry_run + verify_only + abort > 1:
            raise ConfigError("--dry-run, --verify-only and --abort exclude each other", "choose one")
        parsed, target = DatasetRef.parse(ref), Target.parse(to)
        objects = Objects(target, connections=workers + 2)
        if abort:
            _abort(objects, parsed, as_json)
            return
        store = Store(root_or_default(root))
        plan = make_plan(
            store,
            parsed,
            objects,
            wanted_part_bytes=part_size << 20,
            allow_dev=allow_dev,
            only_look=verify_only,
            workers=workers,
        )
        if dry_run:
            _show(plan, objects, as_json)
        elif verify_only:
            _verify(store, objects, plan, workers, as_json)
        else:
            _publish(store, objects, plan, workers, as_json)


def _publish(store: "Store", objects: "Objects", plan: "Plan", workers: int, as_json: bool) -> None:
    from anessuite.publishing.upload import publish as send

    if plan.replaces:
        _say(f"{plan.ref} is there already and will be overwritten")
    if plan.unlisted:
        _say(f"not sent, because the manifest does not name them: {', '.join(plan.unlisted)}")
    with _progress(plan) as told:
        done = send(store, objects, plan, workers=workers, progress=told)
    left = len(objects.uploads(objects.target.folder(plan.ref)))
    if as_json:
        sent = {"sent_files": done.sent_files, "sent_bytes": done.sent_bytes, "unfinished_uploads": left}
        print_json(_told(plan, objects) | {"state": done.state} | sent)
        return
    sent = f"{done.sent_files:,} of {len(plan.files):,} files, {done.sent_bytes:,} bytes sent"
    typer.echo(f"{plan.ref} in {objects.target}: {_WORDS[done.state]} ({sent})")
    if left:
        _say(f"{left} unfinished uploads of other runs are left there: anes publish ... --abort frees them")


def _verify(store: "Store", objects: "Objects", plan: "Plan", workers: int, as_json: bool) -> None:
    from anessuite.publishing.check import check, check_manifest
    from anessuite.verification import Fault

    faults = check_manifest(objects, plan) + check(store, objects, plan, workers=workers)
    top = objects.target.folder(plan.ref)
    faults += [Fault(key.removeprefix(top), "is not in the manifest") for key in plan.stale]
    if as_json:
        found = [[fault.path, fault.problem] for fault in faults]
        print_json(_told(plan, objects) | {"state": "verified" if not faults else "wrong", "faults": found})
    elif not faults:
        typer.echo(
            f"{plan.ref} in {objects.target}: {len(plan.files):,} files, {plan.bytes:,} bytes,"
            " all as in the manifest"
        )
    else:
        for fault in faults:
            typer.secho(f"{objects.target}/{plan.folder}/{fault.path} {fault.problem}", fg="red", err=True)
        _say(
            "  anes publish without --verify-only sends what is missing; a wrong file is to be removed first"
        )
    if faults:
        raise typer.Exit(1)


def _show(plan: "Plan", objects: "Objects", as_json: bool) -> None:
    requests = sum(planned.parts - planned.parts_there for planned in plan.to_send)
    if as_json:
        files = [
            {
                "path": planned.file.path,
                "key": planned.key,
                "bytes": planned.file.bytes,
                "parts": planned.parts,
                "there": planned.there,
                "parts_there": planned.parts if planned.there else planned.parts_there,
            }
            for planned in plan.files
        ]
        state = {
            "state": "already" if plan.published and not plan.to_send else "planned",
            "bytes_to_send": plan.bytes_to_send,
        }
        print_json(_told(plan, objects) | state | {"requests": requests, "files": files})
        return
    rows = [(planned.file.path, planned.file.bytes, planned.parts, _fate(planned)) for planned in plan.files]
    print_table(["file", "bytes", "parts", ""], rows, title=f"{plan.ref} to {objects.target}")
    if plan.published and not plan.to_send:
        typer.echo("already published, nothing to do")
        return
    typer.echo(
        f"{len(plan.to_send):,} of {len(plan.files):,} files, {plan.bytes_to_send:,} of {plan.bytes:,} bytes"
        f" in {requests:,} requests would be sent, then the manifest; nothing was sent"
    )
    for key in plan.stale:
        typer.echo(f"would be removed: {objects.target.url(key)}")


def _fate(planned: "Planned") -> str:
    if planned.there:
        return "is there"
    return f"{planned.parts_there:,} parts are there" if planned.parts_there else "to be sent"


def _abort(objects: "Objects", ref: "DatasetRef", as_json: bool) -> None:
    from anessuite.publishing.upload import abort

    keys = abort(objects, ref)
    if as_json:
        print_json({"version": str(ref), "target": str(objects.target), "state": "aborted", "keys": keys})
        return
    for key in keys:
        typer.echo(f"removed: {objects.target.url(key)}")
    typer.echo(f"{ref} in {objects.target}: {len(keys):,} unfinished uploads and files removed")


def _told(plan: "Plan", objects: "Objects") -> dict[str, Any]:
    return {
        "version": str(plan.ref),
        "target": str(objects.target),
        "files": len(plan.files),
        "bytes": plan.bytes,
        "unlisted": plan.unlisted,
    }


def _say(line: str) -> None:
    typer.echo(line, err=True)


@contextmanager
def _progress(plan: "Plan") -> Iterator[Callable[["Planned", int, bool], None]]:
    """A bar of bytes with the time left on a terminal, plain lines elsewhere; both on stderr."""
    if plan.published and not plan.to_send:
        yield lambda _planned, _size, _sent: None
        return
    if not sys.stderr.isatty():
        yield _Lines(plan)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(str(plan.ref), total=plan.bytes)
        yield lambda _planned, size, _sent: bar.advance(task, size)


class _Lines:
    """A line for each file that is whole, and one every ten seconds."""

    def __init__(self, plan: "Plan") -> None:
        self._plan = plan
        self._lock = threading.Lock()
        self._bytes: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()
        self._files = 0
        self._begun = self._last = time.monotonic()

    def __call__(self, planned: "Planned", size: int, sent: bool) -> None:
        with self._lock:
            self._bytes[planned.key] += size
            self._sent[planned.key] += size * sent
            if self._bytes[planned.key] >= planned.file.bytes:
                self._files += 1
                how = "sent" if self._sent[planned.key] else "was there"
                _say(f"{how}: {planned.file.path}, {planned.file.bytes:,} bytes; {self._state()}")
            elif time.monotonic() - self._last > _LINE_SECONDS:
                _say(self._state())

    def _state(self) -> str:
        self._last = time.monotonic()
        done, total = sum(self._bytes.values()), self._plan.bytes
        sent, seconds = sum(self._sent.values()), self._last - self._begun
        left = f", {(total - done) * seconds / sent:.0f} s left" if sent and done < total else ""
        return f"{self._files:,} of {len(self._plan.files):,} files, {done:,} of {total:,} bytes{left}"
