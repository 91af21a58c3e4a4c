"""AnesR1 end to end on samples/, with recorded replies and with a model server on a loopback port."""

import csv
import hashlib
import json
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName

from anessuite.answers import extract_choice
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from tests.command_server import Finished, Started
from tests.llm_server import EMPTY, HALF, MODEL, NO_JSON, LlmServer, Reply, say, status, too_many

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "samples"
Anes = Callable[..., Finished]
Start = Callable[..., Started]
SOLVED = {"r1-01": 1, "r1-02": 2, "r1-03": 3, "r1-04": 1, "r1-05": 2, "r1-09": 1}
"""English questions that the recorded replies solve, and in which attempt."""
LONG = "First the anatomy, then the drug, then the dose are looked at, and each option is weighed in turn. "


def recipe(folder: Path, endpoint: str, **changes: Any) -> Path:
    content: dict[str, Any] = {
        "pool": [
            {"name": "en", "path": str(SAMPLES / "r1" / "questions.en.jsonl"), "language": "en"},
            {"name": "zh", "path": str(SAMPLES / "r1" / "questions.zh.csv"), "language": "zh"},
        ],
        "against": str(SAMPLES / "bench" / "questions.jsonl"),
        "reasoner": {
            "model": MODEL,
            "endpoints": [endpoint],
            "max_tokens": 300,
            "seed": 7,
            "concurrency": 8,
            "timeout": 5,
        },
    }
    for name, value in changes.items():
        part, _, key = name.partition("__")
        if key:
            content[part][key] = value
        else:
            content[part] = value
    path = folder / "r1.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True))
    return path


def rows(root: Path, kind: str) -> pl.DataFrame:
    return pl.concat(
        [pl.read_parquet(file) for file in sorted((root / "r1" / "dev" / kind).glob("*.parquet"))]
    )


def digests(root: Path) -> dict[str, str]:
    files = Store(str(root)).manifest(DatasetRef("r1", "dev")).files
    return {file.path: file.sha256 for file in files if file.path.endswith(".parquet")}


