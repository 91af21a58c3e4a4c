"""Attempts at multiple-choice questions: verdicts, pass rates, and which attempt is kept."""

import itertools
import json
import math
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.sampling import (
    VERDICTS,
    Mode,
    Verdict,
    best_attempt,
    is_done,
    judge,
    pass_at_k,
    pass_rate,
    summarise_attempts,
    wilson_interval,
)

COUNTS = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
SCHEMA = {"row": pl.Int64, "attempt": pl.UInt16, "verdict": pl.String, "tokens": pl.Int64, "fault": pl.String}


def summary(
    questions: dict[int, Sequence[Verdict]],
    faults: dict[tuple[int, int], str] | None = None,
    *,
    mode: Mode = "first",
    planned: int = 3,
) -> list[dict[str, object]]:
    made = [
        (row, number, verdict, 100 * number, (faults or {}).get((row, number)))
        for row, verdicts in questions.items()
        for number, verdict in enumerate(verdicts, 1)
    ]
    frame = pl.DataFrame(made[::-1], schema=SCHEMA, orient="row")
    return summarise_attempts(frame, planned=planned, mode=mode).to_dicts()


@pytest.mark.parametrize(
    ("letter", "reason", "finish", "verdict"),
    [
        ("C", None, "stop", "correct"),
        ("B", None, "stop", "wrong"),
        ("C", None, "length", "truncated"),
        (None, "no_answer", "length", "truncated"),
        (None, "ambiguous", "stop", "no_answer"),
        (None, "empty", "stop", "no_answer"),
        (None, "refused", "stop", "refused"),
        (None, None, "content_filter", "refused"),
        ("C", None, None, "correct"),
    ],
)
def test_a_completion_is_judged_by_its_letter_and_by_how_it_ended(
    letter: str | None, reason: str | None, finish: str | None, verdict: str
) -> None:
    assert judge(letter=letter, reason=reason, gold="C", finish_reason=finish) == verdict


def test_without_a_gold_letter_nothing_is_right() -> None:
    with pytest.raises(ValueError, match="gold"):
        judge(letter=None, reason="empty", gold="", finish_reason="stop")


def test_the_first_correct_attempt_is_kept_and_one_with_faulty_reasoning_is_not() -> None:
    assert best_attempt(["wrong", "correct", "correct"]) == 2
    assert best_attempt(["wrong", "correct", "correct"], [None, "looping", None]) == 3
    assert best_attempt(["wrong", "truncated"]) is None
    assert best_attempt([]) is None


def test_attempts_stop_at_the_first_kept_one_unless_all_are_asked_for() -> None:
    assert is_done(["correct"], planned=3, mode="first")
    assert not is_done(["correct"], ["looping"], planned=3, mode="first")
    assert not is_done(["correct"], planned=3, mode="all")
    assert not is_done(["wrong", "wrong"], planned=3, mode="first")
    assert is_done(["wrong", "wrong", "refused"], planned=3, mode="first")


@given(st.lists(st.sampled_from(VERDICTS), max_size=8))
def test_more_attempts_never_change_which_one_is_kept(verdicts: list[Verdict]) -> None:
    kept = best_attempt(verdicts)
    assert kept is None or all(
        best_attempt(verdicts[:more]) == kept for more in range(kept, len(verdicts) + 1)
    )


@pytest.mark.parametrize(
    ("correct", "attempts", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (1, 1, 0.2065, 1.0),
    ],
)
def test_wilsons_interval_has_its_published_values(
    correct: int, attempts: int, low: float, high: float
) -> None:
    assert wilson_interval(correct, attempts) == pytest.approx((low, high), abs=5e-5)


@given(COUNTS, st.floats(0.5, 0.999))
def test_the_interval_holds_the_pass_rate_and_mirrors(counts: tuple[int, int], confidence: float) -> None:
    correct, attempts = counts
    low, high = wilson_interval(correct, attempts, confidence)
    assert 0 <= low <= pass_rate(correct, attempts) + 1e-12 <= high + 2e-12 <= 1 + 2e-12
    mirrored = wilson_interval(attempts - correct, attempts, confidence)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(COUNTS)
def test_the_bounds_solve_wilsons_equation(counts: tuple[int, int]) -> None:
    correct, attempts = counts
    z = 1.959963984540054
    for bound in wilson_interval(correct, attempts):
        distance = (correct / attempts - bound) ** 2
        assert distance == pytest.approx(z**2 * bound * (1 - bound) / attempts, abs=1e-9)


@given(st.lists(st.booleans(), min_size=1, max_size=9), st.data())
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_attempt(
    attempts: list[bool], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(attempts)))
    subsets = list(itertools.combinations(attempts, k))
    share = sum(map(any, subsets)) / len(subsets)
    assert pass_at_k(len(attempts), sum(attempts), k) == pytest.approx(share)


def test_pass_at_k_is_exact_for_many_attempts() -> None:
    assert pass_at_k(2_000, 1, 1_000) == 0.5
    assert pass_at_k(200, 200, 1) == 1.0


@pytest.mark.parametrize(("n", "c", "k"), [(3, 1, 4), (3, 1, 0), (3, 4, 1), (3, -1, 1), (0, 0, 1)])
def test_impossible_counts_are_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"attempts"):
        pass_at_k(n, c, k)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_a_confidence_outside_0_to_1_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        wilson_interval(1, 2, confidence)


