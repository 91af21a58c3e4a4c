"""Which row a name means, and what is said where it means none or several."""

import re
from pathlib import Path

import pytest

from anessuite.errors import ConfigError
from anessuite.storage import Store
from anessuite.tracing.search import RowAmbiguous, RowNotFound, Version, find_rows, is_kept
from tests.anessuite.tracing.made_versions import dropped, question, version

FULL = "abcdef12".ljust(32, "0")


@pytest.fixture
def made(tmp_path: Path) -> Version:
    kept = [question("abcdef12"), question("abcdef34"), question("123456789")]
    gone = [dropped("fedcba", "near_duplicate"), dropped("abcdef12", "exact_duplicate", source_id="copy")]
    return version(Store(str(tmp_path)), kept=kept, rejected=gone)


def test_an_id_names_all_rows_that_have_it_the_kept_one_first(made: Version) -> None:
    meant = find_rows(made, FULL)
    assert meant.matched == "its id" and meant.count == 2
    assert [(is_kept(placed), placed.row["source_id"]) for placed in meant.rows] == [
        (True, "q-abcdef12"),
        (False, "copy"),
    ]


def test_six_digits_are_enough_and_capitals_do_not_count(made: Version) -> None:
    meant = find_rows(made, " FEDCBA ")
    assert meant.id == "fedcba".ljust(32, "0") and meant.matched == "the beginning of its id"


def test_a_row_named_by_its_source_comes_before_others_of_its_id(made: Version) -> None:
    meant = find_rows(made, "copy")
    assert meant.matched == "its source_id" and meant.count == 2
    assert [placed.row["source_id"] for placed in meant.rows] == ["copy", "q-abcdef12"]


def test_digits_that_begin_no_id_may_be_a_source_id(tmp_path: Path) -> None:
    made = version(Store(str(tmp_path)), kept=[question("aaaaaaaa", source_id="38012345")])
    assert find_rows(made, "38012345").id.startswith("aaaaaaaa")


def test_a_beginning_of_several_ids_is_refused_with_all_of_them(made: Version) -> None:
    with pytest.raises(RowAmbiguous, match="bench@dev: several ids begin with abcdef") as raised:
        find_rows(made, "abcdef")
    assert raised.value.exit_code == 2
    for part in (FULL, "q-abcdef34, kept", "copy, dropped: exact_duplicate"):
        assert part in raised.value.hint


def test_a_name_that_two_sources_give_is_refused_with_both_ids(tmp_path: Path) -> None:
    rows = [question("aa11", source_id="1"), question("bb22", source_id="1", source="other")]
    with pytest.raises(RowAmbiguous, match="several sources call a row 1") as raised:
        find_rows(version(Store(str(tmp_path)), kept=rows), "1")
    assert "(list 1, kept)" in raised.value.hint and "(other 1, kept)" in raised.value.hint


def test_an_unknown_id_is_answered_with_the_ids_near_it(made: Version) -> None:
    with pytest.raises(RowNotFound, match=re.escape("bench@dev has no row 'fedc00000000'")) as raised:
        find_rows(made, "fedc00000000")
    assert "ids that begin with fedc: fedcba" in raised.value.hint
    assert "dropped: near_duplicate" in raised.value.hint


def test_an_unknown_name_is_answered_with_names_like_it(made: Version) -> None:
    with pytest.raises(RowNotFound) as raised:
        find_rows(made, "Q-ABCDEF3")
    assert "source_ids like it: q-abcdef34" in raised.value.hint


def test_five_digits_are_no_beginning_of_an_id_and_the_error_says_how_many_are(made: Version) -> None:
    with pytest.raises(RowNotFound, match="no row 'fedcb'") as raised:
        find_rows(made, "fedcb")
    assert "6 or more of the id's first digits" in raised.value.hint


def test_an_id_of_another_version_is_found_there(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    version(store, "r1@2026.12.01", kept=[question("c0ffee")])
    made = version(store, kept=[question("aaaaaa")])
    with pytest.raises(RowNotFound) as raised:
        find_rows(made, "c0ffee".ljust(32, "0"))
    assert "it is a row of r1@2026.12.01" in raised.value.hint


def test_rows_that_were_only_counted_are_spoken_of(tmp_path: Path) -> None:
    made = version(Store(str(tmp_path)), kept=[question("aaaaaa")], drops={"no_term": 1234})
    with pytest.raises(RowNotFound) as raised:
        find_rows(made, "elsewhere")
    assert "1,234 rows without any term (no_term) were counted and not stored" in raised.value.hint


def test_a_name_of_blanks_is_refused(made: Version) -> None:
    with pytest.raises(ConfigError, match="the row has no name"):
        find_rows(made, "  ")
