"""The tables of an evaluation, and what is worth a warning, from its answers."""

from collections.abc import Mapping

import polars as pl

from anessuite.evaluation_tables import EvaluationTables
from anessuite.length_effects import length_effects
from anessuite.paired_tests import comparisons
from anessuite.score_analyses import gaps, lengths, orders
from anessuite.scores import CONTESTANT, NOT_ASKED, NOT_JUDGED, scores

NEEDED = [
    *("question_id", "language", "level", "model", "style", "order", "attempt", "verdict", "letter"),
    *("shown_letter", "shown_gold", "reply_language", "completion_tokens", "cost"),
]
"""Columns of ANSWER that the tables are made of; the others hold the texts."""
_MUCH = 0.1
_MOST_COMPARED = 20


def evaluation_tables(
    answers: pl.DataFrame, sizes: Mapping[str, float | None], *, seed: int
) -> EvaluationTables:
    """All tables of a frame with the columns NEEDED of ANSWER.

    Of more than 20 contestants only the 20 best are compared in pairs, since pairs grow with the square.
    """
    scored = scores(answers, dict(sizes))
    return EvaluationTables(
        scores=scored,
        comparisons=comparisons(_best(answers, scored), seed=seed),
        lengths=lengths(answers),
        length_effects=length_effects(answers),
        gaps=gaps(scored),
        orders=orders(answers),
    )


def _best(answers: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    whole = scored.filter((pl.col("language") == "all") & (pl.col("level") == "all"))
    best = whole.sort("accuracy", *CONTESTANT, descending=[True, False, False]).head(_MOST_COMPARED)
    return answers.join(best.select(CONTESTANT), on=CONTESTANT, how="semi", maintain_order="left")


def evaluation_warnings(answers: pl.DataFrame) -> list[str]:
    """What makes a score mean something else than it seems to."""
    found: list[str] = []
    for (model, style), rows in answers.group_by(CONTESTANT, maintain_order=True):
        found += [f"{model}, {style}: {line}" for line in _of_contestant(rows)]
    levels = answers["level"].unique().to_list()
    if levels == [None]:
        found.append("the benchmark states no levels: scores are by language alone")
    elif len(levels) == 1:
        found.append(f"all questions are of level {levels[0]}: there is nothing to compare it with")
    return found


def _of_contestant(rows: pl.DataFrame) -> list[str]:
    found: list[str] = []
    share = {name: float(rows.select(rule.mean()).item()) for name, rule in _SHARES.items()}
    if share["not_asked"]:
        found.append(f"{share['not_asked']:.1%} of its answers are missing, as no model answered: wrong")
    if share["not_judged"]:
        found.append(f"no vote of the judge can be read for {share['not_judged']:.1%} of its replies: wrong")
    if share["truncated"] > _MUCH:
        found.append(f"{share['truncated']:.1%} of its replies were cut off at max_tokens: wrong")
    told = rows.filter(pl.col("reply_language").is_not_null())
    foreign = told.filter(pl.col("reply_language") != pl.col("language"))
    if told.height and foreign.height > _MUCH * rows.height:
        found.append(f"{foreign.height / rows.height:.1%} of its replies are not in the question's language")
    if share["correct"] == 0:
        found.append("not one answer is right: are its replies what they should be?")
    return found


_SHARES = {
    "not_asked": pl.col("verdict").is_in(NOT_ASKED),
    "not_judged": pl.col("verdict") == NOT_JUDGED,
    "truncated": pl.col("verdict") == "truncated",
    "correct": pl.col("verdict") == "correct",
}
