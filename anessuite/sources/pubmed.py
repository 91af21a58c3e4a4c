"""PubMed and MEDLINE in XML: the files of the baseline, of the daily updates, and of EFetch.

    <PubmedArticle><MedlineCitation><PMID Version="1">17942999</PMID> ... <ArticleTitle>Neuroplasticity in
    the processing of pitch dimensions ...</ArticleTitle> ... <AbstractText Label="PURPOSE"
    NlmCategory="OBJECTIVE">An auditory electrophysiological study was conducted to explore ...

Articles, chapters of books and deletions are read; the fields are those that the suite uses.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import lxml.etree as etree
import polars as pl
import pyarrow as pa

from anessuite.errors import SourceError
from anessuite.sources.files import public
from anessuite.sources.pubmed_xml import Element, Fault, date_of, elements, text_of

ROOTS = ("PubmedArticleSet", "MedlineCitationSet", "PubmedBookArticleSet")
NO_PMID = "?"
"""In place of the PMID of a retraction notice that has none."""
_STRINGS = pa.list_(pa.string())
_SECTION = pa.struct([("label", pa.string()), ("category", pa.string()), ("text", pa.string())])
CITATION = pa.schema(
    [
        pa.field("pmid", pa.string(), nullable=False),
        pa.field("version", pa.uint16(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("abstract", pa.string(), nullable=False),
        pa.field("sections", pa.list_(_SECTION), nullable=False),
        pa.field("mesh", _STRINGS, nullable=False),
        pa.field("mesh_major", _STRINGS, nullable=False),
        pa.field("keywords", _STRINGS, nullable=False),
        pa.field("publication_types", _STRINGS, nullable=False),
        pa.field("languages", _STRINGS, nullable=False),
        pa.field("journal", pa.string(), nullable=False),
        pa.field("issn", pa.string(), nullable=False),
        pa.field("date", pa.string(), nullable=False),
        pa.field("year", pa.int16()),
        pa.field("doi", pa.string()),
        pa.field("pmc", pa.string()),
        pa.field("retracted", pa.bool_(), nullable=False),
        pa.field("deleted", pa.bool_(), nullable=False),
        pa.field("row", pa.uint64(), nullable=False),
    ]
)
"""A citation, or a PMID that is withdrawn (``deleted``). ``mesh`` holds descriptors, ``mesh_major`` those of
major headings; ``row`` counts the rows of the file from 0."""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of an abstract; ``label`` is the journal's word, ``category`` NLM's, both "" where none."""

    label: str
    category: str
    text: str


@dataclass(frozen=True, slots=True)
class MeshHeading:
    """A descriptor and its qualifiers; ``major`` if it or any of them is a main topic."""

    name: str
    major: bool
    qualifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Citation:
    """One article, or one chapter of a book, as PubMed describes it; texts are plain and on one line.

    ``title`` is English, in brackets where NLM translated it, as given; where there is none, the vernacular
    title stands in, or the book's. ``languages`` are codes as given (eng, chi). ``date`` is that of
    publication, as precise as known (2007, 2007-10, 2007-10-18) and of a span its beginning; else that of the
    electronic article, else the first year in which NLM handled the citation, else "". ``retracted_by`` holds
    the PMIDs of the notices of its retraction.
    """

    pmid: str
    version: int = 1
    title: str = ""
    sections: tuple[Section, ...] = ()
    mesh: tuple[MeshHeading, ...] = ()
    keywords: tuple[str, ...] = ()
    publication_types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    journal: str = ""
    journal_abbreviation: str = ""
    issn: str = ""
    date: str = ""
    doi: str | None = None
    pmc: str | None = None
    retracted_by: tuple[str, ...] = ()

    @property
    def abstract(self) -> str:
        """A line for each section, "LABEL: text"; the text alone where the label is none or "UNLABELLED"."""
        return "\n".join(
            [
                part.text if part.label in ("", "UNLABELLED") else f"{part.label.rstrip(':')}: {part.text}"
                for part in self.sections
            ]
        )

    @property
    def year(self) -> int | None:
        return int(self.date[:4]) if self.date else None

    @property
    def retracted(self) -> bool:
        """By a notice or by its publication type."""
        return bool(self.retracted_by) or "Retracted Publication" in self.publication_types


