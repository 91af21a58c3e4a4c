"""Rows of versions and files in one shape."""

import json
from pathlib import Path

import polars as pl
import pytest

from anessuite.errors import ConfigError, SourceError, VersionNotFound
from anessuite.storage import Store
from anessuite.training.examples import read_examples
from anessuite.training.recipes import FineTuning, GroupOptimization, Pretraining, TrainingSource
from tests.training.made import documents, solved, write_version

SFT, GRPO = FineTuning(data=["x"]), GroupOptimization(data=["x"])
PRETRAINING = Pretraining(data=["x"], mix={"en": 1})


def read(source: TrainingSource, stage, root: Path) -> pl.DataFrame:
    return pl.concat(list(read_examples(source, stage, Store(str(root)))))


def lines(path: Path, *rows: object) -> TrainingSource:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return TrainingSource(path=str(path))


def test_a_solved_question_is_learnt_as_the_exports_and_the_evaluation_put_it(tmp_path):
    write_version(tmp_path, "r1@2026.01.01", pl.concat([solved(3), solved(2, "zh")]))
    found = read(TrainingSource(path="r1@2026.01.01"), SFT, tmp_path)
    assert found["language"].value_counts().sort("language").rows() == [("en", 3), ("zh", 2)]
    row = found.filter(pl.col("language") == "en").row(0, named=True)
    assert [turn["role"] for turn in (*row["prompt"], *row["completion"])] == ["user", "assistant"]
    assert row["prompt"][0]["content"].endswith("X being the letter of the right option: Answer: X")
    assert row["completion"][0]["content"].startswith("<think>\n")
    assert row["completion"][0]["content"].splitlines()[-1].startswith("Answer: ")
    assert row["group"] == "en" and row["why"] is None


def test_grpo_is_told_options_and_letter_and_no_reply(tmp_path):
    write_version(tmp_path, "r1@dev", solved(2))
    row = read(TrainingSource(path="r1@dev"), GRPO, tmp_path).row(0, named=True)
    assert row["solution"] in "ABCD" and len(row["options"]) == 4 and row["completion"] is None
    assert row["attempts"] == 4 and row["pass_rate"] == 0.5


def test_documents_are_pre_trained_on_under_a_group_of_their_own(tmp_path):
    write_version(tmp_path, "corpus@dev", documents(4))
    found = read(TrainingSource(path="corpus@dev", group="ours"), PRETRAINING, tmp_path)
    assert found["text"].null_count() == 0 and set(found["group"]) == {"ours"}


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]},
        {"prompt": "Why?", "completion": "So."},
        {
            "prompt": [{"role": "user", "content": "Why?"}],
            "completion": [{"role": "assistant", "content": "So."}],
        },
        {"question": "Why?", "answer": "So."},
        {"instruction": "Why?", "input": "", "output": "So."},
    ],
)
def test_the_forms_of_a_file_give_one_prompt_and_one_reply(tmp_path, row):
    found = read(lines(tmp_path / "set.jsonl", row), SFT, tmp_path).row(0, named=True)
    assert found["prompt"] == [{"role": "user", "content": "Why?"}]
    assert found["completion"] == [{"role": "assistant", "content": "So."}]
    assert (found["source"], found["source_id"], found["language"]) == ("set.jsonl", "set.jsonl#0", "en")


def test_an_input_belongs_to_the_instruction_and_chinese_is_told_from_the_text(tmp_path):
    row = {"instruction": "翻译下面的话", "input": "丙泊酚起效快", "output": "好的，丙泊酚"}
    found = read(lines(tmp_path / "set.jsonl", row), SFT, tmp_path).row(0, named=True)
    assert found["prompt"][0]["content"] == "翻译下面的话\n\n丙泊酚起效快"
    assert found["language"] == "zh"


def test_rows_that_teach_nothing_have_a_reason_each(tmp_path):
    source = lines(
        tmp_path / "set.jsonl",
        {"question": "Why?", "answer": "So."},
        {"question": " ", "answer": "So."},
        {"question": "Why?", "answer": ""},
        {"messages": [{"role": "user", "content": "Why?"}]},
        {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]},
        [1, 2],
    )
    found = read(source, SFT, tmp_path)
    expected = [None, "no_prompt", "no_completion", "no_prompt", "no_completion", "malformed_row"]
    assert found["why"].to_list() == expected
    assert found["id"].n_unique() == 6


def test_what_cannot_be_used_at_all_is_an_error_that_says_what_could(tmp_path):
    write_version(tmp_path, "corpus@dev", documents(2))
    write_version(tmp_path, "r1@dev", solved(2))
    with pytest.raises(ConfigError, match="corpus@dev has no rows for sft"):
        read(TrainingSource(path="corpus@dev"), SFT, tmp_path)
    with pytest.raises(ConfigError, match="r1@dev has no rows for pretraining"):
        read(TrainingSource(path="r1@dev"), PRETRAINING, tmp_path)
    with pytest.raises(VersionNotFound, match=r"there is no finished r1@2026\.09\.01"):
        read(TrainingSource(path="r1@2026.09.01"), SFT, tmp_path)
    source = lines(tmp_path / "set.jsonl", {"question": "Why?", "answer": "So."})
    with pytest.raises(ConfigError, match="GRPO needs questions with a verified answer"):
        read(source, GRPO, tmp_path)
    with pytest.raises(SourceError, match="no row that pretraining can use"):
        read(source, PRETRAINING, tmp_path)


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "set.jsonl.gz").write_bytes(b"\x1f\x8b no archive")
    with pytest.raises(SourceError, match=r"set\.jsonl\.gz"):
        read(TrainingSource(path=str(tmp_path / "set.jsonl.gz")), SFT, tmp_path)
