"""Where citations come from, as a config names it: PubMed XML files, or a query to PubMed."""

from datetime import date
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from anessuite.config import Config
from anessuite.sources.documents import SourcePath, label_of
from anessuite.sources.entrez import EntrezQuery


class CitationSource(Config):
    """Either ``path`` (file, glob, folder or URL of PubMed XML) or ``query`` with ``from`` and ``to``.

    Files are taken in the order of their names, as PubMed numbers them: a later one updates an earlier one.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    name: str = ""
    path: SourcePath | None = None
    query: str | None = None
    from_: int | str | date | None = Field(default=None, alias="from")
    to: int | str | date | None = None
    date_type: Literal["pdat", "edat"] = "pdat"
    licence: str = "NLM terms and conditions; abstracts may be their publishers'"

    @model_validator(mode="after")
    def _one_of_both(self) -> "CitationSource":
        if bool(self.path) == bool(self.query):
            raise ValueError("a source has either a path or a query")
        if self.query is not None and (self.from_ is None or self.to is None):
            raise ValueError("a query needs `from` and `to`, such as 2000 and 2026")
        if self.path and (self.from_ is not None or self.to is not None or self.date_type != "pdat"):
            raise ValueError("`from`, `to` and `date_type` go with a query, not with a path")
        _ = self.entrez  # its dates are checked now
        return self

    @property
    def label(self) -> str:
        """What manifests and reports call it."""
        return label_of(self.name, self.path) if self.path else self.name or f"pubmed: {self.query}"

    @property
    def entrez(self) -> EntrezQuery | None:
        """The query, or None for files."""
        if self.query is None:
            return None
        fields: dict[str, Any] = {"query": self.query, "from": self.from_, "to": self.to}
        return EntrezQuery.model_validate(fields | {"date_type": self.date_type})
