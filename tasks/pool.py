"""The pool: questions of all sources, checked one by one, each once, none of the benchmark.

Stages ``pool`` (rows of the sources to questions that can be used), ``repeats`` and ``decontaminate``. A part
holds questions of one language, such as ``en-00000``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.errors import ConfigError, NothingKept
from anessuite.manifests import Input, Quarantined
from anessuite.question_schemas import EXAM_QUESTION, REJECTED_QUESTION
from anessuite.schemas import empty
from anessuite.sources.against import Against
from anessuite.sources.questions import LostRow, Question, QuestionSet, QuestionSource, read_questions
from anessuite.stages import Sifted, Stage, split
from anessuite.text import content_id
from filters.contamination import ContaminationRules
from filters.exam_question import ExamQuestionRules, TopicRules, exam_question_reason, off_topic
from filters.keywords import term_statistics
from filters.lexicon import Lexicon
from filters.near_questions import QuestionRules
from filters.pool_repeats import pool_repeats
from tasks.decontaminate import STEP as DECONTAMINATE
from tasks.decontaminate import near_rows, read_benchmark, write_benchmark, write_near
from tasks.judge_questions import judge_questions
from tasks.survey import lexicon_path, read_lexicon

POOL, REPEATS = "pool", "repeats"
PART_ROWS = 500
"""Questions of a part: with 2,000 tokens an attempt, some megabytes of replies."""
LANGUAGES = ("en", "zh")
_ROW = pa.schema(
    [
        *(field.with_nullable(True) for field in EXAM_QUESTION),
        *(pa.field(name, pa.string()) for name in ("stated", "reason", "evidence")),
    ]
)
"""A row of a source: a question, or what could not be one with the reason."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What the sources hold, and the lexicons that put a question on the specialty, by language."""

    sets: list[QuestionSet]
    sources: list[QuestionSource]
    lexicons: dict[str, Lexicon]
    texts: dict[str, str]

    @property
    def inputs(self) -> list[Input]:
        """The files as a recipe names them."""
        return [
            Input(name=source.label, source=file.name, bytes=file.bytes, digest=file.digest)
            for source, found in zip(self.sources, self.sets, strict=True)
            for file in found.files
        ]

    @property
    def warnings(self) -> list[str]:
        return [
            f"{source.label}: {line}"
            for source, found in zip(self.sources, self.sets, strict=True)
            for line in found.warnings
        ]

    @property
    def quarantined(self) -> list[Quarantined]:
        """Files that could not be read and were left out."""
        return [one for found in self.sets for one in found.quarantined]

    @property
    def licences(self) -> dict[str, str]:
        """Source -> licence, "" where none is stated."""
        return {source.label: source.licence for source in self.sources}

    @property
    def languages(self) -> list[str]:
        """Those of the questions, in the order of LANGUAGES."""
        found = {question.language for one in self.sets for question in one.questions}
        return [language for language in LANGUAGES if language in found]


@task(name="read pool", cache_policy=NO_CACHE)
def read_pool(
    sources: list[QuestionSource], *, specialty: str | None, sample: int | None, keep_going: bool
) -> Pool:
    """Read all sources, in the config's order; with ``sample`` the first so many questions of each, and of
    each language where a source has both.

    Raises SourceError as `read_questions`, ConfigError for sources that cannot be told apart.
    """
    labels = [source.label for source in sources]
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise ConfigError(f"two sources are called {twice[0]!r}", "give them different names")
    sets = [_first(read_questions(source, keep_going=keep_going), sample) for source in sources]
    lexicons: dict[str, Lexicon] = {}
    texts: dict[str, str] = {}
    pool = Pool(sets, sources, lexicons, texts)
    for language in pool.languages if specialty else ():
        lexicons[language], texts[lexicon_path(str(specialty), language)] = read_lexicon(
            str(specialty), language
        )
    return pool