@dataclass(frozen=True, slots=True)
class Deletion:
    """A citation that NLM has withdrawn: who holds this PMID from an earlier file drops it."""

    pmid: str


def read_citations(path: str, *, name: str | None = None) -> Iterator[Citation | Deletion]:
    """The citations of one file (XML, plain or gzip; a path or fsspec URL) in its order, in constant memory.

    Abstracts in other languages (OtherAbstract), copyright lines, authors and references are left out.

    Raises:
        SourceError: the file, called ``name``, cannot be read to its end, is not PubMed's, or holds a
            citation without a PMID. Citations before the fault may have come already.
    """
    name = name or public(path)
    for number, element in enumerate(elements(path, name=name, roots=ROOTS), start=1):
        try:
            found = list(_read(element))
        except Fault as fault:
            raise SourceError(
                f"{name}, line {element.sourceline}, {element.tag} {number}: {fault}",
                "fetch it again, or leave it out with --keep-going",
            ) from None
        yield from found


def _read(element: Element) -> Iterator[Citation | Deletion]:
    if element.tag in ("DeleteCitation", "DeleteDocument"):
        yield from (Deletion(_pmid(node)) for node in element.iterchildren("PMID"))
    elif element.tag in _FIELDS:
        yield _citation(element)
    else:
        raise Fault(f"only {', '.join(_FIELDS)} and DeleteCitation are known")


def _below(parent: str, *paths: str) -> list[str]:
    return [parent + path for path in paths]


_ARTICLE = [
    *("ArticleTitle", "VernacularTitle", "Abstract/AbstractText", "PublicationTypeList/PublicationType"),
    *("Language", "ArticleDate", "ELocationID[@EIdType='doi'][not(@ValidYN!='Y')]"),
    *_below("Journal/", "Title", "ISOAbbreviation", "ISSN", "JournalIssue/PubDate"),
]
_MEDLINE = [
    *("PMID", "MeshHeadingList/MeshHeading", "KeywordList/Keyword", "OtherID[contains(.,'PMC')]"),
    "CommentsCorrectionsList/CommentsCorrections[@RefType='RetractionIn']",
    *_below("Article/", *_ARTICLE),
]
_IDS = "ArticleIdList/ArticleId[@IdType='doi' or @IdType='pmc']"
_BOOK = [
    *("PMID", "ArticleTitle", "VernacularTitle", "Abstract/AbstractText", "PublicationType", "Language"),
    *("KeywordList/Keyword", "Book/BookTitle", "Book/PubDate", "ContributionDate", _IDS),
]
_FIELDS: dict[str, Any] = {
    "PubmedArticle": etree.XPath("|".join([*_below("MedlineCitation/", *_MEDLINE), f"PubmedData/{_IDS}"])),
    "MedlineCitation": etree.XPath("|".join(_MEDLINE)),
    "PubmedBookArticle": etree.XPath("|".join(_below("BookDocument/", *_BOOK))),
}
"""One path to nearly all that is read, which is three times as fast as a search for each field."""


def _citation(element: Element) -> Citation:
    found: defaultdict[str, list[Element]] = defaultdict(list)
    for node in _FIELDS[element.tag](element):
        found[node.tag].append(node)
    if not found["PMID"]:
        raise Fault("it has no PMID")
    ids = found["ArticleId"]
    return Citation(
        pmid=_pmid(found["PMID"][0]),
        version=_version(found["PMID"][0]),
        title=_title(found),
        sections=_sections(found["AbstractText"]),
        mesh=tuple([_heading(node) for node in found["MeshHeading"]]),
        keywords=_texts(found["Keyword"]),
        publication_types=_texts(found["PublicationType"]),
        languages=_texts(found["Language"]),
        journal=_first(found["Title"] or found["BookTitle"]),
        journal_abbreviation=_first(found["ISOAbbreviation"] or element.iter("MedlineTA")),
        issn=_first(found["ISSN"] or element.iter("ISSNLinking")),
        date=_date([*found["PubDate"], *found["ContributionDate"], *found["ArticleDate"]], element),
        doi=_first([*found["ELocationID"], *(node for node in ids if node.get("IdType") == "doi")]) or None,
        pmc=_pmc([*(node for node in ids if node.get("IdType") == "pmc"), *found["OtherID"]]),
        retracted_by=tuple([_first(node.iter("PMID")) or NO_PMID for node in found["CommentsCorrections"]]),
    )


