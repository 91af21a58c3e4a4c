"""Attempts at questions, one round after the other: who is asked again, what each attempt was, what is kept.

Round ``k`` asks about the questions that no earlier round solved (mode ``first``), or about all (mode
``all``). Its verdicts are ``verify-k/attempts/{part}.parquet`` with a mark a part; the stage ``verify`` puts
the rounds together.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.answers import Choice, read_choice
from anessuite.builds import Build
from anessuite.llm.replies import BAD_REQUEST, REFUSED, REQUEST_FAILED, TRUNCATED
from anessuite.question_schemas import ATTEMPT, REJECTED_QUESTION, SOLVED_QUESTION
from anessuite.sampling import Mode, judge, summarise_attempts
from anessuite.schemas import PART_ZSTD_LEVEL, ParquetSink
from anessuite.stages import Sifted, Stage, split
from filters.reasoning import ReasoningRules, reasoning_judgement
from tasks.generate import Asked, completions
from tasks.pool import options_of

VERIFY = "verify"
NOT_ASKED = (BAD_REQUEST, REQUEST_FAILED)
"""Verdicts of requests that no model answered; they are no attempts."""


@dataclass(frozen=True)
class Round:
    """The questions of a stage that attempt ``number`` (from 1) is made at."""

    rows: Stage
    number: int
    mode: Mode

    @property
    def build(self) -> Build:
        return self.rows.build

    @property
    def step(self) -> str:
        return f"{VERIFY}-{self.number}"

    def parts(self) -> list[str]:
        return self.rows.parts()

    def count(self, part: str) -> int:
        return self.rows.count(part) - sum(one.solved(part) for one in self._earlier())

    def read(self, part: str) -> pl.DataFrame:
        rows = self.rows.read(part)
        for one in self._earlier():
            is_kept = (pl.col("verdict") == "correct") & pl.col("fault").is_null()
            rows = rows.join(one.attempts(part).filter(is_kept), on="id", how="anti", maintain_order="left")
        return rows

    def _earlier(self) -> list["Round"]:
        """The rounds whose solved questions are not asked again."""
        first = 1 if self.mode == "first" else self.number
        return [Round(self.rows, number, self.mode) for number in range(first, self.number)]

    def solved(self, part: str) -> int:
        """How many questions of a judged part have an attempt that can be kept."""
        return int((self.build.marked(self.step, part) or {})["solved"])

    def attempts(self, part: str) -> pl.DataFrame:
        """The judged attempts of a part, as ATTEMPT."""
        return pl.read_parquet(self.build.store.read_bytes(self._path(part)))

    def write(self, part: str, attempts: pl.DataFrame) -> None:
        """Store the judged attempts of a part, then its mark."""
        with ParquetSink(self.build.store, self._path(part), ATTEMPT, level=PART_ZSTD_LEVEL) as sink:
            sink.write(attempts)
        verdicts = Counter[str](attempts["verdict"].to_list())
        solved = attempts.filter((pl.col("verdict") == "correct") & pl.col("fault").is_null()).height
        self.build.mark(self.step, part, {"solved": solved, "verdicts": dict(sorted(verdicts.items()))})

    def _path(self, part: str) -> str:
        return self.build.path(self.step, "attempts", f"{part}.parquet")


@task(name="verify", task_run_name="{one.step}", cache_policy=NO_CACHE)
def verify(one: Round, asked: Asked, rules: ReasoningRules) -> None:
    """Read the letter of each reply of a round, compare it with the gold answer, and judge the reasoning."""
    for part in one.parts():
        if one.build.marked(one.step, part) is None:
            rows, replies = one.read(part), completions(one.build, asked.step, part)
            one.write(part, judged(rows, replies, number=one.number, model=asked.model.model, rules=rules))


def judged(
    rows: pl.DataFrame, replies: pl.DataFrame, *, number: int, model: str, rules: ReasoningRules
) -> pl.DataFrame:
    """One line a question of EXAM_QUESTION, with its reply (COMPLETION, in the same order), as ATTEMPT."""
    made = [
        _attempt(row, reply, number=number, model=model)
        for row, reply in zip(rows.iter_rows(named=True), replies.iter_rows(named=True), strict=True)
    ]
    types: Any = {
        field.name: pl.UInt16
        if field.name == "attempt"
        else pl.UInt32
        if field.name.endswith("_tokens")
        else pl.String
        for field in ATTEMPT
        if field.name not in ("fault", "evidence")
    }
    frame = pl.DataFrame(made, schema=types)
    found = [
        part.with_columns(judgement=reasoning_judgement(str(language), rules))
        for (language,), part in frame.group_by("language", maintain_order=True)
    ]
    none = frame.with_columns(fault=pl.lit(None, pl.String), evidence=pl.lit(None, pl.String))
    if not found:
        return none.select(ATTEMPT.names)
    judgement, answered = pl.col("judgement").struct, ~pl.col("verdict").is_in(NOT_ASKED)
    return (
        pl.concat(found)
        .with_columns(
            fault=pl.when(answered).then(judgement.field("reason")),
            evidence=pl.when(answered).then(judgement.field("evidence")),
        )
        .select(ATTEMPT.names)
    )


@dataclass(frozen=True, slots=True)
class Read:
    """What a reply to a question says, and what it is worth."""

    choice: Choice
    verdict: str
    reasoning: str
    response: str


def read_reply(row: dict[str, Any], reply: dict[str, Any]) -> Read:
    """Read a completion (COMPLETION) as an answer to a question with ``options`` and the gold ``answer``."""
    choice = read_choice(reply["text"], options_of(row))
    return Read(
        choice, _verdict(row["answer"], reply, choice), *parted(reply["text"], reply["reasoning"], choice)
    )


def _attempt(row: dict[str, Any], reply: dict[str, Any], *, number: int, model: str) -> dict[str, Any]:
    read = read_reply(row, reply)
    return {
        "id": row["id"],
        "language": row["language"],
        "source": row["source"],
        "attempt": number,
        "verdict": read.verdict,
        "letter": read.choice.letter,
        "form": read.choice.how or read.choice.reason or "",
        "reasoning": read.reasoning,
        "response": read.response,
        "finish_reason": reply["finish_reason"],
        "prompt_tokens": reply["prompt_tokens"],
        "completion_tokens": reply["completion_tokens"],
        "model": model,
        "request": reply["request"],
    }


def _verdict(gold: str, reply: dict[str, Any], choice: Choice) -> str:
    fault = reply["fault"]
    if fault in (*NOT_ASKED, TRUNCATED, REFUSED):
        return str(fault)
    return judge(letter=choice.letter, reason=choice.reason, gold=gold, finish_reason=reply["finish_reason"])


def parted(text: str, reasoning: str | None, choice: Choice) -> tuple[str, str]:
    """Reasoning and response. A model that does not part them reasons in its text: the line that decides, and
    what follows it, is the response, and what stands before it the reasoning."""
    if reasoning or choice.span is None:
        return reasoning or "", text
    begin = text.rfind("\n", 0, choice.span[0] + 1) + 1
    return text[:begin].strip(), text[begin:].strip()


@task(name="settle", cache_policy=NO_CACHE)
def settle(rows: Stage, *, planned: int, mode: Mode, prompts: dict[str, str]) -> Stage:
    """Keep each question whose attempts hold one that is right and well reasoned; ``prompts`` by language."""
    after = Stage(rows.build, VERIFY, "questions", SOLVED_QUESTION, REJECTED_QUESTION)
    rounds = [Round(rows, number, mode) for number in range(1, planned + 1)]

    def sift(part: str, questions: pl.DataFrame) -> Sifted:
        attempts = pl.concat([one.attempts(part) for one in rounds])
        return settled(questions, attempts, planned=planned, mode=mode, prompts=prompts)

    return after.fill(rows, sift)


def settled(
    questions: pl.DataFrame, attempts: pl.DataFrame, *, planned: int, mode: Mode, prompts: dict[str, str]
) -> Sifted:
    """Questions with the attempt that is kept, as SOLVED_QUESTION, and those without one."""
    made = attempts.filter(~pl.col("verdict").is_in(NOT_ASKED))
    measured = made.select("attempt", "verdict", "fault", row="id", tokens="completion_tokens")
    summary = summarise_attempts(measured, planned=planned, mode=mode)
    unasked = (
        attempts.filter(pl.col("verdict").is_in(NOT_ASKED))
        .group_by(id="id")
        .agg(unasked=pl.col("verdict").first())
    )
    best = attempts.select("id", "attempt", "reasoning", "response", "model", tokens="completion_tokens")
    joined = (
        questions.join(
            summary.select(
                *("pass_rate", "attempts", "correct", "kept", "reason", "evidence"),
                pl.col("low").alias("pass_rate_low"),
                pl.col("high").alias("pass_rate_high"),
                id="row",
            ),
            on="id",
            how="left",
            maintain_order="left",
        )
        .join(unasked, on="id", how="left", maintain_order="left")
        .join(best, left_on=["id", "kept"], right_on=["id", "attempt"], how="left", maintain_order="left")
        .with_columns(
            attempt="kept",
            prompt=pl.col("language").replace_strict(prompts, return_dtype=pl.String),
        )
        .rename({"reason": "why", "evidence": "told"})
    )
    is_unfinished = pl.col("why").is_null() | (pl.col("why") == "unfinished")
    why = pl.when(is_unfinished).then(pl.coalesce("unasked", pl.lit("unfinished"))).otherwise("why")
    return split(joined, pl.when(pl.col("kept").is_null()).then(why), pl.col("told"))


def attempt_frames(rows: Stage, *, planned: int, mode: Mode, language: str) -> Iterator[pl.DataFrame]:
    """All attempts at questions of one language, part by part."""
    for part in rows.parts():
        for number in range(1, planned + 1):
            frame = Round(rows, number, mode).attempts(part)
            yield frame.filter(pl.col("language") == language)


def attempt_bytes(rows: Stage, *, planned: int) -> int:
    """Compressed bytes of all judged attempts."""
    store, build = rows.build.store, rows.build
    folders = [build.path(f"{VERIFY}-{number}", "attempts") for number in range(1, planned + 1)]
    return sum(
        int(store.fs.size(store.absolute(folder, file)) or 0)
        for folder in folders
        for file in store.files(folder)
    )
