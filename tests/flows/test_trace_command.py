"""``anes trace`` on versions built from samples/ with recorded replies: what it shows is so."""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner, Result

from anessuite.config import check_config
from anessuite.review.opinions import REVIEW, with_content
from anessuite.review.store import ReviewStore
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from flows.__main__ import app
from flows.bench import BenchConfig, bench
from flows.corpus import CorpusConfig, corpus
from flows.qa import QaConfig, qa
from flows.r1 import R1Config, r1

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "samples"
AGAINST = SAMPLES / "bench" / "questions.jsonl"
BENCHMARK = {
    "benchmark": "questions.jsonl",
    "file": "questions.jsonl",
    "digest": f"sha256:{hashlib.sha256(AGAINST.read_bytes()).hexdigest()}",
    "rules": ["lcs"],
}


def model(of: str, **more: Any) -> dict[str, Any]:
    """A model with recorded replies."""
    replies = f"replay:{SAMPLES / of / 'replies.jsonl'}"
    return {"model": "recorded", "endpoints": [replies], "max_tokens": 200} | more


def sample_config(name: str) -> dict[str, Any]:
    """A config of deployments/ with paths that hold wherever a test runs."""
    content = yaml.safe_load((PROJECT / "deployments" / name).read_text())
    for source in content["sources"]:
        source["path"] = str(PROJECT / source["path"])
    return content


