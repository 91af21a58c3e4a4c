import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anessuite.errors import SourceError
from anessuite.sources.questions import QuestionColumns, QuestionSet, QuestionSource, read_questions

FOUR = {"A": "Atropine", "B": "Propofol", "C": "Ketamine", "D": "Sevoflurane"}
STEM = "Which agent is inhaled?"
BY_HAND = QuestionColumns(question="question", options="options", answer="answer")


def read(path: Path, columns: QuestionColumns | None = None, **more: Any) -> QuestionSet:
    return read_questions(QuestionSource(path=str(path), columns=columns, **more))


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def ours(number: int = 0, **more: Any) -> dict[str, Any]:
    return {"question": f"{STEM} ({number})", "options": FOUR, "answer": "D"} | more


def answers(path: Path, *given: Any, options: Any = FOUR, base: int = 0) -> list[str | None]:
    """The gold letters of questions with these answers."""
    rows = [ours(number, options=options, answer=answer) for number, answer in enumerate(given)]
    columns = BY_HAND.model_copy(update={"answer_base": base})
    return [question.answer for question in read(lines(path / "a.jsonl", *rows), columns).questions]


@pytest.mark.parametrize(
    ("name", "content"), [("q.jsonl", ""), ("q.json", "[]"), ("q.csv", "question,options,answer\n")]
)
def test_an_empty_file_is_an_error(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(SourceError, match=rf"{name} is empty"):
        read(tmp_path / name)


def test_a_parquet_file_without_rows_is_an_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"question": pa.array([], pa.string())}), tmp_path / "q.parquet")
    with pytest.raises(SourceError, match=r"q\.parquet is empty"):
        read(tmp_path / "q.parquet")


def test_a_file_with_no_question_at_all_says_why(tmp_path: Path) -> None:
    path = lines(tmp_path / "q.jsonl", ours(question=""), ours(options=[]), ours(question=None))
    with pytest.raises(
        SourceError,
        match=r"q\.jsonl holds no question in 3 rows: no_question 2, no_options 1\n.*it has: question",
    ):
        read(path)


def test_an_array_without_objects_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "q.json").write_text("[1, 2]")
    with pytest.raises(SourceError, match=r"q\.json: not one of 2 elements is a JSON object"):
        read(tmp_path / "q.json")


@pytest.mark.parametrize(
    ("columns", "missing", "near"),
    [
        (BY_HAND.model_copy(update={"question": "questions"}), "questions", "question"),
        (BY_HAND.model_copy(update={"options": ["question", "option"]}), "option", "options"),
        (BY_HAND.model_copy(update={"answer": "answr"}), "answr", "answer"),
        (BY_HAND.model_copy(update={"id": "idd"}), "idd", "id"),
        (BY_HAND.model_copy(update={"subject": "subjekt"}), "subjekt", "subject"),
    ],
)
@pytest.mark.parametrize("name", ["q.jsonl", "q.parquet", "q.csv"])
def test_a_mapped_column_that_is_missing_names_file_column_and_the_nearest(
    tmp_path: Path, name: str, columns: QuestionColumns, missing: str, near: str
) -> None:
    row = {"question": STEM, "options": '["a", "b"]', "answer": "A", "id": "1", "subject": "x"}
    if name == "q.parquet":
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / name)
    elif name == "q.csv":
        (tmp_path / name).write_text("question,options,answer,id,subject\nx,y,z,1,2\n")
    else:
        lines(tmp_path / name, row)
    with pytest.raises(SourceError, match=rf"{name} has no column '{missing}'\n.*did you mean '{near}'\?"):
        read(tmp_path / name, columns)


@pytest.mark.parametrize("stem", ["12345", "?!.. 3", "abc", "麻醉"])
def test_stems_that_are_mostly_no_questions_are_a_wrong_mapping(tmp_path: Path, stem: str) -> None:
    rows = [ours(0), *(ours(n, question=f"{stem}") for n in (1, 2))]
    with pytest.raises(
        SourceError, match=r"q\.jsonl: 2 of 3 values of 'question' are no questions, such as .*\n"
    ):
        read(lines(tmp_path / "q.jsonl", *rows))


def test_half_of_the_stems_may_be_short(tmp_path: Path) -> None:
    assert len(read(lines(tmp_path / "q.jsonl", ours(0), ours(1, question="肾"))).questions) == 2


def test_stems_that_are_all_equal_are_a_wrong_mapping(tmp_path: Path) -> None:
    rows = [ours(question="Anaesthesia") for _ in range(4)]
    with pytest.raises(
        SourceError, match=r"q\.jsonl: all 4 values of 'question' are 'Anaesthesia'\n.*`columns`"
    ):
        read(lines(tmp_path / "q.jsonl", *rows))
    assert len(read(lines(tmp_path / "q.jsonl", *rows[:3])).questions) == 3


def test_answers_that_mostly_name_no_option_are_a_wrong_mapping(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"a\.jsonl: 2 of 3 values of 'answer' name no option, such as 'because'\n.*letter"
    ):
        answers(tmp_path, "A", "because", "therefore")
    assert answers(tmp_path, "A", "because", None) == ["A", None, None]


def test_a_base_that_shifts_every_answer_is_a_wrong_mapping(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"a\.jsonl: 'answer' counts from 1, not from 0\n  set `answer_base: 1`"
    ):
        answers(tmp_path, *[1, 2, 3, 4] * 3)
    with pytest.raises(SourceError, match=r"counts from 0, not from 1\n"):
        answers(tmp_path, *[0, 1, 2, 3] * 3, base=1)
    assert answers(tmp_path, *[0, 1, 2, 3, 4] * 3) == ["A", "B", "C", "D", None] * 3
    assert answers(tmp_path, 1, 4) == ["B", None]


def test_a_warc_file_holds_no_questions(tmp_path: Path) -> None:
    (tmp_path / "q.warc").write_bytes(b"WARC/1.0")
    with pytest.raises(SourceError, match=r"q\.warc: a WARC file holds pages, not rows"):
        read(tmp_path / "q.warc")


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    pq.write_table(
        pa.Table.from_pylist([ours(n) for n in range(500)]), tmp_path / "q.parquet", compression="zstd"
    )
    content = bytearray((tmp_path / "q.parquet").read_bytes())
    content[100:400] = bytes(300)
    (tmp_path / "q.parquet").write_bytes(content)
    with pytest.raises(SourceError, match=r"q\.parquet is cut off or damaged"):
        read(tmp_path / "q.parquet")


def test_foreign_bytes_name_the_line(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_bytes(
        ",Question,A,B,Answer\n0,吸入麻醉药是,阿托品,七氟烷,B\n".encode("gb18030")
    )
    with pytest.raises(SourceError, match=r"q\.csv, line 2, is not UTF-8 .*\n.*iconv -f GB18030"):
        read(tmp_path / "q.csv")
