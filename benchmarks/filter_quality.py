"""Precision and recall of the keyword filter on real documents labelled by reading.

    python -m benchmarks.filter_quality --data ../shared/data/web [--errors] [--json FILE]

The labelled documents are a stratified random draw (see ``benchmarks/labels/README.md``); each stands for
``stratum_size / stratum_drawn`` documents, and the weighted figures estimate the whole collection. Thresholds
were set on the half ``tune``; ``confirm`` was not used for them, but its errors have been looked at since.
"""

import argparse
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from anessuite.sources.documents import Source, read_unit, units_of
from anessuite.sources.files import find_files
from benchmarks.web import WEB
from filters.keywords import keyword_reason, term_statistics
from flows.corpus import CorpusConfig

LABELS = Path(__file__).parent / "labels"
TARGET = 0.90


@dataclass(frozen=True, slots=True)
class Score:
    """Figures of one language and half. ``precision`` and ``recall`` are weighted; intervals are Wilson's,
    95 %."""

    language: str
    half: str
    documents: int
    relevant: int
    kept: int
    both: int
    precision: float
    recall: float
    precision_counted: float
    recall_counted: float
    precision_low: float
    recall_low: float

    @property
    def met(self) -> bool:
        """Both weighted figures reach TARGET."""
        return min(self.precision, self.recall) >= TARGET


def labelled(data: Path, language: str) -> pl.DataFrame:
    """The labelled documents of a language with their texts, read from the real files."""
    labels = pl.read_csv(LABELS / f"{language}.csv", schema_overrides={"source_id": pl.String})
    wanted = {(file, row) for file, row in labels.select("file", "row").iter_rows()}
    texts = [row for source in WEB if source.language == language for row in _texts(data, source, wanted)]
    found = pl.DataFrame(texts, schema={"file": pl.String, "row": pl.Int64, "text": pl.String}, orient="row")
    joined = labels.join(found, on=["file", "row"], how="left")
    if joined["text"].null_count():
        raise SystemExit(f"{joined['text'].null_count()} labelled {language} documents are not in {data}")
    return joined


def _texts(data: Path, source: Source, wanted: set[tuple[str, int]]) -> list[tuple[str, int, str | None]]:
    found: list[tuple[str, int, str | None]] = []
    for file in find_files(str(data / source.path), format=source.format):
        name = Path(file.name).name
        if not any(name == other for other, _ in wanted):
            continue
        for unit in units_of(source, file, start=0):
            for batch in read_unit(unit):
                rows = range(batch.first_row, batch.first_row + len(batch.text))
                found += [
                    (name, row, batch.text[row - batch.first_row].as_py())
                    for row in rows
                    if (name, row) in wanted
                ]
    return found


def judged(documents: pl.DataFrame, language: str) -> pl.DataFrame:
    """With the filter's reason under the default config; documents under the length limit are left out."""
    curation = CorpusConfig.model_validate({"sources": [{"path": "-"}]}).curation(language)
    shortest = {"en": curation.quality.min_chars_en, "zh": curation.quality.min_chars_zh}[language]
    statistics = term_statistics(curation.lexicon, context_window=curation.keywords.context_window)
    return documents.filter(pl.col("text").str.len_chars() >= shortest).with_columns(
        reason=keyword_reason(statistics, curation.keywords),
        statistics=statistics,
        weight=pl.col("stratum_size") / pl.col("stratum_drawn"),
    )


def score(documents: pl.DataFrame, language: str, half: str) -> Score:
    """Count one half (or ``all``)."""
    mine = documents if half == "all" else documents.filter(pl.col("half") == half)
    kept, relevant = pl.col("reason").is_null(), pl.col("relevant") == 1
    both = mine.filter(kept & relevant)
    counts = (both.height, mine.filter(kept).height, mine.filter(relevant).height)
    weights = [float(mine.filter(rows)["weight"].sum()) for rows in (kept & relevant, kept, relevant)]
    return Score(
        language=language,
        half=half,
        documents=mine.height,
        relevant=counts[2],
        kept=counts[1],
        both=counts[0],
        precision=weights[0] / weights[1] if weights[1] else math.nan,
        recall=weights[0] / weights[2] if weights[2] else math.nan,
        precision_counted=counts[0] / counts[1] if counts[1] else math.nan,
        recall_counted=counts[0] / counts[2] if counts[2] else math.nan,
        precision_low=wilson_low(counts[0], counts[1]),
        recall_low=wilson_low(counts[0], counts[2]),
    )


def wilson_low(hits: int, of: int, z: float = 1.96) -> float:
    """Lower end of Wilson's 95 % interval of a share (Wilson 1927); nan of nothing."""
    if not of:
        return math.nan
    share = hits / of
    middle = share + z * z / (2 * of)
    return (middle - z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))) / (1 + z * z / of)


def main() -> None:
    """Print the table; ``--errors`` names each wrong document of the half ``tune``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder with en/ and zh/")
    parser.add_argument("--errors", action="store_true", help="list the wrong ones of the half tune")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    scores: list[Score] = []
    heading = f"{'language':9}{'half':9}{'docs':>6}{'relevant':>10}{'kept':>6}{'both':>6}"
    print(f"{heading}   precision           recall")
    for language in ("en", "zh"):
        documents = judged(labelled(arguments.data, language), language)
        for half in ("tune", "confirm", "all"):
            found = score(documents, language, half)
            scores.append(found)
            counts = f"{found.documents:6}{found.relevant:10}{found.kept:6}{found.both:6}"
            precision = f"{found.precision:.2f} (>= {found.precision_low:.2f})"
            recall = f"{found.recall:.2f} (>= {found.recall_low:.2f})"
            verdict = f"{'reached' if found.met else 'NOT reached'}: {TARGET:.2f} each"
            print(f"{language:9}{half:9}{counts}   {precision}    {recall}    {verdict}")
        if arguments.errors:
            wrong = documents.filter(
                (pl.col("half") == "tune") & (pl.col("reason").is_null() != (pl.col("relevant") == 1))
            )
            for row in wrong.iter_rows(named=True):
                print(
                    "  ",
                    row["file"],
                    row["source_id"],
                    "relevant" if row["relevant"] else "not",
                    row["reason"],
                )
                print("     ", row["statistics"]["terms"], row["note"])
    print("weighted by stratum; in brackets the lower end of the 95 % interval of the unweighted counts")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(found) for found in scores], indent=1))


if __name__ == "__main__":
    main()
