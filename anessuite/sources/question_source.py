"""One source of questions, as a config names it."""

from typing import Literal

from pydantic import Field

from anessuite.config import Config
from anessuite.sources.documents import SourcePath, label_of
from anessuite.sources.files import QuestionFormat
from anessuite.sources.question_columns import QuestionColumns


class QuestionSource(Config):
    """Where questions are and how to read them."""

    path: SourcePath
    name: str = Field(default="", description="what rows and reports call it; default: the path's last part")
    language: Literal["en", "zh"] | None = Field(
        default=None, description="default: as the columns tell, both where a row has both; else en"
    )
    columns: QuestionColumns | None = Field(
        default=None, description="default: told by each file's column names"
    )
    format: QuestionFormat | None = Field(
        default=None, description="parquet, jsonl, json, csv, xlsx, text; default: by suffix"
    )
    sheet: str | None = Field(default=None, description="of XLSX files; default: the first")
    key: SourcePath | None = Field(
        default=None, description="the file with the answers, of an exam as text; default: in the exam's own"
    )
    subjects: list[str] | None = Field(
        default=None, min_length=1, description="only questions of these, in any case; default: all"
    )
    licence: str = ""

    @property
    def label(self) -> str:
        return label_of(self.name, self.path)
