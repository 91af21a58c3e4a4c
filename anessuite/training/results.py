"""What came of a training, for card and report: models, curves, and scores before and after."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from anessuite.scores import ALL
from anessuite.storage import Store
from anessuite.training.chains import BASE
from anessuite.training.models import Trained
from anessuite.training.plans import StagePlan
from anessuite.versions import DatasetRef

BENCH, GENERAL = "bench", "general"


@dataclass(frozen=True, slots=True)
class Examined:
    """One evaluation: its reference, SCORE and COMPARISON."""

    ref: str
    scores: pl.DataFrame
    comparisons: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Results:
    """``models`` in the order of training; ``kept`` are those whose weights the version holds; ``examined``
    by BENCH and GENERAL, as far as the config asks for them."""

    plan: Mapping[str, StagePlan]
    models: Sequence[Trained]
    kept: frozenset[str]
    curves: pl.DataFrame
    examined: Mapping[str, Examined]

    def scores(self, name: str) -> pl.DataFrame:
        """All levels of an evaluation: a row a model and language, base first, then as they were trained."""
        if name not in self.examined:
            return pl.DataFrame()
        order = {label: n for n, label in enumerate([BASE, *(one.label for one in self.models)])}
        found = self.examined[name].scores.filter(pl.col("level") == ALL)
        place = pl.col("model").replace_strict(order, default=len(order), return_dtype=pl.Int64)
        return found.sort(place, "language")

    def against_base(self, name: str) -> pl.DataFrame:
        """COMPARISON of each model with the base model, turned so that the difference is what was gained."""
        if name not in self.examined:
            return pl.DataFrame()
        pairs = self.examined[name].comparisons
        ours = pairs.filter((pl.col("other_model") == BASE) & (pl.col("model") != BASE))
        turned = pairs.filter((pl.col("model") == BASE) & (pl.col("other_model") != BASE)).with_columns(
            model=pl.col("other_model"),
            other_model=pl.col("model"),
            difference=0.0 - pl.col("difference"),
            low=0.0 - pl.col("high"),
            high=0.0 - pl.col("low"),
            only_model=pl.col("only_other"),
            only_other=pl.col("only_model"),
        )
        return pl.concat([ours, turned.select(ours.columns)]).sort("model", "language")

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """What stands in ``tables/``, by name."""
        return {"curves": self.curves} | {
            f"{name}_{kind}": frame
            for name, one in self.examined.items()
            for kind, frame in (("scores", one.scores), ("comparisons", one.comparisons))
        }


def read_examined(store: Store, ref: str) -> Examined:
    """The tables of an evaluation."""
    folder = store.folder(DatasetRef.parse(ref))
    scores, comparisons = (
        pl.read_parquet(io.BytesIO(store.read_bytes(f"{folder}/tables/{name}.parquet")))
        for name in ("scores", "comparisons")
    )
    return Examined(ref, scores, comparisons)
