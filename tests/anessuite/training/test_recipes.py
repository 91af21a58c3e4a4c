"""Configs of training: what is refused, and in which words; chains and plans."""

import math

import polars as pl
import pytest
from pydantic import ValidationError

from anessuite.training.chains import check_chains, label, prefixes
from anessuite.training.plans import plan_of
from anessuite.training.recipes import FineTuning, GroupOptimization, Pretraining, Rewards


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Pretraining(data=["x"]), "`mix` has to be stated"),
        (
            lambda: FineTuning(data=["x"], save_every=30, evaluate_every=25),
            "has to be a multiple of evaluate",
        ),
        (lambda: FineTuning(data=["x"], batch_size=6, per_device=4), "is no multiple of per_device"),
        (lambda: GroupOptimization(data=["x"], batch_size=12, generations=8), "a step takes whole groups"),
        (lambda: GroupOptimization(data=["x"], iterations=3), "is no multiple of iterations"),
        (lambda: Rewards(correctness=0), "without the reward of correctness"),
        (lambda: FineTuning(data=[]), "at least 1 item"),
        (lambda: FineTuning(data=["x"], learning_rat=1), "Extra inputs are not permitted"),
    ],
)
def test_a_stage_that_cannot_work_is_refused(make, said):
    with pytest.raises(ValidationError, match=said):
        make()


def test_runs_that_begin_alike_are_trained_once():
    chains = [("sft", "grpo"), ("sft",), ("pre", "sft", "grpo")]
    found = prefixes(chains)
    assert found == [("sft",), ("sft", "grpo"), ("pre",), ("pre", "sft"), ("pre", "sft", "grpo")]
    assert [label(one) for one in ((), *found[:2])] == ["base", "sft", "sft+grpo"]


@pytest.mark.parametrize(
    ("runs", "stages", "said"),
    [
        ([["sft", "gpro"]], ["sft"], "runs name 'gpro'; there are the stages sft"),
        ([["sft"], ["sft"]], ["sft"], "the run sft is there twice"),
        ([[]], ["sft"], "a run without stages is the base model"),
        ([], ["base"], "'base' is no name of a stage"),
        ([], ["SFT/../x"], "is no name of a stage"),
    ],
)
def test_runs_that_make_no_sense_are_refused(runs, stages, said):
    with pytest.raises(ValueError, match=said):
        check_chains(runs, stages)


def rows(count: int, tokens: int = 100, held_out: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "group": ["en"] * (count + held_out),
            "tokens": [tokens] * (count + held_out),
            "places": [[n] for n in range(count)] + [[]] * held_out,
            "held_out": [False] * count + [True] * held_out,
        },
        schema_overrides={"places": pl.List(pl.UInt32)},
    )


def test_steps_follow_from_rows_and_batch():
    plan = plan_of("sft", FineTuning(data=["x"], batch_size=8), rows(50, held_out=3))
    assert (plan.rows, plan.held_out, plan.steps, plan.reached) == (50, 3, 7, 50)
    assert plan.tokens == {"en": 5000}
    grpo = GroupOptimization(data=["x"], batch_size=32, generations=8, iterations=2)
    assert plan_of("grpo", grpo, rows(50)).steps == 2 * math.ceil(50 / 4)
    packed = Pretraining(data=["x"], mix={"en": 1}, max_length=500, batch_size=2)
    assert plan_of("pre", packed, rows(50)).steps == 5


def test_max_steps_end_a_stage_and_the_plan_says_how_far_it_gets():
    plan = plan_of("sft", FineTuning(data=["x"], batch_size=8, max_steps=3), rows(50))
    assert (plan.steps, plan.reached) == (3, 24)
    assert "3 steps reach 24 places" in plan.in_words()
