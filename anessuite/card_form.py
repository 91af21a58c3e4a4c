"""What the dataset card of one kind of dataset says; `anessuite.cards` puts it together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from anessuite.manifests import Manifest, Stage


def _nothing(_: Manifest) -> list[str]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class CardForm:
    """The words that a kind of dataset has of its own; all texts are Markdown."""

    rows: str
    """What its rows are called, in the plural: documents, pairs."""
    task_categories: tuple[str, ...]
    """Identifiers of the Hugging Face hub."""
    summary: Callable[[Manifest], str]
    """A sentence or two for the top."""
    counts: Callable[[Manifest], str]
    """How many rows were read, and what became of them."""
    columns: Mapping[str, str]
    """Column -> what it holds."""
    reasons: Mapping[str, str]
    """Reason to drop a row -> what it means."""
    unit: Callable[[Stage], str]
    """What the rows of a stage are where that changes on the way; "" where all are of one kind."""
    sources: Callable[[Manifest, Mapping[str, str]], str]
    """The section on sources, from the licence of each."""
    limits: Callable[[Manifest], list[str]]
    """What the reader must not expect; those of any dataset are added."""
    sections: Callable[[Manifest], list[str]] = _nothing
    """Sections of its own, with their headings; they stand after the contents."""