@pytest.fixture(scope="module")
def root(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The root of bench, corpus, qa and r1, all as dev, and of two reviews of a bench question."""
    folder = str(tmp_path_factory.mktemp("traced") / "data")
    pool = [
        {"name": "en", "path": str(SAMPLES / "r1" / "questions.en.jsonl"), "language": "en"},
        {"name": "zh", "path": str(SAMPLES / "r1" / "questions.zh.csv"), "language": "zh"},
    ]
    abstracts = [{"name": "pubmed-sample", "path": str(SAMPLES / "pubmed" / "*.xml.gz")}]
    of_r1 = {"pool": pool, "against": str(AGAINST), "reasoner": model("r1", max_tokens=300, seed=7)}
    of_qa = {"sources": abstracts, "generator": model("qa", temperature=0.7), "filter": model("qa")}
    of_qa["against"] = str(AGAINST)
    of_bench = sample_config("bench.sample.yaml")
    of_bench["annotator"]["endpoints"] = [f"replay:{SAMPLES / 'bench' / 'replies.jsonl'}"]
    of_corpus = sample_config("corpus.demo.yaml") | {"against": str(AGAINST)}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ANES_CACHE", raising=False)
        r1(check_config(of_r1, R1Config, where="test"), root=folder)
        qa(check_config(of_qa, QaConfig, where="test"), root=folder)
        bench(check_config(of_bench, BenchConfig, where="test"), root=folder)
        corpus(check_config(of_corpus, CorpusConfig, where="test"), root=folder)
        yield folder


def rows(root: str, name: str, kind: str) -> pl.DataFrame:
    return pl.concat(
        [pl.read_parquet(file) for file in sorted(Path(root, name, "dev", kind).glob("*.parquet"))]
    )


def texts(root: str, name: str) -> dict[str, str]:
    """The prompts and lexicons that the manifest cites."""
    return Store(root).manifest(DatasetRef(name, "dev")).recipe.texts


def anes(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["trace", *arguments])


def traced(root: str, ref: str, row: str) -> dict[str, Any]:
    """What ``--json`` says."""
    done = anes(ref, row, "--root", root, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def one(root: str, ref: str, row: str) -> dict[str, Any]:
    """The only row of a history."""
    (found,) = traced(root, ref, row)["rows"]
    return found


def outcomes(row: dict[str, Any]) -> dict[str, str]:
    return {passage["stage"]: passage["outcome"] for passage in row["passages"]}


def test_a_solved_question_has_its_attempts_with_prompt_seed_and_verdict(root: str) -> None:
    row = one(root, "r1@dev", "r1-02")
    assert row["kept"] and row["content"]["attempt"] == 2 and row["stage"] is row["reason"] is None
    assert set(outcomes(row).values()) == {"passed"}
    stored = rows(root, "r1", "attempts").filter(pl.col("id") == row["id"]).sort("attempt")
    assert [asked["verdict"] for asked in row["asked"]] == stored["verdict"].to_list() == ["wrong", "correct"]
    assert [asked["parameters"]["seed"] for asked in row["asked"]] == [7, 8]
    assert [asked["completion_tokens"] for asked in row["asked"]] == stored["completion_tokens"].to_list()
    for asked in row["asked"]:
        assert asked["prompt"] == "prompts/r1/solve.en.v1.md" and asked["model"] == "recorded"
        assert asked["prompt_sha256"] == texts(root, "r1")["prompts/r1/solve.en.v1.md"]
        assert asked["cached"] is True
    assert row["checks"] == [BENCHMARK | {"outcome": "passed"}]


def test_the_source_file_of_a_question_is_named_with_its_digest(root: str) -> None:
    origin = one(root, "r1@dev", "questions.zh.csv#2")["origin"]
    content = (SAMPLES / "r1" / "questions.zh.csv").read_bytes()
    assert origin["source"] == "zh" and origin["place"] == 2 and origin["licence"] == ""
    assert [file["digest"] for file in origin["files"]] == [f"sha256:{hashlib.sha256(content).hexdigest()}"]


@pytest.mark.parametrize(
    ("name", "stage", "reason", "attempts"),
    [
        ("r1-13", "pool", "answer_not_an_option", 0),
        ("r1-11", "repeats", "near_duplicate", 0),
        ("r1-12", "decontaminate", "near_question", 0),
        ("r1-06", "verify", "all_wrong", 3),
    ],
)
def test_a_dropped_question_tells_where_and_why_it_fell(
    root: str, name: str, stage: str, reason: str, attempts: int
) -> None:
    row = one(root, "r1@dev", name)
    assert not row["kept"] and (row["stage"], row["reason"]) == (stage, reason) and row["meaning"]
    order = list(outcomes(row))
    assert outcomes(row)[stage] == "dropped here"
    assert {outcomes(row)[before] for before in order[: order.index(stage)]} <= {"passed"}
    assert {outcomes(row)[after] for after in order[order.index(stage) + 1 :]} <= {"not reached"}
    assert len(row["asked"]) == attempts and all(asked["verdict"] == "wrong" for asked in row["asked"])
    assert row["checks"][0]["outcome"] == outcomes(row)["decontaminate"]


def test_a_repeat_is_followed_to_the_row_that_stayed(root: str) -> None:
    row = one(root, "r1@dev", "r1-11")
    stayed = one(root, "r1@dev", "r1-04")
    (reference,) = row["references"]
    assert (reference["how"], reference["name"]) == ("repeats", stayed["id"])
    assert reference["told"].startswith("kept; en r1-04; ")
    assert reference["told"].endswith(stayed["content"]["question"])


def test_a_near_question_names_the_question_of_the_benchmark(root: str) -> None:
    (reference,) = one(root, "r1@dev", "r1-12")["references"]
    assert reference["how"] == "is near a question of questions.jsonl" and reference["name"] == "sample-004"


def test_the_page_reads_without_a_terminal_and_has_replies_only_in_full(root: str) -> None:
    short, full = (anes("r1@dev", "r1-06", "--root", root, *more).stdout for more in ((), ("--full",)))
    for part in (
        "Dropped at the stage verify",
        "all_wrong: every attempt gave a wrong letter",
        "source en, called r1-06 there",
        "B. Phrenic nerve  <- the answer",
        "prompts/r1/solve.en.v1.md, sha256",
        "attempt 3",
    ):
        assert part in short
    assert "\x1b" not in short and "reasoning:" not in short
    reasoning = one(root, "r1@dev", "r1-06")["asked"][0]["reasoning"]
    assert reasoning and reasoning.splitlines()[0] in full


def test_a_pair_tells_its_three_requests(root: str) -> None:
    pair = rows(root, "qa", "data").row(0, named=True)
    row = one(root, "qa@dev", pair["id"][:10])
    assert row["kept"] and row["origin"]["source_id"] == pair["source_id"]
    assert [asked["step"] for asked in row["asked"]] == ["questions", "judge", "answer"]
    for asked in row["asked"]:
        path = f"prompts/qa/{asked['step']}.en.v1.md"
        assert asked["prompt"] == path and asked["prompt_sha256"] == texts(root, "qa")[path]
        assert asked["verdict"] == "accepted"
    assert row["asked"][0]["parameters"]["temperature"] == 0.7
    assert row["asked"][1]["details"] == {"reason": pair["verdict"]}
    assert row["asked"][2]["details"]["answer"] == pair["answer"]
    assert row["checks"] == [BENCHMARK | {"outcome": "passed"}]
    assert row["origin"]["licence"].startswith("NLM terms")


def test_a_dropped_answer_shows_its_evidence_and_who_gave_it(root: str) -> None:
    row = one(root, "qa@dev", "99000005#1")
    assert (row["stage"], row["reason"]) == ("answer", "ungrounded_agent")
    assert row["evidence"]["agents"] == ["atropine"]
    assert [asked["verdict"] for asked in row["asked"]] == ["accepted", "accepted", "ungrounded_agent"]


def test_a_citation_that_was_replaced_names_the_one_that_took_its_place(root: str) -> None:
    gone = rows(root, "qa", "rejected").filter(pl.col("reason") == "superseded").row(0, named=True)
    row = one(root, "qa@dev", gone["source_id"])
    assert row["asked"] == [] and row["stage"] == "updates"
    (reference,) = row["references"]
    assert reference["how"] == "gave way to" and reference["name"] == row["evidence"]["by"]
    assert reference["told"].startswith("a citation that was used")
    file, number = gone["source_id"].split("#")
    assert [one["source"] for one in row["origin"]["files"]] == [file]
    assert row["origin"]["place"] == int(number)


def test_an_abstract_without_questions_was_asked_about_once(root: str) -> None:
    gone = rows(root, "qa", "rejected").filter(pl.col("reason") == "no_questions").row(0, named=True)
    (asked,) = one(root, "qa@dev", gone["id"])["asked"]
    assert (asked["step"], asked["verdict"]) == ("questions", "no_questions")


def test_votes_are_found_in_the_cache_by_the_question_and_the_recipe(root: str) -> None:
    row = one(root, "bench@dev", "en-04-system1")
    stored = rows(root, "bench", "data").row(by_predicate=pl.col("id") == row["id"], named=True)
    assert [asked["verdict"] for asked in row["asked"]] == [vote["level"] for vote in stored["votes"]]
    for asked, vote in zip(row["asked"], stored["votes"], strict=True):
        assert asked["cached"] is True and json.loads(asked["text"])["rationale"] == vote["rationale"]
        assert asked["prompt_tokens"] > 0 and asked["completion_tokens"] > 0
    assert [asked["parameters"]["seed"] for asked in row["asked"]] == [7, 8, 9]
    assert row["origin"]["licence"] == "Apache-2.0" and row["checks"] == []


def test_votes_of_a_chinese_question_have_the_chinese_prompt(root: str) -> None:
    stored = rows(root, "bench", "data").filter(pl.col("language") == "zh").row(0, named=True)
    asked = one(root, "bench@dev", stored["id"])["asked"]
    assert {vote["prompt"] for vote in asked} == {"prompts/bench/level.zh.v1.md"}
    assert all(vote["cached"] for vote in asked)


def test_without_the_cache_the_votes_stand_and_only_their_tokens_are_missing(
    root: str, tmp_path: Path
) -> None:
    done = anes("bench@dev", "en-04-system1", "--root", root, "--cache", str(tmp_path / "none"), "--json")
    (row,) = json.loads(done.stdout)["rows"]
    assert [asked["verdict"] for asked in row["asked"]] == ["system1"] * 3
    assert {asked["prompt_tokens"] for asked in row["asked"]} == {asked["cached"] for asked in row["asked"]}
    assert {asked["cached"] for asked in row["asked"]} == {None} and not (tmp_path / "none").exists()


def test_a_question_whose_votes_cannot_be_read_shows_the_replies(root: str) -> None:
    row = one(root, "bench@dev", "en-36-system1-unread3")
    assert (row["stage"], row["reason"]) == ("grade", "not_graded")
    assert [asked["verdict"] for asked in row["asked"]] == ["could not be read"] * 3
    replies = [asked["details"]["reply begins"] for asked in row["asked"]]
    assert replies == row["evidence"]["replies"]
    assert [asked["text"][:300] for asked in row["asked"]] == replies


def test_reviews_of_a_question_are_shown(root: str) -> None:
    questions = with_content(rows(root, "bench", "data"))
    row = questions.row(1, named=True)
    opinion = {"id": row["id"], "content": row["content"], "annotator": "ana", "role": "annotator"}
    opinion |= {"level": "system2", "gold_correct": "yes", "sound": "yes", "comment": "weighs two things"}
    opinion |= {"at": datetime(2026, 11, 20, tzinfo=UTC), "imported_from": "test"}
    ReviewStore(Store(root), "bench").change(lambda _: pl.DataFrame([opinion], schema=REVIEW))
    (review,) = one(root, "bench@dev", row["id"])["reviews"]
    assert (review["annotator"], review["level"], review["counts"]) == ("ana", "system2", True)
    shown = anes("bench@dev", row["id"], "--root", root).stdout
    assert "weighs two things" in shown and "2026-11-20" in shown


def test_a_kept_document_tells_its_terms_and_the_lexicon(root: str) -> None:
    kept = rows(root, "corpus", "data").row(0, named=True)
    history = traced(root, "corpus@dev", kept["id"])
    (row,) = history["rows"]
    assert row["content"]["terms"] == kept["terms"] and row["content"]["text"] == kept["text"]
    assert set(outcomes(row).values()) == {"passed"} and row["asked"] == []
    assert row["checks"] == [BENCHMARK | {"outcome": "passed"}]
    assert history["lexicons"] == texts(root, "corpus")


def test_a_near_copy_names_the_document_that_stayed_and_its_source_s_funnel(root: str) -> None:
    gone = rows(root, "corpus", "rejected").filter(pl.col("reason") == "near_duplicate")
    ids = set(rows(root, "corpus", "data")["id"])
    dropped = next(row for row in gone.iter_rows(named=True) if json.loads(row["evidence"])["repeats"] in ids)
    row = one(root, "corpus@dev", dropped["source_id"])
    assert row["stage"] == "near duplicates" and outcomes(row)["decontamination"] == "not reached"
    assert row["references"][0]["told"].startswith("kept; ")
    funnel = Store(root).manifest(DatasetRef("corpus", "dev")).funnel
    mine = [line.rows_in for line in funnel if line.source == dropped["source"]]
    assert [passage["rows_in"] for passage in row["passages"]] == mine


def test_an_exact_copy_is_told_beside_the_document_that_has_its_id(root: str) -> None:
    gone = rows(root, "corpus", "rejected").filter(pl.col("reason") == "exact_duplicate")
    stayed = rows(root, "corpus", "data").join(gone, on="id", how="semi").row(0, named=True)
    history = traced(root, "corpus@dev", stayed["id"])
    assert history["count"] == 1 + gone.filter(pl.col("id") == stayed["id"]).height
    assert [row["kept"] for row in history["rows"]] == [True] + [False] * (history["count"] - 1)
    assert history["rows"][1]["references"][0]["told"].startswith("kept; ")


def test_a_contaminated_document_quotes_what_it_shares(root: str) -> None:
    gone = rows(root, "corpus", "rejected").filter(pl.col("reason") == "contaminated_lcs").row(0, named=True)
    row = one(root, "corpus@dev", gone["id"])
    shared = row["evidence"]["items"][0]["matches"][0]["text"]
    assert shared[:60] in row["references"][0]["told"] and row["checks"][0]["outcome"] == "dropped here"


def test_an_unknown_row_is_answered_with_what_could_be_meant(root: str) -> None:
    done = anes("r1@dev", "r1-60", "--root", root)
    assert done.exit_code == 2 and done.stdout == ""
    assert "r1@dev has no row 'r1-60'" in done.stderr and re.search(
        r"source_ids like it: .*r1-06", done.stderr
    )


def test_a_version_that_is_not_there_is_named(root: str) -> None:
    done = anes("r1@2026.12.01", "r1-06", "--root", root)
    assert done.exit_code == 2 and "there is no finished r1@2026.12.01" in done.stderr