def test_a_question_solved_at_the_second_attempt_stops_early() -> None:
    (line,) = summary({7: ["wrong", "correct"]})
    assert line == {
        "row": 7,
        "attempts": 2,
        "correct": 1,
        "tokens": 300,
        "pass_rate": 0.5,
        "low": None,
        "high": None,
        "first_correct": 2,
        "kept": 2,
        "stopped_early": True,
        "all_wrong": False,
        "reason": None,
        "evidence": None,
    }


def test_all_attempts_give_a_pass_rate_with_its_interval() -> None:
    (line,) = summary({1: ["wrong", "correct", "correct", "truncated"]}, mode="all", planned=4)
    low, high = wilson_interval(2, 4)
    assert (line["pass_rate"], line["kept"], line["stopped_early"]) == (0.5, 2, False)
    assert (line["low"], line["high"]) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize(
    ("verdicts", "reason"),
    [
        (["wrong", "wrong", "wrong"], "all_wrong"),
        (["no_answer", "no_answer", "no_answer"], "all_no_answer"),
        (["truncated", "truncated", "truncated"], "all_truncated"),
        (["refused", "refused", "refused"], "all_refused"),
        (["wrong", "wrong", "truncated"], "never_correct"),
        (["refused", "no_answer", "truncated"], "never_correct"),
        (["wrong", "wrong"], "unfinished"),
        (["correct"], None),
    ],
)
def test_a_question_without_a_kept_attempt_says_why(verdicts: list[Verdict], reason: str | None) -> None:
    (line,) = summary({1: verdicts})
    assert line["reason"] == reason
    assert line["all_wrong"] == (set(verdicts) == {"wrong"})


def test_evidence_counts_every_verdict() -> None:
    (line,) = summary({1: ["wrong", "wrong", "truncated"]})
    counts = {"correct": 0, "wrong": 2, "no_answer": 0, "truncated": 1, "refused": 0}
    assert json.loads(str(line["evidence"])) == counts


def test_a_question_whose_correct_attempts_all_have_faults_is_dropped_for_the_first_fault() -> None:
    faults = {(1, 2): "cites_key", (1, 3): "looping"}
    (line,) = summary({1: ["wrong", "correct", "correct"]}, faults)
    assert (line["correct"], line["first_correct"], line["kept"]) == (2, 2, None)
    assert (line["reason"], line["stopped_early"]) == ("cites_key", False)


def test_a_fault_in_a_wrong_attempt_does_not_count() -> None:
    (line,) = summary({1: ["wrong", "correct"]}, {(1, 1): "looping"})
    assert (line["kept"], line["reason"]) == (2, None)


@given(
    st.dictionaries(
        st.integers(0, 50), st.lists(st.sampled_from(VERDICTS), min_size=1, max_size=4), max_size=8
    ),
    st.randoms(use_true_random=False),
)
def test_the_columns_agree_with_the_functions_whatever_the_order(
    questions: dict[int, list[Verdict]], random: object
) -> None:
    made = [(row, n, v, 10, None) for row, vs in questions.items() for n, v in enumerate(vs, 1)]
    random.shuffle(made)  # type: ignore[attr-defined]
    frame = pl.DataFrame(made, schema=SCHEMA, orient="row")
    lines = summarise_attempts(frame, planned=4, mode="all")
    assert lines["row"].to_list() == sorted(questions)
    for line in lines.iter_rows(named=True):
        verdicts = questions[line["row"]]
        correct = verdicts.count("correct")
        assert line["kept"] == best_attempt(verdicts)
        assert (line["reason"] is None) == (line["kept"] is not None)
        assert line["pass_rate"] == pass_rate(correct, len(verdicts))
        interval = wilson_interval(correct, len(verdicts))
        assert math.isclose(line["low"], interval[0], abs_tol=1e-12)
        assert math.isclose(line["high"], interval[1], abs_tol=1e-12)


def test_a_frame_without_faults_is_summarised_too() -> None:
    frame = pl.DataFrame({"row": ["q1"], "attempt": [1], "verdict": ["correct"], "tokens": [12]})
    assert summarise_attempts(frame, planned=3, mode="first")["kept"].to_list() == [1]


@pytest.mark.parametrize(
    ("attempt", "verdict", "said"),
    [
        ([1, 2], ["wrong", "right"], "unknown verdict 'right'"),
        ([1, 2], ["wrong", None], "unknown verdict None"),
        ([1, 1], ["wrong", "wrong"], "attempt 1 of row 5 is given twice"),
        ([1, 4], ["wrong", "wrong"], "attempt 4 of row 5; 3 are planned"),
        ([0, 1], ["wrong", "wrong"], "attempt 0 of row 5"),
    ],
)
def test_a_frame_that_cannot_be_true_is_refused(
    attempt: list[int], verdict: list[str | None], said: str
) -> None:
    frame = pl.DataFrame({"row": [5, 5], "attempt": attempt, "verdict": verdict, "tokens": [1, 1]})
    with pytest.raises(ValueError, match=said):
        summarise_attempts(frame, planned=3, mode="all")
