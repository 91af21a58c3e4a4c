"""Replies of real models, as others published them: read in place, where they are there."""

import ast
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from anessuite.answers import extract_choice
from anessuite.llm.replies import split_reasoning


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_an_empty_box_is_no_answer(shared_data: Path) -> None:
    options = dict.fromkeys("ABCD", "") | {"A": "one", "B": "two", "C": "three", "D": "four"}
    found = [
        extract_choice(row["text"], options)
        for row in rows(shared_data / "traces" / "qwen25_empty_boxed.jsonl.gz")
    ]
    assert found == [None] * 202


def test_a_trace_of_deepseek_r1_gives_its_gold_letter(shared_data: Path) -> None:
    (row,) = json.loads((shared_data / "traces" / "m1_r1_record.json").read_text())
    told = row["metadata"] if isinstance(row["metadata"], dict) else ast.literal_eval(row["metadata"])
    options = told["options"] if isinstance(told["options"], dict) else ast.literal_eval(told["options"])
    whole = f"<think>\n{row['reasoning']}\n</think>\n\n{row['r1-model_answer_string']}"
    reasoning, text = split_reasoning(whole)
    assert reasoning == row["reasoning"].strip()
    assert extract_choice(text, options) == row["answer_letter"] == "C"


@pytest.mark.parametrize("shape", ["<think>\n{0}\n</think>\n\n{1}", "{0}\n</think>\n\n{1}"])
def test_traces_of_deepseek_r1_pass_through_the_splitter_unchanged(shared_data: Path, shape: str) -> None:
    traces = rows(shared_data / "traces" / "deepseek_r1_medrbench.jsonl.gz")
    assert len(traces) == 957
    for trace in traces:
        thought, said = trace["thinking_process"], trace["content"]
        assert split_reasoning(shape.format(thought, said)) == (thought.strip(), said.strip()), trace["id"]
        assert split_reasoning(said) == ("", said.strip()), trace["id"]
