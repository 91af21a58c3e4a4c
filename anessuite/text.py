"""Content identity: two documents with the same normal form are one."""

import hashlib

import polars as pl
import pyarrow as pa

from anessuite.normalisation import utf8


def content_id(text: pl.Expr) -> pl.Expr:
    """Row id: the first 128 bits of the SHA-256 of the normal form, as 32 hex digits; null stays null."""
    return text.map_batches(_digests, return_dtype=pl.String, is_elementwise=True)


def _digests(texts: pl.Series) -> pl.Series:
    array = texts.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.large_string())
    ids = [hashlib.sha256(normal).hexdigest()[:32] for normal in utf8(array)]
    found = pl.Series(texts.name, ids, dtype=pl.String)
    return (
        found if not texts.null_count() else pl.select(pl.when(texts.is_not_null()).then(found)).to_series()
    )
