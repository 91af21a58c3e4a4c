"""Read the letters of replies, part by part, and put the answers of all contests together.

The judged answers of a contest are ``{step}/answers/{part}.parquet`` with a mark a part; the stage
``answers`` has those of all contests, a row a question, contest and sample.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.evaluation_schemas import ANSWER
from anessuite.llm.config import Price
from anessuite.question_schemas import REJECTED_QUESTION
from anessuite.schemas import PART_ZSTD_LEVEL, ParquetSink, empty
from anessuite.stages import Stage
from tasks.generate import Asked, Rows, completions
from tasks.verify import read_reply

ANSWERS = "answers"


class AskedRows(Rows, Protocol):
    """Questions as they are shown: all, or those that can be asked without options."""

    @property
    def order(self) -> int: ...


@dataclass(frozen=True)
class Contest:
    """One model, asked in one style about all questions, with their options in one order."""

    model: str
    style: str
    asked: Asked
    rows: AskedRows
    price: Price

    @property
    def build(self) -> Build:
        return self.rows.build

    @property
    def step(self) -> str:
        return f"score-{self.asked.step}"

    def path(self, part: str) -> str:
        return self.build.path(self.step, ANSWERS, f"{part}.parquet")

    def answers(self, part: str) -> pl.DataFrame:
        """The judged answers of a part, as ANSWER; none where no question of it was asked."""
        path = self.path(part)
        if self.build.marked(self.step, part) is None:
            return empty(ANSWER)
        return pl.read_parquet(self.build.store.read_bytes(path))

    def write(self, part: str, answers: pl.DataFrame) -> None:
        """Store the answers of a part, then its mark."""
        with ParquetSink(self.build.store, self.path(part), ANSWER, level=PART_ZSTD_LEVEL) as sink:
            sink.write(answers)
        verdicts = Counter[str](answers["verdict"].to_list())
        self.build.mark(self.step, part, {"verdicts": dict(sorted(verdicts.items()))})


@task(name="score", task_run_name="{contest.step}", cache_policy=NO_CACHE)
def score(contest: Contest) -> None:
    """Read the letter of each reply and compare it with the gold answer, as it was shown."""
    for part in contest.rows.parts():
        if contest.build.marked(contest.step, part) is None:
            rows = contest.rows.read(part)
            contest.write(part, scored(contest, rows, completions(contest.build, contest.asked.step, part)))


def scored(contest: Contest, rows: pl.DataFrame, replies: pl.DataFrame) -> pl.DataFrame:
    """Replies (COMPLETION) to rows of `Shown`, as ANSWER."""
    asked = rows.to_dicts()
    return as_answers(
        contest, [_answer(asked[reply["row"]], reply) for reply in replies.iter_rows(named=True)]
    )


def _answer(row: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
    read = read_reply(row, reply)
    letters = dict(zip((option["letter"] for option in row["options"]), row["letters"], strict=True))
    return of_question(row, reply) | {
        "verdict": read.verdict,
        "letter": letters.get(read.choice.letter or ""),
        "shown_letter": read.choice.letter,
        "shown_gold": row["answer"],
        "form": read.choice.how or read.choice.reason or "",
        "reasoning": read.reasoning,
        "response": read.response,
        "votes": None,
    }


def of_question(row: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
    """What an answer holds of its question and its completion, whatever was asked for."""
    return {
        "question_id": row["id"],
        "language": row["language"],
        "level": row["level"],
        "source": row["source"],
        "attempt": reply["attempt"] + 1,
        "finish_reason": reply["finish_reason"],
        "prompt_tokens": reply["prompt_tokens"],
        "completion_tokens": reply["completion_tokens"],
        "request": reply["request"],
    }


def as_answers(contest: Contest, made: list[dict[str, Any]]) -> pl.DataFrame:
    """Answers as ANSWER: with what all of a contest have in common, the language of replies, and cost."""
    types = empty(ANSWER).schema
    price = contest.price
    known = {name: kind for name, kind in types.items() if not made or name in made[0]}
    frame = pl.DataFrame(made, schema=known).with_columns(
        model=pl.lit(contest.model),
        style=pl.lit(contest.style),
        order=pl.lit(contest.rows.order),
        cost=(pl.col("prompt_tokens") * price.input + pl.col("completion_tokens") * price.output) / 1e6,
    )
    names = ("question_id", "model", "style", "order", "attempt")
    keys = ["\n".join(map(str, key)).encode() for key in frame.select(names).iter_rows()]
    ids = pl.Series([hashlib.sha256(key).hexdigest()[:32] for key in keys], dtype=pl.String)
    whole = frame.with_columns(id=ids, reply_language=_language())
    return whole.select(pl.col(name).cast(kind) for name, kind in types.items())


def _language() -> pl.Expr:
    """en or zh where most of the reply is in that language; null where it is little more than a letter."""
    said = pl.concat_str("reasoning", pl.lit(" "), "response")
    is_long = said.str.count_matches(r"\p{Han}|\p{Latin}{2,}") >= _FEWEST_WORDS
    chinese = said.str.count_matches(r"\p{Han}") > said.str.count_matches(r"\p{Latin}{2,}")
    return pl.when(is_long).then(pl.when(chinese).then(pl.lit("zh")).otherwise(pl.lit("en")))


_FEWEST_WORDS = 8
"""Words, or Chinese characters, from which on a reply shows its language."""


@task(name="gather answers", cache_policy=NO_CACHE)
def gather(questions: Stage, contests: Sequence[Contest]) -> Stage:
    """All answers to each question, as the stage ``answers``."""
    after = Stage(questions.build, ANSWERS, "answers", ANSWER, REJECTED_QUESTION)
    for part in questions.parts():
        if after.done(part) is None:
            count = questions.count(part)
            answers = pl.concat([empty(ANSWER), *(one.answers(part) for one in contests)])
            after.write(part, answers, empty(REJECTED_QUESTION), rows_in=count, rows_out=count)
    return after
