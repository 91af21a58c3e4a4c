"""What the report of AnesCorpus shows: facts counted over its finished shards."""

import polars as pl

from anessuite.builds import Build
from anessuite.manifests import Manifest
from anessuite.report_bins import log_lower, log_upper
from anessuite.reports import CorpusFacts

_SAMPLES_PER_REASON = 5
_SAMPLES_KEPT = 8
_BINS_PER_DECADE = 8


def corpus_facts(build: Build, manifest: Manifest, licences: dict[str, str]) -> CorpusFacts:
    """Read the finished shards once, one at a time, and count."""
    terms, lengths, densities, kept = [], [], [], []
    for file in manifest.data_files():
        rows = pl.read_parquet(build.store.read_bytes(f"{build.publish_folder}/{file.path}"))
        chars = rows.select("language", value=pl.col("text").str.len_chars().cast(pl.Float64))
        words = rows.select("language", term="terms").explode(
            "term"
        )  # without the text, or each term takes a copy
        terms.append(words.group_by("language", "term").len("documents"))
        lengths.append(_histogram(chars))
        densities.append(
            _histogram(rows.select("language", value=pl.col("hits_per_1000_chars").cast(pl.Float64)))
        )
        kept.append(
            rows.head(_SAMPLES_KEPT).select("language", "source", "source_id", "url", "text", "terms")
        )
    samples = [
        pl.read_parquet(build.store.read_bytes(f"{build.publish_folder}/{file.path}"))
        .group_by("reason", maintain_order=True)
        .head(_SAMPLES_PER_REASON)
        for file in manifest.rejected_files()[:4]
    ]
    return CorpusFacts(
        term_documents=_summed(terms, ["language", "term"]),
        lengths=_summed(lengths, ["language", "lower", "upper"]),
        densities=_summed(densities, ["language", "lower", "upper"]),
        rejected_samples=pl.concat(samples)
        .group_by("reason", maintain_order=True)
        .head(_SAMPLES_PER_REASON)
        .select("reason", "language", "source", "source_id", "url", "text", "evidence"),
        kept_samples=pl.concat(kept).group_by("language", maintain_order=True).head(_SAMPLES_KEPT),
        licences=licences,
    )


def _histogram(values: pl.DataFrame) -> pl.DataFrame:
    """Rows by language and bin; the bins are equal on a log scale."""
    lower = log_lower(pl.col("value"), per_decade=_BINS_PER_DECADE)
    counted = values.with_columns(lower=lower).group_by("language", "lower").len("documents")
    return counted.with_columns(upper=log_upper(pl.col("lower"), per_decade=_BINS_PER_DECADE))


def _summed(frames: list[pl.DataFrame], keys: list[str]) -> pl.DataFrame:
    total = pl.concat(frames).group_by(keys).agg(pl.col("documents").sum())
    return total.select(*keys, "documents").sort(
        ["documents", *keys], descending=[True, *([False] * len(keys))]
    )
