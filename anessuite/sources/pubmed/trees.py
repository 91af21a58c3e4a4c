"""Citations from the trees of their elements: which element and attribute means what.

`pubmed.paths` and `pubmed.values` say the same for the scanner; a change here is one there, too.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import lxml.etree as etree

from anessuite.sources.pubmed.records import Citation, Deletion, MeshHeading, Section
from anessuite.sources.pubmed.xml import Element, Fault, date_of, text_of

NO_PMID = "?"
"""In place of the PMID of a retraction notice that has none."""


def citations_of(element: Element) -> Iterator[Citation | Deletion]:
    """What one child of the root holds. Raises Fault if it is not known, or has no PMID."""
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
