"""Attempts at a question, verified: what each one was, how hard the question is, and which attempt is kept.

In mode ``first`` attempts stop at the first one that is kept; in mode ``all`` every planned attempt is made.
An attempt is kept if it is correct and its reasoning has no fault (see `filters.reasoning`).

Intervals are of Wilson (1927, Probable inference, the law of succession, and statistical inference, JASA 22,
209-212); pass@k is the unbiased estimator of Chen et al. (2021, arXiv 2107.03374, section 2.1).
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, Literal, get_args

import polars as pl

Verdict = Literal["correct", "wrong", "no_answer", "truncated", "refused"]
Mode = Literal["first", "all"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
_CUT = ("length", "max_tokens")


def judge(*, letter: str | None, reason: str | None, gold: str, finish_reason: str | None) -> Verdict:
    """The verdict on one completion, from the letter that `answers.read_choice` found or its reason for none.

    A completion that ran into its token limit is "truncated" whatever it says: its last statement is not its
    final one. Several letters and an empty box are "no_answer"; the reason itself tells them apart. Raises
    ValueError for an empty gold letter: nothing may be right by default.
    """
    if not gold:
        raise ValueError("no gold letter to compare with")
    if finish_reason in _CUT:
        return "truncated"
    if letter is not None:
        return "correct" if letter == gold else "wrong"
    return "refused" if reason == "refused" or finish_reason == "content_filter" else "no_answer"


def best_attempt(verdicts: Sequence[Verdict], faults: Sequence[str | None] | None = None) -> int | None:
    """The number (from 1) of the attempt that is kept, or None: the first correct one without a fault.

    The same in both modes, so that running more attempts never changes the kept one; choosing the shortest
    would favour lucky guesses.
    """
    found = faults or [None] * len(verdicts)
    kept = (
        number
        for number, (verdict, fault) in enumerate(zip(verdicts, found, strict=True), 1)
        if verdict == "correct" and fault is None
    )
    return next(kept, None)


def is_done(
    verdicts: Sequence[Verdict], faults: Sequence[str | None] | None = None, *, planned: int, mode: Mode
) -> bool:
    """Whether no further attempt is made."""
    return len(verdicts) >= planned or (mode == "first" and best_attempt(verdicts, faults) is not None)


def pass_rate(correct: int, attempts: int) -> float:
    """The share of attempts that are correct. Raises ValueError without attempts."""
    _check(correct, attempts)
    return correct / attempts


def wilson_interval(correct: int, attempts: int, confidence: float = 0.95) -> tuple[float, float]:
    """Where the true pass rate lies, by Wilson's score interval, if the number of attempts was fixed before.

    One attempt tells little: 1 of 1 gives 0.21 to 1. Raises ValueError without attempts.
    """
    _check(correct, attempts)
    low, high = _wilson(float(correct), float(attempts), _quantile(confidence))
    return (0.0 if correct == 0 else low), (1.0 if correct == attempts else high)


def wilson_bounds(correct: pl.Expr, attempts: pl.Expr, confidence: float = 0.95) -> tuple[pl.Expr, pl.Expr]:
    """Both bounds of `wilson_interval` as expressions; ``correct`` need not be whole, both are floats."""
    low, high = _wilson(correct, attempts, _quantile(confidence))
    return (
        pl.when(correct <= 0).then(0.0).otherwise(low),
        pl.when(correct >= attempts).then(1.0).otherwise(high),
    )


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that one of ``k`` attempts is correct, where ``c`` of ``n`` were; unbiased for every k <= n.

    Raises ValueError where k is not within 1 to n.
    """
    _check(c, n)
    if not 1 <= k <= n:
        raise ValueError(f"k is {k}; it has to be within 1 and the {n} attempts")
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def summarise_attempts(
    attempts: pl.DataFrame, *, planned: int, mode: Mode, confidence: float = 0.95
) -> pl.DataFrame:
    """One line a question, of a frame with ``row, attempt, verdict, tokens``, perhaps ``fault``.

    Attempts count from 1; ``fault`` is the reason against the reasoning of an attempt, or null. The columns:

    - ``attempts``, ``correct``, ``tokens``: made, with the right letter, and the sum over all of them;
    - ``pass_rate``; ``low``, ``high``: its Wilson interval, null in mode ``first``, where stopping at success
      makes the number of attempts an outcome and the interval too narrow;
    - ``first_correct``, ``kept``: attempt numbers or null; see `best_attempt`;
    - ``stopped_early``: fewer attempts than planned, as one was kept;
    - ``all_wrong``: each attempt gave a wrong letter;
    - ``reason``, ``evidence``: why nothing is kept, or null, and the count of each verdict as JSON. In order
      ``unfinished`` (attempts are missing: the budget ended), the fault of the first correct attempt,
      ``all_wrong``, ``all_no_answer``, ``all_truncated``, ``all_refused`` (every attempt alike), and
      ``never_correct`` (a mixture).

    Raises ValueError for an unknown verdict, for an attempt given twice or one beyond the plan.
    """
    judged = attempts if "fault" in attempts.columns else attempts.with_columns(fault=pl.lit(None, pl.String))
    _check_attempts(judged, planned)
    grouped = judged.sort("row", "attempt").group_by("row", maintain_order=True).agg(*_measures())
    summary = grouped.with_columns(*_rates(mode, confidence)).with_columns(
        stopped_early=(pl.col("attempts") < planned) & pl.col("kept").is_not_null(),
        all_wrong=pl.col("wrong") == pl.col("attempts"),
        reason=_reason(planned),
    )
    counts = pl.struct(VERDICTS).struct.json_encode()
    return summary.with_columns(evidence=pl.when(pl.col("reason").is_not_null()).then(counts)).select(
        *("row", "attempts", "correct", "tokens", "pass_rate", "low", "high", "first_correct", "kept"),
        *("stopped_early", "all_wrong", "reason", "evidence"),
    )


