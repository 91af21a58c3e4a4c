"""Secrets that stand in the environment are in nothing that a build, a failure or a publication leaves."""

import gzip
import os
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

from anessuite.llm.cache import FILE
from tests.chaos.secret_search import leaks
from tests.command_server import CommandServer
from tests.eutils_server import EutilsServer, says
from tests.flows.test_qa import model, recipe, sample_articles
from tests.llm_server import LlmServer, Reply, key_of, status
from tests.prefect_server import PrefectServer
from tests.s3_server import Asked, S3Server

VERSION = "2026.12.01"
LLM, WRONG, NCBI = "sk-PLANTED-llm-5Zq81Xw", "sk-PLANTED-wrong-77Yt2Kc", "PLANTEDncbi0Hh3Vd9Rr4"
AWS, TOKEN, HUB = "PLANTED/aws+8Jm2Pf6Ls0Qa", "PLANTED-aws-session-1Bn5Gk", "hf_PLANTEDhub4Wd7Tz"
USER = "PLANTEDuser9Xc3Me"
SECRETS = (LLM, WRONG, NCBI, AWS, TOKEN, HUB, USER)
QUERY = {"name": "pubmed", "query": "anesthesia[MeSH]", "from": 2024, "to": 2024}


class Traces:
    """All that was left: one folder for root, logs, the homes of Prefect, and the bucket's objects."""

    def __init__(self, folder: Path, commands: CommandServer) -> None:
        self.folder, self._commands = folder, commands

    def anes(self, *arguments: str | Path, **env: str) -> tuple[int, str]:
        """Run ``anes`` with the secrets in its environment; its exit status and all that it said."""
        planted = {
            "TEST_LLM_KEY": LLM,
            "ANES_NCBI_API_KEY": NCBI,
            "NCBI_API_KEY": NCBI,
            "AWS_SECRET_ACCESS_KEY": AWS,
            "AWS_SESSION_TOKEN": TOKEN,
            "HF_TOKEN": HUB,
            "ANES_NCBI_EMAIL": "a@example.org",
        }
        done = self._commands.run([*map(str, arguments)], self._commands.environment | planted | env)
        return done.code, done.out + done.err


def _config(traces: Traces, name: str, server: LlmServer, **changes: Any) -> Path:
    folder = traces.folder / name
    folder.mkdir()
    key = {f"{role}__api_key_env": "TEST_LLM_KEY" for role in ("generator", "filter")}
    return recipe(folder, server.url, **(key | {"sources": [QUERY]} | changes))


class _Telltale:
    """A model that fails now and then and repeats the request's headers, the key among them."""

    def __init__(self) -> None:
        self._seen = Counter[str]()

    def __call__(self, body: dict[str, Any]) -> Reply:
        key = key_of(body)
        self._seen[key] += 1
        number = int(key, 16)
        if number % 5 == 0:
            return replace(status(400, "this I do not take: "), echoes_headers=True)
        if number % 3 == 0 and self._seen[key] == 1:
            return replace(status(500, "oops: "), echoes_headers=True)
        return model(body)


def _build(traces: Traces) -> None:
    """A build whose servers fail and repeat the keys that they were sent."""
    with LlmServer(_Telltale(), key=LLM) as server, EutilsServer(citations=sample_articles()) as eutils:
        eutils.fail("efetch", says(f"api_key={NCBI} was sent", 500))
        config = _config(traces, "build", server)
        call = ("build", "qa", "--config", config, "--version", VERSION, "--root", traces.folder / "data")
        code, said = traces.anes(*call, "--verbose", ANES_EUTILS_URL=eutils.url)
        assert code == 0, said
        assert server.statuses[400] and server.statuses[500]


def _fail(traces: Traces) -> None:
    """Builds that fail: the key is wrong and comes back in the reply, addresses hold secrets."""

    def refuses(_body: dict[str, Any]) -> Reply:
        return replace(status(401, "not with this key: "), echoes_headers=True)

    with LlmServer(refuses) as server, EutilsServer(citations=sample_articles()) as eutils:
        call = ("--root", traces.folder / "refused", "--verbose")
        config = _config(traces, "refused-config", server)
        code, said = traces.anes(
            "build", "qa", "--config", config, *call, ANES_EUTILS_URL=eutils.url, TEST_LLM_KEY=WRONG
        )
        assert code == 1 and "does not accept the key" in said
        assert server.statuses[401]
        for number, address in enumerate(
            (f"http://{USER}:{USER}@127.0.0.1:9/v1", f"http://127.0.0.1:9/v1?key={USER}")
        ):
            folder = traces.folder.parent / f"typed-{number}"  # the user's own file holds it, of course
            folder.mkdir()
            code, said = traces.anes("build", "qa", "--config", recipe(folder, address), *call)
            assert code == 2 and "endpoint" in said


