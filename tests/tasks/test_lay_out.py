"""Exemplars, orders of options, and samples."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from anessuite.errors import ConfigError
from anessuite.sources.question_sets import Question, QuestionSet
from anessuite.sources.question_source import QuestionSource
from tasks.lay_out import Shown, choose_exemplars
from tasks.pool import Pool, read_pool


def pool(*stems: str) -> Pool:
    options = {"A": "Ketamine", "B": "Propofol", "C": "Etomidate"}
    questions = [Question("s", f"q{at}", "en", stem, options, "A", "") for at, stem in enumerate(stems)]
    return Pool([QuestionSet(questions, [], [], [])], [QuestionSource(path="s")], {}, {})


def test_an_exemplar_that_is_a_question_of_the_benchmark_is_not_shown() -> None:
    asked = pool("Which induction agent raises the blood pressure in hypovolemic trauma patients most?")
    offered = pool(
        "Which induction agent raises the blood pressure in hypovolemic trauma patients most?",
        "Name the agent whose infusion suppresses the synthesis of cortisol in critically ill adults",
    )
    chosen = choose_exemplars.fn(asked, offered, most=1, seed=1)
    assert [one.source_id for one in chosen["en"]] == ["q1"]
    with pytest.raises(ConfigError, match="2 exemplars are wanted, and 1 questions in en can serve"):
        choose_exemplars.fn(asked, offered, most=2, seed=1)


def test_exemplars_follow_from_the_seed_alone() -> None:
    many = pool(*(f"Which agent is number {at} on the list of the ward?" for at in range(30)))
    first, again, other = (choose_exemplars.fn(many, None, most=3, seed=seed)["en"] for seed in (1, 1, 2))
    assert first == again != other


class OnePart:
    """A stage of one part."""

    def __init__(self, *options: list[str]) -> None:
        self.rows = pl.DataFrame(
            {
                "id": [f"q{at}" for at in range(len(options))],
                "options": [
                    [{"letter": letter, "text": text} for letter, text in zip("ABCD", texts, strict=False)]
                    for texts in options
                ],
                "answer": ["A"] * len(options),
            }
        )

    def read(self, part: str) -> pl.DataFrame:
        return self.rows

    def count(self, part: str) -> int:
        return self.rows.height


def test_texts_move_in_a_shuffle_and_letters_stay() -> None:
    stage: Any = OnePart(["gold", "b", "c", "d"])
    seen = set()
    for order in range(4):
        row = Shown(stage, order, 4, 7).read("p").to_dicts()[0]
        texts = {option["letter"]: option["text"] for option in row["options"]}
        assert list(texts) == list("ABCD") and texts[row["answer"]] == "gold"
        assert row["letters"]["ABCD".index(row["answer"])] == "A", "the benchmark's own letter"
        seen.add(tuple(texts.values()))
    assert len(seen) == 4


def test_options_that_name_each_other_are_asked_in_their_own_order_alone() -> None:
    stage: Any = OnePart(["gold", "b", "c", "Both A and B"], ["1 mg", "2 mg", "3 mg", "4 mg"])
    counts = [
        (Shown(stage, order, 3, 7).read("p").height, Shown(stage, order, 3, 7).count("p"))
        for order in range(3)
    ]
    assert counts == [(2, 2), (1, 1), (1, 1)]


def test_more_orders_than_two_options_have_come_again() -> None:
    stage: Any = OnePart(["gold", "other"])
    firsts = [Shown(stage, order, 4, 7).read("p")["options"][0][0]["text"] for order in range(4)]
    assert firsts == ["gold", "other", "gold", "other"]


def test_a_sample_has_its_number_of_each_language(tmp_path: Path) -> None:
    rows = [
        {"question": stem.format(at), "options": ["x", "y", "z"], "answer": "A", "language": language}
        for at in range(5)
        for language, stem in (("en", "Which agent is number {}?"), ("zh", "第{}种药物是什么？"))
    ]
    path = tmp_path / "both.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    source = QuestionSource(path=str(path))
    found = read_pool.fn([source], specialty=None, sample=2, keep_going=False)
    assert [one.language for one in found.sets[0].questions] == ["en", "en", "zh", "zh"]
