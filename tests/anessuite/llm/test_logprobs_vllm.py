"""The requests of the leakage analysis against a real vLLM server, where ``ANES_VLLM_URL`` names one."""

import os
from pathlib import Path

import pytest

from anessuite.leakage import order_scores, shown
from anessuite.llm.cache import Cache
from anessuite.llm.client import complete
from anessuite.llm.config import ModelConfig
from anessuite.llm.logprobs import TextRequest, Way, check_logprobs, for_scoring, score_of
from anessuite.llm.replies import Completion
from anessuite.llm.servers import ask_models
from anessuite.option_orders import orders_of

OPTIONS = [("A", "Propofol"), ("B", "Ketamine"), ("C", "Etomidate"), ("D", "Thiopental")]


@pytest.fixture
def served() -> ModelConfig:
    """The first model of the server."""
    url = os.environ.get("ANES_VLLM_URL")
    if not url:
        pytest.skip("ANES_VLLM_URL names no vLLM server, such as http://127.0.0.1:8077/v1")
    found = ask_models(ModelConfig(model="any", endpoints=[url]))[0][1]
    assert found, f"{url} lists no model"
    return ModelConfig(model=found[0], endpoints=[url], concurrency=8)


def ask(config: ModelConfig, requests: list[TextRequest], folder: Path) -> list[Completion]:
    replies: dict[int, Completion] = {}
    with Cache(folder) as cache:
        complete(config, requests, lambda n, _, reply: replies.__setitem__(n, reply), cache=cache)
    return [replies[number] for number in range(len(requests))]


@pytest.mark.parametrize("way", ["echo", "prompt_logprobs"])
def test_a_real_server_scores_prompts_in_both_ways(served: ModelConfig, way: Way, tmp_path: Path) -> None:
    check_logprobs(served, way=way)
    texts = [
        shown("Which raises the heart rate?", OPTIONS, order)
        for order in orders_of(4, most=24, seed=1, name="q")
    ]
    requests = [TextRequest(prompt=text, way=way) for text in texts]
    replies = ask(for_scoring(served), requests, tmp_path)
    assert [reply.fault for reply in replies] == [None] * 24
    told = [score_of(reply.text) for reply in replies]
    assert all(score < 0 and tokens > 10 for score, tokens in told)
    found = order_scores([score for score, _ in told])
    assert found.orders == 24 and 1 <= found.rank <= 24


def test_both_ways_give_one_score_but_for_rounding(served: ModelConfig, tmp_path: Path) -> None:
    ways: tuple[Way, Way] = ("echo", "prompt_logprobs")
    scores = []
    for way in ways:
        request = TextRequest(prompt="Oxygen is carried by haemoglobin.", way=way)
        scores.append(score_of(ask(for_scoring(served), [request], tmp_path / way)[0].text))
    assert scores[0][1] == scores[1][1] and abs(scores[0][0] - scores[1][0]) < 1.0


def test_a_real_server_goes_on_with_a_text(served: ModelConfig, tmp_path: Path) -> None:
    greedy = served.model_copy(update={"temperature": 0.0, "max_tokens": 12})
    reply = ask(greedy, [TextRequest(prompt="The capital of France is")], tmp_path)[0]
    assert reply.fault is None and 0 < reply.completion_tokens <= 12
