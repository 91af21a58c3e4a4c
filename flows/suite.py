"""The suite: a benchmark, three datasets decontaminated against it, and a release that binds the four."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

from prefect import flow
from pydantic import BeforeValidator

from anessuite.builds import Build
from anessuite.config import Config, read_config
from anessuite.llm.config import Price
from anessuite.releases import Member
from anessuite.reuse import free_version
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from flows.bench import BenchConfig, bench
from flows.corpus import CorpusConfig, corpus
from flows.qa import QaConfig, qa
from flows.r1 import R1Config, r1
from tasks.engines import Engine
from tasks.follow import followed
from tasks.name_version import ref_of_run, run_name
from tasks.release import release

Member_ = TypeVar("Member_", bound=Config)


def _file_of(model: type[Member_]) -> BeforeValidator:
    """A config may be the path of a file that holds it."""
    return BeforeValidator(lambda told: read_config(Path(told), model) if isinstance(told, str) else told)


class SuiteConfig(Config):
    """The recipes of the four datasets: each a mapping, or the path of its own config file.

    corpus, qa and r1 are decontaminated against the benchmark of the suite, and what their ``against`` names.
    """

    bench: Annotated[BenchConfig, _file_of(BenchConfig)]
    corpus: Annotated[CorpusConfig, _file_of(CorpusConfig)]
    qa: Annotated[QaConfig, _file_of(QaConfig)]
    r1: Annotated[R1Config, _file_of(R1Config)]

    def prices(self) -> dict[str, dict[str, Price]]:
        """Dataset -> role -> the price of its model."""
        return {
            "bench": {"annotator": self.bench.annotator.price},
            "qa": {"generator": self.qa.generator.price, "filter": self.qa.filter.price},
            "r1": {"reasoner": self.r1.reasoner.price},
        }


def _against(config: Member_, benchmark: Member) -> Member_:
    """The same recipe, decontaminated against the benchmark of the suite first."""
    own = [one for one in getattr(config, "benchmarks", []) if one != str(benchmark.ref)]
    return config.model_copy(update={"against": [str(benchmark.ref), *own]})


@flow(name="suite", flow_run_name=run_name)
def suite(
    config: SuiteConfig,
    version: str = "dev",
    root: str = "./data",
    sample: int | None = None,
    workers: int = 1,
    engine: Engine = "local",
    keep_going: bool = False,
    restart: bool = False,
    allow_unreviewed: bool = False,
) -> str:
    """Build what has changed of the four datasets below ``root``, and ``suite@version``; returns its
    reference.

    A dataset whose recipe a finished version has is not built: the release points at that version, and says
    so. The others get ``version``, with a number behind it where that is taken. The options are those of the
    four flows; a run that stops is continued by the same call.
    """
    store = Store(root)
    build = Build(store, ref_of_run(store, "suite", version))
    how: dict[str, Any] = {
        "root": root,
        "sample": sample,
        "workers": workers,
        "engine": engine,
        "keep_going": keep_going,
        "restart": restart,
        "reuse": True,
    }

    def member(name: str, make: Any, recipe: Config, **more: Any) -> Member:
        wanted = free_version(store, name, build.ref.version)
        before = store.manifest(wanted).created if store.is_finished(wanted) else None
        built = DatasetRef.parse(make(config=recipe, version=wanted.version, **how, **more))
        return Member(built, was_there=built != wanted or store.manifest(built).created == before)

    with followed(build), build.locked():
        benchmark = member("bench", bench, config.bench, allow_unreviewed=allow_unreviewed)
        members = [
            benchmark,
            member("corpus", corpus, _against(config.corpus, benchmark)),
            member("qa", qa, _against(config.qa, benchmark)),
            member("r1", r1, _against(config.r1, benchmark)),
        ]
        return release(build, members, config.prices())
