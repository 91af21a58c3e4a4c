"""What a version says of itself. Its presence means that the version is complete."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class File(_Part):
    """One file of a version: path below the version, bytes, SHA-256; rows where it is Parquet."""

    path: str
    bytes: int
    sha256: str
    rows: int | None = None


class Input(_Part):
    """What went in: ``name@version`` or a source file (last parts of its path), with a digest of its
    content."""

    name: str
    source: str
    bytes: int
    digest: str


class Stage(_Part):
    """One line of the funnel: rows that entered and rows dropped there by reason, for one source."""

    stage: str
    source: str
    rows_in: int
    dropped: dict[str, int]

    @property
    def rows_out(self) -> int:
        return self.rows_in - sum(self.dropped.values())


class Quarantined(_Part):
    """A source file, or a part of one, that could not be read and was left out at the user's wish."""

    source: str
    path: str
    error: str


class Recipe(_Part):
    """The identity of a build. Two builds with equal recipes give byte-identical data."""

    inputs: list[Input]
    config: dict[str, Any]
    texts: dict[str, str]
    """Prompt and lexicon files: path below the project -> SHA-256."""


class Manifest(_Part):
    """``manifest.json``."""

    name: str
    version: str
    created: datetime
    recipe: Recipe
    code: dict[str, str | bool]
    packages: dict[str, str]
    schema_: dict[str, str]
    files: list[File]
    rows: dict[str, int]
    """Rows kept, by config (``en``, ``zh``)."""
    drops: dict[str, int]
    """Rows dropped, by reason."""
    funnel: list[Stage]
    masked: dict[str, int]
    """Personal data masked, by kind, in the rows that passed the filters (before duplicates went)."""
    quarantined: list[Quarantined]
    requests: dict[str, int]
    """Model requests and tokens; empty where no model was asked."""
    warnings: list[str]

    def data_files(self) -> list[File]:
        """The shards below ``data/``."""
        return [file for file in self.files if file.path.startswith("data/")]

    def rejected_files(self) -> list[File]:
        """The shards below ``rejected/``."""
        return [file for file in self.files if file.path.startswith("rejected/")]

    @property
    def kept(self) -> int:
        return sum(self.rows.values())

    @property
    def dropped(self) -> int:
        return sum(self.drops.values())
