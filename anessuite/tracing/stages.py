"""Which stages of the funnel a row passed, and where it fell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from anessuite.manifests import Manifest, Stage
from anessuite.tracing.origin import benchmarks

Outcome = Literal["passed", "dropped here", "not reached", "not known"]

_UNITS = {"citations", "abstracts", "questions"}
"""What funnels name where they do not tell sources apart."""
_DECONTAMINATION = ("decontaminate", "decontamination")
_ASKS: dict[str, str] = {
    "read": "can the row be read, and does it hold a text?",
    "keywords (any term)": "does any term of the lexicon occur?",
    "keywords (whole terms)": "do enough whole terms occur?",
    "language": "is it in the language of its source?",
    "quality": "is it prose?",
    "exact duplicates": "is it the first row with this text?",
    "near duplicates": "is no longer or earlier row nearly the same?",
    "citations": "do the rules let the citation through, and is it on the topic?",
    "updates": "is it the newest version of the citation, and its abstract there once?",
    "questions": "did the generator write questions about the abstract?",
    "rules": "do the rules for questions let it through?",
    "judge": "does the filter model call it relevant, answerable and unambiguous?",
    "answer": "does the abstract bear the filter model's answer out?",
    "pool": "is it a whole question with one right answer, and on the topic?",
    "repeats": "is it no repeat of a question that stays?",
    "decontaminate": "is it far from every question of the benchmark?",
    "decontamination": "is it far from every question of the benchmark?",
    "verify": "is an attempt right, with sound reasoning?",
    "grade": "can a vote on its level be read?",
    "review": "do reviewers find nothing wrong with it?",
}


@dataclass(frozen=True, slots=True)
class Passage:
    """One stage of the funnel: what it asks, how many rows entered and fell, and this row's outcome."""

    stage: str
    asks: str
    rows_in: int
    dropped: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Check:
    """One file of a benchmark that the row was compared with, or was not: label, file, digest, rules."""

    benchmark: str
    file: str
    digest: str
    rules: list[str]
    outcome: Outcome


def stage_of(manifest: Manifest, row: Mapping[str, Any]) -> str | None:
    """The stage that dropped the row; None for a kept row, "unknown" where the funnel does not tell."""
    if not row.get("reason"):
        return None
    if row.get("stage"):
        return str(row["stage"])
    lines = [line.stage for line in _funnel(manifest, row) if row["reason"] in line.dropped]
    return lines[0] if len(lines) == 1 else "unknown"


def passages(manifest: Manifest, row: Mapping[str, Any]) -> list[Passage]:
    """All stages in order, with what happened to the row there."""
    fell = stage_of(manifest, row)
    funnel = _funnel(manifest, row)
    names = [line.stage for line in funnel]
    last = len(names) if fell is None else names.index(fell) if fell in names else None
    return [
        Passage(
            stage=line.stage,
            asks=_ASKS.get(line.stage, ""),
            rows_in=line.rows_in,
            dropped=sum(line.dropped.values()),
            outcome=_outcome(place, last),
        )
        for place, line in enumerate(funnel)
    ]


def entered(gone_through: list[Passage]) -> list[str]:
    """The stages that the row was judged in, the one that dropped it among them."""
    return [one.stage for one in gone_through if one.outcome in ("passed", "dropped here")]


def checks(manifest: Manifest, gone_through: list[Passage]) -> list[Check]:
    """What the row was compared with; empty where the version was not decontaminated."""
    outcomes: list[Outcome] = [one.outcome for one in gone_through if one.stage in _DECONTAMINATION]
    outcome = outcomes[0] if outcomes else "not known"
    rules = manifest.recipe.config.get("contamination") or {}
    names = [str(rule) for rule in rules.get("rules") or ()]
    return [Check(one.name, one.source, one.digest, names, outcome) for one in benchmarks(manifest)]


def _outcome(place: int, last: int | None) -> Outcome:
    if last is None:
        return "not known"
    if place == last:
        return "dropped here"
    return "passed" if place < last else "not reached"


def _funnel(manifest: Manifest, row: Mapping[str, Any]) -> list[Stage]:
    """The lines about the row's source, where the funnel has lines for each source."""
    if {line.source for line in manifest.funnel} <= _UNITS:
        return manifest.funnel
    return [line for line in manifest.funnel if line.source == row["source"]]
