"""Which columns hold a question, its options and its answer: told by a config, or by the columns' names."""

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from anessuite.config import Config
from anessuite.sources.choices import Choice, choices_from, choices_in
from anessuite.sources.columns import Columns


class QuestionColumns(Config):
    """Column mapping of a source of questions.

    ``options`` is one column (a list of texts or of key-value mappings, or a mapping from letter to text) or
    a list of columns, one for each option. ``answer`` holds a letter, a number counted from ``answer_base``,
    or the option's text. Without ``id`` a row is called ``{file name}#{row number}``, counted from 0.
    """

    question: str
    options: str | Annotated[list[str], Field(min_length=2)]
    answer: str | None = None
    answer_base: int = 0
    count: str | None = Field(default=None, description="column that says how many options there are")
    id: str | None = None
    subject: str | None = None
    level: str | None = Field(
        default=None,
        description="cognitive level: system1, system1.x, system2, or 1, 2, 3; evaluations read it",
    )

    def names(self) -> list[str]:
        """Every column that is read."""
        options = [self.options] if isinstance(self.options, str) else self.options
        others = [self.answer, self.count, self.id, self.subject, self.level]
        return list(dict.fromkeys([self.question, *options, *filter(None, others)]))

    def check(self, available: Iterable[str], where: str) -> None:
        """Raise SourceError if a named column is not there, with the nearest one that is."""
        Columns(text=[*self.names()]).check(available, where)

    def choices_of(self, row: Mapping[str, Any]) -> list[Choice]:
        """The row's choices, those without text too."""
        if isinstance(self.options, str):
            return choices_in(row.get(self.options))
        return choices_from(row.get(name) for name in self.options)


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a published data set, in its language or (empty) in that which the source states.

    A file has this layout if it has the question, the answer and the first two options; other columns may be
    absent, and are then empty in every row.
    """

    name: str
    columns: QuestionColumns
    language: str = ""

    def fits(self, available: set[str]) -> bool:
        options = self.columns.options
        needed = [options] if isinstance(options, str) else options[:2]
        return {self.columns.question, self.columns.answer, *needed} <= available

    def __str__(self) -> str:
        options = self.columns.options
        shown = options if isinstance(options, str) else f"{options[0]}, {options[1]} ..."
        return f"{self.name} ({self.columns.question}, {shown}, {self.columns.answer})"


def _anesbench(prefix: str) -> QuestionColumns:
    return QuestionColumns(
        question=f"{prefix}_question",
        options=[f"{prefix}_{letter}" for letter in string.ascii_uppercase[:10]],
        answer="answer",
        count="choice_num",
        id="id",
        level="level",
    )


MEDQA = QuestionColumns(
    question="question", options="options", answer="answer_idx", id="id", subject="subject"
)
"""jsonl: ``answer`` is the option's text, ``answer_idx`` its letter; MedQA without it is OURS."""
MEDMCQA = QuestionColumns(
    question="question",
    options=["opa", "opb", "opc", "opd"],
    answer="cop",
    answer_base=1,
    id="id",
    subject="subject_name",
)
"""The published jsonl counts ``cop`` from 1, its copy on the Hugging Face hub from 0 (see `fitting_base`)."""
CMMLU = QuestionColumns(
    question="Question", options=list(string.ascii_uppercase[:10]), answer="Answer", subject="Subject"
)
"""CSV, a file for each subject; the first column has no name and numbers the rows of its file."""
ANESBENCH_EN, ANESBENCH_ZH = _anesbench("en"), _anesbench("zh")
"""A JSON list; ``en_A`` and so on up to ``choice_num``. Its README writes ``zh_`` in one place and ``cn_`` in
another."""
ANESBENCH_2026 = QuestionColumns(
    question="question",
    options=list(string.ascii_uppercase[:10]),
    answer="target",
    count="choice_num",
    id="id",
    level="category",
)
"""A JSON list for each language, ``anesbench_en.json`` and ``anesbench_zh.json``, since March 2026."""
OURS = QuestionColumns(
    question="question", options="options", answer="answer", id="id", subject="subject", level="level"
)
"""Ours and many others'; ``options`` in any form."""

LAYOUTS = (
    Layout("MedQA", MEDQA),
    Layout("MedMCQA", MEDMCQA),
    Layout("CMMLU", CMMLU),
    Layout("AnesBench", ANESBENCH_EN, "en"),
    Layout("AnesBench", ANESBENCH_ZH, "zh"),
    Layout("AnesBench", _anesbench("cn"), "zh"),
    Layout("AnesBench", _anesbench("ch"), "zh"),
    Layout("AnesBench 2026", ANESBENCH_2026),
    Layout("plain", OURS),
)


def recognised(available: Iterable[str], language: str | None) -> list[tuple[QuestionColumns, str]]:
    """The columns and the language of a file, by the names that it has; empty if no layout fits.

    Where columns of both languages are there, ``language`` tells which are meant; without it both are.
    """
    there = set(available)
    fitting = [layout for layout in LAYOUTS if layout.fits(there)]
    fitting.sort(key=lambda layout: bool(layout.language) and layout.language != (language or "en"))
    found = [(layout.columns, layout.language or language or "en") for layout in fitting]
    is_bilingual = language is None and bool(fitting) and bool(fitting[0].language)
    others = [one for one in found[1:] if one[1] != found[0][1]] if is_bilingual else []
    return found[:1] + others[:1]
