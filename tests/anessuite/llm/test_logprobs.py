"""Texts that are scored, or gone on with: what is sent, how replies are read, what is refused beforehand."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.llm.cache import Cache
from anessuite.llm.client import complete
from anessuite.llm.config import ModelConfig
from anessuite.llm.logprobs import (
    NoLogprobs,
    TextRequest,
    check_logprobs,
    for_scoring,
    read_continuation,
    read_score,
    score_of,
)
from anessuite.llm.replies import EMPTY, Completion, NotACompletion
from anessuite.llm.requests import Request, request_body, request_key
from tests.llm_server import MODEL, LlmServer, Reply, echo, go_on, say, status

CONFIG = ModelConfig(model=MODEL, endpoints=["http://127.0.0.1:9/v1"])


def answers(server: LlmServer, *requests: Request, folder: Path, **changes: Any) -> list[Completion]:
    config = ModelConfig(model=MODEL, endpoints=[server.url], **changes)
    found: dict[int, Completion] = {}
    with Cache(folder) as cache:
        complete(config, requests, lambda n, _, reply: found.__setitem__(n, reply), cache=cache)
    return [found[number] for number in range(len(requests))]


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_two_kinds_of_requests_have_one_key(text: str, other: str) -> None:
    asked = [
        Request([{"role": "user", "content": text}]),
        TextRequest(prompt=text),
        TextRequest(prompt=text, way="echo"),
        TextRequest(prompt=text + other + "x", way="echo"),
    ]
    assert len({request_key(CONFIG, one) for one in asked}) == 4


def test_the_way_of_scoring_and_the_endpoint_do_not_change_the_key() -> None:
    one, other = (TextRequest(prompt="x", way=way) for way in ("echo", "prompt_logprobs"))
    moved = CONFIG.model_copy(update={"endpoints": ["http://127.0.0.1:10/v1"]})
    assert request_key(CONFIG, one) == request_key(moved, other)
    warm = CONFIG.model_copy(update={"temperature": 0.7, "seed": 3, "max_tokens": 9})
    assert request_key(for_scoring(CONFIG), one) == request_key(for_scoring(warm), one)


def test_the_key_of_a_chat_is_what_it_was_before_there_were_other_kinds() -> None:
    request = Request([{"role": "user", "content": "Which?"}])
    assert request_key(CONFIG, request).hex()[:16] == KEY_OF_A_CHAT


KEY_OF_A_CHAT = "19afc39fa4466db2"


def test_a_scored_text_asks_for_its_own_logprobs_and_one_token() -> None:
    body = orjson.loads(request_body(CONFIG, TextRequest(prompt="x y", way="echo"), structure="text"))
    assert body == {"model": MODEL, "prompt": "x y", "max_tokens": 1, "echo": True, "logprobs": 1}
    other = orjson.loads(
        request_body(CONFIG, TextRequest(prompt="x", way="prompt_logprobs"), structure="text")
    )
    assert other["prompt_logprobs"] == 0 and "echo" not in other
    plain = orjson.loads(request_body(CONFIG, TextRequest(prompt="x"), structure="text"))
    assert plain == {"model": MODEL, "prompt": "x", "max_tokens": 1024}


@given(st.lists(st.floats(-50, 0), min_size=1, max_size=30))
def test_the_score_is_the_sum_over_the_prompt_without_what_was_written(scores: list[float]) -> None:
    read = read_score(echo({"prompt": "x"}, [None, *scores]).body)
    assert score_of(read.text) == (pytest.approx(sum(scores), abs=1e-5), len(scores))
    assert read.fault is None and read.prompt_tokens == len(scores) + 1


def test_prompt_logprobs_are_those_of_the_tokens_that_stand_there() -> None:
    tokens = [None, {"7": {"logprob": -3.0, "rank": 9}, "1": {"logprob": -0.1, "rank": 1}}, {"4": -2.0}]
    body = {"choices": [{"text": ".", "prompt_logprobs": tokens}], "usage": {"prompt_tokens": 3}}
    assert score_of(read_score(orjson.dumps(body)).text) == (-5.0, 2)


@pytest.mark.parametrize(
    "reply",
    [
        go_on({"prompt": "x"}, "y"),
        go_on({"prompt": "x" * 40}, "y", logprobs={"token_logprobs": [-1.0], "tokens": ["y"]}),
        go_on({"prompt": "x"}, "y", logprobs={"content": [{"token": "y", "logprob": -1.0}]}),
        echo({"prompt": "x"}, [None, -1.0, None, -2.0]),
        echo({"prompt": "x"}, [None, -1.0, -9999.0]),
        say("a chat"),
        Reply(body=b"[]"),
        Reply(body=b"{"),
    ],
)
def test_a_reply_without_all_log_probabilities_is_none(reply: Reply) -> None:
    with pytest.raises(NotACompletion):
        read_score(reply.body)


def test_a_continuation_that_was_cut_off_is_as_good_as_any() -> None:
    whole = read_continuation(go_on({"prompt": "x"}, " and y").body)
    assert (whole.text, whole.fault) == (" and y", None)
    assert read_continuation(go_on({"prompt": "x"}, " ").body).fault == EMPTY
    with pytest.raises(NotACompletion):
        read_continuation(say("a chat").body)


def texts(body: dict[str, Any]) -> Reply:
    if body.get("echo"):
        return echo(body, [None, *[-float(len(word)) for word in body["prompt"].split()[1:]]])
    return go_on(body, body["prompt"][::-1])


def test_scores_and_continuations_are_cached_each_by_itself(tmp_path: Path) -> None:
    requests = [TextRequest(prompt="a bb ccc", way="echo"), TextRequest(prompt="a bb ccc")]
    with LlmServer(texts=texts) as server:
        first = answers(server, *requests, folder=tmp_path)
        again = answers(server, *requests, *requests, folder=tmp_path)
        assert server.requests == 2
    assert again == first * 2
    assert score_of(first[0].text) == (-5.0, 2) and first[1].text == "ccc bb a"


def test_an_endpoint_that_scores_passes_and_nothing_is_kept_of_the_check() -> None:
    with LlmServer(texts=texts) as server:
        check_logprobs(ModelConfig(model=MODEL, endpoints=[server.url]), way="echo")
        assert server.requests == 1


@pytest.mark.parametrize(
    "behaviour",
    [
        lambda body: go_on(body, "y"),
        lambda body: status(400, "echo is not supported"),
        lambda body: status(404, "no such path"),
        None,
    ],
)
def test_an_endpoint_without_logprobs_is_refused_with_what_would_work(behaviour: Any) -> None:
    with LlmServer(texts=behaviour) as server:
        config = ModelConfig(model=MODEL, endpoints=[server.url])
        with pytest.raises(NoLogprobs, match=r"gives no log-probabilities of a prompt") as error:
            check_logprobs(config, way="echo")
    assert "vllm serve" in error.value.hint and error.value.exit_code == 2


@pytest.mark.parametrize("endpoint", ["local:", "replay:samples/r1/replies.jsonl"])
def test_what_never_scores_is_refused_without_being_started(endpoint: str) -> None:
    with pytest.raises(NoLogprobs, match="log-probabilities"):
        check_logprobs(ModelConfig(model="small", endpoints=[endpoint]), way="echo")


def test_a_server_that_is_down_busy_or_wants_another_key_is_not_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_logprobs(CONFIG, way="echo")
    with LlmServer(texts=lambda body: status(429, "slow", retry_after="1")) as server:
        check_logprobs(ModelConfig(model=MODEL, endpoints=[server.url]), way="echo")
    with LlmServer(texts=texts, key="right") as server:
        check_logprobs(ModelConfig(model=MODEL, endpoints=[server.url]), way="echo")
