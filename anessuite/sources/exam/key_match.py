"""Which answers of the keys are for which questions; what is not sure is for none.

A key is for the questions between it and the key above it. Where they begin again at 1 they are in several
parts; the key then needs as many parts, or the numbers must be there once.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from anessuite.sources.exam.key import KeyAnswer
from anessuite.sources.exam.parts import Block, Key

_MOST_FOREIGN = 0.2
"""Of a part of a key: answers for numbers that its part of the questions lacks."""


@dataclass(frozen=True, slots=True)
class Matches:
    """``answers`` by place of the question; those that fit more than one question, or none, are named in
    ``warnings``."""

    answers: dict[int, list[KeyAnswer]]
    warnings: list[str]


def match(blocks: Sequence[Block], keys: Sequence[Key]) -> Matches:
    """What the keys state for each block, by the block's place."""
    found: dict[int, list[KeyAnswer]] = defaultdict(list)
    warnings = list[str]()
    is_above = bool(keys) and keys[0].parts_before == 0
    for at, key in enumerate(keys):
        first = key.parts_before if is_above else (keys[at - 1].parts_before if at else 0)
        after = keys[at + 1].parts_before if at + 1 < len(keys) else None
        last = after if is_above else key.parts_before
        own = [
            place for place, block in enumerate(blocks)
            if block.part >= first and (last is None or block.part < last)
        ]  # fmt: skip
        for places, answers in _pairs(blocks, own, key.answers):
            _match_part(blocks, places, answers, found, warnings)
    return Matches(dict(found), warnings)


def _pairs(
    blocks: Sequence[Block], own: list[int], answers: list[KeyAnswer]
) -> list[tuple[list[int], list[KeyAnswer]]]:
    """Each part of the questions with its part of the key; one pair of all, if they do not fit."""
    parts, told = defaultdict[int, list[int]](list), defaultdict[int, list[KeyAnswer]](list)
    for place in own:
        parts[blocks[place].part].append(place)
    for answer in answers:
        told[answer.part].append(answer)
    labels = [blocks[places[0]].label for places in parts.values()]
    key_labels = [group[0].label for group in told.values()]
    groups = list(told.values())
    if all(labels) and len(set(labels)) == len(labels) and sorted(labels) == sorted(key_labels):
        groups = [groups[key_labels.index(label)] for label in labels]
    pairs = list(zip(parts.values(), groups, strict=False))
    is_fitting = len(parts) == len(groups) and all(_fits(blocks, *pair) for pair in pairs)
    return pairs if is_fitting else [(own, answers)]


def _fits(blocks: Sequence[Block], places: list[int], answers: list[KeyAnswer]) -> bool:
    there = {blocks[place].number for place in places}
    return sum(one.number not in there for one in answers) <= _MOST_FOREIGN * len(answers)


def _match_part(
    blocks: Sequence[Block],
    places: list[int],
    answers: list[KeyAnswer],
    found: dict[int, list[KeyAnswer]],
    warnings: list[str],
) -> None:
    asked = defaultdict[int, list[int]](list)
    for place in places:
        asked[blocks[place].number].append(place)
    told = defaultdict[int, list[KeyAnswer]](list)
    for answer in answers:
        told[answer.number].append(answer)
    for number, own in told.items():
        same = asked.get(number, [])
        if len(same) == 1:
            found[same[0]] += own
        elif same:
            lines = [str(blocks[place].first.number) for place in same]
            warnings.append(
                f"line {own[0].line}: the answer to question {number} could be for {len(same)} of them"
                f" (lines {', '.join(lines[:6])}); none gets it"
            )
    foreign = [own[0] for number, own in told.items() if number not in asked]
    if foreign:
        warnings.append(
            f"line {foreign[0].line}: the key has answers for {len(foreign)} numbers that no question has,"
            f" such as {foreign[0].number}"
        )
