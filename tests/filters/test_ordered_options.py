"""Options that refer to each other, or that stand in an order that anybody would guess."""

import json

import polars as pl
import pytest

from filters.ordered_options import (
    NAMES_OTHERS,
    SORTED,
    is_sorted,
    names_others,
    order_fault,
    ordered_options,
)


@pytest.mark.parametrize(
    "option",
    [
        "All of the above",
        "None of the above.",
        "all of these options are correct",
        "Both A and B",
        "A and C",
        "(a) & (c)",
        "A, B and D only",
        "Neither A nor B",
        "Options A and B",
        "All are true",
        "None",
        "Both",
        "Any of the above mentioned",
        "以上都是",
        "以上均不正确",
        "上述所有选项",
        "都不对",
        "A和C",
        "A、B、D",
        "A+B",
        "所有说法都正确",
    ],
)
def test_an_option_that_refers_to_others_is_seen(option: str) -> None:
    assert names_others(option)


@pytest.mark.parametrize(
    "option",
    [
        "Vitamin A and vitamin D",
        "Hepatitis B and C",
        "Nonetheless rare",
        "All muscle relaxants",
        "Both ventricles",
        "None of the muscles of the hand",
        "Protein C",
        "A",
        "以上肢为主",
        "都会引起支气管痉挛的药物",
        "1 and 3",
        "Above the vocal cords",
    ],
)
def test_an_option_that_only_sounds_like_it_stays(option: str) -> None:
    assert not names_others(option)


def test_sorted_numbers_are_seen_up_and_down_and_with_signs() -> None:
    assert is_sorted(["1%", "10%", "50-80%", "100%"]) and is_sorted(["> 8 cm", "> 6 cm", "> 2 cm"])
    assert is_sorted(["0.5 mg/kg", "1,5 mg/kg", "2 mg/kg", "3 mg/kg"])
    assert not is_sorted(["1%", "50%", "10%", "100%"])
    assert not is_sorted(["1%", "10%", "none", "100%"]) and not is_sorted(["1", "2"])


def test_rows_get_a_reason_and_the_option_that_shows_it() -> None:
    texts = [["a nerve", "a vein"], ["a nerve", "Both A and B"], ["1", "2", "3"], []]
    options = [[{"letter": "ABC"[n], "text": text} for n, text in enumerate(row)] for row in texts]
    reason, evidence = ordered_options()
    schema = {"options": pl.List(pl.Struct({"letter": pl.String, "text": pl.String}))}
    found = pl.DataFrame({"options": options}, schema=schema).select(reason=reason, evidence=evidence)
    assert found["reason"].to_list() == [None, NAMES_OTHERS, SORTED, None]
    assert json.loads(found["evidence"][1]) == {"option": "Both A and B"} and found["evidence"][0] is None
    assert order_fault(["x", "y"]) is None
