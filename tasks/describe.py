"""What people look at: aggregated facts for the report, and the artifacts of the flow UI."""

import polars as pl
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.context import TaskRunContext

from anessuite.builds import Build
from anessuite.manifests import Manifest
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
        terms.append(rows.explode("terms").group_by("language", term="terms").len("documents"))
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
    lower = 10 ** ((pl.col("value").clip(1e-3).log10() * _BINS_PER_DECADE).floor() / _BINS_PER_DECADE)
    return (
        values.with_columns(lower=lower.round(6))
        .group_by("language", "lower")
        .len("documents")
        .with_columns(upper=(pl.col("lower") * 10 ** (1 / _BINS_PER_DECADE)).round(6))
    )


def _summed(frames: list[pl.DataFrame], keys: list[str]) -> pl.DataFrame:
    total = pl.concat(frames).group_by(keys).agg(pl.col("documents").sum())
    return total.select(*keys, "documents").sort(
        ["documents", *keys], descending=[True, *([False] * len(keys))]
    )


def show_in_ui(build: Build, manifest: Manifest, facts: CorpusFacts, specialty: str) -> None:
    """Funnel, samples and the report as artifacts of the flow UI."""
    if TaskRunContext.get() is None:
        return
    key = f"{build.ref.name}-{build.ref.version}".replace(".", "-")
    rows = [
        {"stage": s.stage, "source": s.source, "in": s.rows_in, "out": s.rows_out, "dropped": str(s.dropped)}
        for s in manifest.funnel
    ]
    create_table_artifact(table=rows, key=f"{key}-funnel", description=f"{build.ref}: funnel of {specialty}")
    terms = facts.term_documents.head(40).to_dicts()
    create_table_artifact(table=terms, key=f"{key}-terms", description=f"{build.ref}: documents per term")
    samples = facts.rejected_samples.with_columns(pl.col("text").str.head(200)).to_dicts()
    lines = [
        f"- **{row['reason']}** {row['source']} `{row['source_id']}`: {_plain(row['text'])}"
        for row in samples
    ]
    create_markdown_artifact(
        "\n".join(lines), key=f"{key}-rejected", description=f"{build.ref}: rejected rows"
    )
    report = build.store.url(build.store.folder(build.ref), "report.html")
    create_link_artifact(link=report, key=f"{key}-report", link_text="report.html")


def _plain(text: str | None) -> str:
    return "".join(c if c.isalnum() or c in " .,;:()%-" else " " for c in text or "(no text)")
