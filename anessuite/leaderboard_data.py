"""Questions and answers, packed for a page that unpacks them piece by piece.

A piece is JSON, gzipped, in base64: its letters cannot close the element that holds it, whatever the texts
say. One piece lists all questions; the others hold the answers, about a megabyte of text each, whole
questions at a time, so that a question is shown after one of them was unpacked.
"""

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from anessuite.errors import RowsLost
from anessuite.evaluation_schemas import ANSWER, ASKED_QUESTION
from anessuite.pages import visible
from anessuite.schemas import empty
from anessuite.scores import CONTESTANT, UNLABELLED

MOST_TEXT: Final = 2_000
"""Characters of a reasoning, and of a response, that a page shows."""
MOST_TEXTS: Final = 200_000_000
"""Characters of all replies in a page; where there are more, each is cut shorter. Measured: 100,000 replies
of 88 million characters, cut out of real reasoning in English and Chinese, make a page of 75 MB."""
_LEAST_TEXT = 100
_PIECE = 1_000_000
"""Characters of answers in a piece; one is unpacked and shown in about a tenth of a second."""
_ANSWER_CHARS = 200
"""What an answer takes beside its texts, about."""
_TEXTS = ("reasoning", "response")
_PLAIN = ("verdict", "letter", "shown_letter", "form", "finish_reason", "reply_language")
_NUMBERS = ("order", "attempt", "completion_tokens")


@dataclass(frozen=True, slots=True)
class Packed:
    """``questions`` and ``answers`` are pieces; ``limit`` is where texts are cut, in characters."""

    questions: str
    answers: list[str]
    limit: int
    languages: list[str]
    levels: list[str]
    counts: tuple[int, int]
    """Of questions and of answers."""


def packed(
    questions: Iterable[pl.DataFrame], answers: Iterable[pl.DataFrame], *, most_text: int = MOST_TEXT
) -> Packed:
    """Pieces of frames of ASKED_QUESTION and of ANSWER, the same whatever the order of frames and rows.

    Raises RowsLost for answers whose question is not among ``questions``.
    """
    asked = _questions(questions)
    given = _placed(_cut_answers(answers, most_text), asked)
    limit = _limit(given, most_text)
    given = given.with_columns(pl.col(name).str.slice(0, limit) for name in _TEXTS)
    asked = asked.join(_tally(given), on="place", how="left", maintain_order="left")
    contestants = given.select(CONTESTANT).unique().sort(CONTESTANT)
    pieces, places = _pieces(given, contestants)
    listed = {
        "limit": limit,
        "contestants": [[visible(name) for name in row] for row in contestants.iter_rows()],
        "questions": [_listed(row, places.get(row["place"])) for row in asked.iter_rows(named=True)],
    }
    return Packed(
        questions=_packed(listed),
        answers=pieces,
        limit=limit,
        languages=asked["language"].unique().sort().to_list(),
        levels=asked["level"].unique().sort().to_list(),
        counts=(asked.height, given.height),
    )


