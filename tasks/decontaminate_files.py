"""Decontaminate any documents, or any questions, into a folder of their own: ``anes decontaminate``.

``out`` gets ``data/``, ``rejected/``, ``report.html`` and, last, ``manifest.json``. Below ``out/.build``
stand the parts, so that a run that dies continues there. Documents are judged unit by unit on all workers;
questions all at once, since each is compared with the benchmark's as a question, too.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import polars as pl
import pyarrow as pa
from pydantic import BaseModel

from anessuite import provenance
from anessuite.builds import Build
from anessuite.errors import ConfigError, NothingKept, RowsLost, SourceError
from anessuite.manifests import Quarantined, Recipe
from anessuite.schemas import ParquetSink
from anessuite.sign_off import Removal
from anessuite.sources.against import Against
from anessuite.sources.documents import Source, Unit, read_unit
from anessuite.sources.files import find_files
from anessuite.sources.questions import QuestionSource, read_questions
from anessuite.storage import MANIFEST, Store
from anessuite.versions import DatasetRef
from filters.contamination import ContaminationRules
from tasks.decontaminate import (
    MOST_REMOVALS,
    STEP,
    Judged,
    judge,
    near_rows,
    read_benchmark,
    sign_off,
    write_benchmark,
    write_near,
)
from tasks.engines import Engine, run_ranks
from tasks.judge_questions import as_text, judge_questions
from tasks.survey import Plan, read_plan, survey_sources, write_plan

REF = DatasetRef("decontaminated", "dev")
"""Names the working folder."""
_TEXT = [pa.field("id", pa.string(), nullable=False), pa.field("text", pa.string())]
_OPTIONS = pa.list_(pa.struct([pa.field("letter", pa.string()), pa.field("text", pa.string())]))
_QUESTION = [
    *(pa.field(name, pa.string(), nullable=False) for name in ("id", "text", "language", "question")),
    pa.field("options", _OPTIONS, nullable=False),
    pa.field("answer", pa.string()),
]
_REASON = [pa.field("reason", pa.string(), nullable=False), pa.field("evidence", pa.string())]
Kind = Literal["documents", "questions"]
SCHEMAS: dict[Kind, tuple[pa.Schema, pa.Schema]] = {
    "documents": (pa.schema(_TEXT), pa.schema([*_TEXT, *_REASON])),
    "questions": (pa.schema(_QUESTION), pa.schema([*_QUESTION, *_REASON])),
}
"""Of kept and of dropped rows."""


class Outcome(BaseModel):
    """What a run did, as ``manifest.json`` says it."""

    kind: Kind
    rows: int
    kept: int
    drops: dict[str, int]
    files: list[dict[str, Any]]
    recipe: Recipe
    quarantined: list[Quarantined]
    warnings: list[str]
    code: dict[str, str | bool]
    packages: dict[str, str]
    created: datetime


def source_of(path: str, *, id_column: str, text_column: str) -> Source:
    """Documents as a call names them; a column ``id`` may be absent, any other name may not."""
    plain = Source.model_validate({"path": path, "columns": {"text": text_column}})
    with_id = Source.model_validate({"path": path, "columns": {"text": text_column, "id": id_column}})
    return with_id if id_column != "id" or _is_readable(with_id) else plain


def kind_of(source: Source) -> Kind:
    """Questions if the first file has no text column but the columns of a known layout of questions."""
    first = find_files(source.path, format=source.format)[0]
    if _is_readable(source.model_copy(update={"path": first.path})):
        return "documents"
    try:
        return "questions" if read_questions(QuestionSource(path=first.path)).questions else "documents"
    except SourceError:
        return "documents"


def _is_readable(source: Source) -> bool:
    """The first row can be read with the source's columns."""
    try:
        units = survey_sources([source], sample=1, keep_going=False).units[:1]
        return any(len(batch.text) for unit in units for batch in read_unit(unit))
    except SourceError:
        return False


def decontaminate_files(
    source: Source,
    against: Against,
    *,
    out: str,
    rules: ContaminationRules,
    screen: int | None = None,
    workers: int = 1,
    engine: Engine = "local",
    keep_going: bool = False,
    restart: bool = False,
) -> Outcome:
    """Judge every row of ``source`` and write ``out``. ConfigError if that holds a finished result."""
    store = Store(out)
    if store.exists(MANIFEST) and not restart:
        raise ConfigError(
            f"{out} holds a finished result", "choose another folder, or --restart to replace it"
        )
    build = Build(store, REF)
    kind = kind_of(source)
    with build.locked():
        found = survey_sources([source], sample=None, keep_going=keep_going)
        config = {
            "rules": rules.model_dump(mode="json"),
            "screen": screen,
            "columns": source.columns.model_dump(mode="json"),
            "keep_going": keep_going,
        }
        recipe = Recipe(inputs=found.inputs + against.inputs, config=config, texts={})
        build.begin(recipe, restart=restart)
        write_benchmark(build, against, rules, screen=screen)
        write_plan(build, Plan(found.units, {}, keep_going, found.quarantined))
        if kind == "documents":
            step = FilesRank(store.root)
            logs = store.url(build.path("log"))
            run_ranks([step], ranks=len(found.units), workers=workers, engine=engine, logging_dir=logs)
        else:
            _judge_questions(build, source, against)
        return _finish(build, kind, against, recipe)


