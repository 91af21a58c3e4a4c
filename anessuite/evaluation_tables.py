"""The tables of an evaluation, as its report shows them and its version stores them."""

from dataclasses import dataclass, fields

import polars as pl


@dataclass(frozen=True, slots=True)
class EvaluationTables:
    """Frames as SCORE, COMPARISON, LENGTH, LENGTH_EFFECT, GAP and ORDER of `evaluation_schemas`."""

    scores: pl.DataFrame
    comparisons: pl.DataFrame
    lengths: pl.DataFrame
    length_effects: pl.DataFrame
    gaps: pl.DataFrame
    orders: pl.DataFrame

    @property
    def frames(self) -> dict[str, pl.DataFrame]:
        """Each table by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
