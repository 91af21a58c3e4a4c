"""AnesBench end to end on samples/: recorded votes, reviews, and a run that waits for people."""

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow

from anessuite.review.opinions import REVIEW, with_content
from anessuite.review.store import ReviewStore
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from flows.bench import bench as flow
from tests.command_server import Finished
from tests.llm_server import MODEL, LlmServer, Reply, say

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "samples" / "bench"
Anes = Callable[..., Finished]
REPLAY = f"replay:{SAMPLES / 'replies.jsonl'}"
LEVELS = ("system1", "system1.x", "system2")


def recipe(folder: Path, **changes: Any) -> Path:
    """The sample config with absolute paths, and ``changes`` (``part__key`` for nested ones)."""
    content = yaml.safe_load((PROJECT / "deployments" / "bench.sample.yaml").read_text())
    for source in content["sources"]:
        source["path"] = str(PROJECT / source["path"])
    content["annotator"]["endpoints"] = [REPLAY]
    for name, value in changes.items():
        part, _, key = name.partition("__")
        if key:
            content.setdefault(part, {})[key] = value
        else:
            content[part] = value
    path = folder / "bench.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True))
    return path


def rows(root: Path, kind: str, version: str = "dev") -> pl.DataFrame:
    files = sorted((root / "bench" / version / kind).glob("*.parquet"))
    return pl.concat([pl.read_parquet(file) for file in files])


def digests(root: Path, version: str = "dev") -> dict[str, str]:
    files = Store(str(root)).manifest(DatasetRef("bench", version)).files
    return {file.path: file.sha256 for file in files if file.path.endswith(".parquet")}


