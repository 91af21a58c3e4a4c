"""What votes on a question's level say together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.votes import LEVELS, Grade, grade, level_named


@pytest.mark.parametrize(
    ("votes", "found"),
    [
        (["system2", "system2", "system1"], Grade("system2", 2 / 3, False, 0)),
        (["system1"] * 3, Grade("system1", 1.0, False, 0)),
        (["system2", "system1.x", "system1"], Grade("system1", 1 / 3, True, 0)),
        (["system2", "system1.x"], Grade("system1.x", 0.5, True, 0)),
        (["system1.x", None, None], Grade("system1.x", 1 / 3, False, 2)),
        ([None, None, None], Grade(None, 0.0, False, 3)),
    ],
)
def test_most_votes_win_and_a_tie_takes_the_lower_level(votes: list[str | None], found: Grade) -> None:
    assert grade(votes) == found


def test_an_unknown_level_and_no_votes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'System 1'.*system1, system1\.x, system2"):
        grade(["system1", "System 1"])
    with pytest.raises(ValueError, match="no votes"):
        grade([])


@given(st.lists(st.sampled_from([*LEVELS, None]), min_size=1, max_size=9), st.randoms())
def test_the_order_of_votes_means_nothing(votes, chance) -> None:
    again = list(votes)
    chance.shuffle(again)
    assert grade(again) == grade(votes)


@given(st.lists(st.sampled_from([*LEVELS, None]), min_size=1, max_size=9))
def test_agreement_is_the_share_of_the_level_among_all_votes(votes) -> None:
    found = grade(votes)
    assert found.agreement == (0 if found.level is None else votes.count(found.level) / len(votes))
    assert found.unread == votes.count(None)


@pytest.mark.parametrize(
    ("stated", "level"),
    [
        ("system1", "system1"),
        ("System 1.x", "system1.x"),
        ("system_1x", "system1.x"),
        (3, "system2"),
        (2.0, "system1.x"),
        ("4", None),
        ("easy", None),
        (None, None),
        ("", None),
    ],
)
def test_levels_are_known_by_the_names_that_benchmarks_give_them(stated: object, level: str | None) -> None:
    assert level_named(stated) == level
