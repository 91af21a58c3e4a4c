"""Evaluation end to end, with recorded replies and with model servers on loopback ports."""

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

from anessuite.errors import ConfigError
from anessuite.export_solved import ASKED
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from tests.command_server import Finished, Started
from tests.llm_server import MODEL, LlmServer, Reply, status

PROJECT = Path(__file__).parents[2]
Anes = Callable[..., Finished]
Start = Callable[..., Started]
LEVELS = ("system1", "system1.x", "system2")
STEM = {
    "en": "Case {n}: which agent of list {n} is preferred at a body weight of {w} kg?",
    "zh": "病例{n}：体重{w}公斤的患者首选第{n}组中的哪种药物？",
}
ROWS = [
    {
        "id": f"{language}-{n:02d}",
        "language": language,
        "question": STEM[language].format(n=n, w=40 + n),
        "options": {
            letter: f"{word} {n}"
            for letter, word in zip("ABCD", ("Right", "Left", "Upper", "Lower"), strict=True)
        },
        "answer": "A",
        "level": LEVELS[n % 3],
    }
    for language in ("en", "zh")
    for n in range(12)
]


def bench(folder: Path, rows: list[dict[str, Any]] = ROWS) -> Path:
    path = folder / "bench.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    return path


def contestant(name: str, endpoint: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "model": MODEL,
        "endpoints": [endpoint],
        "max_tokens": 100,
        "concurrency": 4,
        "timeout": 5,
        "retries": 1,
        "patience": 1,
    } | more


