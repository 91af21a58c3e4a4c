"""Multiple-choice questions as they are read, and the rows of their sources that are none."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from anessuite.manifests import Quarantined
from anessuite.sources.files import SourceFile
from anessuite.sources.jsonl import storable

_MOST_EVIDENCE, _MOST_NAME, _MOST_VALUE = 600, 80, 200
"""Characters; a value's are fewer, that a long one leaves room for those after it."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``options`` maps letters to texts, in order; a letter whose text is empty is left out.

    ``source_id`` is the source's own id, or ``{file name}#{row}``; ``answer`` is the gold letter, one of
    ``options``, or None; ``language`` is ``en`` or ``zh``.
    """

    source: str
    source_id: str
    language: str
    question: str
    options: dict[str, str]
    answer: str | None
    subject: str
    stated: str = field(default="", compare=False)
    """The answer as the source states it; "" if it states none."""
    level: str | None = field(default=None, compare=False)
    """The cognitive level as `votes.LEVELS` names it; None where the source states none."""


@dataclass(frozen=True, slots=True)
class LostRow:
    """A row that gives no question, and why; ``evidence`` is what it holds, as `evidence_of` tells it."""

    source: str
    source_id: str
    language: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """What a source holds. Rows = questions + lost, each in the order of files and rows; ``warnings`` are
    sentences for people."""

    questions: list[Question]
    lost: list[LostRow]
    files: list[SourceFile]
    warnings: list[str]
    quarantined: list[Quarantined] = field(default_factory=list)

    @property
    def dropped(self) -> Counter[str]:
        """Lost rows by reason."""
        return Counter(row.reason for row in self.lost)


def evidence_of(row: Mapping[str, Any]) -> str:
    """A JSON object of at most 600 characters: the values as text, cut, less nulls and what does not fit."""
    shown: dict[str, str] = {}
    for name, value in row.items():
        if value is None:
            continue
        key = (storable(str(name)) or "")[:_MOST_NAME]
        room = _MOST_EVIDENCE - _length(shown | {key: ""})
        if room >= 0:
            shown[key] = _cut(storable(str(value)) or "", min(room, _MOST_VALUE))
    return orjson.dumps(shown).decode()


def _cut(text: str, room: int) -> str:
    """As much of a text as takes so many characters inside JSON; a control character takes six."""
    text = text[:room]
    while (over := _length(text) - len('""') - room) > 0:
        text = text[: -max(1, over // 6)]
    return text


def _length(value: Any) -> int:
    return len(orjson.dumps(value).decode())
