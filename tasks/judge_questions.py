"""Judge questions against a benchmark: as texts, and each as a question beside the benchmark's."""

import json
from collections.abc import Sequence

import pyarrow as pa

from anessuite.sources.against import Against
from anessuite.sources.questions import Question
from filters.canaries import CanaryFailed
from filters.contamination import Benchmark
from filters.near_questions import QuestionRules, near_questions
from filters.screens import Screen
from tasks.decontaminate import Judged, judge

NEAR_QUESTION = "near_question"
_MOST_NAMED = 50
"""Questions of the benchmark that evidence names."""
_PLANTED = 20


def judge_questions(
    questions: Sequence[Question], against: Against, benchmark: Benchmark, screen: Screen | None
) -> Judged:
    """Which questions give one of the benchmark away, under the rules or by being near it.

    Some of the benchmark's own are planted; raises CanaryFailed if one is not seen.
    """
    _plant(against)
    judged = judge(pa.array(map(as_text, questions), pa.large_string()), benchmark, screen)
    for match in near_questions(questions, against.questions, QuestionRules()):
        closest = [against.questions[number] for number in (match.benchmark, *match.others)]
        evidence = {
            "kind": match.kind,
            "stem_similarity": round(match.stem_similarity, 1),
            "options_similarity": round(match.options_similarity, 3),
            "same_answer": match.same_answer,
            "items": [
                {"benchmark": one.source, "item": one.source_id, "matches": []}
                for one in closest[:_MOST_NAMED]
            ],
            "of_items": len(closest),
        }
        judged.dropped.setdefault(match.pool, (NEAR_QUESTION, json.dumps(evidence, ensure_ascii=False)))
    judged.near = [near for near in judged.near if near[0] not in judged.dropped]
    return judged


def _plant(against: Against) -> None:
    """Questions of the benchmark with their options in another order have to be found in it."""
    step = max(1, len(against.questions) // _PLANTED)
    planted = [
        Question(
            source="canary",
            source_id=one.source_id,
            language=one.language,
            question=one.question,
            options=dict(zip(one.options, [*one.options.values()][::-1], strict=True)),
            answer=None,
            subject="",
        )
        for one in against.questions[::step][:_PLANTED]
    ]
    found = {match.pool for match in near_questions(planted, against.questions, QuestionRules())}
    if missed := [one.source_id for number, one in enumerate(planted) if number not in found]:
        raise CanaryFailed(
            f"{len(missed)} of {len(planted)} questions of the benchmark are not found in it: {missed[:5]}",
            "nothing was removed; a defect",
        )


def as_text(question: Question) -> str:
    """A question as people write it: the stem, then a line an option."""
    return "\n".join([question.question, *(f"{letter}. {text}" for letter, text in question.options.items())])
