"""Estimate what a build from exam questions takes: questions that can be used, requests, tokens, cost."""

from collections import Counter
from dataclasses import dataclass

import polars as pl

from filters.exam_question import ExamQuestionRules, TopicRules
from tasks.estimate_pairs import StepEstimate, step_estimate
from tasks.generate import Asked
from tasks.pool import LANGUAGES, Pool, checked, rows_of

REASONING_TOKENS = 2_000
"""Generated tokens of one attempt of a reasoning model; the traces of DeepSeek-R1 that were measured have 600
to 5,000 (171 to 3,549 words, median 413)."""
VOTE_TOKENS = 120
"""Generated tokens of one vote: a level and a rationale of a few sentences."""
_SAMPLED = 40
"""Questions whose prompts are tokenised."""


@dataclass(frozen=True, slots=True)
class QuestionEstimate:
    """What the sources hold, and what each step would take if it were done with every question."""

    rows: int
    questions: dict[str, int]
    """By language."""
    dropped: dict[str, int]
    steps: list[StepEstimate]


def estimate_questions(
    pool: Pool, rules: ExamQuestionRules, topic: TopicRules, asked: list[Asked], *, tokens: int
) -> QuestionEstimate:
    """Judge every row as a build does, and tokenise real prompts; repeats and contamination stay in.

    ``tokens`` are those that a reply is taken for.
    """
    rows, usable, dropped = 0, list[pl.DataFrame](), Counter[str]()
    for language in LANGUAGES:
        frame = rows_of(pool, language)
        if not frame.height:
            continue
        kept, rejected = checked(frame, language, rules, topic, pool.lexicons.get(language))
        rows += frame.height
        usable.append(kept)
        dropped.update(rejected["reason"].to_list())
    whole = pl.concat(usable)
    sampled = whole.gather_every(max(1, whole.height // _SAMPLED)).head(_SAMPLED).to_dicts()
    return QuestionEstimate(
        rows=rows,
        questions={str(kept["language"][0]): kept.height for kept in usable if kept.height},
        dropped=dict(dropped.most_common()),
        steps=[step_estimate(one, sampled, whole.height * one.attempts, tokens) for one in asked],
    )
