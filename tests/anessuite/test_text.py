import hashlib

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.text import content_id


def ids(*texts: str | None) -> list[str | None]:
    return pl.DataFrame({"t": texts}, schema={"t": pl.String}).select(content_id(pl.col("t")))["t"].to_list()


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Spinal Anesthesia", "spinal ANESTHESIA"),
        ("ＭＡＣ　１．０", "mac 1.0"),
        ("a \t\r\n\u00a0\u3000 b", "a b"),
        ("  airway\n", "airway"),
        ("ﬁbreoptic", "fibreoptic"),
        ("caf\u0065\u0301", "caf\u00e9"),
    ],
)
def test_case_width_and_white_space_do_not_change_an_id(text: str, same: str) -> None:
    assert ids(text) == ids(same)


@pytest.mark.parametrize(
    ("one", "other"), [("a b", "ab"), ("propofol", "propofol."), ("麻醉", "麻酔"), ("", "a")]
)
def test_other_differences_change_an_id(one: str, other: str) -> None:
    assert ids(one) != ids(other)


def test_null_stays_null_and_shifts_nothing() -> None:
    assert ids("a", None, "b") == [*ids("a"), None, *ids("b")]
    assert ids(None) == [None]


def test_an_id_is_the_head_of_the_sha256_of_the_normalised_text() -> None:
    assert ids("  Deep\n麻醉 ") == [hashlib.sha256("deep麻醉".encode()).hexdigest()[:32]]


@given(
    st.lists(st.sampled_from("abcXYZ01麻醉.,"), min_size=1), st.sampled_from([" ", "\n\n", "\t ", "\u3000"])
)
def test_words_joined_by_any_white_space_in_any_case_are_one_document(words: list[str], space: str) -> None:
    assert ids(space.join(words).upper()) == ids(" ".join(words).lower())


@given(st.lists(st.one_of(st.none(), st.text()), max_size=8))
def test_an_id_depends_on_its_own_row_alone(texts: list[str | None]) -> None:
    assert ids(*texts) == [ids(text)[0] for text in texts]
