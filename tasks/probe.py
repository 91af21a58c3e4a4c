"""Ask each model about each question: scores of its orders, and how it goes on with its beginning.

Stage ``pool`` keeps a row a question and model (PROBE), in parts of one model and language such as
``en-01-00000``. Steps ``orders-01`` and ``continue-01`` ask the first model; a failing one leaves the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.errors import NothingKept
from anessuite.leakage import shown
from anessuite.leakage_config import ProbedModel, Probing
from anessuite.leakage_continuation import cut
from anessuite.leakage_schemas import PROBE, REJECTED_PROBE
from anessuite.llm.config import ModelConfig
from anessuite.llm.logprobs import TextRequest, check_logprobs, for_scoring
from anessuite.llm.requests import Request
from anessuite.llm.transport import ModelRefused
from anessuite.option_orders import Order, orders_of
from anessuite.prompting import Prompt
from anessuite.stages import Stage, split
from anessuite.text import content_id
from filters.ordered_options import ordered_options
from tasks.generate import Conversation, generate, prompt
from tasks.leave_out import Failures
from tasks.pool import LANGUAGES, Pool, rows_of

POOL = "pool"
PART_ROWS = 100
"""Questions of a part: 2,400 scores."""


def stage_of_pool(build: Build) -> Stage:
    """The stage of questions that are tested, once a model."""
    return Stage(build, POOL, "questions", PROBE, REJECTED_PROBE)


@task(name="choose questions", cache_policy=NO_CACHE)
def choose_questions(build: Build, pool: Pool, models: Sequence[ProbedModel]) -> Stage:
    """Leave out what no order can be told of; the rest stands once for each model.

    Raises NothingKept where no question is left.
    """
    stage = stage_of_pool(build)
    for language in LANGUAGES:
        kept, rejected = testable(rows_of(pool, language))
        _write(stage, language, kept, rejected, models)
    if not any(stage.count(part) for part in stage.parts()):
        dropped = stage.funnel().dropped
        raise NothingKept(f"{build.ref}: no question can be tested; dropped: {dropped}", "check `bench`")
    return stage


def testable(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of the pool (`tasks.pool.rows_of`) that have options in an order like any other, and the rest."""
    told, shown_by = ordered_options()
    few = pl.when(pl.col("options").list.len().fill_null(0) < 2).then(pl.lit("no_options"))
    again = pl.when(~pl.col("id").is_first_distinct()).then(pl.lit("exact_duplicate"))
    reason = pl.coalesce("reason", few, again, told)
    return split(rows, reason, pl.coalesce("evidence", shown_by))


def _write(
    stage: Stage, language: str, kept: pl.DataFrame, rejected: pl.DataFrame, models: Sequence[ProbedModel]
) -> None:
    """Rejected rows are written once, with the first model's part that is the first."""
    for number, model in enumerate(models, start=1):
        slices = list(kept.iter_slices(PART_ROWS)) or [kept]
        for index, rows in enumerate(slices):
            part = f"{language}-{number:02d}-{index:05d}"
            if stage.done(part) is not None:
                continue
            counted = rows.height if number == 1 else 0
            gone = rejected if number == 1 and index == 0 else rejected.clear()
            stage.write(
                part,
                as_probes(rows, model),
                stage.as_rejected(gone.with_columns(model=pl.lit(""))),
                rows_in=counted + gone.height,
                rows_out=counted,
            )


def whole_benchmark(pool: Pool) -> pl.DataFrame:
    """All questions of the benchmark, the untested ones too: question_id, language, source, source_id,
    question. The same question stands once a source id, as evidence may name each."""
    rows = pl.concat([rows_of(pool, language) for language in LANGUAGES])
    asked = rows.filter(pl.col("question").is_not_null()).rename({"id": "question_id"})
    return asked.select("question_id", "language", "source", "source_id", "question")


def as_probes(rows: pl.DataFrame, model: ProbedModel) -> pl.DataFrame:
    """Questions as PROBE of one model."""
    named = rows.rename({"id": "question_id"}).with_columns(
        model=pl.lit(model.label), size=pl.lit(model.size, pl.Float64)
    )
    whole = pl.concat_str("question_id", pl.lit("\n"), "model")
    return named.with_columns(id=content_id(whole)).select(PROBE.names)


