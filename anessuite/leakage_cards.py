"""What the card of a leakage analysis says."""

from collections.abc import Mapping, Sequence

from anessuite.card_form import CardForm
from anessuite.card_markdown import Cell, code, table
from anessuite.card_words import QUESTION_REASONS
from anessuite.cards import card
from anessuite.leakage_facts import TESTS, LeakageFacts
from anessuite.leakage_reports import p_value
from anessuite.manifests import Manifest
from anessuite.pages import percent

COLUMNS = {
    "id": "hash of question and model",
    "question_id": "hash of stem and options: the id of the question in the benchmark",
    "language": "language of the question (ISO 639-1)",
    "source": "the source of the question",
    "source_id": "its id there",
    "model": "the model, as the config calls it",
    "size": "billions of parameters, as the config states them",
    "options": "number of options",
    "orders": "orders of the options that were compared",
    "tokens": "tokens of the text in its published order, less the first",
    "log_probability": "of the text in its published order, in nats",
    "rank": "of the published order among all, 1 is the likeliest; ties count against it",
    "margin": "log-probability of the published order less the highest of the others",
    "z": "modified z-score of the published order among all (median and MAD)",
    "highest_z": "that of the likeliest order",
    "lowest_z": "that of the least likely order",
    "forest": "decision function of an isolation forest for the published order; null without scikit-learn",
    "forest_highest": "the same for the likeliest order",
    "flag_order": TESTS["flag_order"],
    "flag_order_outlier": TESTS["flag_order_outlier"],
    "flag_shuffled": TESTS["flag_shuffled"],
    "substring": "longest common substring of continuation and truth, as a share of the truth",
    "substring_control": "the same against options of other questions, on average",
    "substring_shuffled": "the same against the true options with their words shuffled, on average",
    "ngrams": "share of the truth's n-grams (three words or Chinese characters) that the continuation holds",
    "ngrams_control": "the same against options of other questions, on average",
    "controls": "options of other questions that were compared",
    "flag_continuation": TESTS["flag_continuation"],
}
REASONS = QUESTION_REASONS | {
    "options_name_each_other": "an option refers to others (all of the above, both A and B): its place is no "
    "choice, and other orders are no like ones",
    "options_in_order": "all options are numbers, and sorted: a model prefers that order unseen",
    "model_failed": "the model could not be asked; it was left out at the user's wish",
    "exact_duplicate": "the same question once more",
}


def leakage_card(manifest: Manifest, facts: LeakageFacts) -> str:
    """README.md of a leakage analysis."""
    form = CardForm(
        rows="questions",
        task_categories=("multiple-choice",),
        summary=lambda _: (
            "Which models have seen the questions of a benchmark, and which of our data overlaps it."
        ),
        counts=_counts,
        columns=COLUMNS,
        reasons=REASONS,
        unit=lambda stage: stage.source,
        sources=_sources,
        limits=_limits,
        sections=lambda _: [_rates(facts), _data(facts)],
    )
    return card(manifest, form, {})


def _counts(manifest: Manifest) -> str:
    first = manifest.funnel[0]
    return (
        f"{first.rows_in:,} questions were read, {first.rows_out:,} can be tested. A row is a question and a "
        "model; `questions/` has a row a question: the models that flag it, the versions that held it."
    )


def _rates(facts: LeakageFacts) -> str:
    rows: list[Sequence[Cell]] = [
        (
            code(one.model),
            meaning,
            f"{one.rate.flagged:,} of {one.rate.questions:,}",
            f"{percent(one.rate.rate)} ({percent(one.rate.low)} to {percent(one.rate.high)})",
            "not known" if one.rate.chance is None else percent(one.rate.chance),
            p_value(one.corrected),
        )
        for flag, meaning in TESTS.items()
        for one in facts.overall(flag)
    ]
    head = ("model", "test", "flagged", "rate", "by chance", "p (Holm)")
    return f"## Rates\n\n{table(head, rows) if rows else 'No test was made.'}"


def _data(facts: LeakageFacts) -> str:
    rows: list[Sequence[Cell]] = [
        (code(one["dataset"]), one["removed"], one["rows"], one["left"]) for one in facts.looked_at
    ]
    if not rows:
        return ""
    head = ("version", "removed rows", "rows that stayed", "of these with a question")
    return f"## Our data\n\n{table(head, rows)}"


def _sources(manifest: Manifest, licences: Mapping[str, str]) -> str:
    rows = [(one.name, one.source, one.bytes) for one in manifest.recipe.inputs]
    return "Questions keep the licences of their sources.\n\n" + table(("input", "file", "bytes"), rows)


def _limits(manifest: Manifest) -> list[str]:
    return [
        "A flag of one question proves nothing; rates are to be read against what chance gives.",
        "Published orders are not drawn by lot: authors sort options, and models prefer sorted ones unseen. "
        "Rates somewhat above chance come of that alone.",
        "A model may have learnt a question in another wording, language or layout: no test sees it.",
        "The questions are in `questions/`: who publishes them leaks them.",
    ]
