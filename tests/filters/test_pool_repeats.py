"""Questions of a pool that repeat or contradict each other."""

import random
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from filters.pool_repeats import Repeat, pool_repeats
from filters.question_index import QuestionForm, QuestionIndex, QuestionRules, compare

RULES = QuestionRules()
STEM = "Which opioid is broken down by the unspecific esterases of blood and tissue?"
DRUGS = {"A": "Remifentanil", "B": "Morphine", "C": "Methadone", "D": "Sufentanil"}


@dataclass(frozen=True)
class Question:
    question: str
    options: dict[str, str]
    answer: str | None = "A"
    source_id: str = ""


def repeats(*pool: Question, rank: list[int] | None = None) -> list[Repeat]:
    return pool_repeats(pool, RULES, rank=range(len(pool)) if rank is None else rank)


def told(found: list[Repeat]) -> list[tuple[int, str, int]]:
    return [(one.position, one.kind, one.other) for one in found]


def test_the_same_question_in_another_dress_is_an_exact_duplicate() -> None:
    relettered = dict(zip("ABCD", ["Sufentanil", "Methadone", "remifentanil.", "Morphine"], strict=True))
    again = Question(f"12. {STEM.upper()}", relettered, "C")
    assert told(repeats(Question(STEM, DRUGS), again)) == [(1, "exact_duplicate", 0)]


def test_a_small_edit_is_a_near_duplicate() -> None:
    edited = Question(STEM.replace("unspecific", "nonspecific"), DRUGS)
    (found,) = repeats(Question(STEM, DRUGS), edited)
    assert (found.kind, found.options_similarity) == ("near_duplicate", 1.0) and found.stem_similarity > 90


def test_the_lowest_rank_stays_and_the_first_of_equal_ones() -> None:
    same = [Question(STEM, DRUGS)] * 3
    assert told(repeats(*same, rank=[2, 1, 3])) == [(0, "exact_duplicate", 1), (2, "exact_duplicate", 1)]
    assert told(repeats(*same, rank=[1, 1, 1])) == [(1, "exact_duplicate", 0), (2, "exact_duplicate", 0)]


def test_of_two_that_contradict_each_other_neither_stays() -> None:
    found = repeats(Question(STEM, DRUGS, "A"), Question(STEM, DRUGS, "B"), Question(STEM, DRUGS, "A"))
    assert told(found) == [
        (0, "conflicting_answers", 1),
        (1, "conflicting_answers", 0),
        (2, "conflicting_answers", 1),
    ]


def test_answers_are_compared_by_text_not_by_letter() -> None:
    relettered = dict(zip("ABCD", [*DRUGS.values()][::-1], strict=True))
    assert told(repeats(Question(STEM, DRUGS, "A"), Question(STEM, relettered, "D"))) == [
        (1, "exact_duplicate", 0)
    ]


def test_an_unknown_answer_is_in_no_conflict() -> None:
    assert told(repeats(Question(STEM, DRUGS, "A"), Question(STEM, DRUGS, None))) == [
        (1, "exact_duplicate", 0)
    ]


def test_a_negation_is_another_question() -> None:
    other = Question(STEM.replace("is broken", "is not broken"), DRUGS, "B")
    assert repeats(Question(STEM, DRUGS, "A"), other) == []


def test_nothing_repeats_in_an_empty_pool_or_one_of_one() -> None:
    assert repeats() == repeats(Question(STEM, DRUGS)) == []


WORDS = ["propofol", "ketamine", "block", "nerve", "dose", "airway", "pressure", "volume", "not", "2", "3"]
QUESTIONS = st.builds(
    Question,
    st.lists(st.sampled_from(WORDS), min_size=3, max_size=9).map(" ".join),
    st.lists(st.sampled_from(WORDS), min_size=2, max_size=4, unique=True).map(
        lambda texts: dict(zip("ABCD", texts, strict=False))
    ),
    st.sampled_from(["A", "B", None]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(QUESTIONS, max_size=12), st.randoms(use_true_random=False))
def test_what_is_kept_repeats_nothing_kept_and_order_does_not_matter(
    pool: list[Question], chance: random.Random
) -> None:
    rank = chance.sample(range(100), len(pool))
    found = pool_repeats(pool, RULES, rank=rank)
    gone = {one.position: one for one in found}
    kept = [position for position in range(len(pool)) if position not in gone]
    forms = [QuestionForm.of(question, RULES) for question in pool]
    index = QuestionIndex(forms, RULES)
    for one, (form, candidates) in enumerate(index.candidates(forms)):
        for other, similarity in candidates.items():
            if one != other and one in kept and other in kept:
                assert compare(form, forms[other], similarity, RULES) is None
    for one in found:
        assert one.other != one.position
        assert one.kind == "conflicting_answers" or one.other in kept
    order = chance.sample(range(len(pool)), len(pool))
    again = pool_repeats([pool[at] for at in order], RULES, rank=[rank[at] for at in order])
    assert {(order[one.position], one.kind) for one in again} == {(one.position, one.kind) for one in found}
