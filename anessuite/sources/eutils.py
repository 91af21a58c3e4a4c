"""NCBI's E-utilities: search PubMed and fetch citations, at their rate, without letting the key out.

What esearch answers, as far as it is read here::

    <eSearchResult><Count>12345</Count><QueryKey>1</QueryKey><WebEnv>MCID_6745</WebEnv>
      <IdList><Id>39571234</Id> ... </IdList><QueryTranslation>...</QueryTranslation>
      <ErrorList><PhraseNotFound>sevofluran</PhraseNotFound></ErrorList></eSearchResult>

Requests are built by Biopython (``Bio.Entrez._build_request``) and sent by an opener of our own: Biopython's
functions have NCBI's address built in, and what sends them (``_open``) knows no timeout and no Retry-After,
follows redirects, and does not count its retries against the rate. Its reader (``Entrez.read``) fetches a DTD
that it does not know over the network, so lxml reads the answers, without entities, DTD or network. All is
posted, so that the API key stands in a body and never in a URL, where errors and proxies would show it.
"""

import http.client
import json
import logging
import re
import time
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import quote_plus, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import lxml.etree as etree
from Bio.Entrez import _build_request

from anessuite.errors import ConfigError, SourceError
from anessuite.llm.endpoints import back_off
from anessuite.settings import Settings

LIMIT = 9_999
"""PubMed shows no more than the first 9,999 citations of a search, by esearch and by efetch alike."""
_GAPS = {True: 0.11, False: 0.37}
"""Seconds between two requests, with a key (10 a second) and without (3); Biopython found 0.33 too short."""
_TRIES = 7
SHORT_TRIES = 3
_LONGEST_ANSWER, _LONGEST_PAUSE = 600.0, 300.0
_BLOCK = 1 << 16
PUBMED = "https://pubmed.ncbi.nlm.nih.gov"
_NOTES = {
    "PhraseNotFound": "phrase not found: ",
    "FieldNotFound": "field not found: ",
    "PhraseIgnored": "phrase ignored: ",
    "QuotedPhraseNotFound": "quoted phrase not found: ",
    "OutputMessage": "",
}
_HARDENED: dict[str, Any] = {"resolve_entities": False, "no_network": True, "load_dtd": False}
_HINTS = {
    400: f"check the query at {PUBMED}; it was not asked again",
    401: "check ANES_NCBI_API_KEY",
    403: "the server refuses this address or key: see https://www.ncbi.nlm.nih.gov/books/NBK25497/",
    404: "check ANES_EUTILS_URL: it ends with /entrez/eutils, and esearch.fcgi stands below it",
}
_TOLD = re.compile(r"<(ERROR|\w*NotFound|PhraseIgnored|OutputMessage)>(.*?)</\1>", re.DOTALL)
_KEY = re.compile(r"(?i)(api[_-]key[\"'=:\s]+)[^\s\"'&,<}]+")
log = logging.getLogger("anes")
T = TypeVar("T")


class BadAnswer(Exception):
    """No answer, or none that can be used. Asking again may help, unless ``hint`` says what else to do."""

    def __init__(self, what: str, *, after: float | None = None, hint: str = "") -> None:
        super().__init__(what)
        self.what, self.after, self.hint = what, after, hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What esearch found. ``ids`` are in the order in which efetch counts them; empty unless asked for."""

    count: int
    ids: tuple[str, ...]
    web_env: str
    query_key: str
    translation: str
    notes: tuple[str, ...]


def read_search(content: bytes) -> Search:
    """Read esearch's answer. Raises BadAnswer."""
    _refuse_entities(content)
    try:
        root: Any = etree.fromstring(content, etree.XMLParser(**_HARDENED))
    except etree.XMLSyntaxError as error:
        raise BadAnswer(f"not whole XML ({error.msg}): {_said(content)}") from None
    count = root.findtext("Count") or ""
    if root.tag != "eSearchResult" or root.find(".//ERROR") is not None or not count.isdecimal():
        raise _error(content)
    return Search(
        count=int(count),
        ids=tuple(found.text or "" for found in root.iterfind("IdList/Id")),
        web_env=root.findtext("WebEnv") or "",
        query_key=root.findtext("QueryKey") or "",
        translation=root.findtext("QueryTranslation") or "",
        notes=tuple(f"{_NOTES[found.tag]}{found.text}" for found in root.iter(*_NOTES) if found.text),
    )


