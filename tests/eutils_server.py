"""NCBI's E-utilities for tests, on a loopback port: esearch and efetch of PubMed over citations given to it.

``with EutilsServer(citations=generated(100, "2020-01-01", "2020-12-31")) as server: server.url``

What it refuses, and how it words it, follows what others saw of the real server: ``retstart`` over the limit
is an error, more than the limit is cut without a word, a lost history is ``Unable to obtain query #1``, a
phrase that nothing knows is left out of the query and told in ``ErrorList``.
"""

import json
import re
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

_ENTERED = re.compile(r'\(?"(\d{4}/\d\d/\d\d)"\[EDAT\] : "(\d{4}/\d\d/\d\d)"\[EDAT\]\)?')
_ARTICLE = """<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">{pmid}</PMID>\
<Article PubModel="Print"><Journal><JournalIssue CitedMedium="Print"><PubDate><Year>{day:%Y}</Year>\
<Month>{day:%m}</Month><Day>{day:%d}</Day></PubDate></JournalIssue><Title>Journal of tests</Title></Journal>\
<ArticleTitle>Citation {pmid}.</ArticleTitle><Abstract><AbstractText>{text}</AbstractText></Abstract>\
<Language>eng</Language></Article></MedlineCitation></PubmedArticle>"""
_HEAD = (
    '<?xml version="1.0" ?>\n<!DOCTYPE PubmedArticleSet PUBLIC '
    '"-//NLM//DTD PubMedArticle, 1st January 2025//EN" "https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n'
)


class Citation(NamedTuple):
    """One citation: its PMID, day of publication and XML (a ``PubmedArticle`` or ``PubmedBookArticle``).

    ``entered`` is the day on which PubMed took it in (else ``day``), ``also`` a second day of publication.
    """

    pmid: int
    day: date
    xml: str
    entered: date | None = None
    also: date | None = None


def citation(pmid: int, day: str | date, text: str = "Nothing to see.", **more: Any) -> Citation:
    """A small citation with an abstract."""
    day = date.fromisoformat(day) if isinstance(day, str) else day
    return Citation(pmid, day, _ARTICLE.format(pmid=pmid, day=day, text=escape(text)), **more)


