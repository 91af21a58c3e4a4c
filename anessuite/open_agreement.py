"""Does the judge of open answers agree with the multiple-choice result, and with people?

Judge and key may differ for good reason: a model that picks the right letter may not know the answer without
it. People's verdicts on a sample tell whether the judge is to be trusted.
"""

from collections.abc import Iterator
from typing import Any, Final

import polars as pl
import pyarrow as pa

from anessuite.errors import SourceError
from anessuite.schemas import empty

OPEN: Final = "open"
_VERDICTS = ("correct", "wrong")

AGREEMENT = pa.schema(
    [
        pa.field("model", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("beside", pa.string(), nullable=False),
        pa.field("questions", pa.uint32(), nullable=False),
        pa.field("open_accuracy", pa.float64(), nullable=False),
        pa.field("other_accuracy", pa.float64(), nullable=False),
        pa.field("same", pa.float64(), nullable=False),
        pa.field("kappa", pa.float64()),
        pa.field("kappa_low", pa.float64()),
        pa.field("kappa_high", pa.float64()),
    ]
)
"""Open answers ``beside`` those of a style with options, or ``people``, on the questions that have both.

``same`` is the share with the same verdict (correct or not), ``kappa`` Cohen's, with its 95 % interval; null
where all verdicts are alike."""


def open_agreement(answers: pl.DataFrame, people: pl.DataFrame | None = None) -> pl.DataFrame:
    """AGREEMENT of a frame of ANSWER, and of people's verdicts (question_id, model, is_right)."""
    first = (pl.col("order") == 0) & (pl.col("attempt") == 1)
    own = answers.filter(first).with_columns(is_right=pl.col("verdict") == "correct")
    opened, others = own.filter(pl.col("style") == OPEN), own.filter(pl.col("style") != OPEN)
    names = ["model", "question_id", "is_right"]
    judged = opened.select(*names, "language")
    beside = [others.select(*names, beside="style")]
    if people is not None:
        beside.append(people.select(*names, beside=pl.lit("people")))
    keys = ["model", "question_id"]
    joined = judged.join(pl.concat(beside), on=keys, suffix="_other", maintain_order="left")
    both = pl.concat([joined, joined.with_columns(language=pl.lit("all"))])
    return pl.DataFrame(list(_lines(both)), schema=empty(AGREEMENT).schema)


def _lines(joined: pl.DataFrame) -> Iterator[dict[str, Any]]:
    from anessuite.review.agreement import cohens_kappa

    keys = ["model", "language", "beside"]
    for (model, language, beside), rows in joined.sort(keys).group_by(keys, maintain_order=True):
        kappa = cohens_kappa(_named(rows["is_right"]), _named(rows["is_right_other"]), _VERDICTS)
        yield {
            "model": model,
            "language": language,
            "beside": beside,
            "questions": rows.height,
            "open_accuracy": rows["is_right"].mean(),
            "other_accuracy": rows["is_right_other"].mean(),
            "same": (rows["is_right"] == rows["is_right_other"]).mean(),
            "kappa": kappa.value,
            "kappa_low": kappa.low,
            "kappa_high": kappa.high,
        }


def _named(is_right: pl.Series) -> list[str]:
    return ["correct" if right else "wrong" for right in is_right]


def read_people(content: bytes, name: str) -> pl.DataFrame:
    """People's verdicts from CSV with the columns question_id, model and verdict.

    Raises SourceError for other columns, verdicts that are neither correct nor wrong, or a row given twice.
    """
    try:
        rows = pl.read_csv(content, infer_schema=False)
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise SourceError(f"{name} is no CSV: {error}") from None
    missing = {"question_id", "model", "verdict"} - set(rows.columns)
    if missing:
        raise SourceError(f"{name} lacks {', '.join(sorted(missing))}", f"it has: {', '.join(rows.columns)}")
    verdict = pl.col("verdict").str.strip_chars().str.to_lowercase()
    unknown = rows.filter(~verdict.is_in(_VERDICTS).fill_null(value=False))
    if unknown.height:
        raise SourceError(
            f"{name}: {unknown['verdict'][0]!r} is no verdict", f"one of {', '.join(_VERDICTS)}"
        )
    if rows.select(pl.struct("question_id", "model").is_duplicated().any()).item():
        raise SourceError(f"{name}: a question has two verdicts on one model", "leave one of them")
    return rows.with_columns(is_right=verdict == "correct")
