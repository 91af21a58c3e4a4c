"""Turn the replies of the models into questions, verdicts and answers, and sift them by rules.

Stages of AnesQA after the abstracts: ``questions`` (replies to candidates), ``rules``, ``judge``, ``answer``,
``repeats``, ``decontaminate``. Each writes part by part; a part that is done is not done again.
"""

from typing import Any

import orjson
import polars as pl
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.prompting import Prompt
from anessuite.schemas import CANDIDATE, REJECTED_PAIR, empty
from anessuite.sources.against import Against
from anessuite.stages import Sifted, Stage, split
from anessuite.text import content_id
from filters.contamination import ContaminationRules
from filters.grounding import GroundingRules, grounding
from filters.question import QuestionRules, question_reason
from filters.repeated_questions import RepeatRules, repeated
from tasks.decontaminate import STEP as DECONTAMINATE
from tasks.decontaminate import judge as judge_texts
from tasks.decontaminate import near_rows, read_benchmark, write_benchmark, write_near
from tasks.generate import Asked, completions
from tasks.select import selected, updated

QUESTIONS, RULES, JUDGE, ANSWER, REPEATS = "questions", "rules", "judge", "answer", "repeats"
NOT_PARSEABLE = "not_parseable"
_SHOWN_CHARS = 600


def _stage(build: Build, name: str, unit: str = "questions") -> Stage:
    return Stage(build, name, unit, CANDIDATE, REJECTED_PAIR)


def _replies(before: Stage, asked: Asked, part: str) -> list[tuple[Any, str | None, str]]:
    """For each row of a part: the value in the reply, or why there is none and what was said instead."""
    found = []
    for row in completions(before.build, asked.step, part).iter_rows(named=True):
        value = asked.prompt.read(row["text"]) if row["fault"] is None else None
        reason = row["fault"] or (NOT_PARSEABLE if value is None else None)
        found.append((value, reason, _shown({"reply": row["text"], "detail": row["detail"]})))
    return found


def _shown(said: dict[str, Any]) -> str:
    cut = {name: value[:_SHOWN_CHARS] if isinstance(value, str) else value for name, value in said.items()}
    return orjson.dumps({name: value for name, value in cut.items() if value != ""}).decode()


@task(name="sift questions", cache_policy=NO_CACHE)
def sift_questions(abstracts: Stage, asked: Asked, rules: QuestionRules, *, count: int) -> Stage:
    """From the generator's replies to candidates, then the rules; returns the stage of the rules."""
    build, language = abstracts.build, asked.prompt.language
    written = _stage(build, QUESTIONS, "abstracts")
    for part in abstracts.parts():
        if written.done(part) is None:
            rows = abstracts.read(part)
            kept, rejected = candidates(rows, _replies(abstracts, asked, part), language)
            living = rows.height - rejected.height
            written.write(part, kept, written.as_rejected(rejected), rows_in=rows.height, rows_out=living)

    def sift(_: str, rows: pl.DataFrame) -> Sifted:
        number = pl.col("source_id").str.extract(r"#(\d+)$").cast(pl.Int64)
        early = pl.coalesce(
            pl.when(number >= count).then(pl.lit("beyond_count")),
            pl.when(~pl.col("id").is_first_distinct()).then(pl.lit("exact_duplicate_question")),
        )
        return split(rows, pl.coalesce(early, question_reason(language, rules)))

    return _stage(build, RULES).fill(written, sift)


def candidates(abstracts: pl.DataFrame, replies: list[tuple[Any, str | None, str]], language: str) -> Sifted:
    """One row a question; an abstract whose reply gives none is rejected."""
    questions = [
        [" ".join(str(question).split()) for question in value["questions"]] if reason is None else []
        for value, reason, _ in replies
    ]
    reasons = [
        reason or (None if asked else "no_questions")
        for (_, reason, _), asked in zip(replies, questions, strict=True)
    ]
    frame = abstracts.with_columns(
        question=pl.Series(questions, dtype=pl.List(pl.String)),
        reason=pl.Series(reasons, dtype=pl.String),
        evidence=pl.Series([said for _, _, said in replies], dtype=pl.String),
        language=pl.lit(language),
    )
    none = pl.lit(None, dtype=pl.String)
    rejected = frame.filter(pl.col("reason").is_not_null()).with_columns(
        id=content_id(pl.concat_str(pl.lit("abstract:"), "pmid")), question=none, answer=none
    )
    kept = (
        frame.filter(pl.col("reason").is_null())
        .with_columns(number=pl.int_ranges(pl.col("question").list.len()))
        .explode("question", "number")
        .with_columns(
            id=content_id(pl.concat_str("pmid", pl.lit(": "), "question")),
            source_id=pl.format("{}#{}", "pmid", "number"),
            verdict=none,
            answer=none,
            grounding_score=pl.lit(None, dtype=pl.Float32),
        )
    )
    return kept.select(CANDIDATE.names), rejected


