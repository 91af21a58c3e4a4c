"""The continuation test: what is shown, how texts are compared, and with which controls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.leakage_continuation import (
    OTHERS,
    SHUFFLED,
    continuation_scores,
    cut,
    longest_common,
    longest_new,
    others_of,
    shuffled,
    similarity,
)

OPTIONS = [
    ("A", "Inhibition of sodium channels"),
    ("B", "Activation of potassium channels"),
    ("C", "Blockade of calcium channels"),
    ("D", "Release of acetylcholine from the terminal"),
]
WORDS = st.text("abc ", max_size=30)


@given(WORDS, WORDS)
def test_the_longest_common_substring_is_that_of_brute_force(one: str, other: str) -> None:
    parts = {one[a:b] for a in range(len(one)) for b in range(a + 1, len(one) + 1)}
    longest = max((len(part) for part in parts if part in other), default=0)
    assert longest_common(one, other) == longest == longest_common(other, one)


def test_what_is_shown_and_what_is_wanted_make_up_the_question() -> None:
    whole = cut("Local anesthetics act by", OPTIONS, first_option=True)
    assert whole.shown.endswith("A. Inhibition of sodium channels\nB.")
    assert whole.truth.startswith("Activation") and "D. Release" in whole.truth
    bare = cut("Local anesthetics act by", OPTIONS, first_option=False)
    assert bare.shown == "Local anesthetics act by\nA." and bare.truth.startswith("Inhibition")
    assert cut("One", OPTIONS[:1], first_option=True).truth == ""


def test_a_recited_truth_scores_one_and_other_words_score_little() -> None:
    truth = cut("x", OPTIONS, first_option=True).truth
    assert similarity(truth.upper(), truth).substring == 1.0 and similarity(truth, truth).ngrams == 1.0
    other = similarity("It depends on the dose given", truth)
    assert other.substring < 0.2 and other.ngrams == 0.0
    assert similarity("", truth).substring == 0.0


def test_chinese_is_compared_by_characters() -> None:
    assert similarity("抑制钠离子通道的开放", "抑制钠离子通道").ngrams == 1.0
    mixed = shuffled("抑制钠离子通道的开放", seed=1, name="q")
    assert len(mixed) == SHUFFLED and all(sorted(one) == sorted("抑制钠离子通道的开放") for one in mixed)


def test_controls_are_others_of_like_length_and_never_the_same_text() -> None:
    truths = ["word " * (5 + n) for n in range(60)] + ["word " * 5]
    found = others_of(truths, seed=1)
    assert all(len(one) == OTHERS and at not in one for at, one in enumerate(found))
    assert all(truths[other] != truths[at] for at, one in enumerate(found) for other in one)
    assert max(abs(other - 30) for other in found[30]) <= OTHERS
    assert found == others_of(truths, seed=1)


def test_a_recitation_is_above_all_controls_and_a_guess_of_the_subject_is_not() -> None:
    truth = cut("x", OPTIONS, first_option=True).truth
    others = [f"Metabolism in the liver by pathway {n}\nC. Excretion by the kidney" for n in range(OTHERS)]
    mixed = shuffled(truth, seed=1, name="q")
    recited = continuation_scores(truth, truth, others, mixed)
    guessed = continuation_scores("channels of the terminal", truth, others, mixed)
    assert recited is not None and recited.is_recited and recited.substring == 1.0
    assert recited.substring_control < 0.3 > recited.substring_shuffled
    assert guessed is not None and guessed.substring - guessed.substring_shuffled < 0.3
    assert not guessed.is_recited


def test_what_the_model_was_shown_counts_for_nothing() -> None:
    truth = "Inhibition of calcium channels"
    assert longest_new("a calcium channel", truth, "no calcium channel here") == 0
    copied = similarity("Inhibition of sodium channels", truth, known="A. Inhibition of sodium channels")
    assert copied.substring == 0.0 and copied.ngrams == 0.0
    assert similarity(truth, truth, known="A. Inhibition of sodium channels").substring == 1.0


@given(WORDS, WORDS)
def test_nothing_known_leaves_the_longest_common_substring(one: str, other: str) -> None:
    assert longest_new(one, other, "") == longest_common(one, other)
    assert longest_new(one, other, one) == 0


@pytest.mark.parametrize("truth", ["", "1 %", "B. 2"])
def test_truths_too_short_to_tell_are_not_judged(truth: str) -> None:
    assert continuation_scores("anything", truth, ["Another option of another question"], []) is None
