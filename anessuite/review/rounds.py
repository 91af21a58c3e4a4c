"""What goes to people: questions drawn for annotators, or questions in dispute for an adjudicator.

A folder gets, all about the same questions in the same order::

    label-studio.{language}.json   tasks      label-studio.{language}.xml   the labelling page
    review.{reviewer}.xlsx         a workbook for each reviewer
    export.json                    see anessuite.review.exports; written last
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl
from pydantic import ValidationError

from anessuite.errors import ConfigError, NothingKept
from anessuite.normalisation import normalise
from anessuite.review import label_studio
from anessuite.review.draw import LOW_AGREEMENT, draw
from anessuite.review.exports import EXPORT, ReviewExport, strata
from anessuite.review.opinions import LEVELS, Role, current_reviews, settle, with_content, with_model_level
from anessuite.review.questions import graded_questions
from anessuite.review.store import ReviewStore
from anessuite.review.words import told
from anessuite.review.workbooks import workbook
from anessuite.storage import MANIFEST, Store
from anessuite.versions import DatasetRef

_MOST_REVIEWERS = 50
DISPUTED = "disputed"
_WRITTEN = ("review.", "label-studio.")
"""How the names of an export's files begin."""


@dataclass(frozen=True, slots=True)
class Round:
    """An export with its questions.

    They have the columns of GRADED_QUESTION, ``content``, ``model_level``, ``why``, ``drawn``, and for
    adjudicators ``opinions`` (text).
    """

    export: ReviewExport
    questions: pl.DataFrame

    @property
    def reviewers(self) -> dict[str, str]:
        """Name of the workbook -> name of the person, as far as it is known."""
        kinds = [f"{self.export.role}-{number}" for number in range(1, self.export.annotators + 1)]
        names = self.export.names or kinds
        return dict(zip(kinds, names, strict=True))

    def tasks(self) -> dict[str, list[dict[str, Any]]]:
        """Label Studio's tasks by language."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.questions.iter_rows(named=True):
            found.setdefault(row["language"], []).append(_task(row, self.export))
        return dict(sorted(found.items()))


def annotation_round(
    store: Store,
    ref: DatasetRef,
    *,
    fraction: float,
    seed: int,
    annotators: int,
    agreement_below: float,
    names: Sequence[str] = (),
) -> Round:
    """The questions of a version that annotators are to review; see `draw.draw`.

    ``names`` are the annotators, if they are known. Raises VersionNotFound, ConfigError for a version without
    levels or numbers that make no sense, NothingKept if no question is to be reviewed.
    """
    _check_reviewers(annotators, names)
    questions = graded_questions(store, ref)
    chosen = draw(questions, fraction=fraction, seed=seed, agreement_below=agreement_below)
    if chosen.is_empty():
        raise NothingKept(f"no question of {ref} is to be reviewed", "raise --fraction or --agreement-below")
    of = {"fraction": fraction, "seed": seed, "agreement_below": agreement_below}
    export = _export(store, ref, questions, chosen, "annotator", annotators=annotators, names=names, **of)
    return Round(export, with_content(chosen))


def adjudication_round(store: Store, ref: DatasetRef, *, names: Sequence[str] = ()) -> Round:
    """The questions on whose level annotators disagree and nobody has decided, with what each of them says.

    ``names`` is the adjudicator's, if it is known. Raises VersionNotFound, ConfigError, NothingKept if there
    is no disagreement.
    """
    _check_reviewers(max(1, len(names)), names)
    questions, reviews = graded_questions(store, ref), ReviewStore(store, ref.name).reviews()
    disputed = settle(questions, reviews).filter("disputed")["id"]
    if disputed.is_empty():
        raise NothingKept(
            f"the annotators disagree on no question of {ref}",
            f"anes review status {ref} shows how many questions they reviewed",
        )
    chosen = with_model_level(questions).drop("model_origin").filter(pl.col("id").is_in(disputed.implode()))
    chosen = with_content(chosen.with_columns(drawn=pl.lit(False), why=pl.lit(DISPUTED))).sort(
        "language", "id"
    )
    with_opinions = chosen.with_columns(opinions=_opinions(chosen, current_reviews(chosen, reviews)))
    number = max(1, len(names))
    export = _export(store, ref, questions, chosen, "adjudicator", annotators=number, names=names)
    return Round(export, with_opinions)


def write_round(out: Store, made: Round) -> list[str]:
    """Write all files into ``out``; returns their names.

    Files of this very export that are there stay as they are: they may be filled. Raises ConfigError if
    ``out`` holds another export.
    """
    _refuse_used(out, made.export)
    files: dict[str, bytes] = {}
    for language, tasks in made.tasks().items():
        files[f"label-studio.{language}.json"] = json.dumps(tasks, ensure_ascii=False, indent=1).encode()
        files[f"label-studio.{language}.xml"] = label_studio.labelling_config(language).encode()
    for reviewer, name in made.reviewers.items():
        book = workbook(made.questions, made.export, reviewer=reviewer, name=name)
        files[f"review.{reviewer}.xlsx"] = book
    files[EXPORT] = made.export.as_bytes()
    for name, content in files.items():
        if not out.exists(name):
            out.write_bytes(name, content)
    return list(files)


def _refuse_used(out: Store, export: ReviewExport) -> None:
    there = [name for name in out.files(".") if name == EXPORT or name.startswith(_WRITTEN)]
    if not there:
        return
    with suppress(ValidationError, FileNotFoundError):
        if ReviewExport.model_validate_json(out.read_bytes(EXPORT)).export == export.export:
            return
    raise ConfigError(
        f"{out.root} holds another export already ({there[0]}), perhaps with filled workbooks",
        "choose another folder",
    )


def _check_reviewers(annotators: int, names: Sequence[str]) -> None:
    if not 1 <= annotators <= _MOST_REVIEWERS:
        raise ConfigError(f"{annotators} opinions a question", f"it is a number from 1 to {_MOST_REVIEWERS}")
    if names and len(names) != annotators:
        raise ConfigError(
            f"{len(names)} names for {annotators} opinions a question", "name each of the people, or nobody"
        )
    plain = [normalise(name) for name in names]
    if "" in plain or len(set(plain)) < len(plain):
        raise ConfigError(
            "two names are alike, or one is empty", "give each of the people a name of their own"
        )


def _export(
    store: Store,
    ref: DatasetRef,
    questions: pl.DataFrame,
    chosen: pl.DataFrame,
    role: Role,
    *,
    annotators: int,
    names: Sequence[str],
    fraction: float | None = None,
    seed: int | None = None,
    agreement_below: float | None = None,
) -> ReviewExport:
    return ReviewExport.of(
        version=str(ref),
        manifest_sha256=store.sha256(f"{store.folder(ref)}/{MANIFEST}")[0],
        role=role,
        fraction=fraction,
        seed=seed,
        agreement_below=agreement_below,
        annotators=annotators,
        names=list(names),
        strata=strata(with_model_level(questions), chosen),
        drawn=chosen.filter("drawn")["id"].to_list(),
        low_agreement=chosen.filter(pl.col("why") == LOW_AGREEMENT)["id"].to_list(),
        ids=chosen["id"].to_list(),
        at=datetime.now(UTC).replace(microsecond=0),
    )


def _task(row: dict[str, Any], export: ReviewExport) -> dict[str, Any]:
    """A task; an adjudicator reads the opinions below the answer, on the same page as annotators have."""
    task = label_studio.task(row, version=export.version, export=export.export, role=export.role)
    task["data"]["why"] = row["why"]
    if opinions := row.get("opinions"):
        task["data"]["gold"] = f"{task['data']['gold']}\n\n{opinions}"
    return task


def _opinions(questions: pl.DataFrame, reviews: pl.DataFrame) -> pl.Series:
    """What each annotator says of each question, a line each, those of the lowest level first."""
    languages = dict(questions.select("id", "language").iter_rows())
    lines: dict[str, list[str]] = {}
    order = pl.col("level").replace_strict({level: i for i, level in enumerate(LEVELS)}, default=None)
    for row in reviews.filter(pl.col("role") == "annotator").sort(order, "annotator").iter_rows(named=True):
        lines.setdefault(row["id"], []).append(told(row, languages[row["id"]]))
    return pl.Series(["\n".join(lines[id_]) for id_ in questions["id"]], dtype=pl.String)
