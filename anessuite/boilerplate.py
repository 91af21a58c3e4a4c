"""Which removals rest on a passage that several different questions share? It may be boilerplate."""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from anessuite.excerpts import Span
from anessuite.folding import CJK
from anessuite.normalisation import normalise
from anessuite.pages import Html, escape, nothing, visible
from anessuite.removals import Found, Key, Question, Share, clipped, counted, merged

SHORTEST, LONGEST = 20, 300
"""Characters of a phrase for the allow-list: shorter ones would allow too much, and questions that have more
in common repeat each other."""
_MOST_RANGES, _MOST_CHARS = 40, 4000
"""Passages compared of one row, those of most questions; longer ones are no boilerplate."""
_MOST_TEXT, _MOST_NAME, _MOST_NAMED = 600, 120, 5
_PUNCTUATION = " \t\r\n.,;:!?-–—_()[]'\"、。，；：！？（）"
_WORD = re.compile(rf"[^\W_{CJK}]")
_UNSAFE = re.compile(r'["$`\\!]')

Range = tuple[int, int]


@dataclass(slots=True)
class Phrase:
    """A passage, the rows whose removal rests on it, and the questions that share it with them.

    ``questions`` has one key for each normalised stem: the same question in two benchmarks is one.
    """

    text: str
    """As one of the rows has it, in one line."""
    rows: set[str] = field(default_factory=set)
    questions: dict[str, Key] = field(default_factory=dict)

    @property
    def rank(self) -> tuple[int, int, int, str]:
        return -len(self.rows), -len(self.questions), -len(self.text), self.text

    @property
    def option(self) -> str | None:
        """What to add to the command line to allow the phrase, quoted for a shell; None where it cannot be
        copied from a page, or is too long for boilerplate."""
        if len(self.text) > LONGEST or visible(self.text) != self.text:
            return None
        quoted = shlex.quote(self.text) if _UNSAFE.search(self.text) else f'"{self.text}"'
        return f"--allow {quoted}"


def shared_phrases(
    rows: Iterable[Found], questions: Mapping[Key, Question], allowed: Sequence[str]
) -> list[Phrase]:
    """Passages of at least two different questions that are half or more of all that a row has in common with
    its most telling question; those of most rows first.

    Of passages that lie in each other the first in this order stands for all. Those that lie in one of
    ``allowed`` are left out.
    """
    phrases: dict[str, Phrase] = {}
    identities = {key: normalise(stem) or "\n".join(key) for key, (stem, *_) in questions.items()}
    for row in rows:
        least = max(SHORTEST, _common(row) / 2)
        for (start, end), keys in _ranges(row.shares, least).items():
            text = _trimmed(row.removal.text, start, end)
            normal = normalise(text)
            if len(normal) >= SHORTEST:
                phrase = phrases.setdefault(normal, Phrase(_in_one_line(text, normal)))
                phrase.rows.add(row.removal.id)
                for key in keys:
                    phrase.questions.setdefault(identities.get(key, "\n".join(key)), key)
    return _chosen(phrases, [normalise(each) for each in allowed])


def _chosen(phrases: Mapping[str, Phrase], allowed: Sequence[str]) -> list[Phrase]:
    several = [(phrase.rank, normal) for normal, phrase in phrases.items() if len(phrase.questions) > 1]
    chosen: list[str] = []
    for _, normal in sorted(several):
        is_nested = any(normal in other or other in normal for other in chosen)
        if not is_nested and not any(normal in other for other in allowed):
            chosen.append(normal)
    return [phrases[normal] for normal in chosen]


def _common(row: Found) -> int:
    """Characters that a row shares with its most telling question."""
    passages = row.shares[0].passages if row.shares else []
    spans = merged((Span(each.start, each.end) for each in passages), len(row.removal.text))
    return sum(span.end - span.start for span in spans)


def _ranges(shares: Sequence[Share], least: float) -> dict[Range, set[Key]]:
    """Passages of a row and their intersections, with all questions that match there; none shorter than
    ``least``."""
    keys: dict[Range, set[Key]] = defaultdict(set)
    for share in shares:
        for passage in share.passages:
            if least <= passage.end - passage.start <= _MOST_CHARS:
                keys[passage.start, passage.end].add(share.key)
    widest = sorted(keys, key=lambda each: (-len(keys[each]), each))[:_MOST_RANGES]
    common = {(max(a[0], b[0]), min(a[1], b[1])) for a, b in combinations(widest, 2)}
    return {
        (start, end): {key for a, b in widest if a <= start and end <= b for key in keys[a, b]}
        for start, end in common.union(widest)
        if end - start >= least
    }


def _trimmed(text: str, start: int, end: int) -> str:
    """The range without the words that it cuts and the punctuation at its ends."""
    while start < end and start and _WORD.match(text[start - 1]) and _WORD.match(text[start]):
        start += 1
    while start < end < len(text) and _WORD.match(text[end - 1]) and _WORD.match(text[end]):
        end -= 1
    return text[start:end].strip(_PUNCTUATION)


def _in_one_line(text: str, normal: str) -> str:
    """The text with single blanks, or its normal form if a page could not show it as it is."""
    line = " ".join(text.split())
    return line if line == visible(line) and normalise(line) == normal else normal


def phrase_article(phrase: Phrase) -> Html:
    """A phrase with its counts, and the line that allows it."""
    keys = [" ".join(key) for key in sorted(phrase.questions.values())]
    rows = f"{counted(len(phrase.rows), 'row')}: {_some(sorted(phrase.rows))}"
    questions = f"{counted(len(keys), 'question')}: {_some(keys)}"
    line = nothing("Too long for an allow-list, or not to be copied from here.")
    if phrase.option:
        line = f'<pre class="wrapped">{escape(phrase.option)}</pre>'
    return Html(
        f'<article><div class="where">{escape(questions)}<br>{escape(rows)}</div><p class="text" dir="auto">'
        f"<mark>{escape(clipped(phrase.text, _MOST_TEXT))}</mark></p>{line}</article>"
    )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(clipped(name, _MOST_NAME) for name in names[:_MOST_NAMED])
    return shown + (", …" if len(names) > _MOST_NAMED else "")