def recipe(folder: Path, *models: dict[str, Any], **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    content = {"bench": str(bench(folder)), "models": list(models)} | changes
    path = folder / "evaluation.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True))
    return path


def build(anes: Anes, folder: Path, *models: dict[str, Any], **changes: Any) -> Finished:
    flags = changes.pop("flags", ())
    config = recipe(folder, *models, **changes)
    return anes("build", "evaluation", "--config", config, "--root", folder / "data", *flags)


def answers(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "data" / "evaluation" / "dev" / "data" / "*.parquet")


def table(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / "data" / "evaluation" / "dev" / "tables" / f"{name}.parquet")


def digests(folder: Path) -> dict[str, str]:
    files = Store(str(folder / "data")).manifest(DatasetRef("evaluation", "dev")).files
    return {file.path: file.sha256 for file in files if file.path.endswith(".parquet")}


def shown(body: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The stem of a request, and its options by the letters that are shown."""
    text = body["messages"][-1]["content"]
    stem = re.search(r"(Case|病例)\s*\d+", text)
    assert stem, text
    return stem[0], dict(re.findall(r"^([A-D])\. (.+)$", text, re.MULTILINE))


def knowing(body: dict[str, Any]) -> str:
    """Finds the right option wherever it stands."""
    _, options = shown(body)
    letter = next(letter for letter, text in options.items() if text.startswith("Right"))
    return f"Answer: {letter}"


def guessing(body: dict[str, Any]) -> str:
    """Always the first letter."""
    return "Answer: A"


def test_recorded_replies_of_a_known_accuracy_give_exactly_that_accuracy(anes: Anes, tmp_path: Path) -> None:
    right = {"en": 7, "zh": 3}
    lines = [
        {"contains": row["question"], "reply": f"Answer: {'A' if at % 12 < right[row['language']] else 'B'}"}
        for at, row in enumerate(ROWS)
    ]
    replies = tmp_path / "replies.jsonl"
    replies.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    done = build(anes, tmp_path, contestant("recorded", f"replay:{replies}", size=7.0))
    assert done.code == 0, done.err
    scores = table(tmp_path, "scores")
    found = {(row["language"], row["level"]): row["accuracy"] for row in scores.iter_rows(named=True)}
    assert found["en", "all"] == 7 / 12 and found["zh", "all"] == 3 / 12
    assert found["all", "all"] == 10 / 24
    assert found["mean", "all"] == pytest.approx((7 / 12 + 3 / 12) / 2)
    assert found["en", "system1"] == 3 / 4 and found["en", "system2"] == 2 / 4
    assert set(scores["size"]) == {7.0}
    assert anes("verify", "evaluation@dev", "--root", tmp_path / "data").code == 0


def test_the_version_has_card_report_and_leaderboard_and_names_no_endpoint(
    anes: Anes, tmp_path: Path
) -> None:
    with LlmServer(reply=guessing) as server:
        done = build(
            anes, tmp_path, contestant("guesser", server.url), contestant("other", server.url, seed=3)
        )
        assert done.code == 0, done.err
        port = str(server.port)
    folder = tmp_path / "data" / "evaluation" / "dev"
    board, report = ((folder / name).read_text() for name in ("leaderboard.html", "report.html"))
    assert "guesser" in board and "guesser" in report and "http://" not in (folder / "README.md").read_text()
    assert port not in (folder / "manifest.json").read_text()
    pair = table(tmp_path, "comparisons").filter(pl.col("language") == "all").to_dicts()
    assert [(one["model"], one["other_model"], one["difference"], one["p"]) for one in pair] == [
        ("guesser", "other", 0.0, 1.0)
    ]


def test_a_killed_run_asks_nothing_twice_and_ends_as_if_nothing_had_happened(
    anes: Anes, start_anes: Start, tmp_path: Path
) -> None:
    with LlmServer(reply=knowing) as server:
        assert (
            build(anes, tmp_path / "whole", contestant("m", server.url), styles=["direct", "cot"]).code == 0
        )
    with LlmServer(reply=knowing, latency=0.05) as server:
        config = recipe(tmp_path / "killed", contestant("m", server.url), styles=["direct", "cot"])
        words = ("build", "evaluation", "--config", config, "--root", tmp_path / "killed" / "data")
        process = start_anes(*words)
        while process.poll() is None and server.finished.total() < 30:
            time.sleep(0.005)
        assert process.kill().code == -signal.SIGKILL, "it ended before it could be killed"
        done = anes(*words)
        assert done.code == 0, done.err
        twice = sum(count - 1 for count in server.asked.values())
        assert twice <= 4, "more than what was in flight at the kill was asked again"
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")


def test_a_model_that_cannot_be_asked_leaves_the_others(anes: Anes, tmp_path: Path) -> None:
    with LlmServer(reply=knowing) as server:
        dead = contestant("dead", "http://127.0.0.1:9/v1", seed=1)
        models = [dead, contestant("alive", server.url)]
        done = build(anes, tmp_path, *models)
        assert done.code == 1
        assert "dead" in done.err and "same command" in done.err and "Traceback" not in done.err
        assert server.asked.total() == len(ROWS), "the other model was asked all the same"
        done = build(anes, tmp_path, *models, flags=["--keep-going", "--restart"])
        assert done.code == 0, done.err
        assert server.asked.total() == len(ROWS), "its replies came from the cache"
    assert "model dead is left out" in done.err
    assert set(answers(tmp_path)["model"]) == {"alive"}


def test_shuffled_options_are_read_back_to_the_benchmarks_letters(anes: Anes, tmp_path: Path) -> None:
    with LlmServer(reply=knowing) as knower, LlmServer(reply=guessing) as guesser:
        models = [contestant("knower", knower.url), contestant("guesser", guesser.url, seed=1)]
        done = build(anes, tmp_path, *models, shuffles=3)
        assert done.code == 0, done.err
        letters = Counter(knowing(body)[-1] for body in knower.bodies)
    assert len(letters) == 4, "the right option stood everywhere"
    orders = {
        row["model"]: row
        for row in table(tmp_path, "orders").filter(pl.col("language") == "all").iter_rows(named=True)
    }
    assert (orders["knower"]["lowest"], orders["knower"]["same_option"]) == (1.0, 1.0)
    assert orders["guesser"]["highest"] == 1.0 and orders["guesser"]["same_option"] < 0.5
    chosen = answers(tmp_path).filter(pl.col("model") == "knower")
    assert set(chosen["letter"]) == {"A"} and chosen["shown_letter"].n_unique() == 4
    each = chosen.group_by("question_id").agg(pl.col("order").n_unique())
    assert set(each["order"]) == {4}


def test_exemplars_are_shown_and_not_asked(anes: Anes, tmp_path: Path) -> None:
    with LlmServer(reply=knowing) as server:
        done = build(anes, tmp_path, contestant("m", server.url), styles=[{"style": "direct", "shots": 2}])
        assert done.code == 0, done.err
        bodies = server.bodies
    assert {len(body["messages"]) for body in bodies} == {1 + 2 * 2 + 1}
    examples = {shown({"messages": [body["messages"][at]]})[0] for body in bodies for at in (1, 3)}
    asked = {shown(body)[0] for body in bodies}
    assert len(examples) == 4 and not examples & asked and len(asked) == len(ROWS) - 4
    replies = {body["messages"][at]["content"] for body in bodies for at in (2, 4)}
    assert replies == {"Answer: A", "答案：A"}
    rejected = pl.read_parquet(tmp_path / "data" / "evaluation" / "dev" / "rejected" / "*.parquet")
    assert Counter(rejected["reason"]) == {"exemplar": 4}


@pytest.fixture(scope="module")
def said(anes: Anes, tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, str]]]:
    """The messages of the styles cot, with English instructions, and plain."""
    styles = [{"style": "cot", "instructions": "en"}, "plain"]
    with LlmServer(reply=knowing) as server:
        folder = tmp_path_factory.mktemp("styles")
        assert build(anes, folder, contestant("m", server.url), styles=styles).code == 0
        return [body["messages"] for body in server.bodies]


def test_instructions_may_be_in_another_language_than_the_question(said: list[list[dict[str, str]]]) -> None:
    cot = [messages for messages in said if len(messages) > 1]
    systems = {messages[0]["content"] for messages in cot}
    assert len(cot) == len(ROWS) and len(systems) == 1 and "examination" in systems.pop()


def test_plain_questions_are_put_as_in_training_and_as_the_harness_puts_them(
    said: list[list[dict[str, str]]],
) -> None:
    plain = [messages for messages in said if len(messages) == 1]
    assert len(plain) == len(ROWS)
    by_stem = {shown({"messages": messages})[0]: messages for messages in plain}
    assert {messages[0]["role"] for messages in plain} == {"user"}
    lines = "A. Right 3\nB. Left 3\nC. Upper 3\nD. Lower 3"
    for row in (row for row in ROWS if row["id"].endswith("-03")):
        name = shown({"messages": [{"content": row["question"]}]})[0]
        content = by_stem[name][0]["content"]
        assert content == f"{row['question']}\n\n{lines}\n\n{ASKED[row['language']]}"


def test_open_answers_are_judged_without_the_options_and_set_beside_the_letters(
    anes: Anes, tmp_path: Path
) -> None:
    def orally(body: dict[str, Any]) -> Reply | str:
        text = body["messages"][-1]["content"]
        if "response_format" in body:
            said = re.search(r"<reply>\n(.*)\n</reply>", text, re.DOTALL)
            assert said and "Upper" not in text, "the judge sees no other option"
            verdict = (
                "correct" if said[1].startswith("Right") else "no_answer" if "sure" in said[1] else "wrong"
            )
            return json.dumps({"why": "compared", "verdict": verdict})
        if "A. " in text:
            return "Answer: A"
        number = int(re.search(r"(?:Case|病例)\s*(\d+)", text)[1])  # type: ignore[index]
        return ("Right one", "Left one", "I am not sure")[number % 3]

    people = tmp_path / "people.csv"
    with LlmServer(reply=orally) as server:
        judge = {"model": MODEL, "endpoints": [server.url], "max_tokens": 60}
        assert build(anes, tmp_path, contestant("m", server.url), open={"judge": judge}).code == 0
        opened = answers(tmp_path).filter(pl.col("style") == "open")
        lines = [
            f"{row['question_id']},m,{'correct' if at % 2 else 'wrong'}"
            for at, row in enumerate(opened.to_dicts())
        ]
        people.write_text("\n".join(["question_id,model,verdict", *lines]))
        again = {"judge": judge, "human": str(people)}
        assert build(anes, tmp_path, contestant("m", server.url), open=again).code == 0
    verdicts = Counter(opened["verdict"])
    english = opened.filter(pl.col("language") == "en")
    assert Counter(english["verdict"]) == {"correct": 4, "wrong": 4, "no_answer": 4}
    assert set(opened["votes"].list.len()) == {3} and verdicts["correct"] == sum(verdicts.values()) / 3
    agreement = table(tmp_path, "open_agreement").filter(pl.col("language") == "all")
    beside = {row["beside"]: row for row in agreement.iter_rows(named=True)}
    assert beside["direct"]["other_accuracy"] == 1.0 and beside["direct"]["same"] == pytest.approx(1 / 3)
    assert beside["people"]["questions"] == opened.height


def test_samples_have_a_mean_and_a_spread(anes: Anes, tmp_path: Path) -> None:
    def wavering(body: dict[str, Any]) -> str:
        wavering.calls += 1  # type: ignore[attr-defined]
        return f"Answer: {'AB'[wavering.calls % 2]}"  # type: ignore[attr-defined]

    wavering.calls = 0  # type: ignore[attr-defined]
    with LlmServer(reply=wavering) as server:
        model = contestant("m", server.url, temperature=0.8, concurrency=1)
        done = build(anes, tmp_path, model, samples=3)
        assert done.code == 0, done.err
        assert server.asked.total() == 3 * len(ROWS)
    whole = table(tmp_path, "scores").filter((pl.col("language") == "all") & (pl.col("level") == "all"))
    row = whole.to_dicts()[0]
    assert (row["questions"], row["answers"]) == (24, 72) and 0.3 < row["accuracy"] < 0.7
    assert row["spread"] is not None


def test_what_makes_a_score_doubtful_is_a_warning(anes: Anes, tmp_path: Path) -> None:
    def chinese(body: dict[str, Any]) -> str:
        return "我认为这道题应该从患者的体重和病情两方面来考虑，再比较各种药物的优缺点。答案：A"

    one_level = [row | {"level": "system2"} for row in ROWS]
    with LlmServer(reply=chinese) as server:
        config = recipe(tmp_path, contestant("m", server.url))
        bench(tmp_path, one_level)
        done = anes("build", "evaluation", "--config", config, "--root", tmp_path / "data")
    assert done.code == 0, done.err
    assert "50.0% of its replies are not in the question's language" in done.err
    assert "all questions are of level system2" in done.err


def test_requests_that_no_model_answers_are_wrong_and_told(anes: Anes, tmp_path: Path) -> None:
    def picky(body: dict[str, Any]) -> Reply | str:
        return status(400, "context too long") if "病例" in body["messages"][-1]["content"] else knowing(body)

    with LlmServer(reply=picky) as server:
        done = build(anes, tmp_path, contestant("m", server.url))
    assert done.code == 0, done.err
    assert "50.0% of its answers are missing" in done.err
    whole = table(tmp_path, "scores").filter((pl.col("language") == "all") & (pl.col("level") == "all"))
    assert (whole["accuracy"].item(), whole["not_asked"].item()) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"styles": ["oracle"]}, "styles.0.style: Input should be 'direct', 'cot' or 'plain'"),
        ({"styles": [{"style": "cot", "shots": 3}]}, "shots are of style direct"),
        ({"styles": ["cot", "cot"]}, "style 'cot' is there twice"),
        ({"samples": 3}, "3 samples of m at temperature 0 are all alike"),
        ({"models": []}, "models"),
        ({"models": [contestant("m", "local:"), contestant("m", "local:", seed=1)]}, "two models are called"),
        (
            {"models": [contestant("a", "local:"), contestant("b", "http://h/v1")]},
            "a and b get the same replies",
        ),
        ({"open": {"votes": 2, "judge": {"model": MODEL, "endpoints": ["local:"]}}}, "even number of votes"),
        ({"temperature": 1}, "unknown key"),
    ],
)
def test_a_config_that_cannot_work_is_refused_with_the_reason(changes: dict[str, Any], words: str) -> None:
    from anessuite.config import check_config
    from flows.evaluation import EvaluationConfig

    content = {"bench": "bench@dev", "models": [contestant("m", "local:")]} | changes
    with pytest.raises(ConfigError, match=re.escape(words)):
        check_config(content, EvaluationConfig, where="evaluation.yaml")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bench": "bench@2026.01.01"}, "no finished bench@2026.01.01"),
        ({"styles": [{"style": "direct", "shots": 12}]}, "12 exemplars are wanted, and 12 questions in en"),
    ],
)
def test_a_benchmark_that_cannot_serve_is_refused_before_anything_is_asked(
    anes: Anes, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with LlmServer(reply=knowing) as server:
        done = build(anes, tmp_path, contestant("m", server.url), **changes)
        assert server.requests == 0
    assert done.code == 2 and words in done.err, done.err


def test_a_benchmark_without_options_is_refused(anes: Anes, tmp_path: Path) -> None:
    config = recipe(tmp_path, contestant("m", "http://127.0.0.1:9/v1"))
    bench(tmp_path, [{"question": row["question"], "options": {}, "answer": "A"} for row in ROWS])
    done = anes("build", "evaluation", "--config", config, "--root", tmp_path / "data")
    assert done.code == 1 and "holds no question" in done.err and "no_options" in done.err
