"""Graded questions whole, as the published AnesBench, and as the files of tasks (run in test_lm_eval)."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from anessuite.builds import Build
from anessuite.errors import ConfigError
from anessuite.exports import export
from anessuite.lm_eval_task import task_files
from anessuite.manifests import Manifest, Recipe
from anessuite.question_schemas import GRADED_QUESTION
from anessuite.schemas import ParquetSink
from anessuite.sources.questions import QuestionSource, read_questions
from anessuite.storage import Store
from anessuite.versions import DatasetRef

BENCH = DatasetRef("bench", "2026.12.01")
EVALUATOR_READS = {"en_question", "choice_num", "answer"}
"""And ``en_A`` up to ``choice_num``: eval/evaluate.py of MiliLab/AnesBench."""


def options(*texts: str) -> list[dict[str, str]]:
    return [{"letter": letter, "text": text} for letter, text in zip("ABCDEFGHIJKL", texts, strict=False)]


def graded(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "id": f"{number:032x}",
        "language": "en",
        "question": f"Which vapour is number {number}?",
        "options": options("Halothane", "Isoflurane", "Desflurane"),
        "answer": "C",
        "level": "system1",
        "level_origin": "model",
        "votes": [{"level": "system1", "rationale": "One fact."}],
        "agreement": 1.0,
        "reviewed": False,
        "source": "s",
        "source_id": str(number),
        "subject": "",
        "licence": "",
    }
    return row | changes


def finished(folder: Path, rows: list[dict[str, Any]], *, shard: int = 2) -> Store:
    """A finished bench, with ``shard`` questions a file."""
    store = Store(str(folder / "root"))
    build = Build(store, BENCH)
    files, counts = [], {}
    for language in ("en", "zh"):
        ours = [row for row in rows if row["language"] == language]
        for start in range(0, len(ours), shard):
            path = f"data/{language}-{start:05d}-of-00009.parquet"
            with ParquetSink(store, f"{build.publish_folder}/{path}", GRADED_QUESTION) as sink:
                sink.write(pl.DataFrame(ours[start : start + shard]))
            files.append(sink.file.model_dump() | {"path": path})
        counts |= {language: len(ours)} if ours else {}
    manifest = {
        "name": BENCH.name,
        "version": BENCH.version,
        "created": "2026-12-01T00:00:00Z",
        "recipe": Recipe(inputs=[], config={}, texts={}),
        "schema_": dict.fromkeys(GRADED_QUESTION.names, "string"),
        "files": files,
        "rows": counts,
        **{name: {} for name in ("code", "packages", "drops", "masked", "requests")},
        **{name: [] for name in ("funnel", "quarantined", "warnings")},
    }
    build.publish(Manifest.model_validate(manifest))
    return store


ROWS = [
    graded(1),
    graded(2, level="system1.x", options=options(*"qrstuvwxyz"), answer="J"),
    graded(3, level="system2", options=options("Yes\nor no", 'It is "no"'), answer="A"),
    graded(
        4, language="zh", question="哪一种吸入麻醉药起效最快？", options=options("氟烷", "地氟烷"), answer="B"
    ),
]


def exported(store: Store, format: str, folder: Path) -> Path:
    export(store, BENCH, format, Store(str(folder / "out")))
    return folder / "out"


def rows_of(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_bytes())


def test_the_published_evaluator_finds_each_field_that_it_reads(tmp_path: Path) -> None:
    rows = rows_of(exported(finished(tmp_path, ROWS), "anesbench", tmp_path) / "anesbench_en.json")
    assert [row["choice_num"] for row in rows] == [3, 10, 2]
    for row in rows:
        letters = [chr(ord("A") + place) for place in range(row["choice_num"])]
        assert row.keys() == EVALUATOR_READS | {"id", "level"} | {f"en_{letter}" for letter in letters}
        assert row["answer"] in letters
    assert rows[1]["en_J"] == "z"


def test_levels_are_counted_as_anesbench_counts_them(tmp_path: Path) -> None:
    rows = rows_of(exported(finished(tmp_path, ROWS), "anesbench", tmp_path) / "anesbench_en.json")
    assert [row["level"] for row in rows] == [1, 2, 3]


def test_a_chinese_question_has_chinese_fields_only(tmp_path: Path) -> None:
    (row,) = rows_of(exported(finished(tmp_path, ROWS), "anesbench", tmp_path) / "anesbench_zh.json")
    assert row == {
        "id": f"{4:032x}",
        "answer": "B",
        "choice_num": 2,
        "level": 1,
        "zh_question": "哪一种吸入麻醉药起效最快？",
        "zh_A": "氟烷",
        "zh_B": "地氟烷",
    }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_exported_is_read_back_equal(tmp_path: Path, language: str) -> None:
    out = exported(finished(tmp_path, ROWS), "anesbench", tmp_path)
    read = read_questions(QuestionSource(path=str(out / f"anesbench_{language}.json")))
    ours = [row for row in ROWS if row["language"] == language]
    assert read.lost == [] and {question.language for question in read.questions} == {language}
    assert [
        (question.source_id, question.question, list(question.options.values()), question.answer)
        for question in read.questions
    ] == [
        (row["id"], row["question"], [option["text"] for option in row["options"]], row["answer"])
        for row in ours
    ]


def test_jsonl_of_graded_questions_holds_every_column(tmp_path: Path) -> None:
    out = exported(finished(tmp_path, ROWS), "jsonl", tmp_path)
    assert [json.loads(line) for line in (out / "en.jsonl").read_text().splitlines()] == ROWS[:3]
    assert json.loads((out / "zh.jsonl").read_text()) == ROWS[3]


@pytest.mark.parametrize("format", ["anesbench", "lm-eval"])
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"answer": "D"}, r"options A,B,C, the answer D and"),
        ({"answer": "A,B"}, r"options A,B,C, the answer A,B and"),
        ({"options": options(*"abcdefghijk")}, r"options A,B,C,D,E,F,G,H,I,J,K, the"),
        ({"options": options("a", "b", "c")[1:]}, r"options B,C, the"),
        ({"options": [], "answer": ""}, r"options none, the"),
        ({"level": "system3"}, r"the level system3"),
    ],
)
def test_a_question_that_no_letter_answers_is_named_and_nothing_is_exported(
    tmp_path: Path, format: str, changes: dict[str, Any], told: str
) -> None:
    store = finished(tmp_path, [graded(1), graded(2, **changes)])
    with pytest.raises(ConfigError, match=rf"question 0*2 has the [\s\S]*{told}[\s\S]*--to jsonl"):
        export(store, BENCH, format, Store(str(tmp_path / "out")))
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_benchmark_is_not_taken_for_pairs_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no format 'trl-sft'[\s\S]*it has: jsonl, anesbench, lm-eval"):
        export(finished(tmp_path, ROWS), BENCH, "trl-sft", Store(str(tmp_path / "out")))


def test_the_tasks_name_no_path_of_the_machine(tmp_path: Path) -> None:
    out = exported(finished(tmp_path, ROWS), "lm-eval", tmp_path)
    files = {file.name: file.read_text() for file in out.iterdir()}
    assert {"en.jsonl", "zh.jsonl", "questions.py", "README.md", "anes_bench.yaml"} <= files.keys()
    assert not [name for name, text in files.items() if str(tmp_path) in text or str(Path.home()) in text]


def test_a_level_without_questions_has_no_task(tmp_path: Path) -> None:
    out = exported(finished(tmp_path, ROWS), "lm-eval", tmp_path)
    assert (out / "anes_bench_en_system1x.yaml").exists()
    assert not (out / "anes_bench_zh_system1x.yaml").exists()
    group = yaml.safe_load((out / "anes_bench_system1x.yaml").read_text())
    assert group["task"] == ["anes_bench_en_system1x"]


def test_a_language_without_a_prompt_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no prompt for the language fr[\s\S]*en, zh"):
        task_files(BENCH, {"fr": {"system1": 1}})


def test_a_benchmark_without_questions_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"bench@2026\.12\.01 has no question to ask"):
        task_files(BENCH, {"en": {}})
