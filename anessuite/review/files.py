"""Filled files of reviewers: workbooks and JSON exports of Label Studio, as rows of what was said.

Nothing is judged here: a level that does not exist, or a row without one, is handed on as it stands.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from anessuite.errors import ConfigError, SourceError
from anessuite.normalisation import normalise
from anessuite.review import label_studio
from anessuite.review.label_studio_api import fetch_annotations
from anessuite.review.opinions import REVIEW
from anessuite.review.sheets import read_workbook
from anessuite.versions import DatasetRef

SAID: dict[str, pl.DataType] = {
    **REVIEW,
    "file": pl.String(),
    "place": pl.String(),
    "version": pl.String(),
    "export": pl.String(),
    "question": pl.String(),
}
"""REVIEW as it was said, with the file and the place in it, the version and the export it names, and the
question's text as the reviewer saw it (null where the file does not tell)."""
_WORKBOOKS, _JSON = (".xlsx", ".xlsm"), (".json",)
_FREE_TEXT = ("level", "gold_correct", "sound", "comment")


@dataclass(frozen=True, slots=True)
class ReviewFile:
    """One file: its rows (SAID), and how many of its questions nobody has answered, which have no row."""

    name: str
    rows: pl.DataFrame
    unanswered: int


def read_review_file(path: Path) -> ReviewFile:
    """Read a filled workbook or a JSON export. Raises SourceError, naming the file and what is wrong."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}", "name the filled files themselves, not their folder"
        ) from None
    suffix = path.suffix.lower()
    if suffix in _WORKBOOKS:
        rows, unanswered = read_workbook(path, content), 0
    elif suffix in _JSON:
        rows, unanswered = _label_studio(path, content)
    else:
        raise SourceError(
            f"{path} is neither a workbook nor JSON",
            "an import takes the filled .xlsx workbooks, and JSON exports of Label Studio",
        )
    named = rows.with_columns(file=pl.lit(path.name))
    return ReviewFile(path.name, _tidy(named.select(*SAID).match_to_schema(pl.Schema(SAID))), unanswered)


def read_project(address: str, key: str) -> ReviewFile:
    """The reviews in a project of a running Label Studio, such as ``http://localhost:8080/projects/3``.

    Raises ConfigError for an address of no project, and LabelStudioFailed as `fetch_annotations` does.
    """
    url, _, number = address.rstrip("/").partition("/projects/")
    number = number.split("/")[0]
    if not number.isdigit():
        raise ConfigError(
            f"{address} is no address of a project", "it looks like http://localhost:8080/projects/3"
        )
    name = f"project {number} of {url.partition('://')[2]}"
    rows, unanswered = _from_tasks(name, fetch_annotations(url, key, number))
    named = rows.with_columns(file=pl.lit(name))
    return ReviewFile(name, _tidy(named.select(*SAID).match_to_schema(pl.Schema(SAID))), unanswered)


def version_of(files: Sequence[ReviewFile]) -> DatasetRef:
    """The one version that all the files name. Raises ConfigError where there is none, or several."""
    named = sorted({version for file in files for version in file.rows["version"].drop_nulls()})
    if len(named) != 1:
        raise ConfigError(
            f"the files are of {', '.join(named) if named else 'no version that they name'}",
            "say with --for which version they are compared with, such as --for bench@dev",
        )
    return DatasetRef.parse(named[0])


def _tidy(rows: pl.DataFrame) -> pl.DataFrame:
    """Blanks at the ends go, an empty text is none, and a person has one name however it is typed."""
    texts = [pl.col(name).str.strip_chars() for name in _FREE_TEXT]
    names = pl.col("annotator").fill_null("").map_elements(normalise, return_dtype=pl.String)
    tidy = rows.with_columns(*texts, annotator=names)
    empty = [pl.when(pl.col(name) != "").then(name).alias(name) for name in (*_FREE_TEXT, "annotator")]
    return tidy.with_columns(empty)


def _label_studio(path: Path, content: bytes) -> tuple[pl.DataFrame, int]:
    try:
        exported: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is no JSON: {error}", "export the project again, as JSON") from None
    if not isinstance(exported, list) or not all(isinstance(one, dict) for one in exported):
        raise SourceError(
            f"{path} is no list of tasks", "in Label Studio choose Export, then the format JSON"
        )
    return _from_tasks(str(path), exported)


def _from_tasks(name: str, exported: list[dict[str, Any]]) -> tuple[pl.DataFrame, int]:
    """SAID but for the file, and how many tasks nobody has begun."""
    try:
        rows = label_studio.reviews_in(exported)
    except SourceError as error:
        raise SourceError(f"{name}: {error.what}", error.hint) from None
    place = pl.format("annotation {}", pl.int_range(1, pl.len() + 1))
    told = rows.with_columns(place=place, imported_from="export", question=pl.lit(None, dtype=pl.String))
    return told, sum(not task.get("annotations") and not task.get("drafts") for task in exported)
