"""Stages of a build: each splits the rows of the one before into kept and rejected, part by part.

Below the build's folder a stage has ``{name}/kept/{part}.parquet``, ``{name}/rejected/{part}.parquet`` and
``{name}/{part}.json``, the mark that says that both are whole. What the last stage keeps becomes ``data/``,
what all stages reject becomes ``rejected/``, and the marks make the funnel.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from anessuite.builds import Build
from anessuite.errors import RowsLost
from anessuite.manifests import Stage as FunnelStage
from anessuite.schemas import PART_ZSTD_LEVEL, ParquetSink

Sifted = tuple[pl.DataFrame, pl.DataFrame]
"""Kept rows, and rejected rows with ``reason`` and ``evidence``."""


@dataclass(frozen=True)
class Stage:
    """One stage. ``unit`` is what its rows are, as the funnel says it: citations, questions."""

    build: Build
    name: str
    unit: str
    kept: pa.Schema
    rejected: pa.Schema

    def done(self, part: str) -> dict[str, Any] | None:
        """The counts of a finished part, or None."""
        return self.build.marked(self.name, part)

    def parts(self) -> list[str]:
        """The finished parts, in order."""
        return self.build.marked_parts(self.name)

    def write(
        self, part: str, kept: pl.DataFrame, rejected: pl.DataFrame, *, rows_in: int, **more: Any
    ) -> None:
        """Store a part whole, then its mark with the counts, ``more`` among them.

        Raises RowsLost if the rows that came in are not all kept or rejected; ``rows_out`` in ``more`` says
        how many of them live on where one row makes several.
        """
        dropped = Counter[str](rejected["reason"].to_list())
        survived = more.get("rows_out", kept.height)
        if survived + rejected.height != rows_in:
            raise RowsLost(
                f"{self.build.ref}, {self.name}, part {part}: {rows_in:,} rows came in, "
                f"{survived:,} live on, {rejected.height:,} are rejected",
                "this is a defect of the product: report it, and build anew with --restart",
            )
        for kind, frame, schema in (("kept", kept, self.kept), ("rejected", rejected, self.rejected)):
            path = self.build.path(self.name, kind, f"{part}.parquet")
            with ParquetSink(self.build.store, path, schema, level=PART_ZSTD_LEVEL) as sink:
                sink.write(frame)
        counts = {"rows": rows_in, "kept": kept.height, "dropped": dict(sorted(dropped.items()))}
        self.build.mark(self.name, part, counts | more)

    def fill(self, before: "Stage", sift: Callable[[str, pl.DataFrame], Sifted]) -> "Stage":
        """Judge the parts of ``before`` that are not done yet, each by ``sift``; returns this stage."""
        for part in before.parts():
            if self.done(part) is None:
                rows = before.read(part)
                kept, rejected = sift(part, rows)
                self.write(part, kept, self.as_rejected(rejected), rows_in=rows.height)
        return self

    def as_rejected(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Dropped rows in the columns of ``rejected``, with this stage's name."""
        return rows.with_columns(stage=pl.lit(self.name)).select(self.rejected.names)

    def count(self, part: str) -> int:
        """How many rows of a finished part are kept."""
        return int((self.done(part) or {})["kept"])

    def read(self, part: str) -> pl.DataFrame:
        """The kept rows of a part."""
        return self._read("kept", part)

    def read_rejected(self, part: str) -> pl.DataFrame:
        """The rejected rows of a part."""
        return self._read("rejected", part)

    def _read(self, kind: str, part: str) -> pl.DataFrame:
        path = self.build.path(self.name, kind, f"{part}.parquet")
        return pl.read_parquet(self.build.store.read_bytes(path))

    def frames(self) -> Iterator[pl.DataFrame]:
        """The kept rows, part by part."""
        for part in self.parts():
            yield self.read(part)

    def marks(self) -> list[dict[str, Any]]:
        """The counts of all finished parts, in order."""
        return [mark for part in self.parts() if (mark := self.done(part)) is not None]

    def bytes(self, kind: str) -> int:
        """Compressed bytes of all parts, ``kept`` or ``rejected``."""
        folder = self.build.path(self.name, kind)
        fs, store = self.build.store.fs, self.build.store
        return sum(int(fs.size(store.absolute(folder, file)) or 0) for file in store.files(folder))

    def funnel(self) -> FunnelStage:
        """This stage as one line of the funnel."""
        marks = self.marks()
        dropped = sum((Counter(mark["dropped"]) for mark in marks), Counter[str]())
        return FunnelStage(
            stage=self.name,
            source=self.unit,
            rows_in=sum(mark["rows"] for mark in marks),
            dropped=dict(sorted(dropped.items())),
        )


def split(frame: pl.DataFrame, reason: pl.Expr, evidence: pl.Expr | None = None) -> Sifted:
    """Rows without a reason, and rows with one, ``reason`` and ``evidence`` (JSON) beside them."""
    shown = pl.lit(None, dtype=pl.String) if evidence is None else evidence
    judged = frame.with_columns(reason=reason, evidence=shown)
    dropped = pl.col("reason").is_not_null()
    return judged.filter(~dropped).drop("reason", "evidence"), judged.filter(dropped)
