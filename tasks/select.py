"""Select citations: which abstracts make questions; one part a file, on all workers.

``select`` judges each citation by itself. ``update`` then looks at all files together: a later or higher
version takes the place of an earlier one, a withdrawn PMID goes, and so does an abstract that stands under
another PMID already; of the rest, abstracts are drawn if the rules limit their number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import polars as pl
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import TypeAdapter

from anessuite.builds import Build
from anessuite.errors import SourceError
from anessuite.manifests import Quarantined
from anessuite.schemas import ABSTRACT, PART_ZSTD_LEVEL, REJECTED_PAIR, ParquetSink, empty
from anessuite.sources.files import SourceFile
from anessuite.sources.pubmed import citation_batches
from anessuite.stages import Stage
from anessuite.storage import Store
from anessuite.text import content_id
from anessuite.versions import DatasetRef
from filters.citation import CitationRules, citation_reason, off_topic, topic_columns
from filters.lexicon import Lexicon
from tasks.engines import Engine, run_ranks
from tasks.progress import watched_parts

SELECT, UPDATE = "citations", "updates"
PLAN = "plan.json"
TOPIC_LANGUAGE = "en"
"""Abstracts are searched for English terms, whatever language the questions will have."""
INDEX = pa.schema(
    [
        pa.field("pmid", pa.string(), nullable=False),
        pa.field("version", pa.uint16(), nullable=False),
        pa.field("row", pa.uint64(), nullable=False),
        pa.field("deleted", pa.bool_(), nullable=False),
    ]
)
"""Every citation and deletion of a file, kept or not: what an update may replace."""


@dataclass(frozen=True, slots=True)
class CitationFile:
    """One file of a source; ``rows`` limits what is read of it."""

    source: str
    file: SourceFile
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """What `select` works by; it stands in the build folder, for the workers."""

    files: list[CitationFile]
    rules: CitationRules
    mesh: list[str]
    lexicon: Lexicon
    keep_going: bool = False


_SELECTION = TypeAdapter(Selection)


def store_selection(build: Build, selection: Selection) -> None:
    """Put the selection into the build folder."""
    build.store.write_bytes(build.path(PLAN), _SELECTION.dump_json(selection))


def read_selection(build: Build) -> Selection:
    """The selection of a build; parsed once per process."""
    return _parse(build.store.read_bytes(build.path(PLAN)))


@lru_cache(maxsize=2)
def _parse(content: bytes) -> Selection:
    return _SELECTION.validate_json(content)


def selected(build: Build) -> Stage:
    """The first stage: citations to abstracts."""
    return Stage(build, SELECT, "citations", ABSTRACT, REJECTED_PAIR)


def updated(build: Build) -> Stage:
    """The second stage: abstracts that are current."""
    return Stage(build, UPDATE, "citations", ABSTRACT, REJECTED_PAIR)


def select_file(build: Build, number: int, selection: Selection) -> None:
    """Judge the citations of one file, unless that is done."""
    stage, part = selected(build), f"{number:05d}"
    if stage.done(part) is not None:
        return
    one = selection.files[number]
    frames: list[pl.DataFrame] = []
    fault: str | None = None
    try:
        for batch in read_batches(one):
            frames.append(_judged(batch, one, selection))
    except SourceError as error:
        if not selection.keep_going:
            raise
        frames, fault = [], error.what
    _write_selected(stage, part, frames, {} if fault is None else {"quarantined": fault})


def read_batches(one: CitationFile) -> Iterator[pl.DataFrame]:
    """What is to be read of a file, as `citation_batches`."""
    left = one.rows
    for batch in citation_batches(one.file.path, name=one.file.name):
        yield batch if left is None else batch.head(left)
        if left is not None:
            left -= batch.height
            if left <= 0:
                return


def _judged(batch: pl.DataFrame, one: CitationFile, selection: Selection) -> pl.DataFrame:
    """Deletions have no reason and ``deleted`` set; of rejected rows the abstract is not kept."""
    frame = batch.with_columns(
        source=pl.lit(one.source),
        source_id=pl.concat_str(pl.lit(f"{one.file.name}#"), "row"),
        language=pl.lit(TOPIC_LANGUAGE),
        stage=pl.lit(SELECT),
        text=pl.concat_str("title", "abstract", separator="\n"),
        reason=pl.when(~pl.col("deleted")).then(citation_reason(selection.rules)),
    )
    useful = pl.col("reason").is_null() & ~pl.col("deleted")
    judged = frame.filter(useful).with_columns(
        topic_columns(selection.mesh, selection.lexicon, selection.rules)
    )
    terms = pl.col("statistics").struct
    judged = judged.with_columns(
        reason=off_topic(selection.rules, TOPIC_LANGUAGE),
        evidence=pl.struct(
            mesh="mesh_major", terms=terms.field("terms"), core=terms.field("core"), hits=terms.field("hits")
        ).struct.json_encode(),
    )
    rest = frame.filter(~useful).with_columns(evidence=pl.lit(None, dtype=pl.String))
    columns = [*ABSTRACT.names, "version", "row", "deleted", "language", "stage", "reason", "evidence"]
    return pl.concat([judged.select(columns), rest.select(columns)]).sort("row")


def _write_selected(stage: Stage, part: str, frames: list[pl.DataFrame], more: dict[str, Any]) -> None:
    store, path = stage.build.store, stage.build.path(SELECT, "index", f"{part}.parquet")
    with ParquetSink(store, path, INDEX, level=PART_ZSTD_LEVEL) as sink:
        for frame in frames:
            sink.write(frame)
    rows = [frame.filter(~pl.col("deleted")) for frame in frames]
    dropped = pl.col("reason").is_not_null()
    kept = [frame.filter(~dropped).select(ABSTRACT.names) for frame in rows]
    rejected = [_as_rejected(frame.filter(dropped)) for frame in rows]
    stage.write(
        part,
        pl.concat([empty(ABSTRACT), *kept]),
        pl.concat([empty(REJECTED_PAIR), *rejected]),
        rows_in=sum(frame.height for frame in rows),
        deletions=sum(int(frame["deleted"].sum()) for frame in frames),
        **more,
    )


def _as_rejected(citations: pl.DataFrame) -> pl.DataFrame:
    """Citations as REJECTED_PAIR; their id is of where they stand."""
    none = pl.lit(None, dtype=pl.String)
    return citations.with_columns(
        id=content_id(pl.concat_str(pl.lit("citation:"), "source", pl.lit(":"), "source_id")),
        question=none,
        answer=none,
    ).select(REJECTED_PAIR.names)


@dataclass(frozen=True)
class SelectRank:
    """The datatrove step: rank ``k`` judges file ``k``. Holds addresses only."""

    root: str
    name: str
    version: str

    def __call__(self, data: Any, rank: int, world_size: int) -> Iterator[None]:
        build = Build(Store(self.root), DatasetRef(self.name, self.version))
        select_file(build, rank, read_selection(build))
        return iter(())


@task(name="select", cache_policy=NO_CACHE)
def select(build: Build, *, workers: int, engine: Engine) -> Stage:
    """Judge every file that is not done yet, then all of them together; returns the current abstracts."""
    files = read_selection(build).files
    step = SelectRank(build.store.root, build.ref.name, build.ref.version)
    logs = build.store.url(build.path("log"))
    with watched_parts(build, SELECT, len(files), what="select"):
        run_ranks([step], ranks=len(files), workers=workers, engine=engine, logging_dir=logs)
    return update(selected(build), updated(build))


def update(before: Stage, after: Stage) -> Stage:
    """Drop what a later file replaces or withdraws, abstracts that repeat an earlier one, and those beyond
    ``max_abstracts``.

    Whether an abstract is drawn hangs on its PMID and on the others' alone: a new one takes at most the place
    of one that was drawn before.
    """
    parts = before.parts()
    if all(after.done(part) is not None for part in parts):
        return after
    kept = [before.read(part).with_columns(part=pl.lit(part), row=_row()) for part in parts]
    citations = pl.concat(kept).with_columns(content=content_id(pl.concat_str("title", "abstract")))
    fates = _fates(before, citations.select("pmid").unique())
    judged = citations.join(fates, on=["part", "row"], how="left", maintain_order="left")
    newest = judged.select(newest="place", newest_content="content")
    judged = judged.join(newest, on="newest", how="left", maintain_order="left").with_columns(
        reason=pl.when(pl.col("withdrawn"))
        .then(pl.lit("withdrawn"))
        .when(pl.col("newest") == pl.col("place"))
        .then(None)
        .when(pl.col("content") == pl.col("newest_content"))
        .then(pl.lit("duplicate_citation"))
        .otherwise(pl.lit("superseded"))
    )
    current = judged.filter(pl.col("reason").is_null()).with_columns(
        first=pl.col("place").first().over(content_id(pl.col("abstract")))
    )
    repeated = current.with_columns(
        reason=pl.when(pl.col("place") != pl.col("first")).then(pl.lit("duplicate_abstract"))
    )
    gone = judged.filter(pl.col("reason").is_not_null()).with_columns(first=pl.lit(None, dtype=pl.String))
    drawn = _drawn(repeated, read_selection(before.build).rules.max_abstracts)
    decided = pl.concat([gone, drawn]).with_columns(
        evidence=pl.when(pl.col("reason") == "duplicate_abstract")
        .then(pl.struct(repeats="first").struct.json_encode())
        .when(pl.col("reason").is_in(["superseded", "duplicate_citation"]))
        .then(pl.struct(by="newest").struct.json_encode()),
        language=pl.lit(TOPIC_LANGUAGE),
        stage=pl.lit(UPDATE),
    )
    for part in parts:
        rows = decided.filter(pl.col("part") == part).sort("row")
        dropped = pl.col("reason").is_not_null()
        after.write(
            part,
            rows.filter(~dropped).select(ABSTRACT.names),
            _as_rejected(rows.filter(dropped)),
            rows_in=(before.done(part) or {})["kept"],
        )
    return after


def _drawn(citations: pl.DataFrame, most: int | None) -> pl.DataFrame:
    """Citations with the reason ``not_drawn`` for those without a reason beyond ``most``."""
    if most is None:
        return citations
    useful = citations.filter(pl.col("reason").is_null()).select("place", lot=content_id(pl.col("pmid")))
    left_out = useful.sort("lot", "place").slice(most)["place"].implode()
    return citations.with_columns(
        reason=pl.when(pl.col("place").is_in(left_out)).then(pl.lit("not_drawn")).otherwise("reason")
    )


def _row() -> pl.Expr:
    return pl.col("source_id").str.extract(r"#(\d+)$").cast(pl.UInt64)


def _fates(stage: Stage, pmids: pl.DataFrame) -> pl.DataFrame:
    """For each citation of ``pmids``: its place, the place of the newest one, and whether it is withdrawn.

    Newest is the highest version, and of one version the last; a deletion withdraws what stands before it.
    """
    frames, files = [], read_selection(stage.build).files
    for part in stage.parts():
        content = stage.build.store.read_bytes(stage.build.path(SELECT, "index", f"{part}.parquet"))
        index = pl.read_parquet(content).join(pmids, on="pmid", how="semi")
        frames.append(index.with_columns(part=pl.lit(part), file=pl.lit(files[int(part)].file.name)))
    known = pl.concat(frames).sort("part", "row").with_row_index("order")
    known = known.with_columns(
        last_deletion=pl.col("order").filter(pl.col("deleted")).max().over("pmid"),
        place=pl.format("row {} of file {}, {}", "row", "part", "file"),
    )
    citations = known.filter(~pl.col("deleted")).with_columns(
        withdrawn=(pl.col("order") < pl.col("last_deletion")).fill_null(False)
    )
    newest = pl.col("place").sort_by("withdrawn", "version", "order", descending=[True, False, False]).last()
    return citations.with_columns(newest=newest.over("pmid")).select(
        "part", "row", "place", "newest", "withdrawn"
    )


def quarantined(build: Build) -> list[Quarantined]:
    """The files that could not be read and were left out."""
    files, marks = read_selection(build).files, selected(build).marks()
    return [
        Quarantined(source=one.source, path=one.file.name, error=mark["quarantined"])
        for one, mark in zip(files, marks, strict=True)
        if "quarantined" in mark
    ]
