"""A folder of weights as trainers save it: a config, safetensors, and a tokenizer with a chat template."""

import json
import os
from pathlib import Path
from typing import Any

from anessuite.errors import ConfigError
from anessuite.sources.files import public

_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")
_TEMPLATES = ("chat_template.jinja", "chat_template.json")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")


def shown(endpoint: str) -> str:
    """``transformers:DIR`` without the folders above DIR's own."""
    kind, _, folder = endpoint.partition(":")
    return f"{kind}:{public(folder)}"


def weights_folder(endpoint: str) -> Path:
    """The folder of ``transformers:DIR`` or ``vllm:DIR``, absolute, with all that a server of chats needs.

    Raises ConfigError, saying what is missing.
    """
    folder, name = Path(os.path.expanduser(endpoint.partition(":")[2])).absolute(), shown(endpoint)
    if not folder.is_dir():
        raise ConfigError(
            f"{name}: there is no such folder",
            "it names a folder on this machine, with config.json, safetensors and a tokenizer",
        )
    if (folder / "adapter_config.json").is_file():
        raise ConfigError(
            f"{name} holds an adapter, which is no whole model",
            "merge it into its base model, and name the folder of the result",
        )
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{name} is no folder of a model: it has no config.json", _there(folder))
    _check_weights(folder, name)
    _check_tokenizer(folder, name)
    return folder


def read_json(file: Path) -> dict[str, Any]:
    """The object in one of its files. Raises ConfigError where it holds none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file.parent.name}/{file.name} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{file.parent.name}/{file.name} is no JSON object")
    return content


def _check_weights(folder: Path, name: str) -> None:
    needed = {_WEIGHTS}
    if not (folder / _WEIGHTS).is_file() and (folder / _INDEX).is_file():
        shards = read_json(folder / _INDEX).get("weight_map")
        needed = set(map(str, shards.values())) if isinstance(shards, dict) else needed
    missing = sorted(one for one in needed if not (folder / one).is_file())
    if not missing:
        return
    if any(path.suffix in _PICKLES for path in folder.iterdir()):
        hint = "pickled weights (.bin, .pt) can run code and are not read: save them as safetensors"
    else:
        hint = _there(folder)
    raise ConfigError(f"{name} lacks weights as safetensors: {', '.join(missing[:4])}", hint)


def _check_tokenizer(folder: Path, name: str) -> None:
    if not any((folder / one).is_file() for one in _TOKENIZERS):
        raise ConfigError(
            f"{name} has no tokenizer (none of {', '.join(_TOKENIZERS)})",
            "save the tokenizer of its base model there: tokenizer.save_pretrained(DIR)",
        )
    told = folder / "tokenizer_config.json"
    if any((folder / one).is_file() for one in _TEMPLATES):
        return
    if not (told.is_file() and read_json(told).get("chat_template")):
        raise ConfigError(
            f"{name}: its tokenizer has no chat template, so that nobody can chat with it",
            "put the template that it was trained with there, as chat_template.jinja",
        )


def _there(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return f"it holds: {', '.join(names[:8]) or 'nothing'}"
