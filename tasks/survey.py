"""Survey the sources: which files there are, what they are, and how they are cut into units.

The plan stands in the build folder, so that workers and later runs read it instead of looking again.
"""

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import TypeAdapter

from anessuite.builds import Build
from anessuite.errors import ConfigError, SourceError
from anessuite.manifests import Input, Quarantined
from anessuite.sources.documents import Source, Unit, units_of
from anessuite.sources.files import SourceFile, find_files
from anessuite.storage import BUILD_FOLDER, Store
from filters.keywords import KeywordRules
from filters.lexicon import Lexicon, parse_lexicon
from filters.quality import QualityRules

PLAN = "plan.json"
DIGESTS = f"{BUILD_FOLDER}/digests.json"


@dataclass(frozen=True, slots=True)
class Curation:
    """What the curation of one language needs: its lexicon and its thresholds."""

    lexicon: Lexicon
    lexicon_sha256: str
    keywords: KeywordRules
    quality: QualityRules


@dataclass(frozen=True, slots=True)
class Plan:
    """The units of a build, how each language is curated, and the files left out as unreadable."""

    units: list[Unit]
    curations: dict[str, Curation]
    keep_going: bool = False
    quarantined: list[Quarantined] = field(default_factory=list)


_PLAN = TypeAdapter(Plan)


@dataclass(frozen=True, slots=True)
class Survey:
    """What the sources hold: their units, the inputs for the recipe, and the files left out."""

    units: list[Unit]
    inputs: list[Input]
    quarantined: list[Quarantined]


@task(name="survey", cache_policy=NO_CACHE)
def survey(sources: list[Source], store: Store, *, sample: int | None, keep_going: bool) -> Survey:
    """Find, digest and cut the files of all sources, in the config's order.

    Digests are remembered in the store by path, size and time, so that a resumed run does not read all again.
    Raises SourceError for a source without files, a broken Parquet footer or a missing column.
    """
    digests: dict[str, str] = json.loads(store.read_bytes(DIGESTS)) if store.exists(DIGESTS) else {}
    known = len(digests)
    found = survey_sources(sources, sample=sample, keep_going=keep_going, digests=digests)
    if len(digests) > known:
        store.write_bytes(DIGESTS, json.dumps(digests).encode())
    return found


def survey_sources(
    sources: list[Source], *, sample: int | None, keep_going: bool, digests: dict[str, str] | None = None
) -> Survey:
    """`survey` without Prefect."""
    units: list[Unit] = []
    inputs: list[Input] = []
    quarantined: list[Quarantined] = []
    for source in sources:
        left = sample
        for file in find_files(source.path, format=source.format, digests=digests):
            inputs.append(Input(name=source.label, source=file.name, bytes=file.bytes, digest=file.digest))
            cut, fault = _cut(source, file, start=len(units), sample=left, keep_going=keep_going)
            units += cut
            quarantined += fault
            if left is not None:
                left -= sum(unit.rows or 0 for unit in cut)
                if left <= 0:
                    break
    return Survey(units, inputs, quarantined)


def _cut(
    source: Source, file: SourceFile, *, start: int, sample: int | None, keep_going: bool
) -> tuple[list[Unit], list[Quarantined]]:
    try:
        return units_of(source, file, start=start, sample=sample), []
    except SourceError as error:
        if not keep_going:
            raise
        return [], [Quarantined(source=source.label, path=file.name, error=error.what)]


def write_plan(build: Build, plan: Plan) -> None:
    """Put the plan into the build folder."""
    build.store.write_bytes(build.path(PLAN), _PLAN.dump_json(plan))


def read_plan(build: Build) -> Plan:
    """The plan of a build; parsed once per process."""
    return _parse_plan(build.store.read_bytes(build.path(PLAN)))


@lru_cache(maxsize=2)
def _parse_plan(content: bytes) -> Plan:
    return _PLAN.validate_json(content)


def lexicon_path(specialty: str, language: str) -> str:
    """The term file's path below the project."""
    return f"filters/terms/{specialty}.{language}.txt"


def read_lexicon(specialty: str, language: str) -> tuple[Lexicon, str]:
    """The lexicon of a specialty and language, and its file's SHA-256. Raises ConfigError if there is
    none."""
    folder = files("filters") / "terms"
    file = folder / f"{specialty}.{language}.txt"
    if not file.is_file():
        there = ", ".join(sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".txt")))
        raise ConfigError(f"there is no lexicon {specialty}.{language}", f"filters/terms/ holds: {there}")
    content = file.read_bytes()
    lexicon = parse_lexicon(content.decode("utf-8"), specialty=specialty, language=language)
    return lexicon, hashlib.sha256(content).hexdigest()
