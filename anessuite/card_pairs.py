"""What the card of question-answer pairs says: who wrote them, by which prompts, and what was not checked."""

from collections.abc import Iterable, Mapping
from typing import Any

from anessuite.card_form import CardForm
from anessuite.card_markdown import code, table
from anessuite.card_words import PAIR_REASONS
from anessuite.manifests import Manifest
from anessuite.origins import source_rows, stages_by_source

COLUMNS = {
    "id": "hash of PMID and question; the same question about the same abstract has the same id everywhere",
    "question": "the question, written by the generator model",
    "answer": "the answer, written by the filter model from the abstract alone",
    "language": "language of question and answer (ISO 639-1)",
    "source": "name of the source in the config",
    "source_id": "PMID and the question's number in the generator's reply, from 0",
    "pmid": "PubMed's number of the article whose abstract both were written from",
    "title": "title of that article",
    "journal": "journal of that article",
    "year": "year of its publication, where PubMed states one",
    "doi": "DOI of that article, where PubMed states one",
    "generator": "model that wrote the question",
    "filter": "model that judged the question and wrote the answer",
    "question_prompt": "prompt by which questions were written: name, language, version",
    "judge_prompt": "prompt by which the question was judged",
    "answer_prompt": "prompt by which it was answered",
    "verdict": "why the filter model let the question pass, in its own words",
    "grounding_score": "share of the answer's numbers, drugs and content words that were found, 0 to 1",
}
MODELS = {
    "generator": "writes the questions",
    "filter": "judges the questions, and answers them",
    "reasoner": "reasons and answers",
    "annotator": "votes on the cognitive level",
}
"""Models as the config names them, and what they do."""


def _summary(manifest: Manifest) -> str:
    specialty = manifest.recipe.config.get("specialty")
    on = f" on {specialty}" if isinstance(specialty, str) else ""
    return (
        f"Question-answer pairs{on}, written by language models from PubMed abstracts. They were checked by "
        "rules and by a model, not by people."
    )


def _counts(manifest: Manifest) -> str:
    units = stages_by_source(manifest)
    told = []
    if found := units.get("citations"):
        told.append(
            f"{found[0].rows_in:,} citations were read; {found[-1].rows_out:,} had an abstract to ask about."
        )
    if (asked := units.get("abstracts")) and (written := units.get("questions")):
        told.append(
            f"{asked[-1].rows_out:,} abstracts gave {written[0].rows_in:,} questions, of which "
            f"{manifest.kept:,} became pairs."
        )
    return " ".join([*told, f"{manifest.dropped:,} rows were dropped, each for a stated reason."])


def _made(manifest: Manifest) -> list[str]:
    against = _listed(manifest.recipe.config.get("against"))
    steps = [
        "Citations are chosen: with an abstract, not retracted, on the specialty by a main subject (MeSH) or "
        "by the terms in title and abstract. Newer versions of a citation replace older ones.",
        "The generator model reads title and abstract and writes questions.",
        "Rules drop questions that cannot stand alone, ask nothing or several things, or copy the abstract.",
        "The filter model says of each question whether it is on the specialty, whether the abstract holds "
        "the whole answer, and whether it is clear without the article; one no drops it.",
        "The filter model answers from the abstract alone. An answer is dropped if a number or a drug of it "
        "is in neither abstract nor question, or if too few of its words are in the abstract.",
        "Of questions that repeat each other, one stays.",
        *([f"Pairs that give away a question of {against} are dropped."] if against else []),
    ]
    prompts = [
        (code(name), code(digest))
        for name, digest in manifest.recipe.texts.items()
        if name.startswith("prompts/")
    ]
    models = [(role, what, code(name), parameters) for role, what, name, parameters in models_of(manifest)]
    parts = [
        "## How it was made",
        "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1)),
        "Questions, verdicts and answers are the models' words. No person has checked them.",
        table(("model", "what it does", "name", "parameters"), models) if models else "",
        table(("prompt", "SHA-256"), prompts) if prompts else "",
    ]
    return ["\n\n".join(filter(None, parts))]


def models_of(manifest: Manifest) -> list[tuple[str, str, str, str]]:
    """Role, what it does, name and parameters of each model that the recipe names."""
    found = []
    for role, what in MODELS.items():
        model = manifest.recipe.config.get(role)
        if isinstance(model, Mapping):
            found.append((role, what, str(model.get("model", "")), _parameters(model)))
    return found


def _is_recorded(model: Mapping[str, Any]) -> bool:
    return str(model.get("served", "")).startswith("replay:")


def _parameters(model: Mapping[str, Any]) -> str:
    parameters = model.get("parameters")
    told = (
        [f"{name} {value}" for name, value in parameters.items()] if isinstance(parameters, Mapping) else []
    )
    return ", ".join([*told, *([f"served by {model['served']}"] if model.get("served") else [])])


def _listed(value: Any) -> str:
    names: Iterable[Any] = value if isinstance(value, list) else [value] if value else []
    return ", ".join(code(str(name)) for name in names)


def _sources(manifest: Manifest, licences: Mapping[str, str]) -> str:
    text = (
        "Abstracts are not part of the data: each pair names its article by PMID and DOI. What is taken from "
        "PubMed (title, journal, year) stays under the terms of its source; questions and answers follow "
        "abstracts closely, and the licences of the two models may have a say in their use."
    )
    return f"{text}\n\n{table(('source', 'licence', 'files', 'bytes'), source_rows(manifest, licences))}"


def _limits(manifest: Manifest) -> list[str]:
    limits = [
        "Models wrote questions and answers, and no person checked them: some are wrong, unclear or of "
        "little use. They are no medical advice.",
        "An answer rests on one abstract, not on the whole article and not on the state of knowledge. The "
        "abstract itself may be out of date or wrong, or be retracted after this version was built.",
        "The check against the abstract looks for numbers, drugs and words. It does not see a right number "
        "in the wrong place, or a claim turned around.",
        "The model that judges a question also answers it: the one is no independent check of the other.",
        "Questions that ask the same in other words may remain.",
    ]
    models = [manifest.recipe.config.get(role) for role in MODELS]
    if any(isinstance(model, Mapping) and _is_recorded(model) for model in models):
        limits.append("Replies were read from a recording, not asked of the models that are named.")
    if "zh" in manifest.rows:
        limits.append(
            "Chinese pairs were written from English abstracts: of their answers only numbers and drugs "
            "could be compared."
        )
    return limits


PAIRS = CardForm(
    rows="pairs",
    task_categories=("question-answering", "text-generation"),
    summary=_summary,
    counts=_counts,
    columns=COLUMNS,
    reasons=PAIR_REASONS,
    unit=lambda stage: stage.source,
    sources=_sources,
    limits=_limits,
    sections=_made,
)
