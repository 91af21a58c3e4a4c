"""The history of a row, put together from its version, the reviews, and the cache of replies.

Reads what `anessuite.tracing.shards` says: footers and the row groups that hold the row, never a whole
version; then the reviews of the dataset, where its rows have levels, and single replies of the cache.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from anessuite.card_words import PAIR_REASONS, QUESTION_REASONS, REASONS
from anessuite.errors import SourceError
from anessuite.llm.cache import FILE, Cache, CacheError
from anessuite.llm.replies import Completion
from anessuite.review.opinions import question_content
from anessuite.review.store import ReviewStore
from anessuite.tracing.asked import Asked, Keys, asked_about, with_cache
from anessuite.tracing.evidence import Reference, parsed, references
from anessuite.tracing.origin import Origin, benchmarks, origin_of, versions_in
from anessuite.tracing.search import Matched, Meant, Version, find_rows, is_kept
from anessuite.tracing.shards import Placed
from anessuite.tracing.stages import Check, Passage, checks, entered, passages, stage_of

_TOLD_ELSEWHERE = ("id", "source", "source_id", "stage", "reason", "evidence", "votes", "licence")
_PROMPTS = "prompts/"


@dataclass(frozen=True, slots=True)
class RowHistory:
    """What became of one row. ``content`` are its columns as far as no other field tells them.

    ``stage``, ``reason`` and ``meaning`` (the reason in words) are None for a kept row, and ``evidence`` is
    what its JSON says.
    """

    id: str
    kept: bool
    file: str
    content: Mapping[str, Any]
    stage: str | None
    reason: str | None
    meaning: str | None
    evidence: Any
    references: list[Reference]
    origin: Origin
    passages: list[Passage]
    checks: list[Check]
    asked: list[Asked]
    reviews: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class History:
    """The rows of the id that was meant; ``count`` of them, the first ones told.

    ``lexicons`` are the files of terms that the rows were judged by, with their SHA-256. ``inputs`` are the
    inputs of the version that are versions: ``name@version`` and whether it is below this root. ``notes`` say
    what could not be told.
    """

    version: str
    created: str
    commit: str
    id: str
    matched: Matched
    count: int
    rows: list[RowHistory]
    lexicons: dict[str, str]
    inputs: dict[str, bool]
    notes: list[str] = field(default_factory=list)


def trace(version: Version, wanted: str, *, cache: Path | None, keys: Keys) -> History:
    """The history of the row that ``wanted`` names (see `find_rows`, which says what is raised).

    ``cache`` is the folder of the cache of replies, if it is to be asked; it may not exist. ``keys`` gives
    the keys of the votes on a row, see `asked.Keys`. A cache or reviews that cannot be read make a note.
    """
    meant = find_rows(version, wanted)
    notes = _not_decontaminated(version)
    reviews = _reviews(version, meant, notes)
    rows = [_history(version, placed, reviews, keys) for placed in meant.rows]
    manifest = version.manifest
    return History(
        version=str(version.ref),
        created=f"{manifest.created:%Y-%m-%d %H:%M} UTC",
        commit=str(manifest.code.get("commit", ""))
        + (" with changes" if manifest.code.get("changed") else ""),
        id=meant.id,
        matched=meant.matched,
        count=meant.count,
        rows=_with_replies(rows, cache, notes),
        lexicons={
            path: digest for path, digest in manifest.recipe.texts.items() if not path.startswith(_PROMPTS)
        },
        inputs={str(ref): version.store.is_finished(ref) for ref in versions_in(manifest)},
        notes=notes,
    )


def _not_decontaminated(version: Version) -> list[str]:
    """A note, where the recipe could have named a benchmark and does not."""
    config = version.manifest.recipe.config
    if "against" not in config or benchmarks(version.manifest):
        return []
    return ["no row of this version was compared with a benchmark: its config names none in `against`"]


def _history(version: Version, placed: Placed, reviews: pl.DataFrame, keys: Keys) -> RowHistory:
    row, manifest = placed.row, version.manifest
    gone_through = passages(manifest, row)
    return RowHistory(
        id=row["id"],
        kept=is_kept(placed),
        file=placed.file,
        content={name: value for name, value in row.items() if name not in _TOLD_ELSEWHERE},
        stage=stage_of(manifest, row),
        reason=row.get("reason"),
        meaning=_words(row).get(row.get("reason") or ""),
        evidence=parsed(row.get("evidence")),
        references=references(version, row),
        origin=origin_of(manifest, row),
        passages=gone_through,
        checks=checks(manifest, gone_through),
        asked=asked_about(version, row, entered=entered(gone_through), keys=keys),
        reviews=_opinions(row, reviews),
    )


def _words(row: Mapping[str, Any]) -> Mapping[str, str]:
    return QUESTION_REASONS if "options" in row else PAIR_REASONS if "pmid" in row else REASONS


def _reviews(version: Version, meant: Meant, notes: list[str]) -> pl.DataFrame:
    """What people said of the row's id."""
    stored = ReviewStore(version.store, version.ref.name)
    try:
        return stored.reviews().filter(pl.col("id") == meant.id)
    except SourceError as error:
        notes.append(f"the reviews are not told: {error.what}; {error.hint}")
        return pl.DataFrame(schema={"id": pl.String})


def _opinions(row: Mapping[str, Any], reviews: pl.DataFrame) -> list[dict[str, Any]]:
    """The reviews; ``counts`` says whether they are of the content that the row has."""
    if reviews.is_empty():
        return []
    whole = row.get("question") is not None and row.get("options") and row.get("answer")
    content = question_content(row["question"], row["options"], row["answer"]) if whole else None
    return [
        {name: value for name, value in one.items() if name not in ("id", "content")}
        | {"counts": one["content"] == content}
        for one in reviews.iter_rows(named=True)
    ]


def _with_replies(rows: list[RowHistory], cache: Path | None, notes: list[str]) -> list[RowHistory]:
    wanted = [bytes.fromhex(one.request) for row in rows for one in row.asked if one.request]
    replies = _replies(cache, wanted, notes)
    if replies is None:
        return rows
    return [replace(row, asked=with_cache(row.asked, replies)) for row in rows]


def _replies(cache: Path | None, keys: list[bytes], notes: list[str]) -> dict[bytes, Completion] | None:
    """What a cache that is there holds; None where there is none, or it cannot be read."""
    if cache is None or not keys or not (cache / FILE).exists():
        return None
    try:
        with Cache(cache) as opened:
            return opened.find(list(dict.fromkeys(keys)))
    except CacheError as error:
        notes.append(f"the cache of replies is not asked: {error.what}")
        return None
