import io
import itertools
import logging
import random
import socket
import traceback
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from Bio import Entrez
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from anessuite.config import check_config, read_config
from anessuite.errors import ConfigError, SourceError
from anessuite.settings import Settings
from anessuite.sources.entrez import EntrezQuery, Window, fetch_window, look_up, windows
from anessuite.sources.eutils import BadAnswer, Eutils, read_pmids, read_search
from tests.eutils_server import (
    Citation,
    EutilsServer,
    Fault,
    citation,
    drops,
    generated,
    half,
    hang,
    hang_up,
    says,
    too_many,
)

KEY = "0123456789abcdef0123456789abcdef0123"
QUERY = {"query": "anesthesiology[MeSH]", "from": 2020, "to": 2020}


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def settings(server: EutilsServer | str, *, key: str | None = None) -> Settings:
    url = server if isinstance(server, str) else server.url
    return Settings(ncbi_email="a@example.org", eutils_url=url, ncbi_api_key=SecretStr(key) if key else None)


def client(server: EutilsServer, *, key: str | None = None, **more: Any) -> Eutils:
    clock = more.pop("clock", None) or Clock()
    return Eutils(settings(server, key=key), limit=server.limit, clock=clock, sleep=clock.sleep, **more)


def query(**fields: Any) -> EntrezQuery:
    return EntrezQuery.model_validate(QUERY | fields)


def whole(asked: EntrezQuery) -> dict[str, str]:
    return asked.params(Window(asked.from_, asked.to))


@pytest.fixture
def server() -> Iterator[EutilsServer]:
    with EutilsServer(generated(40, "2020-01-01", "2020-12-31")) as running:
        yield running


