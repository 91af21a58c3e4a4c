"""The evidence for a drop, laid out, with the rows and questions that it names looked up."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from anessuite.errors import AnesError
from anessuite.text import content_id
from anessuite.tracing.search import Version, fate, find_rows, rows_of
from anessuite.versions import DatasetRef

_ID = re.compile(r"[0-9a-f]{32}")
_PLACE = re.compile(r"row (\d+) of file \d+, (.+)", re.DOTALL)
"""How `tasks.select` names a citation."""
_REFERENCES = {"repeats": "repeats", "by": "gave way to"}
_MOST_QUESTIONS = 5
_LINE_CHARS = 120


@dataclass(frozen=True, slots=True)
class Reference:
    """What evidence refers to: how (``repeats``), the name there, and what it is, in a line."""

    how: str
    name: str
    told: str


def parsed(evidence: str | None) -> Any:
    """The evidence as JSON says it; text that is no JSON as it is."""
    if evidence is None:
        return None
    try:
        return json.loads(evidence)
    except ValueError:
        return evidence


def references(version: Version, row: dict[str, Any]) -> list[Reference]:
    """The rows, and the questions of a benchmark, that a dropped row's evidence names.

    Reads one row group for each row, and nothing for what is not below this root.
    """
    evidence = parsed(row.get("evidence"))
    if not isinstance(evidence, dict):
        return []
    found = [
        Reference(how, value, _told(version, row, value))
        for key, how in _REFERENCES.items()
        if isinstance(value := evidence.get(key), str)
    ]
    return [*found, *_benchmark_questions(version, evidence.get("items"))]


def in_a_line(row: dict[str, Any]) -> str:
    """What a row is: kept or not, source, and how its text begins."""
    text = row.get("question") or row.get("text") or row.get("title") or ""
    line = " ".join(str(text).split())
    shown = line if len(line) <= _LINE_CHARS else f"{line[:_LINE_CHARS]}…"
    return f"{fate(row)}; {row['source']} {row['source_id']}; {shown or '(no text)'}"


def _told(version: Version, row: dict[str, Any], name: str) -> str:
    if _ID.fullmatch(name):
        rows, count = rows_of(version, name)
        if not rows:
            return "not a row of this version"
        more = f" ({count - 1} more rows have this id)" if count > 1 else ""
        return in_a_line(_most_telling(rows, row)) + more
    if place := _PLACE.fullmatch(name):
        return _citation(version, row, place[2], place[1])
    return ""


def _most_telling(rows: list[Any], row: dict[str, Any]) -> dict[str, Any]:
    """The kept row of an id; where none is kept, another one than the row that refers to it."""
    others = [one.row for one in rows if one.row.get("source_id") != row.get("source_id")]
    return (others if others and rows[0].row.get("reason") else [rows[0].row])[0]


def _citation(version: Version, row: dict[str, Any], file: str, number: str) -> str:
    """A rejected citation has an id of its place; one that stayed is no row, its questions are."""
    place = f"citation:{row['source']}:{file}#{number}"
    row_id = pl.select(content_id(pl.lit(pl.Series([place])))).item()
    rows, _ = rows_of(version, row_id)
    if rows:
        return in_a_line(rows[0].row)
    return "a citation that was used; questions about it have the source_id PMID#NUMBER"


def _benchmark_questions(version: Version, named: Any) -> Iterator[Reference]:
    questions = [one for one in named or () if isinstance(one, dict)] if isinstance(named, list) else []
    for one in questions[:_MOST_QUESTIONS]:
        benchmark, name = str(one.get("benchmark", "")), str(one.get("item", ""))
        matches = [one_match for one_match in one.get("matches") or () if isinstance(one_match, dict)]
        shared = f"shares “{_cut(str(matches[0].get('text', '')))}”" if matches else ""
        told = "; ".join(part for part in (_question(version, benchmark, name), shared) if part)
        yield Reference(f"is near a question of {benchmark}", name, told)
    if len(questions) > _MOST_QUESTIONS:
        more = len(questions) - _MOST_QUESTIONS
        yield Reference("is near more questions", f"{more}", "all are in the evidence")


def _question(version: Version, benchmark: str, name: str) -> str:
    """The question itself, if the benchmark is a version below this root."""
    try:
        there = Version.of(version.store, DatasetRef.parse(benchmark))
        return in_a_line(find_rows(there, name).rows[0].row)
    except AnesError:
        return ""


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LINE_CHARS else f"{line[:_LINE_CHARS]}…"
