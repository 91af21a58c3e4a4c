"""Which questions people review: exact shares, stable draws, and doubtful questions first."""

from collections.abc import Sequence
from typing import Any

import pytest

from anessuite.review.draw import draw, wanted
from anessuite.review.opinions import LEVELS
from tests.anessuite.review.test_rounds import frame, question, several


def drawn(rows: Sequence[dict[str, Any]], fraction: float = 0.5, seed: int = 7) -> set[str]:
    chosen = draw(frame(rows), fraction=fraction, seed=seed, agreement_below=0.67)
    return set(chosen.filter("drawn")["id"])


@pytest.mark.parametrize(
    ("questions", "fraction", "number"), [(5, 0.6, 3), (6, 0.6, 4), (100, 0.07, 7), (1, 0.01, 1), (9, 0, 0)]
)
def test_the_draw_takes_the_fraction_rounded_up_exactly(questions: int, fraction: float, number: int) -> None:
    assert wanted(questions, fraction) == number
    assert len(drawn([question(f"en{i:03}") for i in range(questions)], fraction)) == number


def test_the_draw_is_of_each_language_and_level_by_itself() -> None:
    rows = several(12)
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        if row["id"] in drawn(rows):
            counts[row["language"], row["level"]] = counts.get((row["language"], row["level"]), 0) + 1
    assert counts == {(language, level): 2 for language in ("en", "zh") for level in LEVELS}


def test_questions_added_to_other_strata_change_no_draw_and_another_seed_does() -> None:
    english = [question(f"en{i:02}") for i in range(20)]
    more = [
        *english,
        *(question(f"zh{i:02}") for i in range(9)),
        *(question(f"en9{i}", "system2") for i in "abc"),
    ]
    assert {id_ for id_ in drawn(more) if id_ in {row["id"] for row in english}} == drawn(english)
    assert drawn(english, seed=8) != drawn(english)
    assert drawn(english, 0.3) < drawn(english, 0.5)


def test_low_agreement_and_ties_are_reviewed_beside_the_draw_and_come_first() -> None:
    votes = ["system1", "system1", "system2"]
    odd = [
        question("en-two-of-three", votes=votes),
        question("en-tie", votes=["system1", "system2", None], level_origin="tie"),
        question("en-half-read", votes=["system1", None, None]),
    ]
    rows = [*several(9, ["en"]), *odd]
    chosen = draw(frame(rows), fraction=0, seed=7, agreement_below=0.67)
    assert set(chosen["id"]) == {row["id"] for row in odd}
    assert set(chosen["why"]) == {"low_agreement"} and not chosen["drawn"].any()
    all_of_them = draw(frame(rows), fraction=1, seed=7, agreement_below=0.67)
    assert set(all_of_them["id"][:3]) == {row["id"] for row in odd} and all_of_them["drawn"].all()
    assert all_of_them["id"][2] == "en-two-of-three"  # the highest agreement of the three
    assert all_of_them["why"].to_list() == ["low_agreement"] * 3 + ["drawn"] * 9
    only_ties = draw(frame(rows), fraction=0, seed=7, agreement_below=0)
    assert only_ties["id"].to_list() == ["en-tie"]


def test_a_draw_goes_by_the_level_of_the_model_whatever_people_decided_since() -> None:
    rows = [question(f"en{i:02}") for i in range(20)]
    decided = [row | {"level": "system2", "level_origin": "human"} for row in rows]
    assert drawn(decided) == drawn(rows)
