import errno
import gzip
import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from prefect.cache_policies import NO_CACHE
from pydantic import SecretStr

from anessuite.errors import AnesError, BuildInProgress, ConfigError, RecipeChanged, SourceError
from anessuite.settings import Settings
from anessuite.sources.entrez import EntrezQuery
from anessuite.sources.eutils import Eutils, read_pmids
from anessuite.storage import HashingWriter, Store
from tasks import download as module
from tasks.download import Index, download, download_citations
from tests.eutils_server import EutilsServer, citation, drops, generated, hang, says

KEY = "0123456789abcdef0123456789abcdef0123"
FOLDER = "pubmed/x"
PROJECT = Path(__file__).parents[2]


def query(**fields: Any) -> EntrezQuery:
    given = {"query": "anesthesiology[MeSH]", "from": 2020, "to": 2020, "batch": 10}
    return EntrezQuery.model_validate(given | fields)


def settings(server: EutilsServer) -> Settings:
    return Settings(ncbi_email="a@example.org", ncbi_api_key=SecretStr(KEY), eutils_url=server.url)


def run(server: EutilsServer, store: Store, asked: EntrezQuery | None = None, **more: Any) -> list[str]:
    """A download in which no time passes."""
    eutils = Eutils(settings(server), limit=server.limit, timeout=5, sleep=lambda seconds: None)
    named = {"settings": settings(server), "eutils": eutils} | more
    return download_citations(asked or query(), store, FOLDER, **named)


def index(store: Store) -> Index:
    return Index.model_validate_json(store.read_bytes(f"{FOLDER}/index.json"))


def pmids(store: Store, paths: list[str]) -> list[int]:
    return sorted(int(one) for path in paths for one in read_pmids(gzip.decompress(store.read_bytes(path))))


@pytest.fixture
def server() -> Iterator[EutilsServer]:
    with EutilsServer(generated(95, "2020-01-01", "2020-12-31"), limit=40) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "data"))


def test_a_query_is_downloaded_window_by_window_and_the_index_says_what_there_is(
    server: EutilsServer, any_root: str
) -> None:
    store = Store(any_root)
    paths = run(server, store)
    assert pmids(store, paths) == list(range(1, 96))
    assert paths == sorted(paths)
    assert paths[0] == "pubmed/x/pubmed-20200101-20200401-000.xml.gz"
    found = index(store)
    assert store.files(FOLDER) == ["index.json", *(file.path for file in found.files)]
    assert found.query == {
        "query": "anesthesiology[MeSH]", "from": "2020-01-01", "to": "2020-12-31", "date_type": "pdat",
    }  # fmt: skip
    assert (found.count, found.citations, found.notes) == (95, 95, [])
    assert found.translation == "anesthesiology[MeSH]"
    assert [window.count for window in found.windows] == [24, 24, 24, 23]
    for window in found.windows:
        assert window.citations == window.count == sum(file.citations for file in window.files)
        assert window.missing == []
    for file in found.files:
        assert store.sha256(f"{FOLDER}/{file.path}") == (file.sha256, file.bytes)
    assert found.when.tzinfo is not None


def test_two_downloads_are_the_same_bytes_but_for_the_time(server: EutilsServer, tmp_path: Path) -> None:
    one, two = Store(str(tmp_path / "one")), Store(str(tmp_path / "two"))
    run(server, one)
    run(server, two)
    assert one.files(FOLDER) == two.files(FOLDER)
    for path in one.files(FOLDER):
        if path != "index.json":
            content = one.read_bytes(f"{FOLDER}/{path}")
            assert content == two.read_bytes(f"{FOLDER}/{path}")
            assert content[4:8] == bytes(4)  # gzip's time of modification
    assert index(one).digest == index(two).digest
    server.citations[5] = citation(6, server.citations[5].day, "Another abstract.")
    run(server, two, refresh=True)
    assert index(one).digest != index(two).digest


