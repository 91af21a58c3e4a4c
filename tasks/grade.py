"""Grade questions by cognitive level, from the votes of an annotator model."""

from typing import Any

import orjson
import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.prompting import Prompt
from anessuite.question_schemas import GRADED_QUESTION, REJECTED_QUESTION
from anessuite.stages import Sifted, Stage, split
from anessuite.votes import Grade, grade
from tasks.generate import Asked, completions
from tasks.pool import options_of, quoted_options

GRADE = "grade"
NOT_GRADED = "not_graded"
_SHOWN_CHARS = 300


def inputs_of(row: dict[str, Any]) -> dict[str, str | int]:
    """A question as the prompt takes it: with its right answer, which tells what has to be known."""
    answer = f"{row['answer']}. {options_of(row)[row['answer']]}"
    return {"question": row["question"], "options": quoted_options(row), "answer": answer}


@task(name="grade", cache_policy=NO_CACHE)
def grade_questions(before: Stage, asked: Asked, licences: dict[str, str]) -> Stage:
    """Put the votes on each question together; a question without a vote that can be read is rejected."""
    after = Stage(before.build, GRADE, "questions", GRADED_QUESTION, REJECTED_QUESTION)

    def sift(part: str, rows: pl.DataFrame) -> Sifted:
        replies = completions(before.build, asked.step, part)
        return graded(rows, replies, asked, licences)

    return after.fill(before, sift)


def graded(rows: pl.DataFrame, replies: pl.DataFrame, asked: Asked, licences: dict[str, str]) -> Sifted:
    """Questions (EXAM_QUESTION) with the votes in their replies (COMPLETION), as GRADED_QUESTION."""
    votes: list[list[dict[str, str | None]]] = [[] for _ in range(rows.height)]
    said: list[list[str]] = [[] for _ in range(rows.height)]
    languages = rows["language"].to_list()
    for reply in replies.iter_rows(named=True):
        prompt = asked.prompt_for(languages[reply["row"]])
        votes[reply["row"]].append(vote_in(reply, prompt))
        said[reply["row"]].append((reply["fault"] or reply["text"])[:_SHOWN_CHARS])
    grades = [grade([vote["level"] for vote in given]) for given in votes]
    evidence = [
        orjson.dumps({"votes": len(given), "unread": one.unread, "replies": replies}).decode()
        for given, one, replies in zip(votes, grades, said, strict=True)
    ]
    frame = rows.with_columns(
        level=pl.Series([one.level for one in grades], dtype=pl.String),
        level_origin=pl.Series([_origin(one) for one in grades], dtype=pl.String),
        votes=pl.Series(votes, dtype=pl.List(pl.Struct({"level": pl.String, "rationale": pl.String}))),
        agreement=pl.Series([one.agreement for one in grades], dtype=pl.Float32),
        reviewed=pl.lit(False),
        licence=pl.col("source").replace_strict(licences, default="", return_dtype=pl.String),
    )
    reason = pl.when(pl.col("level").is_null()).then(pl.lit(NOT_GRADED))
    return split(frame, reason, pl.lit(pl.Series(evidence, dtype=pl.String)))


def vote_in(reply: dict[str, Any], prompt: Prompt) -> dict[str, str | None]:
    """The level and the rationale in a reply; both null where it cannot be read.

    Guidelines may ask for the level alone.
    """
    value = prompt.read(reply["text"]) if reply["fault"] is None else None
    if value is None:
        return {"level": None, "rationale": None}
    return {"level": value["level"], "rationale": " ".join(value.get("rationale", "").split()) or None}


def _origin(one: Grade) -> str:
    return "tie" if one.is_tie else "model"
