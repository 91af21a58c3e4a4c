"""Sample rows for a page: a piece of each text with the hits of terms marked, and what else is known."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from anessuite.pages import Html, escape, link

EXCERPT_CHARS = 600
_EDGE = 20
"""An excerpt may be so many characters shorter at each end, to begin and end with a word."""


@dataclass(frozen=True, slots=True)
class Span:
    """A highlight from ``start`` up to ``end`` (characters); ``counted`` false draws it faintly."""

    start: int
    end: int
    title: str = ""
    counted: bool = True


def kept_article(row: dict[str, Any]) -> Html:
    """A kept row: source, source_id, url, text, terms."""
    return _article(row, _found_terms(row), _sentence("Terms", row["terms"] or []))


def rejected_article(row: dict[str, Any]) -> Html:
    """A dropped row: source, source_id, url, text, evidence (JSON of any form)."""
    return _article(row, *_evidence(row["evidence"]))


def _found_terms(row: dict[str, Any]) -> list[Span]:
    """Where the headwords stand; variants of a term are not searched, so some hits stay without a mark."""
    terms = sorted({term for term in row["terms"] or [] if term}, key=len, reverse=True)
    if not terms or not row["text"]:
        return []
    patterns = [rf"(?<!\w){re.escape(t)}(?!\w)" if t.isascii() else re.escape(t) for t in terms]
    return [Span(*found.span()) for found in re.finditer("|".join(patterns), row["text"], re.IGNORECASE)]


def _evidence(evidence: str | None) -> tuple[list[Span], str]:
    """Spans, and all else as a line of text; evidence of an unexpected form is shown as it is."""
    try:
        content = json.loads(evidence or "{}")
    except ValueError:
        return [], evidence or ""
    if not isinstance(content, dict):
        return [], evidence or ""
    spans = content.pop("spans", None)
    facts = [_sentence(str(key).replace("_", " "), value) for key, value in content.items()]
    return [*_spans(spans if isinstance(spans, list) else [])], " · ".join(facts)


def _spans(spans: list[Any]) -> Iterable[Span]:
    for span in spans:
        match span:
            case {"start": int(start), "end": int(end)}:
                yield Span(start, end, str(span.get("term", "")), bool(span.get("counted", True)))
            case _:
                continue


def _sentence(name: str, value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(map(str, value[:40])) or "none"
    elif isinstance(value, float):
        value = f"{value:.3g}"
    return f"{name}: {value}"


def _article(row: dict[str, Any], spans: list[Span], facts: str) -> Html:
    where = [escape(row["source"]), escape(row["source_id"])] + ([link(row["url"])] if row["url"] else [])
    text = excerpt(row["text"], spans) if row["text"] else '<p class="text quiet">(no text)</p>'
    below = f'<p class="facts">{escape(facts)}</p>' if facts else ""
    return Html(f'<article><div class="where">{" · ".join(where)}</div>{text}{below}</article>')


def excerpt(text: str, spans: Iterable[Span], *, length: int = EXCERPT_CHARS) -> Html:
    """About ``length`` characters of ``text`` from where most of the highlights are, each within <mark>.

    Spans outside the text or across an earlier one are left out.
    """
    inside = _disjoint(text, spans)
    begin, end = _window(text, inside, length)
    pieces: list[str] = []
    at = begin
    for span in inside:
        if span.start < at or span.end > end:
            continue
        title = f' title="{escape(span.title)}"' if span.title else ""
        kind = "" if span.counted else ' class="idle"'
        pieces += [
            _prose(text[at : span.start]),
            f"<mark{kind}{title}>{escape(text[span.start : span.end])}</mark>",
        ]
        at = span.end
    shown = "".join([*pieces, _prose(text[at:end])]).strip()
    before, after = "… " if begin else "", " …" if end < len(text) else ""
    return Html(f'<p class="text" dir="auto">{before}{shown}{after}</p>')


def _prose(text: str) -> str:
    return escape(re.sub(r"\s*\n\s*\n\s*", "\n\n", text))


def _disjoint(text: str, spans: Iterable[Span]) -> list[Span]:
    chosen: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if 0 <= span.start < span.end <= len(text) and (not chosen or span.start >= chosen[-1].end):
            chosen.append(span)
    return chosen


def _window(text: str, spans: Sequence[Span], length: int) -> tuple[int, int]:
    """Begin and end of the piece that holds most spans, with equal room before and after them."""
    if len(text) <= length:
        return 0, len(text)
    groups = [
        [s for s in spans if s.start >= first.start and s.end <= first.start + length] for first in spans
    ]
    group = max(groups, key=len, default=[])
    low, high = (group[0].start, group[-1].end) if group else (0, 0)
    begin = max(0, min(low - (length - (high - low)) // 2, len(text) - length))
    end = begin + length
    return _word_edge(text, begin, low), _word_edge(text, end, high)


def _word_edge(text: str, at: int, toward: int) -> int:
    """``at``, or the next white space toward ``toward`` if it is near: no excerpt cuts an English word."""
    if at in (0, len(text)) or text[at - 1].isspace() or text[at].isspace():
        return at
    step = 1 if toward > at else -1
    stop = toward if abs(toward - at) < _EDGE else at + step * _EDGE
    return next((i for i in range(at, stop, step) if text[i - (step < 0)].isspace()), at)