def test_a_finished_download_is_not_repeated_nor_even_asked_about(server: EutilsServer, store: Store) -> None:
    paths = run(server, store)
    server.forget()
    assert run(server, store) == paths
    assert run(server, store, query(batch=20)) == paths
    assert download_citations(query(), store, FOLDER, settings=Settings(ncbi_email=None)) == paths
    assert server.seen == []


def test_refresh_repeats_a_finished_download(server: EutilsServer, store: Store) -> None:
    old = run(server, store)
    server.citations = generated(30, "2020-03-01", "2020-05-31", start=500)
    paths = run(server, store, refresh=True)
    assert pmids(store, paths) == list(range(500, 530))
    assert store.files(FOLDER) == ["index.json", *(path.removeprefix(f"{FOLDER}/") for path in paths)]
    assert old != paths


def test_refresh_does_not_take_up_the_remainder_of_a_finished_download(
    server: EutilsServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: Store, path: str) -> None:
        if path.endswith(".unfinished"):
            raise KeyboardInterrupt
        remove(self, path)

    remove = Store.remove
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Store, "remove", killed)
        run(server, store)
    assert store.exists(f"{FOLDER}/index.json") and store.exists(f"{FOLDER}/.unfinished/plan.json")
    server.citations = generated(30, "2020-03-01", "2020-05-31", start=500)
    assert pmids(store, run(server, store, refresh=True)) == list(range(500, 530))


def test_refresh_keeps_what_is_there_until_pubmed_has_answered(server: EutilsServer, store: Store) -> None:
    paths = run(server, store)
    server.fail("esearch", says("no", 403))
    with pytest.raises(ConfigError):
        run(server, store, refresh=True)
    server.forget()
    assert run(server, store) == paths
    assert server.seen == []


def test_a_download_that_died_asks_for_nothing_again_that_it_has(
    server: EutilsServer, any_root: str, tmp_path: Path
) -> None:
    store = Store(any_root)
    server.fail("efetch", *[None] * 7, says("gone", 410))  # in the third window
    with pytest.raises(SourceError, match="efetch refuses the request: 410 Gone: gone"):
        run(server, store)
    first = len(store.files(FOLDER))
    assert not store.exists(f"{FOLDER}/index.json")
    server.forget()
    paths = run(server, store)
    assert pmids(store, paths) == list(range(1, 96))
    assert server.count("efetch") == 12 - 7
    assert server.count("esearch") == 2, "one for each window that is not done, none to plan"
    assert [asked["retstart"] for asked in server.asked("efetch")] == ["10", "20", "0", "10", "20"]
    assert first > 7
    whole = Store(str(tmp_path / "whole"))
    run(server, whole)
    assert index(store).digest == index(whole).digest


def test_a_killed_download_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "data"))
    code = (
        "from anessuite.settings import Settings; from anessuite.storage import Store\n"
        "from anessuite.sources.entrez import EntrezQuery; from tasks.download import download_citations\n"
        "query = EntrezQuery.model_validate({'query': 'x', 'from': 2020, 'to': 2020, 'batch': 10})\n"
        f"download_citations(query, Store({store.root!r}), {FOLDER!r}, settings=Settings())\n"
    )
    with EutilsServer(generated(100, "2020-01-01", "2020-12-31")) as server:
        server.fail("efetch", *[None] * 6, hang())
        env = {"ANES_EUTILS_URL": server.url, "ANES_NCBI_EMAIL": "a@example.org", "ANES_NCBI_API_KEY": KEY}
        child = subprocess.Popen(
            [sys.executable, "-c", code], cwd=PROJECT, env=os.environ | env, stderr=subprocess.PIPE
        )
        server.wait_for("efetch", 7)
        child.send_signal(signal.SIGKILL)
        assert child.wait(30) == -signal.SIGKILL
        assert not store.exists(f"{FOLDER}/index.json")
        server.forget()
        paths = run(server, store, query(query="x"))
        assert pmids(store, paths) == list(range(1, 101))
        assert [asked["retstart"] for asked in server.asked("efetch")] == ["60", "70", "80", "90"]
        assert server.count("esearch") == 1
    assert not [path for path in store.files(FOLDER) if "unfinished" in path or "partial" in path]


