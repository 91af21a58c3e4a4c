"""The benchmark that data is decontaminated against: MCQ files, a finished ``name@version``, or a YAML
list."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator, Field

from anessuite.config import Config, check_config
from anessuite.errors import ConfigError, SourceError, VersionNotFound
from anessuite.manifests import Input
from anessuite.sources.questions import Question, QuestionSet, QuestionSource, read_questions
from anessuite.storage import Store
from anessuite.versions import DatasetRef

_REF = re.compile(r"[a-z][a-z0-9_-]*@[\w.]+")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Benchmarks = Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]
"""What a config names as benchmarks: each ``name@version``, an MCQ file, or a YAML list of sources; one may
stand by itself."""


class Pool(Config):
    """A YAML file that names sources of questions, with their column mappings."""

    sources: list[QuestionSource] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Against:
    """The questions of all sources, what was read, and what is worth a warning."""

    questions: list[Question]
    sets: dict[str, QuestionSet]
    """By the source's label, in order."""

    @property
    def inputs(self) -> list[Input]:
        return [
            Input(name=f"against {label}", source=file.name, bytes=file.bytes, digest=file.digest)
            for label, found in self.sets.items()
            for file in found.files
        ]

    @property
    def warnings(self) -> list[str]:
        lost = [
            f"benchmark {label}: {count} rows are not used: {reason}"
            for label, found in self.sets.items()
            for reason, count in sorted(found.dropped.items())
        ]
        return lost + [
            f"benchmark {label}: {line}" for label, found in self.sets.items() for line in found.warnings
        ]


def read_against(*against: str, store: Store) -> Against:
    """Read benchmarks, each an MCQ file, folder, glob or URL, ``name@version`` in ``store``, or a YAML
    `Pool`.

    Raises SourceError for a file that is no benchmark, and VersionNotFound.
    """
    sources = sources_of(against, store)
    sets: dict[str, QuestionSet] = {}
    for source in sources:
        label, number = source.label, 2
        while label in sets:
            label, number = f"{source.label} ({number})", number + 1
        sets[label] = read_questions(source.model_copy(update={"name": label}))
    return Against([question for found in sets.values() for question in found.questions], sets)


def sources_of(benchmarks: Iterable[str], store: Store) -> list[QuestionSource]:
    """The sources of benchmarks, in order. Raises as `read_against`."""
    return [source for one in benchmarks for source in _sources(one, store)]


def _sources(against: str, store: Store) -> list[QuestionSource]:
    if _REF.fullmatch(against):
        ref = DatasetRef.parse(against)
        if not store.is_finished(ref):
            raise VersionNotFound(
                f"there is no finished {ref} in {store.root}, which is named as a benchmark",
                "anes list --root DIR says what there is",
            )
        return [QuestionSource(path=store.url(store.folder(ref), "data", "*.parquet"), name=str(ref))]
    if against.lower().endswith((".yaml", ".yml")):
        try:
            content = yaml.safe_load(Path(against).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise SourceError(f"{against} cannot be read: {error}") from None
        if not isinstance(content, dict):
            raise ConfigError(f"{against} holds no mapping", "it needs a list `sources`")
        return check_config(content, Pool, where=against).sources
    return [QuestionSource(path=against)]
