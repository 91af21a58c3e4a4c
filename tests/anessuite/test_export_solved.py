"""Solved questions as TRL, LLaMA-Factory and verl load them."""

import json
from pathlib import Path
from typing import Any

import datasets
import polars as pl
import pytest

from anessuite.answers import extract_choice
from anessuite.builds import Build
from anessuite.exports import export
from anessuite.manifests import Manifest, Recipe
from anessuite.question_schemas import ATTEMPT, SOLVED_QUESTION
from anessuite.schemas import ParquetSink
from anessuite.storage import Store
from anessuite.versions import DatasetRef

R1 = DatasetRef("r1", "2026.12.01")
OPTIONS = [{"letter": "A", "text": "Ketamine"}, {"letter": "B", "text": "Propofol"}]


def solved(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "id": f"{number:032x}",
        "language": "en",
        "question": f"Which agent is number {number}?",
        "options": OPTIONS,
        "answer": "B",
        "reasoning": "One of the two is white. \n",
        "response": "The white one.\n\nAnswer: B",
        "pass_rate": 0.5,
        "pass_rate_low": None,
        "pass_rate_high": None,
        "attempts": 2,
        "correct": 1,
        "attempt": 2,
        "model": "m",
        "prompt": "r1/solve.en.v1",
        "tokens": 9,
        "source": "s",
        "source_id": str(number),
        "subject": "",
    }
    return row | changes


def attempt(number: int, attempt: int, verdict: str, **changes: Any) -> dict[str, Any]:
    row = {
        "id": f"{number:032x}",
        "language": "en",
        "source": "s",
        "attempt": attempt,
        "verdict": verdict,
        "letter": "A",
        "form": "answer",
        "fault": None,
        "evidence": None,
        "reasoning": f"Thought {attempt} of {number}.",
        "response": "Answer: A",
        "finish_reason": "stop",
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "model": "m",
        "request": "00",
    }
    return row | changes


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A finished r1 of two English questions and a Chinese one, with their attempts."""
    store = Store(str(tmp_path / "root"))
    build = Build(store, R1)
    english = [solved(1), solved(2, response="It is propofol.")]
    chinese = [
        solved(3, language="zh", question="哪一种是白色的？", response="答案：B", reasoning="想一想。")
    ]
    tried = [
        attempt(1, 1, "wrong"),
        attempt(1, 2, "correct"),
        attempt(2, 1, "no_answer"),
        attempt(9, 1, "wrong"),
    ]
    files = []
    for folder, language, rows, schema in (
        ("data", "en", english, SOLVED_QUESTION),
        ("data", "zh", chinese, SOLVED_QUESTION),
        ("attempts", "en", tried, ATTEMPT),
        ("attempts", "zh", [attempt(3, 1, "correct", language="zh")], ATTEMPT),
    ):
        path = f"{folder}/{language}-00000-of-00001.parquet"
        with ParquetSink(store, f"{build.publish_folder}/{path}", schema) as sink:
            sink.write(pl.DataFrame(rows))
        files.append(sink.file.model_dump() | {"path": path})
    manifest = Manifest.model_validate(
        {
            "name": "r1",
            "version": "2026.12.01",
            "created": "2026-12-01T00:00:00Z",
            "recipe": Recipe(inputs=[], config={}, texts={}),
            "code": {},
            "packages": {},
            "schema_": dict.fromkeys(SOLVED_QUESTION.names, "string"),
            "files": files,
            "rows": {"en": 2, "zh": 1},
            "drops": {},
            "funnel": [],
            "masked": {},
            "quarantined": [],
            "requests": {},
            "warnings": [],
        }
    )
    build.publish(manifest)
    return store


def exported(store: Store, format: str, out: Path, language: str = "en") -> datasets.Dataset:
    """The export as the `datasets` library loads it."""
    export(store, R1, format, Store(str(out / "out")))
    file = next((out / "out").glob(f"{language}.*"))
    kind = "parquet" if file.suffix == ".parquet" else "json"
    return datasets.load_dataset(kind, data_files=str(file), split="train", cache_dir=str(out / "cache"))  # type: ignore[return-value]


def test_trl_sft_has_the_reasoning_in_think_and_the_answer_last(store: Store, tmp_path: Path) -> None:
    row = exported(store, "trl-sft", tmp_path)[0]
    user, assistant = row["messages"]
    assert user["role"] == "user" and assistant["role"] == "assistant"
    assert user["content"].startswith("Which agent is number 1?\n\nA. Ketamine\nB. Propofol\n\n")
    assert assistant["content"] == (
        "<think>\nOne of the two is white.\n</think>\n\nThe white one.\n\nAnswer: B"
    )


def test_a_response_that_does_not_end_with_the_answer_gets_it(store: Store, tmp_path: Path) -> None:
    row = exported(store, "trl-sft", tmp_path)[1]
    assert row["messages"][1]["content"].endswith("</think>\n\nIt is propofol.\n\nAnswer: B")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_trained_on_is_what_the_reward_reads(store: Store, tmp_path: Path, language: str) -> None:
    for row in exported(store, "trl-sft", tmp_path, language):
        assert extract_choice(row["messages"][1]["content"], {"A": "Ketamine", "B": "Propofol"}) == "B"  # type: ignore[index]


def test_chinese_questions_are_asked_in_chinese(store: Store, tmp_path: Path) -> None:
    row = exported(store, "trl-sft", tmp_path, "zh")[0]
    assert row["messages"][0]["content"].endswith("格式为：答案：X")
    assert row["messages"][1]["content"] == "<think>\n想一想。\n</think>\n\n答案：B"


def test_trl_grpo_has_a_prompt_and_what_is_right_but_no_reply(store: Store, tmp_path: Path) -> None:
    row = exported(store, "trl-grpo", tmp_path)[0]
    assert [turn["role"] for turn in row["prompt"]] == ["user"]
    assert row["solution"] == "B" and row["options"] == OPTIONS and row["pass_rate"] == 0.5
    assert "white" not in json.dumps(row)


def test_llama_factory_registers_each_file(store: Store, tmp_path: Path) -> None:
    row = exported(store, "llamafactory", tmp_path)[0]
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_bytes())
    assert set(info) == {"anes_r1_en", "anes_r1_zh"}
    columns = info["anes_r1_en"]["columns"]
    assert (tmp_path / "out" / info["anes_r1_en"]["file_name"]).exists()
    assert row[columns["response"]].startswith("<think>\n") and row[columns["query"]] == ""
    assert row[columns["prompt"]].startswith("Which agent is number 1?")


def test_verl_gets_parquet_with_the_columns_of_its_reward_loop(store: Store, tmp_path: Path) -> None:
    row = exported(store, "verl", tmp_path)[0]
    assert set(row) == {"data_source", "prompt", "ability", "reward_model", "extra_info"}
    assert row["reward_model"] == {"style": "rule", "ground_truth": "B"}
    assert row["prompt"][0]["role"] == "user" and row["extra_info"]["options"] == OPTIONS


def test_wrong_attempts_become_preferences(store: Store, tmp_path: Path) -> None:
    rows = exported(store, "trl-dpo", tmp_path)
    assert rows.num_rows == 1  # question 2 has none, question 9 was never solved
    assert rows[0]["chosen"][0]["content"].endswith("Answer: B")
    assert rows[0]["rejected"] == [
        {"role": "assistant", "content": "<think>\nThought 1 of 1.\n</think>\n\nAnswer: A"}
    ]
