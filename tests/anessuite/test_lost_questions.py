"""Rows that are no question are listed with what they hold; subjects choose; unreadable files are named."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from anessuite.errors import SourceError
from anessuite.sources.against import read_against
from anessuite.sources.question_sets import evidence_of
from anessuite.sources.questions import Question, QuestionSource, read_questions
from anessuite.storage import Store

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


VALUES = st.none() | st.text(st.characters()) | st.floats() | st.binary() | st.lists(st.text(), max_size=3)


@given(st.dictionaries(st.text(st.characters(), max_size=100), VALUES, max_size=30))
def test_evidence_is_short_and_always_json(row: dict[str, Any]) -> None:
    evidence = evidence_of(row)
    assert len(evidence) <= 600 and isinstance(json.loads(evidence), dict)


@pytest.mark.parametrize(
    "long", ["x" * 5_000, "\u0007" * 5_000, '"\\' * 5_000, "麻" * 5_000, "\ud800" * 5_000]
)
def test_evidence_shows_much_of_a_long_value_and_those_after_it(long: str) -> None:
    told = json.loads(evidence_of({"none": None, "exp": long, "question": "", "cop": 3}))
    assert len(told.pop("exp")) >= 30 and told == {"question": "", "cop": "3"}


def test_evidence_of_a_wide_row_is_its_first_columns() -> None:
    told = json.loads(evidence_of({f"column{number:04}": "" for number in range(1_000)}))
    assert list(told)[:2] == ["column0000", "column0001"] and 30 < len(told) < 60


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


def test_the_most_frequent_ten_subjects_are_named(tmp_path: Path) -> None:
    rows = [
        GOOD | {"subject": f"S{number}", "question": f"Which is {number}, {each}?"}
        for number in range(12)
        for each in range(number + 1)
    ]
    with pytest.raises(SourceError) as caught:
        read_questions(source(tmp_path, *rows, subjects=["S"]))
    assert caught.value.hint.endswith("S11, S10, S9, S8, S7, S6, S5, S4, S3, S2")


def test_lost_rows_are_in_the_order_of_rows_whatever_the_reason(tmp_path: Path) -> None:
    rows = [
        GOOD | more
        for more in (
            {"subject": "Anatomy"},
            {"subject": "Anaesthesia", "question": ""},
            {"subject": "Anaesthesia"},
            {"subject": "Surgery"},
            {"subject": "Anaesthesia", "options": []},
        )
    ]
    found = read_questions(source(tmp_path, *rows, subjects=["Anaesthesia"]))
    reasons = ["other_subject", "no_question", "other_subject", "no_options"]
    assert [row.reason for row in found.lost] == reasons
    assert len(found.questions) + len(found.lost) == len(rows)


def test_a_file_without_subjects_beside_one_with_them_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(orjson.dumps(GOOD | {"subject": "Anaesthesia"}))
    (tmp_path / "b.jsonl").write_bytes(orjson.dumps(GOOD))
    with pytest.raises(SourceError, match=r"b\.jsonl has no column of subjects"):
        read_questions(QuestionSource(path=str(tmp_path), subjects=["Anaesthesia"]))


def test_a_file_of_another_subject_alone_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(orjson.dumps(GOOD | {"subject": "Anaesthesia"}))
    (tmp_path / "b.jsonl").write_bytes(orjson.dumps(GOOD | {"subject": "Anatomy"}))
    found = read_questions(QuestionSource(path=str(tmp_path), subjects=["Anaesthesia"]))
    assert (len(found.questions), found.dropped) == (1, {"other_subject": 1})


def test_questions_as_stored_before_have_no_stated_answer() -> None:
    stored = TypeAdapter(list[Question])
    question = Question("s", "1", "en", "Which?", {"A": "a", "B": "b"}, "A", "", stated="(A)")
    (again,) = stored.validate_json(stored.dump_json([question]))
    assert again.stated == "(A)"
    content = orjson.loads(stored.dump_json([question]))
    del content[0]["stated"]
    assert stored.validate_python(content)[0].stated == ""


def test_a_benchmark_tells_how_many_rows_are_of_another_subject(tmp_path: Path) -> None:
    source(tmp_path, GOOD | {"subject": "Anaesthesia"}, GOOD | {"subject": "Anatomy"})
    listed = {"sources": [{"path": str(tmp_path / "q.jsonl"), "name": "b", "subjects": ["Anaesthesia"]}]}
    (tmp_path / "bench.yaml").write_bytes(orjson.dumps(listed))
    found = read_against(str(tmp_path / "bench.yaml"), store=Store(str(tmp_path)))
    assert found.warnings[0] == "benchmark b: 1 rows are not used: other_subject"


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
