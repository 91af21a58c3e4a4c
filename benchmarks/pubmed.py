"""Speed of the PubMed reader beside named peers on the same files, and what they read differently.

    python -m benchmarks.pubmed --data ../shared/data [--megabytes 50] [--repeats 5]

Peers: Bio.Entrez.read, and pubmed_parser and pubmedparser2 if they can be imported (no dependencies of ours:
``pip install --target FOLDER pubmed-parser pubmedparser2``, and FOLDER on PYTHONPATH). Each job runs in a
process of its own, all jobs in turn. Rates are medians, in megabytes of XML (read from gzip) a second of CPU
time, without imports and the first call of compiled code, which is told apart. Builds read frames: their rate
is compared. Exits with 1 if a field differs for no known reason.
"""

import argparse
import gzip
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import lxml.etree as etree

from anessuite.sources.pubmed import Citation, citation_batches, read_citations
from benchmarks.corpus_jobs import peak_memory

LEAST_SECONDS = 1.0
"""Of CPU time in a run."""
BASELINE = "medline16n0902.xml.gz"
SMALL = Path(__file__).parents[1] / "samples" / "pubmed" / "sample26n0002.xml.gz"
PROLOG = '<?xml version="1.0"?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD" "https://dtd.nlm.nih.gov/pubmed_150101.dtd">\n'
OURS, BATCHES = "ours, objects", "ours, frames"
BIO, PARSER, PARSER2 = "Bio.Entrez.read", "pubmed_parser", "pubmedparser2"
JOBS: tuple[str, ...] = (OURS, BATCHES, BIO, PARSER, PARSER2)
TARGETS = {BIO: 10.0, PARSER: 1.0, PARSER2: 1.0}
NOTES = {PARSER2: "compiled; writes TSV, with entities undecoded and without dates in words"}
FIELDS = ("pmid", "title", "abstract", "year", "journal", "doi", "mesh", "languages", "publication types")
Row = tuple[str, ...]
Run = dict[str, Any]


def main() -> None:
    """Measure, compare, print."""
    if sys.argv[1:2] == ["--job"]:
        return print(json.dumps(_job(*sys.argv[2:])))
    parser = argparse.ArgumentParser(description="speed of the PubMed reader, and what its peers read")
    parser.add_argument("--data", type=Path, required=True, help="the folder with pubmed/")
    parser.add_argument("--megabytes", type=float, default=50.0, help="of the resampled file")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="anes-pubmed-") as scratch:
        folder, repeats = Path(scratch), arguments.repeats
        source = gzip.decompress((arguments.data / "pubmed" / BASELINE).read_bytes())
        known = source.replace(b"set_160101.dtd", b"set_150101.dtd")  # Biopython would fetch that of 2016
        old = _written(folder / "baseline.xml.gz", known)
        current = _as_current(source, folder, 0)
        print(f"load before: {os.getloadavg()}\n")
        print(f"{BASELINE}; pubmed_parser and pubmedparser2 get its citations in the form of today")
        _speeds({job: current if job in (PARSER, PARSER2) else old for job in JOBS}, repeats)
        print("\nits citations resampled, in the form of today")
        _speeds(dict.fromkeys(JOBS, _as_current(source, folder, arguments.megabytes * 1e6)), repeats)
        print(f"\nload after: {os.getloadavg()}")
        others = [path for path in arguments.data.glob("pubmed/**/*.xml*") if path.name != BASELINE]
        sys.exit(1 if _differences([current, *sorted(others)], folder) else 0)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content, 6))
    return path


def _as_current(source: bytes, folder: Path, size: float) -> Path:
    """The citations as a PubmedArticleSet: each once, or random ones with new PMIDs up to so many bytes."""
    citations = re.findall(rb"<MedlineCitation .*?</MedlineCitation>", source, re.DOTALL)
    chance, parts, length = random.Random(1), list[bytes](), 0
    while length < size:
        new = b"\\g<1>%d" % (10_000_000 + len(parts))
        parts.append(re.sub(rb'(<PMID Version="1">)\d+', new, chance.choice(citations), count=1))
        length += len(parts[-1]) + 120
    data = b"<PubmedData><PublicationStatus>ppublish</PublicationStatus></PubmedData>"
    body = b"".join(b"<PubmedArticle>%b%b</PubmedArticle>\n" % (one, data) for one in parts or citations)
    content = PROLOG.encode() + b"<PubmedArticleSet>\n" + body + b"</PubmedArticleSet>\n"
    return _written(folder / f"current-{len(parts) or 'baseline'}.xml.gz", content)


