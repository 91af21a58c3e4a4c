from pathlib import Path

import pytest
from pydantic import Field

from anessuite.config import Config, check_config, read_config
from anessuite.errors import ConfigError


class Price(Config):
    tokens_in: float = 0
    tokens_out: float = 0


class Model(Config):
    endpoint: str
    price: Price = Price()


class Other(Config):
    threshold: float = 0.5


class Whole(Config):
    specialty: str = "anesthesiology"
    generator: Model | None = None
    steps: tuple[Model | Other, ...] = ()
    named: dict[str, Price] = Field(default_factory=dict)


def refused(content: object) -> str:
    with pytest.raises(ConfigError) as caught:
        check_config(content, Whole, where="corpus.yaml")  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_good_file_becomes_the_model(tmp_path: Path) -> None:
    path = tmp_path / "corpus.yaml"
    path.write_text("specialty: 麻醉\ngenerator: {endpoint: here, price: {tokens_in: 2}}\n", encoding="utf-8")
    config = read_config(path, Whole)
    assert config.specialty == "麻醉"
    assert config.generator == Model(endpoint="here", price=Price(tokens_in=2))


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Whole().specialty = "cardiology"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"specialy": 1}, "specialy: unknown key; did you mean 'specialty'?"),
        (
            {"generator": {"endpont": "x", "endpoint": "x"}},
            "generator.endpont: unknown key; did you mean 'endpoint'?",
        ),
        (
            {"generator": {"endpoint": "x", "price": {"token_in": 1}}},
            "generator.price.token_in: unknown key; did you mean 'tokens_in'?",
        ),
        (
            {"named": {"gpt": {"tokens_uot": 1}}},
            "named.gpt.tokens_uot: unknown key; did you mean 'tokens_out'?",
        ),
        ({"zzz": 1}, "zzz: unknown key; known keys: generator, named, specialty, steps"),
    ],
)
def test_an_unknown_key_at_any_depth_names_the_nearest(content: object, line: str) -> None:
    message = refused(content)
    assert f"  - {line}" in message
    assert "corpus.yaml" in message


def test_an_unknown_key_inside_a_list_of_alternatives_names_the_nearest_of_its_own_alternative() -> None:
    message = refused({"steps": [{"threshold": 1}, {"treshold": 1}]})
    assert "steps.1." in message and "did you mean 'threshold'?" in message
    assert "steps.0" not in message


def test_every_fault_is_told_at_once() -> None:
    message = refused({"specialty": 3, "generatr": {}, "named": {"a": {"tokens_in": "many"}}})
    assert all(f"  - {place}" in message for place in ("specialty: ", "generatr: ", "named.a.tokens_in: "))


def test_a_missing_key_is_named_with_its_place() -> None:
    assert "generator.endpoint: Field required" in refused({"generator": {}})


def test_a_missing_file_says_which_there_are(tmp_path: Path) -> None:
    (tmp_path / "corpus.yaml").touch()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ConfigError, match=r"no config file .*corpsu\.yaml\n.*in that folder: corpus\.yaml$"):
        read_config(tmp_path / "corpsu.yaml", Whole)
    with pytest.raises(ConfigError, match="no YAML file"):
        read_config(tmp_path / "nowhere" / "corpus.yaml", Whole)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty or holds no mapping"),
        (b"- a\n- b\n", "is empty or holds no mapping"),
        (b"a: [1, 2\n", "is not YAML"),
        (b"a: !!python/object/apply:os.getcwd []\n", "is not YAML"),
        ("specialty: 麻醉\n".encode("gb18030"), "is not UTF-8"),
    ],
)
def test_a_broken_file_is_named_with_its_fault(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "corpus.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"corpus.yaml {message}"):
        read_config(path, Whole)


def test_faults_of_a_file_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("specialy: x\n")
    with pytest.raises(ConfigError, match=r"my\.yaml is not a valid config:\n  - specialy: unknown key"):
        read_config(path, Whole)


def test_a_folder_and_a_path_through_a_file_are_config_errors(tmp_path: Path) -> None:
    (tmp_path / "file.yaml").touch()
    with pytest.raises(ConfigError, match="is a folder, not a config file"):
        read_config(tmp_path, Whole)
    with pytest.raises(ConfigError, match="cannot be read: Not a directory"):
        read_config(tmp_path / "file.yaml" / "corpus.yaml", Whole)
