"""Estimate what an evaluation takes: requests, tokens and cost of each contest, and of the judge."""

from collections import Counter
from typing import Any

import polars as pl

from tasks.contests import Contests
from tasks.estimate_pairs import StepEstimate, step_estimate
from tasks.estimate_questions import QuestionEstimate
from tasks.generate import Asked
from tasks.judge_replies import OPEN
from tasks.lay_out import Exemplars, Shown, judged_rows
from tasks.pool import LANGUAGES, Pool
from tasks.score import Contest

REPLY_TOKENS = {"direct": 10, "cot": 400, "plain": 400, OPEN: 80, "judge": 60}
"""Generated tokens that a reply is taken for, by style: our guess for models that do not reason at length."""
_SAMPLED = 40
_REPLY = "The answer in a sentence or two, as a model would give it without seeing any options."


def estimate_answers(
    pool: Pool, contests: Contests, exemplars: Exemplars, questions: Shown
) -> QuestionEstimate:
    """Judge every row as a build does, and tokenise real prompts. ``questions`` gives rows their columns."""
    frames = [judged_rows(pool, language, exemplars) for language in LANGUAGES]
    whole = pl.concat(frames)
    asked = whole.filter(pl.col("why").is_null())
    rows = [questions.shown(row) for row in asked.gather_every(max(1, asked.height // _SAMPLED)).to_dicts()]
    steps = [_step(one, rows, asked.height) for one in contests.with_options(questions.questions)]
    alone = [row | {"reply": _REPLY} for row in rows]
    for contest, judge in contests.open_ended(questions.questions):
        steps += [_step(contest, alone, asked.height), _judge(judge, alone, asked.height)]
    dropped = Counter[str](whole["why"].drop_nulls().to_list())
    counts = dict(asked["language"].value_counts().sort("language").iter_rows())
    return QuestionEstimate(whole.height, counts, dict(dropped.most_common()), steps)


def _step(contest: Contest, rows: list[dict[str, Any]], questions: int) -> StepEstimate:
    tokens = REPLY_TOKENS[contest.style.partition(",")[0]]
    return step_estimate(contest.asked, rows, questions * contest.asked.attempts, tokens)


def _judge(judge: Asked, rows: list[dict[str, Any]], questions: int) -> StepEstimate:
    return step_estimate(judge, rows, questions * judge.attempts, REPLY_TOKENS["judge"])
