"""Pairs of models: exact tests, intervals, and the correction for many pairs."""

import numpy as np
import polars as pl
import pytest

from anessuite.paired_tests import comparisons, mcnemar, paired_bootstrap
from tests.anessuite.test_scores import answers


def test_mcnemars_exact_p_is_twice_the_binomial_tail() -> None:
    assert mcnemar(1, 9) == pytest.approx(2 * 11 / 1024)
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 5) == 1.0


def test_the_bootstrap_interval_is_near_the_normal_one_for_many_questions() -> None:
    differences = np.random.default_rng(3).choice([-1.0, 0.0, 1.0], p=[0.2, 0.5, 0.3], size=2000)
    low, high = paired_bootstrap(differences, seed=1)
    half = 1.96 * differences.std() / np.sqrt(len(differences))
    assert (low, high) == pytest.approx(
        (differences.mean() - half, differences.mean() + half), abs=half * 0.1
    )


def test_the_bootstrap_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no questions"):
        paired_bootstrap(np.array([]), seed=1)


def test_pairs_are_compared_on_the_questions_that_both_were_asked() -> None:
    rows = [
        {"model": model, "question_id": f"q{at}", "verdict": "correct" if at in right else "wrong"}
        for model, asked, right in (("a", range(10), range(8)), ("b", range(5, 15), range(9, 15)))
        for at in asked
    ]
    line = comparisons(answers(*rows)).filter(pl.col("language") == "all").to_dicts()[0]
    assert (line["model"], line["other_model"], line["questions"]) == ("a", "b", 5)
    assert (line["only_model"], line["only_other"]) == (3, 1)
    assert line["difference"] == pytest.approx(0.4)
    assert line["low"] <= 0.4 <= line["high"]
    assert line["p"] == line["p_holm"] == pytest.approx(0.625)


def test_one_contestant_alone_is_compared_with_nobody() -> None:
    assert comparisons(answers({}, {"question_id": "other"})).is_empty()


def test_a_tie_of_samples_counts_for_nobody_and_biases_no_test() -> None:
    rows = [
        {"model": "twice", "question_id": f"q{at}", "attempt": attempt, "verdict": verdict}
        for at in range(20)
        for attempt, verdict in ((1, "correct"), (2, "wrong"))
    ]
    rows += [
        {"model": "once", "question_id": f"q{at}", "verdict": "correct" if at % 2 else "wrong"}
        for at in range(20)
    ]
    line = comparisons(answers(*rows)).filter(pl.col("language") == "all").to_dicts()[0]
    assert (line["only_model"], line["only_other"], line["p"]) == (10, 10, 1.0)
