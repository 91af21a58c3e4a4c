"""Evaluation: models x benchmark -> answers -> scores, by cognitive level and language."""

from typing import Any

from prefect import flow
from pydantic import Field, field_validator, model_validator

from anessuite.builds import Build
from anessuite.config import Config
from anessuite.contests import Contestant, OpenEnded, Style
from anessuite.llm.config import SpendingCaps
from anessuite.llm.named import check_apart
from anessuite.manifests import Input, Recipe
from anessuite.reuse import same_recipe
from anessuite.sources.against import Benchmarks, sources_of
from anessuite.sources.files import find_files, public
from anessuite.sources.question_source import QuestionSource
from anessuite.storage import Store
from tasks.contests import Contests
from tasks.engines import Engine
from tasks.follow import followed, reused
from tasks.generate import conversation, generate
from tasks.judge_replies import Replies, judge_replies
from tasks.lay_out import Exemplars, choose_exemplars, lay_out
from tasks.leave_out import Failures
from tasks.name_version import ref_of_run, run_name
from tasks.pool import Pool, read_pool
from tasks.publish_evaluation import publish_evaluation
from tasks.score import gather, score


class EvaluationConfig(Config):
    """The recipe of an evaluation, as a YAML file states it."""

    bench: Benchmarks = Field(description="name@version, an MCQ file, or a YAML list of sources")
    models: list[Contestant] = Field(min_length=1)
    styles: list[Style] = Field(default=[Style()], min_length=1, description="direct, cot, or a mapping")
    samples: int = Field(default=1, ge=1, le=64, description="answers to each question; 1 at temperature 0")
    shuffles: int = Field(default=0, ge=0, le=23, description="further orders of the options that are asked")
    exemplars: QuestionSource | None = Field(
        default=None, description="few-shot examples; default: drawn from the benchmark, and not asked"
    )
    seed: int = Field(default=7, description="of exemplars, shuffles and intervals")
    open: OpenEnded | None = Field(default=None, description="ask without options too, and have it judged")
    spending: SpendingCaps = SpendingCaps()

    @field_validator("styles", mode="before")
    @classmethod
    def _by_name(cls, styles: Any) -> Any:
        """A style may be its name alone."""
        named = styles if isinstance(styles, list) else [styles]
        return [{"style": one} if isinstance(one, str) else one for one in named]

    @model_validator(mode="after")
    def _tell_apart(self) -> "EvaluationConfig":
        check_apart(self.models)
        names = [one.label for one in self.styles]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"style {twice[0]!r} is there twice")
        frozen = [one.label for one in self.models if one.temperature == 0]
        if self.samples > 1 and frozen:
            raise ValueError(f"{self.samples} samples of {frozen[0]} at temperature 0 are all alike: set one")
        return self

    @property
    def shots(self) -> int:
        """The most few-shot examples of any style."""
        return max(one.shots for one in self.styles)

    def contests(self, exemplars: Exemplars, languages: list[str]) -> Contests:
        """Who is asked, and how."""
        return Contests(
            self.models,
            self.styles,
            self.samples,
            self.open,
            exemplars,
            languages,
            self.shuffles,
            self.seed,
        )

    def recipe(self, pool: Pool, others: Pool | None, contests: Contests, **run: Any) -> Recipe:
        """What decides the answers; no endpoint, no key, no cap, no folder of this machine."""
        content = self.model_dump(mode="json", exclude={"spending", "models", "open", "bench", "exemplars"})
        content["bench"] = [public(one) for one in self.bench]
        content["models"] = [one.recipe() for one in self.models]
        content["open"] = None if self.open is None else self.open.recipe()
        content["exemplars"] = None if self.exemplars is None else public(str(self.exemplars.path))
        people = find_files(self.open.human) if self.open and self.open.human else []
        inputs = pool.inputs + (others.inputs if others else [])
        inputs += [
            Input(name="people", source=one.name, bytes=one.bytes, digest=one.digest) for one in people
        ]
        texts = {one.path: one.sha256 for one in contests.prompts}
        return Recipe(inputs=inputs, config=content | run, texts=texts)


@flow(name="evaluation", flow_run_name=run_name)
def evaluation(
    config: EvaluationConfig,
    version: str = "dev",
    root: str = "./data",
    sample: int | None = None,
    workers: int = 1,
    engine: Engine = "local",
    keep_going: bool = False,
    restart: bool = False,
    reuse: bool = False,
    name: str = "evaluation",
) -> str:
    """Build ``evaluation@version`` (or of another ``name``) below ``root``; returns its reference.

    ``sample`` asks only the first so many questions of each source and language. ``keep_going`` leaves
    out models that cannot be asked, and files that cannot be read; without it the others are asked
    first, and then the run fails and says which are missing. ``restart`` throws away unfinished work of
    this version instead of continuing it; the models' replies stay in the cache. ``workers`` and
    ``engine`` change nothing here. ``reuse`` returns a finished version of the very same recipe, if
    there is one, and builds nothing.
    """
    store = Store(root)
    build = Build(store, ref_of_run(store, name, version))
    with followed(build), build.locked():
        pool = read_pool(
            sources_of(config.bench, store), specialty=None, sample=sample, keep_going=keep_going
        )
        others = config.exemplars and read_pool(
            [config.exemplars], specialty=None, sample=None, keep_going=False
        )
        exemplars = choose_exemplars(pool, others, most=config.shots, seed=config.seed)
        contests = config.contests(exemplars, pool.languages)
        recipe = config.recipe(pool, others, contests, sample=sample, keep_going=keep_going)
        if reuse and (same := same_recipe(build.store, build.ref, recipe)):
            return reused(same)
        build.begin(recipe, restart=restart)
        questions = lay_out(build, pool, {} if others else exemplars)
        failures = Failures()
        with conversation(build, config.spending) as talk:
            for contest in contests.with_options(questions):
                with failures.of(contest.model):
                    generate(talk, contest.asked, contest.rows)
                    score(contest)
            for contest, judge in contests.open_ended(questions):
                with failures.of(contest.model):
                    generate(talk, contest.asked, contest.rows)
                    generate(talk, judge, Replies(contest))
                    judge_replies(contest, judge)
        failures.check(len(config.models), keep_going=keep_going)
        answers = gather(questions, contests.all(questions))
        return publish_evaluation(answers, recipe, pool, contests, failures.warnings)