def _first(found: QuestionSet, sample: int | None) -> QuestionSet:
    if sample is None:
        return found
    by_language = [[one for one in found.questions if one.language == name][:sample] for name in LANGUAGES]
    return replace(found, questions=[one for those in by_language for one in those])


def _stage(build: Build, name: str, unit: str = "questions") -> Stage:
    return Stage(build, name, unit, EXAM_QUESTION, REJECTED_QUESTION)


def stages_of_pool(build: Build, *, decontaminated: bool) -> list[Stage]:
    """The stages of the pool, in order."""
    names = [POOL, REPEATS, *([DECONTAMINATE] if decontaminated else [])]
    return [_stage(build, name) for name in names]


@task(name="write pool", cache_policy=NO_CACHE)
def write_pool(build: Build, pool: Pool, rules: ExamQuestionRules, topic: TopicRules) -> Stage:
    """Check each row of the sources by itself; returns the stage of what is left.

    Raises NothingKept if no question can be used: the columns are nearly always mapped wrongly.
    """
    stage = _stage(build, POOL)
    for language in LANGUAGES:
        rows = rows_of(pool, language)
        for number, frame in enumerate(rows.iter_slices(PART_ROWS)):
            part = f"{language}-{number:05d}"
            if stage.done(part) is None:
                kept, rejected = checked(frame, language, rules, topic, pool.lexicons.get(language))
                stage.write(part, kept, stage.as_rejected(rejected), rows_in=frame.height)
    if not any(stage.count(part) for part in stage.parts()):
        dropped = stage.funnel().dropped
        raise NothingKept(f"{build.ref}: no question can be used; dropped: {dropped}", "check `columns`")
    return stage


def rows_of(pool: Pool, language: str) -> pl.DataFrame:
    """All rows of a language, source by source, as _ROW."""
    made = [
        row
        for found in pool.sets
        for row in (
            *(_asked(one) for one in found.questions if one.language == language),
            *(_lost(one) for one in found.lost if one.language == language),
        )
    ]
    columns = {field.name: [row.get(field.name) for row in made] for field in _ROW}
    frame = pl.DataFrame(pl.from_arrow(pa.table(columns, schema=_ROW)))
    place = pl.concat_str(pl.lit("row:"), "source", pl.lit(":"), "source_id")
    whole = pl.concat_str("question", pl.lit("\n"), _option_lines())
    return frame.with_columns(id=content_id(pl.coalesce(whole, place)))


def _option_lines() -> pl.Expr:
    return pl.col("options").list.eval(pl.element().struct.field("text")).list.join("\n")


def _asked(question: Question) -> dict[str, Any]:
    options = [{"letter": letter, "text": text} for letter, text in question.options.items()]
    names = ("source", "source_id", "language", "question", "answer", "subject", "stated")
    return {name: getattr(question, name) for name in names} | {"options": options}


def _lost(row: LostRow) -> dict[str, Any]:
    names = ("source", "source_id", "language", "reason", "evidence")
    return {name: getattr(row, name) for name in names} | {"subject": "", "stated": ""}


def checked(
    rows: pl.DataFrame, language: str, rules: ExamQuestionRules, topic: TopicRules, lexicon: Lexicon | None
) -> Sifted:
    """Rows of one language as _ROW, judged; without a lexicon none is off the topic."""
    reason = pl.coalesce("reason", exam_question_reason(language, rules))
    evidence = pl.coalesce("evidence", pl.struct(stated="stated").struct.json_encode())
    if lexicon is None:
        return split(rows, reason, evidence)
    rows = rows.with_columns(text=pl.concat_str("question", pl.lit("\n"), _option_lines())).with_columns(
        statistics=term_statistics(lexicon, topic.keywords)
    )
    away = off_topic(language, topic)
    found = pl.struct(subject="subject", terms=pl.col("statistics").struct.field("terms"))
    shown = pl.when(reason.is_null()).then(found.struct.json_encode()).otherwise(evidence)
    return split(rows, pl.coalesce(reason, away), shown)


