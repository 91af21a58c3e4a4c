"""The reward for verl: what it adds up, and that it reads the rows of a ``verl`` export."""

import importlib
import inspect
from typing import Any

import numpy as np
import pytest

from anessuite.export_solved import rewarded
from anessuite.training.recipes import Rewards
from anessuite.training.rewards import correctness, format_of_reply
from anessuite.training.verl_reward import FORMAT_WEIGHT, compute_score
from tests.training.made import solved

OPTIONS = [{"letter": "A", "text": "Ketamine"}, {"letter": "B", "text": "Propofol"}]
INFO = {"id": "1", "language": "en", "options": OPTIONS, "pass_rate": 0.5, "split": "train"}
GOOD = "<think>\nThe white one.\n</think>\n\nAnswer: B"


def scored(reply: str, gold: str | None = "B", info: dict[str, Any] = INFO, **more: Any) -> dict[str, float]:
    return compute_score("anessuite/r1", reply, gold, info, **more)


@pytest.mark.parametrize(
    ("reply", "acc", "form"),
    [
        (GOOD, 1.0, 1.0),
        ("Answer: B", 1.0, 0.5),
        ("It is B. Propofol", 1.0, 0.0),
        (GOOD.replace("B", "A"), 0.0, 1.0),
        ("<think>\nIt is B", 0.0, 0.0),
        ("", 0.0, 0.0),
    ],
)
def test_the_score_is_right_or_wrong_and_a_tenth_of_the_form(reply: str, acc: float, form: float) -> None:
    assert scored(reply) == {"score": acc + 0.1 * form, "acc": acc, "format_of_reply": form}


@pytest.mark.parametrize("reply", [GOOD, "Answer: A", "It is propofol.", "<think>B</think>", "答案：B"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_says_what_the_rewards_of_trl_say(reply: str, language: str) -> None:
    found = scored(reply, info=INFO | {"language": language})
    asked: dict[str, Any] = {"options": [OPTIONS], "language": [language], "solution": ["B"]}
    assert [found["acc"]] == correctness([""], [reply], **asked)
    assert [found["format_of_reply"]] == format_of_reply([""], [reply], **asked)


def test_the_weight_of_the_form_is_that_of_our_own_training() -> None:
    weights = Rewards()
    assert (weights.correctness, weights.format_of_reply, weights.same_language) == (1.0, FORMAT_WEIGHT, 0.0)
    assert scored("Answer: B", format_weight=0.4)["score"] == 1.2


def test_a_question_without_a_usable_answer_scores_nothing_whatever_the_reply() -> None:
    nothing = {"score": 0.0, "acc": 0.0, "format_of_reply": 0.0}
    assert scored(GOOD, None) == scored(GOOD, "C") == scored(GOOD, info=INFO | {"options": []}) == nothing


def test_a_reply_to_a_template_that_opens_the_thought_begins_within_it() -> None:
    assert scored("Maybe Answer: B")["acc"] == 1.0
    assert scored("Maybe Answer: B", thought_is_open=True)["acc"] == 0.0
    assert scored("Maybe A.\n</think>\n\nAnswer: B", thought_is_open=True)["format_of_reply"] == 1.0


def test_verl_can_load_and_call_it() -> None:
    """By keyword, as its reward managers do (0.9.1), with what they add to ``extra_info``."""
    function = importlib.import_module("anessuite.training.verl_reward").compute_score
    assert not inspect.iscoroutinefunction(function)
    info = INFO | {"options": np.array(OPTIONS, dtype=object), "num_turns": None, "rollout_reward_scores": {}}
    called = function(
        data_source="anessuite/r1",
        solution_str=GOOD,
        ground_truth="B",
        extra_info=info,
        reward_router_address="http://127.0.0.1:1",
        reward_model_tokenizer=None,
    )
    assert called["score"] == 1.1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_rows_of_the_export_are_scored(language: str) -> None:
    questions = solved(5, language)
    for row, question in zip(
        rewarded(questions).iter_rows(named=True), questions.iter_rows(named=True), strict=True
    ):
        states = {"en": "Answer: {}", "zh": "答案：{}"}[language]
        reply = "<think>\n{}\n</think>\n\n{}".format(
            question["reasoning"], states.format(row["reward_model"]["ground_truth"])
        )
        given = row["data_source"], reply, row["reward_model"]["ground_truth"], row["extra_info"]
        assert compute_score(*given)["score"] == pytest.approx(1.1)
