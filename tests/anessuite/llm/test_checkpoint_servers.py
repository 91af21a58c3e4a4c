"""Folders of weights behind a server of their own. Here a script stands for its command; the real ones are
asked in tests/training."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from anessuite.config import check_config
from anessuite.errors import ConfigError
from anessuite.llm.checkpoint_servers import NotServed, check_checkpoint, checkpoint_server
from anessuite.llm.config import ModelConfig
from anessuite.llm.logprobs import NoLogprobs, check_logprobs
from anessuite.llm.tokens import count_tokens
from anessuite.llm.weights import weights_folder

PROJECT = Path(__file__).parents[3]
FAKE = f"""#!{sys.executable}
import json, os, signal, subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

name = sys.argv[-1] if "--" in sys.argv else sys.argv[3].partition("=")[2]
port = next(int(word.partition("=")[2]) for word in sys.argv if word.startswith("--port="))
child = subprocess.Popen([sys.executable, "-c", "import signal, time; "
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"])
defaults = os.path.join(name, "generation_config.json")
told = {{
    "arguments": sys.argv[1:],
    "processes": [os.getpid(), child.pid],
    "environment": dict(os.environ),
    "here": os.getcwd(),
    "files": sorted(os.listdir(name)) if os.path.isdir(name) else [],
    "defaults": json.load(open(defaults)) if os.path.exists(defaults) else None,
}}

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = told if self.path == "/told" else {{"data": [{{"id": name}}]}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def script(folder: Path, text: str) -> str:
    file = folder / "serve.py"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o700)
    return str(file)


def failing(folder: Path, text: str) -> str:
    return script(folder, f"#!{sys.executable}\n{text}\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All that has to be there; no model."""
    made = tmp_path / "models" / "sft"
    made.mkdir(parents=True)
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "propofol": 1, "is": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # type: ignore[assignment]
    tokenizer.enable_padding()
    tokenizer.enable_truncation(3)
    tokenizer.save(str(made / "tokenizer.json"))
    (made / "config.json").write_text('{"eos_token_id": 7, "vocab_size": 3}')
    (made / "model.safetensors").write_bytes(b"")
    (made / "chat_template.jinja").write_text("{{ messages }}")
    return made


@pytest.fixture
def config(folder: Path) -> Callable[..., ModelConfig]:
    def made(kind: str = "transformers", **fields: Any) -> ModelConfig:
        content = {"model": "morpheus-sft", "endpoints": [f"{kind}:{folder}"], "temperature": 0.0} | fields
        return ModelConfig.model_validate(content)

    return made


def told_by(config: ModelConfig, program: str) -> dict[str, Any]:
    """What a server was told, from within; it has ended when this returns."""

    async def ask() -> dict[str, Any]:
        async with checkpoint_server(config, program=program, patience=20) as url:
            with urllib.request.urlopen(f"{url.removesuffix('/v1')}/told", timeout=10) as reply:
                return json.load(reply)

    return asyncio.run(ask())


def lives(process: int) -> bool:
    """Zombies do not: a container's first process may be slow to collect them."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("endpoints", "said"),
    [
        (["transformers:"], "transformers: names a folder of weights: transformers:DIR"),
        (["vllm:"], "vllm: names a folder of weights: vllm:DIR"),
        (["transformers:a", "transformers:b"], "stand alone"),
        (["vllm:a", "http://gpu1:8000/v1"], "stand alone"),
        (["torch:a"], "transformers:DIR, vllm:DIR, or replay:FILE"),
    ],
)
def test_a_folder_of_weights_is_named_and_stands_alone(endpoints: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_config({"model": "m", "endpoints": endpoints}, ModelConfig, where="models")
    assert said in str(caught.value)


@pytest.mark.parametrize("kind", ["transformers", "vllm"])
def test_a_recipe_says_how_it_was_served_without_the_folders_above(kind: str) -> None:
    config = ModelConfig(model="m", endpoints=[f"{kind}:/home/me/models/sft/"])
    assert config.recipe()["served"] == f"{kind}:models/sft"


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def half_of_the_shards(folder: Path) -> None:
    index = {"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model.safetensors").rename(folder / "model-1-of-2.safetensors")


def an_adapter(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{}")


def a_template_that_is_null(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    (folder / "tokenizer_config.json").write_text('{"chat_template": null}')


def a_broken_file(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    (folder / "tokenizer_config.json").write_text("{")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without("config.json"), "it has no config.json"),
        (without("model.safetensors"), "lacks weights as safetensors: model.safetensors"),
        (pickled, "save them as safetensors"),
        (half_of_the_shards, "lacks weights as safetensors: model-2-of-2.safetensors"),
        (an_adapter, "holds an adapter"),
        (without("tokenizer.json"), "has no tokenizer"),
        (without("chat_template.jinja"), "has no chat template"),
        (a_template_that_is_null, "has no chat template"),
        (a_broken_file, "sft/tokenizer_config.json cannot be read"),
    ],
)
def test_a_folder_that_no_server_could_load_is_refused_before_anything_starts(
    damage: Callable[[Path], None], said: str, folder: Path, config: Callable[..., ModelConfig]
) -> None:
    damage(folder)
    with pytest.raises(ConfigError) as caught:
        told_by(config(), "/no/such/program")
    assert said in str(caught.value)
    assert str(folder.parent.parent) not in str(caught.value)


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"vllm:no/such: there is no such folder"):
        weights_folder("vllm:no/such")


def test_shards_and_a_template_among_the_settings_are_enough(folder: Path) -> None:
    half_of_the_shards(folder)
    (folder / "model-2-of-2.safetensors").touch()
    (folder / "chat_template.jinja").unlink()
    (folder / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    assert weights_folder(f"vllm:{folder}") == folder


@pytest.mark.parametrize("name", ["/data/models/sft", "../sft", "a//b", "sft/"])
def test_a_name_that_is_no_relative_path_is_refused(name: str, config: Callable[..., ModelConfig]) -> None:
    with pytest.raises(ConfigError, match="cannot be served under the name"):
        check_checkpoint(config(model=name))


def test_the_command_beside_our_python_comes_before_that_on_the_path(
    tmp_path: Path, config: Callable[..., ModelConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "elsewhere"))
    with pytest.raises(ConfigError, match="transformers:models/sft needs the command transformers") as caught:
        check_checkpoint(config())
    assert "'.[train]'" in caught.value.hint
    with pytest.raises(ConfigError) as caught:
        check_checkpoint(config("vllm"))
    assert "'.[vllm]'" in caught.value.hint
    for place in ("elsewhere/vllm", "transformers"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).touch(mode=0o700)
    check_checkpoint(config())
    check_checkpoint(config("vllm"))


def test_transformers_serves_one_pinned_model_by_its_name_on_the_loopback(
    tmp_path: Path, folder: Path, config: Callable[..., ModelConfig]
) -> None:
    told = told_by(config(model="anes/morpheus-sft"), script(tmp_path, FAKE))
    assert told["arguments"][0] == "serve"
    assert told["arguments"][-2:] == ["--", "anes/morpheus-sft"]
    assert "--host=127.0.0.1" in told["arguments"]
    assert not [word for word in told["arguments"] if "trust" in word]
    assert told["files"] == sorted(path.name for path in folder.iterdir())
    assert told["defaults"] is None
    assert not Path(told["here"]).exists()


def test_vllm_is_given_the_folder_and_reads_safetensors_only(
    tmp_path: Path, folder: Path, config: Callable[..., ModelConfig]
) -> None:
    told = told_by(config("vllm"), script(tmp_path, FAKE))
    assert told["arguments"][:3] == ["serve", str(folder), "--served-model-name=morpheus-sft"]
    assert {"--host=127.0.0.1", "--load-format=safetensors"} <= set(told["arguments"])
    assert not [word for word in told["arguments"] if "trust" in word]


def test_a_server_is_offline_and_given_no_secret(
    tmp_path: Path, config: Callable[..., ModelConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("VLLM_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "s3cret")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    environment = told_by(config("vllm"), script(tmp_path, FAKE))["environment"]
    assert "s3cret" not in environment.values()
    wanted = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "VLLM_NO_USAGE_STATS": "1"}
    assert wanted.items() <= environment.items()


@pytest.mark.parametrize(
    ("fields", "together"),
    [
        ({"temperature": 0}, True),
        ({"temperature": 0, "seed": 5}, True),
        ({"temperature": 0.7}, True),
        ({"temperature": 0.7, "seed": 5}, False),
        ({"extra": {"stop": ["\n"]}}, False),
        ({"extra": {"chat_template_kwargs": {"enable_thinking": False}}}, True),
    ],
)
def test_requests_are_batched_unless_that_would_pass_over_what_they_ask(
    fields: dict[str, Any], together: bool, tmp_path: Path, config: Callable[..., ModelConfig]
) -> None:
    arguments = told_by(config(**fields), script(tmp_path, FAKE))["arguments"]
    assert ("--continuous-batching" in arguments) is together


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (None, {"top_k": 0, "eos_token_id": 7, "do_sample": True}),
        ({"top_k": 20, "eos_token_id": [7, 8]}, {"top_k": 20, "eos_token_id": [7, 8], "do_sample": True}),
        ({"do_sample": False}, {"top_k": 0, "do_sample": True}),
    ],
)
def test_with_a_temperature_the_served_folder_says_that_it_is_sampled(
    own: dict[str, Any] | None,
    expected: dict[str, Any],
    tmp_path: Path,
    folder: Path,
    config: Callable[..., ModelConfig],
) -> None:
    if own is not None:
        (folder / "generation_config.json").write_text(json.dumps(own))
    assert told_by(config(temperature=0.7), script(tmp_path, FAKE))["defaults"] == expected
    assert told_by(config(temperature=0), script(tmp_path, FAKE))["defaults"] == own


def test_the_server_and_its_own_processes_end_with_the_block(
    tmp_path: Path, config: Callable[..., ModelConfig]
) -> None:
    told = told_by(config(), script(tmp_path, FAKE))
    assert [process for process in told["processes"] if lives(process)] == []


def test_a_server_that_ends_at_once_is_told_with_its_errors_and_no_folders(
    tmp_path: Path, config: Callable[..., ModelConfig]
) -> None:
    said = "ValueError: no room for /home/me/secret/models/sft/model.safetensors (see http://a/b/c)"
    program = failing(tmp_path, f"print('Loading'); print({said!r}); print('bye'); raise SystemExit(3)")
    with pytest.raises(NotServed) as caught:
        told_by(config(), program)
    assert caught.value.what == (
        "transformers:models/sft: its server ended before it was ready:\n"
        "ValueError: no room for sft/model.safetensors (see http://a/b/c)"
    )
    with pytest.raises(NotServed, match="Loading\nbye"):
        told_by(config(), failing(tmp_path, "print('Loading'); print('bye')"))
    with pytest.raises(NotServed, match="it said nothing"):
        told_by(config(), failing(tmp_path, ""))


def test_a_server_that_is_never_ready_is_given_up_and_ended(
    tmp_path: Path, config: Callable[..., ModelConfig]
) -> None:
    mark = tmp_path / "process"
    lines = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(600)"

    async def wait() -> None:
        async with checkpoint_server(config(), program=failing(tmp_path, lines), patience=2):
            pytest.fail("it is not ready")

    with pytest.raises(NotServed, match="was not ready after 2 s"):
        asyncio.run(wait())
    assert not lives(int(mark.read_text()))


def test_another_model_on_the_port_is_not_taken_for_ours(
    tmp_path: Path, config: Callable[..., ModelConfig]
) -> None:
    async def wait() -> None:
        program = script(tmp_path, FAKE.replace('{"id": name}', '{"id": "another"}'))
        async with checkpoint_server(config(), program=program, patience=2):
            pytest.fail("it is not ready")

    with pytest.raises(NotServed, match="was not ready"):
        asyncio.run(wait())


KILLED = """
import asyncio, sys, urllib.request
from anessuite.llm.checkpoint_servers import checkpoint_server
from anessuite.llm.config import ModelConfig

async def main():
    config = ModelConfig(model="m", endpoints=[sys.argv[1]])
    async with checkpoint_server(config, program=sys.argv[2]) as url:
        print(urllib.request.urlopen(url.removesuffix("/v1") + "/told").read().decode(), flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_server_outlives_us_however_we_end(how: signal.Signals, tmp_path: Path, folder: Path) -> None:
    ours = subprocess.Popen(
        [sys.executable, "-c", KILLED, f"transformers:{folder}", script(tmp_path, FAKE)],
        cwd=PROJECT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert ours.stdout is not None
    processes = json.loads(ours.stdout.readline())["processes"]
    assert all(map(lives, processes))
    ours.send_signal(how)
    ours.wait(30)
    until = time.monotonic() + 20
    while any(map(lives, processes)) and time.monotonic() < until:
        time.sleep(0.1)
    assert [process for process in processes if lives(process)] == []


def test_tokens_are_counted_from_the_folder_without_a_server(
    folder: Path, config: Callable[..., ModelConfig]
) -> None:
    texts = ["propofol is", "propofol is an anesthetic"]
    assert count_tokens(config(), texts) == ([2, 4], "counted by the model's tokenizer")
    (folder / "tokenizer.json").write_text("{")
    assert count_tokens(config(), texts)[1] == (
        "estimated from characters: the folder has no tokenizer.json that can be read"
    )
    (folder / "config.json").unlink()
    assert "it has no config.json" in count_tokens(config(), texts)[1]


def test_transformers_gives_no_logprobs_and_is_not_started_for_them(
    config: Callable[..., ModelConfig],
) -> None:
    with pytest.raises(NoLogprobs, match="gives no log-probabilities of a prompt"):
        check_logprobs(config(), way="echo")