@pytest.fixture(scope="module")
def replayed(anes: Anes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of ``r1@dev`` built from recorded replies. Not to be changed."""
    root = tmp_path_factory.mktemp("replayed")
    config = recipe(root, f"replay:{SAMPLES / 'r1' / 'replies.jsonl'}")
    done = anes("build", "r1", "--config", config, "--root", root / "data")
    assert done.code == 0, done.err
    return root / "data"


def test_recorded_replies_solve_the_questions_that_they_should(replayed: Path) -> None:
    kept = rows(replayed, "data")
    english, chinese = (kept.filter(pl.col("language") == language) for language in ("en", "zh"))
    assert dict(english.select("source_id", "attempt").iter_rows()) == SOLVED
    assert dict(chinese.select("source_id", "attempt").iter_rows()) == {
        "questions.zh.csv#0": 1,
        "questions.zh.csv#1": 3,
        "questions.zh.csv#3": 1,
    }
    assert (kept["attempts"] == kept["attempt"]).all(), "attempts stop at the first that is kept"
    assert kept["id"].n_unique() == kept.height == 9


def test_a_kept_reply_states_the_gold_letter_and_brings_its_reasoning(replayed: Path) -> None:
    for row in rows(replayed, "data").iter_rows(named=True):
        options = {option["letter"]: option["text"] for option in row["options"]}
        assert extract_choice(row["response"], options) == row["answer"]
        assert len(row["reasoning"]) > 100 and row["model"] == MODEL
        assert row["prompt"] == f"r1/solve.{row['language']}.v1" and row["tokens"] > 0


def test_reasoning_that_is_not_parted_from_the_answer_is_parted(replayed: Path) -> None:
    row = rows(replayed, "data").row(by_predicate=pl.col("source_id") == "r1-04", named=True)
    assert row["response"] == "Answer: B" and row["reasoning"].startswith("Propofol and thiopental lower")


def test_each_flawed_row_of_the_pool_is_dropped_under_its_name(replayed: Path) -> None:
    dropped = rows(replayed, "rejected")
    fate = {row["source_id"]: row["reason"] for row in dropped.iter_rows(named=True)}
    assert fate == {
        "questions.en.jsonl#18": "malformed_json",
        "r1-13": "answer_not_an_option",
        "r1-14": "no_options",
        "r1-15": "duplicate_options",
        "r1-16": "no_gold_answer",
        "r1-17": "several_answers",
        "r1-10": "conflicting_answers",
        "r1-10#2": "conflicting_answers",
        "r1-11": "near_duplicate",
        "r1-12": "near_question",
        "r1-06": "all_wrong",
        "r1-07": "all_refused",
        "r1-08": "all_truncated",
        "questions.zh.csv#2": "wrong_reasoning_language",
        "questions.zh.csv#4": "never_correct",
    }
    repeat = dropped.row(by_predicate=pl.col("reason") == "near_duplicate", named=True)
    assert json.loads(repeat["evidence"])["source_id"] == "r1-04"
    counts = json.loads(dropped.row(by_predicate=pl.col("reason") == "never_correct", named=True)["evidence"])
    assert counts == {"correct": 0, "wrong": 1, "no_answer": 1, "truncated": 1, "refused": 0}


def test_every_attempt_is_kept_with_its_verdict(replayed: Path) -> None:
    attempts = rows(replayed, "attempts")
    assert Counter(attempts["verdict"]) == {
        "correct": 9 + 1 + 3,  # kept, a loop, and three in the wrong language
        "wrong": 1 + 1 + 3 + 2 + 1,
        "no_answer": 1 + 1,
        "refused": 3,
        "truncated": 3 + 1,
    }
    assert attempts.select("id", "attempt").n_unique() == attempts.height
    loop = attempts.row(by_predicate=pl.col("fault") == "looping", named=True)
    assert loop["verdict"] == "correct" and "bupivacaine" in loop["evidence"]
    assert attempts["request"].n_unique() == attempts.height


def test_the_manifest_cites_the_model_prompts_tokens_and_no_endpoint(replayed: Path) -> None:
    manifest = Store(str(replayed)).manifest(DatasetRef("r1", "dev"))
    assert manifest.recipe.config["reasoner"]["parameters"] == {"max_tokens": 300, "seed": 7}
    assert list(manifest.recipe.texts) == ["prompts/r1/solve.en.v1.md", "prompts/r1/solve.zh.v1.md"]
    assert [stage.stage for stage in manifest.funnel] == ["pool", "repeats", "decontaminate", "verify"]
    assert manifest.requests["attempt-1.requests"] == 14 and manifest.requests["attempt-2.requests"] == 9
    assert manifest.rows == {"en": 6, "zh": 3} and manifest.dropped == 15


def test_the_version_loads_verifies_and_exports(anes: Anes, replayed: Path, tmp_path: Path) -> None:
    import datasets

    assert anes("verify", "r1@dev", "--root", replayed).code == 0
    for language, count in (("en", 6), ("zh", 3)):
        loaded = datasets.load_dataset(
            str(replayed / "r1" / "dev"), language, split="train", cache_dir=str(tmp_path)
        )
        assert loaded.num_rows == count  # type: ignore[union-attr]
    for form in ("trl-sft", "trl-grpo", "trl-dpo", "llamafactory", "verl", "jsonl"):
        done = anes("export", "r1@dev", "--root", replayed, "--to", form, "--out", tmp_path / form)
        assert done.code == 0, done.err
    assert len((tmp_path / "trl-dpo" / "en.jsonl").read_text().splitlines()) == 2
    assert "all_wrong" in (replayed / "r1" / "dev" / "report.html").read_text()
    assert "near_question" in (replayed / "r1" / "dev" / "decontamination.html").read_text()
    assert "2.0" in (replayed / "r1" / "dev" / "README.md").read_text(), "the card states English to Chinese"


def gold() -> dict[str, str]:
    """Stem to gold letter, over all samples that have one."""
    found = {}
    for line in (SAMPLES / "r1" / "questions.en.jsonl").read_text().splitlines()[:-1]:
        row = json.loads(line)
        found[row["question"]] = row["answer"]
    with (SAMPLES / "r1" / "questions.zh.csv").open(encoding="utf-8") as file:
        found |= {row["Question"]: row["Answer"] for row in csv.DictReader(file)}
    return found


GOLD = gold()


def name_of(body: dict[str, Any]) -> str:
    """A name for one attempt at one question."""
    return hashlib.sha256(orjson.dumps([body["messages"], body.get("seed")])).hexdigest()[:16]


def model(body: dict[str, Any]) -> Reply:
    """Right in about half of the attempts, always the same for the same attempt."""
    said = body["messages"][-1]["content"]
    stem = re.findall(r"<question>\n(.*?)\n</question>", said, re.DOTALL)[-1]
    is_right = int(name_of(body), 16) % 2 == 0
    letter = GOLD[stem] if is_right else next(one for one in "ABCD" if one != GOLD[stem])
    if re.search(r"[\u4e00-\u9fff]", stem):
        thought = "".join(f"先看第{number}个选项，再想想有关的生理和药理。" for number in range(1, 12))
        return say(f"答案：{letter}", body=body, reasoning_content=thought)
    thought = "".join(f"Option {number}. {LONG}" for number in ("one", "two", "three", "four"))
    return say(f"Answer: {letter}", body=body, reasoning_content=thought)


def build(anes: Anes, folder: Path, server: LlmServer, *more: str, **changes: Any) -> Finished:
    config = recipe(folder, server.url, **changes)
    return anes("build", "r1", "--config", config, "--root", folder / "data", *more)


@pytest.fixture(scope="module")
def undisturbed(anes: Anes, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of a build against a server without faults."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with LlmServer(reply=model) as server:
        done = build(anes, folder, server)
        assert done.code == 0, done.err
        assert max(Counter(map(name_of, server.bodies)).values()) == 1
    assert rows(folder / "data", "data").height > 5
    return digests(folder / "data")


FAULTS = [too_many(0.2), status(500, "oops"), HALF, NO_JSON, status(503, "busy", retry_after="0.1")]


def test_faults_of_the_server_change_nothing_in_the_data(
    anes: Anes, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    seen = Counter[str]()

    def faulty(body: dict[str, Any]) -> Reply:
        name = name_of(body)
        seen[name] += 1
        number = int(name, 16)
        return FAULTS[number % len(FAULTS)] if seen[name] == 1 and number % 3 == 0 else model(body)

    with LlmServer(reply=faulty) as server:
        done = build(anes, tmp_path, server)
        assert done.code == 0, done.err
        assert max(seen.values()) == 2 and sum(count == 2 for count in seen.values()) > 3
    assert digests(tmp_path / "data") == undisturbed


def test_a_killed_build_asks_nothing_twice_and_ends_as_if_nothing_had_happened(
    anes: Anes, start_anes: Start, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    with LlmServer(reply=model, latency=0.05) as server:
        config = recipe(tmp_path, server.url)
        command = ("build", "r1", "--config", config, "--root", tmp_path / "data")
        process = start_anes(*command)
        while process.poll() is None and server.finished.total() < 16:  # in the second attempts
            time.sleep(0.005)
        assert process.kill().code == -signal.SIGKILL, "it ended before it could be killed"
        done = anes(*command)
        assert done.code == 0, done.err
        twice = sum(count - 1 for count in Counter(map(name_of, server.bodies)).values())
        assert twice <= 8, "more than what was in flight at the kill was asked again"
    assert digests(tmp_path / "data") == undisturbed


def test_mode_all_makes_every_attempt_and_gives_an_interval(anes: Anes, tmp_path: Path) -> None:
    with LlmServer(reply=model) as server:
        done = build(anes, tmp_path, server, mode="all", attempts=4)
        assert done.code == 0, done.err
        assert server.requests == 14 * 4
    kept, attempts = rows(tmp_path / "data", "data"), rows(tmp_path / "data", "attempts")
    assert attempts.height == 14 * 4 and set(kept["attempts"]) == {4}
    right = attempts.filter(pl.col("verdict") == "correct").group_by("id").len("right")
    both = kept.join(right, on="id")
    assert (both["pass_rate"] == (both["right"] / 4).cast(pl.Float32)).all()
    assert (
        both.filter(
            (pl.col("pass_rate_low") < pl.col("pass_rate"))
            & (pl.col("pass_rate") <= pl.col("pass_rate_high"))
        ).height
        == both.height
    )


def test_requests_that_no_model_answers_are_no_attempts(anes: Anes, tmp_path: Path) -> None:
    def picky(body: dict[str, Any]) -> Reply:
        is_refused = "cholinesterase" in body["messages"][-1]["content"]
        return status(400, "the context is too long") if is_refused else model(body)

    with LlmServer(reply=picky) as server:
        done = build(anes, tmp_path, server)
    assert done.code == 0, done.err
    fate = rows(tmp_path / "data", "rejected").filter(pl.col("source_id") == "r1-02")
    assert fate["reason"].to_list() == ["bad_request"]
    assert "bad_request" in done.err


def test_empty_replies_are_no_answers(anes: Anes, tmp_path: Path) -> None:
    with LlmServer(reply=lambda body: EMPTY) as server:
        done = build(anes, tmp_path, server)
    assert done.code == 0, done.err
    assert "no row is kept" in done.err
    dropped = rows(tmp_path / "data", "rejected").filter(pl.col("stage") == "verify")
    assert set(dropped["reason"]) == {"all_no_answer"} and dropped.height == 14


def test_a_dated_version_without_a_solved_question_is_not_published(anes: Anes, tmp_path: Path) -> None:
    with LlmServer(reply=lambda body: EMPTY) as server:
        done = build(anes, tmp_path, server, "--version", "2026.12.01")
    assert done.code == 1 and "no row is kept" in done.err
    assert not (tmp_path / "data" / "r1").exists()


def test_a_cap_on_requests_holds_over_runs(anes: Anes, undisturbed: dict[str, str], tmp_path: Path) -> None:
    with LlmServer(reply=model) as server:
        stopped = build(anes, tmp_path, server, spending={"max_requests": 6})
        assert stopped.code == 1 and "max_requests is 6" in stopped.err
        done = build(anes, tmp_path, server)
        assert done.code == 0, done.err
        assert max(Counter(map(name_of, server.bodies)).values()) == 1
    assert digests(tmp_path / "data") == undisturbed


def test_a_specialty_keeps_questions_by_subject_or_by_terms(anes: Anes, tmp_path: Path) -> None:
    pool = tmp_path / "pool.jsonl"
    stems = {
        "on1": ("Which drug is a volatile anesthetic agent for general anesthesia?", "Pharmacology"),
        "on2": ("Which structure lies behind the eye?", " anaesthesia "),
        "off": ("Which bone of the foot is the heel?", "Anatomy"),
    }
    lines = [
        {"id": name, "question": stem, "options": {"A": f"one {name}", "B": f"two {name}"}, "answer": "A"}
        | {"subject": subject}
        for name, (stem, subject) in stems.items()
    ]
    pool.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    thought = "".join(f"{number}. {LONG}" for number in range(6))
    with LlmServer(reply=lambda body: say("Answer: A", body=body, reasoning_content=thought)) as server:
        done = build(
            anes,
            tmp_path,
            server,
            pool=[{"path": str(pool)}],
            specialty="anesthesiology",
            topic={"subjects": ["Anaesthesia"]},
        )
        assert done.code == 0, done.err
    assert set(rows(tmp_path / "data", "data")["source_id"]) == {"on1", "on2"}
    gone = rows(tmp_path / "data", "rejected").row(0, named=True)
    assert gone["reason"] == "off_topic" and json.loads(gone["evidence"])["subject"] == "Anatomy"


def test_an_unreadable_file_is_named_or_left_out(anes: Anes, tmp_path: Path) -> None:
    folder = tmp_path / "pool"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes((SAMPLES / "r1" / "questions.en.jsonl").read_bytes())
    (folder / "b.parquet").write_bytes(b"PAR1 but no more")
    with LlmServer(reply=model) as server:
        stopped = build(anes, tmp_path, server, pool=[{"path": str(folder), "name": "all"}])
        assert stopped.code == 1 and "b.parquet" in stopped.err and server.requests == 0
        done = build(anes, tmp_path, server, "--keep-going", pool=[{"path": str(folder), "name": "all"}])
    assert done.code == 0, done.err
    manifest = Store(str(tmp_path / "data")).manifest(DatasetRef("r1", "dev"))
    assert [one.path for one in manifest.quarantined] == ["b.parquet"]
    assert any("left out b.parquet" in line for line in manifest.warnings)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pool": [{"path": "nowhere/*.jsonl"}]}, "nowhere"),
        ({"pool": []}, "pool"),
        ({"attempts": 0}, "attempts"),
        ({"mode": "some"}, "mode"),
        ({"reasoner": {"model": "m"}}, "endpoints"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(
    anes: Anes, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    config = recipe(tmp_path, "http://127.0.0.1:9/v1", **changes)
    done = anes("build", "r1", "--config", config, "--root", tmp_path / "data")
    assert done.code in (1, 2) and said in done.err


def test_plan_tells_requests_tokens_and_cost_and_asks_no_model(anes: Anes, tmp_path: Path) -> None:
    with LlmServer(reply=model) as server:
        config = recipe(tmp_path, server.url, reasoner__price={"input": 1.0, "output": 2.0})
        done = anes("plan", "r1", "--config", config, "--json")
        assert done.code == 0, done.err
        assert server.requests == 0
    assert done.json["questions"] == {"en": 13, "zh": 5}
    assert done.json["requests"] == 18 * 3 and done.json["cost"] > 0
    assert done.json["dropped"]["no_options"] == 1


def test_doctor_asks_the_reasoner_for_its_models(anes: Anes, tmp_path: Path) -> None:
    with LlmServer(reply=model) as server:
        found = anes("doctor", "--config", recipe(tmp_path, server.url), "--root", tmp_path, "--json")
    assert [c for c in found.json if c["name"] == "models" and c["ok"] and MODEL in c["found"]]


def test_the_flow_ui_shows_attempts_funnel_and_rejected_rows(replayed: Path, prefect_server: str) -> None:
    with get_client(sync_client=True) as client:
        of_r1 = FlowFilter(name=FlowFilterName(any_=["r1"]))
        names = {run.name for run in client.read_task_runs(flow_filter=of_r1)}
        keys = {artifact.key for artifact in client.read_artifacts()}
    assert {"attempt-1", "verify-1", "attempt-3", "verify-3"} <= names
    assert {f"r1-dev-{what}" for what in ("funnel", "requests", "rejected", "report")} <= keys
