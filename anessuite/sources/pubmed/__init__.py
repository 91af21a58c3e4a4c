"""PubMed and MEDLINE in XML: the files of the baseline, of the daily updates, and of EFetch.

    <PubmedArticle><MedlineCitation><PMID Version="1">17942999</PMID> ... <ArticleTitle>Neuroplasticity in
    the processing of pitch dimensions ...</ArticleTitle> ... <AbstractText Label="PURPOSE"
    NlmCategory="OBJECTIVE">An auditory electrophysiological study was conducted to explore ...

Articles, chapters of books and deletions are read; the fields are those that the suite uses.

`read_citations` reads trees, and says what is right. `citation_batches` gives the same in columns and more
than twice as fast, by a scanner of plain XML (`pubmed.blocks`); what that does not know is read as a tree.
"""

from collections.abc import Iterator
from itertools import islice

import polars as pl
import pyarrow as pa

from anessuite.errors import SourceError
from anessuite.sources.files import public
from anessuite.sources.jsonl import BROKEN
from anessuite.sources.pubmed.blocks import ROOTS, NotPlain, plain_batches
from anessuite.sources.pubmed.records import CITATION, Citation, Deletion, MeshHeading, Section, batch_of
from anessuite.sources.pubmed.trees import citations_of
from anessuite.sources.pubmed.xml import Fault, elements

__all__ = [
    "CITATION",
    "Citation",
    "Deletion",
    "MeshHeading",
    "Section",
    "citation_batches",
    "parsed_batches",
    "read_citations",
]


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
            found = list(citations_of(element))
        except Fault as fault:
            raise SourceError(
                f"{name}, line {element.sourceline}, {element.tag} {number}: {fault}",
                "fetch it again, or leave it out with --keep-going",
            ) from None
        yield from found


def citation_batches(path: str, *, name: str | None = None, rows: int = 4096) -> Iterator[pl.DataFrame]:
    """As read_citations, in frames of CITATION; a deletion is a row that has only its PMID.

    Raises SourceError as read_citations does; frames that were full before the fault have come already.
    """
    given = 0
    try:
        for table in _tables(plain_batches(path), rows):
            yield pl.DataFrame(table)
            given += table.num_rows
    except (NotPlain, *BROKEN):  # a parser has the last word, from the beginning of the file
        yield from parsed_batches(path, name=name, rows=rows, first=given)


_SLICE_ROWS = 256
"""Rows held as objects at a time: more of them, kept longer, cost Python a third of its speed."""


def parsed_batches(
    path: str, *, name: str | None = None, rows: int = 4096, first: int = 0
) -> Iterator[pl.DataFrame]:
    """As citation_batches, all of it from trees; without the rows before ``first``."""
    source = islice(read_citations(path, name=name), first, None)
    for table in _tables(_slices(source, first, rows), rows):
        yield pl.DataFrame(table)


def _slices(source: Iterator[Citation | Deletion], first: int, rows: int) -> Iterator[pa.RecordBatch]:
    while found := list(islice(source, min(_SLICE_ROWS, rows))):
        yield batch_of(found, first)
        first += len(found)


def _tables(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """The same rows, in tables of ``rows`` and a last one with the rest."""
    held = CITATION.empty_table()
    for batch in batches:
        held = pa.concat_tables([held, pa.Table.from_batches([batch])])
        while held.num_rows >= rows:
            yield held.slice(0, rows)
            held = held.slice(rows)
    if held.num_rows:
        yield held
