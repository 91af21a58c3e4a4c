"""Which columns of a source hold the id, the text and the address of a document."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from anessuite.config import Config
from anessuite.errors import SourceError


class Each(Config):
    """A list of structs inside a row: the named fields of each element, a line each, in order."""

    each: str
    columns: list[str] = Field(min_length=1)


TextColumns = str | list[str | Each]


class Columns(Config):
    """Column mapping of a document source.

    ``text`` is one column, or a list of columns whose texts are joined by blank lines. Without ``id`` a row
    is called ``{file name}#{row number}``.
    """

    text: TextColumns = "text"
    id: str | None = None
    url: str | None = None

    @property
    def is_plain(self) -> bool:
        """The text is one column, so that a Parquet file needs no assembling."""
        return isinstance(self.text, str)

    def names(self) -> list[str]:
        """Every top-level column that is read."""
        parts = [self.text] if isinstance(self.text, str) else self.text
        text = [part.each if isinstance(part, Each) else part for part in parts]
        return list(dict.fromkeys([*text, *(name for name in (self.id, self.url) if name)]))

    def check(self, available: Iterable[str], where: str) -> None:
        """Raise SourceError if a named column is not there, with the nearest one that is."""
        there = list(available)
        for name in self.names():
            if name not in there:
                near = difflib.get_close_matches(name, there, n=1)
                advice = f"did you mean {near[0]!r}? " if near else ""
                raise SourceError(
                    f"{where} has no column {name!r}",
                    f"{advice}it has: {', '.join(there) or 'none'}; see `columns`",
                )

    def text_of(self, row: Mapping[str, Any]) -> str | None:
        """The assembled text of one row; None if there is none (null or of another type)."""
        if isinstance(self.text, str):
            value = row.get(self.text)
            return value if isinstance(value, str) else None
        parts = [_part(row, part) for part in self.text]
        return "\n\n".join(part for part in parts if part) or None

    def id_of(self, row: Mapping[str, Any]) -> str | None:
        """The row's own id as text, or None."""
        value = row.get(self.id) if self.id else None
        return None if value is None else str(value)

    def url_of(self, row: Mapping[str, Any]) -> str | None:
        """The row's address, or None."""
        value = row.get(self.url) if self.url else None
        return value if isinstance(value, str) else None


def _part(row: Mapping[str, Any], part: str | Each) -> str:
    if isinstance(part, str):
        value = row.get(part)
        return value if isinstance(value, str) else ""
    elements = row.get(part.each)
    if not isinstance(elements, list):
        return ""
    found = [element for element in elements if isinstance(element, Mapping)]
    lines = ["\n".join(v for c in part.columns if isinstance(v := element.get(c), str)) for element in found]
    return "\n\n".join(line for line in lines if line)
