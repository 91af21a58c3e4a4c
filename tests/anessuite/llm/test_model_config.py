from typing import Any

import pytest

from anessuite.config import check_config
from anessuite.errors import ConfigError
from anessuite.llm.config import ModelConfig


def checked(**fields: Any) -> ModelConfig:
    content = {"model": "m", "endpoints": ["http://gpu1:8000/v1"]} | fields
    return check_config(content, ModelConfig, where="generator")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"endpoints": ["gpu1:8000"]}, "is no endpoint"),
        ({"endpoints": []}, "at least 1"),
        ({"endpoints": ["http://u:secret@gpu1/v1"]}, "holds no user or password"),
        ({"endpoints": ["http://gpu1/v1?key=secret"]}, "without a query"),
        ({"endpoints": ["http://gpu1:99999/v1"]}, "names no host and port"),
        ({"endpoints": ["http://[::bad/v1"]}, "names no host and port"),
        ({"endpoints": ["http:///v1"]}, "names no host and port"),
        ({"endpoints": ["local:", "http://gpu1/v1"]}, "stand alone"),
        ({"extra": {"stream": True, "n": 2}}, "n, stream: set by a field of its own"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurency": 5}, "did you mean 'concurrency'"),
    ],
)
def test_a_wrong_config_is_refused_and_says_why(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checked(**fields)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_key_comes_from_the_environment_and_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    config = checked(api_key_env="THE_KEY")
    monkeypatch.delenv("THE_KEY", raising=False)
    with pytest.raises(ConfigError, match="THE_KEY holds no key"):
        config.api_key()
    monkeypatch.setenv("THE_KEY", " s3cret\n")
    key = config.api_key()
    assert key is not None
    assert key.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(key) + repr(config) + config.model_dump_json()


@pytest.mark.parametrize("wrong", ["“s3cret”", "s3\ncret"])
def test_a_key_that_no_header_may_hold_is_a_fault_of_the_config(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", wrong)
    with pytest.raises(ConfigError, match="holds is no key") as caught:
        checked(api_key_env="THE_KEY").api_key()
    assert "cret" not in str(caught.value)


def test_a_recipe_names_model_and_parameters_and_no_address() -> None:
    config = checked(model="/data/models/llama", temperature=0, extra={"top_k": 5}, api_key_env="THE_KEY")
    assert config.recipe() == {
        "model": "models/llama",
        "parameters": {"temperature": 0, "max_tokens": 1024, "top_k": 5},
    }
    assert checked(endpoints=["local:"]).recipe()["served"] == "local:"
    recorded = checked(endpoints=["replay:/home/me/here/recorded.jsonl"])
    assert recorded.recipe()["served"] == "replay:here/recorded.jsonl"
