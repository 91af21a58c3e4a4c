import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anessuite.errors import SourceError
from anessuite.sources.questions import Question, QuestionColumns, QuestionSet, QuestionSource, read_questions

FOUR = {"A": "Atropine", "B": "Propofol", "C": "Ketamine", "D": "Sevoflurane"}
STEM = "Which agent is inhaled?"


def read(path: Path, columns: QuestionColumns | None = None, **more: Any) -> QuestionSet:
    return read_questions(QuestionSource(path=str(path), columns=columns, **more))


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def ours(number: int = 0, **more: Any) -> dict[str, Any]:
    return {"question": f"{STEM} ({number})", "options": FOUR, "answer": "D"} | more


def the_question(found: QuestionSet) -> Question:
    [question] = found.questions
    return question


def test_medqa_is_recognised_with_its_letters(tmp_path: Path) -> None:
    row = {
        "question": f" {STEM}\n",
        "answer": "Sevoflurane",
        "options": FOUR,
        "answer_idx": "D",
        "meta_info": "x",
    }
    found = read(lines(tmp_path / "q.jsonl", row), name="medqa")
    assert the_question(found) == Question("medqa", "q.jsonl#0", "en", STEM, FOUR, "D", "")
    assert (found.dropped, found.warnings, [file.name for file in found.files]) == ({}, [], ["q.jsonl"])


@pytest.mark.parametrize(
    "options", [FOUR, list(FOUR.values()), [{"key": k, "value": v} for k, v in FOUR.items()]]
)
def test_without_an_index_the_answer_is_the_text_of_an_option(tmp_path: Path, options: Any) -> None:
    row = {"question": STEM, "answer": "sevoflurane ", "options": options}
    found = the_question(read(lines(tmp_path / "q.jsonl", row)))
    assert (found.options, found.answer) == (FOUR, "D")


def medmcqa(cop: int, **more: Any) -> dict[str, Any]:
    texts = dict(zip(("opa", "opb", "opc", "opd"), FOUR.values(), strict=True))
    return (
        {"question": f"{STEM} {cop}", "cop": cop, "id": f"id-{cop}", "subject_name": "Anaesthesia"}
        | texts
        | more
    )


def test_medmcqa_counts_its_answers_from_one(tmp_path: Path) -> None:
    found = read(lines(tmp_path / "q.jsonl", medmcqa(1), medmcqa(4)))
    assert [question.answer for question in found.questions] == ["A", "D"]
    assert found.questions[0] == Question("q.jsonl", "id-1", "en", f"{STEM} 1", FOUR, "A", "Anaesthesia")
    assert found.warnings == []


def test_a_copy_of_medmcqa_that_counts_from_zero_is_told_by_its_zeros(tmp_path: Path) -> None:
    found = read(lines(tmp_path / "q.jsonl", medmcqa(0), medmcqa(3), medmcqa(-1)))
    assert [question.answer for question in found.questions] == ["A", "D", None]
    assert found.warnings == [
        "q.jsonl: 'cop' counts from 0, not from 1 as other files of its layout; it was read so"
    ]


def test_cmmlu_is_a_folder_of_csv_files(tmp_path: Path) -> None:
    (tmp_path / "c" / "dev").mkdir(parents=True)
    content = ",Question,A,B,C,D,Answer\n0,吸入麻醉药是,阿托品,丙泊酚,氯胺酮,七氟烷,D\n"
    (tmp_path / "c" / "anatomy.csv").write_text(content, encoding="utf-8-sig")
    (tmp_path / "c" / "dev" / "virology.csv").write_text(content, encoding="utf-8")
    found = read(tmp_path / "c", language="zh")
    assert [question.source_id for question in found.questions] == ["anatomy.csv#0", "dev/virology.csv#0"]
    options = {"A": "阿托品", "B": "丙泊酚", "C": "氯胺酮", "D": "七氟烷"}
    assert found.questions[0] == Question("c", "anatomy.csv#0", "zh", "吸入麻醉药是", options, "D", "")


def anesbench(*prefixes: str, options: int = 4) -> dict[str, Any]:
    row: dict[str, Any] = {"id": "7", "answer": "D", "choice_num": options, "level": 1}
    for prefix in prefixes:
        texts = {f"{prefix}_{letter}": f"{prefix} {text}" for letter, text in [*FOUR.items(), ("E", "None")]}
        row |= {f"{prefix}_question": f"{prefix} {STEM}"} | dict(list(texts.items())[:options])
    return row


