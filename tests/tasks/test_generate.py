"""Asking a model about the rows of a stage: each reply lands on its row, once, whatever happens meanwhile."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anessuite.builds import Build
from anessuite.errors import ConfigError
from anessuite.llm.budget import BudgetReached
from anessuite.llm.config import ModelConfig, SpendingCaps
from anessuite.llm.endpoints import EndpointsDead
from anessuite.llm.replies import Completion
from anessuite.llm.transport import ModelRefused
from anessuite.prompting import Prompt
from anessuite.sources.citations import CitationSource
from anessuite.stages import Stage
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from filters.citation import CitationRules
from tasks.find_citations import find_citations, write_selection
from tasks.generate import Asked, _Collector, completions, conversation, generate, prompt, request_counts
from tasks.select import select
from tests.llm_server import CUT_SHORT, EMPTY, MODEL, REFUSAL, LlmServer, Reply, say, status

PROJECT = Path(__file__).parents[2]
STEP = "generate-judge"
ROWS = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("text", pa.string(), nullable=False)])
GONE = pa.schema([pa.field("id", pa.string()), pa.field("reason", pa.string(), nullable=False)])
ECHO = Prompt("p", "test/echo", "en", 1, {"text": "value"}, "Repeat.", "$text", None, (), "")
DEAD = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANES_CACHE", raising=False)


def stage_of(root: Path, parts: Sequence[Sequence[str]]) -> Stage:
    """A stage that keeps these texts, part by part."""
    stage = Stage(Build(Store(str(root)), DatasetRef("qa", "dev")), "rules", "questions", ROWS, GONE)
    none = pl.DataFrame(schema={"id": pl.String, "reason": pl.String})
    for number, texts in enumerate(parts):
        ids = [f"{number}.{row}" for row in range(len(texts))]
        frame = pl.DataFrame({"id": ids, "text": [*texts]}, schema={"id": pl.String, "text": pl.String})
        stage.write(f"{number:05d}", frame, none, rows_in=frame.height)
    return stage


def asking(url: str, *, attempts: int = 1, step: str = STEP, **config: Any) -> Asked:
    model = ModelConfig.model_validate(
        {"model": MODEL, "endpoints": [url], "concurrency": 4, "retries": 0} | config
    )
    return Asked(step, ECHO, model, lambda row: {"text": row["text"]}, attempts)


def run(rows: Stage, *asked: Asked, **caps: Any) -> None:
    with conversation(rows.build, SpendingCaps(**caps)) as talk:
        for one in asked:
            generate.fn(talk, one, rows)


def replies(rows: Stage, step: str = STEP) -> dict[str, list[list[str]]]:
    """Per finished part: for each row its replies, in the order of the attempts."""
    found = {}
    for part in rows.parts():
        if rows.build.marked(step, part) is not None:
            frame = completions(rows.build, step, part)
            assert frame.equals(frame.sort("row", "attempt"))
            texts = [*frame.group_by("row", maintain_order=True).agg("text").iter_rows()]
            assert [row for row, _ in texts] == list(range(rows.read(part).height))
            found[part] = [texts_of for _, texts_of in texts]
    return found


def spent(rows: Stage) -> dict[str, Any]:
    return json.loads(rows.build.store.read_bytes(rows.build.path("spent.json")))


def echo(body: dict[str, Any]) -> Reply:
    """The text of the request and its seed, after a while of which nobody knows how long it is."""
    said = say(f"{body['messages'][-1]['content']}|{body.get('seed', '')}", body=body)
    return replace(said, delay=random.random() * 0.03)


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with LlmServer(echo) as running:
        yield running


PARTS = [["a", "b", "c"], [], ["d", "e", "f", "g", "h"], ["i"], []]


# ------------------------------------------------------------------------------------------- rows and replies


def test_replies_that_come_in_any_order_land_on_their_rows(server: LlmServer, tmp_path: Path) -> None:
    rows = stage_of(tmp_path, PARTS)
    run(rows, asking(server.url, concurrency=8))
    assert replies(rows) == {
        f"{number:05d}": [[f"{text}|"] for text in texts] for number, texts in enumerate(PARTS)
    }
    assert server.requests == 9


def test_every_attempt_at_every_row_has_a_reply_of_its_own(server: LlmServer, tmp_path: Path) -> None:
    rows = stage_of(tmp_path, PARTS)
    run(rows, asking(server.url, attempts=3, seed=70, concurrency=8))
    found = replies(rows)
    assert found["00000"] == [[f"{text}|{seed}" for seed in (70, 71, 72)] for text in "abc"]
    assert found["00002"] == [[f"{text}|{seed}" for seed in (70, 71, 72)] for text in "defgh"]
    assert server.requests == 27


def test_rows_that_ask_the_same_are_asked_once_and_each_gets_the_reply(
    server: LlmServer, tmp_path: Path
) -> None:
    rows = stage_of(tmp_path, [["same", "other", "same"], ["same"]])
    run(rows, asking(server.url))
    assert replies(rows) == {"00000": [["same|"], ["other|"], ["same|"]], "00001": [["same|"]]}
    assert server.requests == 2
    assert spent(rows)["requests"] == 2
    counts = request_counts(rows.build, STEP, rows.parts())
    assert counts[f"{STEP}.requests"] == 4, "the manifest counts the rows that were asked about"


def test_empty_parts_alone_need_no_server(tmp_path: Path) -> None:
    rows = stage_of(tmp_path, [[], []])
    run(rows, asking(DEAD))
    assert replies(rows) == {"00000": [], "00001": []}
    assert request_counts(rows.build, STEP, rows.parts()) == {
        f"{STEP}.{name}": 0 for name in ("requests", "prompt_tokens", "completion_tokens")
    }
    run(stage_of(tmp_path / "other", []), asking(DEAD))


def test_a_stage_is_asked_about_by_several_steps_side_by_side(server: LlmServer, tmp_path: Path) -> None:
    rows = stage_of(tmp_path, [["a"], ["b"]])
    again = asking(server.url, step="generate-answer", temperature=0.5)
    run(rows, asking(server.url), again)
    assert replies(rows) == replies(rows, "generate-answer") == {"00000": [["a|"]], "00001": [["b|"]]}
    assert server.requests == 4, "other parameters are another request"
    assert spent(rows)["requests"] == 4


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=5), st.integers(1, 3), st.randoms(use_true_random=False)
)
def test_any_order_of_replies_gives_the_same_files(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], attempts: int, chance: random.Random
) -> None:
    root = tmp_path_factory.mktemp("any")
    rows = stage_of(root, [["x"] * size for size in sizes])
    collector = _Collector(rows.build, asking(DEAD, attempts=attempts))
    waiting, number, opened = list[int](), 0, 0
    while opened < len(sizes) or waiting:
        if opened < len(sizes) and (not waiting or chance.random() < 0.4):
            collector.open(f"{opened:05d}", sizes[opened])
            count = sizes[opened] * attempts
            waiting += range(number, number + count)
            number, opened = number + count, opened + 1
        else:
            taken = waiting.pop(chance.randrange(len(waiting)))
            collector.take(taken, b"%04d" % taken, Completion(f"reply {taken}"))
    told = [text for part in replies(rows).values() for row in part for text in row]
    assert told == [f"reply {taken}" for taken in range(number)]
    assert request_counts(rows.build, STEP, rows.parts())[f"{STEP}.requests"] == number


# ------------------------------------------------------------------------------------------- what was counted


def test_requests_tokens_and_faults_are_counted_over_all_parts(tmp_path: Path) -> None:
    said: dict[str, Reply] = {
        "cut": CUT_SHORT, "refused": REFUSAL, "empty": EMPTY, "long": status(400, "too long for the context"),
    }  # fmt: skip

    def reply(body: dict[str, Any]) -> Reply:
        text = body["messages"][-1]["content"].split()[0]
        usage = {"prompt_tokens": 10, "completion_tokens": 3}
        return said.get(text) or say(text, usage=usage)

    rows = stage_of(tmp_path, [["a", "cut 1", "cut 2"], ["b", "refused", "empty", "long"], []])
    with LlmServer(reply) as server:
        run(rows, asking(server.url))
    counts = request_counts(rows.build, STEP, rows.parts())
    faults = {name.partition("fault_")[2]: count for name, count in counts.items() if "fault_" in name}
    assert faults == {"truncated": 2, "refused": 1, "empty_reply": 1, "bad_request": 1}
    assert counts[f"{STEP}.requests"] == 7
    frames = [completions(rows.build, STEP, part) for part in rows.parts()]
    told = pl.concat(frames)
    assert counts[f"{STEP}.prompt_tokens"] == told["prompt_tokens"].sum() >= 20
    assert counts[f"{STEP}.completion_tokens"] == told["completion_tokens"].sum() >= 6
    assert frames[1]["fault"].to_list() == [None, "refused", "empty_reply", "bad_request"]
    assert "too long for the context" in frames[1]["detail"][3]
    assert told["request"].str.len_chars().unique().to_list() == [64]


def test_counts_of_parts_that_are_not_done_are_none(tmp_path: Path) -> None:
    rows = stage_of(tmp_path, [["a"]])
    assert set(request_counts(rows.build, STEP, rows.parts()).values()) == {0}
    assert request_counts(rows.build, STEP, []) == {}


@pytest.mark.parametrize("tokens", [2**32 + 5, 2**39, True])
def test_a_server_that_tells_absurd_numbers_of_tokens_stops_nothing(tmp_path: Path, tokens: int) -> None:
    usage = {"prompt_tokens": tokens, "completion_tokens": tokens}
    rows = stage_of(tmp_path, [["a", "b", "c"]])
    with LlmServer(lambda body: say(body["messages"][-1]["content"], usage=usage)) as server:
        run(rows, asking(server.url))
    assert replies(rows) == {"00000": [["a"], ["b"], ["c"]]}
    counts = request_counts(rows.build, STEP, rows.parts())
    assert counts[f"{STEP}.prompt_tokens"] == 3 * min(int(tokens), 2**32 - 1)


def test_reasoning_and_the_model_that_served_are_kept(tmp_path: Path) -> None:
    rows = stage_of(tmp_path, [["a"]])
    with LlmServer(lambda _: say("B", reasoning_content="first A, then B")) as server:
        run(rows, asking(server.url))
    (only,) = completions(rows.build, STEP, "00000").to_dicts()
    assert (only["text"], only["reasoning"], only["served_model"]) == ("B", "first A, then B", MODEL)
    assert (only["finish_reason"], only["fault"]) == ("stop", None)


# -------------------------------------------------------------------------------------------------- once only


def test_a_part_that_is_done_is_not_asked_again(server: LlmServer, tmp_path: Path) -> None:
    rows = stage_of(tmp_path, PARTS)
    run(rows, asking(server.url))
    before, asked = replies(rows), server.requests
    run(rows, asking(DEAD))
    assert replies(rows) == before
    assert server.requests == asked


def test_a_part_that_was_not_finished_comes_from_the_cache(server: LlmServer, tmp_path: Path) -> None:
    rows = stage_of(tmp_path, PARTS)
    run(rows, asking(server.url))
    folder = tmp_path / f".build/qa/dev/{STEP}"
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (folder / "00002.json").unlink()
    (folder / "completions/00002.parquet").write_bytes(b"half")
    paid = spent(rows)
    run(rows, asking(DEAD))
    assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert spent(rows) == paid, "a cached reply costs nothing"


def test_without_the_cache_only_the_missing_part_is_asked_again(server: LlmServer, tmp_path: Path) -> None:
    rows = stage_of(tmp_path, PARTS)
    run(rows, asking(server.url))
    (tmp_path / f".build/qa/dev/{STEP}/00002.json").unlink()
    for file in (tmp_path / ".cache").iterdir():
        file.unlink()
    asked = server.requests
    run(rows, asking(server.url))
    assert server.requests - asked == len(PARTS[2])
    assert spent(rows)["requests"] == 9 + len(PARTS[2])


def test_rows_that_were_added_are_asked_about_and_no_others(server: LlmServer, tmp_path: Path) -> None:
    rows = stage_of(tmp_path, PARTS[:2])
    run(rows, asking(server.url))
    rows = stage_of(tmp_path, PARTS)
    run(rows, asking(server.url))
    assert server.requests == 9
    assert replies(rows)["00002"] == [[f"{text}|"] for text in PARTS[2]]


# ----------------------------------------------------------------------------------------- stopping, going on

TEN = [["a", "b", "c"], ["d"], ["e", "f", "g"], ["h", "i", "j"]]


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_budget_that_is_reached_stops_the_build_and_a_higher_one_goes_on(
    server: LlmServer, tmp_path: Path, concurrency: int
) -> None:
    rows = stage_of(tmp_path, TEN)
    asked = asking(server.url, concurrency=concurrency)
    with pytest.raises(BudgetReached) as caught:
        run(rows, asked, max_requests=5)
    assert "max_requests is 5" in caught.value.what
    assert server.requests == 5
    assert spent(rows)["requests"] == 5
    done = replies(rows)
    assert done.items() <= {f"{n:05d}": [[f"{t}|"] for t in texts] for n, texts in enumerate(TEN)}.items()
    assert "00003" not in done
    if concurrency == 1:
        assert [*done] == ["00000", "00001"], "what was full is written, and nothing else"

    with pytest.raises(BudgetReached):
        run(rows, asked, max_requests=5)
    assert server.requests == 5, "the cap holds over all runs"

    run(rows, asked, max_requests=10)
    assert server.requests == 10
    assert server.asked.most_common(1)[0][1] == 1, "nothing is asked twice"
    assert replies(rows) == {f"{n:05d}": [[f"{t}|"] for t in texts] for n, texts in enumerate(TEN)}
    assert spent(rows)["requests"] == 10


def test_a_cap_holds_over_all_steps_of_a_build(server: LlmServer, tmp_path: Path) -> None:
    rows = stage_of(tmp_path, TEN)
    with pytest.raises(BudgetReached):
        run(rows, asking(server.url), asking(server.url, step="generate-answer", seed=1), max_requests=12)
    assert server.requests == 12
    assert len(replies(rows)) == 4 and len(replies(rows, "generate-answer")) < 4


def test_cost_adds_up_over_runs_and_stops_a_build_too(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    price = {"input": 1.0, "output": 10.0}  # 0.002 a request
    rows = stage_of(tmp_path, TEN)
    with LlmServer(lambda _: say("x", usage=usage)) as server:
        asked = asking(server.url, price=price, max_tokens=100, concurrency=2)
        with pytest.raises(BudgetReached, match=r"max_cost is 0\.01"):
            run(rows, asked, max_cost=0.0105)
        first = spent(rows)
        assert 0.006 <= first["cost"] <= 0.0105
        assert first["cost"] == pytest.approx(0.002 * first["requests"])
        run(rows, asked)
        assert spent(rows) == {"requests": 10, "cost": pytest.approx(0.02)}
        assert server.requests == 10


def test_what_is_spent_is_written_down_while_the_run_goes_on(tmp_path: Path) -> None:
    rows = stage_of(tmp_path, [["a", "b", "c", "d", "e"]])
    seen: list[int] = []

    def reply(body: dict[str, Any]) -> Reply:
        there = rows.build.store.exists(rows.build.path("spent.json"))
        seen.append(spent(rows)["requests"] if there else 0)
        return replace(echo(body), delay=0.4)

    with LlmServer(reply) as server:
        run(rows, asking(server.url, concurrency=1))
    assert 0 < seen[-1] < 5
    assert spent(rows)["requests"] == 5


def test_a_server_that_dies_stops_the_build_and_what_came_back_is_not_asked_again(tmp_path: Path) -> None:
    rows = stage_of(tmp_path, TEN)
    with LlmServer(echo, dies_after=5) as server:
        asked = asking(server.url, concurrency=1, patience=0.3)
        with pytest.raises(EndpointsDead):
            run(rows, asked)
        assert [*replies(rows)] == ["00000", "00001"]
        assert spent(rows)["requests"] == 5
        server.start()
        run(rows, asked)
        assert server.finished.most_common(1)[0][1] == 1
        assert server.finished.total() == 10
    assert [len(part) for part in replies(rows).values()] == [3, 1, 3, 3]


def test_a_row_that_does_not_fill_the_prompt_stops_the_build_with_its_words(
    server: LlmServer, tmp_path: Path
) -> None:
    rows = stage_of(tmp_path, TEN)
    asked = replace(asking(server.url), inputs=lambda row: {"title": row["text"]})
    with pytest.raises(ConfigError, match="inputs missing: text; unknown: title"):
        run(rows, asked)
    assert replies(rows) == {}
    wrong: Callable[[dict[str, Any]], dict[str, str | int]] = lambda row: {"text": row["question"]}  # noqa: E731
    with pytest.raises(KeyError):
        run(rows, replace(asked, inputs=wrong))


def test_a_disk_that_is_full_stops_the_build_and_leaves_no_mark(server: LlmServer, tmp_path: Path) -> None:
    rows = stage_of(tmp_path, TEN)
    blocked = tmp_path / f".build/qa/dev/{STEP}/completions"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder has to be")
    with pytest.raises(OSError):
        run(rows, asking(server.url))
    assert all(rows.build.marked(STEP, part) is None for part in rows.parts())
    blocked.unlink()
    run(rows, asking(server.url))
    assert server.asked.most_common(1)[0][1] == 1
    assert [len(part) for part in replies(rows).values()] == [3, 1, 3, 3]


def test_two_builds_of_one_root_share_the_replies_and_not_what_is_spent(
    server: LlmServer, tmp_path: Path
) -> None:
    first = stage_of(tmp_path, TEN)
    run(first, asking(server.url))
    second = replace(first, build=Build(Store(str(tmp_path)), DatasetRef("qa", "2026.12.01")))
    for part in first.parts():
        frame = first.read(part)
        second.write(part, frame, first.read_rejected(part), rows_in=frame.height)
    run(second, asking(DEAD), max_requests=0)
    assert replies(second) == replies(first)
    assert spent(second) == {"requests": 0, "cost": 0.0}


# ---------------------------------------------------------------------------------- recorded replies, samples


def test_recorded_replies_serve_as_a_model_and_an_unknown_request_stops_the_build(tmp_path: Path) -> None:
    file = tmp_path / "replies.jsonl"
    file.write_text(
        '{"contains": "a", "reply": "A"}\n'
        '{"contains": ["b"], "reply": {"text": "B", "fault": "truncated", "finish_reason": "length"}}\n'
    )
    rows = stage_of(tmp_path / "root", [["a"], ["b", "a b"], ["c"]])
    with pytest.raises(ModelRefused, match="has no reply to the request 'c'"):
        run(rows, asking(f"replay:{file}", concurrency=1))
    assert replies(rows) == {"00000": [["A"]], "00001": [["B"], ["A"]]}
    assert completions(rows.build, STEP, "00001")["fault"].to_list() == ["truncated", None]


def test_a_prompt_of_the_project_is_found_by_name_language_and_version() -> None:
    assert prompt("qa/judge", "zh").label == "qa/judge.zh.v1"
    with pytest.raises(ConfigError) as caught:
        prompt("qa/judge", "en", 99)
    assert caught.value.what == "there is no prompt prompts/qa/judge.en.v99.md"
    assert "judge.en.v1.md" in caught.value.hint


RECORDED = ("99000001", "99000002", "99000004", "99000005", "99000007", "99000011")
"""The abstracts for which samples/qa/ holds replies."""


def test_the_recorded_replies_of_the_samples_are_understood_in_all_three_steps(tmp_path: Path) -> None:
    build = Build(Store(str(tmp_path)), DatasetRef("qa", "dev"))
    source = CitationSource(path=str(PROJECT / "samples/pubmed/*.xml.gz"))
    found = find_citations.fn([source], build.store, specialty="anesthesiology", sample=None)
    write_selection(build, found, CitationRules(), keep_going=False)
    abstracts = select.fn(build, workers=1, engine="local")
    kept = pl.concat(abstracts.frames()).filter(pl.col("pmid").is_in(RECORDED)).sort("pmid")
    assert kept["pmid"].to_list() == [*RECORDED]

    endpoint = f"replay:{PROJECT / 'samples/qa/replies.jsonl'}"
    model = ModelConfig(model="recorded", endpoints=[endpoint])

    def ask(step: str, frame: pl.DataFrame) -> list[Any]:
        found = prompt(f"qa/{step}", "en")
        schema = pa.schema([pa.field(name, pa.string()) for name in frame.columns])
        rows = Stage(build, f"rows-{step}", "questions", schema, GONE)
        none = pl.DataFrame(schema={"id": pl.String, "reason": pl.String})
        rows.write("00000", frame, none, rows_in=frame.height)
        more = {"count": 3} if step == "questions" else {}
        asked = Asked(f"generate-{step}", found, model, lambda row: dict(row) | more)
        with conversation(build, SpendingCaps()) as talk:
            generate.fn(talk, asked, rows)
        return [found.read(text) for text in completions(build, asked.step, "00000")["text"]]

    questions = ask("questions", kept.select("title", "abstract"))
    assert [len(value["questions"]) for value in questions] == [3] * 6
    asked = kept.select("title", "abstract").with_columns(
        question=pl.Series([value["questions"] for value in questions])
    )
    asked = asked.explode("question")
    verdicts = ask("judge", asked)
    assert len(verdicts) == 18 and all(isinstance(verdict["answerable"], bool) for verdict in verdicts)
    assert 1 <= sum(not all(v[k] for k in ("relevant", "answerable", "unambiguous")) for v in verdicts) <= 6
    answers = ask("answer", asked)
    assert len(answers) == 18 and sum(bool(answer["answer"]) for answer in answers) >= 15
