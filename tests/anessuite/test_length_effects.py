"""Length of replies and correctness, with and without the difficulty of questions."""

import numpy as np
import polars as pl

from anessuite.length_effects import length_effects
from tests.anessuite.test_scores import answers


def made(effect: float, *, questions: int = 300, models: int = 4) -> pl.DataFrame:
    """Hard questions make replies longer; twice the length changes the odds of being right by exp(effect)."""
    chance = np.random.default_rng(5)
    hard = chance.normal(0, 1.2, questions)
    rows = []
    for model in range(models):
        length = 5 + hard + chance.normal(0, 0.7, questions)
        odds = effect * (length - 5) - 2 * hard
        right = chance.random(questions) < 1 / (1 + np.exp(-odds))
        rows += [
            {
                "model": f"m{model}",
                "question_id": f"q{at}",
                "verdict": "correct" if right[at] else "wrong",
                "completion_tokens": max(1, round(2 ** length[at])),
            }
            for at in range(questions)
        ]
    return answers(*rows)


def test_difficulty_that_hides_the_effect_of_length_drops_out_within_questions() -> None:
    table = length_effects(made(effect=0.7)).filter(pl.col("model") == "all")
    plain, within = (
        table.filter(pl.col("method") == name).to_dicts()[0] for name in ("plain", "within questions")
    )
    assert plain["high"] < 1, "long replies seem to harm"
    assert within["low"] < np.exp(0.7) < within["high"]
    assert within["low"] > 1


def test_where_length_does_nothing_the_interval_within_questions_holds_one() -> None:
    table = length_effects(made(effect=0.0))
    line = table.filter((pl.col("model") == "all") & (pl.col("method") == "within questions")).to_dicts()[0]
    assert line["low"] < 1 < line["high"]


def test_why_there_is_no_estimate_is_told() -> None:
    rows = [{"question_id": f"q{at}", "verdict": "correct", "completion_tokens": 1 + at} for at in range(40)]
    table = length_effects(answers(*rows))
    assert table["odds_ratio"].null_count() == table.height == 2
    assert table["why_not"].to_list() == [
        "all answers are right, or all are wrong",
        "0 answers to questions that were answered both right and wrong; 30 are needed",
    ]


def test_lengths_that_part_right_from_wrong_wholly_give_no_estimate() -> None:
    rows = [
        {"question_id": f"q{at}", "verdict": "correct" if at < 20 else "wrong", "completion_tokens": 1 + at}
        for at in range(40)
    ]
    line = length_effects(answers(*rows)).to_dicts()[0]
    assert (line["odds_ratio"], line["why_not"]) == (None, "the likelihood has no maximum")
