"""The datasets by name: config model and flow of each, imported when they are needed."""

from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml


class Dataset(StrEnum):
    """What can be built so far."""

    corpus = "corpus"
    qa = "qa"
    r1 = "r1"
    bench = "bench"
    suite = "suite"
    evaluation = "evaluation"
    leakage = "leakage"
    morpheus = "morpheus"


def flow_of(name: Dataset) -> tuple[type[Any], Any]:
    """The config model and the flow of a dataset."""
    match name:
        case Dataset.corpus:
            from flows.corpus import CorpusConfig, corpus

            return CorpusConfig, corpus
        case Dataset.qa:
            from flows.qa import QaConfig, qa

            return QaConfig, qa
        case Dataset.r1:
            from flows.r1 import R1Config, r1

            return R1Config, r1
        case Dataset.bench:
            from flows.bench import BenchConfig, bench

            return BenchConfig, bench
        case Dataset.suite:
            from flows.suite import SuiteConfig, suite

            return SuiteConfig, suite
        case Dataset.evaluation:
            from flows.evaluation import EvaluationConfig, evaluation

            return EvaluationConfig, evaluation
        case Dataset.leakage:
            from flows.leakage import LeakageConfig, leakage

            return LeakageConfig, leakage
        case Dataset.morpheus:
            from flows.morpheus import MorpheusConfig, morpheus

            return MorpheusConfig, morpheus


_ROLES: dict[Dataset, tuple[str, ...]] = {
    Dataset.qa: ("generator", "filter"),
    Dataset.r1: ("reasoner",),
    Dataset.bench: ("annotator",),
    Dataset.leakage: ("tests", "models"),
    Dataset.evaluation: ("models", "open"),
}
"""Keys by which a config is known for one of a dataset, the models of the config under some of them."""


def models_of(config: Path) -> list[Any]:
    """The models that a config file names, each once, whichever dataset it is of.

    Raises ConfigError if it does not check, or names no model.
    """
    from anessuite.config import read_config
    from anessuite.errors import ConfigError

    keys = _keys(config)
    for name, roles in _ROLES.items():
        if roles[0] in keys:
            recipe = read_config(config, flow_of(name)[0])
            found = [one for role in roles for one in _models_in(getattr(recipe, role))]
            return list({one.model_dump_json(): one for one in found}.values())
    known = ", ".join(roles[0] for roles in _ROLES.values())
    raise ConfigError(f"{config} names no model", f"a model stands under one of: {known}")


def _models_in(value: Any) -> list[Any]:
    """The models in a section: itself, those of a list, or the judge of open answers."""
    from anessuite.llm.config import ModelConfig

    if isinstance(value, list):
        return [one for one in value if isinstance(one, ModelConfig)]
    found = getattr(value, "judge", value)
    return [found] if isinstance(found, ModelConfig) else []


def _keys(config: Path) -> set[str]:
    """The top keys of a file; none where it cannot be read, which `read_config` explains better."""
    try:
        content = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {role for roles in _ROLES.values() for role in roles}
    return set(content) if isinstance(content, dict) else set()