def options_of(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Letters and texts, in order."""
    return [(one["letter"], one["text"]) for one in row["options"]]


def all_orders(row: dict[str, Any], most: int, seed: int) -> list[Order]:
    """The orders that are compared of a question, by its ``id``."""
    return orders_of(len(row["options"]), most=most, seed=seed, name=row["id"])


@dataclass(frozen=True)
class Orders:
    """The orders of the questions of one model, as rows to score: part by part, question by question."""

    questions: Stage
    number: int
    most: int
    seed: int

    @property
    def build(self) -> Build:
        return self.questions.build

    def parts(self) -> list[str]:
        return parts_of(self.questions, self.number)

    def count(self, part: str) -> int:
        return self.read(part).height

    def read(self, part: str) -> pl.DataFrame:
        """``text`` of each order, and ``question``: its number within the part."""
        found = {"question": list[int](), "text": list[str]()}
        for at, row in enumerate(self.questions.read(part).iter_rows(named=True)):
            for order in all_orders(row | {"id": row["question_id"]}, self.most, self.seed):
                found["question"].append(at)
                found["text"].append(shown(row["question"], options_of(row), order))
        return pl.DataFrame(found, schema={"question": pl.UInt32, "text": pl.String})


@dataclass(frozen=True)
class Beginnings:
    """The beginnings of the questions of one model, a row each."""

    questions: Stage
    number: int
    first_option: bool

    @property
    def build(self) -> Build:
        return self.questions.build

    def parts(self) -> list[str]:
        return parts_of(self.questions, self.number)

    def count(self, part: str) -> int:
        return self.questions.count(part)

    def read(self, part: str) -> pl.DataFrame:
        """``text``, ``language``, and ``truth``: how the question goes on."""
        rows = self.questions.read(part).to_dicts()
        cuts = [cut(row["question"], options_of(row), first_option=self.first_option) for row in rows]
        found = {
            "text": [one.shown for one in cuts],
            "truth": [one.truth for one in cuts],
            "language": [row["language"] for row in rows],
        }
        return pl.DataFrame(found, schema=dict.fromkeys(found, pl.String))


def parts_of(stage: Stage, number: int) -> list[str]:
    """The parts of model ``number`` (from 1)."""
    return [part for part in stage.parts() if part.split("-")[1] == f"{number:02d}"]


@dataclass(frozen=True)
class Scoring:
    """Asks for the log-probability of each text."""

    step: str
    probed: ProbedModel
    attempts: int = 1

    @property
    def model(self) -> ModelConfig:
        return for_scoring(self.probed)

    def requests(self, row: dict[str, Any]) -> Iterator[Request]:
        yield TextRequest(prompt=row["text"], way=self.probed.logprobs_by)


@dataclass(frozen=True)
class Continuing:
    """Asks how each text goes on: greedily, as what was learnt by heart comes out then."""

    step: str
    probed: ProbedModel
    max_tokens: int
    prompts: dict[str, Prompt] = field(default_factory=dict)
    """By language, where it is asked as a chat."""
    attempts: int = 1

    @property
    def model(self) -> ModelConfig:
        fixed = {"temperature": 0.0, "top_p": None, "seed": None, "max_tokens": self.max_tokens}
        return self.probed.model_copy(update=fixed)

    def requests(self, row: dict[str, Any]) -> Iterator[Request]:
        if self.probed.ask == "completions":
            yield TextRequest(prompt=row["text"])
        else:
            yield self.prompts[row["language"]].request(beginning=row["text"])


def prompts_of(probing: Probing) -> dict[str, Prompt]:
    """The prompts that are needed, by language; none where all models go on with plain text."""
    asks = "continuation" in probing.tests and any(one.ask == "chat" for one in probing.models)
    return {language: prompt("leakage/continue", language) for language in LANGUAGES} if asks else {}


def step_of(test: str, number: int) -> str:
    """The step that makes a test with model ``number``."""
    return f"{'orders' if test == 'order' else 'continue'}-{number:02d}"


@task(name="check endpoints", cache_policy=NO_CACHE)
def check_endpoints(stage: Stage, probing: Probing) -> None:
    """Raise NoLogprobs, before anything is spent, where a model that has work left cannot be scored."""
    for number, model in enumerate(probing.models, start=1) if "order" in probing.tests else ():
        step = step_of("order", number)
        if any(stage.build.marked(step, part) is None for part in parts_of(stage, number)):
            check_logprobs(model, way=model.logprobs_by)
    for model in probing.models if "continuation" in probing.tests else ():
        if model.ask == "completions" and model.endpoints[0].startswith("replay:"):
            raise ModelRefused(f"{model.label}: recorded replies are of chats", "set `ask: chat`")


def probe_models(talk: Conversation, stage: Stage, probing: Probing, *, keep_going: bool) -> dict[str, str]:
    """Make all tests with all models; returns those that failed, with the reason. Raises as `Failures`."""
    failures, prompts = Failures(), prompts_of(probing)
    for number, model in enumerate(probing.models, start=1):
        with failures.of(model.label):
            _probe(talk, stage, probing, number, prompts)
    failures.check(len(probing.models), keep_going=keep_going)
    return failures.by_model


def _probe(
    talk: Conversation, stage: Stage, probing: Probing, number: int, prompts: dict[str, Prompt]
) -> None:
    model = probing.models[number - 1]
    if "order" in probing.tests:
        rows = Orders(stage, number, probing.orders, probing.seed)
        generate(talk, Scoring(step_of("order", number), model), rows)
    if "continuation" in probing.tests:
        rules = probing.continuation
        asks = Continuing(step_of("continuation", number), model, rules.max_tokens, prompts)
        generate(talk, asks, Beginnings(stage, number, rules.first_option))
