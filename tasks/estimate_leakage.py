"""Estimate what a leakage analysis takes: requests, tokens and cost, for each model and test."""

from typing import Any

import polars as pl

from anessuite.leakage_config import Probing
from anessuite.leakage_continuation import cut
from anessuite.llm.tally import cost_of
from anessuite.llm.tokens import count_tokens
from tasks.pool import LANGUAGES, Pool, rows_of
from tasks.probe import all_orders, options_of, step_of, testable

_SAMPLED = 200
"""Questions whose texts are tokenised."""


def estimate_leakage(pool: Pool, probing: Probing) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Totals, and a line a step. Requests are exact; tokens are scaled from up to 200 questions."""
    judged = [testable(rows_of(pool, language)) for language in LANGUAGES]
    questions = pl.concat([kept for kept, _ in judged])
    left_out = pl.concat([gone["reason"] for _, gone in judged]).value_counts(sort=True)
    sampled = questions.gather_every(max(1, questions.height // _SAMPLED)).to_dicts()
    rows = questions.to_dicts()
    counts = [len(all_orders(row, probing.orders, probing.seed)) for row in rows]
    texts = [_whole(row) for row in sampled]
    first = probing.continuation.first_option
    beginnings = [cut(row["question"], options_of(row), first_option=first).shown for row in sampled]
    steps = []
    for number, model in enumerate(probing.models, start=1):
        for test in probing.tests:
            is_order = test == "order"
            requests = sum(counts) if is_order else questions.height
            counted, _ = count_tokens(model, texts if is_order else beginnings)
            read = round(requests * sum(counted) / max(1, len(counted)))
            written = requests * (1 if is_order else probing.continuation.max_tokens)
            step = {"step": step_of(test, number), "model": model.label, "requests": requests}
            tokens = {"prompt_tokens": read, "completion_tokens": written}
            steps.append(step | tokens | {"cost": cost_of(model.price, read, written)})
    total: dict[str, Any] = {
        "questions": questions.height,
        "left_out": dict(left_out.iter_rows()),
        "requests": sum(step["requests"] for step in steps),
        "tokens": sum(step["prompt_tokens"] + step["completion_tokens"] for step in steps),
        "cost": sum(step["cost"] for step in steps),
        "steps": steps,
    }
    return total, steps


def _whole(row: dict[str, Any]) -> str:
    return "\n".join([row["question"], *(f"{letter}. {text}" for letter, text in options_of(row))])
