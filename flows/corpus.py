"""AnesCorpus: documents for continued pre-training, from web corpora by a two-stage keyword filter."""

from typing import Any

from prefect import flow
from pydantic import Field

from anessuite.builds import Build
from anessuite.config import Config
from anessuite.manifests import Recipe
from anessuite.reuse import same_recipe
from anessuite.sources.against import read_against
from anessuite.sources.documents import Source
from anessuite.sources.files import public
from anessuite.storage import Store
from filters.contamination import ContaminationRules
from filters.duplicates import DuplicateRules
from filters.keywords import KeywordRules
from filters.quality import QualityRules
from tasks.curate import curate
from tasks.decontaminate import decontaminate, write_benchmark
from tasks.deduplicate import deduplicate
from tasks.engines import Engine
from tasks.follow import followed, reused
from tasks.name_version import ref_of_run, run_name
from tasks.publish import publish
from tasks.survey import Curation, Plan, lexicon_path, read_lexicon, survey, write_plan


class CorpusConfig(Config):
    """The recipe of AnesCorpus, as a YAML file states it."""

    sources: list[Source] = Field(min_length=1)
    specialty: str = "anesthesiology"
    keywords: KeywordRules = KeywordRules()
    quality: QualityRules = QualityRules()
    duplicates: DuplicateRules = DuplicateRules()
    against: str | list[str] | None = Field(
        default=None,
        description="benchmark to decontaminate against: an MCQ file, name@version, or a YAML list",
    )
    contamination: ContaminationRules = ContaminationRules()

    def curation(self, language: str) -> Curation:
        """How documents of one language are curated; raises ConfigError if there is no lexicon for it."""
        lexicon, digest = read_lexicon(self.specialty, language)
        return Curation(lexicon, digest, self.keywords, self.quality)

    def public(self) -> dict[str, Any]:
        """The config as a manifest may show it: no absolute folder of this machine."""
        content = self.model_dump(mode="json")
        content["sources"] = [source | {"path": public(source["path"])} for source in content["sources"]]
        content["against"] = [public(one) for one in self.benchmarks]
        return content

    @property
    def benchmarks(self) -> list[str]:
        """What to decontaminate against, in order; none is an empty list."""
        return [self.against] if isinstance(self.against, str) else self.against or []


@flow(name="corpus", flow_run_name=run_name)
def corpus(
    config: CorpusConfig,
    version: str = "dev",
    root: str = "./data",
    sample: int | None = None,
    workers: int = 1,
    engine: Engine = "local",
    keep_going: bool = False,
    restart: bool = False,
    reuse: bool = False,
) -> str:
    """Build ``corpus@version`` below ``root``; returns its reference.

    ``sample`` reads only the first so many rows of each source. ``keep_going`` leaves unreadable files out
    and lists them. ``restart`` throws away unfinished work of this version instead of continuing it.
    ``reuse`` returns a finished version of the very same recipe, if there is one, and builds nothing.
    """
    store = Store(root)
    build = Build(store, ref_of_run(store, "corpus", version))
    curations = {source.language: config.curation(source.language) for source in config.sources}
    with followed(build), build.locked():
        against = read_against(*config.benchmarks, store=build.store) if config.benchmarks else None
        found = survey(config.sources, build.store, sample=sample, keep_going=keep_going)
        recipe = Recipe(
            inputs=found.inputs + (against.inputs if against else []),
            config=config.public() | {"sample": sample, "keep_going": keep_going},
            texts={lexicon_path(config.specialty, lang): c.lexicon_sha256 for lang, c in curations.items()},
        )
        if reuse and (same := same_recipe(build.store, build.ref, recipe)):
            return reused(same)
        build.begin(recipe, restart=restart)
        write_plan(build, Plan(found.units, curations, keep_going, found.quarantined))
        curate(build, workers=workers, engine=engine)
        deduplicate(build, config.duplicates, workers=workers, engine=engine)
        if against:
            write_benchmark(build, against, config.contamination, screen=None)
            decontaminate(build, workers=workers, engine=engine)
        licences = {source.label: source.licence for source in config.sources}
        return publish(build, recipe, licences=licences, against=against)