def read_pmids(content: bytes) -> list[str]:
    """The PMIDs in efetch's answer, in order. Raises BadAnswer unless it is whole."""
    _refuse_entities(content)
    pmids, tags = list[str](), ("PubmedArticle", "PubmedBookArticle", "ERROR")
    events: Any = etree.iterparse(BytesIO(content), tag=tags, **_HARDENED)
    try:
        for _, found in events:
            if found.tag == "ERROR":
                raise _error(content)
            pmids.append(found.findtext("MedlineCitation/PMID") or found.findtext("BookDocument/PMID") or "")
            found.clear()
    except etree.XMLSyntaxError as error:
        raise BadAnswer(f"not whole XML ({error.msg}): {_said(content)}") from None
    if events.root.tag != "PubmedArticleSet":
        raise _error(content)
    return pmids


def _refuse_entities(content: bytes) -> None:
    if b"<!ENTITY" in content[: 1 << 20]:
        raise BadAnswer("the answer declares entities, as NCBI's never do: it is not read")


def _error(content: bytes) -> BadAnswer:
    said = _said(content)
    final = "cannot be larger" in said or "out of acceptable range" in said
    return BadAnswer(said, hint="that limit is PubMed's own: run the same command again" if final else "")


def _said(content: bytes) -> str:
    """What an answer says to a person: JSON's ``error``, the errors in XML, or its text without tags."""
    try:
        return str(json.loads(content)["error"])
    except (ValueError, TypeError, KeyError):
        text = content[:5_000].decode("utf-8", "replace")
    told = "; ".join(f"{_NOTES.get(tag, '')}{said}" for tag, said in _TOLD.findall(text))
    return " ".join((told or re.sub(r"<[^>]*>", " ", text)).split())[:300] or "an empty answer"


class _NoRedirect(HTTPRedirectHandler):
    """A posted form does not survive a redirect: the answer would be to another question."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        return None


class Eutils:
    """One server of E-utilities, asked one request at a time, as often as NCBI allows.

    ``limit`` is the most citations that it shows of a search, ``timeout`` the seconds of silence after which
    a request is given up. Raises ConfigError for settings with which nothing could be asked.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        limit: int = LIMIT,
        timeout: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limit, self._timeout, self._clock, self._sleep = limit, timeout, clock, sleep
        self._url, self._email = _checked_url(settings.eutils_url), _checked_email(settings.ncbi_email)
        self._key = settings.ncbi_api_key.get_secret_value().strip() if settings.ncbi_api_key else ""
        self._gap, self._free_at = _GAPS[bool(self._key)], 0.0
        self._opener = build_opener(_NoRedirect)

    def search(self, params: dict[str, str], *, ids: bool = False) -> Search:
        """Count; with ``ids`` also list, and keep the result on the server's history for :meth:`fetch`."""

        def read(content: bytes) -> Search:
            found = read_search(content)
            if ids and found.count <= self.limit:
                if len(found.ids) != found.count:
                    raise BadAnswer(f"esearch counts {found.count} citations and lists {len(found.ids)}")
                if found.count and not (found.web_env and found.query_key):
                    raise BadAnswer("esearch gives no WebEnv and QueryKey")
            return found

        asked = {"usehistory": "y", "retmax": self.limit} if ids else {"retmax": 0}
        return self._ask("esearch", params | asked, read)

    def fetch(self, search: Search, start: int, size: int) -> tuple[bytes, list[str]]:
        """Citations ``start`` to ``start + size`` of a search: whole PubMed XML, and the PMIDs in it."""
        history = {"WebEnv": search.web_env, "query_key": search.query_key}
        params = history | {"retstart": start, "retmax": size}
        return self._ask("efetch", params, lambda content: (content, read_pmids(content)))

    def _ask(self, endpoint: str, params: dict[str, Any], read: Callable[[bytes], T]) -> T:
        """Ask until ``read`` accepts; SourceError or ConfigError when asking on is of no use."""
        tried = 1
        while isinstance(answer := self._try(endpoint, params, read), BadAnswer):
            if answer.hint:
                kind = ConfigError if endpoint == "esearch" else SourceError
                raise kind(f"{endpoint} refuses the request: {answer.what}", answer.hint)
            if tried == _TRIES or (answer.after or 0) > _LONGEST_PAUSE:
                pause = f", to be asked in {answer.after:.0f} s" if answer.after else ""
                raise SourceError(
                    f"{endpoint} gave no usable answer (try {tried} of {_TRIES}{pause}): {answer.what}",
                    "run the same command again later: what was fetched is kept; if it says so each time, "
                    f"try the query at {PUBMED}",
                )
            seconds = max(back_off(tried), answer.after or 0.0)
            log.warning(
                "%s, try %d of %d: %s; again in %.1f s", endpoint, tried, _TRIES, answer.what, seconds
            )
            self._sleep(seconds)
            tried += 1
        return answer

    def _try(self, endpoint: str, params: dict[str, Any], read: Callable[[bytes], T]) -> T | BadAnswer:
        """One request. What went wrong comes back without the key, and without the error that may hold it."""
        try:
            return read(self._send(endpoint, params))
        except BadAnswer as error:
            bad = error
        except urllib.error.HTTPError as error:
            bad = _refusal(error)
        except (http.client.HTTPException, OSError) as error:
            bad = BadAnswer(f"{type(error).__name__}: {error}")
        what = bad.what
        for secret in {self._key, quote_plus(self._key)} - {""}:
            what = what.replace(secret, "***")
        what = _KEY.sub(r"\1***", what)
        if "api key invalid" in what.lower():
            return BadAnswer(what, hint="check ANES_NCBI_API_KEY: NCBI does not know this key; or unset it")
        return BadAnswer(what, after=bad.after, hint=bad.hint)

    def _send(self, endpoint: str, params: dict[str, Any]) -> bytes:
        now = self._clock()
        if now < self._free_at:
            self._sleep(self._free_at - now)
        self._free_at = max(now, self._free_at) + self._gap
        identity = {"tool": "anessuite", "email": self._email, "api_key": self._key or None}
        form = {"db": "pubmed", "retmode": "xml"} | params | identity
        request = _build_request(f"{self._url}/{endpoint}.fcgi", form, post=True)
        with self._opener.open(request, timeout=self._timeout) as response:
            return self._body(response)

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        parts, begun, promised = list[bytes](), self._clock(), response.length
        while part := response.read1(_BLOCK):
            parts.append(part)
            if self._clock() - begun > _LONGEST_ANSWER:
                raise BadAnswer(f"the answer had not ended after {_LONGEST_ANSWER:.0f} s")
        content = b"".join(parts)
        if promised is not None and len(content) < promised:
            raise BadAnswer(f"half an answer: {len(content)} of {promised} bytes")
        return content