@dataclass(frozen=True)
class FilesRank:
    """The datatrove step: rank ``k`` judges unit ``k``. Holds an address only."""

    root: str

    def __call__(self, data: Any, rank: int, world_size: int) -> Iterator[None]:
        build = Build(Store(self.root), REF)
        plan = read_plan(build)
        _judge_unit(build, plan.units[rank], keep_going=plan.keep_going)
        return iter(())


def _judge_unit(build: Build, unit: Unit, *, keep_going: bool) -> None:
    key = f"{unit.index:05d}"
    if build.marked(STEP, key) is not None:
        return
    try:
        mark = _write_part(build, key, unit)
    except SourceError as error:
        if not keep_going:
            raise
        mark = _write_part(build, key, None) | {"quarantined": {"path": unit.file.name, "error": error.what}}
    build.mark(STEP, key, mark)


def _write_part(build: Build, key: str, unit: Unit | None) -> dict[str, Any]:
    benchmark, screen = read_benchmark(build)
    counts, drops, rows, near = Counter[str](), Counter[str](), 0, list[pl.DataFrame]()
    with _Sinks(build, key, "documents") as (kept, rejected):
        for batch in read_unit(unit) if unit is not None else ():
            frame = pl.DataFrame(
                {
                    "id": _ids(batch.source_id, unit, batch.first_row, len(batch.text)),
                    "text": pl.Series(pl.from_arrow(batch.text), dtype=pl.String),
                    "fault": None if batch.fault is None else pl.Series(pl.from_arrow(batch.fault)),
                },
                schema_overrides={"fault": pl.String},
            )
            judged = judge(batch.text.cast(pa.large_string()), benchmark, screen)
            _write_rows(frame, judged, kept, rejected, drops)
            counts += judged.counts
            near.append(near_rows(frame, judged))
            rows += frame.height
    write_near(build, key, pl.concat(near) if near else None)
    files = {"kept": kept.file.model_dump(), "rejected": rejected.file.model_dump()}
    return {"rows": rows, "dropped": dict(drops), "counts": dict(counts), "files": files}


def _ids(ids: pa.Array | None, unit: Unit | None, first: int, count: int) -> pl.Series:
    """The source's own ids; a row without one is named by its file and row."""
    name = unit.file.name if unit is not None else ""
    named = pl.Series("id", [f"{name}#{row}" for row in range(first, first + count)], dtype=pl.String)
    if ids is None:
        return named
    own = pl.Series("id", pl.from_arrow(ids), dtype=pl.String)
    return pl.select(pl.coalesce(pl.lit(own), pl.lit(named))).to_series()


class _Sinks:
    """The two Parquet files of a part, as one context."""

    def __init__(self, build: Build, key: str, kind: Kind) -> None:
        self._sinks = [
            ParquetSink(build.store, build.path(STEP, name, f"{key}.parquet"), schema)
            for name, schema in zip(("kept", "rejected"), SCHEMAS[kind], strict=True)
        ]

    def __enter__(self) -> tuple[ParquetSink, ParquetSink]:
        kept, rejected = (sink.__enter__() for sink in self._sinks)
        return kept, rejected

    def __exit__(self, *error: Any) -> None:
        for sink in reversed(self._sinks):
            sink.__exit__(*error)


def _write_rows(
    frame: pl.DataFrame, judged: Judged, kept: ParquetSink, rejected: ParquetSink, drops: Counter[str]
) -> None:
    """Split the rows of a batch. A row without text is dropped with its fault."""
    reasons: list[str | None] = [None] * frame.height
    evidence: list[str | None] = [None] * frame.height
    for row, (reason, found) in judged.dropped.items():
        reasons[row], evidence[row] = reason, found
    judged_rows = frame.with_columns(
        reason=pl.coalesce(
            pl.when(pl.col("text").is_null()).then(pl.coalesce("fault", pl.lit("no_text"))),
            pl.Series(reasons, dtype=pl.String),
        ),
        evidence=pl.Series(evidence, dtype=pl.String),
    )
    kept.write(judged_rows.filter(pl.col("reason").is_null()))
    dropped = judged_rows.filter(pl.col("reason").is_not_null())
    rejected.write(dropped)
    drops.update(dropped["reason"].to_list())


