import gzip
from pathlib import Path

import orjson
import pytest

from anessuite.errors import ConfigError
from anessuite.llm.config import ModelConfig
from anessuite.llm.replay import read_recorded
from anessuite.llm.replies import TRUNCATED
from anessuite.llm.requests import OutputSchema, Request
from anessuite.llm.transport import ModelRefused

LINES = [
    {"contains": ["sevoflurane", "one question"], "reply": "Q: What is sevoflurane?"},
    {"contains": "sevoflurane", "reply": {"text": "A", "reasoning": "hm", "completion_tokens": 7}},
    {"contains": "麻醉", "reply": {"text": "", "fault": "truncated"}},
]


def recorded(folder: Path, *lines: object, name: str = "recorded.jsonl") -> Path:
    content = b"\n\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines)
    file = folder / name
    file.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return file


def ask(asker, file: Path, *contents: str):
    config = ModelConfig(model="m", endpoints=[f"replay:{file}"])
    schema = OutputSchema("o", {"type": "object"})
    requests = [
        Request([{"role": "system", "content": "麻醉"}, {"role": "user", "content": content}], schema)
        for content in contents
    ]
    return asker.ask(config, requests)


@pytest.mark.parametrize("name", ["recorded.jsonl", "recorded.jsonl.gz"])
def test_the_first_line_that_the_last_user_message_fits_answers(tmp_path: Path, asker, name: str) -> None:
    file = recorded(tmp_path, *LINES, name=name)
    replies = ask(asker, file, "one question on sevoflurane", "sevoflurane", "what is 麻醉").replies
    assert replies[0].text == "Q: What is sevoflurane?"
    assert (replies[1].text, replies[1].reasoning, replies[1].completion_tokens) == ("A", "hm", 7)
    assert replies[2].fault == TRUNCATED


def test_a_request_without_a_recorded_reply_stops_and_is_quoted(tmp_path: Path, asker) -> None:
    with pytest.raises(ModelRefused, match="no reply to the request 'on propofol'") as caught:
        ask(asker, recorded(tmp_path, *LINES), "on propofol")
    assert "contains" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "line 2 is no recorded reply"),
        (b"[]", "line 2"),
        ({"contains": "x"}, "'reply'"),
        ({"reply": "x"}, "'contains'"),
        ({"contains": [""], "reply": "x"}, "`contains` is a text"),
        ({"contains": 5, "reply": "x"}, "line 2"),
        ({"contains": "x", "reply": {"txt": "x"}}, "txt"),
        ({"contains": "x", "reply": {"text": 5}}, "the text of a reply is a string"),
        ({"contains": "x", "reply": None}, "line 2"),
    ],
)
def test_a_line_that_is_no_recorded_reply_is_named(tmp_path: Path, line: object, said: str) -> None:
    file = recorded(tmp_path, LINES[0], line)
    content = file.read_bytes().replace(b"\n\n", b"\n")
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_recorded(str(file))
    assert said in str(caught.value)
    assert "line 2" in str(caught.value)


def test_a_file_that_is_missing_empty_or_damaged_is_a_fault_of_the_config(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    damaged = tmp_path / "damaged.jsonl.gz"
    damaged.write_bytes(gzip.compress(orjson.dumps(LINES[0]) * 100)[:-20])
    no_gzip = tmp_path / "no.jsonl.gz"
    no_gzip.write_bytes(b"plain")
    for path in (tmp_path / "missing.jsonl", tmp_path, empty, damaged, no_gzip, "nowhere://x.jsonl"):
        with pytest.raises(ConfigError):
            read_recorded(str(path))