@pytest.fixture(autouse=True)
def no_other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked of another host than the loopback fails at once."""
    real = socket.getaddrinfo

    def guarded(host: Any, *more: Any, **named: Any) -> Any:
        assert host in ("127.0.0.1", "localhost"), f"a test asked for {host}"
        return real(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", guarded)


# the config


@pytest.mark.parametrize(
    ("begin", "end", "first", "last"),
    [
        (2000, 2026, "2000-01-01", "2026-12-31"),
        ("2000", "2026", "2000-01-01", "2026-12-31"),
        ("2023/02", "2024/02", "2023-02-01", "2024-02-29"),
        ("2023-02", "2023-02", "2023-02-01", "2023-02-28"),
        ("2023/02/03", "2023-2-4", "2023-02-03", "2023-02-04"),
        (date(2023, 2, 3), date(2023, 2, 4), "2023-02-03", "2023-02-04"),
    ],
)
def test_a_year_a_month_or_a_day_is_meant_from_its_first_day_to_its_last(
    begin: Any, end: Any, first: str, last: str
) -> None:
    asked = query(**{"from": begin, "to": end})
    assert (str(asked.from_), str(asked.to)) == (first, last)


def test_a_query_is_read_from_yaml_and_comes_back_from_json(tmp_path: Path) -> None:
    file = tmp_path / "query.yaml"
    file.write_text('{query: " anesthesiology[MeSH] ", from: 2000, to: 2026-05-31}')
    asked = read_config(file, EntrezQuery)
    assert asked.model_dump(mode="json") == {
        "query": "anesthesiology[MeSH]", "from": "2000-01-01", "to": "2026-05-31",
        "date_type": "pdat", "batch": 500,
    }  # fmt: skip
    assert EntrezQuery.model_validate_json(asked.model_dump_json()) == asked
    assert EntrezQuery(query="anesthesiology[MeSH]", from_=asked.from_, to=asked.to) == asked


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"from": "May"}, "from: Value error, 'May' is no date: write 2024, 2024/05 or 2024-05-31"),
        ({"from": True}, "from: Value error, True is no date"),
        ({"from": 20}, "from: Value error, 20 is no date"),
        ({"to": "2020/13"}, "to: Value error, month must be in 1..12"),
        ({"to": "2020-02-30"}, "to: Value error, day is out of range for month"),
        ({"from": 2021}, "from (2021-01-01) is after to (2020-12-31)"),
        ({"query": "  "}, "query: String should have at least 1 character"),
        ({"date_type": "mdat"}, "date_type: Input should be 'pdat' or 'edat'"),
        ({"batch": 10_000}, "batch: Input should be less than or equal to 9999"),
        ({"since": 2020}, "since: unknown key"),
    ],
)  # fmt: skip
def test_a_wrong_query_is_a_config_error_that_says_where(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_config(QUERY | fields, EntrezQuery, where="qa.yaml")
    assert message in str(raised.value)


def test_the_dates_are_required() -> None:
    with pytest.raises(ValidationError, match=r"(?s)from\s+Field required.*to\s+Field required"):
        EntrezQuery.model_validate({"query": "x"})


# settings


@pytest.mark.parametrize("email", [None, "", "nobody"])
def test_without_an_email_address_the_error_says_why_ncbi_wants_it_and_how_to_set_it(
    email: str | None,
) -> None:
    with pytest.raises(ConfigError) as raised:
        Eutils(Settings(ncbi_email=email))
    assert "e-mail address" in raised.value.what
    assert raised.value.hint == (
        "NCBI wants one with each request, to write to whoever asks too much before it blocks them: "
        "export ANES_NCBI_EMAIL=you@example.org"
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://mirror.example/eutils", "ANES_EUTILS_URL is no http(s):// address"),
        ("http://127.0.0.1:port/eutils", "ANES_EUTILS_URL is no http(s):// address"),
        ("file:///etc/passwd", "ANES_EUTILS_URL is no http(s):// address"),
        ("https://me:geheim@mirror.example/eutils", "ANES_EUTILS_URL holds a password or a query"),
        ("https://mirror.example/eutils?api_key=geheim", "ANES_EUTILS_URL holds a password or a query"),
    ],
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused_without_being_shown(
    url: str, message: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        Eutils(settings(url))
    assert raised.value.what == message
    assert "geheim" not in str(raised.value)


def test_settings_come_from_the_environment_and_do_not_show_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANES_NCBI_API_KEY", KEY)
    monkeypatch.setenv("ANES_NCBI_EMAIL", "a@example.org")
    found = Settings()
    assert found.ncbi_api_key is not None and found.ncbi_api_key.get_secret_value() == KEY
    assert found.ncbi_email == "a@example.org"
    assert found.eutils_url == "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
    assert KEY not in repr(found) + str(found.model_dump()) + found.model_dump_json()


# one request


def test_each_request_is_posted_and_names_tool_and_email_and_key(server: EutilsServer) -> None:
    eutils = client(server, key=KEY)
    eutils.fetch(eutils.search(whole(query()), ids=True), 0, 10)
    assert [seen.endpoint for seen in server.seen] == ["esearch", "efetch"]
    for seen in server.seen:
        assert seen.method == "POST"
        assert seen.path == f"/entrez/eutils/{seen.endpoint}.fcgi"
        assert seen.params["tool"] == "anessuite"
        assert seen.params["email"] == "a@example.org"
        assert seen.params["api_key"] == KEY
        assert (seen.params["db"], seen.params["retmode"]) == ("pubmed", "xml")


def test_without_a_key_none_is_sent_whatever_biopython_was_set_to(
    server: EutilsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Entrez, "api_key", "of another program")
    monkeypatch.setattr(Entrez, "email", "another@example.org")
    client(server).search(whole(query()))
    assert "api_key" not in server.seen[0].params
    assert server.seen[0].params["email"] == "a@example.org"


def test_a_search_counts_lists_and_stays_on_the_history_for_efetch(server: EutilsServer) -> None:
    eutils = client(server)
    found = eutils.search(whole(query(**{"from": "2020/01", "to": "2020/03"})), ids=True)
    assert found.count == len(found.ids) == 10
    content, pmids = eutils.fetch(found, 4, 3)
    assert pmids == list(found.ids[4:7])
    assert content.count(b"<PubmedArticle>") == 3
    assert server.asked("esearch")[0] | {"email": ""} == {
        "db": "pubmed", "retmode": "xml", "tool": "anessuite", "email": "", "usehistory": "y",
        "retmax": "9999",
        "term": "anesthesiology[MeSH]", "datetype": "pdat", "mindate": "2020/01/01", "maxdate": "2020/03/31",
    }  # fmt: skip
    asked = server.asked("efetch")[0]
    assert (asked["WebEnv"], asked["query_key"]) == (found.web_env, found.query_key)
    assert (asked["retstart"], asked["retmax"]) == ("4", "3")


def test_books_are_citations_too() -> None:
    book = (
        "<PubmedArticleSet><PubmedBookArticle><BookDocument><PMID>7</PMID></BookDocument></PubmedBookArticle>"
    )
    article = "<PubmedArticle><MedlineCitation><PMID>8</PMID></MedlineCitation></PubmedArticle>"
    assert read_pmids(f"{book}{article}</PubmedArticleSet>".encode()) == ["7", "8"]


@pytest.mark.parametrize(
    ("read", "answer", "message"),
    [
        (read_pmids, "<html><p>Down</p></html>", "Down"),
        (read_pmids, "<PubmedArticleSet><ERROR>lost</ERROR></PubmedArticleSet>", "lost"),
        (read_search, "<eSearchResult><Count>3</Count><ERROR>busy</ERROR></eSearchResult>", "busy"),
        (read_search, "<eSummaryResult><Count>3</Count></eSummaryResult>", "3"),
        (read_search, "<eSearchResult><Count>-1</Count></eSearchResult>", "-1"),
    ],
)
def test_what_is_no_answer_of_its_kind_is_not_taken_for_one(
    read: Callable[[bytes], Any], answer: str, message: str
) -> None:
    with pytest.raises(BadAnswer, match=rf"^{message}$"):
        read(answer.encode())


def test_real_answers_of_pubmed_are_read(shared_data: Path) -> None:
    files = sorted((shared_data / "pubmed" / "biopython").glob("pubmed*.xml"))
    counts = [len(read_pmids(file.read_bytes())) for file in files]
    assert len(files) == 6
    assert counts == [
        file.read_bytes().count(b"<PubmedArticle>") + file.read_bytes().count(b"<PubmedBookArticle>")
        for file in files
    ]
    assert sum(counts) == 8


# the rate


@pytest.mark.parametrize(("key", "most"), [(None, 3), (KEY, 10)])
def test_no_second_sees_more_requests_than_ncbi_allows(
    server: EutilsServer, key: str | None, most: int
) -> None:
    clock = Clock()
    eutils = client(server, key=key, clock=clock)
    server.fail("esearch", None, says("", 500), too_many(), None, says("no XML"))  # retries count, too
    sent: list[float] = []
    send = eutils._opener.open

    def noted(*args: Any, **named: Any) -> Any:
        sent.append(clock.now)
        assert named == {"timeout": 60.0}
        return send(*args, **named)

    eutils._opener.open = noted  # type: ignore[method-assign]
    for _ in range(25):
        clock.now += random.Random(len(sent)).choice([0.0, 0.0, 0.0, 0.05, 1.5])
        eutils.search(whole(query()))
    assert len(sent) == 28
    for begin in sent:
        assert sum(begin <= at < begin + 1.0 for at in sent) <= most


def test_who_asks_seldom_does_not_wait(server: EutilsServer) -> None:
    clock = Clock()
    eutils = client(server, clock=clock)
    for _ in range(3):
        eutils.search(whole(query()))
        clock.now += 1.0
    assert clock.slept == []


# answers that are none


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (too_many(), "429 Too Many Requests: API rate limit exceeded"),
        (says('{"error":"API rate limit exceeded","count":"4"}'), "API rate limit exceeded"),
        (says("<html><body>Bad gateway</body></html>", 502), "502 Bad Gateway: Bad gateway"),
        (says("", 503), "503 Service Unavailable: an empty answer"),
        (says("", 408), "408 Request Timeout"),
        (half(), "half an answer: "),
        (hang_up(), "RemoteDisconnected"),
        (hang(), "timed out"),
        (says("Search is down for maintenance"), "not whole XML"),
        (says("<html><body>maintenance</body></html>"), "maintenance"),
        (says(""), "an empty answer"),
        (
            says("<eSearchResult><ERROR>Search Backend failed: busy</ERROR></eSearchResult>"),
            "Search Backend failed: busy",
        ),
        (says("<eSearchResult><IdList/></eSearchResult>"), "an empty answer"),
        (says("<eSearchResult><Count>12</Count></eSearchResult>"), "counts 12 citations and lists 0"),
        (says("<eSearchResult><Count>1</Count><IdList><Id>1</Id></IdList></eSearchResult>"), "no WebEnv"),
    ],
)
def test_an_answer_that_is_none_is_asked_for_again_with_back_off_and_told(
    server: EutilsServer, caplog: pytest.LogCaptureFixture, fault: Fault, message: str
) -> None:
    clock = Clock()
    server.fail("esearch", fault, fault)
    found = client(server, clock=clock, timeout=0.2).search(whole(query()), ids=True)
    assert found.count == 40
    assert server.count("esearch") == 3
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert all(message in record.getMessage() for record in caplog.records)
    first, second = (seconds for seconds in clock.slept if seconds > 0.4)
    assert 0.5 <= first <= 1.0 and 1.0 <= second <= 2.0


@pytest.mark.parametrize(
    "fault",
    [
        half(),
        hang_up(),
        says("<eFetchResult><ERROR>Unable to obtain query #1</ERROR></eFetchResult>"),
        says("<PubmedArticleSet><ERROR>cannot get document</ERROR></PubmedArticleSet>"),
        says("<PubmedArticleSet><PubmedArticle/>"),
        says("<html/>"),
        drops(3),
    ],
)
def test_a_batch_that_is_not_whole_is_asked_for_again(server: EutilsServer, fault: Fault) -> None:
    eutils = client(server)
    found = eutils.search(whole(query()), ids=True)
    server.fail("efetch", fault)
    [batch] = fetch_window(eutils, query(), found)
    assert batch.pmids == list(found.ids)
    assert server.count("efetch") == 2


@pytest.mark.parametrize(("header", "pause"), [("17", 17.0), ("Mon, 01 Jan 2001 00:00:00 GMT", 0.5)])
def test_a_pause_that_the_server_asks_for_is_kept(server: EutilsServer, header: str, pause: float) -> None:
    clock = Clock()
    server.fail("esearch", too_many(retry_after=header))
    client(server, clock=clock).search(whole(query()))
    assert pause <= max(clock.slept) <= max(pause, 1.0)


def test_a_pause_of_an_hour_is_not_waited_for(server: EutilsServer) -> None:
    clock = Clock()
    server.fail("esearch", too_many(retry_after="3600"))
    with pytest.raises(SourceError) as raised:
        client(server, clock=clock).search(whole(query()))
    assert raised.value.what == (
        "esearch gave no usable answer (try 1 of 7, to be asked in 3600 s): "
        "429 Too Many Requests: API rate limit exceeded"
    )
    assert "run the same command again later: what was fetched is kept" in raised.value.hint
    assert clock.slept == []


def test_a_server_that_never_answers_rightly_is_given_up_with_its_last_words(server: EutilsServer) -> None:
    clock = Clock()
    server.fail("efetch", *[says("<h1>out of order</h1>", 500)] * 7)
    eutils = client(server, clock=clock)
    found = eutils.search(whole(query()), ids=True)
    with pytest.raises(SourceError) as raised:
        eutils.fetch(found, 0, 10)
    assert raised.value.what == (
        "efetch gave no usable answer (try 7 of 7): 500 Internal Server Error: out of order"
    )
    assert server.count("efetch") == 7
    assert 30 < sum(clock.slept) < 65


def test_a_server_that_is_not_there_is_told_as_such() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clock = Clock()
    eutils = Eutils(settings(f"http://127.0.0.1:{port}"), clock=clock, sleep=clock.sleep)
    with pytest.raises(SourceError, match=r"try 7 of 7\): URLError: .*Connection refused"):
        eutils.search(whole(query()))


@pytest.mark.parametrize(
    ("fault", "what", "hint"),
    [
        (
            says(
                "<eSearchResult><ErrorList><PhraseNotFound>xyzzy</PhraseNotFound></ErrorList></eSearchResult>",
                400,
            ),
            "esearch refuses the request: 400 Bad Request: phrase not found: xyzzy",
            "check the query at https://pubmed.ncbi.nlm.nih.gov; it was not asked again",
        ),
        (
            says('{"error":"Invalid db name"}', 400),
            "esearch refuses the request: 400 Bad Request: Invalid db name",
            "check the query at https://pubmed.ncbi.nlm.nih.gov; it was not asked again",
        ),
        (
            says("Blocked", 403),
            "esearch refuses the request: 403 Forbidden: Blocked",
            "the server refuses this address or key: see https://www.ncbi.nlm.nih.gov/books/NBK25497/",
        ),
        (
            says("<html><title>Nothing here</title></html>", 404),
            "esearch refuses the request: 404 Not Found: Nothing here",
            "check ANES_EUTILS_URL: it ends with /entrez/eutils, and esearch.fcgi stands below it",
        ),
        (
            says("", 301, location="https://eutils.example/entrez/eutils/esearch.fcgi?api_key=geheim"),
            "esearch refuses the request: 301: the server points to "
            "https://eutils.example/entrez/eutils/esearch.fcgi",
            "if you trust that address, set ANES_EUTILS_URL to its folder",
        ),
        (
            says("teapot", 418),
            "esearch refuses the request: 418 I'm a Teapot: teapot",
            "asking again would not help: see what it says",
        ),
        (
            says("<eSearchResult><ERROR>'retstart' cannot be larger than 9998.</ERROR></eSearchResult>"),
            "esearch refuses the request: 'retstart' cannot be larger than 9998.",
            "that limit is PubMed's own: run the same command again",
        ),
    ],
)
def test_a_refusal_is_told_at_once_and_not_asked_again(
    server: EutilsServer, fault: Fault, what: str, hint: str
) -> None:
    server.fail("esearch", fault)
    with pytest.raises(ConfigError) as raised:
        client(server).search(whole(query()))
    assert (raised.value.what, raised.value.hint) == (what, hint)
    assert server.count("esearch") == 1


def test_past_the_limit_the_servers_own_words_are_shown(server: EutilsServer) -> None:
    eutils = client(server)
    found = eutils.search(whole(query()), ids=True)
    server.limit = 20
    with pytest.raises(SourceError, match=r"efetch refuses .* can only retrieve the first 20 records"):
        eutils.fetch(found, 20, 10)


# nothing is read that an answer points to


@pytest.mark.parametrize("read", [read_search, read_pmids])
@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY x SYSTEM "http://127.0.0.1:9/x">',
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY x "&a;&a;&a;&a;&a;&a;&a;&a;">',
    ],
)
def test_an_answer_with_entities_is_not_read(read: Callable[[bytes], Any], declared: str) -> None:
    content = f"<!DOCTYPE r [{declared}]><eSearchResult><Count>&x;</Count></eSearchResult>"
    with pytest.raises(BadAnswer, match="declares entities, as NCBI's never do"):
        read(content.encode())


def test_a_doctype_is_not_fetched(server: EutilsServer) -> None:
    doctype = f'<!DOCTYPE x PUBLIC "-//NLM//DTD x//EN" "{server.url}/unknown.dtd">'
    search = read_search(f"{doctype}<eSearchResult><Count>3</Count></eSearchResult>".encode())
    assert (search.count, search.ids, search.web_env) == (3, (), "")
    assert read_pmids(f"{doctype}<PubmedArticleSet></PubmedArticleSet>".encode()) == []
    assert server.seen == []


def test_biopythons_reader_would_fetch_it_which_is_why_it_is_not_used(
    server: EutilsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(url: Any) -> Any:
        asked.append(url)
        raise OSError

    monkeypatch.setattr("Bio.Entrez.Parser.urlopen", refuse)
    doctype = '<!DOCTYPE eSearchResult SYSTEM "https://eutils.ncbi.nlm.nih.gov/eutils/dtd/new.dtd">'
    with pytest.raises(RuntimeError, match="Failed to access"):
        Entrez.read(io.BytesIO(f'<?xml version="1.0"?>{doctype}<eSearchResult/>'.encode()))
    assert asked == ["https://eutils.ncbi.nlm.nih.gov/eutils/dtd/new.dtd"]


# the key


def test_a_key_that_ncbi_does_not_know_is_a_config_error_without_the_key() -> None:
    with EutilsServer(generated(3, "2020-01-01", "2020-12-31"), keys=["another"]) as server:
        with pytest.raises(ConfigError) as raised:
            client(server, key=KEY).search(whole(query()))
        assert raised.value.what == "esearch refuses the request: 400 Bad Request: API key invalid"
        assert raised.value.hint == "check ANES_NCBI_API_KEY: NCBI does not know this key; or unset it"
        assert server.count("esearch") == 1
        assert client(server, key="another").search(whole(query())).count == 3


@pytest.mark.parametrize("key", [KEY, "a key/with+signs&more"])
@pytest.mark.parametrize("status", [200, 400, 429, 500])
def test_the_key_never_gets_into_an_error_or_a_log_even_if_the_server_says_it(
    server: EutilsServer, caplog: pytest.LogCaptureFixture, key: str, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    from urllib.parse import quote_plus

    for text in (f"bad {key}", f"?api_key={quote_plus(key)}&x=1", f'{{"error": "no", "api-key": "{key}"}}'):
        server.fail("esearch", *[says(text, status)] * 7)
        with pytest.raises((SourceError, ConfigError)) as raised:
            client(server, key=key).search(whole(query()))
        server._faults["esearch"].clear()
        error = raised.value
        assert error.__context__ is None and error.__cause__ is None
        told = [*map(str, error.args), repr(error), *traceback.format_exception(error), caplog.text]
        for form in (key, quote_plus(key)):
            assert all(form not in one for one in told)


def test_another_key_in_an_answer_is_hidden_too(server: EutilsServer) -> None:
    server.fail("esearch", says('bad request: api_key=ABCDEF0123&db=pubmed, "api-key":"198.51.100.7"', 400))
    with pytest.raises(ConfigError) as raised:
        client(server).search(whole(query()))
    assert raised.value.what.endswith('bad request: api_key=***&db=pubmed, "api-key":"***"')


# the query


def test_a_phrase_that_is_not_found_is_told_loudly(caplog: pytest.LogCaptureFixture) -> None:
    with EutilsServer(generated(5, "2020-01-01", "2020-12-31"), unknown=["sevofluran[tw]"]) as server:
        asked = query(query="anesthesia[MeSH] OR sevofluran[tw]")
        found = look_up(client(server), asked)
    assert found.count == 5
    assert found.notes == ("phrase not found: sevofluran[tw]",)
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == (
        "PubMed did not take the query 'anesthesia[MeSH] OR sevofluran[tw]' as it stands: "
        "phrase not found: sevofluran[tw]"
    )


def test_all_kinds_of_notes_are_read() -> None:
    found = read_search(
        b"<eSearchResult><Count>1</Count>"
        b"<ErrorList><PhraseNotFound>a</PhraseNotFound><FieldNotFound>mseh</FieldNotFound></ErrorList>"
        b'<WarningList><PhraseIgnored>the</PhraseIgnored><QuotedPhraseNotFound>"b c"</QuotedPhraseNotFound>'
        b"<OutputMessage>No items found.</OutputMessage></WarningList></eSearchResult>"
    )
    assert found.notes == (
        "phrase not found: a",
        "field not found: mseh",
        "phrase ignored: the",
        'quoted phrase not found: "b c"',
        "No items found.",
    )


def test_a_query_that_finds_nothing_is_an_error_that_says_how_it_was_read() -> None:
    with (
        EutilsServer(generated(5, "2020-01-01", "2020-12-31"), unknown=["xyzzy"]) as server,
        pytest.raises(SourceError) as raised,
    ):
        windows(client(server), query(query="xyzzy", date_type="edat"))
    assert raised.value.what == (
        "PubMed finds nothing for 'xyzzy' from 2020-01-01 to 2020-12-31 (edat); "
        "phrase not found: xyzzy; No items found."
    )
    assert raised.value.hint == "it read the query as: xyzzy; try it at https://pubmed.ncbi.nlm.nih.gov"


# windows


def test_a_query_within_the_limit_is_one_window_and_one_request(server: EutilsServer) -> None:
    assert windows(client(server), query()) == [Window(date(2020, 1, 1), date(2020, 12, 31), count=40)]
    assert server.count("esearch") == 1


def test_windows_tile_the_dates_and_none_is_over_the_limit_or_empty() -> None:
    with EutilsServer(generated(100, "2020-03-01", "2020-05-31"), limit=12) as server:
        found = windows(client(server), query())
        assert found[0].name == "20200216-20200309"
        assert sum(window.count for window in found) == 100
        assert all(0 < window.count <= 12 for window in found)
        for before, after in itertools.pairwise(found):
            assert before.last < after.first
        for asked in server.asked("esearch"):
            assert asked["retmax"] == "0" and "usehistory" not in asked


def test_a_day_that_is_too_full_is_split_by_the_day_of_entry() -> None:
    entered = (date(2019 + i // 10, 1 + i % 10, 15) for i in range(50))
    full = [citation(i, "2020-01-01", entered=day) for i, day in enumerate(entered, 1)]
    with EutilsServer([*full, citation(99, "2020-06-01")], limit=9) as server:
        eutils, asked = client(server), query()
        found = windows(eutils, asked)
        fetched = list[str]()
        for window in found:
            search = eutils.search(asked.params(window), ids=True)
            fetched += [pmid for batch in fetch_window(eutils, asked, search) for pmid in batch.pmids]
    assert sorted(map(int, fetched)) == [*range(1, 51), 99]
    assert all(window.count <= 9 for window in found)
    days = [window for window in found if window.entered]
    assert days and all(window.first == window.last == date(2020, 1, 1) for window in days)
    assert asked.params(days[0])["term"].startswith('(anesthesiology[MeSH]) AND ("')
    assert len({window.name for window in found}) == len(found)


@pytest.mark.parametrize("date_type", ["pdat", "edat"])
def test_a_day_that_cannot_be_split_is_an_error_that_says_what_else_to_do(date_type: str) -> None:
    full = [citation(i, "2020-02-29") for i in range(1, 12)]
    with EutilsServer(full, limit=10) as server, pytest.raises(SourceError) as raised:
        windows(client(server), query(date_type=date_type))
    day = "20200229-20200229" + ("-20200229-20200229" if date_type == "pdat" else "")
    assert raised.value.what == f"{day} is a single day with 11 citations; PubMed shows 10"
    assert raised.value.hint == ("make several queries of it: (...) AND english[la], (...) NOT english[la]")


def test_edat_windows_go_by_the_day_of_entry() -> None:
    old = [citation(i, "1999-01-01", entered=date(2020, 1 + i, 1)) for i in range(1, 10)]
    with EutilsServer(old, limit=4) as server:
        found = windows(client(server), query(date_type="edat"))
        assert sum(window.count for window in found) == 9
        assert {asked["datetype"] for asked in server.asked("esearch")} == {"edat"}


def test_a_citation_with_two_dates_stands_in_two_windows_and_is_not_lost() -> None:
    twice = [citation(i, "2020-01-10", also=date(2020, 12, 10)) for i in range(1, 4)]
    with EutilsServer([*twice, *generated(12, "2020-02-01", "2020-11-30", start=10)], limit=10) as server:
        found = windows(client(server), query())
    assert sum(window.count for window in found) == 15 + 3


def test_a_mirror_that_ignores_dates_is_found_out_after_three_requests() -> None:
    citations = generated(30, "2020-01-01", "2020-12-31")
    with EutilsServer(citations, limit=10, ignores_dates=True) as server:
        with pytest.raises(SourceError) as raised:
            windows(client(server), query())
        assert server.count("esearch") == 3
    assert raised.value.what == (
        "20200101-20201231 holds 30 citations and its halves 30 and 30: the server does not keep to the dates"
    )
    assert "unset ANES_EUTILS_URL" in raised.value.hint


def test_halves_that_lose_citations_are_an_error(server: EutilsServer) -> None:
    server.limit = 30
    eutils = client(server)
    found = look_up(eutils, query())
    del server.citations[20:]
    with pytest.raises(SourceError, match="holds 40 citations and its halves 20 and 0: the server does not"):
        windows(eutils, query(), found)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60), st.integers(1, 20))
@examples(max_examples=25, deadline=None)
def test_whatever_the_dates_each_citation_stands_in_exactly_one_window(days: list[int], limit: int) -> None:
    first = date(2020, 1, 1).toordinal()
    given_ = [
        Citation(i, date.fromordinal(first + day), "", entered=date.fromordinal(first + 3 * i))
        for i, day in enumerate(days)
    ]
    with EutilsServer(given_, limit=limit) as server:
        eutils, asked = client(server), query(to=2021)
        ids = [
            pmid
            for window in windows(eutils, asked)
            for pmid in eutils.search(asked.params(window), ids=True).ids
        ]
    assert sorted(map(int, ids)) == list(range(len(days)))


# batches


def test_a_window_is_fetched_in_batches_without_those_that_are_there(server: EutilsServer) -> None:
    eutils, asked = client(server), query(batch=15)
    found = eutils.search(whole(asked), ids=True)
    batches = list(fetch_window(eutils, asked, found, have={1}))
    assert [batch.number for batch in batches] == [0, 2]
    assert [len(batch.pmids) for batch in batches] == [15, 10]
    assert [one["retstart"] for one in server.asked("efetch")] == ["0", "30"]
    assert [one["retmax"] for one in server.asked("efetch")] == ["15", "10"]


def test_a_batch_that_stays_short_is_taken_after_three_tries(server: EutilsServer) -> None:
    server.lost = {7}
    eutils = client(server)
    [batch] = fetch_window(eutils, query(), eutils.search(whole(query()), ids=True))
    assert len(batch.pmids) == 39
    assert server.count("efetch") == 3