def _speeds(files: dict[str, Path], repeats: int) -> None:
    sizes = {path: len(gzip.decompress(path.read_bytes())) / 1e6 for path in set(files.values())}
    runs: dict[str, list[Run]] = {job: [] for job in files}
    for _ in range(repeats):
        for job, path in files.items():
            runs[job].append(_run(job, path))
    rates = {job: _rate(job, sizes[path], runs[job]) for job, path in files.items() if runs[job][0]["count"]}
    for job in files.keys() - rates:
        print(f"  {job:16} not measured: {runs[job][0]['missing']}")
    for peer, target in TARGETS.items():
        if peer in rates:
            ratio = rates[BATCHES] / rates[peer]
            met = "reached" if ratio >= target else "NOT reached"
            print(f"  {BATCHES:16}{ratio:7.1f} times {peer}: {met} (at least {target:g})")
    print(f"  {BATCHES:16}{min(run['ready'] for run in runs[BATCHES]):7.2f} s for the first call of all")


def _rate(job: str, megabytes: float, runs: list[Run]) -> float:
    seconds = [run["seconds"] for run in runs]
    rate = megabytes / statistics.median(seconds)
    print(
        f"  {job:16}{rate:7.1f} MB/s ({megabytes / max(seconds):.1f} to {megabytes / min(seconds):.1f}), "
        f"{runs[0]['count'] / statistics.median(seconds):6,.0f} citations/s, "
        f"peak {runs[0]['rss']:,.0f} MB  {NOTES.get(job, '')}"
    )
    return rate


