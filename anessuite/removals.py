"""Removed rows and what they share with which questions: evidence read, and grouped by question.

Evidence is what a decontamination filter wrote, decoded from JSON. Nothing in it is relied on: offsets
outside a text are clipped, a field of another type counts as missing, a field that is new is shown as it is.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from anessuite.excerpts import Span

Key = tuple[str, str]
"""Benchmark and item."""
Question = tuple[str, dict[str, str], str | None]
"""Stem, options by letter, and the letter of the correct one, if it is known."""

_MOST_FACTS, _MOST_FACT = 12, 120


@dataclass(frozen=True, slots=True)
class Removal:
    """A row, what it shares with questions, and the reason to remove it; None: a near miss, which stays.

    ``evidence``: ``{"items": [{"benchmark", "item", "coverage", "answer_found", "matches": [{"field",
    "start", "length", "item_start", "item_length", "text"}]}], "of_items", "complete"}``, the most telling
    item first. ``start`` and ``length`` are characters of the row's text, ``item_start`` and ``item_length``
    of that field of the question.
    """

    id: str
    text: str
    reason: str | None
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Passage:
    """What a row and a field of a question have in common: characters of the row and of the field."""

    field: str
    start: int
    end: int
    item_start: int
    item_end: int
    is_quoted: bool
    """The row holds there what the evidence quotes."""


@dataclass(frozen=True, slots=True)
class Share:
    """All that a row shares with one question; ``coverage`` is of its stem, 0 to 1."""

    key: Key
    coverage: float | None
    answer_found: bool
    passages: list[Passage]
    facts: list[str]
    """What else the evidence says of the question."""

    @property
    def longest(self) -> int:
        return max((passage.end - passage.start for passage in self.passages), default=0)


@dataclass(frozen=True, slots=True)
class Found:
    """A row, and all questions that it shares something with, the most telling first."""

    removal: Removal
    shares: list[Share]
    others: int
    """Questions besides the first, also those that the evidence does not name."""
    facts: list[str]
    """What else the evidence says of the row."""

    @property
    def rank(self) -> tuple[float, int, str]:
        coverage, longest = (self.shares[0].coverage, self.shares[0].longest) if self.shares else (None, 0)
        return -(coverage or 0), -longest, self.removal.id


@dataclass(frozen=True, slots=True)
class Group:
    """Rows whose most telling question is ``key``, the most telling row first; None: evidence names none."""

    key: Key | None
    rows: list[Found]


def found_in(removal: Removal) -> Found:
    """Read the evidence."""
    evidence = removal.evidence if isinstance(removal.evidence, dict) else {}
    shares = [_share(item, removal.text) for item in _dicts(evidence.get("items"))]
    total = evidence.get("of_items")
    others = max(len(shares), total if isinstance(total, int) else 0, 1) - 1
    facts = _facts(evidence, ("items", "of_items", "complete"))
    is_whole = evidence.get("complete", True) is True
    return Found(removal, shares, others, facts if is_whole else [*facts, "evidence is not complete"])


def _share(item: dict[str, Any], text: str) -> Share:
    matches = _dicts(item.get("matches"))
    located = [_passage(match, text) for match in matches]
    lost = [match.get("text") for match, at in zip(matches, located, strict=True) if at is None]
    facts = _facts(item, ("benchmark", "item", "coverage", "answer_found", "matches"))
    return Share(
        (str(item.get("benchmark", "")), str(item.get("item", ""))),
        _coverage(item.get("coverage")),
        item.get("answer_found") is True,
        [passage for passage in located if passage is not None],
        [*facts, *(clipped(f"nowhere in the row: “{quote}”", _MOST_FACT) for quote in lost[:1])],
    )


def _passage(match: dict[str, Any], text: str) -> Passage | None:
    start, end = _range(match, "start", "length")
    begin, stop = max(start, 0), min(end, len(text))
    if begin >= stop:
        return None
    quoted = match.get("text")
    is_quoted = not isinstance(quoted, str) or text.startswith(quoted[: stop - begin], begin)
    return Passage(
        str(match.get("field", "")), begin, stop, *_range(match, "item_start", "item_length"), is_quoted
    )


def _range(match: dict[str, Any], start_name: str, length_name: str) -> tuple[int, int]:
    start, length = match.get(start_name), match.get(length_name)
    return (start, start + length) if isinstance(start, int) and isinstance(length, int) else (0, 0)


def _coverage(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return min(max(float(value), 0.0), 1.0) if is_number else None


def _facts(content: dict[str, Any], known: tuple[str, ...]) -> list[str]:
    others = [(name, value) for name, value in content.items() if name not in known]
    return [
        clipped(f"{name.replace('_', ' ')}: {_shown(value)}", _MOST_FACT)
        for name, value in others[:_MOST_FACTS]
        if value is None or isinstance(value, str | int | float)
    ]


def _shown(value: str | int | float | None) -> str:
    known = {True: "yes", False: "no", None: "not known"}
    return known[value] if isinstance(value, bool) or value is None else str(value)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def grouped(removals: Iterable[Found]) -> list[Group]:
    """Rows by their most telling question, the questions with most rows first."""
    rows: dict[Key | None, list[Found]] = defaultdict(list)
    for found in removals:
        rows[found.shares[0].key if found.shares else None].append(found)
    groups = [Group(key, sorted(mine, key=lambda found: found.rank)) for key, mine in rows.items()]
    return sorted(groups, key=lambda group: (group.key is None, -len(group.rows), group.key or ("", "")))


def merged(spans: Iterable[Span], size: int) -> list[Span]:
    """The same characters in spans that neither overlap nor touch, within ``size``; empty ones go."""
    chosen: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        start, end = max(span.start, 0), min(span.end, size)
        if start >= end:
            continue
        if chosen and start <= chosen[-1].end:
            chosen[-1] = Span(chosen[-1].start, max(chosen[-1].end, end))
        else:
            chosen.append(Span(start, end))
    return chosen


def clipped(text: str, length: int) -> str:
    """At most ``length`` characters, the last an ellipsis if some are left out."""
    return text if len(text) <= length else text[: length - 1] + "…"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun: 1 row, 2,000 rows."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
