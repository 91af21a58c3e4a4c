"""Questions of one pool that repeat each other, and such that contradict each other.

Two repeat each other if `filters.question_index` finds them alike, in either direction. In the order of their
ranks each is kept unless it repeats one that is kept already. Two that repeat each other are in conflict if
the right option of each is an option of both, and they differ: neither is kept, since nothing here can tell
which is wrong.
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

    Questions of equal rank come in the order of the pool. Each one named as ``other`` is kept itself and the
    closest of those that are, unless the kind is ``conflicting_answers``: then it has the lowest rank of
    those contradicted. What repeats only questions that are not kept stays.

    Raises ValueError unless there is a rank for each question.
    """
    if len(rank) != len(pool):
        raise ValueError(f"{len(pool)} questions, but {len(rank)} ranks")
    forms = [QuestionForm.of(question, rules) for question in pool]
    twins: defaultdict[Any, list[int]] = defaultdict(list)
    for position in sorted(range(len(pool)), key=lambda position: (rank[position], position)):
        form = forms[position]
        twins[form.stem, form.options, form.gold].append(position)
    firsts = [positions[0] for positions in twins.values()]
    gone = _gone([forms[first] for first in firsts], rules)
    found = list[Repeat]()
    for number, (first, *others) in enumerate(twins.values()):
        if number in gone:
            other, kind, likeness = gone[number]
            similarities = likeness.stem_similarity, likeness.options_similarity
            found += [Repeat(each, kind, firsts[other], *similarities) for each in (first, *others)]
        else:
            found += [Repeat(each, "exact_duplicate", first, 100.0, 1.0) for each in others]
    return sorted(found, key=lambda repeat: repeat.position)


def _gone(forms: Sequence[QuestionForm], rules: QuestionRules) -> dict[int, tuple[int, Kind, Likeness]]:
    """Of different forms in the order of their ranks those that are not kept: whom they repeat, and how."""
    alike = _alike(forms, rules)
    gone: dict[int, tuple[int, Kind, Likeness]] = {}
    for one, others in alike.items():
        against = [other for other in others if _contradict(forms[one], forms[other])]
        if against:
            gone[one] = min(against), "conflicting_answers", others[min(against)]
    for one in sorted(alike.keys() - gone.keys()):
        kept = {other: like for other, like in alike[one].items() if other < one and other not in gone}
        if kept:
            other, like = min(kept.items(), key=lambda each: (each[1].distance, each[0]))
            is_same = forms[one].stem == forms[other].stem and forms[one].options == forms[other].options
            gone[one] = other, "exact_duplicate" if is_same else "near_duplicate", like
    return gone


def _alike(forms: Sequence[QuestionForm], rules: QuestionRules) -> dict[int, dict[int, Likeness]]:
    """For each form those that it repeats, and how closely: the same from both sides, in any order."""
    index = QuestionIndex(forms, rules)
    pairs: defaultdict[int, dict[int, Likeness]] = defaultdict(dict)
    for one, (form, candidates) in enumerate(index.candidates(forms)):
        for other, similarity in candidates.items():
            if other != one and (likeness := compare(form, forms[other], similarity, rules)):
                closest = min(pairs[one].get(other, likeness), likeness, key=lambda each: each.distance)
                pairs[one][other] = pairs[other][one] = closest
    return pairs


def _contradict(one: QuestionForm, other: QuestionForm) -> bool:
    golds = {one.gold, other.gold}
    return len(golds) == 2 and golds <= one.options & other.options
