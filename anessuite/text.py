"""Content identity: two documents that differ only in case, width or white space are one."""

import hashlib

import polars as pl


def normalised(text: pl.Expr) -> pl.Expr:
    """NFKC (Unicode TR15), lower case, runs of white space as one blank, ends trimmed."""
    return text.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def content_id(text: pl.Expr) -> pl.Expr:
    """Row id: the first 128 bits of the SHA-256 of the normalised text, as 32 hex digits; null stays null."""
    return normalised(text).map_batches(_digests, return_dtype=pl.String, is_elementwise=True)


def _digests(texts: pl.Series) -> pl.Series:
    ids = [None if text is None else hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts]
    return pl.Series(texts.name, ids, dtype=pl.String)