def test_a_window_whose_list_has_changed_meanwhile_is_fetched_anew(
    server: EutilsServer, store: Store
) -> None:
    server.limit = 9_999
    server.fail("efetch", None, None, says("gone", 410))
    with pytest.raises(SourceError):
        run(server, store)
    server.citations.insert(0, citation(999, "2020-05-05"))
    server.forget()
    paths = run(server, store)
    assert pmids(store, paths) == [*range(1, 96), 999]
    assert server.count("efetch") == 10
    assert index(store).windows[0].count == 96


def test_a_window_that_has_grown_over_the_limit_meanwhile_is_split(
    server: EutilsServer, store: Store
) -> None:
    server.fail("efetch", None, says("gone", 410))
    with pytest.raises(SourceError):
        run(server, store)
    server.citations += generated(30, "2020-02-01", "2020-02-28", start=500)
    paths = run(server, store)
    assert pmids(store, paths) == [*range(1, 96), *range(500, 530)]
    assert [window.window for window in index(store).windows[:2]] == [
        "20200101-20200215",
        "20200216-20200401",
    ]
    assert store.files(FOLDER) == ["index.json", *(path.removeprefix(f"{FOLDER}/") for path in paths)]


def test_an_unfinished_download_keeps_its_size_of_batches(server: EutilsServer, store: Store) -> None:
    server.fail("efetch", None, says("gone", 410))
    with pytest.raises(SourceError):
        run(server, store)
    server.forget()
    run(server, store, query(batch=30))
    assert {asked["retmax"] for asked in server.asked("efetch")} == {"10", "4", "3"}


@pytest.mark.parametrize("damage", [b"", b"no gzip", gzip.compress(b"<PubmedArticleSet>", mtime=0), None])
def test_a_batch_that_was_damaged_meanwhile_is_fetched_again(
    server: EutilsServer, store: Store, damage: bytes | None
) -> None:
    server.fail("efetch", None, None, says("gone", 410))
    with pytest.raises(SourceError):
        run(server, store)
    path = f"{FOLDER}/pubmed-20200101-20200401-001.xml.gz"
    store.write_bytes(path, store.read_bytes(path)[:-9] if damage is None else damage)
    server.forget()
    assert pmids(store, run(server, store)) == list(range(1, 96))
    assert server.count("efetch") == 12 - 1


def test_what_a_killed_writer_left_is_removed_and_what_others_put_there_is_not(
    server: EutilsServer, store: Store
) -> None:
    store.write_bytes(f"{FOLDER}/pubmed-20190101-20191231-000.xml.gz", b"of another plan")
    store.write_bytes(f"{FOLDER}/pubmed-20200101-20200401-000.xml.gz.0a1b2c3d.partial", b"half")
    store.write_bytes(f"{FOLDER}/notes.txt", b"mine")
    paths = run(server, store)
    there = {"index.json", "notes.txt", *(path.removeprefix(f"{FOLDER}/") for path in paths)}
    assert set(store.files(FOLDER)) == there


@pytest.mark.parametrize("finished", [True, False])
def test_a_folder_with_another_query_is_refused_and_says_what_differs(
    server: EutilsServer, store: Store, finished: bool
) -> None:
    if finished:
        run(server, store)
    else:
        server.fail("efetch", None, says("gone", 410))
        with pytest.raises(SourceError):
            run(server, store)
    server.forget()
    with pytest.raises(RecipeChanged) as raised:
        run(server, store, query(query="sevoflurane", to=2021))
    assert raised.value.what == (
        "pubmed/x holds the download of another query:\n"
        '  - query: "anesthesiology[MeSH]" -> "sevoflurane"\n'
        '  - to: "2020-12-31" -> "2021-12-31"'
    )
    assert raised.value.hint == "choose another folder, or refresh this one"
    assert server.seen == []
    paths = run(server, store, query(query="sevoflurane", to=2021), refresh=True)
    assert index(store).query["query"] == "sevoflurane"
    assert pmids(store, paths) == list(range(1, 96))


