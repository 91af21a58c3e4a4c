"""The continuation test: can a model write down the options of a question of which it is shown the stem?

A completion is compared with the true rest of the question, and with controls that it cannot have learnt by
heart: the options of other questions of about the same length, and the true options with their words in
another order (which share the subject and the words, but not the wording). What counts is the excess over
the controls.

Two scores, both shares of the truth from 0 to 1: the longest common substring, and the distinct n-grams of
the truth that occur in the completion. What the model was shown counts for nothing: options repeat words of
the stem and of each other, and a model that copies them has learnt nothing. Comparisons are of normal forms
(`anessuite.normalisation`).
"""

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from anessuite.normalisation import normalise

NGRAM = 3
"""Words, or Chinese characters, of an n-gram."""
LEAST_CHARACTERS = 20
"""Truths with fewer characters of the normal form tell nothing: any completion shares much of them."""
OTHERS, SHUFFLED = 19, 4
"""Controls of each kind. The truth is above all of them far more often than with 1 question in 24, since a
model that knows the subject shares words with it: no rate by chance can be stated."""
RECITED = 0.5
"""Share of the truth from which a substring counts as recited. Measured (``docs/leakage.md``): a model that
had seen none of 97 questions was above all controls with 32, of which 5 reached 0.3, and none 0.5."""

_UNIT = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Cut:
    """A question in two: what a model is shown, and what it should go on with."""

    shown: str
    truth: str


def cut(stem: str, options: Sequence[tuple[str, str]], *, first_option: bool) -> Cut:
    """Show the stem, perhaps the first option, and the letter of the next; the rest is the truth."""
    given = options[: 1 if first_option else 0]
    rest = options[len(given) :]
    if not rest:
        return Cut("\n".join([stem, *(f"{letter}. {text}" for letter, text in given)]), "")
    head = [stem, *(f"{letter}. {text}" for letter, text in given), f"{rest[0][0]}."]
    tail = [rest[0][1], *(f"{letter}. {text}" for letter, text in rest[1:])]
    return Cut("\n".join(head), "\n".join(tail))


@dataclass(frozen=True, slots=True)
class Similarity:
    """How much of a truth a completion holds, from 0 to 1."""

    substring: float
    """Longest common substring, as a share of the truth's characters."""
    ngrams: float
    """Distinct n-grams of the truth that are in the completion."""


def similarity(completion: str, truth: str, *, known: str = "") -> Similarity:
    """Compare two texts; an empty truth gives 0. What stands in ``known`` counts for nothing."""
    said, wanted, before = normalise(completion), normalise(truth), normalise(known)
    needed = _ngrams(wanted) - _ngrams(before)
    share = len(needed & _ngrams(said)) / len(needed) if needed else 0.0
    return Similarity(longest_new(said, wanted, before) / len(wanted) if wanted else 0.0, share)


def longest_new(one: str, other: str, known: str) -> int:
    """Length of the longest common substring that is no substring of ``known``."""
    for length in range(longest_common(one, other), 0, -1):
        common = _parts(one, length) & _parts(other, length)
        if any(part not in known for part in common):
            return length
    return 0


def _parts(text: str, length: int) -> set[str]:
    return {text[at : at + length] for at in range(len(text) - length + 1)}


def longest_common(one: str, other: str) -> int:
    """Length of the longest common substring, found by halving: what shares n characters shares n - 1."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if not _parts(one, middle).isdisjoint(_parts(other, middle)):
            low = middle
        else:
            high = middle - 1
    return low


def _ngrams(text: str) -> set[tuple[str, ...]]:
    units = _UNIT.findall(text)
    return {tuple(units[at : at + NGRAM]) for at in range(len(units) - NGRAM + 1)}


def shuffled(truth: str, *, seed: int, name: str) -> list[str]:
    """SHUFFLED versions of a text with its units (words, Chinese characters) in another order."""
    draw = random.Random(hashlib.sha256(f"{seed}|{name}|shuffled".encode()).digest())  # noqa: S311
    units = _UNIT.findall(truth)
    chinese = sum(len(unit) == 1 and unit > "\u33ff" for unit in units) > len(units) / 2
    return [("" if chinese else " ").join(draw.sample(units, len(units))) for _ in range(SHUFFLED)]


def others_of(truths: Sequence[str], *, seed: int) -> list[list[int]]:
    """For each truth the numbers of OTHERS other ones, the nearest in length; ties by ``seed``.

    Equal texts are no controls for each other. Fewer where there are fewer.
    """
    draw = random.Random(seed)  # noqa: S311
    lengths = [len(normalise(truth)) for truth in truths]
    order = sorted(range(len(truths)), key=lambda at: (lengths[at], draw.random()))
    place = {at: position for position, at in enumerate(order)}
    return [_nearest(at, place[at], order, truths, lengths) for at in range(len(truths))]


def _nearest(at: int, place: int, order: list[int], truths: Sequence[str], lengths: list[int]) -> list[int]:
    window = order[max(0, place - 2 * OTHERS) : place + 2 * OTHERS + 1]
    usable = [other for other in window if other != at and truths[other] != truths[at] and lengths[other]]
    return sorted(usable, key=lambda other: (abs(lengths[other] - lengths[at]), other))[:OTHERS]


@dataclass(frozen=True, slots=True)
class ContinuationScores:
    """What one completion says. Excess is over the mean of the controls, in shares of the truth."""

    substring: float
    substring_control: float
    substring_shuffled: float
    ngrams: float
    ngrams_control: float
    controls: int
    is_recited: bool
    """At least RECITED of the truth in one piece, a greater share than of every control of both kinds."""


def continuation_scores(
    completion: str, truth: str, others: Sequence[str], mixed: Sequence[str], *, known: str = ""
) -> ContinuationScores | None:
    """Judge one completion against the truth and its controls; None where there is nothing to compare.

    ``known`` is what the model was shown. Substrings are compared as shares of each text's own length, so
    that a long control has no advantage.
    """
    if len(normalise(truth)) < LEAST_CHARACTERS or not others:
        return None
    mine = similarity(completion, truth, known=known)
    theirs = [similarity(completion, other, known=known) for other in others]
    own = [similarity(completion, one, known=known) for one in mixed]
    return ContinuationScores(
        substring=mine.substring,
        substring_control=_mean([one.substring for one in theirs]),
        substring_shuffled=_mean([one.substring for one in own]),
        ngrams=mine.ngrams,
        ngrams_control=_mean([one.ngrams for one in theirs]),
        controls=len(theirs),
        is_recited=mine.substring >= RECITED
        and mine.substring > max(one.substring for one in [*theirs, *own]),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
