"""What was given to people to review: ``export.json``, which tells a later import what it may hold."""

import hashlib
import json
from datetime import datetime
from typing import Any

import polars as pl
from pydantic import Field

from anessuite.config import Config
from anessuite.review.draw import LOW_AGREEMENT
from anessuite.review.opinions import Role

EXPORT = "export.json"
_ID_CHARS = 16


class Stratum(Config):
    """How many questions of one language and level (the model's) were exported, and why."""

    language: str
    level: str
    questions: int
    """in the version"""
    drawn: int
    low_agreement: int
    """of low agreement or tied; some of them are drawn, too"""
    exported: int


class ReviewExport(Config):
    """One export. ``export``, its id, is a digest of all the rest but the time."""

    export: str = Field(pattern=r"^[0-9a-f]{16}$")
    version: str
    manifest_sha256: str
    role: Role
    fraction: float | None
    """None where questions were not drawn, as for adjudicators"""
    seed: int | None
    agreement_below: float | None
    annotators: int
    names: list[str]
    """of the annotators, if they are known; an import then takes no others"""
    strata: list[Stratum]
    drawn: list[str]
    """ids of the questions that were drawn by chance: only these speak for the whole version"""
    low_agreement: list[str]
    """ids of those that the model is not sure of, drawn or not"""
    ids: list[str]
    """of all exported questions, in their order"""
    at: datetime

    @classmethod
    def of(cls, **content: Any) -> "ReviewExport":
        """An export with the id that its content gives it."""
        unnamed = cls(export="0" * _ID_CHARS, **content)
        told = unnamed.model_dump(mode="json", exclude={"export", "at"})
        digest = hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
        return cls(export=digest[:_ID_CHARS], **content)

    def as_bytes(self) -> bytes:
        return self.model_dump_json(indent=1).encode("utf-8")


def strata(questions: pl.DataFrame, chosen: pl.DataFrame) -> list[Stratum]:
    """Counts by language and model level; ``chosen`` is of `draw.draw`, both have ``model_level``."""
    by = ["language", "model_level"]
    counts = chosen.group_by(by).agg(
        pl.col("drawn").sum().cast(pl.Int64),
        (pl.col("why") == LOW_AGREEMENT).sum().cast(pl.Int64).alias("low_agreement"),
        pl.len().cast(pl.Int64).alias("exported"),
    )
    joined = questions.group_by(by).len("questions").join(counts, on=by, how="left").sort(by)
    rows = joined.rename({"model_level": "level"}).fill_null(0).to_dicts()
    return [Stratum(**row) for row in rows]