def _run(job: str, path: Path) -> Run:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.pubmed", "--job", job, str(path)],
        env=os.environ | {"POLARS_MAX_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{job} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _job(job: str, path: str) -> Run:
    jobs: dict[str, Callable[[str], Callable[[], int]]] = {
        OURS: lambda path: lambda: sum(1 for _ in read_citations(path)),
        BATCHES: _frames,
        BIO: _entrez,
        PARSER: _parser,
        PARSER2: _parser2,
    }
    begun = time.process_time()
    try:
        work = jobs[job](path)
    except ImportError as error:
        return {"missing": str(error), "count": 0}
    ready, times, seconds, count = time.process_time(), 0, 0.0, 0
    while seconds < LEAST_SECONDS:  # a small file takes some hundredths, which says little
        count = work()
        times += 1
        seconds = time.process_time() - ready
    return {"seconds": seconds / times, "ready": ready - begun, "count": count, "rss": peak_memory() / 1e6}


def _frames(path: str) -> Callable[[], int]:
    list(citation_batches(str(SMALL)))
    return lambda: sum(len(frame) for frame in citation_batches(path))


def _entrez(path: str) -> Callable[[], int]:
    from Bio import Entrez

    def work() -> int:
        with gzip.open(path) as stream:
            found: Any = Entrez.read(stream)
        return len(_articles(found))

    return work


def _articles(found: Any) -> list[Any]:
    """Up to the DTD of 2017 a PubmedArticleSet is a list to Biopython."""
    if isinstance(found, list):
        return found
    return found["PubmedArticle" if "PubmedArticle" in found else "MedlineCitation"]


def _parser(path: str) -> Callable[[], int]:
    import pubmed_parser  # pyright: ignore[reportMissingImports]

    return lambda: sum(1 for _ in pubmed_parser.parse_medline_xml(path, year_info_only=False))


def _parser2(path: str) -> Callable[[], int]:
    import pubmedparser  # pyright: ignore[reportMissingImports]

    paths = ["ArticleTitle", "Abstract/AbstractText/@Label", "Language", "../KeywordList/Keyword"]
    paths += ["Journal/Title", "Journal/ISOAbbreviation", "Journal/ISSN", "ELocationID/[@EIdType='doi']"]
    paths += ["Journal/JournalIssue/PubDate/{Year,Month,Day}", "PublicationTypeList/PublicationType"]
    paths += ["../MeshHeadingList/MeshHeading/DescriptorName", "../OtherID"]
    medline = "/PubmedArticle/MedlineCitation/"
    structure = {"root": "/PubmedArticleSet", "key": f"{medline}PMID"}
    for path_number, below in enumerate(paths):
        structure[f"c{path_number}"] = f"{medline}Article/{below}".replace("Article/../", "")

    def work() -> int:
        with tempfile.TemporaryDirectory() as out:
            pubmedparser.read_xml([path], structure, out, relative_to_default_data=False, n_threads=1)
            return len((Path(out) / "c0.tsv").read_bytes().splitlines()) - 1

    return work


def _differences(files: list[Path], folder: Path) -> int:
    """Print what peers read differently, white space apart, by reason; returns how much has no known one."""
    print(f"\ndifferences in {', '.join(FIELDS)}")
    unknown = 0
    for peer, read in ((BIO, _rows_of_entrez), (PARSER, _rows_of_parser)):
        reasons, compared = Counter[str](), 0
        for path in files:
            content = path.read_bytes()
            raw = gzip.decompress(content) if path.suffix == ".gz" else content
            try:
                theirs = list(read(_written(folder / "one.xml.gz", raw)))
            except ImportError as error:
                print(f"  {peer}: not compared: {error}")
                break
            ours = [c for c in read_citations(str(path)) if isinstance(c, Citation)]
            elements = list(etree.fromstring(raw).iter("PubmedArticle"))
            for one, other, element in zip(ours, theirs, elements, strict=True):
                reasons.update(_reasons(path.name, _row(one), other, element))
            compared += len(ours)
        for reason, count in reasons.most_common():
            print(f"  {peer}: {count:4} x {reason}")
        print(f"  {peer}: {compared} citations compared, {sum(reasons.values())} fields differ")
        unknown += sum(count for reason, count in reasons.items() if "UNKNOWN" in reason)
    return unknown


def _plain(*values: Iterable[str] | str) -> Row:
    joined = (value if isinstance(value, str) else "; ".join(value) for value in values)
    return tuple(" ".join(value.split()) for value in joined)


def _row(found: Citation) -> Row:
    texts = " ".join(f"{part.label} {part.text}" for part in found.sections)
    mesh = [heading.name for heading in found.mesh]
    lists = (mesh, found.languages, found.publication_types)
    return _plain(found.pmid, found.title, texts, str(found.year), found.journal, found.doi or "", *lists)


def _rows_of_entrez(path: Path) -> Iterator[Row]:
    from Bio import Entrez

    with gzip.open(path) as stream:
        articles = _articles(Entrez.read(stream, escape=True))
    for whole in articles:
        medline = whole["MedlineCitation"]
        article = medline["Article"]
        texts = article.get("Abstract", {}).get("AbstractText", [])
        labels = [getattr(text, "attributes", {}).get("Label", "") for text in texts]
        date = article["Journal"]["JournalIssue"]["PubDate"]
        ids = [*article["ELocationID"], *whole.get("PubmedData", {}).get("ArticleIdList", [])]
        yield _plain(
            medline["PMID"],
            _unmarked(article["ArticleTitle"]),
            " ".join(f"{label} {_unmarked(text)}" for label, text in zip(labels, texts, strict=True)),
            str(date["Year"] if "Year" in date else date["MedlineDate"])[:4],
            _unmarked(article["Journal"]["Title"]),
            next((i for i in ids if "doi" in i.attributes.values()), ""),
            [_unmarked(heading["DescriptorName"]) for heading in medline.get("MeshHeadingList", [])],
            article["Language"],
            [_unmarked(kind) for kind in article["PublicationTypeList"]],
        )


def _unmarked(escaped: str) -> str:
    """Entrez leaves tags in its strings."""
    return "".join(etree.fromstring(f"<a>{escaped}</a>").itertext())


def _rows_of_parser(path: Path) -> Iterator[Row]:
    import pubmed_parser  # pyright: ignore[reportMissingImports]

    for found in pubmed_parser.parse_medline_xml(str(path), year_info_only=False):
        lists = [re.sub(r"(^|; )[DQC]\d+:", r"\1", found[key]) for key in ("mesh_terms", "publication_types")]
        texts = [found[key] for key in ("pmid", "title", "abstract", "pubdate", "journal", "doi")]
        texts[3] = texts[3][:4]
        yield _plain(*texts, lists[0], found["languages"].split(";"), lists[1])


def _reasons(file: str, ours: Row, theirs: Row, element: Any) -> Iterator[str]:
    for field, a, b in zip(FIELDS, ours, theirs, strict=True):
        if a != b:
            yield f"{field}: {_reason(field, a, b, element) or f'UNKNOWN in {file}: {b!r}, but {a!r}'}"


def _reason(field: str, ours: str, theirs: str, element: Any) -> str:
    if _letters(ours) == _letters(theirs):
        return "raised characters are not told from others, or a tool's line breaks stay in words"
    texts = list(element.iterfind("MedlineCitation/Article/Abstract/AbstractText"))
    if field == "abstract" and len(texts) == 1 and f"{texts[0].get('Label')} {theirs}" == ours:
        return "the label of an only section is lost"
    if field == "doi" and not theirs and element.find(".//ELocationID[last()]").get("EIdType") != "doi":
        return "it is lost where another kind of ELocationID follows"
    if any(next(text.iter("{*}math"), None) is not None for text in texts):
        return "the parts of a formula are in the order of its markup, or lost"
    return "text of markup in markup is lost" if any(len(part) for text in texts for part in text) else ""


def _letters(text: str) -> str:
    return re.sub(r"[\s^]", "", unicodedata.normalize("NFKC", text)).replace("−", "-")


if __name__ == "__main__":
    main()
