"""Precision and recall of the keyword filter on real documents labelled by reading.

    python -m benchmarks.filter_quality --data ../shared/data [--errors] [--json FILE]

The half ``tune`` is all documents of ``web/`` and all abstracts of two files of ``pubmed/`` that held a
term, and a sample of the others: thresholds and terms were set on it. The half ``confirm`` is other texts,
labelled before that (see ``benchmarks/labels/README.md``).
"""

import argparse
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from benchmarks.labelled import labelled_abstracts, labelled_cases, labelled_explanations, labelled_web
from filters.keywords import keyword_reason, term_statistics
from flows.corpus import CorpusConfig

TARGET = 0.90
HALVES = ["tune", "confirm"]


@dataclass(frozen=True, slots=True)
class Score:
    """Figures of one set and half; the lower ends are Wilson's, 95 %."""

    documents: str
    half: str
    labelled: int
    relevant: int
    kept: int
    both: int
    precision: float
    recall: float
    precision_low: float
    recall_low: float

    @property
    def met(self) -> bool:
        """Both figures reach TARGET."""
        return min(self.precision, self.recall) >= TARGET


def judged(documents: pl.DataFrame, language: str) -> pl.DataFrame:
    """With the filter's reason under the default config."""
    curation = CorpusConfig.model_validate({"sources": [{"path": "-"}]}).curation(language)
    statistics = term_statistics(curation.lexicon, curation.keywords)
    return documents.with_columns(
        reason=keyword_reason(statistics, curation.keywords, language), statistics=statistics
    )


def score(name: str, documents: pl.DataFrame, half: str) -> Score:
    """Count one half."""
    mine = documents.filter(pl.col("half") == half)
    kept, relevant = mine["reason"].is_null(), mine["relevant"] == 1
    counts = {"relevant": int(relevant.sum()), "kept": int(kept.sum()), "both": int((kept & relevant).sum())}
    return Score(
        documents=name,
        half=half,
        labelled=mine.height,
        **counts,
        precision=counts["both"] / counts["kept"] if counts["kept"] else math.nan,
        recall=counts["both"] / counts["relevant"] if counts["relevant"] else math.nan,
        precision_low=wilson_low(counts["both"], counts["kept"]),
        recall_low=wilson_low(counts["both"], counts["relevant"]),
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
    parser.add_argument("--data", type=Path, required=True, help="folder of web/, pubmed/, mcq/, traces/")
    parser.add_argument("--half", nargs="+", choices=HALVES, default=HALVES, help="default: both")
    parser.add_argument("--errors", action="store_true", help="list the wrong ones of the half tune")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    shared = ["file", "source_id", "half", "relevant", "note", "reason", "statistics"]
    sets = {
        "en web": judged(labelled_web(arguments.data, "en"), "en").select(shared),
        "en abstracts": judged(labelled_abstracts(arguments.data), "en").select(shared),
        "en explanations": judged(labelled_explanations(arguments.data), "en").select(shared),
        "en cases": judged(labelled_cases(arguments.data), "en").select(shared),
        "zh web": judged(labelled_web(arguments.data, "zh"), "zh").select(shared),
    }
    sets["en"] = pl.concat([documents for name, documents in sets.items() if name.startswith("en ")])
    scores: list[Score] = []
    heading = f"{'documents':16}{'half':9}{'labelled':>9}{'relevant':>10}{'kept':>6}{'both':>6}"
    print(f"{heading}   precision           recall")
    for name in ("en web", "en abstracts", "en explanations", "en cases", "en", "zh web"):
        for half in arguments.half:
            found = score(name, sets[name], half)
            if not found.labelled:
                continue
            scores.append(found)
            counts = f"{found.labelled:9}{found.relevant:10}{found.kept:6}{found.both:6}"
            precision = f"{found.precision:.2f} (>= {found.precision_low:.2f})"
            recall = f"{found.recall:.2f} (>= {found.recall_low:.2f})"
            verdict = f"{'reached' if found.met else 'NOT reached'}: {TARGET:.2f} each"
            verdict = verdict if found.relevant else "holds nothing relevant"
            print(f"{name:16}{half:9}{counts}   {precision}    {recall}    {verdict}")
    if arguments.errors:
        for name in ("en web", "en abstracts", "zh web"):
            _print_errors(name, sets[name])
    print("in brackets the lower end of the 95 % interval")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(found) for found in scores], indent=1))


def _print_errors(name: str, documents: pl.DataFrame) -> None:
    wrong = (pl.col("half") == "tune") & (pl.col("reason").is_null() != (pl.col("relevant") == 1))
    for row in documents.filter(wrong).iter_rows(named=True):
        print("  ", name, row["source_id"], "relevant" if row["relevant"] else "not", row["reason"])
        print("     ", row["statistics"]["terms"], row["note"])


if __name__ == "__main__":
    main()
