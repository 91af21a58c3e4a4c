"""The section of a report on the models: which were asked what, tokens by step, and replies of no use."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import PurePosixPath

from anessuite.card_pairs import models_of
from anessuite.card_words import REASONS
from anessuite.charts import Bar, bars
from anessuite.manifests import Manifest
from anessuite.pages import figure, nothing, table
from anessuite.report_parts import charts, ratio

_ASKED = {
    "generate-questions": ("generator", "questions"),
    "generate-judge": ("filter", "judge"),
    "generate-answer": ("filter", "answer"),
    "attempt": ("reasoner", "solve"),
    "vote": ("annotator", "level"),
}
"""Which model of the recipe a step asks, and by which prompt; a number at the end of its name is left out."""
_FAULT = "fault_"


def models(manifest: Manifest) -> list[str]:
    """Models with their parameters, requests and tokens by step, faults by step."""
    steps = steps_of(manifest.requests)
    named = [(role, what, name, parameters) for role, what, name, parameters in models_of(manifest)]
    asked = [
        (
            step,
            asked_of(step)[0],
            _prompts(manifest, step),
            *(counts.get(name, 0) for name in ("requests", "prompt_tokens", "completion_tokens")),
            _each(counts, "prompt_tokens"),
            _each(counts, "completion_tokens"),
        )
        for step, counts in steps.items()
    ]
    head = (
        "Step",
        "Asks",
        "Prompt",
        "Requests",
        "Tokens read",
        "Tokens written",
        "Read each",
        "Written each",
    )
    return [
        table(("Model", "What it does", "Name", "Parameters"), named) if named else "",
        "<h3>Requests</h3>",
        table(head, asked) if asked else nothing("No model was asked."),
        nothing("Tokens are counted by the servers; a reply from the cache counts like any other."),
        charts(
            [
                _tokens(steps, "prompt_tokens", "Tokens read"),
                _tokens(steps, "completion_tokens", "Tokens written"),
            ]
        )
        if asked
        else "",
        *_faults(steps),
    ]


def steps_of(requests: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Counts of a manifest's ``requests`` by step: ``generate-judge.requests`` is of step generate-judge."""
    steps: dict[str, dict[str, int]] = defaultdict(dict)
    for name, count in requests.items():
        step, _, what = name.rpartition(".")
        steps[step][what] = count
    return dict(steps)


def asked_of(step: str) -> tuple[str, str]:
    """The role and the prompt's name of a step; attempt-2 is as attempt."""
    return _ASKED.get(step) or _ASKED.get(step.rstrip("-0123456789"), ("", ""))


def _prompts(manifest: Manifest, step: str) -> str | None:
    """The prompts of a step, one a language: ``prompts/qa/judge.en.v1.md`` is judge.en.v1."""
    name = asked_of(step)[1]
    files = [PurePosixPath(path) for path in manifest.recipe.texts if path.startswith("prompts/")]
    return ", ".join(file.stem for file in files if file.name.split(".")[0] == name) or None


def _each(counts: Mapping[str, int], name: str) -> int | None:
    requests = counts.get("requests", 0)
    return round(counts.get(name, 0) / requests) if requests else None


def _tokens(steps: Mapping[str, Mapping[str, int]], name: str, caption: str) -> str:
    rows = [(step, counts.get(name, 0)) for step, counts in steps.items()]
    return figure(bars([Bar(step, count, f"{count:,}") for step, count in rows], log=False), caption)


def _faults(steps: Mapping[str, Mapping[str, int]]) -> list[str]:
    rows = [
        (step, fault, count, ratio(count, counts.get("requests", 0)), REASONS.get(fault, ""))
        for step, counts in steps.items()
        for what, count in counts.items()
        if what.startswith(_FAULT) and count
        for fault in [what.removeprefix(_FAULT)]
    ]
    head = ("Step", "Fault", "Requests", "Of the step's", "Meaning")
    return ["<h3>Replies of no use</h3>", table(head, rows) if rows else nothing("There were none.")]
