"""Question-answer pairs on a page: samples that stay, and rows that were dropped with the evidence."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from anessuite.excerpts import Span, excerpt
from anessuite.pages import Html, escape
from anessuite.removals import clipped
from anessuite.report_evidence import Shown, evidence_of, said_by_model

_MOST_TEXT, _MOST_NAME = 1200, 200


def kept_pair(row: Mapping[str, Any]) -> Html:
    """A row of `PairFacts.kept_samples`."""
    score = row["grounding_score"]
    told = ["" if score is None else f"grounding score {score:.2f}"]
    verdict = said_by_model(row["verdict"]) if row["verdict"] else ""
    return _article(row, told, _pair(row, Shown()) + verdict)


def rejected_pair(row: Mapping[str, Any], repeated: Mapping[str, str]) -> Html:
    """A row of `PairFacts.rejected_samples`: a citation, an abstract, a question or a pair."""
    shown = evidence_of(row, repeated)
    if row["question"] is None:
        return _article(row, [row["source"], row["source_id"]], shown.below)
    return _article(row, [], _pair(row, shown) + shown.below)


def _pair(row: Mapping[str, Any], shown: Shown) -> str:
    asked = f'<div class="asked">{_text(row["question"], shown.question)}</div>'
    if row["answer"] is None:
        return asked
    kind = ' class="ungrounded"' if shown.ungrounded else ""
    return f"{asked}<div{kind}>{_text(row['answer'], shown.answer)}</div>"


def _text(text: str | None, spans: Iterable[Span]) -> Html:
    if not text:
        return Html('<p class="text quiet">(no text)</p>')
    return excerpt(text, spans, length=_MOST_TEXT)


def _article(row: Mapping[str, Any], told: Iterable[str], content: str) -> Html:
    where = [_pubmed(row["pmid"]), *(escape(clipped(each, _MOST_NAME)) for each in _where(row, told) if each)]
    kind = "text" if row["question"] is None else "title"  # a citation is known by its title
    title = f'<p class="{kind}" dir="auto">{escape(clipped(row["title"] or "(no title)", 300))}</p>'
    return Html(
        f'<article class="pair"><div class="where">{" · ".join(where)}</div>{title}{content}</article>'
    )


def _where(row: Mapping[str, Any], told: Iterable[str]) -> list[str]:
    year = row["year"]
    return [row["journal"] or "", "" if year is None else str(year), *told]


def _pubmed(pmid: str) -> Html:
    """The PMID, as a link if it is a number."""
    if not re.fullmatch(r"[1-9][0-9]{0,8}", pmid):
        return escape(f"PMID {clipped(pmid, _MOST_NAME)}")
    address = f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/"
    return Html(f'<a href="{address}" rel="noreferrer noopener nofollow">PMID {pmid}</a>')
