"""What report and card of a leakage analysis show: rates against chance, by model, language and source."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from anessuite.holm import holm
from anessuite.leakage import FOREST_THRESHOLDS, OUTLIER, outlier_chance
from anessuite.leakage_rates import Mean, Rate, mean_of, mean_rank, rate_of
from anessuite.leakage_schemas import FLAGS

TESTS = {
    "flag_order": "order known: the published order is the likeliest",
    "flag_order_outlier": "order known: the likeliest, and an outlier",
    "flag_shuffled": "may be shuffled: the likeliest order is an outlier",
    "flag_continuation": "continuation: half of the rest in one piece, more than of any control",
}
"""Flags and what each says."""
ALL = "all"


@dataclass(frozen=True, slots=True)
class TestRate:
    """The rate of one flag of one model; language and source are ``all`` or one. ``corrected`` is Holm's p
    over the models, for the rates of all questions only."""

    model: str
    flag: str
    language: str
    source: str
    rate: Rate
    corrected: float | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of one model beside its rates."""

    model: str
    size: float | None
    questions: int
    few_orders: int
    """Questions with two options: scored, but in no rate."""
    too_short: int
    """Questions whose continuation is too short to tell."""
    relative_rank: tuple[float, float] | None
    """Mean, and its standard error under chance."""
    lowest_outliers: int
    """Questions whose lowest score is an outlier: false alarms that are to be expected of the highest."""
    ranks: dict[int, int]
    """Rank of the original among ``most_orders`` -> questions."""
    most_orders: int
    z: list[float]
    forest: dict[float, tuple[int, int]]
    """Threshold -> questions whose original, and whose highest order, is an outlier; empty without it."""
    excess: dict[str, Mean | None]
    """Score -> mean excess over the controls."""


@dataclass(frozen=True, slots=True)
class LeakageFacts:
    """Everything that is shown."""

    rates: list[TestRate]
    models: list[ModelFacts]
    overlap: pl.DataFrame
    """OVERLAP, of questions that are flagged or found only."""
    looked_at: list[dict[str, Any]]
    failed: dict[str, str]

    def overall(self, flag: str) -> list[TestRate]:
        """The rates of all questions, a model each."""
        return [one for one in self.rates if one.flag == flag and one.language == one.source == ALL]


def leakage_facts(
    frames: Iterable[pl.DataFrame],
    overlap: pl.DataFrame,
    looked_at: Sequence[dict[str, Any]],
    failed: dict[str, str],
    *,
    seed: int,
) -> LeakageFacts:
    """From frames of PROBED_QUESTION; ``overlap`` is OVERLAP of all questions."""
    whole = pl.concat(list(frames))
    rates: list[TestRate] = []
    models: list[ModelFacts] = []
    for (model,), rows in whole.group_by("model", maintain_order=True):
        models.append(_model(str(model), rows, seed))
        rates += _rates(str(model), rows, seed)
    told = overlap.filter((pl.col("flagged_by").list.len() > 0) | (pl.col("found_in").list.len() > 0))
    return LeakageFacts(_corrected(rates), models, told, list(looked_at), dict(failed))


def _rates(model: str, rows: pl.DataFrame, seed: int) -> list[TestRate]:
    found: list[TestRate] = []
    groups: list[tuple[str, str, pl.DataFrame]] = [(ALL, ALL, rows)]
    for (language,), mine in rows.group_by("language", maintain_order=True):
        groups.append((str(language), ALL, mine))
    for (language, source), mine in rows.group_by("language", "source", maintain_order=True):
        groups.append((str(language), str(source), mine))
    for language, source, mine in groups:
        for flag in FLAGS:
            judged = mine.filter(pl.col(flag).is_not_null())
            rate = rate_of(judged[flag].to_list(), chances(judged, flag, seed))
            if rate is not None:
                found.append(TestRate(model, flag, language, source, rate))
    return found


