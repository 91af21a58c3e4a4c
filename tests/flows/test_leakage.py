"""The leakage analysis end to end on samples/, with a toy model that has learnt half of the questions."""

import json
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from anessuite.leakage_schemas import FLAGS
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from tests.command_server import PROJECT, Finished, Started
from tests.llm_server import MODEL, LlmServer, key_of, status
from tests.memorising_model import BENCH, innocent, knows, published, remembering

SAMPLES = PROJECT / "samples"
Anes = Callable[..., Finished]
Start = Callable[..., Started]


def recipe(folder: Path, *servers: LlmServer, **changes: Any) -> Path:
    """A config with one model a server, ``m1``, ``m2`` and so on."""
    names = [f"m{number}" for number in range(1, len(servers) + 1)]
    models = [
        {"name": name, "size": 1.0, "model": f"{MODEL}-{name}", "endpoints": [server.url], "concurrency": 8}
        | {"timeout": 5, "patience": 1, "retries": 1}
        for name, server in zip(names, servers, strict=True)
    ]
    path = folder / "leakage.yaml"
    path.write_text(yaml.safe_dump({"bench": BENCH, "models": models} | changes))
    return path


def rows(root: Path, kind: str) -> pl.DataFrame:
    files = sorted((root / "leakage" / "dev" / kind).glob("*.parquet"))
    return pl.concat([pl.read_parquet(file) for file in files])


def digests(root: Path) -> dict[str, str]:
    files = Store(str(root)).manifest(DatasetRef("leakage", "dev")).files
    return {file.path: file.sha256 for file in files if file.path.endswith(".parquet")}


