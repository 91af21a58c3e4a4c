"""The reviews of a dataset on disk: what people said, what was exported to them, and what was refused.

Below the store's root::

    reviews/{name}/reviews.parquet                REVIEW, one row a question, annotator and role
    reviews/{name}/exports/{export id}.json       each export, see anessuite.review.exports
    reviews/{name}/refused/{digest}.jsonl         what an import refused, with reason and evidence
    reviews/{name}/lock                           one import at a time
"""

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import polars as pl
from pydantic import ValidationError

from anessuite.errors import AnesError, BuildInProgress, SourceError
from anessuite.locks import lock
from anessuite.review.exports import ReviewExport
from anessuite.review.opinions import KEY, REVIEW, no_reviews
from anessuite.storage import Store
from anessuite.versions import DEV, DatasetRef

FOLDER = "reviews"
_SCHEMA = pl.Schema(REVIEW)
_WAIT_SECONDS, _PAUSE_SECONDS = 60.0, 0.1


class ReviewsBusy(AnesError):
    """Another import writes the reviews, and did not end in time."""


class ReviewStore:
    """The reviews of the dataset ``name``, of all its versions, in ``store``."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = DatasetRef(name, DEV).name  # checked: it is part of a path
        self.folder = f"{FOLDER}/{name}"
        self.path = f"{self.folder}/reviews.parquet"

    def reviews(self) -> pl.DataFrame:
        """All stored reviews (REVIEW, sorted by question, annotator, role); empty where there are none.

        Raises SourceError if the file is not what an import writes.
        """
        if not self.store.exists(self.path):
            return no_reviews()
        try:
            return pl.read_parquet(self.store.read_bytes(self.path)).select(*REVIEW).match_to_schema(_SCHEMA)
        except pl.exceptions.PolarsError as error:
            raise SourceError(
                f"{self.path} cannot be read as reviews: {str(error).splitlines()[0]}",
                "move it away and import the exports of Label Studio and the workbooks again",
            ) from None

    def digest(self) -> str | None:
        """SHA-256 of what the reviews say, however Parquet stores it; None where there are none."""
        reviews = self.reviews()
        if reviews.is_empty():
            return None
        digest = hashlib.sha256()
        for row in reviews.sort(KEY).iter_rows():
            digest.update(json.dumps(row, ensure_ascii=False, default=str).encode("utf-8"))
        return digest.hexdigest()

    def change(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Replace the stored reviews by ``change`` of them, whole or not at all.

        Nobody else writes between reading and writing. Raises ReviewsBusy if others hold the reviews for a
        minute.
        """
        with self._locked():
            stored = self.reviews()
            changed = change(stored).select(*REVIEW).sort(KEY)
            if not changed.equals(stored):
                sink = io.BytesIO()
                changed.write_parquet(sink, compression="zstd")
                self.store.write_bytes(self.path, sink.getvalue())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The lock is not asked to wait: it is asked again until it is free."""
        until = time.monotonic() + _WAIT_SECONDS
        while True:
            held = lock(self.store, f"{self.folder}/lock", f"the reviews of {self.name}")
            try:
                held.__enter__()
                break
            except BuildInProgress:
                if time.monotonic() > until:
                    raise ReviewsBusy(
                        f"another import has been writing the reviews of {self.name} for a minute",
                        "wait for it and import again; nothing was changed",
                    ) from None
                time.sleep(_PAUSE_SECONDS)
        try:
            yield
        finally:
            held.__exit__(None, None, None)

    def register(self, export: ReviewExport) -> str:
        """Keep an export under its id, which a repeated one has too; returns the path."""
        path = f"{self.folder}/exports/{export.export}.json"
        if not self.store.exists(path):
            self.store.write_bytes(path, export.as_bytes())
        return path

    def exports(self) -> list[ReviewExport]:
        """The registered exports, oldest first. Raises SourceError for a file that is none."""
        folder = f"{self.folder}/exports"
        names = [name for name in self.store.files(folder) if name.endswith(".json")]
        return sorted((self._export(f"{folder}/{name}") for name in names), key=lambda one: one.at)

    def _export(self, path: str) -> ReviewExport:
        try:
            return ReviewExport.model_validate_json(self.store.read_bytes(path))
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(map(str, fault["loc"])) or "(top)"
            raise SourceError(
                f"{path} is no export of reviews: {place}: {fault['msg']}", "move it away or restore it"
            ) from None

    def keep_refused(self, refused: pl.DataFrame) -> str | None:
        """Keep refused rows as JSON lines, named by their content; returns the path, None for no rows."""
        if refused.is_empty():
            return None
        content = refused.write_ndjson().encode("utf-8")
        path = f"{self.folder}/refused/{hashlib.sha256(content).hexdigest()[:16]}.jsonl"
        self.store.write_bytes(path, content)
        return path
