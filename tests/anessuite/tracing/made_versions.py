"""Small versions of exam questions, written by hand: what the tests of tracing look into."""

import io
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anessuite.manifests import File, Input, Manifest, Recipe, Stage
from anessuite.question_schemas import ATTEMPT, GRADED_QUESTION, REJECTED_QUESTION
from anessuite.storage import MANIFEST, Store
from anessuite.tracing.search import Version
from anessuite.versions import DatasetRef

OPTIONS = [{"letter": "A", "text": "Propofol"}, {"letter": "B", "text": "Etomidate"}]
AGAINST = Input(name="against bench@2026.11.01", source="en.parquet", bytes=9, digest="sha256:ab")
LIST = Input(name="list", source="exams/list.jsonl", bytes=120, digest="sha256:cd")


def question(row_id: str, **changes: Any) -> dict[str, Any]:
    """A kept question; ``row_id`` is filled up to 32 digits with zeros."""
    return {
        "id": row_id.ljust(32, "0"),
        "language": "en",
        "question": "Which of the two spares the adrenal gland?",
        "options": OPTIONS,
        "answer": "A",
        "level": "system1",
        "level_origin": "model",
        "votes": [{"level": "system1", "rationale": "One fact."}, {"level": None, "rationale": None}],
        "agreement": 0.5,
        "reviewed": False,
        "source": "list",
        "source_id": f"q-{row_id}",
        "subject": "drugs",
        "licence": "CC0-1.0",
    } | changes


def dropped(row_id: str, reason: str, *, stage: str = "repeats", **changes: Any) -> dict[str, Any]:
    """A dropped question."""
    return question(row_id) | {"stage": stage, "reason": reason, "evidence": None} | changes


def version(
    store: Store,
    ref: str = "bench@dev",
    *,
    kept: list[dict[str, Any]] | None = None,
    rejected: list[dict[str, Any]] | None = None,
    attempts: list[dict[str, Any]] | None = None,
    inputs: list[Input] | None = None,
    funnel: list[Stage] | None = None,
    drops: dict[str, int] | None = None,
    **config: Any,
) -> Version:
    """A finished version of these rows; ``config`` is that of its recipe."""
    parsed, files = DatasetRef.parse(ref), list[File]()
    for folder, schema, rows in (
        ("data", GRADED_QUESTION, kept or []),
        ("rejected", REJECTED_QUESTION, rejected or []),
        ("attempts", ATTEMPT, attempts or []),
    ):
        filled = [{name: row.get(name) for name in schema.names} for row in rows]
        table = pa.Table.from_pylist(filled, schema=schema).sort_by("id")
        sink, path = io.BytesIO(), f"{folder}/en-00000-of-00001.parquet"
        pq.write_table(table, sink)
        digest = store.write_bytes(f"{store.folder(parsed)}/{path}", sink.getvalue())
        files.append(File(path=path, bytes=len(sink.getvalue()), sha256=digest, rows=len(rows)))
    names = ("pool", "repeats", "decontaminate", "grade")
    lines = [Stage(stage=name, source="questions", rows_in=9, dropped={}) for name in names]
    manifest = Manifest(
        name=parsed.name,
        version=parsed.version,
        created=datetime(2026, 12, 1, 8, 30, tzinfo=UTC),
        recipe=Recipe(inputs=inputs or [LIST], config=config, texts={}),
        code={"version": "0.1.0", "commit": "0" * 40, "changed": False},
        packages={},
        schema_=dict.fromkeys(GRADED_QUESTION.names, "string"),
        files=files,
        rows={"en": len(kept or [])},
        drops=drops or {},
        funnel=lines if funnel is None else funnel,
        masked={},
        quarantined=[],
        requests={},
        warnings=[],
    )
    store.write_bytes(f"{store.folder(parsed)}/{MANIFEST}", manifest.model_dump_json().encode())
    return Version(store, parsed, manifest)
