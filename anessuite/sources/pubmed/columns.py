"""Rows and values that the scanner found, as columns of CITATION."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from anessuite.sources.pubmed import paths
from anessuite.sources.pubmed.bytes import PADDING
from anessuite.sources.pubmed.gather import (
    AS_IT_IS,
    ATTRIBUTE,
    TEXT,
    abstracts,
    strings,
)
from anessuite.sources.pubmed.records import SECTION_TYPE
from anessuite.sources.pubmed.xml import iso, parsed, text_of

_MARKED = [
    paths.FIRST_PLACE + 3 * (field - 1)
    for field in (paths.TITLE, paths.JOURNAL, paths.ISSN, paths.LINKING, paths.LOCATION, paths.DOI)
]
compute: Any = pyarrow.compute  # its functions are made when it is imported, unseen by type checkers
_WAYS = np.array([TEXT, AS_IT_IS], dtype=np.uint8)


def columns_of(data: np.ndarray, size: int, rows: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    """The columns of CITATION but ``row``, for plain rows (`pubmed.scan`) of ``data[:size]``.

    ``values`` belong to these rows and are numbered by them. Both tables are overwritten.
    """
    data = _without_markup(data, size, rows, values)
    owners, count = values[:, 0], len(rows)

    def single(field: int) -> np.ndarray:
        return rows[:, paths.FIRST_PLACE + 3 * (field - 1) : paths.FIRST_PLACE + 3 * field]

    def plain(places: np.ndarray) -> pa.StringArray:
        return strings(data, places[:, :2], _WAYS[places[:, 2]])

    def optional(field: int, other: int) -> pa.StringArray:
        places = np.where(single(field)[:, 1:2] > 0, single(field), single(other))
        return strings(data, places[:, :2], _WAYS[places[:, 2]], missing=places[:, 1] == 0)

    def many(field: int) -> tuple[np.ndarray, np.ndarray, pa.StringArray]:
        chosen = np.flatnonzero(values[:, 1] == field)
        found = values[chosen]
        return found, _offsets(owners[chosen], count), strings(data, found[:, 2:4], _WAYS[found[:, 4] & 1])

    def listed(field: int) -> pa.ListArray:
        _, offsets, texts = many(field)
        return pa.ListArray.from_arrays(offsets, texts)

    found, offsets, texts = many(paths.SECTION)
    way = np.full(len(found), ATTRIBUTE, dtype=np.uint8)
    labels, categories = strings(data, found[:, 5:7], way), strings(data, found[:, 7:9], way)
    sections = pa.StructArray.from_arrays([labels, categories, texts], fields=list(SECTION_TYPE))
    kinds, kind_offsets, kind_texts = many(paths.KIND)
    retracted = rows[:, paths.RETRACTED] > 0
    retracted[kinds[compute.equal(kind_texts, "Retracted Publication").to_numpy(zero_copy_only=False), 0]] = (
        True
    )
    headings, heading_offsets, names = many(paths.MESH)
    is_major = (headings[:, 4] & 2) > 0
    issn = np.where(rows[:, [paths.HAS_ISSN]] > 0, single(paths.ISSN), single(paths.LINKING))
    written = [plain(single(field)) for field in (paths.WORDS, paths.YEAR, paths.MONTH, paths.DAY)]
    date, year = _dates(*written)
    return {
        "pmid": plain(single(paths.PMID)),
        "version": rows[:, paths.VERSION].astype(np.uint16),
        "title": plain(single(paths.TITLE)),
        "abstract": abstracts(texts, labels, offsets),
        "sections": pa.ListArray.from_arrays(offsets, sections),
        "mesh": pa.ListArray.from_arrays(heading_offsets, names),
        "mesh_major": pa.ListArray.from_arrays(
            _offsets(headings[is_major, 0], count), names.filter(pa.array(is_major))
        ),
        "keywords": listed(paths.KEYWORD),
        "publication_types": pa.ListArray.from_arrays(kind_offsets, kind_texts),
        "languages": listed(paths.LANGUAGE),
        "journal": plain(single(paths.JOURNAL)),
        "issn": plain(issn),
        "date": date,
        "year": year,
        "doi": optional(paths.LOCATION, paths.DOI),
        "pmc": optional(paths.PMC, paths.OTHER),
        "retracted": pa.array(retracted),
        "deleted": pa.array(np.zeros(count, dtype=np.bool_)),
    }


def _offsets(owners: np.ndarray, count: int) -> np.ndarray:
    """Where the values of each row begin, of values in the order of rows."""
    return np.searchsorted(owners, np.arange(count + 1)).astype(np.int32)


def _dates(*written: pa.StringArray) -> tuple[pa.Array, pa.Array]:
    """Dates and years from words, year, month and day; of each date that is written once."""
    words, year, month, day = written
    whole = compute.binary_join_element_wise(year, month, day, " ")
    known = compute.if_else(compute.equal(month, ""), year, whole)
    coded = compute.if_else(compute.equal(words, ""), known, words).dictionary_encode()
    dates = [iso(words) for words in coded.dictionary.to_pylist()]
    years = pa.array([int(date[:4]) for date in dates], pa.int16())
    return pa.array(dates, pa.string()).take(coded.indices), years.take(coded.indices)


def _without_markup(data: np.ndarray, size: int, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where places hold markup, let them point to plain text, behind the bytes; returns the longer bytes."""
    marked = [(rows, row, at) for at in _MARKED for row in np.flatnonzero(rows[:, at + 2])]
    marked += [(values, number, 2) for number in np.flatnonzero(values[:, 4] & 1)]
    if not marked:
        return data
    parts = [data[table[row, at] : table[row, at + 1]].tobytes() for table, row, at in marked]
    root = parsed(b"<r>" + b"".join(b"<a>%b</a>" % part for part in parts) + b"</r>")
    texts = [text_of(element).encode() for element in root]
    for (table, row, at), text in zip(marked, texts, strict=True):
        table[row, at : at + 2] = size, size + len(text)
        size += len(text)
    plain = np.frombuffer(b"".join(texts), dtype=np.uint8)
    return np.concatenate([data[: size - len(plain)], plain, np.zeros(PADDING, dtype=np.uint8)])
