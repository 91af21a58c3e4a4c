"""Which multiple-choice questions of a training pool repeat a question of a benchmark?

How questions are compared, and when two are alike, is said in `filters.question_index`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from filters.question_index import MultipleChoice, QuestionForm, QuestionIndex, QuestionRules, compare

__all__ = ["MultipleChoice", "QuestionMatch", "QuestionRules", "near_questions"]


@dataclass(frozen=True, slots=True)
class QuestionMatch:
    """A question of the pool and the one of the benchmark that it repeats, by their indexes."""

    pool: int
    benchmark: int
    others: tuple[int, ...]
    """Further ones that it repeats, closest first."""
    kind: Literal["same_stem", "near_stem"]
    stem_similarity: float
    """0 to 100."""
    options_similarity: float
    """0 to 1."""
    same_answer: bool | None
    """Have the right options the same text? None where one is not known."""


def near_questions(
    pool: Sequence[MultipleChoice], benchmark: Sequence[MultipleChoice], rules: QuestionRules
) -> list[QuestionMatch]:
    """One match for each question of ``pool`` that repeats one of ``benchmark``, in the order of ``pool``.

    The benchmark question named is the closest: equal stems first, then by similarity of stems, by that of
    options, by answer, and then by ``source_id``. No order of the questions changes what matches what; of
    those that are the same in all that is compared, and in ``source_id``, the benchmark's first is named.
    """
    index = QuestionIndex([QuestionForm.of(question, rules) for question in benchmark], rules)
    matches = []
    for position, (form, candidates) in enumerate(
        index.candidates([QuestionForm.of(one, rules) for one in pool])
    ):
        found = [
            (verdict, other)
            for other, similarity in candidates.items()
            if (verdict := compare(form, index.forms[other], similarity, rules))
        ]
        found.sort(key=lambda each: (each[0].distance, index.forms[each[1]].identity, each[1]))
        if found:
            verdict, closest = found[0]
            others = tuple(other for _, other in found[1:])
            matches.append(QuestionMatch(position, closest, others, *verdict))
    return matches