def _pmid(node: Element) -> str:
    pmid = text_of(node)
    if not (pmid.isascii() and pmid.isdecimal()):
        raise Fault(f"its PMID {pmid!r} is no number" if pmid else "it has no PMID")
    return pmid


def _version(node: Element) -> int:
    version = node.get("Version", "1")
    if not version.isdecimal() or int(version) > 0xFFFF:
        raise Fault(f"the version {version!r} of its PMID is no number below 65,536")
    return int(version)


def _texts(nodes: Iterable[Element]) -> tuple[str, ...]:
    return tuple([text for node in nodes if (text := text_of(node))])


def _first(nodes: Iterable[Element]) -> str:
    for node in nodes:
        if text := text_of(node):
            return text
    return ""


def _title(found: dict[str, list[Element]]) -> str:
    title = _first(found["ArticleTitle"])
    if not title or title.strip("[].").lower() == "not available":  # what NLM writes where it has none
        return _first(found["VernacularTitle"]) or title or _first(found["BookTitle"])
    return title


def _sections(nodes: list[Element]) -> tuple[Section, ...]:
    texts = [(node, text) for node in nodes if (text := text_of(node))]
    return tuple([Section(n.get("Label", "").strip(), n.get("NlmCategory", ""), text) for n, text in texts])


def _heading(node: Element) -> MeshHeading:
    parts = list(node.iterchildren("DescriptorName", "QualifierName"))
    name, *qualifiers = [text_of(part) for part in parts] or [""]
    return MeshHeading(name, "Y" in [part.get("MajorTopicYN") for part in parts], tuple(qualifiers))


def _pmc(nodes: Iterable[Element]) -> str | None:
    numbers = (re.search(r"PMC\d+", text) for text in _texts(nodes))
    return next((number[0] for number in numbers if number), None)


def _date(published: list[Element], element: Element) -> str:
    for node in published:
        if date := date_of(node):
            return date
    handled = element.iter("DateCreated", "DateCompleted", "DateRevised")
    return min((date[:4] for node in handled if (date := date_of(node))), default="")


_SLICE_ROWS = 256
"""Rows held as objects at a time: more of them, kept longer, cost Python a third of its speed."""


def citation_batches(path: str, *, name: str | None = None, rows: int = 4096) -> Iterator[pl.DataFrame]:
    """As read_citations, in frames of CITATION; a deletion is a row that has only its PMID.

    Raises SourceError as read_citations does; frames that were full before the fault have come already.
    """
    source = enumerate(read_citations(path, name=name))
    while slices := list(_slices(islice(source, rows))):
        yield pl.DataFrame(pa.Table.from_batches(slices))


def _slices(source: Iterator[tuple[int, Citation | Deletion]]) -> Iterator[pa.RecordBatch]:
    while numbered := list(islice(source, _SLICE_ROWS)):
        yield _slice(numbered)


def _slice(numbered: list[tuple[int, Citation | Deletion]]) -> pa.RecordBatch:
    citations = [Citation(row.pmid) if isinstance(row, Deletion) else row for _, row in numbered]
    made: dict[str, list[Any]] = {
        "sections": [[(part.label, part.category, part.text) for part in row.sections] for row in citations],
        "mesh": [[heading.name for heading in row.mesh] for row in citations],
        "mesh_major": [[heading.name for heading in row.mesh if heading.major] for row in citations],
        "deleted": [isinstance(row, Deletion) for _, row in numbered],
        "row": [number for number, _ in numbered],
    }
    arrays = [
        pa.array(made.get(field.name) or [getattr(row, field.name) for row in citations], field.type)
        for field in CITATION
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=CITATION)
