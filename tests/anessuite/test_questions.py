import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from pydantic import ValidationError

from anessuite.config import check_config
from anessuite.errors import ConfigError, SourceError
from anessuite.sources.questions import Question, QuestionColumns, QuestionSet, QuestionSource, read_questions

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


def the_question(found: QuestionSet) -> Question:
    [question] = found.questions
    return question


@pytest.mark.parametrize(
    "name", ["q.jsonl", "q.jsonl.gz", "q.jsonl.zst", "q.json", "q.parquet", "q.csv", "q.tsv.gz"]
)
@pytest.mark.parametrize("form", ["columns", "list", "mapping", "pairs", "map"])
def test_every_format_and_form_of_options_gives_the_same_questions(
    tmp_path: Path, name: str, form: str
) -> None:
    forms: dict[str, Any] = {
        "list": list(FOUR.values()), "mapping": FOUR, "map": FOUR,
        "pairs": [{"label": k, "text": v} for k, v in FOUR.items()],
    }  # fmt: skip
    rows = [{"q": f"{STEM} {n}", "gold": "D"} for n in range(3)]
    rows = [row | (FOUR if form == "columns" else {"options": forms[form]}) for row in rows]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    if name == "q.parquet":
        table = pa.Table.from_pylist(rows)
        if form == "map":
            at, kind = table.schema.get_field_index("options"), pa.map_(pa.string(), pa.string())
            table = table.set_column(at, "options", pa.array([list(FOUR.items())] * 3, kind))
        pq.write_table(table, tmp_path / name)
    elif name == "q.json":
        (tmp_path / name).write_text(json.dumps(rows))
    elif ".jsonl" in name:
        pack = {"gz": gzip.compress, "st": zstandard.ZstdCompressor().compress}.get(name[-2:], bytes)
        (tmp_path / name).write_bytes(pack(content))
    else:
        mark = "\t" if ".tsv" in name else ","
        cells = [[v if isinstance(v, str) else json.dumps(v) for v in row.values()] for row in rows]
        text = "\n".join(
            mark.join('"' + v.replace('"', '""') + '"' for v in row) for row in [list(rows[0]), *cells]
        )
        (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    columns = QuestionColumns(
        question="q", options=list(FOUR) if form == "columns" else "options", answer="gold"
    )
    assert read(tmp_path / name, columns).questions == [
        Question(name, f"{name}#{n}", "en", f"{STEM} {n}", FOUR, "D", "") for n in range(3)
    ]


def test_markup_goes_and_signs_stay(tmp_path: Path) -> None:
    row = ours(
        question="<p>The <b>pH</b> is &lt; 7</p>", options=["pH < 7", "H<sub>2</sub>O", "a&amp;b"], answer=0
    )
    question = the_question(read(lines(tmp_path / "q.jsonl", row)))
    assert question.question == "The pH is < 7"
    assert question.options == {"A": "pH < 7", "B": "H2O", "C": "a&b"}


def test_lone_surrogates_become_replacement_characters(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(
        rb'{"question": "what \ud800 is it", "options": ["\udfff", "b"], "answer": "b", "id": "\ud800"}'
    )
    question = the_question(read(path))
    assert (question.question, question.source_id) == ("what \ufffd is it", "\ufffd")
    assert question.options == {"A": "\ufffd", "B": "b"}


@pytest.mark.parametrize("empty", [None, "", "  ", "<br>", float("nan")])
def test_an_empty_option_is_left_out_and_the_others_keep_their_letters(tmp_path: Path, empty: Any) -> None:
    columns = QuestionColumns(question="q", options=["1", "2", "3"], answer="a")
    rows = [
        {"q": STEM, "1": "x", "2": empty, "3": "z", "a": 2},
        {"q": f"{STEM}!", "1": "x", "3": "z", "a": 0},
    ]
    if isinstance(empty, float):
        pq.write_table(
            pa.table({"q": [STEM], "1": ["x"], "2": [empty], "3": ["z"], "a": [2]}), tmp_path / "q.parquet"
        )
        found = read(tmp_path / "q.parquet", columns)
    else:
        found = read(lines(tmp_path / "q.jsonl", *rows), columns)
    assert {tuple(q.options.items()) for q in found.questions} == {(("A", "x"), ("C", "z"))}
    assert found.questions[0].answer == "C"


@pytest.mark.parametrize(
    "answer", ["E", "AB", 4, -2, "Atropin", ["D"], True, 10**30, "9" * 5_000, float("inf")]
)
def test_a_few_answers_that_name_no_option_are_none_with_a_warning(tmp_path: Path, answer: Any) -> None:
    path = tmp_path / "q.parquet" if answer == float("inf") else tmp_path / "q.jsonl"
    stated = [0.0, 3.0, answer] if answer == float("inf") else ["A", "D", answer]
    rows = [ours(number, answer=one) for number, one in enumerate(stated)]
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        lines(path, *rows)
    found = read(path, BY_HAND)
    assert [question.answer for question in found.questions] == ["A", "D", None]
    [warning] = found.warnings
    assert "1 of 3 values of 'answer' name no option, such as " in warning and len(warning) < 200


def test_rows_that_are_no_questions_are_dropped_with_a_reason(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "q.jsonl",
        ours(), ours(question=None), ours(question=" <br> "), ours(question=["x"]), [1],
        ours(options=["one"]), ours(options=None), ours(options="no list"), ours(options="[broken"),
        ours(options=["x"] * 27), {"question": STEM}, ours(9),
    )  # fmt: skip
    with path.open("a") as file:
        file.write('{"question": \n')
    found = read(path)
    assert found.dropped == {"no_question": 3, "malformed_json": 2, "no_options": 6}
    assert [question.source_id for question in found.questions] == ["q.jsonl#0", "q.jsonl#11"]


def test_an_id_that_occurs_again_is_numbered_and_warned_of(tmp_path: Path) -> None:
    ids = ["a", "b", "a", "a#2", "a", None, " "]
    found = read(lines(tmp_path / "q.jsonl", *(ours(n, id=one) for n, one in enumerate(ids))))
    got = [question.source_id for question in found.questions]
    assert got == ["a", "b", "a#3", "a#2", "a#4", "q.jsonl#5", "q.jsonl#6"]
    assert found.warnings == [
        "1 ids occur more than once, such as 'a'; later ones have #2, #3 and so on at their end"
    ]


def test_ids_are_unique_over_all_files_of_a_source(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    for name in ("a.jsonl", "b.jsonl", "c.jsonl"):
        lines(folder / name, ours(id=1))
    assert [question.source_id for question in read(folder).questions] == ["1", "1#2", "1#3"]


def test_a_source_of_questions_takes_no_credentials_and_has_a_label() -> None:
    with pytest.raises(ValidationError, match="must not hold credentials"):
        QuestionSource(path="https://host/q.jsonl?token=x")
    assert QuestionSource(path="a/mcq/").label == "mcq"
    assert QuestionSource(path="a/mcq/", name="exam").label == "exam"


def test_wrong_keys_and_values_of_a_config_are_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'answer_base'"):
        check_config(
            {"path": "q", "columns": {"question": "q", "options": "o", "answerbase": 1}},
            QuestionSource,
            where="c",
        )
    with pytest.raises(ConfigError, match="at least 2"):
        check_config({"question": "q", "options": ["one"]}, QuestionColumns, where="c")
    with pytest.raises(ConfigError, match="'en' or 'zh'"):
        check_config({"path": "q", "language": "fr"}, QuestionSource, where="c")


@pytest.mark.parametrize(
    ("path", "language", "rows", "letters", "files"),
    [
        ("medqa_test_4options.jsonl", "en", 1_273, "ABCD", 1),
        ("medqa_test_5options.jsonl", "en", 1_273, "ABCDE", 1),
        ("medmcqa_dev.jsonl", "en", 4_183, "ABCD", 1),
        ("cmmlu", "zh", 1_749, "ABCD", 16),
        ("cmmlu/test/*.csv", "zh", 1_709, "ABCD", 8),
    ],
)
def test_real_sources_are_recognised_and_every_answer_is_an_option(
    shared_data: Path, path: str, language: str, rows: int, letters: str, files: int
) -> None:
    found = read(shared_data / "mcq" / path, language=language)
    assert (len(found.questions), len(found.files)) == (rows, files)
    assert (found.dropped, found.warnings) == ({}, [])
    assert {"".join(question.options) for question in found.questions} == {letters}
    assert all(question.answer in question.options for question in found.questions)
    assert {question.language for question in found.questions} == {language}
    assert len({question.source_id for question in found.questions}) == rows


def test_the_answers_of_real_sources_are_the_published_ones(shared_data: Path) -> None:
    def published(name: str) -> list[dict[str, Any]]:
        return [
            json.loads(line) for line in (shared_data / "mcq" / name).read_text(encoding="utf-8").splitlines()
        ]

    def texts(found: QuestionSet) -> list[str]:
        return [question.options[question.answer or ""] for question in found.questions]

    for name in ("medqa_test_4options.jsonl", "medqa_test_5options.jsonl"):
        wanted = [row["answer"].strip() for row in published(name)]
        assert texts(read(shared_data / "mcq" / name)) == wanted
    wanted = [
        row[("opa", "opb", "opc", "opd")[row["cop"] - 1]].strip() for row in published("medmcqa_dev.jsonl")
    ]
    found = read(shared_data / "mcq" / "medmcqa_dev.jsonl")
    assert texts(found) == wanted
    assert sum(question.subject == "Anaesthesia" for question in found.questions) == 34


def test_medmcqa_read_by_hand_from_the_wrong_base_is_refused(shared_data: Path) -> None:
    columns = QuestionColumns(question="question", options=["opa", "opb", "opc", "opd"], answer="cop")
    with pytest.raises(SourceError, match="'cop' counts from 1, not from 0\n  set `answer_base: 1`"):
        read(shared_data / "mcq" / "medmcqa_dev.jsonl", columns)
