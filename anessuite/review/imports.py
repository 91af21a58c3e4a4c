"""Filled files of reviewers, checked and merged into the stored reviews.

A row without a level is not yet reviewed. What cannot be taken is refused, with a reason and evidence:

==================  ====================================================================================
no_level            something is filled in, but no level
unknown_annotator   the name is not one of those that the export, or the caller, names
unknown_role        neither annotator nor adjudicator
unknown_question    the version has no question with this id
content_changed     the question, its options or its answer changed since it was exported
text_changed        the question in the row is not the one that its id stands for: rows were shifted
unknown_level       no cognitive level; unknown_gold_correct and unknown_sound alike
no_time             the file does not tell when
conflict            the same annotator says something else of the same question at the same time
superseded          a later review of the same annotator is there
==================  ====================================================================================
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from anessuite.errors import AnesError, ConfigError, SourceError
from anessuite.normalisation import normalise
from anessuite.review.files import SAID, ReviewFile
from anessuite.review.merge import REFUSED, fates, merged
from anessuite.review.opinions import GOLD_CORRECT, LEVELS, ROLES, SOUND, with_content
from anessuite.review.store import ReviewStore
from anessuite.versions import DatasetRef

COUNTS = ("new", "updated", "unchanged", "not_yet", "refused")
NOBODY = "(nobody)"


class OtherBenchmark(AnesError):
    """A file holds reviews of another dataset."""

    exit_code = 2


class WorkbookRenamed(AnesError):
    """One workbook was imported under one name, and now bears another: a person would count twice."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did.

    ``counts``: annotator, role, and `COUNTS`; ``refused``: SAID with ``reason`` and ``evidence``;
    ``refused_path``: where they are kept below the root, None where there are none.
    """

    counts: pl.DataFrame
    refused: pl.DataFrame
    refused_path: str | None
    reviews: int
    """stored now"""
    unnamed: list[str]
    """workbooks in which nobody gave a name"""

    def as_dict(self) -> dict[str, Any]:
        """All but the refused rows themselves, in values that JSON has."""
        return {
            "annotators": self.counts.to_dicts(),
            "refused": self.reasons(),
            "refused_path": self.refused_path,
            "reviews": self.reviews,
            "unnamed": self.unnamed,
        }

    def reasons(self) -> dict[str, int]:
        """reason -> refused rows, most first."""
        found = self.refused.group_by("reason").len().sort("len", "reason", descending=[True, False])
        return dict(found.iter_rows())


def import_reviews(
    kept: ReviewStore, files: Sequence[ReviewFile], questions: pl.DataFrame, *, names: Collection[str] = ()
) -> Imported:
    """Take what the files say of ``questions`` (GRADED_QUESTION) into the stored reviews.

    ``names`` are the only annotators taken; without them those that the export registered, and all where it
    registered none. Importing the same files again changes nothing. Raises SourceError for a file without a
    question, OtherBenchmark and WorkbookRenamed, before anything is written.
    """
    for file in files:
        if not len(file.rows) and not file.unanswered:
            raise SourceError(
                f"{file.name} holds no question", "export or fetch it again; nothing was imported"
            )
        _refuse_other(file, kept.name, questions)
    said = pl.concat([pl.DataFrame(schema=SAID), *(file.rows for file in files)])
    known = _known(kept, names)
    _refuse_renamed(said, kept.reviews(), known.get("", ()))
    judged = _judged(said, with_content(questions), known)
    told = pl.concat([judged.filter(pl.col("fate").is_not_null()), _merge(kept, judged)])
    refused = told.filter(pl.col("fate") == "refused").drop("fate").sort("file", "place")
    unanswered = sum(file.unanswered for file in files)
    return Imported(
        counts=_counts(told, unanswered),
        refused=refused,
        refused_path=kept.keep_refused(refused),
        reviews=kept.reviews().height,
        unnamed=_unnamed(said),
    )


def _merge(kept: ReviewStore, judged: pl.DataFrame) -> pl.DataFrame:
    """Store what is sound; returns what became of it, as `_judged` has it."""
    sound = judged.filter(pl.col("fate").is_null()).select(*SAID)
    found: list[pl.DataFrame] = []

    def change(stored: pl.DataFrame) -> pl.DataFrame:
        found.append(fates(stored, sound))
        return merged(stored, found[-1])

    kept.change(change)
    is_refused = pl.col("fate").is_in(REFUSED)
    told = found[-1].with_columns(
        fate=pl.when(is_refused).then(pl.lit("refused")).otherwise("fate"),
        reason=pl.when(is_refused).then("fate"),
        evidence=pl.when(is_refused).then("evidence"),
    )
    return told.select(judged.columns)


def _refuse_other(file: ReviewFile, name: str, questions: pl.DataFrame) -> None:
    """Whole files only: a single strange row is refused by itself."""
    for version in file.rows["version"].unique().sort().to_list():
        if _dataset(version) != name:
            what = f"of {version}" if version else "of no version that it names"
            raise OtherBenchmark(
                f"{file.name} holds reviews {what}, not of {name}",
                "import it with --for and the version it belongs to; nothing was imported",
            )
    ids = file.rows["id"].drop_nulls()
    if file.rows.height and not ids.is_in(questions["id"].implode()).any():
        raise OtherBenchmark(
            f"{file.name}: none of its {file.rows.height:,} rows is of a question of this version of {name}",
            "import it with --for and the version it was exported from; nothing was imported",
        )


def _dataset(version: str | None) -> str | None:
    try:
        return DatasetRef.parse(version or "").name
    except ConfigError:
        return None


def _known(kept: ReviewStore, names: Collection[str]) -> dict[str, list[str]]:
    """export -> the annotators it may hold; "" for all exports."""
    if names:
        return {"": sorted(normalise(name) for name in names)}
    return {one.export: sorted(map(normalise, one.names)) for one in kept.exports() if one.names}


def _refuse_renamed(said: pl.DataFrame, stored: pl.DataFrame, vouched: Collection[str]) -> None:
    """A workbook (``export/reviewer``) belongs to one person, unless the caller names all of them."""
    of_workbooks = said.filter(pl.col("imported_from").str.contains("/", literal=True))
    for workbook in of_workbooks["imported_from"].unique().sort():
        mine = of_workbooks.filter(pl.col("imported_from") == workbook)
        before = set(stored.filter(pl.col("imported_from") == workbook)["annotator"])
        people = before | set(mine["annotator"].drop_nulls())
        if len(people) > 1 and people != before and not people <= set(vouched):
            raise WorkbookRenamed(
                f"{mine['file'][0]}: the workbook {workbook} holds reviews of "
                + " and of ".join(sorted(people)),
                "give it the name that it had, so that nobody counts twice; if these are several people, "
                "name each of them with --annotator",
            )


def _unnamed(said: pl.DataFrame) -> list[str]:
    """Files in which nobody gave a name: what they hold counts for the name of the workbook."""
    of_nobody = pl.col("imported_from") == pl.format("{}/{}", "export", "annotator")
    return said.filter(of_nobody & pl.col("level").is_not_null())["file"].unique().sort().to_list()


def _judged(said: pl.DataFrame, questions: pl.DataFrame, known: Mapping[str, list[str]]) -> pl.DataFrame:
    """The rows with ``fate`` (not_yet, refused, or null: to be merged), ``reason`` and ``evidence``."""
    now = questions.select("id", _content=pl.col("content"), _question=_normal("question"))
    joined = said.join(now, on="id", how="left", maintain_order="left").with_columns(
        _names=pl.Series([_allowed(export, known) for export in said["export"]], dtype=pl.List(pl.String)),
        _shown=_normal("question"),
    )
    empty = pl.all_horizontal(pl.col("level", "gold_correct", "sound", "comment").is_null())
    judged = joined.with_columns(reason=pl.when(~empty).then(_reason()))
    fate = pl.when(empty).then(pl.lit("not_yet")).when(pl.col("reason").is_not_null()).then(pl.lit("refused"))
    evidence = pl.coalesce(pl.when(pl.col("reason") == reason).then(told) for reason, told in _told().items())
    return judged.with_columns(fate=fate, evidence=evidence).select(*SAID, "fate", "reason", "evidence")


def _normal(column: str) -> pl.Expr:
    return pl.col(column).map_elements(normalise, return_dtype=pl.String)


def _allowed(export: str | None, known: Mapping[str, list[str]]) -> list[str] | None:
    return known.get("", known.get(export or ""))


def _reason() -> pl.Expr:
    """The first thing that is wrong with a row, or null."""
    named = pl.col("annotator").is_not_null() & (
        pl.col("_names").is_null() | pl.col("_names").list.contains(pl.col("annotator"))
    )
    wrong = {
        "no_level": pl.col("level").is_null(),
        "unknown_annotator": ~named,
        "unknown_role": ~pl.col("role").is_in(ROLES).fill_null(False),
        "unknown_question": pl.col("_content").is_null(),
        "text_changed": pl.col("_shown") != pl.col("_question"),
        "content_changed": pl.col("content").ne_missing(pl.col("_content")),
        "unknown_level": ~pl.col("level").is_in(LEVELS),
        "unknown_gold_correct": ~pl.col("gold_correct").is_in(GOLD_CORRECT),
        "unknown_sound": ~pl.col("sound").is_in(SOUND),
        "no_time": pl.col("at").is_null(),
    }
    return pl.coalesce(pl.when(is_so).then(pl.lit(reason)) for reason, is_so in wrong.items())


def _told() -> dict[str, pl.Expr]:
    """What shows that a reason is true."""
    filled = [pl.lit(f"{name}: ") + pl.col(name) for name in ("gold_correct", "sound", "comment")]
    return {
        "no_level": pl.concat_str(*filled, separator="; ", ignore_nulls=True),
        "unknown_annotator": pl.format(
            "{}; known: {}",
            pl.col("annotator").fill_null("no name"),
            pl.col("_names").list.join(", ").fill_null("any"),
        ),
        "unknown_role": pl.col("role"),
        "unknown_question": pl.col("id"),
        "text_changed": pl.format("in the row: {}", pl.col("question").str.head(200)),
        "content_changed": pl.format("exported {}, now {}", pl.col("content").fill_null("none"), "_content"),
        "unknown_level": pl.format("{}; known: {}", "level", pl.lit(", ".join(LEVELS))),
        "unknown_gold_correct": pl.format("{}; known: {}", "gold_correct", pl.lit(", ".join(GOLD_CORRECT))),
        "unknown_sound": pl.format("{}; known: {}", "sound", pl.lit(", ".join(SOUND))),
    }


def _counts(told: pl.DataFrame, unanswered: int) -> pl.DataFrame:
    """annotator, role and how many rows of each fate."""
    named = told.with_columns(pl.col("annotator").fill_null(NOBODY), pl.col("role").fill_null("annotator"))
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for annotator, role, fate, number in named.group_by("annotator", "role", "fate").len().iter_rows():
        rows.setdefault((annotator, role), dict.fromkeys(COUNTS, 0))[fate] += number
    if unanswered:
        rows.setdefault((NOBODY, "annotator"), dict.fromkeys(COUNTS, 0))["not_yet"] += unanswered
    schema = {"annotator": pl.String, "role": pl.String, **dict.fromkeys(COUNTS, pl.Int64)}
    return pl.DataFrame(
        [{"annotator": key[0], "role": key[1], **rows[key]} for key in sorted(rows)], schema=schema
    )