def _questions(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    names = empty(ASKED_QUESTION).columns
    whole = pl.concat(
        [empty(ASKED_QUESTION), *(frame.select(names) for frame in frames)], how="vertical_relaxed"
    )
    ordered = whole.sort("language", "source", "id").with_columns(pl.col("level").fill_null(UNLABELLED))
    return ordered.with_row_index("place")


def _cut_answers(frames: Iterable[pl.DataFrame], most_text: int) -> pl.DataFrame:
    """All answers with their texts cut, so that memory holds no more; whole lengths stay beside them."""
    names = ["id", "question_id", *CONTESTANT, *_PLAIN, *_NUMBERS, *_TEXTS, "votes"]
    cut = [
        *(pl.col(name).str.len_chars().alias(f"{name}_chars") for name in _TEXTS),
        *(pl.col(name).str.slice(0, most_text) for name in _TEXTS),
    ]
    return pl.concat(
        [frame.select(names).with_columns(cut) for frame in (empty(ANSWER), *frames)], how="vertical_relaxed"
    )


def _placed(answers: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Answers with the places of their questions, in the order of the page."""
    placed = answers.join(
        asked.select("place", pl.col("id").alias("question_id")), on="question_id", how="left"
    )
    lost = placed.filter(pl.col("place").is_null())
    if lost.height:
        raise RowsLost(
            f"{lost.height:,} answers belong to no question of the page, such as {lost['question_id'][0]}",
            "Give all questions that were asked.",
        )
    return placed.sort("place", *CONTESTANT, "order", "attempt", "id")


def _limit(answers: pl.DataFrame, most_text: int) -> int:
    """Characters to cut texts at, so that all of them together stay below MOST_TEXTS."""
    limit = most_text
    while limit > _LEAST_TEXT and _chars(answers, limit) > MOST_TEXTS:
        limit //= 2
    return limit


def _chars(answers: pl.DataFrame, limit: int) -> int:
    shown = pl.sum_horizontal(pl.min_horizontal(f"{name}_chars", limit) for name in _TEXTS)
    return int(answers.select(shown.sum()).item() or 0)


def _tally(answers: pl.DataFrame) -> pl.DataFrame:
    """Of each question: contestants that were asked, and those right in more than half of their samples."""
    own = answers.filter(pl.col("order") == 0)
    shares = own.group_by("place", *CONTESTANT).agg(share=(pl.col("verdict") == "correct").mean())
    return shares.group_by("place").agg(right=(pl.col("share") > 0.5).sum(), asked=pl.len())


def _listed(row: dict[str, Any], at: tuple[int, int] | None) -> dict[str, Any]:
    names = ("id", "language", "level", "source", "source_id", "subject", "question", "answer")
    options = [[visible(option["letter"] or ""), visible(option["text"] or "")] for option in row["options"]]
    counts = {"options": options, "right": row["right"] or 0, "asked": row["asked"] or 0, "at": at}
    return {name: visible(row[name]) for name in names} | counts


def _pieces(answers: pl.DataFrame, contestants: pl.DataFrame) -> tuple[list[str], dict[int, tuple[int, int]]]:
    """The pieces, and for each question's place the number of its piece and its place therein."""
    numbers = {contestant: number for number, contestant in enumerate(contestants.iter_rows())}
    pieces: list[str] = []
    places: dict[int, tuple[int, int]] = {}
    for group in _groups(answers):
        held: dict[int, list[dict[str, Any]]] = {}
        for row in group.iter_rows(named=True):
            place = held.setdefault(row["place"], [])
            place.append(_answer(row) | {"contestant": numbers[row["model"], row["style"]]})
        places |= {place: (len(pieces), position) for position, place in enumerate(held)}
        pieces.append(_packed(list(held.values())))
    return pieces, places


def _groups(answers: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Runs of whole questions with about _PIECE characters each."""
    chars = pl.sum_horizontal(pl.col(name).str.len_chars() for name in _TEXTS) + _ANSWER_CHARS
    before = answers.group_by("place", maintain_order=True).agg(chars=chars.sum())
    number = (pl.col("chars").cum_sum() - pl.col("chars")) // _PIECE
    numbered = answers.join(before.select("place", piece=number), on="place", maintain_order="left")
    yield from numbered.partition_by("piece", maintain_order=True)


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    """An answer as the page reads it; nulls are left out, and the whole lengths of texts that are not cut."""
    texts = {name: visible(row[name]) for name in (*_PLAIN, *_TEXTS) if row[name]}
    numbers = {name: row[name] for name in _NUMBERS}
    whole = {f"{name}_chars": row[f"{name}_chars"] for name in _TEXTS}
    cut = {name: chars for name, chars in whole.items() if chars > len(row[name.removesuffix("_chars")])}
    votes = {"votes": [visible(vote or "not read") for vote in row["votes"]]} if row["votes"] else {}
    return texts | numbers | cut | votes


def _packed(content: dict[str, Any] | Sequence[Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=6, mtime=0)).decode("ascii")
