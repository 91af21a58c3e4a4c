"""What changed between two versions of a dataset, row by row, and why."""

import io
from dataclasses import dataclass

import polars as pl

from anessuite.errors import ConfigError
from anessuite.manifests import File, Manifest
from anessuite.storage import Store
from anessuite.versions import DatasetRef

CHANGES = {
    "change": pl.String,
    "id": pl.String,
    "why": pl.String,
    "source": pl.String,
    "source_id": pl.String,
}
NEW_IN_SOURCES = "new in the sources"
GONE = "gone from the sources"
NO_TERM = "no lexicon term any more (stage 1 keeps no rows)"
"""Given only where the sources are the same, else `GONE`."""


@dataclass(frozen=True, slots=True)
class Difference:
    """``changes``: one row for each row added, removed or changed (columns of CHANGES); ``same``: untouched
    rows."""

    changes: pl.DataFrame
    same: int

    def counts(self) -> dict[str, dict[str, int]]:
        """Rows by change and reason."""
        grouped = self.changes.group_by("change", "why").len().sort("change", "len", descending=[False, True])
        found: dict[str, dict[str, int]] = {}
        for change, why, rows in grouped.iter_rows():
            found.setdefault(change, {})[why] = rows
        return found


def compare(store: Store, old: DatasetRef, new: DatasetRef) -> Difference:
    """Compare two finished versions of one dataset by row id.

    A row of the same source and source id whose id differs is ``changed`` (its content). A row gone is
    explained by the new version's rejected rows, a row added by the old one's.
    """
    if old.name != new.name:
        raise ConfigError(f"{old} and {new} are different datasets", "compare two versions of one")
    before, after = store.manifest(old), store.manifest(new)
    left, right = _rows(store, old, before), _rows(store, new, after)
    shared = left.join(right, on="id", suffix="_new")
    columns = [name for name in left.columns if name != "id" and f"{name}_new" in shared.columns]
    altered = shared.with_columns(
        why=pl.concat_list(
            pl.when(pl.col(name).ne_missing(pl.col(f"{name}_new"))).then(pl.lit(name)) for name in columns
        ).list.drop_nulls()
    ).filter(pl.col("why").list.len() > 0)
    removed, added = left.join(right, on="id", how="anti"), right.join(left, on="id", how="anti")
    rewritten = removed.join(added, on=["source", "source_id"], how="semi")
    removed = removed.join(rewritten, on="id", how="anti")
    added = added.join(rewritten, on=["source", "source_id"], how="anti")
    gone = NO_TERM if before.recipe.inputs == after.recipe.inputs else GONE
    parts = [
        altered.with_columns(
            change=pl.lit("changed"), why=pl.lit("columns ") + pl.col("why").list.join(", ")
        ),
        rewritten.with_columns(change=pl.lit("changed"), why=pl.lit("content")),
        _explained(removed, _rejected(store, new, after), "removed", "now rejected: ", gone),
        _explained(added, _rejected(store, old, before), "added", "was rejected: ", NEW_IN_SOURCES),
    ]
    changes = pl.concat(
        [part.select(pl.col(name).cast(kind) for name, kind in CHANGES.items()) for part in parts]
    )
    return Difference(changes.sort("change", "why", "id"), shared.height - altered.height)


def _explained(
    rows: pl.DataFrame, rejected: pl.DataFrame, change: str, prefix: str, otherwise: str
) -> pl.DataFrame:
    by_id = rejected.select("id", by_id="reason").unique("id", keep="first", maintain_order=True)
    by_source = rejected.select("source", "source_id", by_source="reason").unique(
        ["source", "source_id"], keep="first", maintain_order=True
    )
    joined = rows.join(by_source, on=["source", "source_id"], how="left").join(by_id, on="id", how="left")
    reason = pl.coalesce("by_source", "by_id")
    why = pl.when(reason.is_not_null()).then(pl.lit(prefix) + reason).otherwise(pl.lit(otherwise))
    return joined.with_columns(change=pl.lit(change), why=why)


def _rows(store: Store, ref: DatasetRef, manifest: Manifest) -> pl.DataFrame:
    """Every row of a version; other columns than id and source as one hash each, so that texts need no
    memory."""
    named = ("id", "source", "source_id")
    frames = [
        _read(store, ref, file).with_columns(
            pl.col(name).cast(pl.String).hash(0) if kind == pl.String else pl.struct(name).hash(0).alias(name)
            for name, kind in _schema(manifest).items()
            if name not in named
        )
        for file in manifest.data_files()
    ]
    return pl.concat(frames)


def _schema(manifest: Manifest) -> dict[str, type[pl.String] | None]:
    return {name: pl.String if kind == "string" else None for name, kind in manifest.schema_.items()}


def _rejected(store: Store, ref: DatasetRef, manifest: Manifest) -> pl.DataFrame:
    columns = ["id", "source", "source_id", "reason"]
    frames = [_read(store, ref, file, columns) for file in manifest.rejected_files()]
    return pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))


def _read(store: Store, ref: DatasetRef, file: File, columns: list[str] | None = None) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(store.read_bytes(f"{store.folder(ref)}/{file.path}")), columns=columns)
