"""The questions of a finished version, as reviews need them."""

import io
from collections.abc import Iterable

import polars as pl

from anessuite.errors import ConfigError
from anessuite.manifests import File
from anessuite.question_schemas import GRADED_QUESTION
from anessuite.storage import Store
from anessuite.versions import DatasetRef

_JUDGED = ("id", "question", "options", "answer")
_DROPPED_BY_REVIEW = pl.col("stage") == "review"


def graded_questions(store: Store, ref: DatasetRef) -> pl.DataFrame:
    """All questions of a version (GRADED_QUESTION), sorted by id.

    Raises VersionNotFound, and ConfigError for a version whose rows have no levels.
    """
    manifest = store.manifest(ref)
    if missing := [name for name in GRADED_QUESTION.names if name not in manifest.schema_]:
        raise ConfigError(
            f"{ref} cannot be reviewed: its rows have no {missing[0]}",
            "reviews are of graded questions, such as those of bench; anes list shows what is there",
        )
    empty = pl.DataFrame(GRADED_QUESTION.empty_table())
    frames = _frames(store, ref, manifest.data_files())
    return pl.concat([empty, *(frame.select(GRADED_QUESTION.names) for frame in frames)]).sort("id")


def judged_questions(store: Store, ref: DatasetRef) -> pl.DataFrame:
    """What people may have judged: ``id``, ``question``, ``options``, ``answer``.

    Beside the questions of the version these are the ones that it dropped because people found them wrong:
    who takes a doubt back has to be heard. Raises as `graded_questions`.
    """
    there = graded_questions(store, ref).select(_JUDGED)
    rejected = _frames(store, ref, store.manifest(ref).rejected_files())
    dropped = [frame.filter(_DROPPED_BY_REVIEW).select(_JUDGED) for frame in rejected if "stage" in frame]
    return pl.concat([there, *dropped]).unique("id", keep="first", maintain_order=True)


def _frames(store: Store, ref: DatasetRef, files: Iterable[File]) -> list[pl.DataFrame]:
    paths = [f"{store.folder(ref)}/{file.path}" for file in files]
    return [pl.read_parquet(io.BytesIO(store.read_bytes(path))) for path in paths]
