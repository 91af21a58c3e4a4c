"""The labelled documents of ``benchmarks/labels`` with their texts, read from the real files.

{"file": "medquad.jsonl.gz", "row": 12, "source_id": "...", "half": "tune", "relevant": 0, "text": "..."}
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from anessuite.sources.documents import Source, read_unit, units_of
from anessuite.sources.files import find_files
from benchmarks.web import WEB

LABELS = Path(__file__).parent / "labels"


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
    return _with_texts("abstracts", texts, data)


def labelled_explanations(data: Path) -> pl.DataFrame:
    """The labelled explanations of examination questions, after their question."""
    path = data / "mcq" / "medmcqa_dev.jsonl"
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    texts = [(path.name, row["id"], f"{row['question']}\n{row['exp']}") for row in rows]
    return _with_texts("explanations", texts, data)


def labelled_cases(data: Path) -> pl.DataFrame:
    """The labelled summaries of case reports."""
    path = data / "traces" / "deepseek_r1_medrbench.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        texts = [(path.name, row["id"], row["case_summary"]) for row in map(json.loads, stream)]
    return _with_texts("cases", texts, data)


def _labels(name: str) -> pl.DataFrame:
    return pl.read_csv(LABELS / f"{name}.csv", schema_overrides={"source_id": pl.String})


def _with_texts(name: str, texts: list[tuple[str, str, str]], data: Path) -> pl.DataFrame:
    found = pl.DataFrame(texts, schema=["file", "source_id", "text"], orient="row")
    return _complete(_labels(name).join(found, on=["file", "source_id"], how="left"), data)


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
