"""Runs as chains of stages. Runs that begin alike share what they begin with."""

import re
from collections.abc import Collection, Iterable, Sequence

BASE = "base"
Chain = tuple[str, ...]
"""Names of stages in order; the empty one is the base model."""
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")


def label(chain: Chain) -> str:
    """How tables call the model at the end of a chain: ``sft+grpo``, or ``base``."""
    return "+".join(chain) or BASE


def prefixes(chains: Iterable[Chain]) -> list[Chain]:
    """Every chain that has to be trained, each after what it begins with, and once."""
    return list(dict.fromkeys(chain[:end] for chain in chains for end in range(1, len(chain) + 1)))


def check_chains(runs: Sequence[Sequence[str]], stages: Collection[str]) -> None:
    """Raise ValueError for a name that no folder can have, a run of unknown stages, or the same run twice."""
    for name in stages:
        if not _NAME.fullmatch(name) or name == BASE:
            raise ValueError(f"{name!r} is no name of a stage: lower-case letters, digits, - and _; not base")
    for run in runs:
        if not run:
            raise ValueError("a run without stages is the base model, which is examined in any case")
        if unknown := [name for name in run if name not in stages]:
            raise ValueError(f"runs name {unknown[0]!r}; there are the stages {', '.join(stages)}")
        if [*runs].count(run) > 1:
            raise ValueError(f"the run {' > '.join(run)} is there twice")
