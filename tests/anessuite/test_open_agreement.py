"""Judged open answers beside letters, and beside people."""

import polars as pl
import pytest

from anessuite.errors import SourceError
from anessuite.open_agreement import open_agreement, read_people
from tests.anessuite.test_scores import answers


def made(opened: str, letters: str) -> pl.DataFrame:
    """A frame of ANSWER: ``+`` is right, ``-`` wrong, a question each."""
    rows = [
        {"question_id": f"q{at}", "style": style, "verdict": "correct" if sign == "+" else "wrong"}
        for style, signs in (("open", opened), ("direct", letters))
        for at, sign in enumerate(signs)
    ]
    return answers(*rows)


def test_agreement_counts_the_questions_that_were_asked_both_ways() -> None:
    line = open_agreement(made("++--", "+-+--+")).filter(pl.col("language") == "all").to_dicts()[0]
    assert (line["questions"], line["open_accuracy"], line["other_accuracy"], line["same"]) == (
        4,
        0.5,
        0.5,
        0.5,
    )
    assert line["kappa"] == pytest.approx(0.0)


def test_people_are_a_row_of_their_own() -> None:
    people = read_people(
        b"question_id,model,verdict\nq0,m,correct\nq1,m, Wrong\nq9,m,correct\n", "people.csv"
    )
    table = open_agreement(made("+-+", "+++"), people)
    line = table.filter((pl.col("beside") == "people") & (pl.col("language") == "all")).to_dicts()[0]
    assert (line["questions"], line["same"], line["kappa"]) == (2, 1.0, 1.0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"question_id,verdict\nq0,correct\n", "lacks model"),
        (b"question_id,model,verdict\nq0,m,maybe\n", "'maybe' is no verdict"),
        (b"question_id,model,verdict\nq0,m,wrong\nq0,m,correct\n", "two verdicts"),
        (b"", "no CSV"),
    ],
)
def test_verdicts_of_people_that_cannot_be_read_are_an_error(content: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        read_people(content, "people.csv")
