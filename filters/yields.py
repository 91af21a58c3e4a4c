"""What each term of a lexicon finds in a collection: the figures by which an editor keeps or drops a term."""

from collections.abc import Iterable

import numpy as np
import polars as pl
import pyarrow as pa

from filters.lexicon import Lexicon
from filters.scanner import buffers, contiguous, scanner
from filters.spans import Spans, contained, whole_words

_CONTEXT_BYTES = 60


def term_yields(batches: Iterable[pa.Array], lexicon: Lexicon, *, contexts: int) -> tuple[pl.DataFrame, int]:
    """One row a term that occurs, most documents first, and the number of documents read.

    Columns: ``term``, ``class``, ``hits`` (whole words, longest match), ``documents``, ``only_term``
    (documents in which no other term of the lexicon occurs: what the term alone brings in), ``contexts``.
    """
    compiled = scanner(lexicon)
    count = len(lexicon.terms)
    hits, documents, only = (np.zeros(count, dtype=np.int64) for _ in range(3))
    samples: list[list[str]] = [[] for _ in range(count)]
    read = 0
    for batch in batches:
        array = contiguous(batch)
        offsets, data = buffers(array)
        found = compiled.find(offsets, data)
        found = found.where(whole_words(found, offsets, data))
        found = found.where(~contained(found))
        read += len(array)
        hits += np.bincount(found.term, minlength=count)
        pairs = np.unique(np.stack([found.document, found.term]), axis=1)
        documents += np.bincount(pairs[1], minlength=count)
        per_document = np.bincount(pairs[0], minlength=len(array))
        only += np.bincount(pairs[1][per_document[pairs[0]] == 1], minlength=count)
        _collect(samples, found, offsets, data, contexts)
    table = pl.DataFrame(
        {
            "term": compiled.headwords,
            "class": [term.role for term in lexicon.terms],
            "hits": hits,
            "documents": documents,
            "only_term": only,
            "contexts": pl.Series(samples, dtype=pl.List(pl.String)),
        }
    )
    return table.filter(pl.col("hits") > 0).sort(
        "documents", "hits", "term", descending=[True, True, False]
    ), read


def _collect(
    samples: list[list[str]], found: Spans, offsets: np.ndarray, data: memoryview, wanted: int
) -> None:
    for document, term, start, end in zip(found.document, found.term, found.start, found.end, strict=True):
        if len(samples[term]) < wanted:
            begin = max(int(offsets[document]), int(start) - _CONTEXT_BYTES)
            stop = min(int(offsets[document + 1]), int(end) + _CONTEXT_BYTES)
            samples[term].append(" ".join(bytes(data[begin:stop]).decode("utf-8", "ignore").split()))
