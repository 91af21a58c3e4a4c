"""``anes list``, ``show``, ``verify``, ``diff``: what is there, how it came to be, whether it is whole, what
changed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anessuite.settings import Settings
from flows.commands.output import JsonOption, errors_explained, print_json, print_table

if TYPE_CHECKING:
    from anessuite.manifests import Manifest

Root = Annotated[
    str | None, typer.Option("--root", help="folder or URL of the versions; default: $ANES_ROOT or ./data")
]
AsJson = Annotated[bool, JsonOption]
Ref = Annotated[str, typer.Argument(help="NAME@VERSION, such as corpus@dev")]


def root_or_default(root: str | None) -> str:
    return root or Settings().root


def in_words(manifest: "Manifest") -> str:
    """What a version holds: its rows by language, or the versions that a release binds."""
    if not manifest.rows and "members" in manifest.recipe.config:
        return f"binds {', '.join(manifest.recipe.config['members'])}"
    kept = ", ".join(f"{language} {rows:,}" for language, rows in manifest.rows.items())
    return f"kept {manifest.kept:,} rows ({kept}), dropped {manifest.dropped:,}"


def list_versions(root: Root = None, as_json: AsJson = False) -> None:
    """List the finished versions.

    Example: anes list --root s3://bucket/suite
    """
    from anessuite.storage import Store

    with errors_explained():
        store = Store(root_or_default(root))
        manifests = [store.manifest(ref) for ref in store.refs()]
        rows = [
            {
                "version": f"{m.name}@{m.version}",
                "rows": m.kept,
                "dropped": m.dropped,
                "bytes": sum(file.bytes for file in m.files),
                "created": f"{m.created:%Y-%m-%d %H:%M}",
                "warnings": len(m.warnings),
            }
            for m in manifests
        ]
        if as_json:
            print_json(rows)
        elif rows:
            print_table(list(rows[0]), [list(row.values()) for row in rows])
        else:
            typer.echo(f"no versions in {store.root}; build one: anes build corpus --config FILE", err=True)


def show(ref: Ref, root: Root = None, as_json: AsJson = False) -> None:
    """Show a version: its funnel, drops, inputs and warnings, and what its inputs were made from.

    Example: anes show corpus@2026.12.01
    """
    from anessuite.lineage import lineage
    from anessuite.storage import Store
    from anessuite.versions import DatasetRef

    with errors_explained():
        store = Store(root_or_default(root))
        manifest = store.manifest(DatasetRef.parse(ref))
        if as_json:
            print_json(manifest.model_dump(mode="json"))
            return
        typer.echo(f"{ref}: {in_words(manifest)}, code {manifest.code}")
        for warning in manifest.warnings:
            typer.secho(f"warning: {warning}", fg="yellow")
        funnel = [
            (s.source, s.stage, s.rows_in, s.rows_out, ", ".join(f"{r} {n:,}" for r, n in s.dropped.items()))
            for s in manifest.funnel
        ]
        print_table(["source", "stage", "in", "out", "dropped"], funnel)
        if manifest.masked:
            typer.echo(f"personal data masked: {manifest.masked}")
        inputs = [(i.name, i.source, i.bytes, i.digest[:23]) for i in manifest.recipe.inputs]
        print_table(["input", "file", "bytes", "digest"], inputs)
        origins = lineage(store, DatasetRef.parse(ref))
        if any("@" in origin.name for origin in origins[1:]):
            rows = [("  " * o.depth + o.name, o.files, o.bytes, o.digest, o.state) for o in origins]
            print_table(["lineage", "files", "bytes", "digest", ""], rows)
        typer.echo(f"report: {store.url(store.folder(DatasetRef.parse(ref)), 'report.html')}")


def verify(ref: Ref, root: Root = None, as_json: AsJson = False) -> None:
    """Read every file of a version again and compare it with the manifest.

    Example: anes verify corpus@dev
    """
    from anessuite.storage import Store
    from anessuite.verification import verify as check
    from anessuite.versions import DatasetRef

    with errors_explained():
        store = Store(root_or_default(root))
        parsed = DatasetRef.parse(ref)
        faults = check(store, parsed)
        files = store.manifest(parsed).files
        if as_json:
            print_json({"version": ref, "files": len(files), "faults": [[f.path, f.problem] for f in faults]})
        elif not faults:
            typer.echo(
                f"{ref}: {len(files)} files, {sum(f.bytes for f in files):,} bytes, all as in the manifest"
            )
        for fault in faults if not as_json else ():
            typer.secho(f"{ref}/{fault.path} {fault.problem}", fg="red", err=True)
        if faults:
            if not as_json:
                typer.echo(
                    "  build the version anew under another number, or fetch the named files again", err=True
                )
            raise typer.Exit(1)


def diff(
    old: Ref,
    new: Annotated[str, typer.Argument(help="the version to compare with")],
    root: Root = None,
    out: Annotated[Path | None, typer.Option(help="write every changed row to this Parquet file")] = None,
    limit: Annotated[int, typer.Option(help="rows to print; 0: none")] = 20,
    as_json: AsJson = False,
) -> None:
    """Say which rows were added, removed and changed between two versions, and why.

    Example: anes diff corpus@2026.11.01 corpus@2026.12.01 --out changes.parquet
    """
    from anessuite.comparison import compare
    from anessuite.storage import Store
    from anessuite.versions import DatasetRef

    with errors_explained():
        found = compare(Store(root_or_default(root)), DatasetRef.parse(old), DatasetRef.parse(new))
        if out is not None:
            found.changes.write_parquet(out)
        if as_json:
            print_json({"same": found.same, "counts": found.counts(), "rows": found.changes.to_dicts()})
            return
        typer.echo(f"{found.same:,} rows are the same")
        print_table(
            ["change", "why", "rows"],
            [
                (change, why, rows)
                for change, by_why in found.counts().items()
                for why, rows in by_why.items()
            ],
        )
        print_table(found.changes.columns, found.changes.head(limit).rows())
        if found.changes.height > limit:
            typer.echo(f"... and {found.changes.height - limit:,} more; --out FILE.parquet has all", err=True)
