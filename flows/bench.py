"""AnesBench: exam questions graded by cognitive level, by the votes of a model and by people."""

from typing import Any, Literal

from prefect import flow
from pydantic import Field

from anessuite.builds import Build
from anessuite.config import Config
from anessuite.llm.config import ModelConfig, SpendingCaps
from anessuite.manifests import Recipe
from anessuite.prompting import Prompt
from anessuite.reuse import same_recipe
from anessuite.sources.files import public
from anessuite.sources.questions import QuestionSource
from anessuite.storage import Store
from filters.exam_question import ExamQuestionRules, TopicRules
from filters.near_questions import QuestionRules
from tasks.engines import Engine
from tasks.follow import followed, reused
from tasks.generate import Asked, conversation, generate, prompt
from tasks.grade import grade_questions, inputs_of
from tasks.name_version import ref_of_run, run_name
from tasks.pool import Pool, drop_repeats, read_pool, write_pool
from tasks.publish_graded import publish_graded
from tasks.settle_levels import ReviewRules, await_reviews, settle_levels, with_reviews


class PromptVersions(Config):
    """Which guidelines are used, and which version: ``prompts/bench/{guidelines}.*.v<N>.md``."""

    guidelines: Literal["level", "level_short"] = Field(
        default="level", description="level_short: a few lines without examples, for models of no size"
    )
    level: int = 1


class BenchConfig(Config):
    """The recipe of AnesBench, as a YAML file states it."""

    sources: list[QuestionSource] = Field(min_length=1)
    specialty: str | None = Field(default=None, description="without it no question is off the topic")
    topic: TopicRules = TopicRules()
    questions: ExamQuestionRules = ExamQuestionRules()
    repeats: QuestionRules = QuestionRules()
    annotator: ModelConfig
    votes: int = Field(default=3, ge=1, le=15)
    prompts: PromptVersions = PromptVersions()
    examples: int | None = Field(
        default=None, ge=0, description="few-shot examples that are shown; default: all of the prompt's"
    )
    review: ReviewRules = ReviewRules()
    spending: SpendingCaps = SpendingCaps()

    def prompt(self, language: str) -> Prompt:
        """The guidelines for questions of a language."""
        found = prompt(f"bench/{self.prompts.guidelines}", language, self.prompts.level)
        return found.with_examples(self.examples)

    def ask(self, languages: list[str]) -> Asked:
        """What is asked about each question, and how often."""
        first, *others = languages
        prompts = {language: self.prompt(language) for language in others}
        return Asked(
            "vote", self.prompt(first), self.annotator, inputs_of, attempts=self.votes, others=prompts
        )

    def recipe(self, pool: Pool, prompts: list[Prompt], **run: Any) -> Recipe:
        """What decides the data; no endpoint, no key, no cap, no folder of this machine."""
        content = self.model_dump(mode="json", by_alias=True, exclude={"spending", "prompts", "review"})
        for source in content["sources"]:
            source["path"] = public(source["path"])
        content["annotator"] = self.annotator.recipe()
        texts = pool.texts | {one.path: one.sha256 for one in prompts}
        return Recipe(inputs=pool.inputs, config=content | run, texts=texts)


@flow(name="bench", flow_run_name=run_name)
def bench(
    config: BenchConfig,
    version: str = "dev",
    root: str = "./data",
    sample: int | None = None,
    workers: int = 1,
    engine: Engine = "local",
    keep_going: bool = False,
    restart: bool = False,
    reuse: bool = False,
    allow_unreviewed: bool = False,
) -> str:
    """Build ``bench@version`` below ``root``; returns its reference.

    A dated version needs the reviews that ``review`` asks for: without them the run is suspended, if it is
    one of a deployment and ``review.wait`` is set, or fails with what is missing. ``allow_unreviewed``
    releases it all the same, and the card says so.

    ``sample`` takes only the first so many questions of each source. ``keep_going`` leaves unreadable files
    out and lists them. ``restart`` throws away unfinished work of this version instead of continuing it; the
    model's replies stay in the cache. ``workers`` and ``engine`` change nothing here.
    ``reuse`` returns a finished version of the very same recipe, if there is one, and builds nothing.
    """
    store = Store(root)
    build = Build(store, ref_of_run(store, "bench", version))
    with followed(build), build.locked():
        pool = read_pool(config.sources, specialty=config.specialty, sample=sample, keep_going=keep_going)
        prompts = [config.prompt(language) for language in pool.languages]
        recipe = config.recipe(pool, prompts, sample=sample, keep_going=keep_going)
        if reuse and (same := same_recipe(build.store, build.ref, with_reviews(recipe, build))):
            return reused(same)
        build.begin(recipe, restart=restart)
        usable = write_pool(build, pool, config.questions, config.topic)
        unique = drop_repeats(usable, config.repeats)
        asked = config.ask(pool.languages)
        with conversation(build, config.spending) as talk:
            generate(talk, asked, unique)
        graded = grade_questions(unique, asked, pool.licences)
        review = settle_levels(graded, config.review)
        await_reviews(review, allow_unreviewed=allow_unreviewed)
        return publish_graded(review, recipe, pool, asked=(asked.step, unique))
