"""What PubMed says of an article, as objects and as rows of CITATION."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

_STRINGS = pa.list_(pa.string())
SECTION_TYPE = pa.struct([("label", pa.string()), ("category", pa.string()), ("text", pa.string())])
CITATION = pa.schema(
    [
        pa.field("pmid", pa.string(), nullable=False),
        pa.field("version", pa.uint16(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("abstract", pa.string(), nullable=False),
        pa.field("sections", pa.list_(SECTION_TYPE), nullable=False),
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


def batch_of(rows: list[Citation | Deletion], first: int) -> pa.RecordBatch:
    """Rows of CITATION, of which the first is number ``first`` in its file; a deletion has only its PMID."""
    citations = [Citation(row.pmid) if isinstance(row, Deletion) else row for row in rows]
    made: dict[str, list[Any]] = {
        "sections": [[(part.label, part.category, part.text) for part in row.sections] for row in citations],
        "mesh": [[heading.name for heading in row.mesh] for row in citations],
        "mesh_major": [[heading.name for heading in row.mesh if heading.major] for row in citations],
        "deleted": [isinstance(row, Deletion) for row in rows],
        "row": list(range(first, first + len(rows))),
    }
    arrays = [
        pa.array(made.get(field.name) or [getattr(row, field.name) for row in citations], field.type)
        for field in CITATION
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=CITATION)
