import os
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.duplicates import SHINGLE_TOKENS, DuplicateRules, jaccard, repeats, shingles


def words(first: int, last: int) -> str:
    return " ".join(f"w{number}" for number in range(first, last))


A, B, C = words(0, 100), words(10, 110), words(20, 120)
"""96 shingles each; neighbours share 86 of 106 (0.81), A and C 76 of 116 (0.66)."""

texts = st.lists(
    st.sampled_from(["a", "B", "b", " ", " ", ", ", "麻", "醉", "7", "é", "_", "\n"]), max_size=24
).map("".join)


def reference(text: str) -> set[tuple[str, ...]]:
    tokens = re.findall("[麻醉]|[a-z0-9é]+", text.lower())
    width = min(len(tokens), SHINGLE_TOKENS)
    return {tuple(tokens[i : i + width]) for i in range(len(tokens) - width + 1)} if tokens else set()


def test_english_shingles_are_runs_of_five_words():
    assert len(shingles("one two three four five")) == 1
    assert len(shingles("one two three four five six seven")) == 3
    assert len(shingles("x " * 50)) == 1


def test_chinese_shingles_are_runs_of_five_characters():
    assert len(shingles("全身麻醉诱导")) == 2
    assert len(shingles("麻醉，诱导。后")) == 1
    assert len(np.intersect1d(shingles("全身麻醉诱导后"), shingles("全身麻醉诱导前"))) == 2


def test_mixed_text_takes_a_word_or_a_character_as_one_token():
    assert np.array_equal(shingles("用propofol诱导麻醉"), shingles("用 Propofol, 诱导 麻醉"))
    assert len(shingles("用propofol诱导麻醉")) == 2


def test_case_punctuation_and_line_breaks_do_not_change_the_shingles():
    assert np.array_equal(shingles("A b, c.\nD_e f"), shingles("a B c d e F"))


@pytest.mark.parametrize("text", ["one", "one two three four", "麻", "麻醉诱导", "麻 x"])
def test_a_text_of_one_to_four_tokens_has_one_shingle(text: str):
    assert len(shingles(text)) == 1
    assert len(np.intersect1d(shingles(text), shingles(f"{text} more"))) == 0


@pytest.mark.parametrize("text", ["", " \n", "...", "，。", "___"])
def test_a_text_without_tokens_has_no_shingle(text: str):
    assert len(shingles(text)) == 0


def test_the_order_of_tokens_matters():
    assert jaccard(shingles("a b c d e"), shingles("e d c b a")) == 0


@given(texts)
def test_shingles_are_distinct_and_sorted(text: str):
    own = shingles(text)
    assert own.dtype == np.uint64
    assert (own[1:] > own[:-1]).all()
    assert len(own) == len(reference(text))


@given(texts, texts)
def test_the_similarity_is_that_of_the_sets_of_token_runs(left: str, right: str):
    one, other = reference(left), reference(right)
    expected = len(one & other) / len(one | other) if one | other else 1.0
    assert jaccard(shingles(left), shingles(right)) == expected


@given(texts, texts)
def test_the_similarity_is_symmetric_and_one_exactly_for_equal_sets(left: str, right: str):
    one, other = shingles(left), shingles(right)
    assert jaccard(one, other) == jaccard(other, one)
    assert 0 <= jaccard(one, other) <= 1
    assert (jaccard(one, other) == 1) == (reference(left) == reference(right))
    assert jaccard(one, one) == 1


def test_disjoint_texts_have_no_similarity():
    assert jaccard(shingles(words(0, 50)), shingles(words(50, 100))) == 0
    assert jaccard(shingles(""), shingles("a")) == 0


def test_the_first_text_stays_and_its_copies_name_it():
    assert repeats([A, A, words(200, 300), A.upper()], min_jaccard=0.75) == [None, (0, 1.0), None, (0, 1.0)]


def test_texts_without_tokens_repeat_each_other():
    assert repeats(["...", "", "a"], min_jaccard=0.75) == [None, (0, 1.0), None]


def test_a_repeat_carries_its_similarity_and_reaches_the_threshold_exactly():
    similarity = 86 / 106
    assert repeats([A, B], min_jaccard=similarity) == [None, (0, similarity)]
    assert repeats([A, B], min_jaccard=similarity + 1e-9) == [None, None]


def test_a_repeat_names_the_closest_text_that_stays():
    assert repeats([A, C, words(8, 108)], min_jaccard=0.75) == [None, None, (0, 88 / 104)]
    assert repeats([A, C, words(12, 112)], min_jaccard=0.75) == [None, None, (1, 88 / 104)]


def test_of_two_equally_close_texts_a_repeat_names_the_first():
    assert repeats([A, C, B], min_jaccard=0.75) == [None, None, (0, 86 / 106)]
    assert repeats([C, A, B], min_jaccard=0.75) == [None, None, (0, 86 / 106)]


def test_a_chain_does_not_drop_a_text_far_from_all_that_stay():
    assert jaccard(shingles(B), shingles(C)) >= 0.75
    assert repeats([A, B, C], min_jaccard=0.75) == [None, (0, 86 / 106), None]


def test_the_order_of_preference_decides_who_stays():
    assert [verdict is None for verdict in repeats([B, A, C], min_jaccard=0.75)] == [True, False, False]


def test_no_texts_give_no_verdicts():
    assert repeats([], min_jaccard=0.75) == []


@given(st.lists(texts, max_size=7), st.sampled_from([0.2, 0.5, 0.75, 1.0]))
def test_the_verdicts_hold_against_the_sets_of_token_runs(cluster: list[str], threshold: float):
    verdicts = repeats(cluster, min_jaccard=threshold)
    stays = [index for index, verdict in enumerate(verdicts) if verdict is None]
    for index, verdict in enumerate(verdicts):
        close = [
            (jaccard(shingles(cluster[index]), shingles(cluster[kept])), -kept)
            for kept in stays
            if kept < index
        ]
        best = max(close, default=(0.0, 0))
        assert verdict == ((-best[1], best[0]) if best[0] >= threshold else None)


@given(st.lists(texts, max_size=7), st.integers(0, 7))
def test_later_texts_change_no_earlier_verdict_and_a_second_pass_drops_nothing(cluster: list[str], cut: int):
    verdicts = repeats(cluster, min_jaccard=0.5)
    assert repeats(cluster[:cut], min_jaccard=0.5) == verdicts[:cut]
    kept = [text for text, verdict in zip(cluster, verdicts, strict=True) if verdict is None]
    assert repeats(kept, min_jaccard=0.5) == [None] * len(kept)


@pytest.mark.parametrize("value", [0, -0.1, 1.1])
def test_a_threshold_outside_zero_to_one_is_refused(value: float):
    with pytest.raises(ValidationError):
        DuplicateRules(min_jaccard=value)


def test_shingles_and_verdicts_do_not_depend_on_the_hash_seed():
    code = (
        "from filters.duplicates import *\n"
        "print(shingles('全身麻醉 with propofol 2 mg per kg').tolist(), "
        "repeats(['a b', '麻醉', 'A b'], min_jaccard=1))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    here = (
        f"{shingles('全身麻醉 with propofol 2 mg per kg').tolist()} "
        f"{repeats(['a b', '麻醉', 'A b'], min_jaccard=1)}\n"
    )
    assert printed == {here}
