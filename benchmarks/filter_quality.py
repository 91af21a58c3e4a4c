"""Precision and recall of the keyword filter on real documents labelled by reading.

    python -m benchmarks.filter_quality --data ../shared/data [--errors] [--json FILE]

The labels are all documents of ``web/`` and all abstracts of two files of ``pubmed/`` that held a term, and
a sample of the others (see ``benchmarks/labels/README.md``). Thresholds and terms were set on ``tune``.
"""

import argparse
import gzip
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from anessuite.sources.documents import Source, read_unit, units_of
from anessuite.sources.files import find_files
from benchmarks.web import WEB
from filters.keywords import keyword_reason, term_statistics
from flows.corpus import CorpusConfig

LABELS = Path(__file__).parent / "labels"
TARGET = 0.90


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


def labelled_web(data: Path, language: str) -> pl.DataFrame:
    """The labelled web documents of a language with their texts, read from the real files."""
    labels = _labels(language)
    wanted = {(file, row) for file, row in labels.select("file", "row").iter_rows()}
    texts = [
        row
        for source in WEB
        if source.language == language
        for row in _web_texts(data / "web", source, wanted)
    ]
    found = pl.DataFrame(texts, schema={"file": pl.String, "row": pl.Int64, "text": pl.String}, orient="row")
    return _complete(labels.join(found, on=["file", "row"], how="left"), data)


def labelled_abstracts(data: Path) -> pl.DataFrame:
    """The labelled abstracts with their texts (of MEDLINE with the title)."""
    texts = [*_pubmedqa(data / "pubmed"), *_medline(data / "pubmed" / "medline16n0902.xml.gz")]
    found = pl.DataFrame(texts, schema=["file", "source_id", "text"], orient="row")
    return _complete(_labels("abstracts").join(found, on=["file", "source_id"], how="left"), data)


def _labels(name: str) -> pl.DataFrame:
    return pl.read_csv(LABELS / f"{name}.csv", schema_overrides={"source_id": pl.String})


def _complete(joined: pl.DataFrame, data: Path) -> pl.DataFrame:
    if joined["text"].null_count():
        raise SystemExit(f"{joined['text'].null_count()} labelled documents are not in {data}")
    return joined


def _web_texts(
    data: Path, source: Source, wanted: set[tuple[str, int]]
) -> Iterator[tuple[str, int, str | None]]:
    for file in find_files(str(data / source.path), format=source.format):
        name = Path(file.name).name
        if not any(name == other for other, _ in wanted):
            continue
        for unit in units_of(source, file, start=0):
            for batch in read_unit(unit):
                for row in range(batch.first_row, batch.first_row + len(batch.text)):
                    if (name, row) in wanted:
                        yield name, row, batch.text[row - batch.first_row].as_py()


def _pubmedqa(folder: Path) -> Iterator[tuple[str, str, str]]:
    for pmid, row in json.loads((folder / "pubmedqa.json").read_bytes()).items():
        yield "pubmedqa.json", pmid, "\n".join(row["CONTEXTS"])


def _medline(path: Path) -> Iterator[tuple[str, str, str]]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    with gzip.open(path) as stream:
        root = etree.parse(stream, parser).getroot()
    for citation in root.iter("MedlineCitation"):
        parts = ["".join(part.itertext()) for part in citation.iter("AbstractText")]
        if parts:
            title = citation.findtext("Article/ArticleTitle") or ""
            yield path.name, citation.findtext("PMID") or "", "\n".join([title, *parts])


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
    parser.add_argument("--data", type=Path, required=True, help="the folder with web/ and pubmed/")
    parser.add_argument("--errors", action="store_true", help="list the wrong ones of the half tune")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    shared = ["file", "source_id", "half", "relevant", "note", "reason", "statistics"]
    sets = {
        "en web": judged(labelled_web(arguments.data, "en"), "en").select(shared),
        "en abstracts": judged(labelled_abstracts(arguments.data), "en").select(shared),
        "zh web": judged(labelled_web(arguments.data, "zh"), "zh").select(shared),
    }
    sets["en"] = pl.concat([sets["en web"], sets["en abstracts"]])
    scores: list[Score] = []
    heading = f"{'documents':14}{'half':9}{'labelled':>9}{'relevant':>10}{'kept':>6}{'both':>6}"
    print(f"{heading}   precision           recall")
    for name in ("en web", "en abstracts", "en", "zh web"):
        for half in ("tune", "confirm"):
            found = score(name, sets[name], half)
            scores.append(found)
            counts = f"{found.labelled:9}{found.relevant:10}{found.kept:6}{found.both:6}"
            precision = f"{found.precision:.2f} (>= {found.precision_low:.2f})"
            recall = f"{found.recall:.2f} (>= {found.recall_low:.2f})"
            verdict = f"{'reached' if found.met else 'NOT reached'}: {TARGET:.2f} each"
            print(f"{name:14}{half:9}{counts}   {precision}    {recall}    {verdict}")
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
