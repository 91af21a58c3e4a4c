"""Morpheus: our versions + a base model -> stages of training -> models, examined before and after each."""

from pathlib import Path
from typing import Any, Literal

from prefect import flow
from pydantic import Field, field_validator, model_validator

from anessuite.builds import Build
from anessuite.config import Config
from anessuite.errors import ConfigError
from anessuite.manifests import Input, Recipe
from anessuite.reuse import free_version
from anessuite.sources.files import find_files, public
from anessuite.stages import Stage
from anessuite.storage import MANIFEST, Store
from anessuite.training.base import NamedBase, inputs
from anessuite.training.chains import Chain, check_chains, label, prefixes
from anessuite.training.examination import Examination
from anessuite.training.jobs import Job
from anessuite.training.launch import Launch
from anessuite.training.models import Trained
from anessuite.training.recipes import StageRecipe, TrainingSource, TrainingStage
from anessuite.training.tokens import Tokens
from flows.evaluation import EvaluationConfig, evaluation
from tasks.engines import Engine
from tasks.fetch_base import fetch_base, working_folder
from tasks.follow import followed
from tasks.lay_out_examples import HeldOut, lay_out_examples
from tasks.name_version import ref_of_run, run_name
from tasks.plan_training import Plan, plan_training
from tasks.publish_trained import publish_trained
from tasks.train import job_of, train


class MorpheusConfig(Config):
    """The recipe of a training, as a YAML file states it."""

    base: NamedBase
    stages: dict[str, StageRecipe] = Field(min_length=1, description="name -> pretraining, sft or grpo")
    runs: list[list[str]] = Field(
        default_factory=list, description="chains of stages, such as [[sft, grpo], [sft_qa]]; default: all"
    )
    held_out: float = Field(
        default=0.05, ge=0, lt=0.5, description="share of rows that neither sft nor grpo trains on"
    )
    seed: int = 7
    examination: Examination | None = None
    keep: Literal["ends", "all"] = Field(default="ends", description="models in the version: of each run")
    launch: Launch = Launch()

    @field_validator("runs", mode="before")
    @classmethod
    def _one_run(cls, runs: Any) -> Any:
        return [runs] if isinstance(runs, list) and runs and isinstance(runs[0], str) else runs

    @model_validator(mode="after")
    def _known(self) -> "MorpheusConfig":
        check_chains(self.runs, self.stages)
        return self

    @property
    def chains(self) -> list[tuple[str, ...]]:
        """The runs; one of all stages in their order where none is named."""
        return [tuple(run) for run in self.runs] or [tuple(self.stages)]

    @property
    def used(self) -> dict[str, TrainingStage]:
        """The stages that a run takes."""
        return {name: one for name, one in self.stages.items() if any(name in run for run in self.chains)}

    def recipe(self, base: Path, store: Store, **run: Any) -> Recipe:
        """What decides the models; no folder of this machine, and not where it runs."""
        content = self.model_dump(mode="json", exclude={"launch": True, "examination": {"concurrency"}})
        content["base"]["path"] = public(self.base.path)
        for name, one in self.used.items():
            content["stages"][name]["data"] = [public(source.path) for source in one.data]
        found = {source.path: source for one in self.used.values() for source in one.data}
        data = [one for source in found.values() for one in _inputs(source, store)]
        return Recipe(inputs=[*inputs(base, self.base), *data], config=content | run, texts={})

    def job(self, order: Stage, chain: Chain, model: Trained, work: Path, plan: Plan) -> Job:
        """What trains the last stage of a chain on top of the model before."""
        stage = self.stages[chain[-1]]
        steps = plan[chain[-1]].steps
        return job_of(order, chain, stage, self.base, model=model, work=work, steps=steps, seed=self.seed)

    def evaluations(self, models: list[Trained]) -> dict[str, dict[str, Any]]:
        """Configs of the evaluations, by name; none where there is no examination."""
        told = self.examination
        benchmarks = {} if told is None else told.benchmarks()
        return {
            name: told.evaluation(bench, models, seed=self.seed) for name, bench in benchmarks.items() if told
        }

    def kept(self, models: dict[Chain, Trained]) -> list[tuple[Trained, bool]]:
        """The trained models, and whether the version holds each."""
        return [(one, self.keep == "all" or chain in self.chains) for chain, one in models.items() if chain]

    def check(self, build: Build) -> None:
        """Raise ConfigError where a dated version would come from dev, or from a benchmark."""
        for one in self.used.values():
            for source in one.data:
                if source.ref and source.ref.is_dev and not build.ref.is_dev:
                    raise ConfigError(
                        f"{build.ref} cannot be trained on {source.ref}: dev is no input of a dated version",
                        "build a dated version of it, or train dev",
                    )


def _inputs(source: TrainingSource, store: Store) -> list[Input]:
    """A version by the digest of its manifest, files by their own. Raises VersionNotFound, SourceError."""
    if source.ref is not None:
        store.manifest(source.ref)
        digest, size = store.sha256(f"{store.folder(source.ref)}/{MANIFEST}")
        return [Input(name=source.label, source=MANIFEST, bytes=size, digest=f"sha256:{digest}")]
    files = find_files(source.path)
    return [Input(name=source.label, source=one.name, bytes=one.bytes, digest=one.digest) for one in files]


@flow(name="morpheus", flow_run_name=run_name)
def morpheus(
    config: MorpheusConfig,
    version: str = "dev",
    root: str = "./data",
    sample: int | None = None,
    workers: int = 1,
    engine: Engine = "local",
    keep_going: bool = False,
    restart: bool = False,
) -> str:
    """Build ``morpheus@version`` below ``root``; returns its reference.

    ``sample`` takes only the first so many rows of each source, and so many questions of each benchmark. A
    run that stops is continued by the same call, from the newest checkpoint. ``restart`` throws unfinished
    work away. ``workers``, ``engine`` and ``keep_going`` change nothing: `launch` says where training runs.
    """
    store = Store(root)
    build = Build(store, ref_of_run(store, "morpheus", version))
    with followed(build), build.locked():
        config.check(build)
        work = working_folder(build)
        base = fetch_base(config.base, work)
        recipe = config.recipe(base, store, sample=sample)
        build.begin(recipe, restart=restart)
        tokens = Tokens(base, trust_remote_code=config.base.trust_remote_code)
        held_out = HeldOut(config.held_out, config.seed)
        order = lay_out_examples(build, config.used, tokens, held_out, sample=sample)
        plan = plan_training(order, config.used)
        models: dict[Chain, Trained] = {(): Trained.untrained(base)}
        for chain in prefixes(config.chains):
            job = config.job(order, chain, models[chain[:-1]], work, plan)
            models[chain] = train(build, label(chain), job, config.launch)
        examined = {
            name: evaluation(
                config=EvaluationConfig.model_validate(told),
                name=f"morpheus-{name}",
                version=free_version(store, f"morpheus-{name}", build.ref.version).version,
                root=root,
                sample=sample,
                restart=restart,
                reuse=not build.ref.is_dev,
            )
            for name, told in config.evaluations([*models.values()]).items()
        }
        return publish_trained(build, recipe, order, plan, config.kept(models), examined, work)
