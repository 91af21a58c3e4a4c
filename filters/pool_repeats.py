"""Questions of one pool that repeat each other, and such that contradict each other.

Two repeat each other if `filters.question_index` finds them alike, in either direction. In the order of their
ranks each is kept unless it repeats one that is kept already. Two that repeat each other with the same
options and another right one are in conflict: neither is kept, since nothing here can tell which is wrong.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from filters.question_index import (
    Likeness,
    MultipleChoice,
    QuestionForm,
    QuestionIndex,
    QuestionRules,
    compare,
)

Kind = Literal["exact_duplicate", "near_duplicate", "conflicting_answers"]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A question that is not kept, and the one that it repeats or contradicts, by their positions."""

    position: int
    kind: Kind
    other: int
    stem_similarity: float
    """0 to 100."""
    options_similarity: float
    """0 to 1."""


def pool_repeats(
    pool: Sequence[MultipleChoice], rules: QuestionRules, *, rank: Sequence[Any]
) -> list[Repeat]:
    """What is not kept of a pool, by position; of questions that repeat each other the lowest rank stays.

    Questions of equal rank come in the order of the pool. Each one named as ``other`` is kept itself, unless
    the kind is ``conflicting_answers``.
    """
    forms = [QuestionForm.of(question, rules) for question in pool]
    alike = _alike(forms, rules)
    found: dict[int, Repeat] = {}
    for one, others in alike.items():
        against = [other for other in others if _in_conflict(forms[one], forms[other], others[other])]
        if against:
            found[one] = _repeat(one, min(against, key=lambda other: (rank[other], other)), forms, alike)
    kept: set[int] = set()
    for one in sorted(range(len(pool)), key=lambda position: (rank[position], position)):
        if one in found:
            continue
        repeated = [other for other in alike.get(one, ()) if other in kept]
        if repeated:
            closest = min(repeated, key=lambda other: (alike[one][other].distance, rank[other], other))
            found[one] = _repeat(one, closest, forms, alike)
        else:
            kept.add(one)
    return [found[one] for one in sorted(found)]


def _alike(forms: Sequence[QuestionForm], rules: QuestionRules) -> dict[int, dict[int, Likeness]]:
    """For each question those that it repeats, and how closely; the same from both sides."""
    index = QuestionIndex(forms, rules)
    pairs: defaultdict[int, dict[int, Likeness]] = defaultdict(dict)
    for one, (form, candidates) in enumerate(index.candidates(forms)):
        for other, similarity in candidates.items():
            if other != one and (likeness := compare(form, forms[other], similarity, rules)):
                pairs[one].setdefault(other, likeness)
                pairs[other].setdefault(one, likeness)
    return pairs


def _in_conflict(one: QuestionForm, other: QuestionForm, likeness: Likeness) -> bool:
    return one.options == other.options and likeness.same_answer is False


def _repeat(
    one: int, other: int, forms: Sequence[QuestionForm], alike: dict[int, dict[int, Likeness]]
) -> Repeat:
    likeness = alike[one][other]
    is_same = forms[one].stem == forms[other].stem and forms[one].options == forms[other].options
    kind: Kind = "exact_duplicate" if is_same else "near_duplicate"
    if _in_conflict(forms[one], forms[other], likeness):
        kind = "conflicting_answers"
    return Repeat(one, kind, other, likeness.stem_similarity, likeness.options_similarity)
