"""AnesQA: question-answer pairs from PubMed abstracts; one model writes, another filters and answers."""

from typing import Any, Literal

from prefect import flow
from pydantic import Field

from anessuite.builds import Build
from anessuite.config import Config
from anessuite.llm.config import ModelConfig, SpendingCaps
from anessuite.manifests import Recipe
from anessuite.prompting import Prompt
from anessuite.reuse import same_recipe
from anessuite.sources.against import Against, read_against
from anessuite.sources.citations import CitationSource
from anessuite.sources.files import public
from anessuite.storage import Store
from filters.citation import CitationRules
from filters.contamination import ContaminationRules
from filters.grounding import GroundingRules
from filters.question import QuestionRules
from filters.repeated_questions import RepeatRules
from tasks.engines import Engine
from tasks.find_citations import Found, find_citations, write_selection
from tasks.follow import followed, reused
from tasks.generate import Asked, conversation, generate, prompt
from tasks.name_version import ref_of_run, run_name
from tasks.publish_pairs import publish_pairs
from tasks.select import select
from tasks.sift import (
    decontaminate_pairs,
    drop_repeats,
    inputs_of,
    sift_answers,
    sift_questions,
    sift_verdicts,
)


class PromptVersions(Config):
    """Which version of each prompt is used: the N of ``prompts/qa/*.v<N>.md``."""

    questions: int = 1
    judge: int = 1
    answer: int = 1


class QaConfig(Config):
    """The recipe of AnesQA, as a YAML file states it."""

    sources: list[CitationSource] = Field(min_length=1)
    specialty: str = "anesthesiology"
    language: Literal["en", "zh"] = Field(default="en", description="of questions and answers")
    citations: CitationRules = CitationRules()
    questions_per_abstract: int = Field(default=3, ge=1, le=10)
    generator: ModelConfig
    filter: ModelConfig
    prompts: PromptVersions = PromptVersions()
    questions: QuestionRules = QuestionRules()
    grounding: GroundingRules = GroundingRules()
    repeats: RepeatRules = RepeatRules()
    against: str | list[str] | None = Field(
        default=None,
        description="benchmark to decontaminate against: an MCQ file, name@version, or a YAML list",
    )
    contamination: ContaminationRules = ContaminationRules()
    spending: SpendingCaps = SpendingCaps()

    @property
    def benchmarks(self) -> list[str]:
        """What to decontaminate against, in order; none is an empty list."""
        return [self.against] if isinstance(self.against, str) else self.against or []

    def ask(self, step: Literal["questions", "judge", "answer"]) -> Asked:
        """What is asked in one step: prompt, model, and how a row fills the prompt."""
        found: Prompt = prompt(f"qa/{step}", self.language, getattr(self.prompts, step))
        model = self.generator if step == "questions" else self.filter
        count = {"count": self.questions_per_abstract} if step == "questions" else {}
        return Asked(f"generate-{step}", found, model, lambda row: inputs_of(row, found) | count)

    def recipe(self, found: Found, against: Against | None, asked: list[Asked], **run: Any) -> Recipe:
        """What decides the data; no endpoint, no key, no cap, no folder of this machine."""
        content = self.model_dump(mode="json", by_alias=True, exclude={"spending", "prompts"})
        for source in content["sources"]:
            source["path"] = source["path"] and public(source["path"])
        content |= {"generator": self.generator.recipe(), "filter": self.filter.recipe()}
        content["against"] = [public(one) for one in self.benchmarks]
        prompts = {one.prompt.path: one.prompt.sha256 for one in asked}
        inputs = found.inputs + (against.inputs if against else [])
        return Recipe(inputs=inputs, config=content | run, texts=found.texts | prompts)


@flow(name="qa", flow_run_name=run_name)
def qa(
    config: QaConfig,
    version: str = "dev",
    root: str = "./data",
    sample: int | None = None,
    workers: int = 1,
    engine: Engine = "local",
    keep_going: bool = False,
    restart: bool = False,
    reuse: bool = False,
) -> str:
    """Build ``qa@version`` below ``root``; returns its reference.

    ``sample`` reads only the first so many citations of each source. ``keep_going`` leaves unreadable files
    out and lists them. ``restart`` throws away unfinished work of this version instead of continuing it; the
    models' replies stay in the cache.
    ``reuse`` returns a finished version of the very same recipe, if there is one, and builds nothing.
    """
    store = Store(root)
    build = Build(store, ref_of_run(store, "qa", version))
    questions, judge, answer = config.ask("questions"), config.ask("judge"), config.ask("answer")
    with followed(build), build.locked():
        against = read_against(*config.benchmarks, store=build.store) if config.benchmarks else None
        found = find_citations(config.sources, build.store, specialty=config.specialty, sample=sample)
        asked = [questions, judge, answer]
        recipe = config.recipe(found, against, asked, sample=sample, keep_going=keep_going)
        if reuse and (same := same_recipe(build.store, build.ref, recipe)):
            return reused(same)
        build.begin(recipe, restart=restart)
        write_selection(build, found, config.citations, keep_going=keep_going)
        abstracts = select(build, workers=workers, engine=engine)
        with conversation(build, config.spending) as talk:
            generate(talk, questions, abstracts)
            count = config.questions_per_abstract
            candidates = sift_questions(abstracts, questions, config.questions, count=count)
            generate(talk, judge, candidates)
            good = sift_verdicts(candidates, judge)
            generate(talk, answer, good)
            answered = sift_answers(good, answer, config.grounding)
        unique = drop_repeats(answered, config.repeats)
        clean = decontaminate_pairs(unique, against, config.contamination)
        return publish_pairs(clean, recipe, config.sources, asked=asked, against=against)
