"""Scores and flags of each question and model, from what the models said."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.leakage import LEAST_ORDERS, forest_scores, has_forest, order_scores
from anessuite.leakage_config import Probing
from anessuite.leakage_continuation import continuation_scores, others_of, shuffled
from anessuite.leakage_schemas import PROBED_QUESTION, REJECTED_PROBE
from anessuite.llm.logprobs import score_of
from anessuite.llm.replies import BAD_REQUEST, REQUEST_FAILED
from anessuite.schemas import empty
from anessuite.stages import Stage
from tasks.generate import completions
from tasks.probe import Beginnings, Orders, parts_of, step_of

JUDGE = "judge"
MODEL_FAILED = "model_failed"
_UNANSWERED = (BAD_REQUEST, REQUEST_FAILED)


def forest_version() -> str | None:
    """The version of scikit-learn, whose isolation forest is reported beside the robust rule; it is part of
    the recipe."""
    return importlib.metadata.version("scikit-learn") if has_forest() else None


def stage_of_judging(stage: Stage) -> Stage:
    """The stage whose rows become ``data/``."""
    return Stage(stage.build, JUDGE, "questions x models", PROBED_QUESTION, REJECTED_PROBE)


@task(name="judge", cache_policy=NO_CACHE)
def judge_probes(stage: Stage, probing: Probing, failed: Mapping[str, str]) -> Stage:
    """Judge all parts that are not done; rows of models that failed are rejected with the reason."""
    after = stage_of_judging(stage)
    for number, model in enumerate(probing.models, start=1):
        controls = _Controls.of(stage, probing, number) if model.label not in failed else None
        for part in parts_of(stage, number):
            if after.done(part) is None:
                rows = stage.read(part)
                kept, rejected = (
                    (empty(PROBED_QUESTION), _rejected(rows, MODEL_FAILED, failed[model.label]))
                    if controls is None
                    else _judged(stage, probing, number, part, controls)
                )
                after.write(part, kept, after.as_rejected(rejected), rows_in=rows.height)
    return after


@dataclass(frozen=True, slots=True)
class _Controls:
    """What was shown, and the truths of all questions of a language, in order; and which of these are
    controls for which."""

    shown: dict[str, list[str]]
    truths: dict[str, list[str]]
    near: dict[str, list[list[int]]]
    places: dict[str, int]

    @classmethod
    def of(cls, stage: Stage, probing: Probing, number: int) -> "_Controls":
        found = cls({}, {}, {}, {})
        if "continuation" not in probing.tests:
            return found
        begun = Beginnings(stage, number, probing.continuation.first_option)
        for part in begun.parts():
            truths = found.truths.setdefault(part.split("-")[0], [])
            found.places[part] = len(truths)
            rows = begun.read(part)
            truths += rows["truth"].to_list()
            found.shown.setdefault(part.split("-")[0], []).extend(rows["text"].to_list())
        for language, truths in found.truths.items():
            found.near[language] = others_of(truths, seed=probing.seed)
        return found


def _judged(
    stage: Stage, probing: Probing, number: int, part: str, controls: _Controls
) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = stage.read(part)
    judged: list[dict[str, Any]] = [_place(row) for row in rows.iter_rows(named=True)]
    faults: list[tuple[str, str] | None] = [None] * rows.height
    if "order" in probing.tests:
        replies = completions(stage.build, step_of("order", number), part)
        asked = Orders(stage, number, probing.orders, probing.seed).read(part)
        grouped: list[list[dict[str, Any]]] = [[] for _ in judged]
        for at, reply in zip(asked["question"], replies.iter_rows(named=True), strict=True):
            grouped[at].append(reply)
        for at, mine in enumerate(grouped):
            faults[at] = _fault(mine)
            judged[at] |= {} if faults[at] else orders_judged(mine)
    if "continuation" in probing.tests:
        replies = completions(stage.build, step_of("continuation", number), part)
        for at, reply in enumerate(replies.iter_rows(named=True)):
            faults[at] = faults[at] or _fault([reply])
            judged[at] |= {} if faults[at] else _continued(reply["text"], part, at, controls, probing.seed)
    whole = pl.DataFrame(judged, schema=empty(PROBED_QUESTION).schema)
    is_lost = pl.Series([fault is not None for fault in faults], dtype=pl.Boolean)
    told = [fault for fault in faults if fault]
    lost = rows.filter(is_lost).with_columns(
        reason=pl.Series([one[0] for one in told], dtype=pl.String),
        evidence=pl.Series([one[1] for one in told], dtype=pl.String),
    )
    return whole.filter(~is_lost), lost


def _place(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "question_id", "language", "source", "source_id", "model", "size")
    nothing = dict.fromkeys(PROBED_QUESTION.names)
    return nothing | {name: row[name] for name in names} | {"options": len(row["options"])}


def _rejected(rows: pl.DataFrame, reason: str, why: str) -> pl.DataFrame:
    evidence = orjson.dumps({"error": why}).decode()
    return rows.with_columns(reason=pl.lit(reason), evidence=pl.lit(evidence))


def _fault(replies: Sequence[Mapping[str, Any]]) -> tuple[str, str] | None:
    """Why a question is not judged: one of its requests got no answer."""
    lost = [reply for reply in replies if reply["fault"] in _UNANSWERED]
    if not lost:
        return None
    said = {"unanswered": len(lost), "requests": len(replies), "said": lost[0]["detail"]}
    return str(lost[0]["fault"]), orjson.dumps(said).decode()


def orders_judged(replies: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Columns of the option-order test; the first reply is of the original order."""
    told = [score_of(reply["text"]) for reply in replies]
    scores = [score for score, _ in told]
    found = order_scores(scores)
    columns: dict[str, Any] = {
        "orders": found.orders,
        "tokens": told[0][1],
        "log_probability": scores[0],
        "rank": found.rank,
        "margin": found.margin,
    }
    if found.orders < LEAST_ORDERS:
        return columns
    forest = forest_scores(scores) if has_forest() else (None, None)
    return columns | {
        "z": found.z,
        "highest_z": found.highest_z,
        "lowest_z": found.lowest_z,
        "forest": forest[0],
        "forest_highest": forest[1],
        "flag_order": found.is_highest,
        "flag_order_outlier": found.is_highest and found.highest_is_outlier,
        "flag_shuffled": found.highest_is_outlier,
    }


def _continued(text: str, part: str, at: int, controls: _Controls, seed: int) -> dict[str, Any]:
    language = part.split("-")[0]
    truths, place = controls.truths[language], controls.places[part] + at
    others = [truths[other] for other in controls.near[language][place]]
    truth = truths[place]
    mixed = shuffled(truth, seed=seed, name=truth)
    found = continuation_scores(text, truth, others, mixed, known=controls.shown[language][place])
    if found is None:
        return {}
    columns = asdict(found)
    return columns | {"flag_continuation": columns.pop("is_recited")}
