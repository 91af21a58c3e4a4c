"""What a text shares with the questions of a benchmark, and why it is dropped."""

import json
from dataclasses import dataclass

MOST_ITEMS, MOST_TEXT = 50, 600
"""Questions named in the evidence of one text, and characters quoted of one match."""


@dataclass(frozen=True, slots=True)
class Match:
    """One common substring: where it stands in the text and in the question's field, as characters."""

    field: str
    start: int
    end: int
    item_start: int
    item_end: int
    text: str
    length: int
    """Of the normal form."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a text shares with one question. ``coverage`` is of its stem; None where that was not asked."""

    benchmark: str
    item: str
    coverage: float | None
    answer_found: bool
    short_stem: bool
    longest: int
    matches: list[Match]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a text is dropped (None: it is not), and what it shares, the most telling question first."""

    reason: str | None
    findings: list[Finding]
    complete: bool = True

    def evidence(self) -> str:
        """As JSON, cut to MOST_ITEMS questions and MOST_TEXT characters a match."""
        shown = [
            {
                "benchmark": finding.benchmark,
                "item": finding.item,
                "coverage": None if finding.coverage is None else round(finding.coverage, 3),
                "answer_found": finding.answer_found,
                "matches": [
                    {
                        "field": match.field,
                        "start": match.start,
                        "length": match.end - match.start,
                        "item_start": match.item_start,
                        "item_length": match.item_end - match.item_start,
                        "text": match.text[:MOST_TEXT],
                    }
                    for match in finding.matches[:MOST_ITEMS]
                ],
            }
            for finding in self.findings[:MOST_ITEMS]
        ]
        whole = self.complete and len(self.findings) <= MOST_ITEMS
        return json.dumps(
            {"items": shown, "of_items": len(self.findings), "complete": whole}, ensure_ascii=False
        )
