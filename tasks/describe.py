"""What people look at: aggregated facts for the report, and the artifacts of the flow UI."""

import polars as pl
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.context import TaskRunContext

from anessuite.builds import Build
from anessuite.graded_facts import GradedFacts
from anessuite.manifests import Manifest
from anessuite.report_bins import log_lower, log_upper
from anessuite.report_facts import PairFacts
from anessuite.reports import CorpusFacts
from anessuite.solved_facts import SolvedFacts

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
    lower = log_lower(pl.col("value"), per_decade=_BINS_PER_DECADE)
    counted = values.with_columns(lower=lower).group_by("language", "lower").len("documents")
    return counted.with_columns(upper=log_upper(pl.col("lower"), per_decade=_BINS_PER_DECADE))


def _summed(frames: list[pl.DataFrame], keys: list[str]) -> pl.DataFrame:
    total = pl.concat(frames).group_by(keys).agg(pl.col("documents").sum())
    return total.select(*keys, "documents").sort(
        ["documents", *keys], descending=[True, *([False] * len(keys))]
    )


def show_in_ui(build: Build, manifest: Manifest, facts: CorpusFacts) -> None:
    """Funnel, terms, samples and the report as artifacts of the flow UI."""
    if TaskRunContext.get() is None:
        return
    terms = facts.term_documents.head(40).to_dicts()
    create_table_artifact(
        table=terms, key=_key(build, "terms"), description=f"{build.ref}: documents per term"
    )
    samples = [
        (row["reason"], f"{row['source']} `{row['source_id']}`", row["text"])
        for row in facts.rejected_samples.iter_rows(named=True)
    ]
    _show_funnel(build, manifest)
    _show_samples(build, samples)


def show_pairs_in_ui(build: Build, manifest: Manifest, facts: PairFacts) -> None:
    """Funnel, requests, samples and the report as artifacts of the flow UI."""
    if TaskRunContext.get() is None:
        return
    _show_requests(build, manifest)
    samples = [
        (row["reason"], f"{row['stage']}, PMID {row['pmid']}", row["question"] or row["title"])
        for row in facts.rejected_samples.iter_rows(named=True)
    ]
    _show_funnel(build, manifest)
    _show_samples(build, samples)


def _key(build: Build, what: str) -> str:
    return f"{build.ref.name}-{build.ref.version}-{what}".replace(".", "-")


def _show_funnel(build: Build, manifest: Manifest) -> None:
    rows = [
        {"stage": s.stage, "source": s.source, "in": s.rows_in, "out": s.rows_out, "dropped": str(s.dropped)}
        for s in manifest.funnel
    ]
    create_table_artifact(table=rows, key=_key(build, "funnel"), description=f"{build.ref}: funnel")
    report = build.store.url(build.store.folder(build.ref), "report.html")
    create_link_artifact(link=report, key=_key(build, "report"), link_text="report.html")


def _show_samples(build: Build, samples: list[tuple[str, str, str | None]]) -> None:
    """Rejected rows: reason, where from, and the beginning of the text."""
    lines = [f"- **{reason}** {place}: {_plain(text)}" for reason, place, text in samples]
    create_markdown_artifact(
        "\n".join(lines) or "No row was dropped.",
        key=_key(build, "rejected"),
        description=f"{build.ref}: rejected rows",
    )


def _plain(text: str | None) -> str:
    return "".join(c if c.isalnum() or c in " .,;:()%-" else " " for c in (text or "(no text)")[:200])


def show_solved_in_ui(build: Build, manifest: Manifest, facts: SolvedFacts) -> None:
    """Funnel, verdicts, requests, samples and the report as artifacts of the flow UI."""
    if TaskRunContext.get() is not None:
        _show_questions(build, manifest, "verdicts", facts.verdicts, facts.rejected_samples)


def show_graded_in_ui(build: Build, manifest: Manifest, facts: GradedFacts) -> None:
    """Funnel, levels, requests, samples and the report as artifacts of the flow UI."""
    if TaskRunContext.get() is not None:
        _show_questions(build, manifest, "levels", facts.levels, facts.rejected_samples)


def _show_questions(
    build: Build, manifest: Manifest, what: str, counts: pl.DataFrame, rejected: pl.DataFrame
) -> None:
    create_table_artifact(table=counts.to_dicts(), key=_key(build, what), description=f"{build.ref}: {what}")
    _show_requests(build, manifest)
    samples = [
        (row["reason"], f"{row['stage']}, {row['source_id']}", row["question"])
        for row in rejected.iter_rows(named=True)
    ]
    _show_funnel(build, manifest)
    _show_samples(build, samples)


def _show_requests(build: Build, manifest: Manifest) -> None:
    requests = [{"what": name, "count": count} for name, count in manifest.requests.items()]
    create_table_artifact(
        table=requests, key=_key(build, "requests"), description=f"{build.ref}: requests and tokens"
    )
