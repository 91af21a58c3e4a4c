"""Questions of a pool that repeat or contradict each other."""

from dataclasses import dataclass, replace

import pytest
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


def test_a_repeat_is_seen_from_both_sides_where_only_one_stem_stands_alone() -> None:
    """From the shorter stem only questions that share an option to the letter are looked at."""
    texts = ["magnesium sulfate,sulfur dioxide gas", "magnesium sulphate,sulphur dioxide gas"]
    stem = f"Which compound {'x' * 15} {'y' * 15}"
    pool = [
        Question(stem + end, dict(zip("AB", options.split(","), strict=True)))
        for end, options in zip(("zz", "z"), texts, strict=True)
    ]
    assert [QuestionForm.of(one, RULES).stands_alone for one in pool] == [True, False]
    for rank in ([0, 1], [1, 0]):
        assert [(one.position, one.kind) for one in repeats(*pool, rank=rank)] == [
            (rank.index(1), "near_duplicate")
        ]


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


def test_a_conflict_names_the_lowest_rank_that_is_contradicted() -> None:
    pool = [Question(STEM, DRUGS, answer) for answer in "ABC"]
    assert [one.other for one in repeats(*pool)] == [1, 0, 0]
    assert [one.other for one in repeats(*pool, rank=[3, 2, 1])] == [2, 2, 1]


def test_answers_in_conflict_may_be_much_alike() -> None:
    moves = {"A": "abduction of the shoulder joint", "B": "adduction of the shoulder joint", "C": "flexion"}
    found = repeats(Question(STEM, moves, "A"), Question(STEM, moves, "B"))
    assert told(found) == [(0, "conflicting_answers", 1), (1, "conflicting_answers", 0)]


def test_answers_that_both_questions_offer_are_in_conflict_whatever_else_they_offer() -> None:
    other = Question(STEM, DRUGS | {"D": "Fentanyl"}, "B")
    assert told(repeats(Question(STEM, DRUGS, "A"), other)) == [
        (0, "conflicting_answers", 1),
        (1, "conflicting_answers", 0),
    ]


def test_answers_of_which_one_question_offers_only_its_own_are_in_no_conflict() -> None:
    best = {"A": "Morphine", "B": "Methadone", "C": "Sufentanil"}
    found = repeats(Question(STEM, DRUGS, "A"), Question(STEM, best, "A"))
    assert told(found) == [(1, "near_duplicate", 0)]


def test_an_unknown_answer_is_in_no_conflict() -> None:
    assert told(repeats(Question(STEM, DRUGS, "A"), Question(STEM, DRUGS, None))) == [
        (1, "exact_duplicate", 0)
    ]


def test_a_negation_is_another_question() -> None:
    other = Question(STEM.replace("is broken", "is not broken"), DRUGS, "B")
    assert repeats(Question(STEM, DRUGS, "A"), other) == []


def test_nothing_repeats_in_an_empty_pool_or_one_of_one() -> None:
    assert repeats() == repeats(Question(STEM, DRUGS)) == []


def test_what_repeats_only_a_dropped_question_stays() -> None:
    """A chain: the second shares half its options with the first, and the other half with the third."""
    texts = ["1, 2, 3, 4", "3, 4, 5, 6", "5, 6, 7, 8"]
    pool = [Question("Best dose", dict(zip("ABCD", one.split(", "), strict=True)), None) for one in texts]
    assert told(repeats(*pool)) == [(1, "near_duplicate", 0)]
    assert told(repeats(*pool, rank=[2, 1, 3])) == [(0, "near_duplicate", 1), (2, "near_duplicate", 1)]


def test_of_several_that_are_kept_the_closest_is_named() -> None:
    def best(drugs: str) -> Question:
        return Question("Best drug", dict(zip("ABCD", drugs.split(), strict=False)), None)

    assert told(repeats(best("a b c d"), best("e f g h"), best("a b g h"))) == [(2, "near_duplicate", 0)]
    assert told(repeats(best("a b c d"), best("e f g h"), best("e f g a"))) == [(2, "near_duplicate", 1)]
    assert told(repeats(best("a b c d"), best("d e f g"), best("c d e f"))) == [(2, "near_duplicate", 1)]


def test_thousands_of_copies_are_no_burden_and_each_names_the_one_that_stays() -> None:
    found = repeats(*[Question(STEM, DRUGS)] * 5_000)
    assert len(found) == 4_999 and {(one.kind, one.other) for one in found} == {("exact_duplicate", 0)}


def test_a_rank_is_needed_for_each_question() -> None:
    with pytest.raises(ValueError, match="1 questions, but 2 ranks"):
        repeats(Question(STEM, DRUGS), rank=[1, 2])


WORDS = ["propofol", "ketamine", "block", "nerve", "dose", "airway", "pressure", "volume", "not", "2", "3"]
BLOCK = "Which drug prolongs the action of a non-depolarising neuromuscular blocker"
STEMS = [
    STEM,
    STEM.replace("unspecific", "nonspecific"),
    STEM.replace("broken down", "broken up"),
    STEM.replace("is broken", "is not broken"),
    BLOCK,
    f"7. {BLOCK}?",
    BLOCK.replace("depolarising", "depolarizing"),
    "Best drug",
    "The best drug",
]
QUESTIONS = st.builds(
    Question,
    st.sampled_from(STEMS) | st.lists(st.sampled_from(WORDS), min_size=3, max_size=9).map(" ".join),
    st.lists(st.sampled_from(WORDS[:7]), min_size=2, max_size=4).map(
        lambda texts: dict(zip("ABCD", texts, strict=False))
    ),
    st.sampled_from(["A", "B", None]),
)
POOLS = st.lists(QUESTIONS, max_size=12)


def alike(pool: list[Question]) -> set[tuple[int, int]]:
    """The pairs of positions that the judgement finds alike, lower one first."""
    forms = [QuestionForm.of(question, RULES) for question in pool]
    found = enumerate(QuestionIndex(forms, RULES).candidates(forms))
    return {
        (min(one, other), max(one, other))
        for one, (form, candidates) in found
        for other, similarity in candidates.items()
        if one != other and compare(form, forms[other], similarity, RULES)
    }


@settings(max_examples=100, deadline=None)
@given(POOLS, st.data())
def test_what_is_kept_repeats_nothing_kept_and_what_is_dropped_repeats_it(
    pool: list[Question], data: st.DataObject
) -> None:
    rank = data.draw(st.lists(st.integers(0, 3), min_size=len(pool), max_size=len(pool)))
    found = {one.position: one for one in repeats(*pool, rank=rank)}
    kept = set(range(len(pool))) - found.keys()
    pairs = alike(pool)
    assert not any({one, other} <= kept for one, other in pairs)
    for one in found.values():
        assert (min(one.position, one.other), max(one.position, one.other)) in pairs
        if one.kind == "conflicting_answers":
            assert found[one.other].kind == "conflicting_answers"
        else:
            assert one.other in kept
            assert (rank[one.other], one.other) < (rank[one.position], one.position)


@settings(max_examples=100, deadline=None)
@given(POOLS, st.data())
def test_the_order_of_the_pool_changes_nothing_where_ranks_differ(
    pool: list[Question], data: st.DataObject
) -> None:
    rank = data.draw(st.permutations(range(len(pool))))
    order = data.draw(st.permutations(range(len(pool))))
    again = repeats(*(pool[at] for at in order), rank=[rank[at] for at in order])
    moved = [replace(one, position=order[one.position], other=order[one.other]) for one in again]
    assert sorted(moved, key=lambda one: one.position) == repeats(*pool, rank=rank)