@pytest.mark.parametrize(("prefix", "language"), [("en", "en"), ("zh", "zh"), ("cn", "zh"), ("ch", "zh")])
def test_anesbench_tells_its_language_by_the_names_of_its_columns(
    tmp_path: Path, prefix: str, language: str
) -> None:
    path = tmp_path / "q.json"
    path.write_text(json.dumps([anesbench(prefix), anesbench(prefix, options=5) | {"id": "8"}]))
    four, five = read(path).questions
    assert four == Question(
        "q.json", "7", language, f"{prefix} {STEM}", {k: f"{prefix} {v}" for k, v in FOUR.items()}, "D", ""
    )
    assert list(five.options) == ["A", "B", "C", "D", "E"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_anesbench_with_a_file_for_each_language_is_known(tmp_path: Path, language: str) -> None:
    row = {"id": "7", "question": STEM, **FOUR, "choice_num": 4, "target": "D", "category": 1}
    (tmp_path / "q.json").write_text(json.dumps([row, row | {"id": "8", "E": "a fifth", "choice_num": 5}]))
    four, five = read(tmp_path / "q.json", language=language).questions
    assert four == Question("q.json", "7", language, STEM, FOUR, "D", "")
    assert list(five.options) == ["A", "B", "C", "D", "E"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_of_two_languages_in_one_file_the_stated_one_is_read(tmp_path: Path, language: str) -> None:
    question = the_question(read(lines(tmp_path / "q.jsonl", anesbench("en", "zh")), language=language))
    assert (question.language, question.question) == (language, f"{language} {STEM}")


def test_our_own_layout_may_have_an_id_a_language_and_a_subject(tmp_path: Path) -> None:
    full = ours(id=5, language="zh-CN", subject="pharmacology")
    found = read(lines(tmp_path / "q.jsonl", full, ours(1, language=None), ours(2, language="Klingon")))
    assert found.questions[0] == Question("q.jsonl", "5", "zh", f"{STEM} (0)", FOUR, "D", "pharmacology")
    assert [(q.source_id, q.language) for q in found.questions[1:]] == [
        ("q.jsonl#1", "en"),
        ("q.jsonl#2", "en"),
    ]
    assert found.warnings == ["q.jsonl: 1 rows in the unknown language 'Klingon' are taken for 'en'"]


def test_each_file_is_recognised_by_itself(tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    lines(folder / "a.jsonl", ours())
    lines(folder / "b.jsonl", medmcqa(4))
    pq.write_table(pa.Table.from_pylist([anesbench("zh")]), folder / "c.parquet")
    found = read(folder)
    assert [(q.source_id, q.language, q.answer) for q in found.questions] == [
        ("a.jsonl#0", "en", "D"), ("id-4", "en", "D"), ("7", "zh", "D"),
    ]  # fmt: skip


def test_unknown_columns_are_named_with_the_known_layouts(tmp_path: Path) -> None:
    path = lines(tmp_path / "q.jsonl", {"stem": STEM, "choices": ["a", "b"], "gold": 0})
    with pytest.raises(SourceError) as caught:
        read(path)
    assert caught.value.what == "q.jsonl is of no known layout; it has: stem, choices, gold"
    assert caught.value.hint.startswith("set `columns`")
    for layout in ("MedQA (question, options, answer_idx)", "MedMCQA (", "CMMLU (", "AnesBench (", "plain ("):
        assert layout in caught.value.hint


def test_a_csv_file_without_a_header_is_of_no_known_layout(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("What is it?,this,that,B\n" * 2 + "What?,a,b,A\n")
    with pytest.raises(
        SourceError, match=r"no known layout; it has: What is it\?, .*does the first line name"
    ):
        read(tmp_path / "q.csv")


def test_an_option_column_that_is_absent_leaves_the_letters_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("Question,A,B,D,Answer\nWhich one is it?,x,y,z,D\n")
    question = the_question(read(tmp_path / "q.csv"))
    assert (question.options, question.answer) == ({"A": "x", "B": "y", "D": "z"}, "D")
