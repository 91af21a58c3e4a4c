from typing import Any

import pytest

from anessuite.sources.choices import choices_in, fitting_base, letters_of

FOUR = {"A": "Atropine", "B": "Propofol", "C": "Ketamine", "D": "Sevoflurane"}


def answers(*given: Any, options: Any = FOUR, base: int = 0) -> list[str | None]:
    """The letters that the answers of a column name, where all questions have the same options."""
    return letters_of(given, [choices_in(options)] * len(given), base=base)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"b": "y", "A.": "x", "note": "z"}, {"A": "x", "B": "y"}),
        ({"A": "x", "C": "z"}, {"A": "x", "C": "z"}),
        ({"first": "x", "second": "y"}, {"A": "x", "B": "y"}),
        ([{"key": "B", "value": "y"}, {"key": "A", "value": "x"}], {"A": "x", "B": "y"}),
        ([{"label": 1, "text": "x"}, {"label": 2, "text": "y"}], {"A": "x", "B": "y"}),
        ([1, 2.5, True], {"A": "1", "B": "2.5", "C": "True"}),
        (["x", None, ["nested"], "y"], {"A": "x", "D": "y"}),
    ],
)
def test_letters_of_the_source_are_kept_and_others_are_given(options: Any, wanted: dict[str, str]) -> None:
    found = {choice.letter: choice.text for choice in choices_in(options) if choice.text}
    assert (found, list(found)) == (wanted, list(wanted))


@pytest.mark.parametrize("value", [None, 3, "no list", "[broken", [], {}, ["x"] * 27])
def test_what_is_no_list_of_options_holds_none(value: Any) -> None:
    assert choices_in(value) == []


def test_options_may_be_written_as_json() -> None:
    assert choices_in(' {"A": "x", "B": "y"}') == choices_in({"A": "x", "B": "y"})
    assert choices_in('["x", "y"]') == choices_in(["x", "y"])


@pytest.mark.parametrize("answer", ["D", "d", " D ", "(D)", "D.", "Ｄ", "【D】", "D、"])
def test_an_answer_may_be_a_letter(answer: str) -> None:
    assert answers(answer) == ["D"]


@pytest.mark.parametrize(("answer", "base"), [(3, 0), (4, 1), ("3", 0), ("4", 1), (3.0, 0), ("3.0", 0)])
def test_an_answer_may_be_a_number_counted_from_the_base(answer: Any, base: int) -> None:
    assert answers(answer, base=base) == ["D"]


def test_an_answer_may_be_the_text_of_an_option() -> None:
    assert answers("Ketamine", "sevoflurane", " Propofol\n") == ["C", "D", "B"]


def test_letters_numbers_and_texts_may_stand_in_one_column() -> None:
    assert answers("B", 3, "Ketamine") == ["B", "D", "C"]


def test_in_a_column_of_letters_a_letter_wins_over_the_same_text() -> None:
    assert answers("B", options=["B", "C", "P450", "AA3"]) == ["B"]


def test_in_a_column_of_texts_a_text_wins_over_the_same_letter() -> None:
    assert answers("vitamin K", "vitamin E", "C", options=["C", "vitamin K", "vitamin E"]) == [
        "B",
        "C",
        "A",
    ]


def test_numbers_that_are_all_texts_of_options_are_texts() -> None:
    assert answers("4", "1", options=["4", "1", "2", "3"]) == ["A", "B"]
    assert answers("3", "0", options=["4", "1", "2", "3"]) == ["D", "A"]
    assert answers(3, 1, options=["4", "1", "2", "3"]) == ["D", "B"]


def test_the_labels_of_the_source_win_over_counting() -> None:
    labelled = [{"label": str(n), "text": f"t{n}"} for n in (1, 2, 3)]
    assert answers("1", "3", 2, options=labelled) == ["A", "C", "B"]


def test_a_number_counts_letters_and_not_the_options_that_are_there() -> None:
    assert answers(0, 2, options={"A": "x", "C": "z"}) == ["A", "C"]


@pytest.mark.parametrize("answer", [None, "", "  ", -1])
def test_an_answer_that_is_not_stated_is_none_and_no_fault(answer: Any) -> None:
    assert answers(answer, answer) == [None, None]


def test_an_option_without_text_and_one_of_two_equal_texts_are_not_named() -> None:
    assert answers("B", "A", "C", options=["x", "", "z"]) == [None, "A", "C"]
    assert answers("same", "other", options=["same", "same", "other"]) == [None, "C"]


@pytest.mark.parametrize(
    ("given", "base", "wanted"),
    [
        ([1, 4], 0, 1),
        ([0, 3], 1, 0),
        ([0, 3], 0, None),
        ([1, 3], 0, None),
        ([0, 4], 0, None),
        ([0, 4], 1, None),
        (["1", "4"], 0, 1),
        ([2, 4], 3, 1),
        ([1, 4, -1, None, ""], 0, 1),
        ([1, 4, "B"], 0, None),
        ([], 0, None),
    ],
)
def test_another_base_is_told_only_where_it_alone_fits_every_answer(
    given: list[Any], base: int, wanted: int | None
) -> None:
    assert fitting_base(given, [choices_in(FOUR)] * len(given), base=base) == wanted


def test_labels_of_the_source_are_not_counted_from_any_base() -> None:
    labelled = [{"label": str(n), "text": f"t{n}"} for n in (1, 2, 3)]
    assert fitting_base([1, 3], [choices_in(labelled)] * 2, base=0) is None
