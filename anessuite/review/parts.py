"""What the card and the report of a benchmark say of its review by people."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from anessuite.card_markdown import Cell as CardCell
from anessuite.card_markdown import code
from anessuite.card_markdown import table as card_table
from anessuite.card_words import language_name
from anessuite.charts import Bar, bars
from anessuite.pages import Cell, figure, nothing, table
from anessuite.report_parts import charts, ratio
from anessuite.review.agreement import Measure
from anessuite.review.progress import Against, ReviewStatistics
from anessuite.votes import LEVELS


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """How far the review of a version is (see `progress.progress`), and how much people agree."""

    progress: pl.DataFrame
    statistics: ReviewStatistics
    fraction: float
    annotators: int

    @property
    def missing(self) -> int:
        """Questions that people still have to look at."""
        return int(self.progress["missing"].sum())

    @property
    def is_reviewed(self) -> bool:
        """Has anybody looked at anything?"""
        return bool(self.statistics.reviews)


def review_on_card(facts: ReviewFacts) -> str:
    """The card's section."""
    told = facts.statistics
    asked = (
        f"{facts.fraction:.0%} of the questions of each language and level were to be reviewed by "
        f"{facts.annotators} people each, on pages that show the model's opinion only after a choice."
    )
    state = "" if not facts.missing else "\n\n**Not reviewed as asked:** it came out before people were done."
    rows: list[Sequence[CardCell]] = [
        (language_name(row["language"]), code(row["level"]), row["questions"], row["wanted"], row["reviewed"])
        for row in facts.progress.iter_rows(named=True)
    ]
    parts = [
        f"## Review by people\n\n{asked}{state}",
        card_table(("language", "model's level", "questions", "wanted", "reviewed"), rows),
    ]
    if facts.is_reviewed:
        measures = [("people with each other", one) for one in told.human]
        measures += [("people with the model", one) for one in told.model.measures]
        if told.drawn is not None:
            measures += [("the same, drawn questions only", one) for one in told.drawn.measures]
        parts += [
            f"{len(told.reviews)} annotators wrote {sum(told.reviews.values()):,} reviews; {told.several:,} "
            f"questions have two or more. {told.adjudicated:,} disagreements were adjudicated, "
            f"{len(told.disputed):,} are open.",
            card_table(("agreement", "measure", "value", "95 % interval", "questions"), _measures(measures)),
        ]
    return "\n\n".join(parts)


def _measures(measures: Sequence[tuple[str, Measure]]) -> list[tuple[str | int, ...]]:
    return [(whose, one.name, *value_of(one), one.questions) for whose, one in measures]


def value_of(measure: Measure) -> tuple[str, str]:
    """Value and interval in words, or the reason why there is none."""
    if measure.value is None:
        return "none", measure.reason or ""
    if measure.low is None or measure.high is None:
        return f"{measure.value:.2f}", measure.reason or ""
    return f"{measure.value:.2f}", f"{measure.low:.2f} to {measure.high:.2f}"


def review_on_page(facts: ReviewFacts) -> list[str]:
    """The report's section: progress, agreement, confusion by level, what is open."""
    told = facts.statistics
    rows: list[Sequence[Cell]] = [
        (
            language_name(row["language"]),
            row["level"],
            row["questions"],
            row["wanted"],
            row["reviewed"],
            row["missing"],
            ratio(row["reviewed"], row["questions"]),
        )
        for row in facts.progress.iter_rows(named=True)
    ]
    head = ("Language", "Model's level", "Questions", "Wanted", "Reviewed", "Missing", "Share reviewed")
    progress = table(head, rows) if rows else nothing("No question.")
    if not facts.is_reviewed:
        return [nothing("Nobody has reviewed a question of this version yet."), progress]
    people = [Bar(name, count, f"{count:,}") for name, count in told.reviews.items()]
    return [
        progress,
        charts([figure(bars(people, log=False), "Questions reviewed, by annotator")]),
        "<h3>People with each other</h3>",
        _agreement([*told.human, *(pair.kappa for pair in told.pairs)], _names(told)),
        "<h3>People with the model</h3>",
        _agreement(told.model.measures, [""] * len(told.model.measures)),
        "" if told.drawn is None else "<h3>People with the model, questions drawn by chance</h3>",
        "" if told.drawn is None else _agreement(told.drawn.measures, [""] * len(told.drawn.measures)),
        _confusion(told.model),
        "<h3>Open questions</h3>",
        nothing(
            f"{len(told.disputed):,} disagreements on the level wait for an adjudicator; "
            f"{told.adjudicated:,} are decided. {len(told.doubted):,} questions were found wrong or unsound, "
            "and are among the dropped ones."
        ),
    ]


def _names(told: ReviewStatistics) -> list[str]:
    return ["all annotators"] * len(told.human) + [f"{pair.first} and {pair.second}" for pair in told.pairs]


def _agreement(measures: Sequence[Measure], names: Sequence[str]) -> str:
    rows: list[Sequence[Cell]] = [
        (one.name, name, *value_of(one), one.questions) for one, name in zip(measures, names, strict=True)
    ]
    return table(("Measure", "Between", "Value", "95 % interval", "Questions"), rows)


def _confusion(against: Against) -> str:
    rows: list[Sequence[Cell]] = [
        (f"people: {level}", *counts) for level, counts in zip(LEVELS, against.confusion, strict=True)
    ]
    return table(("", *(f"model: {level}" for level in LEVELS)), rows)
