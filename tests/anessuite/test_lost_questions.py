"""Rows that are no question are listed with what they hold; subjects choose; unreadable files are named."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from anessuite.errors import SourceError
from anessuite.sources.questions import QuestionSource, read_questions

GOOD = {"id": "1", "question": "Which is white?", "options": ["Ketamine", "Propofol"], "answer": "B"}


def source(folder: Path, *rows: Any, **fields: Any) -> QuestionSource:
    lines = [row if isinstance(row, bytes) else orjson.dumps(row) for row in rows]
    (folder / "q.jsonl").write_bytes(b"\n".join(lines))
    return QuestionSource(path=str(folder / "q.jsonl"), **fields)


def test_each_lost_row_is_named_with_its_reason_and_content(tmp_path: Path) -> None:
    stemless, single = GOOD | {"id": "2", "question": ""}, GOOD | {"id": "3", "options": ["one"]}
    found = read_questions(source(tmp_path, GOOD, stemless, b"{broken", single, name="pool", language="zh"))
    assert [(row.source, row.source_id, row.language, row.reason) for row in found.lost] == [
        ("pool", "2", "zh", "no_question"),
        ("pool", "q.jsonl#2", "zh", "malformed_json"),
        ("pool", "3", "zh", "no_options"),
    ]
    assert json.loads(found.lost[0].evidence)["id"] == "2"
    assert json.loads(found.lost[2].evidence)["options"] == "['one']"
    assert found.dropped == {"no_question": 1, "malformed_json": 1, "no_options": 1}


def test_evidence_is_short_and_always_json(tmp_path: Path) -> None:
    long = GOOD | {"question": "", "answer": "x" * 5_000, "note": 'quote " and \\ and \u0007', "none": None}
    (row,) = read_questions(source(tmp_path, GOOD, long)).lost
    assert len(row.evidence) < 1_000 and json.loads(row.evidence)["answer"].startswith("xxx")


def test_the_answer_is_kept_as_it_was_stated(tmp_path: Path) -> None:
    answers = ("B", "F", "ABD", "", None, "B", "A", "A")
    rows = [GOOD | {"answer": one, "question": f"Which is {n}?"} for n, one in enumerate(answers)]
    found = read_questions(source(tmp_path, *rows)).questions
    assert [(one.answer, one.stated) for one in found[:5]] == [
        ("B", "B"),
        (None, "F"),
        (None, "ABD"),
        (None, ""),
        (None, ""),
    ]


def test_only_questions_of_the_subjects_are_used(tmp_path: Path) -> None:
    subjects = ("Anaesthesia", "Anatomy", " ANAESTHESIA ", "")
    rows = [GOOD | {"subject": one, "question": f"Which is {n}?"} for n, one in enumerate(subjects)]
    found = read_questions(source(tmp_path, *rows, subjects=["anaesthesia"]))
    assert len(found.questions) == 2
    assert [(row.reason, json.loads(row.evidence)) for row in found.lost] == [
        ("other_subject", {"subject": "Anatomy"}),
        ("other_subject", {"subject": ""}),
    ]


def test_a_subject_that_no_row_has_is_an_error_that_names_those_there(tmp_path: Path) -> None:
    rows = [GOOD | {"subject": "Anatomy"}, GOOD | {"subject": "Surgery"}]
    with pytest.raises(SourceError, match="no question of the subjects Anaesthesia") as caught:
        read_questions(source(tmp_path, *rows, subjects=["Anaesthesia"]))
    assert "Anatomy, Surgery" in caught.value.hint
    with pytest.raises(SourceError) as caught:
        read_questions(source(tmp_path, GOOD, subjects=["Anaesthesia"]))
    assert "no subjects" in caught.value.hint


def test_an_unreadable_file_is_left_out_at_the_users_wish_unless_all_are(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(orjson.dumps(GOOD))
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    whole = QuestionSource(path=str(tmp_path))
    with pytest.raises(SourceError, match=r"b\.parquet"):
        read_questions(whole)
    found = read_questions(whole, keep_going=True)
    assert len(found.questions) == 1 and [one.path for one in found.quarantined] == ["b.parquet"]
    (tmp_path / "a.jsonl").unlink()
    with pytest.raises(SourceError, match=r"b\.parquet"):
        read_questions(whole, keep_going=True)