@task(name="sift verdicts", cache_policy=NO_CACHE)
def sift_verdicts(before: Stage, asked: Asked) -> Stage:
    """Drop what the filter model does not find relevant, answerable and unambiguous."""

    def sift(part: str, rows: pl.DataFrame) -> Sifted:
        replies = _replies(before, asked, part)
        reasons = [reason or verdict_reason(value) for value, reason, _ in replies]
        shown = [said if value is None else _shown(value) for value, _, said in replies]
        verdicts = ["" if value is None else value["reason"] for value, _, _ in replies]
        judged = rows.with_columns(verdict=pl.Series(verdicts, dtype=pl.String))
        return split(judged, _column(reasons), _column(shown))

    return _stage(before.build, JUDGE).fill(before, sift)


def verdict_reason(verdict: dict[str, Any]) -> str | None:
    """The first of the three questions that the filter model answers with no."""
    for name, reason in (
        ("relevant", "not_relevant"),
        ("answerable", "not_answerable"),
        ("unambiguous", "ambiguous"),
    ):
        if not verdict[name]:
            return reason
    return None


def _column(values: list[str | None] | list[str]) -> pl.Expr:
    return pl.lit(pl.Series(values, dtype=pl.String))


@task(name="sift answers", cache_policy=NO_CACHE)
def sift_answers(before: Stage, asked: Asked, rules: GroundingRules) -> Stage:
    """Take the filter model's answers, and drop those that the abstract does not bear out."""
    language = asked.prompt.language

    def sift(part: str, rows: pl.DataFrame) -> Sifted:
        replies = _replies(before, asked, part)
        answers = [None if value is None else " ".join(value["answer"].split()) for value, _, _ in replies]
        faults = _column([reason for _, reason, _ in replies])
        answered = rows.with_columns(
            answer=pl.Series(answers, dtype=pl.String),
            said=_column([said for _, _, said in replies]),
        ).with_columns(grounding=grounding(language, rules))
        measured = pl.col("grounding").struct
        answered = answered.with_columns(grounding_score=measured.field("score").cast(pl.Float32))
        kept, rejected = split(
            answered,
            pl.coalesce(faults, measured.field("reason")),
            pl.when(pl.col("answer").is_null()).then("said").otherwise(measured.field("evidence")),
        )
        return kept.drop("said", "grounding"), rejected

    return _stage(before.build, ANSWER).fill(before, sift)


@task(name="drop repeats", cache_policy=NO_CACHE)
def drop_repeats(before: Stage, rules: RepeatRules) -> Stage:
    """Drop questions that repeat another one; the best grounded one stays."""
    parts = before.parts()
    after = _stage(before.build, REPEATS)
    if all(after.done(part) is not None for part in parts):
        return after
    pairs = pl.concat([empty(CANDIDATE), *(before.read(part) for part in parts)])
    found = repeated(pairs.select("id", "question", "answer", rank="grounding_score"), rules)
    found = found.unique("id", keep="first", maintain_order=True)

    def sift(_: str, rows: pl.DataFrame) -> Sifted:
        marked = rows.join(found, on="id", how="left", maintain_order="left").rename({"reason": "why"})
        return split(marked, pl.col("why"), pl.struct("repeats", "similarity").struct.json_encode())

    return after.fill(before, sift)


@task(name="decontaminate pairs", cache_policy=NO_CACHE)
def decontaminate_pairs(before: Stage, against: Against | None, rules: ContaminationRules) -> Stage:
    """Drop pairs that give a question of the benchmark away; without a benchmark nothing is done."""
    if against is None:
        return before
    write_benchmark(before.build, against, rules, screen=None)
    after = _stage(before.build, DECONTAMINATE)
    for part in before.parts():
        if after.done(part) is None:
            _decontaminate_part(before, after, part)
    return after


def _decontaminate_part(before: Stage, after: Stage, part: str) -> None:
    rows = before.read(part).with_columns(text=pl.concat_str("question", "answer", separator="\n"))
    benchmark, screen = read_benchmark(before.build)
    texts = rows["text"].to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.large_string())
    judged = judge_texts(texts, benchmark, screen)
    verdicts = [judged.dropped.get(row, (None, None)) for row in range(rows.height)]
    kept, rejected = split(
        rows,
        _column([reason for reason, _ in verdicts]),
        _column([evidence for _, evidence in verdicts]),
    )
    write_near(before.build, part, near_rows(rows, judged))
    after.write(part, kept, after.as_rejected(rejected), rows_in=rows.height, counts=dict(judged.counts))


def inputs_of(row: dict[str, Any], prompt: Prompt) -> dict[str, str | int]:
    """A row as a prompt takes it: the columns that are named as its inputs are."""
    return {name: row[name] for name in prompt.inputs if name in row}


def stages_to(last: Stage) -> list[Stage]:
    """All stages of the build of pairs that ends with ``last``, in order."""
    build = last.build
    named = [_stage(build, QUESTIONS, "abstracts")]
    named += [_stage(build, name) for name in (RULES, JUDGE, ANSWER, REPEATS, DECONTAMINATE)]
    names = [stage.name for stage in named]
    return [selected(build), updated(build), *named[: names.index(last.name) + 1]]
