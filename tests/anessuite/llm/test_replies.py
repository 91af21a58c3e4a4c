import time
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.llm.replies import (
    BAD_REQUEST,
    EMPTY,
    REFUSED,
    REQUEST_FAILED,
    TRUNCATED,
    Completion,
    NotACompletion,
    pack,
    read_reply,
    split_reasoning,
    unpack,
)
from tests import llm_server
from tests.llm_server import CUT_SHORT, FILTERED, REASONED, REFUSAL, UNCLOSED, say

PIECES = st.lists(
    st.sampled_from(["<think>", "</think>", "a", "麻醉 ", "\n", "< think>", "<think", "think>", "b c"])
)


@pytest.mark.parametrize("form", REASONED)
def test_reasoning_is_kept_apart_from_the_text_however_it_is_written(form: str) -> None:
    reply = read_reply(REASONED[form].body)
    assert (reply.text, reply.reasoning, reply.fault) == ("B", "first A, then B", None)


def test_reasoning_beside_and_inside_the_content_is_all_kept() -> None:
    reply = read_reply(say("<think>two</think>B<think>three</think>", reasoning_content="one").body)
    assert (reply.text, reply.reasoning) == ("B", "one\ntwo\nthree")


def test_a_thought_that_the_token_limit_cut_off_is_reasoning_and_the_reply_truncated() -> None:
    reply = read_reply(UNCLOSED.body)
    assert (reply.text, reply.reasoning, reply.fault) == ("", "first A, then", TRUNCATED)


def test_a_thought_without_an_answer_is_an_empty_reply() -> None:
    assert read_reply(say("<think>hm</think>\n").body).fault == EMPTY


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (CUT_SHORT.body, TRUNCATED),
        (say("The", finish="max_tokens").body, TRUNCATED),
        (say("The", finish="model_length").body, TRUNCATED),
        (FILTERED.body, REFUSED),
        (REFUSAL.body, REFUSED),
        (llm_server.EMPTY.body, EMPTY),
        (say(None).body, EMPTY),
        (say("A", finish=None).body, None),
        (say("A", finish="stop").body, None),
    ],
)
def test_a_reply_of_no_use_says_why(body: bytes, fault: str | None) -> None:
    assert read_reply(body).fault == fault


def test_a_refusal_is_quoted() -> None:
    assert read_reply(REFUSAL.body).detail == "I cannot help with that."


def test_content_in_parts_is_put_together() -> None:
    parts: Any = [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}, {"type": "other"}]
    assert read_reply(say(parts).body).text == "AB"


@pytest.mark.parametrize(
    "usage", [None, [], "12", {"prompt_tokens": "12"}, {"prompt_tokens": -1}, {"prompt_tokens": 1 << 60}]
)
def test_a_usage_that_makes_no_sense_counts_as_none(usage: Any) -> None:
    body = orjson.loads(say("A").body) | {"usage": usage}
    assert read_reply(orjson.dumps(body)).prompt_tokens == 0


def test_usage_and_the_name_of_the_served_model_are_kept_without_folders() -> None:
    body = orjson.loads(say("A", usage={"prompt_tokens": 7, "completion_tokens": 2}).body)
    reply = read_reply(orjson.dumps(body | {"model": "/home/me/models/llama"}))
    assert (reply.prompt_tokens, reply.completion_tokens, reply.served_model) == (7, 2, "models/llama")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b'"text"',
        b'{"error": {"message": "no"}}',
        b'{"choices": []}',
        b'{"choices": [null]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": "text"}]}',
        b'{"choices": {"0": 1}}',
        b'{"choices": [{"message": {"content": "A"}, "finish_reason": "stop"}',
        say("The", finish="abort").body,
        say("The", finish="insufficient_system_resource").body,
        say("The", finish="error").body,
    ],
)
def test_what_is_no_completion_or_was_broken_off_by_the_server_is_not_read_as_one(body: bytes) -> None:
    with pytest.raises(NotACompletion):
        read_reply(body)


LEAVES = st.none() | st.text(st.characters(codec="utf-8")) | st.integers(-(2**63), 2**64 - 1)
NAMES = st.sampled_from(["choices", "message", "content", "usage", "finish_reason", "reasoning"])
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner))


@given(st.binary(max_size=60) | VALUES.map(orjson.dumps))
def test_any_body_is_either_read_or_refused(body: bytes) -> None:
    with suppress(NotACompletion):
        read_reply(body)


@given(PIECES)
def test_splitting_loses_no_text(pieces: list[str]) -> None:
    content = "".join(pieces)
    reasoning, text = split_reasoning(content)
    letters = sorted(
        content.replace("<think>", "").replace("</think>", "").replace("\n", "").replace(" ", "")
    )
    kept = (reasoning + text).replace("<think>", "").replace("</think>", "")
    assert sorted(kept.replace("\n", "").replace(" ", "")) == letters


@given(st.text(alphabet="ab <>/thinkB\n"))
def test_a_text_without_marks_is_the_text(content: str) -> None:
    if "<think>" not in content and "</think>" not in content:
        assert split_reasoning(content) == ("", content.strip())


@given(st.lists(st.tuples(st.text("xy \n"), st.text("AB \n"))))
def test_blocks_become_reasoning_and_the_rest_text(blocks: list[tuple[str, str]]) -> None:
    content = "".join(f"<think>{thought}</think>{said}" for thought, said in blocks)
    thoughts = [thought.strip() for thought, _ in blocks if thought.strip()]
    assert split_reasoning(content) == ("\n".join(thoughts), "".join(said for _, said in blocks).strip())


def test_a_model_that_repeats_the_mark_for_ever_is_split_at_once() -> None:
    begun = time.perf_counter()
    split_reasoning("<think>" * 200_000)
    split_reasoning("<think>a</think>" * 100_000)
    assert time.perf_counter() - begun < 2


@given(
    st.builds(
        Completion,
        text=st.text(st.characters(codec="utf-8")),
        reasoning=st.none() | st.text(st.characters(codec="utf-8")),
        finish_reason=st.sampled_from(["stop", "length"]),
        prompt_tokens=st.integers(0, 1 << 40),
        completion_tokens=st.integers(0, 1 << 40),
        served_model=st.sampled_from(["", "models/m"]),
        fault=st.sampled_from([None, TRUNCATED, REFUSED]),
        detail=st.sampled_from(["", "no"]),
    )
)
def test_what_is_packed_is_unpacked(completion: Completion) -> None:
    assert unpack(pack(completion)) == completion


def test_packing_leaves_out_what_is_at_its_default() -> None:
    assert pack(Completion("A")) == b'{"text":"A"}'
    assert pack(Completion("")) == b'{"text":""}'


def test_only_the_two_verdicts_of_a_request_are_no_answers() -> None:
    answered = {fault: Completion("", fault=fault).answered for fault in (None, TRUNCATED, REFUSED, EMPTY)}
    assert all(answered.values())
    assert not Completion("", fault=BAD_REQUEST).answered
    assert not Completion("", fault=REQUEST_FAILED).answered
