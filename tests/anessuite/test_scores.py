"""Accuracies, their intervals and averages."""

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from anessuite.sampling import wilson_interval
from anessuite.score_analyses import gaps, lengths, orders
from anessuite.scores import scores

VERDICTS = ["correct", "wrong", "no_answer", "refused", "truncated", "bad_request", "request_failed"]


def answers(*lines: dict[str, Any]) -> pl.DataFrame:
    """A frame of ANSWER without texts; what a line leaves out has a plain value."""
    plain = {
        "question_id": "q",
        "language": "en",
        "level": "system1",
        "model": "m",
        "style": "direct",
        "order": 0,
        "attempt": 1,
        "verdict": "correct",
        "letter": None,
        "shown_letter": None,
        "shown_gold": "A",
        "completion_tokens": 10,
        "cost": 0.0,
    }
    types = {"letter": pl.String, "shown_letter": pl.String, "level": pl.String}
    return pl.DataFrame([plain | line for line in lines], schema_overrides=types)


def one(table: pl.DataFrame, **where: str) -> dict[str, Any]:
    found = table.filter(*(pl.col(name) == value for name, value in where.items()))
    assert found.height == 1, found
    return found.to_dicts()[0]


def test_only_a_correct_answer_earns_anything_and_every_other_verdict_is_counted() -> None:
    table = scores(answers(*({"question_id": v, "verdict": v} for v in VERDICTS)), {})
    line = one(table, language="en", level="all")
    assert line["accuracy"] == pytest.approx(1 / 7)
    assert [line[name] for name in ("no_answer", "refused", "truncated", "not_asked")] == pytest.approx(
        [1 / 7, 1 / 7, 1 / 7, 2 / 7]
    )


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_one_sample_is_wilsons(counts: tuple[int, int]) -> None:
    right, number = counts
    rows = [
        {"question_id": f"q{at}", "verdict": "correct" if at < right else "wrong"} for at in range(number)
    ]
    line = one(scores(answers(*rows), {}), language="en", level="all")
    assert (line["low"], line["high"]) == pytest.approx(wilson_interval(right, number))


def test_samples_of_one_question_count_as_one_question_and_their_spread_is_told() -> None:
    rows = [
        {"question_id": question, "attempt": attempt, "verdict": verdict}
        for question, given_ in (("a", ["correct", "correct"]), ("b", ["correct", "wrong"]))
        for attempt, verdict in enumerate(given_, 1)
    ]
    line = one(scores(answers(*rows), {}), language="en", level="all")
    assert (line["questions"], line["answers"], line["accuracy"]) == (2, 4, 0.75)
    assert line["spread"] == pytest.approx(math.sqrt(0.125)), "accuracies 1 and 0.5"


def test_the_micro_average_counts_questions_and_the_mean_counts_languages() -> None:
    rows = [{"question_id": f"e{at}", "verdict": "correct"} for at in range(3)]
    rows += [{"question_id": "z", "language": "zh", "verdict": "wrong"}]
    table = scores(answers(*rows), {})
    assert one(table, language="all", level="all")["accuracy"] == 0.75
    line = one(table, language="mean", level="all")
    assert line["accuracy"] == 0.5
    assert line["low"] < 0.5 < line["high"]


def test_one_level_has_no_mean_of_levels_and_one_language_none_of_languages() -> None:
    table = scores(answers({"level": "system2"}), {"m": 7.0})
    assert set(table["level"]) == {"system2", "all"}
    assert set(table["language"]) == {"en", "all"}
    assert set(table["size"]) == {7.0}


def test_questions_without_a_level_are_scored_as_unlabelled() -> None:
    assert set(scores(answers({"level": None}), {})["level"]) == {"unlabelled", "all"}


def test_shuffled_orders_change_no_score() -> None:
    own = answers({"verdict": "wrong"})
    both = pl.concat([own, answers({"order": 1, "verdict": "correct"})])
    assert scores(both, {}).equals(scores(own, {}))


def test_no_answers_give_an_empty_table_with_all_columns() -> None:
    assert scores(answers({"order": 3}), {}).width == 17


def test_a_gap_is_the_difference_and_lies_within_its_interval() -> None:
    rows = [
        {
            "question_id": f"{language}{at}",
            "language": language,
            "verdict": "correct" if at < right else "wrong",
        }
        for language, right in (("en", 15), ("zh", 5))
        for at in range(20)
    ]
    line = one(gaps(scores(answers(*rows), {})), gap="en - zh")
    assert line["difference"] == 0.5
    assert (line["low"], line["high"]) == pytest.approx(
        confint_proportions_2indep(15, 20, 5, 20, method="newcomb", compare="diff")
    )


def test_order_sensitivity_tells_the_worst_order_and_the_letters_that_are_preferred() -> None:
    rows = [
        {"question_id": q, "order": o, "verdict": v, "letter": letter, "shown_letter": "A", "shown_gold": g}
        for q, o, v, letter, g in (
            ("a", 0, "correct", "A", "A"),
            ("a", 1, "wrong", "B", "B"),
            ("b", 0, "wrong", "A", "B"),
            ("b", 1, "wrong", "A", "C"),
        )
    ]
    line = one(orders(answers(*rows)), language="en")
    assert (line["orders"], line["lowest"], line["highest"]) == (2, 0.0, 0.5)
    assert (line["always_right"], line["same_option"]) == (0.0, 0.5)
    assert line["letters"] == [
        {"letter": "A", "chosen": 1.0, "gold": 0.25},
        {"letter": "B", "chosen": 0.0, "gold": 0.5},
        {"letter": "C", "chosen": 0.0, "gold": 0.25},
    ]


def test_a_question_without_a_letter_has_not_been_given_the_same_option() -> None:
    rows = [{"order": order, "verdict": "no_answer"} for order in (0, 1)]
    assert orders(answers(*rows))["same_option"].to_list() == [0.0, 0.0]


def test_without_shuffles_there_is_nothing_to_say_about_order() -> None:
    assert orders(answers({}, {"question_id": "other"})).is_empty()


def test_bins_of_length_hold_all_answers_once_and_no_cut_off_reply() -> None:
    rows = [{"question_id": f"q{at}", "completion_tokens": 1 + at % 7} for at in range(50)]
    rows += [{"question_id": "cut", "verdict": "truncated", "completion_tokens": 900}]
    table = lengths(answers(*rows)).filter(pl.col("level") == "all")
    assert table["answers"].sum() == 50
    assert table["upper"].max() == 7
    edges = list(zip(table["lower"][1:], table["upper"], strict=False))
    assert all(lower > upper for lower, upper in edges)