def _publish(traces: Traces) -> None:
    """A store that refuses with the key in its reply, and one that takes the version."""
    with S3Server() as store:
        call = ("publish", f"qa@{VERSION}", f"s3://{store.bucket}/suite", "--root", traces.folder / "data")
        env = store.environment(AWS_SECRET_ACCESS_KEY=AWS)

        def forbids(asked: Asked) -> str | None:
            return "forbidden" if asked.kind == "put" else None

        store.behaviour = forbids
        code, said = traces.anes(*call, **env)
        assert code == 1 and "may not write" in said
        store.behaviour = lambda _asked: None
        code, said = traces.anes(*call, **env)
        assert code == 0, said
        for key in store.listed():
            place = traces.folder / "bucket" / key
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(store.client().get_object(Bucket=store.bucket, Key=key)["Body"].read())


@pytest.fixture(scope="module")
def traces(prefect_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Traces:
    """What a build, two kinds of failure and a publication left; the Prefect server has ended."""
    folder = tmp_path_factory.mktemp("secrets") / "all"
    folder.mkdir()
    prefect = PrefectServer(folder / "prefect-server", template=prefect_database)
    prefect.start()
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ANES_")}
    env = plain | {"PREFECT_API_URL": prefect.url, "PREFECT_HOME": str(folder / "prefect")}
    try:
        with CommandServer(env, folder) as commands:
            found = Traces(folder, commands)
            _build(found)
            _fail(found)
            _publish(found)
    finally:
        prefect.kill()
    return found


def test_no_secret_is_in_any_file_log_cache_shard_object_or_prefect_record(traces: Traces) -> None:
    assert leaks(SECRETS, traces.folder) == []


def test_what_was_searched_holds_logs_artifacts_replies_shards_and_published_objects(traces: Traces) -> None:
    with closing(sqlite3.connect(traces.folder / "prefect-server" / "prefect.db")) as database:
        for table in ("log", "artifact", "flow_run"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0, table
    assert leaks(["find.title.of.no.run"], traces.folder) == []
    bodies = leaks(["Is there evidence on"], traces.folder / "data")
    assert any(FILE in one and "zstd" in one for one in bodies)
    assert any(one.startswith("qa/") and "column" in one for one in bodies)
    assert any("column" in one for one in leaks(["Is there evidence on"], traces.folder / "bucket"))
    assert (traces.folder / "bucket" / "suite" / "qa" / VERSION / "manifest.json").exists()


@pytest.mark.parametrize("kind", ["text", "gzip", "zstd", "parquet", "sqlite", "base64", "url", "hex"])
def test_the_search_finds_a_secret_however_it_is_packed(tmp_path: Path, kind: str) -> None:
    from base64 import b64encode
    from urllib.parse import quote_plus

    plain = f'{{"authorization": "Bearer {AWS}"}}'.encode()
    file = tmp_path / "file"
    if kind == "parquet":
        pl.DataFrame({"id": ["a"], "nested": [[{"said": plain.decode()}]]}).write_parquet(file)
    elif kind == "sqlite":
        with closing(sqlite3.connect(file)) as database, database:
            database.execute("CREATE TABLE replies (reply BLOB)")
            database.execute("INSERT INTO replies VALUES (?)", [zstandard.compress(plain)])
    else:
        packed = {
            "text": plain,
            "gzip": gzip.compress(plain),
            "zstd": zstandard.compress(plain),
            "base64": b64encode(plain),
            "url": quote_plus(plain.decode()).encode(),
            "hex": plain.hex().encode(),
        }
        file.write_bytes(packed[kind])
    assert leaks([AWS], tmp_path) != []
    assert leaks(["another secret"], tmp_path) == []