def test_more_than_ten_thousand_citations_are_all_fetched(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with EutilsServer(generated(12_345, "2019-01-01", "2021-12-31")) as server:
        asked = query(**{"from": 2019, "to": 2021, "batch": 2_000})
        paths = run(server, store, asked)
        assert server.count("efetch") == 8
        assert server.count("esearch") == 5
    assert pmids(store, paths) == list(range(1, 12_346))
    assert [window.count for window in index(store).windows] == [6173, 6172]


# counts


def test_a_few_citations_that_do_not_come_are_told_and_listed(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with EutilsServer(generated(500, "2020-01-01", "2020-12-31"), limit=300) as server:
        server.lost = {7, 300}
        run(server, store, query(batch=50))
    found = index(store)
    assert (found.count, found.citations) == (500, 498)
    assert [window.missing for window in found.windows] == [["7"], ["300"]]
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == [
        "PubMed: 1 of 250 citations of 20200101-20200701 did not come: 7",
        "PubMed: 1 of 250 citations of 20200702-20201231 did not come: 300",
    ]


def test_too_many_that_do_not_come_are_an_error_and_only_short_batches_are_asked_again(
    store: Store,
) -> None:
    with EutilsServer(generated(500, "2020-01-01", "2020-12-31")) as server:
        server.lost = set(range(101, 107))
        with pytest.raises(SourceError) as raised:
            run(server, store, query(batch=50))
        assert raised.value.what == (
            "6 of 500 citations of 20200101-20201231 did not come: 101, 102, 103, 104, 105 ...; "
            "6 of 500 in all, more than 1%"
        )
        assert (
            raised.value.hint == "run the same command again: only the batches that came short are asked for"
        )
        assert not store.exists(f"{FOLDER}/index.json")
        server.lost = set()
        server.forget()
        assert len(pmids(store, run(server, store, query(batch=50)))) == 500
        assert [asked["retstart"] for asked in server.asked("efetch")] == ["100"]


def test_what_was_missing_in_an_earlier_run_counts_in_the_next(store: Store) -> None:
    with EutilsServer(generated(500, "2020-01-01", "2020-12-31"), limit=300) as server:
        server.lost = {7, 8, 9, 300, 301, 302}
        for _ in range(2):
            with pytest.raises(SourceError, match=r"3 of 250 .*; 6 of 500 in all, more than 1%"):
                run(server, store, query(batch=50))
        server.lost = {7, 8, 9}
        run(server, store, query(batch=50))
    assert index(store).citations == 497


def test_a_window_that_suddenly_lists_fewer_than_were_counted_is_an_error(
    server: EutilsServer, store: Store
) -> None:
    server.fail("esearch", None, None, None, says(b"<eSearchResult><Count>0</Count></eSearchResult>"))
    server.limit = 50
    with pytest.raises(SourceError) as raised:
        run(server, store)
    assert raised.value.what == (
        "48 of 48 citations of 20200101-20200701 did not come; 48 of 95 in all, more than 1%"
    )
    assert pmids(store, run(server, store)) == list(range(1, 96))


def test_a_batch_that_is_short_once_is_asked_for_again_and_nothing_is_missing(
    server: EutilsServer, store: Store
) -> None:
    server.fail("efetch", drops(10), None)
    assert pmids(store, run(server, store)) == list(range(1, 96))
    assert index(store).citations == 95


def test_nothing_found_is_an_error_and_leaves_nothing(store: Store) -> None:
    with EutilsServer() as server, pytest.raises(SourceError, match="PubMed finds nothing for"):
        run(server, store)
    assert [path for path in store.files(FOLDER) if not path.endswith("lock")] == []


# writing


@pytest.mark.parametrize("write", [1, 2, 3, 6, 19])
def test_a_full_disk_is_a_clear_error_that_leaves_no_half_file_and_the_next_run_goes_on(
    server: EutilsServer, store: Store, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    left = write
    real = HashingWriter.write

    def full(self: HashingWriter, data: Any) -> int:
        nonlocal left
        left -= 1
        if left == 0:
            real(self, bytes(memoryview(data))[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(HashingWriter, "write", full)
        with pytest.raises(AnesError) as raised:
            run(server, store)
    assert re.fullmatch(r"pubmed/x/\S+ cannot be written: No space left on device", raised.value.what)
    assert raised.value.hint.startswith("make room or change the rights, and run the same command again")
    for path in store.files(FOLDER):
        assert path.endswith((".json", ".gz", "lock"))
        if path.endswith(".gz"):
            assert read_pmids(gzip.decompress(store.read_bytes(f"{FOLDER}/{path}")))
    there = sum(path.endswith(".gz") for path in store.files(FOLDER))
    server.forget()
    assert pmids(store, run(server, store)) == list(range(1, 96))
    assert server.count("efetch") == 12 - there


def test_a_file_that_is_gone_or_was_changed_is_told(server: EutilsServer, store: Store) -> None:
    paths = run(server, store)
    store.write_bytes(paths[1], b"changed")
    with pytest.raises(SourceError) as raised:
        run(server, store)
    assert raised.value.what.startswith(f"{paths[1]} is not as it was downloaded on 20")
    assert raised.value.hint == "download it again with refresh"
    store.remove(paths[1])
    with pytest.raises(SourceError, match="is not as it was downloaded"):
        run(server, store)
    run(server, store, refresh=True)


def test_a_damaged_index_is_told(server: EutilsServer, store: Store) -> None:
    run(server, store)
    store.write_bytes(f"{FOLDER}/index.json", b"{")
    with pytest.raises(SourceError) as raised:
        run(server, store)
    assert raised.value.what == "pubmed/x/index.json is damaged"
    assert raised.value.hint == "remove it: what is there is then downloaded again"


def test_two_processes_do_not_download_into_one_folder(server: EutilsServer, store: Store) -> None:
    with module.lock(store, f"{FOLDER}/.unfinished/lock", "x"), pytest.raises(BuildInProgress) as raised:
        run(server, store)
    assert "the download pubmed/x is being built by another process" in raised.value.what
    assert len(run(server, store)) == 12


# secrets


def test_key_and_email_are_in_no_file_and_no_log(
    server: EutilsServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store = Store(str(tmp_path))
    server.fail("esearch", says(f'{{"error":"limit","api-key":"{KEY}"}}', 429))
    server.fail("efetch", None, says(f"api_key={KEY}", 500), says(f"api_key={KEY}", 410))
    with pytest.raises(SourceError):
        run(server, store)
    everything = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    run(server, store)
    everything += [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    for content in [*everything, caplog.text.encode()]:
        assert KEY.encode() not in content
        assert b"example.org" not in content
    assert "again in" in caplog.text


# the task


def test_the_task_is_the_function_and_caches_nothing(server: EutilsServer, store: Store) -> None:
    assert download.cache_policy is NO_CACHE
    run(server, store)
    server.forget()
    paths = download.fn(query(), store, FOLDER, settings=settings(server))
    assert pmids(store, paths) == list(range(1, 96))
    assert server.seen == []


def test_citations_of_early_and_late_years_have_sortable_names(store: Store) -> None:
    citations = [citation(1, date(1950, 1, 1)), citation(2, date(2030, 1, 1))]
    with EutilsServer(citations, limit=1) as server:
        paths = run(server, store, query(**{"from": 1900, "to": 2099}))
    assert pmids(store, paths) == [1, 2]
    assert paths == sorted(paths)
    assert json.loads(store.read_bytes(f"{FOLDER}/index.json"))["windows"][0]["window"] == "19000101-20000101"