def _judge_questions(build: Build, source: Source, against: Against) -> None:
    """Questions as texts (stem and options) and as questions; one part."""
    if build.marked(STEP, "00000") is not None:
        return
    found = read_questions(QuestionSource(path=source.path, format=source.format, name=source.name))
    benchmark, screen = read_benchmark(build)
    texts = [as_text(question) for question in found.questions]
    judged = judge_questions(found.questions, against, benchmark, screen)
    frame = pl.DataFrame(
        {
            "id": [question.source_id for question in found.questions],
            "text": texts,
            "language": [question.language for question in found.questions],
            "question": [question.question for question in found.questions],
            "options": [
                [{"letter": letter, "text": text} for letter, text in question.options.items()]
                for question in found.questions
            ],
            "answer": pl.Series([question.answer for question in found.questions], dtype=pl.String),
        }
    )
    drops = Counter[str]()
    with _Sinks(build, "00000", "questions") as (kept, rejected):
        _write_rows(frame.with_columns(fault=pl.lit(None, dtype=pl.String)), judged, kept, rejected, drops)
    write_near(build, "00000", near_rows(frame, judged))
    files = {"kept": kept.file.model_dump(), "rejected": rejected.file.model_dump()}
    mark = {"rows": len(texts), "dropped": dict(drops), "counts": dict(judged.counts), "files": files}
    build.mark(STEP, "00000", mark | {"unusable": dict(found.dropped), "warnings": found.warnings})


def _finish(build: Build, kind: Kind, against: Against, recipe: Recipe) -> Outcome:
    """Move the parts to their places, write the page, and the manifest last."""
    store, count = build.store, build.marks(STEP)
    marks = [build.marked(STEP, f"{number:05d}") or {} for number in range(count)]
    rows = sum(mark["rows"] for mark in marks)
    drops = sum((Counter(mark["dropped"]) for mark in marks), Counter[str]())
    if not rows:
        raise NothingKept("the documents hold no rows", "check the path and the columns")
    kept = sum(mark["files"]["kept"]["rows"] for mark in marks)
    if kept + drops.total() != rows:
        raise RowsLost(f"{rows:,} rows were read, {kept:,} kept and {drops.total():,} dropped", "report this")
    page = sign_off(
        build,
        against,
        title="Decontamination",
        rows=rows,
        drops=dict(sorted(drops.items())),
        removals=_removals(store, marks),
    )
    files = []
    for name, folder in (("kept", "data"), ("rejected", "rejected")):
        store.remove(folder)
        for number, mark in enumerate(marks):
            file = mark["files"][name]
            path = f"{folder}/part-{number:05d}-of-{count:05d}.parquet"
            store.move(file["path"], path)
            files.append(file | {"path": path})
    store.write_bytes("report.html", page.encode())
    plan = read_plan(build)
    broken = [
        Quarantined(
            source=unit.source.label, path=mark["quarantined"]["path"], error=mark["quarantined"]["error"]
        )
        for unit, mark in zip(plan.units, marks, strict=False)
        if "quarantined" in mark
    ]
    unusable = sum((Counter(mark.get("unusable", {})) for mark in marks), Counter[str]())
    outcome = Outcome(
        kind=kind,
        rows=rows,
        kept=kept,
        drops=dict(sorted(drops.items())),
        files=files,
        recipe=recipe,
        quarantined=[*plan.quarantined, *broken],
        warnings=[
            *against.warnings,
            *(
                f"{number} rows are no usable question: {reason}"
                for reason, number in sorted(unusable.items())
            ),
            *(line for mark in marks for line in mark.get("warnings", [])),
            *([] if kept else [_nothing_left(drops)]),
        ],
        code=provenance.code(),
        packages=provenance.packages(),
        created=datetime.now(UTC),
    )
    store.write_bytes(MANIFEST, outcome.model_dump_json(indent=1).encode())
    store.remove(build.folder)
    return outcome


def _nothing_left(drops: Counter[str]) -> str:
    if set(drops) <= set(_FAULTS):
        return "no row holds a text: is it the right column? see --text"
    return "every row was dropped: is the benchmark the data itself?"


_FAULTS = ("no_text", "malformed_json", "not_extractable", "extraction_timeout")


def _removals(store: Store, marks: list[dict[str, Any]]) -> list[Removal]:
    found: list[Removal] = []
    for mark in marks:
        rows = pl.read_parquet(store.read_bytes(mark["files"]["rejected"]["path"]))
        for row in rows.filter(~pl.col("reason").is_in(_FAULTS)).iter_rows(named=True):
            found.append(Removal(row["id"], row["text"], row["reason"], json.loads(row["evidence"])))
            if len(found) >= MOST_REMOVALS:
                return found
    return found
