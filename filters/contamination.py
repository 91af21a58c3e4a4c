"""Does a text give a benchmark question away? Two rules, and the evidence for each removal.

``lcs`` is the paper's: a common substring of more than 64 normalised characters with any field of any
question. It errs both ways: it fires on boilerplate that questions share, and it cannot see a short stem.

``cover`` is ours, for precision. Of the texts that ``lcs`` finds, those in which common substrings of at
least 33
characters cover enough of a stem to recognise it. Characters that belong to boilerplate do not count:
windows of
33 that stand in several different questions, and phrases of an allow-list. Besides it finds short stems (64
characters or less) whole, at word boundaries, if their options stand by.

Decided is first, for all texts, by compiled code; evidence is collected for the few that were flagged.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, Field

from anessuite.errors import AnesError
from anessuite.normalisation import code_points, normalise, normalise_with_origins
from filters.verdicts import MOST_ITEMS, Finding, Match, Verdict
from filters.windows import (
    ANCHOR,
    ANCHORED,
    OPENING,
    PHRASE,
    SHARED,
    WINDOW,
    Phrases,
    Windows,
    word_characters,
)

Rule = Literal["lcs", "cover"]
REASONS: dict[Rule, str] = {"lcs": "contaminated_lcs", "cover": "contaminated_cover"}
MOST_MATCHES, DEPTH = 1_000_000, 200
"""Common substrings collected for one text; a window in more places than DEPTH leads to none by itself."""
MOST_PHRASES = 20_000
NEARBY = 1000
"""Options are looked for so many characters after a short stem."""
_EDGES = " ?:.,;!_-()[]"


class EmptyBenchmark(AnesError):
    """Nothing could ever be found with this benchmark."""


class Item(Protocol):
    """A multiple-choice question of a benchmark."""

    @property
    def source(self) -> str: ...
    @property
    def source_id(self) -> str: ...
    @property
    def question(self) -> str: ...
    @property
    def options(self) -> dict[str, str]: ...
    @property
    def answer(self) -> str | None: ...


class ContaminationRules(BaseModel, extra="forbid", frozen=True):
    """Which rules drop a text, the first that holds gives the reason, and the thresholds of ``cover``."""

    rules: tuple[Rule, ...] = Field(default=("lcs",), min_length=1)
    min_coverage: float = Field(
        default=0.6, gt=0, le=1, description="share of a stem's own characters that gives it away"
    )
    min_coverage_with_answer: float = Field(
        default=0.4, gt=0, le=1, description="the same where the correct option occurs in the text"
    )
    boilerplate_items: int = Field(
        default=3, ge=2, description="a window that stands in so many different questions is boilerplate"
    )
    min_short_stem: int = Field(
        default=25, ge=1, description="shortest stem that is given away by its correct option alone"
    )
    allow: tuple[str, ...] = Field(default=(), description="phrases that are boilerplate, too")


@dataclass(frozen=True, slots=True)
class _Field:
    item: int
    name: str
    text: str
    normal: str

    def origins(self) -> tuple[str, np.ndarray, np.ndarray]:
        return _origins(self.text)


@lru_cache(maxsize=4096)
def _origins(text: str) -> tuple[str, np.ndarray, np.ndarray]:
    return normalise_with_origins(text)


@dataclass(slots=True)
class Benchmark:
    """Questions, indexed. Build it with `of`."""

    items: Sequence[Item]
    rules: ContaminationRules
    fields: list[_Field]
    windows: Windows
    phrases: Phrases
    items_of_phrase: list[list[int]]
    group_of_field: np.ndarray
    """Questions with one normalised stem are one group."""
    stem_of_item: list[int]
    """Number of the field that is the item's stem."""
    unseen: dict[Rule, int]
    """Questions that a rule cannot see, because nothing of them is long enough."""
    _own: dict[int, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, items: Sequence[Item], rules: ContaminationRules) -> "Benchmark":
        """Index the stems and options of all items. Raises EmptyBenchmark if a rule could find nothing."""
        fields = [
            _Field(number, name, text, normalise(text))
            for number, item in enumerate(items)
            for name, text in (("question", item.question), *item.options.items())
        ]
        stems = [number for number, each in enumerate(fields) if each.name == "question"]
        groups: dict[str, int] = {}
        group_of_item = [groups.setdefault(fields[stem].normal, len(groups)) for stem in stems]
        short: dict[str, list[int]] = defaultdict(list)
        for item, stem in enumerate(stems):
            bare = fields[stem].normal.strip(_EDGES)
            if len(bare) >= OPENING and len(fields[stem].normal) < WINDOW:
                short[bare].append(item)
        longest = np.zeros(len(items), dtype=np.int64)
        for each in fields:
            longest[each.item] = max(longest[each.item], len(each.normal))
        stem_lengths = np.array([len(fields[stem].normal) for stem in stems], dtype=np.int64)
        unseen: dict[Rule, int] = {
            "lcs": int((longest < WINDOW).sum()),
            "cover": int((stem_lengths < WINDOW).sum()) - sum(map(len, short.values())),
        }
        for rule in rules.rules:
            if unseen[rule] == len(items):
                raise EmptyBenchmark(
                    f"rule {rule} can find none of the {len(items)} questions: "
                    + ("no field has 65 characters" if rule == "lcs" else "all stems are too short"),
                    "check the column mapping of the benchmark, or choose the other rule",
                )
        return cls(
            items,
            rules,
            fields,
            Windows.of(*_codes([each.normal for each in fields])),
            Phrases.of(*_codes(list(short))),
            list(short.values()),
            np.array([group_of_item[each.item] for each in fields], dtype=np.int64),
            stems,
            unseen,
        )

    def flags(self, texts: pa.LargeStringArray) -> np.ndarray:
        """SHARED, PHRASE and ANCHORED of each text, as bits of uint8. No evidence is collected."""
        found = np.zeros(len(texts), dtype=np.uint8)
        for chunk in code_points(texts):
            some = found[chunk.first : chunk.first + len(chunk.offsets) - 1]
            self.windows.flag(chunk.codes, chunk.offsets, some)
            if "cover" in self.rules.rules:
                self.phrases.flag(chunk.codes, chunk.offsets, some)
        return found

    def explain(self, text: str, flag: int) -> Verdict:
        """The verdict on one text that was flagged, with all that it shares."""
        normal, starts, ends = normalise_with_origins(text)
        codes, _ = _codes([normal])
        findings: list[Finding] = []
        complete = True
        if flag & (SHARED | ANCHORED):
            rows, complete = self.windows.matches(codes, most=MOST_MATCHES, depth=DEPTH)
            findings = self._findings(rows, text, normal, starts, ends)
            if flag & SHARED and not complete and not any(map(self._tells, findings)):
                rows, complete = self.windows.matches(codes, most=MOST_MATCHES, depth=1 << 40)
                findings = self._findings(rows, text, normal, starts, ends)
        covered = bool(flag & SHARED) and any(map(self._is_covered, findings))
        if flag & PHRASE:
            short = self._short_stems(codes, text, normal, starts, ends)
            covered, findings = covered or bool(short), short + findings
        holds: dict[Rule, bool] = {"lcs": bool(flag & SHARED), "cover": covered}
        reason = next((REASONS[rule] for rule in self.rules.rules if holds[rule]), None)
        return Verdict(reason, findings, complete)

    def _tells(self, finding: Finding) -> bool:
        """The finding is enough for a verdict under every chosen rule; nothing else has to be looked for."""
        return self._is_covered(finding) if "cover" in self.rules.rules else finding.longest >= WINDOW

    def _is_covered(self, finding: Finding) -> bool:
        least = self.rules.min_coverage_with_answer if finding.answer_found else self.rules.min_coverage
        return finding.coverage is not None and finding.coverage >= least

    def _findings(
        self, rows: np.ndarray, text: str, normal: str, starts: np.ndarray, ends: np.ndarray
    ) -> list[Finding]:
        """What the text shares with each question; matches in full for the MOST_ITEMS most telling only."""
        by_item: dict[int, list[tuple[int, int, int, int]]] = defaultdict(list)
        places = np.searchsorted(self.windows.starts, rows[:, 1], side="right") - 1
        inside = rows[:, 1] - self.windows.starts[places]
        for hit in zip(
            places.tolist(), inside.tolist(), rows[:, 0].tolist(), rows[:, 2].tolist(), strict=True
        ):
            by_item[self.fields[hit[0]].item].append(hit)
        coverages = {item: self._stem_coverage(item, hits) for item, hits in by_item.items()}
        longest = {item: max(length for *_, length in hits) for item, hits in by_item.items()}
        order = sorted(by_item, key=lambda item: (-(coverages[item] or 0), -longest[item], item))
        found: list[Finding] = []
        for rank, item in enumerate(order):
            coverage = coverages[item]
            matches = [
                self._match(number, place, length, start, text, starts, ends)
                for number, place, start, length in sorted(by_item[item], key=lambda hit: (-hit[3], hit[2]))
                if rank < MOST_ITEMS
            ]
            answer = (coverage or 0) >= self.rules.min_coverage_with_answer and self._answer_in(item, normal)
            source, name = self.items[item].source, self.items[item].source_id
            found.append(Finding(source, name, coverage, answer, False, longest[item], matches))
        return found

    def _stem_coverage(self, item: int, hits: list[tuple[int, int, int, int]]) -> float | None:
        """None for stems that are too short to share 65 characters: they are found whole."""
        stem = self.stem_of_item[item]
        if len(self.fields[stem].normal) < WINDOW:
            return None
        return self._coverage(item, [(place, length) for number, place, _, length in hits if number == stem])

    def _match(
        self, number: int, inside: int, length: int, start: int, text: str, starts: Any, ends: Any
    ) -> Match:
        each = self.fields[number]
        blank_first, blank_last = each.normal[inside] == " ", each.normal[inside + length - 1] == " "
        first, last = inside + blank_first, inside + length - 1 - blank_last
        _, item_starts, item_ends = each.origins()
        begin, end = int(starts[start + blank_first]), int(ends[start + length - 1 - blank_last])
        return Match(
            each.name,
            begin,
            end,
            int(item_starts[first]),
            int(item_ends[last]),
            text[begin:end],
            length,
        )

    def _coverage(self, item: int, matches: Iterable[tuple[int, int]]) -> float:
        """Share of the stem's own characters that matches cover; of a stem that is mostly boilerplate, the
        share of all its characters, which then has to be nearly whole."""
        own = self._own_characters(item)
        covered = np.zeros(len(own), dtype=bool)
        for inside, length in matches:
            covered[inside : inside + length] = True
        if own.sum() * 3 >= len(own):
            return float((covered & own).sum() / own.sum())
        whole, mine = float(covered.mean()), covered[own].mean() if own.any() else 1.0
        return whole if whole >= 0.95 and mine >= self.rules.min_coverage else 0.0

    def _own_characters(self, item: int) -> np.ndarray:
        """True for the characters of a stem that are no boilerplate."""
        if item not in self._own:
            number = self.stem_of_item[item]
            normal, begin = self.fields[number].normal, int(self.windows.starts[number])
            own = np.ones(len(normal), dtype=bool)
            least = self.rules.boilerplate_items
            common = self.windows.common(begin, begin + len(normal), self.group_of_field, least)
            for at in np.flatnonzero(common).tolist():
                own[at : at + ANCHOR] = False
            for phrase in filter(None, map(normalise, self.rules.allow)):
                at = normal.find(phrase)
                while at >= 0:
                    own[at : at + len(phrase)] = False
                    at = normal.find(phrase, at + 1)
            self._own[item] = own
        return self._own[item]

    def _answer_in(self, item: int, normal: str, begin: int = 0, end: int | None = None) -> bool:
        """The correct option occurs in a text, at word boundaries; options of one or two characters do not
        count."""
        answer = self.items[item].options.get(self.items[item].answer or "", "")
        bare = normalise(answer).strip(_EDGES)
        return len(bare) > 2 and _holds(normal, bare, begin, end)

    def _short_stems(
        self, codes: np.ndarray, text: str, normal: str, starts: Any, ends: Any
    ) -> list[Finding]:
        found: dict[int, Finding] = {}
        for phrase, start in self.phrases.find(codes, most=MOST_PHRASES).tolist():
            for item in self.items_of_phrase[phrase]:
                number = self.stem_of_item[item]
                bare = self.fields[number].normal.strip(_EDGES)
                begin = start + len(bare)
                if item in found or not self._options_stand_by(item, bare, normal, begin):
                    continue
                inside = self.fields[number].normal.index(bare)
                match = self._match(number, inside, len(bare), start, text, starts, ends)
                found[item] = Finding(
                    self.items[item].source,
                    self.items[item].source_id,
                    1.0,
                    self._answer_in(item, normal, begin, begin + NEARBY),
                    True,
                    len(bare),
                    [match],
                )
        return list(found.values())

    def _options_stand_by(self, item: int, bare: str, normal: str, begin: int) -> bool:
        """Half of the options, at least two, follow the stem; or the correct one does and the stem is long
        enough to stand by itself."""
        options = [normalise(option).strip(_EDGES) for option in self.items[item].options.values()]
        end = begin + NEARBY
        there = sum(bool(option) and _holds(normal, option, begin, end) for option in options)
        if there >= max(2, (len(options) + 1) // 2):
            return True
        return len(bare) >= self.rules.min_short_stem and self._answer_in(item, normal, begin, end)


def _codes(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32)
    return codes, np.cumsum([0, *map(len, texts)], dtype=np.int64)


def _holds(text: str, phrase: str, begin: int = 0, end: int | None = None) -> bool:
    """``phrase`` occurs in ``text`` from ``begin`` to ``end`` and cuts no word at its ends; both are normal
    forms."""
    words = word_characters()

    def joined(at: int) -> bool:
        return 0 < at < len(text) and all(
            ord(c) < len(words) and words[ord(c)] for c in text[at - 1 : at + 1]
        )

    at = text.find(phrase, begin, end)
    while at >= 0:
        if not joined(at) and not joined(at + len(phrase)):
            return True
        at = text.find(phrase, at + 1, end)
    return False
