"""What becomes of sound rows of an import: new, updated, unchanged, a conflict, or superseded."""

import polars as pl

from anessuite.review.opinions import KEY, OPINION, conflicts, merge_reviews

TAKEN = ("new", "updated")
REFUSED = ("conflict", "superseded")


def merged(stored: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """The stored reviews with those rows of ``told`` (of `fates`) that are taken."""
    return merge_reviews(stored, told.filter(pl.col("fate").is_in(TAKEN)))


def fates(stored: pl.DataFrame, sound: pl.DataFrame) -> pl.DataFrame:
    """The rows of ``sound``, in their order, with ``fate`` and ``evidence`` (null but for refused rows).

    Both have REVIEW's columns. Of several rows of one annotator, role and question the latest counts, of
    equal ones the first; the others are "unchanged" if they say the same, else "superseded". Rows that
    another one of the same time contradicts, stored or not, are a "conflict", each of them.
    """
    rows = _beside_stored(stored, sound.with_row_index("_row"))
    clashing = conflicts(stored, rows)["_row"].implode()
    ranked = _ranked(rows.with_columns(_conflict=pl.col("_row").is_in(clashing)))
    same, none = pl.col("_said").eq_missing(pl.col("_stored")), pl.col("_stored_at").is_null()
    same_as_latest = pl.col("_said").eq_missing(pl.col("_latest"))
    fate = (
        pl.when("_conflict")
        .then(pl.lit("conflict"))
        .when(same | (same_as_latest & ~pl.col("_is_latest")))
        .then(pl.lit("unchanged"))
        .when(~pl.col("_is_latest"))
        .then(pl.lit("superseded"))
        .when(none)
        .then(pl.lit("new"))
        .when(pl.col("at") > pl.col("_stored_at"))
        .then(pl.lit("updated"))
        .otherwise(pl.lit("superseded"))
    )
    return ranked.with_columns(fate=fate, evidence=_evidence()).select(*sound.columns, "fate", "evidence")


def _beside_stored(stored: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    said = pl.struct(OPINION)
    before = stored.select(*KEY, _stored_at="at", _stored=said)
    return rows.with_columns(_said=said).join(before, on=KEY, how="left", maintain_order="left")


def _ranked(rows: pl.DataFrame) -> pl.DataFrame:
    """With ``_latest`` (the latest opinion without conflict of the key) and ``_is_latest``."""
    usable = rows.filter(~pl.col("_conflict")).sort("at", "_row", descending=[True, False])
    latest = usable.unique(KEY, keep="first", maintain_order=True)
    latest = latest.select(*KEY, _latest="_said", _latest_row="_row", _latest_at="at")
    joined = rows.join(latest, on=KEY, how="left", maintain_order="left")
    return joined.with_columns(_is_latest=pl.col("_row").eq_missing(pl.col("_latest_row")))


def _evidence() -> pl.Expr:
    """What was said, and what stands against it."""
    shown = pl.format("{} at {}", "level", pl.col("at").dt.to_string("iso"))
    stored = pl.format("stored: {} at {}", pl.col("_stored").struct.field("level"), _iso("_stored_at"))
    later = pl.format("latest: {} at {}", pl.col("_latest").struct.field("level"), _iso("_latest_at"))
    return pl.concat_str(shown, stored, later, separator="; ", ignore_nulls=True)


def _iso(column: str) -> pl.Expr:
    return pl.col(column).dt.to_string("iso")
