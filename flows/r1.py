"""AnesR1: exam questions with verified reasoning, kept by rejection sampling (all attempts wrong: out)."""

from typing import Any

from prefect import flow
from pydantic import Field

from anessuite.builds import Build
from anessuite.config import Config
from anessuite.llm.config import ModelConfig, SpendingCaps
from anessuite.manifests import Recipe
from anessuite.prompting import Prompt
from anessuite.reuse import same_recipe
from anessuite.sampling import Mode
from anessuite.sources.against import Against, read_against
from anessuite.sources.files import public
from anessuite.sources.questions import QuestionSource
from anessuite.storage import Store
from filters.contamination import ContaminationRules
from filters.exam_question import ExamQuestionRules, TopicRules
from filters.near_questions import QuestionRules
from filters.reasoning import ReasoningRules
from tasks.engines import Engine
from tasks.follow import followed, reused
from tasks.generate import Asked, conversation, generate, prompt
from tasks.name_version import ref_of_run, run_name
from tasks.pool import Pool, decontaminate_questions, drop_repeats, quoted_options, read_pool, write_pool
from tasks.publish_solved import publish_solved
from tasks.verify import Round, settle, verify


class PromptVersions(Config):
    """Which version of the prompt is used: the N of ``prompts/r1/solve.*.v<N>.md``."""

    solve: int = 1


class R1Config(Config):
    """The recipe of AnesR1, as a YAML file states it."""

    pool: list[QuestionSource] = Field(min_length=1)
    specialty: str | None = Field(default=None, description="without it no question is off the topic")
    topic: TopicRules = TopicRules()
    questions: ExamQuestionRules = ExamQuestionRules()
    repeats: QuestionRules = QuestionRules()
    against: str | list[str] | None = Field(
        default=None,
        description="benchmark to decontaminate against: an MCQ file, name@version, or a YAML list",
    )
    contamination: ContaminationRules = ContaminationRules()
    reasoner: ModelConfig
    prompts: PromptVersions = PromptVersions()
    attempts: int = Field(default=3, ge=1, le=64)
    mode: Mode = Field(
        default="first", description="first: stop at the first attempt that is kept; all: never"
    )
    reasoning: ReasoningRules = ReasoningRules()
    spending: SpendingCaps = SpendingCaps()

    @property
    def benchmarks(self) -> list[str]:
        """What to decontaminate against, in order; none is an empty list."""
        return [self.against] if isinstance(self.against, str) else self.against or []

    def prompt(self, language: str) -> Prompt:
        """The prompt for questions of a language."""
        return prompt("r1/solve", language, self.prompts.solve)

    def ask(self, number: int, languages: list[str]) -> Asked:
        """What attempt ``number`` (from 1) asks."""
        first, *others = languages
        return Asked(
            f"attempt-{number}",
            self.prompt(first),
            self.reasoner,
            lambda row: {"question": row["question"], "options": quoted_options(row)},
            first=number - 1,
            others={language: self.prompt(language) for language in others},
        )

    def recipe(self, pool: Pool, against: Against | None, prompts: list[Prompt], **run: Any) -> Recipe:
        """What decides the data; no endpoint, no key, no cap, no folder of this machine."""
        content = self.model_dump(mode="json", by_alias=True, exclude={"spending", "prompts"})
        for source in content["pool"]:
            source["path"] = public(source["path"])
        content["reasoner"] = self.reasoner.recipe()
        content["against"] = [public(one) for one in self.benchmarks]
        inputs = pool.inputs + (against.inputs if against else [])
        texts = pool.texts | {one.path: one.sha256 for one in prompts}
        return Recipe(inputs=inputs, config=content | run, texts=texts)


@flow(name="r1", flow_run_name=run_name)
def r1(
    config: R1Config,
    version: str = "dev",
    root: str = "./data",
    sample: int | None = None,
    workers: int = 1,
    engine: Engine = "local",
    keep_going: bool = False,
    restart: bool = False,
    reuse: bool = False,
) -> str:
    """Build ``r1@version`` below ``root``; returns its reference.

    ``sample`` takes only the first so many questions of each source. ``keep_going`` leaves unreadable files
    out and lists them. ``restart`` throws away unfinished work of this version instead of continuing it; the
    model's replies stay in the cache. ``workers`` and ``engine`` change nothing here: the model does the
    work.
    ``reuse`` returns a finished version of the very same recipe, if there is one, and builds nothing.
    """
    store = Store(root)
    build = Build(store, ref_of_run(store, "r1", version))
    with followed(build), build.locked():
        against = read_against(*config.benchmarks, store=build.store) if config.benchmarks else None
        pool = read_pool(config.pool, specialty=config.specialty, sample=sample, keep_going=keep_going)
        prompts = {language: config.prompt(language) for language in pool.languages}
        recipe = config.recipe(pool, against, [*prompts.values()], sample=sample, keep_going=keep_going)
        if reuse and (same := same_recipe(build.store, build.ref, recipe)):
            return reused(same)
        build.begin(recipe, restart=restart)
        usable = write_pool(build, pool, config.questions, config.topic)
        unique = drop_repeats(usable, config.repeats)
        clean = decontaminate_questions(unique, against, config.contamination)
        with conversation(build, config.spending) as talk:
            for number in range(1, config.attempts + 1):
                attempt, asked = Round(clean, number, config.mode), config.ask(number, pool.languages)
                generate(talk, asked, attempt)
                verify(attempt, asked, config.reasoning)
        labels = {language: one.label for language, one in prompts.items()}
        solved = settle(clean, planned=config.attempts, mode=config.mode, prompts=labels)
        return publish_solved(solved, recipe, pool, against, attempts=config.attempts, mode=config.mode)
