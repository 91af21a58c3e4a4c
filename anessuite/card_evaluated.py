"""What the card of an evaluation says: who was asked, how, and what the columns of answers hold."""

from collections.abc import Mapping
from typing import Any

from anessuite.card_form import CardForm
from anessuite.card_markdown import Cell, code, table
from anessuite.card_words import QUESTION_REASONS
from anessuite.manifests import Manifest, Stage
from anessuite.origins import source_rows

COLUMNS = {
    "id": "hash of question, model, style, order and attempt",
    "question_id": "id of the question in the benchmark",
    "language": "language of the question (ISO 639-1)",
    "level": "cognitive level of the question; null where the benchmark states none",
    "source": "the benchmark, as the config names it",
    "model": "the model's name in the config",
    "style": "how it was asked: direct, cot, with how many shots, or open",
    "order": "0: the benchmark's order of options; others are shuffles",
    "attempt": "number of the sample, from 1",
    "verdict": "correct, wrong, no_answer, refused, truncated, bad_request, request_failed, not_judged",
    "letter": "the chosen option by the benchmark's letter; null without one",
    "shown_letter": "the letter that the reply states, in the order that was shown",
    "shown_gold": "the right letter in the order that was shown",
    "form": "how the reply states its letter, or why it has none",
    "reply_language": "language of the reply; null where it is too short to tell",
    "reasoning": "what the model wrote before its response",
    "response": "the response, with the answer",
    "finish_reason": "why the server stopped: stop, length and so on",
    "prompt_tokens": "tokens read",
    "completion_tokens": "tokens generated, reasoning among them",
    "cost": "in the currency of the config's prices",
    "votes": "the judge's verdicts on an open answer",
    "request": "key of the request in the cache of replies",
}


def _summary(manifest: Manifest) -> str:
    config = manifest.recipe.config
    models = ", ".join(str(one.get("name")) for one in config.get("models", []))
    bench = ", ".join(map(str, config.get("bench", [])))
    return (
        f"Answers of {models} to the multiple-choice questions of {bench}, with scores by level and language."
    )


def _counts(manifest: Manifest) -> str:
    asked = manifest.funnel[0].rows_out if manifest.funnel else 0
    return (
        f"{asked:,} questions were asked, and {manifest.kept:,} answers came of it. Scores are in `tables/` "
        "and `report.html`; `leaderboard.html` has every question with every answer."
    )


def _made(manifest: Manifest) -> list[str]:
    config = manifest.recipe.config
    models: list[list[Cell]] = [
        [code(str(one.get("name"))), code(str(one.get("model"))), _parameters(one)]
        for one in config.get("models", [])
    ]
    shuffles, samples = config.get("shuffles", 0), config.get("samples", 1)
    steps = [
        "Each question is asked in its own language. The letter is read from the last statement of the "
        "reply, without guessing; construction, evaluation and reward share the reader.",
        "What is not correct is wrong: no answer, a refusal and a reply that was cut off earn nothing, and "
        "are counted apart.",
        f"{samples} sample{'s' if samples != 1 else ''} a question; options in {shuffles + 1} order"
        f"{'s' if shuffles else ''}, of which the benchmark's own counts for the scores.",
    ]
    if config.get("open"):
        steps.append(
            "Questions that stand without their options were also asked without them, and a judge model "
            "compared the replies with the text of the right option."
        )
    numbered = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
    return ["\n\n".join(["## How it was made", numbered, table(("name", "model", "parameters"), models)])]


def _parameters(model: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in model.get("parameters", {}).items())


def _sources(manifest: Manifest, licences: Mapping[str, str]) -> str:
    return table(("source", "licence", "files", "bytes"), source_rows(manifest, licences))


def _limits(manifest: Manifest) -> list[str]:
    limits = [
        "A score says how a model does on these questions, and nothing about its use at a bedside.",
        "Models may have seen the questions in training; `anes build leakage` looks for signs of that.",
        "Do not train on this: it holds the benchmark's questions and, in the letters, its key.",
    ]
    models = manifest.recipe.config.get("models", [])
    if any(str(one.get("served", "")).startswith("replay:") for one in models):
        limits.append("Replies were read from a recording, not asked of the models that are named.")
    return limits


def _unit(stage: Stage) -> str:
    return stage.source


EVALUATED = CardForm(
    rows="answers",
    task_categories=("multiple-choice", "question-answering"),
    summary=_summary,
    counts=_counts,
    columns=COLUMNS,
    reasons=QUESTION_REASONS,
    unit=_unit,
    sources=_sources,
    limits=_limits,
    sections=_made,
)