def _measures() -> list[pl.Expr]:
    is_correct = pl.col("verdict") == "correct"
    number = pl.col("attempt")
    return [
        pl.len().alias("attempts"),
        pl.col("tokens").sum(),
        *((pl.col("verdict") == verdict).sum().alias(verdict) for verdict in VERDICTS),
        number.filter(is_correct).min().alias("first_correct"),
        number.filter(is_correct & pl.col("fault").is_null()).min().alias("kept"),
        pl.col("fault").filter(is_correct).first().alias("fault"),
    ]


def _rates(mode: Mode, confidence: float) -> list[pl.Expr]:
    correct, made = pl.col("correct").cast(pl.Float64), pl.col("attempts").cast(pl.Float64)
    low, high = wilson_bounds(correct, made, confidence)
    bounds, fixed = {"low": low, "high": high}, pl.lit(mode == "all")
    return [(correct / made).alias("pass_rate")] + [
        pl.when(fixed).then(bound).alias(name) for name, bound in bounds.items()
    ]


def _reason(planned: int) -> pl.Expr:
    alike = [
        pl.when(pl.col(verdict) == pl.col("attempts")).then(pl.lit(f"all_{verdict}"))
        for verdict in VERDICTS
        if verdict != "correct"
    ]
    unfinished = pl.when(pl.col("attempts") < planned).then(pl.lit("unfinished"))
    why = pl.coalesce(unfinished, "fault", *alike, pl.lit("never_correct"))
    return pl.when(pl.col("kept").is_null()).then(why)


def _wilson(correct: Any, attempts: Any, z: float) -> tuple[Any, Any]:
    """Both bounds; a root written as a power serves numbers and columns alike."""
    share, scale = correct / attempts, 1 + z**2 / attempts
    middle = share + z**2 / (2 * attempts)
    half = z * (share * (1 - share) / attempts + z**2 / (4 * attempts**2)) ** 0.5
    return (middle - half) / scale, (middle + half) / scale


def _quantile(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it has to lie between 0 and 1")
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _check(correct: int, attempts: int) -> None:
    if attempts < 1:
        raise ValueError(f"{attempts} attempts; at least one is needed")
    if not 0 <= correct <= attempts:
        raise ValueError(f"{correct} correct of {attempts} attempts")


def _check_attempts(attempts: pl.DataFrame, planned: int) -> None:
    unknown = attempts.filter(~pl.col("verdict").is_in(VERDICTS) | pl.col("verdict").is_null())
    if len(unknown):
        raise ValueError(f"unknown verdict {unknown['verdict'][0]!r}; known verdicts: {', '.join(VERDICTS)}")
    beyond = attempts.filter(~pl.col("attempt").is_between(1, planned))
    if len(beyond):
        raise ValueError(f"attempt {beyond['attempt'][0]} of row {beyond['row'][0]}; {planned} are planned")
    twice = attempts.filter(pl.struct("row", "attempt").is_duplicated())
    if len(twice):
        raise ValueError(f"attempt {twice['attempt'][0]} of row {twice['row'][0]} is given twice")
