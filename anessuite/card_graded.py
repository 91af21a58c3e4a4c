"""What the card of graded questions says: levels by language, how they were told, what people reviewed."""

from collections.abc import Mapping, Sequence
from typing import Any

from anessuite.card_form import CardForm
from anessuite.card_markdown import Cell, code, table
from anessuite.card_words import LANGUAGES, QUESTION_REASONS
from anessuite.graded_facts import GradedFacts
from anessuite.manifests import Manifest
from anessuite.origins import files_by_source, source_rows
from anessuite.review.parts import ReviewFacts, review_on_card
from anessuite.votes import LEVELS

COLUMNS = {
    "id": "hash of stem and options; the same question has the same id everywhere",
    "language": "language of the question (ISO 639-1)",
    "question": "the stem",
    "options": "the options in order, each with its letter",
    "answer": "the letter of the right option, as the source states it",
    "level": "cognitive level: system1 (recall), system1.x (two or three facts put together), system2 "
    "(decisions under several conditions)",
    "level_origin": "who settled the level: model, tie (tied votes: the lower level), human, adjudicated",
    "votes": "the votes of the annotator model with their rationales; null where a reply could not be read",
    "agreement": "share of all votes that are for the model's level",
    "reviewed": "whether people have looked at the question",
    "source": "the source of the config",
    "source_id": "the id of the source, or file and number",
    "subject": "the subject as the source states it",
    "licence": "the licence of the source, as the config states it",
}
MEANINGS = {
    "system1": "one fact settles it",
    "system1.x": "two or three facts are put together in one or two steps",
    "system2": "several conditions are weighed, or steps reasoned through",
}


def graded_form(facts: GradedFacts, reviewed: ReviewFacts) -> CardForm:
    """The words of one version's card."""
    return CardForm(
        rows="questions",
        task_categories=("multiple-choice", "question-answering"),
        summary=_summary,
        counts=_counts,
        columns=COLUMNS,
        reasons=QUESTION_REASONS,
        unit=lambda stage: stage.source,
        sources=_sources,
        limits=_limits,
        sections=lambda manifest: [
            _levels(manifest, facts),
            _graded(manifest, facts),
            review_on_card(reviewed),
        ],
    )


def _summary(manifest: Manifest) -> str:
    specialty = manifest.recipe.config.get("specialty")
    on = f" on {specialty}" if isinstance(specialty, str) else ""
    return f"A benchmark of multiple-choice exam questions{on}, graded by the thinking that they ask for."


def _counts(manifest: Manifest) -> str:
    read = manifest.funnel[0].rows_in if manifest.funnel else 0
    return (
        f"{read:,} rows were read from {len(files_by_source(manifest)):,} sources; {manifest.kept:,} are in "
        f"the benchmark. {manifest.dropped:,} rows were dropped, each for a stated reason."
    )


def _levels(manifest: Manifest, facts: GradedFacts) -> str:
    counts = {(row[0], row[1]): row[2] for row in facts.levels.iter_rows()}
    rows: list[Sequence[Cell]] = []
    for level in LEVELS:
        each = [counts.get((language, level), 0) for language in manifest.rows]
        rows.append((code(level), MEANINGS[level], *each, sum(each)))
    names = [LANGUAGES.get(language, language) for language in manifest.rows]
    shares = [
        f"{LANGUAGES.get(language, language)} {share:.1%}"
        for language in manifest.rows
        if (share := facts.share_above_recall(language)) is not None
    ]
    above = f"Above recall: {', '.join(shares)} (the AnesSuite paper: 20 to 30 %)." if shares else ""
    return f"## Levels\n\n{table(('level', 'meaning', *names, 'all'), rows)}\n\n{above}"


def _graded(manifest: Manifest, facts: GradedFacts) -> str:
    config = manifest.recipe.config
    model: Mapping[str, Any] = config.get("annotator", {})
    prompts = [
        (code(name), code(digest))
        for name, digest in manifest.recipe.texts.items()
        if name.startswith("prompts/")
    ]
    origins: dict[str, int] = {}
    for _, origin, count in facts.origins.iter_rows():
        origins[origin] = origins.get(origin, 0) + count
    told = ", ".join(f"{origin} {count:,}" for origin, count in sorted(origins.items()))
    reviewed = sum(row[3] for row in facts.reviewed.iter_rows() if row[2])
    parts = [
        "## How levels were told",
        f"The model {code(str(model.get('model', '')))} voted {config.get('votes', 1)} times on each "
        f"question, by written guidelines. Origin of the levels: {told or 'none'}. "
        f"People reviewed {reviewed:,} of {manifest.kept:,} questions.",
        table(("prompt", "SHA-256"), prompts) if prompts else "",
    ]
    return "\n\n".join(filter(None, parts))


def _sources(manifest: Manifest, licences: Mapping[str, str]) -> str:
    listed = table(("source", "licence", "files", "bytes"), source_rows(manifest, licences))
    return f"Each question keeps the licence of its source.\n\n{listed}"


def _limits(manifest: Manifest) -> list[str]:
    limits = [
        "Gold answers are those of the sources. Some may be wrong or out of date.",
        "A level is a judgement: the guidelines say how border cases were decided.",
        "The questions are public, and models may have seen them.",
    ]
    model = manifest.recipe.config.get("annotator")
    if isinstance(model, Mapping) and str(model.get("served", "")).startswith("replay:"):
        limits.append("Votes were read from a recording, not asked of the model that is named.")
    return limits
