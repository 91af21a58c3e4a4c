"""Which elements of a citation the scanner of PubMed files reads, as tables for compiled code.

Paths are those of `pubmed.trees`, of which this is a part: what is not here (books, deletions, dates other
than that of publication) is read from trees. A scanner in state ``s`` that meets an element called ``n`` goes
to ``moves[s, n]``; ``fields[s]`` is what the element holds.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

(PMID, TITLE, VERNACULAR, JOURNAL, ISSN, LINKING, LOCATION, DOI, PMC, OTHER, YEAR, MONTH, DAY, WORDS) = range(
    1, 15
)
"""Fields of which a citation has one, in the order of their places in a row."""
KEYWORD, KIND, LANGUAGE, SECTION, PART, MESH = range(15, 21)
"""Fields of which it has any number; ``PART`` is a descriptor or qualifier of a heading (``MESH``)."""
ARTICLE_ID, HEADING, PUBLISHED, NOTICE = range(21, 25)
"""What has to be looked into: an ArticleId may be ``DOI`` or ``PMC``; the others are no text."""

IGNORED, OUTSIDE, STRANGE = 0, 1, 255
"""States: below nothing that is read, outside of any citation, and where only a tree is sure."""

_MEDLINE = {
    "PMID": PMID,
    "Article/ArticleTitle": TITLE,
    "Article/VernacularTitle": VERNACULAR,
    "Article/Journal/Title": JOURNAL,
    "Article/Journal/ISSN": ISSN,
    "MedlineJournalInfo/ISSNLinking": LINKING,
    "Article/ELocationID": LOCATION,
    "OtherID": OTHER,
    "Article/Journal/JournalIssue/PubDate": PUBLISHED,
    "Article/Journal/JournalIssue/PubDate/Year": YEAR,
    "Article/Journal/JournalIssue/PubDate/Month": MONTH,
    "Article/Journal/JournalIssue/PubDate/Day": DAY,
    "Article/Journal/JournalIssue/PubDate/MedlineDate": WORDS,
    "KeywordList/Keyword": KEYWORD,
    "Article/PublicationTypeList/PublicationType": KIND,
    "Article/Language": LANGUAGE,
    "Article/Abstract/AbstractText": SECTION,
    "MeshHeadingList/MeshHeading": HEADING,
    "MeshHeadingList/MeshHeading/DescriptorName": PART,
    "MeshHeadingList/MeshHeading/QualifierName": PART,
    "CommentsCorrectionsList/CommentsCorrections": NOTICE,
}
_ATTRIBUTE_WORDS = ("Version", "Label", "NlmCategory", "EIdType", "ValidYN", "MajorTopicYN", "RefType")
_ATTRIBUTE_WORDS += ("IdType", "doi", "pmc", "Y", "RetractionIn")
A_VERSION, A_LABEL, A_CATEGORY, A_LOCATION, A_VALID, A_MAJOR, A_REFERENCE, A_ID = range(1, 9)
V_DOI, V_PMC, V_YES, V_RETRACTION = range(9, 13)
"""Numbers of these words among all names."""

BEGIN, END, STRANGE_ROW, VERSION, RETRACTED, HAS_ISSN, FIRST_PLACE = range(7)
"""Columns of a row of citations; from ``FIRST_PLACE`` on each field of one has three: begin, end, markup."""
ROW_WIDTH, VALUE_WIDTH = FIRST_PLACE + 3 * WORDS, 9
NAME_SLOTS = 512
TEXT_STOP, NAME, NAME_START, BLANK, VALUE_STOP = 1, 2, 4, 8, 16
"""Classes of bytes: at which text is looked at closely, of names, white space, and the like of values."""


class Tables(NamedTuple):
    """What compiled code has to know; a name is ``names[starts[n]:starts[n + 1]]``, found by ``slots``."""

    classes: np.ndarray
    names: np.ndarray
    starts: np.ndarray
    slots: np.ndarray
    moves: np.ndarray
    fields: np.ndarray


@lru_cache(maxsize=1)
def tables() -> Tables:
    """They are made at first use."""
    paths = {f"PubmedArticle/MedlineCitation/{path}": field for path, field in _MEDLINE.items()}
    paths["PubmedArticle/PubmedData/ArticleIdList/ArticleId"] = ARTICLE_ID
    states = {"": OUTSIDE}
    for path in paths:
        steps = path.split("/")
        for depth in range(1, len(steps) + 1):
            states.setdefault("/".join(steps[:depth]), len(states) + 1)
    names = ["", *_ATTRIBUTE_WORDS]
    names += sorted({path.rpartition("/")[2] for path in states if path})
    moves = np.zeros((len(states) + 1, len(names)), dtype=np.uint8)
    moves[:, names.index("ISSNLinking")] = STRANGE  # wherever it stands, it is read
    for path, state in states.items():
        if path:
            parent, _, name = path.rpartition("/")
            moves[states[parent], names.index(name)] = state
    moves[OUTSIDE, names.index("MedlineCitation")] = states["PubmedArticle/MedlineCitation"]
    fields = np.zeros(len(states) + 1, dtype=np.uint8)
    for path, field in paths.items():
        fields[states[path]] = field
    return Tables(_classes(), *_index(names), moves, fields)


def _index(names: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    joined = np.frombuffer("".join(names).encode(), dtype=np.uint8).copy()
    starts = np.cumsum([0, *map(len, names)], dtype=np.int32)
    slots = np.zeros(NAME_SLOTS, dtype=np.uint8)
    for number, name in enumerate(names[1:], start=1):
        slot = slot_of(ord(name[0]), ord(name[-1]), len(name))
        while slots[slot]:
            slot = (slot + 1) % NAME_SLOTS
        slots[slot] = number
    return joined, starts, slots


def slot_of(first: int, last: int, size: int) -> int:
    """Where a name of such bytes is looked for first."""
    return (first * 7 + last * 31 + size * 131) & (NAME_SLOTS - 1)


def _classes() -> np.ndarray:
    classes = np.zeros(256, dtype=np.uint8)
    letters = [*b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"]
    classes[letters] |= NAME | NAME_START
    classes[[*b"0123456789.-"]] |= NAME
    classes[[*b" \t\r\n"]] |= BLANK
    classes[[*range(32), *b"<&]", *range(128, 256)]] |= TEXT_STOP
    classes[[*b"\t\r\n"]] &= ~np.uint8(TEXT_STOP)
    classes[[*range(32), *b"<&\"'", *range(128, 256)]] |= VALUE_STOP
    return classes
