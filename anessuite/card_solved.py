"""What the card of solved questions says: who reasoned, how often, and the languages' shares."""

from collections.abc import Mapping
from typing import Any

from anessuite.card_form import CardForm
from anessuite.card_markdown import code, table
from anessuite.card_words import LANGUAGES, QUESTION_REASONS
from anessuite.manifests import Manifest
from anessuite.origins import source_rows

COLUMNS = {
    "id": "hash of stem and options; the same question has the same id everywhere",
    "language": "language of the question (ISO 639-1)",
    "question": "the stem",
    "options": "the options in order, each with its letter",
    "answer": "the letter of the right option",
    "reasoning": "the chain of thought of the attempt that is kept, as the model wrote it",
    "response": "what the model said after it, with the answer",
    "pass_rate": "share of the attempts made that are right",
    "pass_rate_low": "lower bound of its 95 % Wilson interval; null where attempts stop at success",
    "pass_rate_high": "upper bound of the same",
    "attempts": "attempts made that a model answered",
    "correct": "how many of them are right",
    "attempt": "which attempt is kept, counted from 1",
    "model": "the model that reasoned",
    "prompt": "the prompt, by name, language and version",
    "tokens": "tokens generated in the attempt that is kept",
    "source": "the source of the config",
    "source_id": "the id of the source, or file and row",
    "subject": "the subject as the source states it",
}


def _summary(manifest: Manifest) -> str:
    specialty = manifest.recipe.config.get("specialty")
    on = f" on {specialty}" if isinstance(specialty, str) else ""
    return (
        f"Multiple-choice questions{on} with chains of thought of a reasoning model, kept by rejection "
        "sampling: only where an attempt ends with the gold answer."
    )


def _counts(manifest: Manifest) -> str:
    asked = manifest.funnel[-1].rows_in if manifest.funnel else 0
    return (
        f"{asked:,} questions were asked; {manifest.kept:,} were solved with sound reasoning. "
        f"{manifest.dropped:,} rows were dropped, each for a stated reason. {balance(manifest)}"
    )


def balance(manifest: Manifest) -> str:
    """English to Chinese, in words."""
    english, chinese = manifest.rows.get("en", 0), manifest.rows.get("zh", 0)
    if not english or not chinese:
        only = next((LANGUAGES.get(name, name) for name, rows in manifest.rows.items() if rows), "")
        return f"All are {only}." if only else ""
    return (
        f"English to Chinese is {english:,} to {chinese:,}, a ratio of {english / chinese:.1f}. Training on "
        "one language more than on another costs the other: the AnesSuite paper (arXiv 2504.02404) lost 14 "
        "points of Chinese accuracy after continued training on English and Chinese at 3 to 1. Balance them "
        "when you sample."
    )


def _made(manifest: Manifest) -> list[str]:
    config = manifest.recipe.config
    model: Mapping[str, Any] = config.get("reasoner", {})
    mode = {
        "first": "attempts stop at the first that is kept",
        "all": "every attempt is made, and the share that is right is the question's pass rate",
    }.get(str(config.get("mode")), "")
    steps = [
        "Questions of all sources are checked one by one: one gold answer among distinct options, in the "
        "language of the source.",
        "Each question stays once. Two that have the same options and contradict each other both go.",
        *(
            ["Questions of the benchmark are dropped before a token is spent."]
            if config.get("against")
            else []
        ),
        f"The model gets up to {config.get('attempts')} attempts; {mode}.",
        "The answer is read from the last statement, without guessing, and is compared with the gold letter.",
        "Reasoning that loops, is in another language than the question, is too short or too long, or quotes "
        "the key is not kept.",
    ]
    parameters = model.get("parameters", {})
    told = ", ".join(f"{name} {value}" for name, value in parameters.items())
    prompts = [
        (code(name), code(digest))
        for name, digest in manifest.recipe.texts.items()
        if name.startswith("prompts/")
    ]
    parts = [
        "## How it was made",
        "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1)),
        f"The model is {code(str(model.get('model', '')))} ({told}). Every attempt, right or wrong, is in "
        "`attempts/`.",
        table(("prompt", "SHA-256"), prompts) if prompts else "",
    ]
    return ["\n\n".join(filter(None, parts))]


def _sources(manifest: Manifest, licences: Mapping[str, str]) -> str:
    text = (
        "Questions stay under the terms of their sources, and the licence of the model may have a say in the "
        "use of its reasoning."
    )
    return f"{text}\n\n{table(('source', 'licence', 'files', 'bytes'), source_rows(manifest, licences))}"


def _limits(manifest: Manifest) -> list[str]:
    limits = [
        "A right letter proves no right reasoning: of four options a guess is right one time in four.",
        "Gold answers are those of the sources; some may be wrong or out of date. None is medical advice.",
        "Questions that the model never solved are missing, so the data leans to what it finds easy.",
    ]
    model = manifest.recipe.config.get("reasoner")
    if isinstance(model, Mapping) and str(model.get("served", "")).startswith("replay:"):
        limits.append("Replies were read from a recording, not asked of the model that is named.")
    return limits


SOLVED = CardForm(
    rows="questions",
    task_categories=("multiple-choice", "text-generation"),
    summary=_summary,
    counts=_counts,
    columns=COLUMNS,
    reasons=QUESTION_REASONS,
    unit=lambda stage: stage.source,
    sources=_sources,
    limits=_limits,
    sections=_made,
)
