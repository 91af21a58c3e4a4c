"""The model that training begins with: a folder, or a name on the Hugging Face hub."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from anessuite.config import Config
from anessuite.errors import ConfigError
from anessuite.manifests import Input

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{% endif %}"
)
"""The template ``chatml``, for base models that have none; a tokenizer without its two marks as tokens
spells them out."""
_WANTED = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "*.tiktoken")
_TEMPLATE = "chat_template.jinja"


class Base(Config):
    """A model as a config names it. Weights are read from safetensors only, never from pickles."""

    path: str = Field(min_length=1, description="folder, or OWNER/NAME on the hub")
    revision: str | None = Field(default=None, description="commit on the hub; default: the newest")
    chat_template: str | None = Field(
        default=None, description="a .jinja file, or chatml; default: the tokenizer's own"
    )
    trust_remote_code: bool = Field(default=False, description="run Python code that comes with the model")


def _named(told: Any) -> Any:
    return {"path": told} if isinstance(told, str) else told


NamedBase = Annotated[Base, BeforeValidator(_named)]


def fetch(base: Base, work: Path) -> Path:
    """The folder of the model, downloaded if it is on the hub; with another chat template a folder of links
    below ``work``. Raises ConfigError, saying what is missing."""
    folder = Path(base.path).expanduser() if _is_folder(base.path) else _download(base)
    _check(folder, base.path)
    if base.chat_template is None:
        return folder
    return _with_template(folder, _template(base.chat_template), work / "base")


def inputs(folder: Path, base: Base) -> list[Input]:
    """The files that decide what the model is, with their SHA-256."""
    name = f"base {base.path.rstrip('/').split('/')[-1]}"
    return [
        Input(name=name, source=path.name, bytes=path.stat().st_size, digest=f"sha256:{_sha256(path)}")
        for path in sorted(folder.iterdir())
        if path.is_file() and any(path.match(pattern) for pattern in _WANTED)
    ]


def _is_folder(path: str) -> bool:
    return path.startswith(("/", ".", "~")) or Path(path).is_dir()


def _download(base: Base) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        patterns = [*_WANTED, *(["*.py"] if base.trust_remote_code else [])]
        return Path(snapshot_download(base.path, revision=base.revision, allow_patterns=patterns))
    except (RepositoryNotFoundError, LocalEntryNotFoundError, HfHubHTTPError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ConfigError(
            f"{base.path} is no folder here, and the hub does not give it: {first}",
            "check the name, HF_TOKEN for models that ask for consent, and the network",
        ) from None


def _check(folder: Path, name: str) -> None:
    if not (folder / "config.json").is_file():
        there = ", ".join(sorted(p.name for p in folder.iterdir())[:8]) if folder.is_dir() else "nothing"
        raise ConfigError(f"{name} is no folder of a model: it has no config.json", f"it holds: {there}")
    if not any(folder.glob("*.safetensors")):
        raise ConfigError(
            f"{name} has no weights as safetensors", "pickled weights (.bin, .pt) are not read: convert them"
        )


def _template(told: str) -> str:
    if told == "chatml":
        return CHATML
    try:
        return Path(told).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"chat_template {told} cannot be read: {error}") from None


def _with_template(folder: Path, template: str, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in folder.iterdir():
        if path.is_file() and path.name != _TEMPLATE:
            os.symlink(path.resolve(), target / path.name)
    (target / _TEMPLATE).write_text(template, encoding="utf-8")
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