def chances(rows: pl.DataFrame, flag: str, seed: int) -> list[float] | None:
    """How often chance alone would flag each of these questions; None where nobody can say.

    The likeliest order is the published one with 1 in as many as there are orders. For "and an outlier" the
    same holds of those questions that have an outlier, whichever order it is: what is compared is whether
    it is the published one. For any outlier see `anessuite.leakage.outlier_chance`. How much of a question
    can be guessed from its beginning nobody knows.
    """
    if flag == "flag_continuation":
        return None
    orders = rows["orders"].to_list()
    if flag == "flag_order":
        return [1 / count for count in orders]
    if flag == "flag_order_outlier":
        return [
            (1 / count if outlier else 0.0)
            for count, outlier in zip(orders, rows["flag_shuffled"], strict=True)
        ]
    known = {count: outlier_chance(count, seed=seed) for count in set(orders)}
    return [known[count] for count in orders]


def _corrected(rates: list[TestRate]) -> list[TestRate]:
    """With Holm's p over the models, flag by flag."""
    found: dict[int, float] = {}
    for flag in FLAGS:
        told = {
            i: one.rate.p
            for i, one in enumerate(rates)
            if one.flag == flag and one.language == one.source == ALL and one.rate.p is not None
        }
        found |= dict(zip(told, holm([*told.values()]), strict=True))
    return [
        TestRate(one.model, one.flag, one.language, one.source, one.rate, found.get(i))
        for i, one in enumerate(rates)
    ]


def _model(model: str, rows: pl.DataFrame, seed: int) -> ModelFacts:
    judged = rows.filter(pl.col("flag_order").is_not_null())
    most = int(judged["orders"].max() or 0) if judged.height else 0  # type: ignore[arg-type]
    ranked = judged.filter(pl.col("orders") == most)
    continued = rows.filter(pl.col("substring").is_not_null())
    was_continued = continued.height > 0
    return ModelFacts(
        model=model,
        size=rows["size"][0],
        questions=rows.height,
        few_orders=rows.filter(pl.col("orders").is_not_null() & pl.col("flag_order").is_null()).height,
        too_short=rows.filter(pl.col("substring").is_null()).height if was_continued else 0,
        relative_rank=mean_rank(judged["rank"].to_list(), judged["orders"].to_list()),
        lowest_outliers=judged.filter(pl.col("lowest_z") < -OUTLIER).height,
        ranks=dict(ranked.group_by("rank").len().sort("rank").iter_rows()),
        most_orders=most,
        z=judged["z"].to_list(),
        forest=_forest(judged),
        excess={
            name: mean_of((continued[score] - continued[control]).to_list(), seed=seed)
            for name, score, control in (
                ("longest substring, over options of other questions", "substring", "substring_control"),
                ("longest substring, over its own words shuffled", "substring", "substring_shuffled"),
                ("n-grams, over options of other questions", "ngrams", "ngrams_control"),
            )
        },
    )


def _forest(judged: pl.DataFrame) -> dict[float, tuple[int, int]]:
    scored = judged.filter(pl.col("forest").is_not_null())
    if not scored.height:
        return {}
    return {
        threshold: (
            scored.filter(pl.col("flag_order") & (pl.col("forest") < threshold)).height,
            scored.filter(pl.col("forest_highest") < threshold).height,
        )
        for threshold in FOREST_THRESHOLDS
    }


def overlap_of(questions: pl.DataFrame, judged: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """OVERLAP of all questions, from their places (PROBE's columns), PROBED_QUESTION and FOUND rows."""
    asked = questions.unique("question_id", keep="first", maintain_order=True)
    flagged = (
        judged.unpivot(on=list(FLAGS), index=["question_id", "model"])
        .filter(pl.col("value"))
        .with_columns(by=pl.concat_str("model", pl.lit(": "), pl.col("variable").str.strip_prefix("flag_")))
        .group_by("question_id")
        .agg(flagged_by=pl.col("by").sort())
    )
    held = (
        found.group_by("question_id", "dataset", "place")
        .agg(rows=pl.col("row").n_unique().cast(pl.UInt32), example=pl.col("row").min())
        .sort("dataset", "place")
        .group_by("question_id", maintain_order=True)
        .agg(found_in=pl.struct("dataset", "place", "rows", "example"))
    )
    joined = asked.join(flagged, on="question_id", how="left").join(held, on="question_id", how="left")
    return joined.select(
        pl.col("question_id").alias("id"),
        *("language", "source", "source_id", "question"),
        pl.col("flagged_by").fill_null([]),
        pl.col("found_in").fill_null([]),
    )