@pytest.fixture(scope="module")
def graded(anes: Anes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of ``bench@dev`` built from recorded votes. Not to be changed."""
    root = tmp_path_factory.mktemp("graded")
    done = anes("build", "bench", "--config", recipe(root), "--root", root / "data")
    assert done.code == 0, done.err
    return root / "data"


def test_the_samples_hold_sixty_questions_of_all_levels_in_both_languages(graded: Path) -> None:
    kept = rows(graded, "data")
    assert kept.height >= 60
    assert kept.select("language", "level").n_unique() == 6
    assert kept["id"].n_unique() == kept.height


def test_a_question_gets_the_level_that_most_votes_give_it(graded: Path) -> None:
    wrong = []
    for row in rows(graded, "data").iter_rows(named=True):
        votes = Counter(vote["level"] for vote in row["votes"] if vote["level"])
        most = votes.most_common(1)[0][1]
        best = [level for level in LEVELS if votes[level] == most]
        expected = (best[0], "tie" if len(best) > 1 else "model", round(most / 3, 4))
        if (row["level"], row["level_origin"], round(row["agreement"], 4)) != expected:
            wrong.append((row["source_id"], expected))
        author = next((part for part in row["source_id"].split("-") if part in LEVELS), None)
        if author and not row["source_id"].endswith("tie"):
            assert row["level"] == author, row["source_id"]
    assert wrong == []


def test_votes_that_cannot_be_read_are_counted_and_never_guessed(graded: Path) -> None:
    kept = rows(graded, "data")
    unread = kept.filter(pl.col("votes").list.eval(pl.element().struct.field("level").is_null()).list.any())
    assert unread.height == 3 and (unread["agreement"] - 2 / 3).abs().max() < 1e-6
    dropped = rows(graded, "rejected").filter(pl.col("reason") == "not_graded")
    assert dropped.height == 1
    assert json.loads(dropped["evidence"][0])["unread"] == 3
    ties = kept.filter(pl.col("level_origin") == "tie")
    assert ties.height == 2 and set(ties["level"]) == {"system1"}, "a tie takes the lower level, and says so"


def test_each_flawed_row_is_dropped_under_its_name(graded: Path) -> None:
    fate = dict(rows(graded, "rejected").select("source_id", "reason").iter_rows())
    for language in ("en", "zh"):
        for row, reason in {
            "no-gold-answer": "no_gold_answer",
            "several-answers": "several_answers",
            "gold-not-an-option": "answer_not_an_option",
            "duplicate-options": "duplicate_options",
            "one-option": "no_options",
            "empty-option": "empty_option",
            "empty-stem": "no_question",
            "wrong-language": "wrong_language",
            "absent-figure": "refers_to_figure",
            "off-topic": "off_topic",
            "exact-repeat": "exact_duplicate",
            "near-repeat": "near_duplicate",
        }.items():
            assert fate.get(f"{language}-{row}") == reason, (language, row)
    assert fate["en-contradiction-1"] == fate["en-contradiction-2"] == "conflicting_answers"


def test_tags_and_entities_of_a_source_are_cleaned(graded: Path) -> None:
    kept = rows(graded, "data").filter(pl.col("source_id").str.ends_with("html-debris"))
    assert kept.height == 2
    for row in kept.iter_rows(named=True):
        whole = row["question"] + "".join(option["text"] for option in row["options"])
        assert not re.search(r"</?[a-z]+|&[a-z]+;|&#", whole), whole


def test_the_manifest_has_the_funnel_the_votes_and_no_endpoint(graded: Path) -> None:
    manifest = Store(str(graded)).manifest(DatasetRef("bench", "dev"))
    assert [stage.stage for stage in manifest.funnel] == ["pool", "repeats", "grade", "review"]
    assert manifest.requests["vote.requests"] == 3 * manifest.funnel[2].rows_in
    assert list(manifest.recipe.texts)[-2:] == [
        "prompts/bench/level.en.v1.md",
        "prompts/bench/level.zh.v1.md",
    ]
    assert "endpoints" not in json.dumps(manifest.recipe.config)
    assert any("not reviewed enough: 0 of" in warning for warning in manifest.warnings)


def test_the_version_loads_verifies_and_tells_its_levels(anes: Anes, graded: Path, tmp_path: Path) -> None:
    import datasets

    assert anes("verify", "bench@dev", "--root", graded).code == 0
    loaded = datasets.load_dataset(
        str(graded / "bench" / "dev"), "zh", split="train", cache_dir=str(tmp_path)
    )
    assert set(loaded["level"]) == set(LEVELS)  # type: ignore[index]
    card = (graded / "bench" / "dev" / "README.md").read_text()
    assert "## Levels" in card and "0 of" in card
    report = (graded / "bench" / "dev" / "report.html").read_text()
    assert "Nobody has reviewed a question" in report


def test_plan_counts_the_votes_and_the_people(anes: Anes, tmp_path: Path) -> None:
    done = anes("plan", "bench", "--config", recipe(tmp_path), "--json")
    assert done.code == 0, done.err
    questions = done.json["questions"]
    assert done.json["requests"] == 3 * sum(questions.values()) and done.json["dropped"]["off_topic"] == 2


def test_fewer_examples_make_shorter_prompts(anes: Anes, tmp_path: Path) -> None:
    tokens = []
    for most in (None, 3):
        done = anes("plan", "bench", "--config", recipe(tmp_path, examples=most), "--json")
        assert done.code == 0, done.err
        tokens.append(done.json["steps"][0]["prompt_tokens"])
    assert tokens[1] < 0.6 * tokens[0]


def test_a_dated_version_waits_for_reviews_or_says_that_it_has_none(anes: Anes, tmp_path: Path) -> None:
    config = recipe(tmp_path)
    arguments = ("build", "bench", "--config", config, "--root", tmp_path / "data", "--version", "2026.12.01")
    refused = anes(*arguments)
    assert refused.code == 1
    assert "not reviewed enough: 0 of" in refused.err and "anes review export bench@dev" in refused.err
    assert not (tmp_path / "data" / "bench").exists()
    allowed = anes(*arguments, "--allow-unreviewed")
    assert allowed.code == 0, allowed.err
    card = (tmp_path / "data" / "bench" / "2026.12.01" / "README.md").read_text()
    assert "Not reviewed as asked" in card


def test_only_a_benchmark_may_be_unreviewed(anes: Anes) -> None:
    done = anes("build", "corpus", "--config", "deployments/corpus.demo.yaml", "--allow-unreviewed")
    assert done.code == 2 and "--allow-unreviewed is of bench and suite" in done.err


def opinions(questions: pl.DataFrame, *, names: tuple[str, ...] = ("ana", "ben")) -> pl.DataFrame:
    """Both agree with the model, but for: the first question is system2 to both; on the second they differ,
    and an adjudicator decides; both call the gold answer of the third wrong, and the fourth unsound; both
    call the fifth unsound, which an adjudicator denies."""
    told = with_content(questions.sort("id"))
    made = []
    for number, row in enumerate(told.iter_rows(named=True)):
        for name in names:
            level = row["level"]
            if number == 0:
                level = "system2"
            if number == 1:
                level = "system1" if name == names[0] else "system1.x"
            made.append(
                {
                    "id": row["id"],
                    "content": row["content"],
                    "annotator": name,
                    "role": "annotator",
                    "level": level,
                    "gold_correct": "no" if number == 2 else "yes",
                    "sound": "no" if number in (3, 4) else "yes",
                    "comment": None,
                    "at": datetime(2026, 11, 20, tzinfo=UTC),
                    "imported_from": "test",
                }
            )
        chief = made[-1] | {"annotator": "chief", "role": "adjudicator"}
        if number == 1:
            made.append(chief | {"level": "system2"})
        if number == 4:
            made.append(chief | {"sound": "yes"})
    return pl.DataFrame(made, schema=REVIEW)


def store_reviews(root: Path, reviews: pl.DataFrame) -> None:
    ReviewStore(Store(str(root)), "bench").change(lambda _: reviews)


def test_reviews_settle_levels_and_release_a_dated_version(anes: Anes, graded: Path, tmp_path: Path) -> None:
    questions = rows(graded, "data")
    store_reviews(tmp_path / "data", opinions(questions))
    config, root = recipe(tmp_path), tmp_path / "data"
    done = anes("build", "bench", "--config", config, "--root", root, "--version", "2026.12.01")
    assert done.code == 0, done.err
    ids = questions["id"].sort().to_list()
    kept = {row["id"]: row for row in rows(root, "data", "2026.12.01").iter_rows(named=True)}
    assert (kept[ids[0]]["level"], kept[ids[0]]["level_origin"]) == ("system2", "human")
    assert (kept[ids[1]]["level"], kept[ids[1]]["level_origin"]) == ("system2", "adjudicated")
    assert kept[ids[5]]["level_origin"] == "human" and kept[ids[5]]["reviewed"]
    dropped = dict(
        rows(root, "rejected", "2026.12.01")
        .filter(pl.col("stage") == "review")
        .select("id", "reason")
        .iter_rows()
    )
    assert dropped == {ids[2]: "gold_wrong", ids[3]: "unsound"}
    manifest = Store(str(root)).manifest(DatasetRef("bench", "2026.12.01"))
    taken = [one for one in manifest.recipe.inputs if one.name == "reviews"]
    assert len(taken) == 1 and taken[0].digest == ReviewStore(Store(str(root)), "bench").digest()
    card = (root / "bench" / "2026.12.01" / "README.md").read_text()
    assert "Fleiss" in card and "Not reviewed as asked" not in card


def test_the_sample_review_is_enough_to_release_the_samples(anes: Anes, graded: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(graded, root)
    files = (SAMPLES / "review.json", SAMPLES / "review.chair.json")
    done = anes("review", "import", *files, "--root", root, "--json")
    assert done.code == 0, done.err
    status = anes("review", "status", "bench@dev", "--root", root, "--json")
    assert status.code == 0 and "rater-a@example.org" in status.out
    built = anes(
        "build", "bench", "--config", recipe(tmp_path), "--root", root, "--version", "2026.12.01", "--json"
    )
    assert built.code == 0, built.err
    origins = Counter(rows(root, "data", "2026.12.01")["level_origin"])
    assert origins["adjudicated"] == 3 and origins["human"] == 46, origins


def test_reviews_that_come_later_change_the_next_build_without_a_vote_asked_twice(
    anes: Anes, tmp_path: Path
) -> None:
    def vote(body: dict[str, Any]) -> Reply:
        return say('{"rationale": "one fact", "level": "system1"}', body=body)

    with LlmServer(reply=vote) as server:
        config = recipe(tmp_path, annotator={"model": MODEL, "endpoints": [server.url], "seed": 7})
        first = anes("build", "bench", "--config", config, "--root", tmp_path / "data")
        assert first.code == 0, first.err
        assert any("are above recall" in line for line in first.err.splitlines()) is False
        asked = server.requests
        before = rows(tmp_path / "data", "data")
        store_reviews(tmp_path / "data", opinions(before))
        second = anes("build", "bench", "--config", config, "--root", tmp_path / "data")
        assert second.code == 0, second.err
        assert server.requests == asked
    after = rows(tmp_path / "data", "data")
    assert after.height == before.height - 2 and set(after["level_origin"]) == {"human", "adjudicated"}


def test_outdated_reviews_count_for_nothing_and_are_told(anes: Anes, graded: Path, tmp_path: Path) -> None:
    reviews = opinions(rows(graded, "data")).with_columns(content=pl.lit("0" * 64))
    store_reviews(tmp_path / "data", reviews)
    done = anes("build", "bench", "--config", recipe(tmp_path), "--root", tmp_path / "data")
    assert done.code == 0, done.err
    assert f"{reviews.height:,} reviews are of questions that are not here or have changed" in done.err
    assert set(rows(tmp_path / "data", "data")["level_origin"]) == {"model", "tie"}


def started(run: UUID) -> str:
    """The state that a run is in after it was started, as a worker starts it."""
    with get_client(sync_client=True) as client:
        with suppress(Pause):  # which ends the process that a worker would have made for it
            run_flow(flow, flow_run=client.read_flow_run(run))
        state = client.read_flow_run(run).state
    return f"{state.name}: {state.message}" if state is not None and state.is_failed() else str(state.name)


def test_a_run_of_a_deployment_is_suspended_until_people_are_done(
    prefect_server: str, graded: Path, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    config = yaml.safe_load(recipe(tmp_path, review__wait=True).read_text())
    with get_client(sync_client=True) as client:
        deployed = client.create_deployment(client.create_flow(flow), "waiting")
        run = client.create_flow_run_from_deployment(
            deployed, parameters={"config": config, "version": "2026.12.01", "root": str(root)}
        ).id
        assert started(run) == "Suspended"
        assert not (root / "bench").exists(), "nothing is released while people work"
        client.resume_flow_run(run)
        assert started(run) == "Suspended", "resumed too early, it waits again"
        store_reviews(root, opinions(rows(graded, "data")))
        client.resume_flow_run(run)
        assert started(run) == "Completed"
    assert "adjudicated" in set(rows(root, "data", "2026.12.01")["level_origin"])
    assert os.listdir(root / "bench") == ["2026.12.01"]


def test_the_short_guidelines_make_prompts_of_a_fifth(anes: Anes, tmp_path: Path) -> None:
    tokens = []
    for guidelines in ("level", "level_short"):
        config = recipe(tmp_path, prompts={"guidelines": guidelines})
        done = anes("plan", "bench", "--config", config, "--json")
        assert done.code == 0, done.err
        tokens.append(done.json["steps"][0]["prompt_tokens"])
    assert tokens[1] < 0.2 * tokens[0]
