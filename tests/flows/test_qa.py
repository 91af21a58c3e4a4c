"""AnesQA end to end on samples/, with recorded replies and with a model server on a loopback port."""

import gzip
import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName

from anessuite.storage import Store
from anessuite.versions import DatasetRef
from tests.command_server import Finished, Started
from tests.eutils_server import EutilsServer
from tests.llm_server import (
    EMPTY,
    HALF,
    MODEL,
    NO_JSON,
    LlmServer,
    Reply,
    key_of,
    say,
    status,
    too_many,
)

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "samples"
CITATIONS = pl.read_csv(SAMPLES / "pubmed" / "citations.csv", schema_overrides={"pmid": pl.String})
USED = {"true", "updated", "near_duplicate", "injection"}
"""Kinds of sample citations that make questions, where their file is read."""
Anes = Callable[..., Finished]
Start = Callable[..., Started]


def recipe(folder: Path, endpoint: str, **changes: Any) -> Path:
    model = {"model": MODEL, "endpoints": [endpoint], "max_tokens": 200, "concurrency": 8, "timeout": 5}
    content: dict[str, Any] = {
        "sources": [{"name": "pubmed-sample", "path": str(SAMPLES / "pubmed" / "*.xml.gz")}],
        "generator": model | {"temperature": 0.7},
        "filter": model | {"temperature": 0.0},
        "against": str(SAMPLES / "bench" / "questions.jsonl"),
    }
    for name, value in changes.items():
        part, _, key = name.partition("__")
        if key:
            content[part][key] = value
        else:
            content[part] = value
    path = folder / "qa.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def recorded(folder: Path) -> Path:
    return recipe(folder, f"replay:{SAMPLES / 'qa' / 'replies.jsonl'}")


def rows(root: Path, kind: str, version: str = "dev") -> pl.DataFrame:
    return pl.concat(
        [pl.read_parquet(file) for file in sorted((root / "qa" / version / kind).glob("*.parquet"))]
    )


def digests(root: Path, version: str = "dev") -> dict[str, str]:
    manifest = Store(str(root)).manifest(DatasetRef("qa", version))
    return {file.path: file.sha256 for file in [*manifest.data_files(), *manifest.rejected_files()]}


