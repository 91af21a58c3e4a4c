"""Leakage: which models have seen the benchmark, and which of our own versions overlap it."""

from typing import Any

from prefect import flow
from pydantic import Field

from anessuite.builds import Build
from anessuite.leakage_config import Probing
from anessuite.llm.config import SpendingCaps
from anessuite.manifests import Input, Recipe
from anessuite.prompting import Prompt
from anessuite.reuse import same_recipe
from anessuite.sources.against import Against, Benchmarks, sources_of
from anessuite.sources.files import public
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from filters.contamination import ContaminationRules
from tasks.engines import Engine
from tasks.find_overlap import find_overlap, inputs_of
from tasks.follow import followed, reused
from tasks.generate import conversation
from tasks.judge_probes import forest_version, judge_probes
from tasks.name_version import ref_of_run, run_name
from tasks.pool import Pool, read_pool
from tasks.probe import check_endpoints, choose_questions, probe_models, prompts_of, whole_benchmark
from tasks.publish_leakage import publish_leakage


class LeakageConfig(Probing):
    """The recipe of a leakage analysis, as a YAML file states it."""

    bench: Benchmarks = Field(description="name@version, an MCQ file, or a YAML list of sources")
    data: list[str] = Field(default=[], description="our own versions to look through: corpus@..., qa@...")
    contamination: ContaminationRules = Field(
        default=ContaminationRules(), description="rules for the look at what is left in them"
    )
    spending: SpendingCaps = SpendingCaps()

    @property
    def refs(self) -> list[DatasetRef]:
        """The versions of `data`. Raises ConfigError for what names none."""
        return [DatasetRef.parse(one) for one in self.data]

    def recipe(self, pool: Pool, data: list[Input], prompts: list[Prompt], **run: Any) -> Recipe:
        """What decides the results; no endpoint, no key, no cap, no folder of this machine."""
        content = self.model_dump(mode="json", exclude={"spending", "models", "bench"})
        content["bench"] = [public(one) for one in self.bench]
        content["models"] = [one.recipe() for one in self.models]
        content["against"] = content["bench"]
        content["scikit-learn"] = forest_version()
        texts = {one.path: one.sha256 for one in prompts}
        return Recipe(inputs=pool.inputs + data, config=content | run, texts=texts)


@flow(name="leakage", flow_run_name=run_name)
def leakage(
    config: LeakageConfig,
    version: str = "dev",
    root: str = "./data",
    sample: int | None = None,
    workers: int = 1,
    engine: Engine = "local",
    keep_going: bool = False,
    restart: bool = False,
    reuse: bool = False,
) -> str:
    """Build ``leakage@version`` below ``root``; returns its reference.

    ``sample`` tests only the first so many questions of each source. ``keep_going`` leaves out models that
    cannot be asked, and files that cannot be read; without it the others are asked first, and then the run
    fails and says which are missing. ``restart`` throws away unfinished work of this version instead of
    continuing it; the models' replies stay in the cache. ``workers`` and ``engine`` change nothing here.
    ``reuse`` returns a finished version of the very same recipe, if there is one, and builds nothing.
    """
    store = Store(root)
    build = Build(store, ref_of_run(store, "leakage", version))
    with followed(build), build.locked():
        sources = sources_of(config.bench, store)
        pool = read_pool(sources, specialty=None, sample=sample, keep_going=keep_going)
        data = inputs_of(store, config.refs, dated=not build.ref.is_dev)
        prompts = [*prompts_of(config).values()]
        recipe = config.recipe(pool, data, prompts, sample=sample, keep_going=keep_going)
        if reuse and (same := same_recipe(build.store, build.ref, recipe)):
            return reused(same)
        build.begin(recipe, restart=restart)
        questions = choose_questions(build, pool, config.models)
        check_endpoints(questions, config)
        against = Against(
            [one for found in pool.sets for one in found.questions],
            {source.label: found for source, found in zip(pool.sources, pool.sets, strict=True)},
        )
        benchmark = whole_benchmark(pool)
        overlap = find_overlap(build, config.refs, benchmark, against, config.contamination)
        with conversation(build, config.spending) as talk:
            failed = probe_models(talk, questions, config, keep_going=keep_going)
        judged = judge_probes(questions, config, failed)
        return publish_leakage((questions, judged), recipe, pool, config, overlap, failed)
