"""What came of a training: curves without what a machine decides, and gains over the base model."""

import json

import polars as pl

from anessuite.training.curves import curves
from anessuite.training.results import BENCH, Examined, Results

PAIR = {
    "style": "plain",
    "other_style": "plain",
    "language": "all",
    "questions": 10,
    "low": -0.1,
    "high": 0.5,
    "only_model": 3,
    "only_other": 1,
    "p": 0.2,
    "p_holm": 0.4,
}


def results(*pairs: dict) -> Results:
    examined = Examined("evaluation@dev", pl.DataFrame(), pl.DataFrame([PAIR | one for one in pairs]))
    return Results({}, [], frozenset(), pl.DataFrame(), {BENCH: examined})


def test_gains_are_told_from_the_side_of_the_trained_model():
    found = results(
        {"model": "base", "other_model": "sft", "difference": 0.2},
        {"model": "sft", "other_model": "sft+grpo", "difference": 0.3},
        {"model": "z", "other_model": "base", "difference": 0.1},
    ).against_base(BENCH)
    told = [(row["model"], row["difference"], row["low"], row["high"]) for row in found.to_dicts()]
    assert told == [("sft", -0.2, -0.5, 0.1), ("z", 0.1, -0.1, 0.5)]
    assert (found["only_model"][0], found["only_other"][0]) == (1, 3)


def test_no_difference_has_no_sign():
    found = results({"model": "base", "other_model": "sft", "difference": 0.0, "low": 0.0, "high": 0.0})
    assert f"{found.against_base(BENCH)['difference'][0]:+.1f}" == "+0.0"


def test_curves_leave_out_times_and_what_a_resume_counts_anew(tmp_path):
    history = [
        {"step": 1, "epoch": 0.1, "loss": 2.0, "num_tokens": 10, "eval_runtime": 3.0},
        {"step": 2, "loss": 1.0, "eval_samples_per_second": 3.0, "step_time": 1.0},
        {"step": 2, "train_loss": 1.5, "total_flos": 5, "train_runtime": 9.0},
    ]
    (tmp_path / "history.json").write_text(json.dumps(history))
    found = curves({"sft": tmp_path / "history.json"})
    assert found.rows() == [("sft", 1, "loss", 2.0), ("sft", 2, "loss", 1.0)]