@pytest.fixture(scope="module")
def analysed(anes: Anes, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of ``leakage@dev``: m1 has learnt half, m2 nothing; with the sample corpus and r1."""
    root = tmp_path_factory.mktemp("analysed")
    shutil.copytree(demo / "corpus", root / "corpus")
    pool = [{"name": "en", "path": str(SAMPLES / "r1" / "questions.en.jsonl"), "language": "en"}]
    solver = {"model": MODEL, "endpoints": [f"replay:{SAMPLES / 'r1' / 'replies.jsonl'}"], "seed": 7}
    content = {"pool": pool, "against": str(SAMPLES / "bench" / "questions.jsonl"), "reasoner": solver}
    (root / "r1.yaml").write_text(yaml.safe_dump(content))
    solved = anes("build", "r1", "--config", root / "r1.yaml", "--root", root)
    assert solved.code == 0, solved.err
    with LlmServer(texts=remembering) as one, LlmServer(texts=innocent) as other:
        config = recipe(root, one, other, data=["corpus@dev", "r1@dev"])
        done = anes("build", "leakage", "--config", config, "--root", root)
    assert done.code == 0, done.err
    return root


def test_what_the_model_has_learnt_is_flagged_and_what_it_has_not_is_flagged_by_chance(
    analysed: Path,
) -> None:
    learnt = {one.source_id for one in published().values() if knows(one)}
    judged = rows(analysed, "data").filter(pl.col("flag_order").is_not_null())
    first, second = (judged.filter(pl.col("model") == name) for name in ("m1", "m2"))
    assert first.height == second.height > 50
    known = pl.col("source_id").is_in(learnt)
    assert first.filter(known)["flag_order"].all() and first.filter(known)["flag_order_outlier"].all()
    assert (first.filter(known)["rank"] == 1).all() and first.filter(known).height > 15
    unknown = first.filter(~known).height
    assert first.filter(~known)["flag_order"].sum() <= unknown // 4
    assert second["flag_order"].sum() <= second.height // 5


def test_a_recited_question_is_told_from_one_that_is_guessed(analysed: Path) -> None:
    learnt = {one.source_id for one in published().values() if knows(one)}
    told = rows(analysed, "data").filter((pl.col("model") == "m1") & pl.col("substring").is_not_null())
    known = told.filter(pl.col("source_id").is_in(learnt))
    guessed = told.filter(~pl.col("source_id").is_in(learnt))
    assert known["flag_continuation"].all() and known["substring"].min() > 0.9  # type: ignore[operator]
    assert guessed["flag_continuation"].sum() <= guessed.height // 4


def test_every_row_has_both_models_and_an_id_of_its_own(analysed: Path) -> None:
    found = rows(analysed, "data")
    assert found["id"].n_unique() == found.height == 2 * found["question_id"].n_unique()
    assert set(found["language"]) == {"en", "zh"} and set(found["size"]) == {1.0}
    assert found["orders"].max() == 24


def test_questions_whose_order_is_none_like_others_are_left_out_with_the_option(analysed: Path) -> None:
    dropped = rows(analysed, "rejected")
    counted = Counter(dropped["reason"])
    assert counted["options_name_each_other"] + counted["options_in_order"] > 0
    for row in dropped.filter(pl.col("reason").str.starts_with("options_")).iter_rows(named=True):
        assert json.loads(row["evidence"])["option"] and row["model"] == ""
    manifest = Store(str(analysed)).manifest(DatasetRef("leakage", "dev"))
    assert [stage.stage for stage in manifest.funnel] == ["pool", "judge"]
    pool, judge = manifest.funnel
    assert judge.rows_in == 2 * pool.rows_out and manifest.kept == judge.rows_out


def test_questions_are_joined_with_the_versions_that_held_them(analysed: Path) -> None:
    joined = rows(analysed, "questions")
    held = joined.filter(pl.col("found_in").list.len() > 0)
    datasets = {(one["dataset"], one["place"]) for row in held["found_in"].to_list() for one in row}
    assert ("corpus@dev", "removed") in datasets and ("r1@dev", "removed") in datasets, datasets
    both = joined.filter(pl.col("flagged_by").list.len() > 0)
    assert any("m1: order_outlier" in row for row in both["flagged_by"].to_list())
    assert joined["id"].n_unique() == joined.height


def test_the_version_verifies_and_its_pages_state_rates_against_chance(anes: Anes, analysed: Path) -> None:
    assert anes("verify", "leakage@dev", "--root", analysed).code == 0
    folder = analysed / "leakage" / "dev"
    card, report = (folder / "README.md").read_text(), (folder / "report.html").read_text()
    assert "## Rates" in card and "by chance" in card and "corpus@dev" in card
    for heading in ("Rates", "Strength", "Ranks", "Continuations", "Sources", "Our data", "Questions"):
        assert f"<h2>{heading}</h2>" in report
    manifest = Store(str(analysed)).manifest(DatasetRef("leakage", "dev"))
    assert "endpoints" not in json.dumps(manifest.recipe.config)
    assert manifest.requests["orders-01.requests"] == manifest.requests["orders-02.requests"] > 1000


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A benchmark of ten of the questions, half of which m1 has learnt: 240 orders a model."""
    path = tmp_path_factory.mktemp("few") / "bench.jsonl"
    asked = [one for one in published().values() if len(one.options) == 4 and one.answer is not None]
    chosen = [one for has in (True, False) for one in [one for one in asked if knows(one) is has][:5]]
    rows = [{"id": one.source_id, "question": one.question, "options": dict(one.options)} for one in chosen]
    lines = [json.dumps(row | {"answer": one.answer}) for row, one in zip(rows, chosen, strict=True)]
    path.write_text("\n".join(lines))
    return str(path)


@pytest.fixture(scope="module")
def undisturbed(anes: Anes, few: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of an analysis by two models without faults."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with LlmServer(texts=remembering) as one, LlmServer(texts=innocent) as other:
        config = recipe(folder, one, other, bench=few)
        done = anes("build", "leakage", "--config", config, "--root", folder / "data")
        assert done.code == 0, done.err
        assert max(Counter(map(key_of, one.bodies)).values()) <= 2, "a check, and at most one question"
    return digests(folder / "data")


def test_a_killed_analysis_goes_on_and_ends_as_if_nothing_had_happened(
    anes: Anes, start_anes: Start, few: str, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    with LlmServer(texts=remembering, latency=0.02) as one, LlmServer(texts=innocent) as other:
        config = recipe(tmp_path, one, other, bench=few)
        command = ("build", "leakage", "--config", config, "--root", tmp_path / "data")
        process = start_anes(*command)
        while process.poll() is None and one.finished.total() < 100:
            time.sleep(0.005)
        assert process.kill().code == -signal.SIGKILL, "it ended before it could be killed"
        one.latency = 0.0
        done = anes(*command)
        assert done.code == 0, done.err
        scored = Counter(key_of(body) for body in one.bodies)
        twice = sum(count - 1 for count in scored.values())
        assert twice <= 8 + 1, "more than what was in flight and the check was asked again"
    assert digests(tmp_path / "data") == undisturbed


def test_a_model_that_fails_leaves_the_others_and_the_same_command_goes_on(
    anes: Anes, few: str, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    with LlmServer(texts=remembering) as one, LlmServer(texts=innocent) as other:
        config = recipe(tmp_path, one, other, bench=few)
        one.stop()
        stopped = anes("build", "leakage", "--config", config, "--root", tmp_path / "data")
        assert stopped.code == 1 and "1 of 2 models could not be asked" in stopped.err and "m1" in stopped.err
        asked = other.requests
        assert asked > 100
        one.start()
        done = anes("build", "leakage", "--config", config, "--root", tmp_path / "data")
        assert done.code == 0, done.err
        assert other.requests == asked, "a model that is done is not asked again"
    assert digests(tmp_path / "data") == undisturbed


def test_keep_going_leaves_a_failing_model_out_and_says_so(anes: Anes, few: str, tmp_path: Path) -> None:
    with LlmServer(texts=remembering) as one, LlmServer(texts=innocent) as other:
        config = recipe(tmp_path, one, other, bench=few, tests=["order"])
        other.stop()
        done = anes("build", "leakage", "--config", config, "--root", tmp_path / "data", "--keep-going")
        assert done.code == 0 and "warning: m2 was left out" in done.err
        one.stop()
        none = anes("build", "leakage", "--config", config, "--root", tmp_path / "none", "--keep-going")
        assert none.code == 1 and "2 of 2 models" in none.err
    assert set(rows(tmp_path / "data", "data")["model"]) == {"m1"}
    lost = rows(tmp_path / "data", "rejected").filter(pl.col("reason") == "model_failed")
    assert set(lost["model"]) == {"m2"} and lost.height == rows(tmp_path / "data", "data").height


@pytest.mark.parametrize("texts", [None, lambda body: status(400, "echo is not supported")])
def test_an_endpoint_without_logprobs_is_an_error_before_anything_is_spent(
    anes: Anes, tmp_path: Path, texts: Any
) -> None:
    with LlmServer(texts=remembering) as one, LlmServer(texts=texts) as other:
        done = anes("build", "leakage", "--config", recipe(tmp_path, one, other), "--root", tmp_path)
        assert done.code == 2 and "gives no log-probabilities of a prompt" in done.err
        assert "vllm serve" in done.err and one.requests <= 1, "the check alone"


def test_continuations_need_no_logprobs_and_may_be_asked_as_a_chat(
    anes: Anes, few: str, tmp_path: Path
) -> None:
    with LlmServer() as server:
        config = recipe(tmp_path, server, bench=few, tests=["continuation"])
        content = yaml.safe_load(config.read_text())
        content["models"][0]["ask"] = "chat"
        config.write_text(yaml.safe_dump(content))
        done = anes("build", "leakage", "--config", config, "--root", tmp_path / "data")
        assert done.code == 0, done.err
        assert "<beginning>" in server.bodies[0]["messages"][-1]["content"]
    found = rows(tmp_path / "data", "data")
    assert found["flag_order"].is_null().all() and found["substring"].is_not_null().any()


def test_a_benchmark_without_usable_questions_is_refused(anes: Anes, tmp_path: Path) -> None:
    bench = tmp_path / "bench.jsonl"
    options = {"A": "A nerve", "B": "Both A and C", "C": "A vein"}
    bench.write_text(json.dumps({"question": "Which of these?", "options": options, "answer": "A"}) + "\n")
    with LlmServer(texts=remembering) as server:
        config = recipe(tmp_path, server, bench=str(bench))
        done = anes("build", "leakage", "--config", config, "--root", tmp_path / "data")
        assert done.code == 1 and "no question can be tested" in done.err, done.err
        assert "options_name_each_other" in done.err and server.requests == 0


def test_questions_of_two_options_are_scored_but_in_no_rate(anes: Anes, tmp_path: Path) -> None:
    bench = tmp_path / "bench.jsonl"
    asked = [
        {
            "question": f"Is number {n} of these drugs lipophilic?",
            "options": {"A": "yes", "B": "no"},
            "answer": "A",
        }
        for n in range(5)
    ]
    bench.write_text("".join(json.dumps(one) + "\n" for one in asked))
    with LlmServer(texts=remembering) as server:
        config = recipe(tmp_path, server, bench=str(bench), tests=["order"])
        done = anes("build", "leakage", "--config", config, "--root", tmp_path / "data")
    assert done.code == 0 and "5 questions have two options" in done.err, done.err
    found = rows(tmp_path / "data", "data")
    assert (found["orders"] == 2).all() and all(found[flag].is_null().all() for flag in FLAGS)


def test_a_budget_stops_the_analysis_and_a_higher_one_continues_it(
    anes: Anes, few: str, tmp_path: Path
) -> None:
    with LlmServer(texts=remembering) as server:
        small = recipe(tmp_path, server, bench=few, tests=["order"], spending={"max_requests": 100})
        stopped = anes("build", "leakage", "--config", small, "--root", tmp_path / "data")
        assert stopped.code == 1 and "max_requests is 100" in stopped.err
        assert server.requests == 101, "the check, and what the cap allows"
        free = recipe(tmp_path, server, bench=few, tests=["order"])
        assert anes("build", "leakage", "--config", free, "--root", tmp_path / "data").code == 0


def test_two_models_of_one_name_are_refused(anes: Anes, tmp_path: Path) -> None:
    with LlmServer(texts=remembering) as server:
        config = recipe(tmp_path, server, server)
        config.write_text(config.read_text().replace("name: m2", "name: m1"))
        done = anes("build", "leakage", "--config", config, "--root", tmp_path)
    assert done.code == 2 and "two models are called 'm1'" in done.err


def test_plan_counts_the_requests_that_a_build_makes(anes: Anes, analysed: Path, tmp_path: Path) -> None:
    with LlmServer() as one, LlmServer() as other:
        done = anes("plan", "leakage", "--config", recipe(tmp_path, one, other), "--json")
        assert done.code == 0, done.err
        assert one.requests == other.requests == 0
    made = Store(str(analysed)).manifest(DatasetRef("leakage", "dev")).requests
    planned = {step["step"]: step["requests"] for step in done.json["steps"]}
    assert planned == {step: made[f"{step}.requests"] for step in planned} and len(planned) == 4
    dropped = Store(str(analysed)).manifest(DatasetRef("leakage", "dev")).drops
    assert done.json["left_out"] == {reason: n for reason, n in dropped.items() if n}
