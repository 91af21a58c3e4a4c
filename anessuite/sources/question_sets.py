"""Multiple-choice questions as they are read, and the rows of their sources that are none."""

from collections import Counter
from dataclasses import dataclass, field

from anessuite.manifests import Quarantined
from anessuite.sources.files import SourceFile


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


@dataclass(frozen=True, slots=True)
class LostRow:
    """A row that is no question, and why; ``evidence`` is JSON of what it holds, cut where it is long."""

    source: str
    source_id: str
    language: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """What a source holds. Rows = questions + lost; ``warnings`` are sentences for people."""

    questions: list[Question]
    lost: list[LostRow]
    files: list[SourceFile]
    warnings: list[str]
    quarantined: list[Quarantined] = field(default_factory=list)

    @property
    def dropped(self) -> Counter[str]:
        """Lost rows by reason."""
        return Counter(row.reason for row in self.lost)
