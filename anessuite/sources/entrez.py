"""PubMed by query: look it up, cut its dates into windows that PubMed shows whole, fetch each in batches."""

import calendar
import logging
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from anessuite.config import Config
from anessuite.errors import SourceError
from anessuite.sources.eutils import LIMIT, PUBMED, SHORT_TRIES, Eutils, Search

log = logging.getLogger("anes")
MOST_MISSING = 0.01
"""Share of the citations counted by esearch that may fail to come: NCBI drops one now and then."""
_DATE = re.compile(r"(\d{4})(?:[/-](\d{1,2}))?(?:[/-](\d{1,2}))?")


def _days(value: Any) -> tuple[date, date]:
    if isinstance(value, date):  # YAML makes one of 2024-01-31
        day = value.date() if isinstance(value, datetime) else value
        return day, day
    found = None if isinstance(value, bool) else _DATE.fullmatch(str(value).strip())
    if found is None:
        raise ValueError(f"{value!r} is no date: write 2024, 2024/05 or 2024-05-31")
    year, month, day = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    first = date(year, month or 1, day or 1)
    last_month = month or 12
    return first, date(year, last_month, day or calendar.monthrange(year, last_month)[1])


class EntrezQuery(Config):
    """Citations by a PubMed query and by date: ``{query: "anesthesiology[MeSH]", from: 2000, to: 2026}``.

    ``from`` and ``to`` are a year, a month or a day, both included. ``pdat`` is the date of publication,
    ``edat`` the day on which PubMed took the citation in.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    from_: Annotated[date, BeforeValidator(lambda value: _days(value)[0])] = Field(
        validation_alias="from", serialization_alias="from"
    )
    to: Annotated[date, BeforeValidator(lambda value: _days(value)[1])]
    date_type: Literal["pdat", "edat"] = "pdat"
    batch: int = Field(default=500, ge=10, le=LIMIT, description="citations a request")

    @model_validator(mode="after")
    def _in_order(self) -> "EntrezQuery":
        if self.from_ > self.to:
            raise ValueError(f"from ({self.from_}) is after to ({self.to})")
        return self

    def params(self, window: "Window") -> dict[str, str]:
        """The window as esearch is asked for it."""
        term = self.query
        if window.entered:
            begin, end = (f'"{day:%Y/%m/%d}"[EDAT]' for day in window.entered)
            term = f"({term}) AND ({begin} : {end})"
        days = {"mindate": f"{window.first:%Y/%m/%d}", "maxdate": f"{window.last:%Y/%m/%d}"}
        return {"term": term, "datetype": self.date_type} | days


@dataclass(frozen=True, slots=True)
class Window:
    """A span of days, and for a day that is too full a span of the days on which PubMed took them in."""

    first: date
    last: date
    entered: tuple[date, date] | None = None
    count: int = 0

    @property
    def name(self) -> str:
        """As its files are named: ``20000101-20041231``."""
        return "-".join(f"{day:%Y%m%d}" for day in (self.first, self.last, *(self.entered or ())))

    def halves(self, *, by_entry: bool) -> list["Window"]:
        """The two windows that tile it, or none. ``by_entry`` allows to halve a single day, too."""
        if self.first < self.last:
            return [replace(self, first=first, last=last) for first, last in _halved(self.first, self.last)]
        entered = self.entered or (date(1900, 1, 1), date(2100, 12, 31))
        if not by_entry or entered[0] == entered[1]:
            return []
        return [replace(self, entered=half) for half in _halved(*entered)]


def _halved(first: date, last: date) -> list[tuple[date, date]]:
    middle = first + (last - first) // 2
    return [(first, middle), (middle + timedelta(days=1), last)]


@dataclass(frozen=True, slots=True)
class Batch:
    """A part of a window: efetch's answer as it came, and the PMIDs in it."""

    number: int
    content: bytes
    pmids: list[str]


def look_up(eutils: Eutils, query: EntrezQuery) -> Search:
    """Count the whole query, and warn of what PubMed did not take. Raises SourceError if it finds nothing."""
    found = eutils.search(query.params(Window(query.from_, query.to)))
    for note in found.notes:
        log.warning("PubMed did not take the query %r as it stands: %s", query.query, note)
    if not found.count:
        what = f"{query.query!r} from {query.from_} to {query.to} ({query.date_type})"
        raise SourceError(
            "; ".join([f"PubMed finds nothing for {what}", *found.notes]),
            f"it read the query as: {found.translation or 'nothing'}; try it at {PUBMED}",
        )
    return found


def windows(eutils: Eutils, query: EntrezQuery, found: Search | None = None) -> list[Window]:
    """Windows of at most ``eutils.limit`` citations that cover the query's dates, in order; none is empty.

    Days are halved first. A single day that is too full (by ``pdat`` the first of a month and of January,
    where citations without a day stand) is halved by the day on which PubMed took the citation in, of which
    each has exactly one. A citation with two dates of publication may stand in two windows.
    """
    count = (found or look_up(eutils, query)).count
    return split(eutils, query, Window(query.from_, query.to, count=count))


def split(eutils: Eutils, query: EntrezQuery, window: Window) -> list[Window]:
    """Halve a window until each part is small enough. Raises SourceError if it cannot, or loses citations."""
    if window.count <= eutils.limit:
        return [window] if window.count else []
    halves = window.halves(by_entry=query.date_type == "pdat")
    if not halves:
        raise SourceError(
            f"{window.name} is a single day with {window.count:,} citations; PubMed shows {eutils.limit:,}",
            "make several queries of it: (...) AND english[la], (...) NOT english[la]",
        )
    counted = [replace(half, count=eutils.search(query.params(half)).count) for half in halves]
    counts = [half.count for half in counted]
    if sum(counts) < window.count * (1 - MOST_MISSING) or min(counts) >= window.count:
        raise SourceError(
            f"{window.name} holds {window.count:,} citations and its halves {counts[0]:,} and {counts[1]:,}: "
            "the server does not keep to the dates",
            "use NCBI's own server (unset ANES_EUTILS_URL), or another date_type",
        )
    return [part for half in counted for part in split(eutils, query, half)]


def newest(eutils: Eutils, query: EntrezQuery, found: Search, size: int) -> bytes:
    """Some of the newest citations of a query, as PubMed XML: a sample of it, for few requests."""
    window = Window(query.from_, query.to, count=found.count)
    while window.count > eutils.limit:
        halves = window.halves(by_entry=query.date_type == "pdat")
        counted = [replace(half, count=eutils.search(query.params(half)).count) for half in reversed(halves)]
        window = next(half for half in counted if half.count)
    search = eutils.search(query.params(window), ids=True)
    return eutils.fetch(search, 0, min(size, search.count))[0]


def fetch_window(
    eutils: Eutils, query: EntrezQuery, search: Search, *, have: Container[int] = ()
) -> Iterator[Batch]:
    """The batches of a window that was searched with ``ids``, but those in ``have``, in order.

    A batch with fewer citations than its share is asked for again, and then taken as it is.
    """
    for number, start in enumerate(range(0, search.count, query.batch)):
        if number not in have:
            yield _fetch_batch(eutils, search, number, start, min(query.batch, search.count - start))


def _fetch_batch(eutils: Eutils, search: Search, number: int, start: int, size: int) -> Batch:
    content, pmids = eutils.fetch(search, start, size)
    for _ in range(SHORT_TRIES - 1):
        if len(pmids) >= size:
            break
        content, pmids = eutils.fetch(search, start, size)
    return Batch(number, content, pmids)
