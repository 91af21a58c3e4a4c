"""Errors that say what happened, where, and what to do next.

Every error takes positional strings only, so that it survives the trip from a worker process.
"""


class AnesError(Exception):
    """The work failed. ``hint`` says what to do next; ``exit_code`` is the command's."""

    exit_code = 1

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}\n  {self.hint}" if self.hint else self.what


class ConfigError(AnesError):
    """The call or the config is wrong; nothing was started."""

    exit_code = 2


class SourceError(AnesError):
    """A source file cannot be read; the message names the file."""


class NothingKept(AnesError):
    """A filter let no row pass, which is nearly always a wrong lexicon or a wrong column."""


class RowsLost(AnesError):
    """The rows that went in are not the rows that came out: a defect, never a result."""


class VersionExists(AnesError):
    """A finished dated version is never written again."""

    exit_code = 2


class VersionNotFound(AnesError):
    """There is no such finished version."""

    exit_code = 2


class BuildInProgress(AnesError):
    """Another process builds this very version."""


class RecipeChanged(AnesError):
    """The unfinished build was begun with another recipe."""

    exit_code = 2