def generated(count: int, first: str, last: str, *, start: int = 1) -> list[Citation]:
    """``count`` small citations, PMIDs from ``start``, spread evenly over the days from first to last."""
    begin = date.fromisoformat(first)
    days = (date.fromisoformat(last) - begin).days + 1
    return [citation(start + i, begin + timedelta(days=i * days // count)) for i in range(count)]


def _citation_of(given: Citation | tuple[int, str, str]) -> Citation:
    if isinstance(given, Citation):
        return given
    pmid, day, xml = given
    return Citation(pmid, date.fromisoformat(day), xml)


@dataclass(frozen=True)
class Fault:
    """What the server does with one request instead of answering it. See the functions below."""

    kind: str
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    count: int = 0


def says(body: str | bytes, status: int = 200, **headers: str) -> Fault:
    """Answer with this; ``retry_after="3"`` becomes the header Retry-After."""
    content = body.encode() if isinstance(body, str) else body
    return Fault("says", status, content, {name.replace("_", "-"): at for name, at in headers.items()})


def too_many(retry_after: str | None = None) -> Fault:
    """NCBI's answer to too many requests."""
    body = '{"error":"API rate limit exceeded","api-key":"198.51.100.7","count":"4","limit":"3"}'
    return says(body, 429, **({} if retry_after is None else {"retry_after": retry_after}))


def half() -> Fault:
    """Promise the whole answer, send half of it."""
    return Fault("half")


def hang() -> Fault:
    """Accept the request and say nothing until the server closes."""
    return Fault("hang")


def hang_up() -> Fault:
    """Close the connection without a word."""
    return Fault("hang up")


def drops(count: int) -> Fault:
    """Leave out the last so many citations of the answer."""
    return Fault("drops", count=count)


@dataclass(frozen=True)
class Seen:
    """A request as it came: where to, by which method, with what in its address and its form."""

    endpoint: str
    method: str
    path: str
    params: dict[str, str]


class EutilsServer:
    """The server; a context manager. What it holds may be changed while it runs.

    Args:
        citations: `Citation`, or ``(pmid, date, xml)`` with an ISO date; in the order of search results.
        limit: the most that it shows of a search (NCBI: 9,999).
        unknown: phrases that no citation knows; a query of nothing else finds nothing.
        keys: the only API keys that are accepted; None accepts any.
        ignores_dates: a mirror that does not keep to date ranges.
    """

    def __init__(
        self,
        citations: Iterable[Citation | tuple[int, str, str]] = (),
        *,
        limit: int = 9_999,
        unknown: Iterable[str] = (),
        keys: Iterable[str] | None = None,
        ignores_dates: bool = False,
    ) -> None:
        self.citations = [_citation_of(one) for one in citations]
        self.limit, self.unknown = limit, tuple(unknown)
        self.keys = None if keys is None else set(keys)
        self.ignores_dates = ignores_dates
        self.seen: list[Seen] = []
        self.requested = threading.Condition()
        self.lost: set[int] = set()
        """PMIDs that searches list and efetch never returns."""
        self._faults: dict[str, deque[Fault]] = {"esearch": deque(), "efetch": deque()}
        self._history: dict[str, list[Citation]] = {}
        self._closing = threading.Event()

    def __enter__(self) -> "EutilsServer":
        server = self

        class Handler(_Handler):
            eutils = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """For ANES_EUTILS_URL."""
        return f"http://127.0.0.1:{self._http.server_port}/entrez/eutils"

    def fail(self, endpoint: str, *faults: Fault | None) -> None:
        """Meet the next requests to an endpoint with these faults, one each; None lets one pass."""
        self._faults[endpoint] += [fault or Fault("none") for fault in faults]

    def count(self, endpoint: str) -> int:
        """How many requests have come to an endpoint."""
        return len(self.asked(endpoint))

    def forget(self) -> None:
        """Forget the requests so far."""
        self.seen.clear()

    def asked(self, endpoint: str) -> list[dict[str, str]]:
        """The parameters of the requests to an endpoint."""
        return [seen.params for seen in self.seen if seen.endpoint == endpoint]

    def wait_for(self, endpoint: str, count: int, seconds: float = 60.0) -> None:
        """Wait until so many requests have come to an endpoint."""
        with self.requested:
            if not self.requested.wait_for(lambda: self.count(endpoint) >= count, seconds):
                raise TimeoutError(f"{self.count(endpoint)} requests to {endpoint}, not {count}")

    def _answer(self, seen: Seen) -> tuple[int, bytes, Fault]:
        with self.requested:
            self.seen.append(seen)
            self.requested.notify_all()
        faults = self._faults.get(seen.endpoint)
        fault = faults.popleft() if faults else Fault("none")
        key = seen.params.get("api_key")
        if self.keys is not None and key is not None and key not in self.keys:
            refused = {"error": "API key invalid", "api-key": key, "type": "key", "status": "unknown"}
            return 400, json.dumps(refused).encode(), fault
        if seen.endpoint == "esearch":
            return *self._esearch(seen.params), fault
        if seen.endpoint == "efetch":
            return *self._efetch(seen.params, fault.count), fault
        return 404, b"<html><body>Not Found</body></html>", fault

    def _esearch(self, params: dict[str, str]) -> tuple[int, bytes]:
        start, size = int(params.get("retstart", 0)), min(int(params.get("retmax", 20)), self.limit)
        if start >= self.limit:
            return 200, self._over("eSearchResult", "ESearch")
        unknown = [phrase for phrase in self.unknown if phrase in params["term"]]
        found = [] if params["term"].strip("() ") in unknown else list(self._found(params))
        shown = "".join(f"<Id>{one.pmid}</Id>" for one in found[: self.limit][start : start + size])
        history = ""
        if params.get("usehistory") == "y":
            env = f"MCID_{len(self._history):04d}"
            self._history[env] = found
            history = f"<QueryKey>1</QueryKey><WebEnv>{env}</WebEnv>"
        notes = "".join(f"<PhraseNotFound>{escape(phrase)}</PhraseNotFound>" for phrase in unknown)
        notes = f"<ErrorList>{notes}</ErrorList>" if notes else ""
        if not found:
            notes += "<WarningList><OutputMessage>No items found.</OutputMessage></WarningList>"
        return 200, (
            '<?xml version="1.0" encoding="UTF-8" ?>\n<!DOCTYPE eSearchResult PUBLIC '
            '"-//NLM//DTD esearch 20060628//EN" '
            '"https://eutils.ncbi.nlm.nih.gov/eutils/dtd/20060628/esearch.dtd">\n'
            f"<eSearchResult><Count>{len(found)}</Count><RetMax>{size}</RetMax><RetStart>{start}</RetStart>"
            f"{history}<IdList>{shown}</IdList><TranslationSet/>"
            f"<QueryTranslation>{escape(params['term'])}</QueryTranslation>{notes}</eSearchResult>"
        ).encode()

    def _found(self, params: dict[str, str]) -> Iterator[Citation]:
        entered = _ENTERED.search(params["term"])
        for one in self.citations:
            day = one.entered or one.day
            dates = [day] if params.get("datetype") == "edat" else [one.day, one.also or one.day]
            in_range = any(_within(at, params.get("mindate"), params.get("maxdate")) for at in dates)
            was_entered = entered is None or _within(day, entered[1], entered[2])
            if self.ignores_dates or (in_range and was_entered):
                yield one

    def _efetch(self, params: dict[str, str], dropped: int) -> tuple[int, bytes]:
        found = self._history.get(params.get("WebEnv", ""))
        if found is None or params.get("query_key") != "1":
            return 200, b"<eFetchResult><ERROR>Unable to obtain query #1</ERROR></eFetchResult>"
        start, size = int(params.get("retstart", 0)), int(params.get("retmax", 20))
        if start >= self.limit:
            return 400, self._over("eFetchResult", "EFetch")
        chosen = [one for one in found[: self.limit][start : start + size] if one.pmid not in self.lost]
        chosen = chosen[: len(chosen) - dropped]
        articles = "\n".join(one.xml for one in chosen)
        return 200, f"{_HEAD}<PubmedArticleSet>\n{articles}\n</PubmedArticleSet>\n".encode()

    def _over(self, root: str, name: str) -> bytes:
        return (
            f"<{root}><ERROR>Search Backend failed: Exception:\n'retstart' cannot be larger than "
            f"{self.limit - 1}. For PubMed, {name} can only retrieve the first {self.limit:,} records "
            f"matching the query.</ERROR></{root}>"
        ).encode()


def _within(day: date, first: str | None, last: str | None) -> bool:
    text = f"{day:%Y/%m/%d}"
    return (not first or text >= first) and (not last or text <= last)


class _Handler(BaseHTTPRequestHandler):
    eutils: EutilsServer

    def do_GET(self) -> None:
        self._serve(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def _serve(self, form: str) -> None:
        endpoint = urlsplit(self.path).path.removeprefix("/entrez/eutils/").removesuffix(".fcgi")
        seen = Seen(endpoint, self.command, self.path, dict(parse_qsl(form, keep_blank_values=True)))
        status, body, fault = self.eutils._answer(seen)
        if fault.kind == "hang":
            self.eutils._closing.wait(60)
        if fault.kind in ("hang", "hang up"):
            return
        if fault.kind == "says":
            status, body = fault.status, fault.body
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in fault.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault.kind == "half" else body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
