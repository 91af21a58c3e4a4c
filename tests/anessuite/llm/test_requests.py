import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from anessuite.llm.config import ModelConfig, Price
from anessuite.llm.requests import OutputSchema, Request, request_body, request_key

PROJECT = Path(__file__).parents[3]
MESSAGES = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "何为麻醉?"}]
SCHEMA = {"type": "object", "properties": {"reason": {"type": "string"}, "answer": {"type": "string"}}}


KEY_OF_2026 = "2a6488c2fb27f217ebd1fd546739efdedca0f07abf792fb064bf3dbb1a7cc13e"


def model(**fields: Any) -> ModelConfig:
    return ModelConfig(**({"model": "m", "endpoints": ["http://a:1/v1"], "temperature": 0.5} | fields))


def test_a_key_is_the_same_in_another_process() -> None:
    script = (
        "from anessuite.llm.config import ModelConfig\n"
        "from anessuite.llm.requests import OutputSchema, Request, request_key\n"
        "config = ModelConfig(model='m', endpoints=['http://a:1/v1'], temperature=0.5, extra={'top_k': 3})\n"
        f"request = Request({MESSAGES!r}, OutputSchema('o', {SCHEMA!r}), 2)\n"
        "print(request_key(config, request).hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True, env={}
    )
    request = Request(MESSAGES, OutputSchema("o", SCHEMA), 2)
    assert done.stdout.strip() == request_key(model(extra={"top_k": 3}), request).hex()


def test_a_key_stays_what_it_was_when_this_test_was_written() -> None:
    request = Request(MESSAGES, OutputSchema("o", SCHEMA), 2)
    assert request_key(model(seed=7), request).hex() == KEY_OF_2026


def test_all_that_changes_the_reply_changes_the_key() -> None:
    request = Request(MESSAGES, OutputSchema("o", SCHEMA))
    reordered = {**SCHEMA, "properties": dict(reversed(SCHEMA["properties"].items()))}
    keys = [
        request_key(model(), request),
        request_key(model(model="n"), request),
        request_key(model(temperature=0.6), request),
        request_key(model(temperature=None), request),
        request_key(model(top_p=0.9), request),
        request_key(model(max_tokens=5), request),
        request_key(model(seed=1), request),
        request_key(model(extra={"top_k": 3}), request),
        request_key(model(), Request(MESSAGES)),
        request_key(model(), Request(MESSAGES, OutputSchema("o", {"type": "object"}))),
        request_key(model(), Request(MESSAGES, OutputSchema("o", reordered))),
        request_key(model(), Request(MESSAGES, OutputSchema("o", SCHEMA), 1)),
        request_key(model(), Request(MESSAGES[1:], OutputSchema("o", SCHEMA))),
        request_key(model(), Request(MESSAGES[::-1], OutputSchema("o", SCHEMA))),
    ]
    assert len(set(keys)) == len(keys)


def test_where_and_how_fast_it_is_asked_does_not_change_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request(MESSAGES, OutputSchema("o", SCHEMA))
    moved = model(
        endpoints=["https://b/v1", "http://c:2/v1"],
        api_key_env="SOME_KEY",
        concurrency=3,
        timeout=1,
        retries=0,
        patience=1,
        requests_per_minute=5,
        tokens_per_minute=5,
        price=Price(input=1, output=2),
    )
    monkeypatch.setenv("SOME_KEY", "secret")
    assert request_key(moved, request) == request_key(model(), request)
    renamed = Request(tuple(MESSAGES), OutputSchema("another name", SCHEMA))
    assert request_key(model(), renamed) == request_key(model(), request)


def test_the_order_of_extra_fields_does_not_change_the_key_and_numbers_may_name_them() -> None:
    one, other = (
        model(extra={"a": 1, "logit_bias": {5: -100}}),
        model(extra={"logit_bias": {5: -100}, "a": 1}),
    )
    request = Request(MESSAGES)
    assert request_key(one, request) == request_key(other, request)
    assert orjson.loads(request_body(one, request, structure="text"))["logit_bias"] == {"5": -100}


def test_a_body_holds_what_the_key_was_made_of_and_nothing_else() -> None:
    messages = [{"role": "user", "content": "q", "name": "not sent"}]
    body = orjson.loads(request_body(model(seed=7), Request(messages, attempt=2), structure="text"))
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "q"}],
        "temperature": 0.5,
        "max_tokens": 1024,
        "seed": 9,
    }


def test_a_schema_is_asked_for_in_the_form_that_the_server_knows() -> None:
    request = Request(MESSAGES, OutputSchema("o", SCHEMA))
    bodies = {
        structure: orjson.loads(request_body(model(), request, structure=structure))
        for structure in ("json_schema", "json_object", "text")
    }
    strict = {"name": "o", "schema": SCHEMA, "strict": True}
    assert bodies["json_schema"]["response_format"] == {"type": "json_schema", "json_schema": strict}
    assert bodies["json_object"]["response_format"] == {"type": "json_object"}
    assert "response_format" not in bodies["text"]
