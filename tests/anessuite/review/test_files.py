"""Filled files as they are read: when they were saved, of which version they are, what is none of ours."""

import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anessuite.errors import ConfigError, SourceError
from anessuite.review.files import read_review_file, version_of
from anessuite.review.rounds import write_round
from anessuite.storage import Store
from tests.anessuite.review.test_imports import EARLY, annotation, exported, task
from tests.anessuite.review.test_rounds import DEV, fill, made, several, stored


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """The empty workbook of the first annotator."""
    write_round(Store(str(tmp_path / "out")), made(stored(tmp_path / "data", several())))
    return tmp_path / "out" / "review.annotator-1.xlsx"


def test_the_version_is_the_one_that_all_files_name(tmp_path: Path) -> None:
    said = annotation("li@x.org", "system1")
    dev = exported(tmp_path, task("en00", said), name="a.json")
    dated = exported(tmp_path, task("en00", said, version="bench@2026.01.01"), name="b.json")
    assert version_of([dev]) == DEV
    with pytest.raises(ConfigError, match=r"the files are of bench@2026\.01\.01, bench@dev"):
        version_of([dev, dated])
    with pytest.raises(ConfigError, match="no version that they name"):
        version_of([exported(tmp_path, task("en00"))])


def test_a_workbook_that_keeps_no_time_of_its_own_is_of_the_time_of_its_file(
    book: Path, tmp_path: Path
) -> None:
    path = fill(book, tmp_path / "f.xlsx", {"en00": {"level": "System 1"}})
    os.utime(path, (1_800_000_000, 1_800_000_000))
    assert set(read_review_file(path).rows["at"]) == {datetime.fromtimestamp(1_800_000_000, UTC)}


def _archive(path: Path, parts: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)


def test_files_that_are_none_of_ours_are_explained(book: Path, tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"no workbook")
    _archive(tmp_path / "b.xlsx", {"x": "y"})
    (tmp_path / "c.json").write_text("[1, 2")
    (tmp_path / "d.json").write_text('{"tasks": []}')
    (tmp_path / "e.csv").write_text("id,level")
    for name, told in (
        ("a.xlsx", "a.xlsx is damaged, or no .xlsx workbook"),
        ("b.xlsx", "b.xlsx cannot be read"),
        ("c.json", "c.json is no JSON"),
        ("d.json", "d.json is no list of tasks"),
        ("e.csv", "e.csv is neither a workbook nor JSON"),
        ("f.xlsx", "f.xlsx cannot be read: No such file"),
        ("out", "out cannot be read: Is a directory"),
    ):
        with pytest.raises(SourceError) as caught:
            read_review_file(tmp_path / name)
        assert told in caught.value.what and caught.value.hint


def test_properties_of_a_workbook_expand_no_entity(book: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(EARLY)
    path = fill(book, tmp_path / "f.xlsx", {"en00": {"level": "System 1"}})
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    core, terms = "docProps/core.xml", "http://purl.org/dc/terms/"
    entity = f'<!DOCTYPE c [<!ENTITY e SYSTEM "file://{secret}">]>'
    parts[core] = f'{entity}<c xmlns:t="{terms}"><t:modified>&e;</t:modified></c>'
    _archive(path, parts)
    os.utime(path, (1_800_000_000, 1_800_000_000))
    assert set(read_review_file(path).rows["at"]) == {datetime.fromtimestamp(1_800_000_000, UTC)}