@task(name="drop repeats", cache_policy=NO_CACHE)
def drop_repeats(before: Stage, rules: QuestionRules) -> Stage:
    """Keep each question once, that of the earliest source; of those that contradict each other, none."""
    parts, after = before.parts(), _stage(before.build, REPEATS)
    if all(after.done(part) is not None for part in parts):
        return after
    frame = pl.concat([empty(EXAM_QUESTION), *(before.read(part) for part in parts)])
    questions = questions_of(frame)
    found = pool_repeats(questions, rules, rank=list(range(len(questions))))
    ids = frame["id"].to_list()
    why = pl.DataFrame(
        {
            "row": [one.position for one in found],
            "why": [one.kind for one in found],
            "told": [
                _json(
                    repeats=ids[one.other],
                    source=questions[one.other].source,
                    source_id=questions[one.other].source_id,
                    answer=questions[one.other].answer,
                    stem_similarity=round(one.stem_similarity, 1),
                    options_similarity=round(one.options_similarity, 3),
                )
                for one in found
            ],
        },
        schema={"row": pl.UInt32, "why": pl.String, "told": pl.String},
    )
    starts = dict(zip(parts, _starts(before, parts), strict=True))

    def sift(part: str, rows: pl.DataFrame) -> Sifted:
        numbered = rows.with_row_index("row", offset=starts[part])
        marked = numbered.join(why, on="row", how="left", maintain_order="left")
        return split(marked, pl.col("why"), pl.col("told"))

    return after.fill(before, sift)


def _starts(stage: Stage, parts: Sequence[str]) -> Iterator[int]:
    at = 0
    for part in parts:
        yield at
        at += stage.count(part)


def _json(**content: Any) -> str:
    return orjson.dumps(content).decode()


@task(name="decontaminate questions", cache_policy=NO_CACHE)
def decontaminate_questions(before: Stage, against: Against | None, rules: ContaminationRules) -> Stage:
    """Drop questions of the benchmark, as text and as questions; without a benchmark nothing is done."""
    if against is None:
        return before
    build, after = before.build, _stage(before.build, DECONTAMINATE)
    write_benchmark(build, against, rules, screen=None)
    open_parts = [part for part in before.parts() if after.done(part) is None]
    frames = [before.read(part) for part in open_parts]
    if not open_parts:
        return after
    whole = pl.concat(frames)
    texts = whole.with_columns(text=pl.concat_str("question", pl.lit("\n"), _option_lines()))
    judged = judge_questions(questions_of(whole), against, *read_benchmark(build))
    starts = dict(zip(open_parts, _starts(before, open_parts), strict=True))

    def sift(part: str, rows: pl.DataFrame) -> Sifted:
        verdicts = [judged.dropped.get(starts[part] + row, (None, None)) for row in range(rows.height)]
        reasons, evidence = (pl.Series([one[at] for one in verdicts], dtype=pl.String) for at in (0, 1))
        return split(rows, pl.lit(reasons), pl.lit(evidence))

    write_near(build, "all", near_rows(texts, judged))
    return after.fill(before, sift)


def questions_of(frame: pl.DataFrame) -> list[Question]:
    """The rows as questions."""
    return [
        Question(
            source=row["source"],
            source_id=row["source_id"],
            language=row["language"],
            question=row["question"],
            options=options_of(row),
            answer=row["answer"],
            subject=row["subject"],
        )
        for row in frame.iter_rows(named=True)
    ]


def options_of(row: dict[str, Any]) -> dict[str, str]:
    """The options of a row, letter to text."""
    return {option["letter"]: option["text"] for option in row["options"]}


def quoted_options(row: dict[str, Any]) -> str:
    """The options as a prompt shows them, a line each."""
    return "\n".join(f"{letter}. {text}" for letter, text in options_of(row).items())