def _refusal(error: urllib.error.HTTPError) -> BadAnswer:
    from anessuite.llm.transport import retry_after  # brings openai along: only when it is needed

    try:
        said = _said(error.read(100_000))
    except (http.client.HTTPException, OSError):
        said = str(error.reason)
    what = f"{error.code} {http.client.responses.get(error.code, '')}: {said}"
    if error.code in (408, 429) or error.code >= 500:
        return BadAnswer(what, after=retry_after({name.lower(): at for name, at in error.headers.items()}))
    if error.code < 400:
        goal = urlsplit(error.headers.get("Location", ""))
        what = f"{error.code}: the server points to {goal.scheme}://{goal.hostname}{goal.path}"
        return BadAnswer(what, hint="if you trust that address, set ANES_EUTILS_URL to its folder")
    return BadAnswer(what, hint=_HINTS.get(error.code, "asking again would not help: see what it says"))


def _checked_url(url: str) -> str:
    url = url.strip().rstrip("/")
    if "@" in url or "?" in url:
        raise ConfigError("ANES_EUTILS_URL holds a password or a query", "put the key into ANES_NCBI_API_KEY")
    if not re.fullmatch(r"https?://([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?(/\S*)?", url, re.IGNORECASE):
        raise ConfigError("ANES_EUTILS_URL is no http(s):// address", "leave it unset for NCBI's own server")
    return url


def _checked_email(email: str | None) -> str:
    if email and re.fullmatch(r"[^@\s]+@[^@\s]+", email.strip()):
        return email.strip()
    raise ConfigError(
        "ANES_NCBI_EMAIL is not an e-mail address" if email else "there is no e-mail address for NCBI",
        "NCBI wants one with each request, to write to whoever asks too much before it blocks them: "
        "export ANES_NCBI_EMAIL=you@example.org",
    )
