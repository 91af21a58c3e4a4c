"""``transformers:DIR``, ``vllm:DIR`` - a folder of weights behind a server of its own, which ends with us.

The commands ``transformers serve`` and ``vllm serve`` run as processes of their own: on a free loopback port,
without network, without telemetry, without code from the folder, from safetensors only. For other options
start the server yourself, and name its URL.

What to know of ``transformers serve`` (5.24): it refuses fields that it does not know, and passes over
``response_format``, so that structured output is by the prompt alone. A text that `stop` ends holds the stop
string. A reply whose last token is the last that `max_tokens` allows counts as cut short, even if it is the
end token. Requests in flight share one random state: a seed repeats a reply only at ``concurrency: 1``.
"""

import asyncio
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from anessuite.errors import AnesError, ConfigError
from anessuite.guard import end, guarded
from anessuite.llm.config import ModelConfig
from anessuite.llm.local import free_port
from anessuite.llm.transport import Failed, ModelRefused, Overloaded, Transport
from anessuite.llm.weights import read_json, shown, weights_folder
from anessuite.sources.files import public

log = logging.getLogger("anes")

_READY_SECONDS = 900.0
"""A large model from a slow disk takes minutes."""
_LOOK_SECONDS = 0.3
_EXTRAS = {"transformers": "train", "vllm": "vllm"}
_QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_HOST_IP": "127.0.0.1",
    "TOKENIZERS_PARALLELISM": "false",
}
_PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads of torch that wait for each other give the core away. On two cores that others used too, SmolLM2
wrote 4 to 7 tokens a second, and 0.4 where they spun."""
_SECRET = re.compile(r"_(KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
"""Variables that a server has no use for; with VLLM_API_KEY it would ask for one."""
_DEVICES = ("/dev/nvidiactl", "/dev/kfd")
_CACHE_SHARE = "0.2"
"""Of the free memory, for keys and values, where there is no GPU: by default 0.6, touched at once."""
_KEPT_TOGETHER = frozenset({"chat_template_kwargs"})
_LINES = 8
_PATH = re.compile(r"(?<![\w/:.])~?/[^\s'\"`,;:()\[\]<>]+")


class NotServed(AnesError):
    """The server of a checkpoint ended, or did not become ready."""


def check_checkpoint(config: ModelConfig) -> None:
    """Raise ConfigError where the folder is no model that can be served, or its server is not installed."""
    weights_folder(config.endpoints[0])
    _check_name(config)
    _program(config)


@asynccontextmanager
async def checkpoint_server(
    config: ModelConfig, *, program: str | None = None, patience: float = _READY_SECONDS
) -> AsyncIterator[str]:
    """Serve the weights as ``config.model``, by ``program`` or the installed one; yields the URL of its API.

    Raises:
        ConfigError: see `check_checkpoint`; nothing was started.
        NotServed: the server ended, with the errors in its log, or was not ready within ``patience`` seconds.
    """
    folder = weights_folder(config.endpoints[0])
    _check_name(config)
    program = program or _program(config)
    with TemporaryDirectory(prefix="anes-server-", ignore_cleanup_errors=True) as work:
        output, port = Path(work) / "server.log", free_port()
        url = f"http://127.0.0.1:{port}/v1"
        if config.endpoints[0].startswith("vllm:"):
            arguments = _vllm(config, folder, port)
        else:
            _link(folder, Path(work) / "served" / config.model, config)
            arguments = _transformers(config, port)
        with _running([program, *arguments], output) as process:
            await _ready(config, url, process, output, patience)
            try:
                yield url
            finally:
                if process.poll() is not None:
                    log.warning("%s: its server ended:\n%s", shown(config.endpoints[0]), _said(output))


def _check_name(config: ModelConfig) -> None:
    """Raise ConfigError for a name that is no relative path: `transformers serve` names models by theirs."""
    if any(part in ("", ".", "..") for part in config.model.split("/")):
        raise ConfigError(
            f"{shown(config.endpoints[0])} cannot be served under the name {public(config.model)}",
            "set `model` to a name such as NAME or OWNER/NAME",
        )


def _program(config: ModelConfig) -> str:
    """The command beside our Python, which is that of an environment that is not activated, or on PATH."""
    name = config.endpoints[0].partition(":")[0]
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise ConfigError(
            f"{shown(config.endpoints[0])} needs the command {name}",
            f"pip install -c constraints.txt -e '.[{_EXTRAS[name]}]'",
        )
    return found


def _vllm(config: ModelConfig, folder: Path, port: int) -> list[str]:
    name = f"--served-model-name={config.model}"
    return ["serve", str(folder), name, "--host=127.0.0.1", f"--port={port}", "--load-format=safetensors"]


def _transformers(config: ModelConfig, port: int) -> list[str]:
    """One model, pinned. Requests go one after another unless they may be batched (`_together`).

    Without a GPU the weights are widened to float32: of SmolLM2's greedy replies to eight requests at once
    all were those to the same requests one by one, and in bfloat16, which is twice as fast, four.
    """
    gpu = any(Path(device).exists() for device in _DEVICES)
    options = [] if gpu else ["--dtype=float32"]
    if _together(config):
        options += ["--continuous-batching", *([] if gpu else [f"--cb-max-memory-percent={_CACHE_SHARE}"])]
    return ["serve", "--host=127.0.0.1", f"--port={port}", *options, "--", config.model]


def _together(config: ModelConfig) -> bool:
    """Whether continuous batching keeps to what is asked: it passes over seeds, `stop` and penalties."""
    return not config.extra.keys() - _KEPT_TOGETHER and (not config.temperature or config.seed is None)


def _link(folder: Path, target: Path, config: ModelConfig) -> None:
    """The folder once more, as links, under the path that is the model's name.

    With a temperature its generation_config.json says `do_sample`: without it `transformers serve` is greedy
    at any temperature that a request has, and with it alone, it takes the 50 likeliest tokens.
    """
    target.mkdir(parents=True)
    for path in folder.iterdir():
        (target / path.name).symlink_to(path)
    if config.temperature:
        own = target / "generation_config.json"
        defaults = read_json(own) if own.exists() else _ends(read_json(target / "config.json"))
        own.unlink(missing_ok=True)
        own.write_text(json.dumps({"top_k": 0} | defaults | {"do_sample": True}), encoding="utf-8")


def _ends(model: dict[str, object]) -> dict[str, object]:
    """What is taken from config.json where there is no generation_config.json: the tokens that end a text."""
    names = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
    return {name: model[name] for name in names if model.get(name) is not None}


@contextmanager
def _running(command: Sequence[str], output: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The command under its guard, in a session of its own: Ctrl-C reaches us alone."""
    environment = {name: value for name, value in os.environ.items() if not _SECRET.search(name)}
    folder = output.parent / "served"
    folder.mkdir(exist_ok=True)
    with output.open("wb") as file:
        process = guarded([*command], file, env=_PATIENT | environment | _QUIET, cwd=folder)
    try:
        yield process
    finally:
        end(process)


async def _ready(
    config: ModelConfig, url: str, process: "subprocess.Popen[bytes]", output: Path, patience: float
) -> None:
    """Wait until the server lists the model; that it is this one's, and not another's on this port."""
    name = shown(config.endpoints[0])
    log.info("%s: starting its server, which loads the model first", name)
    server = Transport(url, key=None, timeout=10, connections=1)
    try:
        async with asyncio.timeout(patience):
            while process.poll() is None:
                with suppress(Failed, ModelRefused, Overloaded):
                    if config.model in (await server.models() or ()):
                        return
                await asyncio.sleep(_LOOK_SECONDS)
        how = "ended before it was ready"
    except TimeoutError:
        how = f"was not ready after {patience:g} s"
    finally:
        await server.close()
    raise NotServed(
        f"{name}: its server {how}:\n{_said(output)}",
        "mend what it says; for other options start the server yourself, and name its URL as the endpoint",
    )


def _said(output: Path) -> str:
    """The last errors in a log, or its last lines where none is named; no absolute paths."""
    lines = [line for line in output.read_text(errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if "Error" in line] or lines or ["it said nothing"]
    return "\n".join(_PATH.sub(lambda path: public(path[0]), line[:300]) for line in told[-_LINES:])