@pytest.fixture(scope="module")
def replayed(anes: Anes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of ``qa@dev`` built from recorded replies. Not to be changed."""
    root = tmp_path_factory.mktemp("replayed")
    done = anes("build", "qa", "--config", recorded(root), "--root", root / "data", "--workers", "2")
    assert done.code == 0, done.err
    return root / "data"


def test_recorded_replies_of_good_models_become_pairs(replayed: Path) -> None:
    pairs = rows(replayed, "data")
    assert pairs.height == 10
    assert pairs["id"].is_sorted() and pairs["id"].n_unique() == pairs.height
    assert set(pairs["pmid"]) <= {"99000001", "99000002", "99000004", "99000005", "99000007", "99000011"}


def test_each_flawed_reply_is_stopped_under_its_name(replayed: Path) -> None:
    dropped = rows(replayed, "rejected").filter(pl.col("question").is_not_null())
    assert dict(dropped.group_by("reason").len().iter_rows()) == {
        "mentions_study": 1,
        "missing_subject": 1,
        "not_a_question": 1,  # a sentence copied from the abstract
        "yes_no_only": 1,
        "not_answerable": 1,
        "ungrounded_number": 1,
        "ungrounded_agent": 1,
        "answer_mentions_study": 1,
    }


def test_every_citation_and_every_question_is_kept_or_rejected(replayed: Path) -> None:
    kept, dropped = rows(replayed, "data"), rows(replayed, "rejected")
    read = CITATIONS.filter(pl.col("file").str.contains("26n000"))
    dropped_citations = dropped.filter(pl.col("stage").is_in(["citations", "updates"]))
    useful = read.filter(pl.col("kind").is_in(USED))
    assert dropped_citations.height + useful.height == read.height
    asked = set(kept["pmid"]) | set(dropped.filter(pl.col("stage") == "questions")["pmid"])
    assert asked | set(dropped.filter(pl.col("question").is_not_null())["pmid"]) == set(useful["pmid"])
    questions = dropped.filter(pl.col("question").is_not_null()).height + kept.height
    assert questions == 18


def test_a_pair_says_where_it_came_from(replayed: Path) -> None:
    pair = rows(replayed, "data").row(0, named=True)
    assert pair["generator"] == pair["filter"] == MODEL
    assert pair["question_prompt"] == "qa/questions.en.v1" and pair["answer_prompt"] == "qa/answer.en.v1"
    assert pair["journal"] and pair["year"] and pair["verdict"] and 0 <= pair["grounding_score"] <= 1
    assert pair["source"] == "pubmed-sample" and re.fullmatch(r"9900\d{4}#\d", pair["source_id"])


def test_the_manifest_cites_models_prompts_and_tokens_and_no_endpoint(replayed: Path) -> None:
    manifest = Store(str(replayed)).manifest(DatasetRef("qa", "dev"))
    assert manifest.recipe.config["generator"]["parameters"] == {"max_tokens": 200, "temperature": 0.7}
    cited = [path for path in manifest.recipe.texts if path.startswith("prompts/")]
    assert cited == [f"prompts/qa/{step}.en.v1.md" for step in ("questions", "judge", "answer")]
    assert manifest.requests["generate-questions.requests"] == 17
    assert manifest.requests["generate-judge.requests"] == 14
    assert [stage.source for stage in manifest.funnel[:3]] == ["citations", "citations", "abstracts"]


def test_the_version_loads_and_verifies(anes: Anes, replayed: Path, tmp_path: Path) -> None:
    import datasets

    assert anes("verify", "qa@dev", "--root", replayed).code == 0
    loaded = datasets.load_dataset(str(replayed / "qa" / "dev"), "en", split="train", cache_dir=str(tmp_path))
    assert loaded.num_rows == 10  # type: ignore[union-attr]
    page = (replayed / "qa" / "dev" / "report.html").read_text()
    assert "mentions_study" in page and "99000005" in page


def test_the_number_of_workers_changes_nothing(anes: Anes, replayed: Path, tmp_path: Path) -> None:
    done = anes("build", "qa", "--config", recorded(tmp_path), "--root", tmp_path / "data", "--workers", "1")
    assert done.code == 0, done.err
    assert digests(tmp_path / "data") == digests(replayed)


def test_orders_in_an_abstract_come_out_of_no_step(replayed: Path) -> None:
    for frame in (rows(replayed, "data"), rows(replayed, "rejected")):
        assert not any("BANANA" in str(value) for row in frame.iter_rows() for value in row)


def model(body: dict[str, Any]) -> Reply:
    """A model that copies: questions from the title, answers from the abstract's first sentence."""
    said = body["messages"][-1]["content"]
    title = re.findall(r"<title>\n(.*?)\n</title>", said, re.DOTALL)[-1].rstrip(".")
    abstract = re.findall(r"<abstract>\n(.*?)\n</abstract>", said, re.DOTALL)[-1]
    if said.startswith("Write at most"):
        questions = [f"What is the main finding on {title}?", f"Is there evidence on {title}?"]
        return say(json.dumps({"questions": questions}), body=body)
    if said.startswith("Judge"):
        verdict = {"relevant": True, "answerable": True, "unambiguous": "ketamine" not in said.lower()}
        return say(json.dumps({"reason": "It stands by itself."} | verdict), body=body)
    sentence = re.split(r"(?<=[a-z])\. ", abstract.partition(": ")[2] or abstract)[0]
    return say(json.dumps({"answer": sentence}), body=body)


def build(anes: Anes, folder: Path, server: LlmServer, **changes: Any) -> Finished:
    return anes("build", "qa", "--config", recipe(folder, server.url, **changes), "--root", folder / "data")


@pytest.fixture(scope="module")
def undisturbed(anes: Anes, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of a build against a server without faults."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with LlmServer(reply=model) as server:
        done = build(anes, folder, server)
        assert done.code == 0, done.err
        assert max(server.asked.values()) == 1
    assert rows(folder / "data", "data").height > 3
    return digests(folder / "data")


FAULTS = [too_many(0.2), status(500, "oops"), HALF, NO_JSON, status(503, "busy", retry_after="0.1")]


def test_faults_of_the_server_change_nothing_in_the_data(
    anes: Anes, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    seen: dict[str, int] = {}

    def faulty(body: dict[str, Any]) -> Reply:
        key = key_of(body)
        seen[key] = seen.get(key, 0) + 1
        number = int(hashlib.sha256(key.encode()).hexdigest(), 16)
        return FAULTS[number % len(FAULTS)] if seen[key] == 1 and number % 3 == 0 else model(body)

    with LlmServer(reply=faulty) as server:
        done = build(anes, tmp_path, server)
        assert done.code == 0, done.err
        assert all(count <= 2 for count in server.asked.values()), "a finished request was asked again"
        assert server.statuses[429] and server.statuses[500] and server.statuses[503]
        faults = sum(count - 1 for count in server.asked.values())
        assert server.requests == len(server.asked) + faults and faults > 5
    assert digests(tmp_path / "data") == undisturbed


def test_empty_replies_and_nonsense_are_counted_and_kept_as_rejected(anes: Anes, tmp_path: Path) -> None:
    replies = [EMPTY, say("I would rather not."), say('{"questions": "none"}'), say("{", finish="length")]

    def odd(body: dict[str, Any]) -> Reply:
        number = int(key_of(body), 16)
        asks = body["messages"][-1]["content"].startswith("Write")
        return replies[number % 5] if asks and number % 5 < 4 else model(body)

    with LlmServer(reply=odd) as server:
        done = build(anes, tmp_path, server)
    assert done.code == 0, done.err
    dropped = rows(tmp_path / "data", "rejected").filter(pl.col("stage") == "questions")
    reasons = set(dropped["reason"])
    assert reasons == {"empty_reply", "not_parseable", "truncated"}
    assert dropped.filter(pl.col("reason") == "not_parseable")["evidence"].str.contains("reply").all()


def test_a_server_that_dies_stops_the_build_which_then_goes_on(
    anes: Anes, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    with LlmServer(reply=model, dies_after=20) as server:
        stopped = build(anes, tmp_path, server, generator__patience=1, filter__patience=1)
        assert stopped.code == 1
        in_work = "no endpoint" in stopped.err and "nothing that came back is asked twice" in stopped.err
        between = "start the servers" in stopped.err and "nothing was sent" in stopped.err
        assert in_work or between, "it died while a part was asked, or before the next one"
        finished = dict(server.finished)
        server.start()
        done = build(anes, tmp_path, server, generator__patience=1, filter__patience=1)
        assert done.code == 0, done.err
        assert all(server.finished[key] == 1 for key in finished)
    assert digests(tmp_path / "data") == undisturbed


def test_a_killed_build_asks_nothing_twice_and_ends_as_if_nothing_had_happened(
    anes: Anes, start_anes: Start, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    with LlmServer(reply=model, latency=0.05) as server:
        config = recipe(tmp_path, server.url)
        command = ("build", "qa", "--config", config, "--root", tmp_path / "data", "--workers", "1")
        for wanted in (5, 20, 33):
            process = start_anes(*command)
            while process.poll() is None and server.finished.total() < wanted:
                time.sleep(0.005)
            process.kill()
        done = anes(*command)
        assert done.code == 0, done.err
        lost = sum(count - 1 for count in server.finished.values())
        assert lost <= 3 * 8, "more than what was in flight at the kills was asked again"
    assert digests(tmp_path / "data") == undisturbed


def test_a_cap_on_requests_stops_the_build_which_goes_on_when_it_is_raised(
    anes: Anes, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    with LlmServer(reply=model) as server:
        stopped = build(anes, tmp_path, server, spending={"max_requests": 10})
        assert stopped.code == 1 and "max_requests is 10" in stopped.err
        assert server.requests == 10
        again = build(anes, tmp_path, server, spending={"max_requests": 10})
        assert again.code == 1 and server.requests == 10, "the cap holds over all runs of a build"
        done = build(anes, tmp_path, server)
        assert done.code == 0, done.err
        assert max(server.finished.values()) == 1
    assert digests(tmp_path / "data") == undisturbed


def test_a_wrong_key_stops_at_once_without_telling_it(anes: Anes, tmp_path: Path) -> None:
    with LlmServer(reply=model, key="right") as server:
        config = recipe(tmp_path, server.url, generator__api_key_env="TEST_KEY")
        done = anes(
            "build",
            "qa",
            "--config",
            config,
            "--root",
            tmp_path / "data",
            env={"TEST_KEY": "sk-wrong-secret"},
        )
    assert done.code == 1 and "does not accept the key" in done.err
    assert "sk-wrong-secret" not in done.err + done.out
    assert server.requests == 0


def test_a_variable_without_a_key_is_named_before_anything_is_asked(anes: Anes, tmp_path: Path) -> None:
    with LlmServer(reply=model) as server:
        config = recipe(tmp_path, server.url, generator__api_key_env="ANES_TEST_NO_SUCH_KEY")
        done = anes("build", "qa", "--config", config, "--root", tmp_path / "data")
    assert done.code == 2 and "ANES_TEST_NO_SUCH_KEY holds no key" in done.err


def test_a_model_that_obeys_the_document_gets_nothing_through(anes: Anes, tmp_path: Path) -> None:
    def obedient(body: dict[str, Any]) -> Reply:
        said = body["messages"][-1]["content"]
        if "BANANA" not in said:
            return model(body)
        fake = re.findall(r"\{[^{}]*\}", said)
        return say("BANANA 7731 " + " ".join(fake) + '{"questions": ["BANANA 7731"]}', body=body)

    with LlmServer(reply=obedient) as server:
        done = build(anes, tmp_path, server)
    assert done.code == 0, done.err
    assert not any("BANANA" in str(row) for row in rows(tmp_path / "data", "data").iter_rows())
    fate = rows(tmp_path / "data", "rejected").filter(pl.col("pmid") == "99000024")
    assert set(fate["reason"]) <= {"not_parseable", "not_a_question"}


def test_another_model_is_named_when_a_build_is_resumed(anes: Anes, tmp_path: Path) -> None:
    with LlmServer(reply=model) as server:
        build(anes, tmp_path, server, spending={"max_requests": 3})
        done = build(anes, tmp_path, server, generator__model="another")
    assert done.code == 2
    assert "config.generator.model" in done.err and "--restart" in done.err


def test_questions_can_be_asked_for_in_chinese(anes: Anes, tmp_path: Path) -> None:
    def chinese(body: dict[str, Any]) -> Reply:
        said = body["messages"][-1]["content"]
        if said.startswith("最多写"):
            agent = re.search(r"sugammadex|ropivacaine|sevoflurane|norepinephrine", said)
            name = agent[0] if agent else "propofol"
            return say(json.dumps({"questions": [f"{name} 的主要作用机制是什么？"]}), body=body)
        if said.startswith("请判断"):
            verdict = dict.fromkeys(("relevant", "answerable", "unambiguous"), True)
            return say(json.dumps({"reason": "独立成立。"} | verdict), body=body)
        return say(json.dumps({"answer": "该药可缩短恢复时间，并减少不良反应。"}), body=body)

    with LlmServer(reply=chinese) as server:
        done = build(anes, tmp_path, server, language="zh")
    assert done.code == 0, done.err
    pairs = rows(tmp_path / "data", "data")
    assert set(pairs["language"]) == {"zh"} and set(pairs["answer_prompt"]) == {"qa/answer.zh.v1"}


def test_plan_tells_requests_and_cost_and_asks_no_model(anes: Anes, tmp_path: Path) -> None:
    with LlmServer(reply=model) as server:
        config = recipe(tmp_path, server.url, generator__price={"input": 1.0, "output": 2.0})
        done = anes("plan", "qa", "--config", config, "--json")
        assert done.code == 0, done.err
        assert server.requests == 0
    assert done.json["citations"] == 29
    assert done.json["steps"][0]["requests"] == done.json["abstracts"] > 10
    assert done.json["cost"] > 0


def test_doctor_asks_each_endpoint_of_a_config(anes: Anes, tmp_path: Path) -> None:
    with LlmServer(reply=model) as server:
        config = recipe(tmp_path, server.url)
        there = anes("doctor", "--config", config, "--root", tmp_path, "--json")
        assert [c for c in there.json if c["name"] == "models" and c["ok"] and MODEL in c["found"]]
    gone = anes("doctor", "--config", config, "--root", tmp_path, "--json")
    assert gone.code == 1 and [c for c in gone.json if c["name"] == "models" and c["ok"] is False]


def sample_articles() -> list[tuple[int, str, str]]:
    content = gzip.decompress((SAMPLES / "pubmed" / "sample26n0001.xml.gz").read_bytes()).decode()
    found: dict[int, str] = {}
    for article in re.findall(r"<PubmedArticle>.*?</PubmedArticle>", content, re.DOTALL):
        number = re.search(r"<PMID[^>]*>(\d+)</PMID>", article)
        assert number is not None
        found[int(number[1])] = article
    return [(pmid, f"2024-0{1 + pmid % 9}-15", article) for pmid, article in found.items()]


def test_a_query_is_downloaded_once_and_then_built_from(anes: Anes, tmp_path: Path) -> None:
    query = {"name": "pubmed", "query": "anesthesia[MeSH]", "from": 2024, "to": 2024}
    with LlmServer(reply=model) as server, EutilsServer(citations=sample_articles()) as eutils:
        env = {"ANES_EUTILS_URL": eutils.url, "ANES_NCBI_EMAIL": "a@example.org"}
        config = recipe(tmp_path, server.url, sources=[query])
        call = ("build", "qa", "--config", config, "--root", tmp_path / "data")
        refused = anes(*call, env={"ANES_EUTILS_URL": eutils.url, "ANES_NCBI_EMAIL": ""})
        assert refused.code == 2 and "ANES_NCBI_EMAIL" in refused.err
        done = anes(*call, env=env)
        assert done.code == 0, done.err
        asked = eutils.count("efetch"), server.requests
        again = anes(*call, env=env)
        assert again.code == 0, again.err
        assert (eutils.count("efetch"), server.requests) == asked
    kept, dropped = rows(tmp_path / "data", "data"), rows(tmp_path / "data", "rejected")
    assert kept.height + dropped["pmid"].n_unique() >= len(sample_articles())
    manifest = Store(str(tmp_path / "data")).manifest(DatasetRef("qa", "dev"))
    assert manifest.recipe.config["sources"][0]["query"] == "anesthesia[MeSH]"
    assert manifest.funnel[0].rows_in == len(sample_articles())


def test_the_flow_ui_shows_steps_funnel_requests_and_rejected_rows(
    replayed: Path, prefect_server: str
) -> None:
    with get_client(sync_client=True) as client:
        of_qa = FlowFilter(name=FlowFilterName(any_=["qa"]))
        names = {run.name for run in client.read_task_runs(flow_filter=of_qa)}
        keys = {artifact.key for artifact in client.read_artifacts()}
    assert {"generate-questions", "generate-judge", "generate-answer"} <= names
    assert {f"qa-dev-{what}" for what in ("funnel", "requests", "rejected", "report")} <= keys
