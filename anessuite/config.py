"""Config files: YAML checked by Pydantic; an unknown key names the nearest known one."""

import difflib
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from anessuite.errors import ConfigError


class Config(BaseModel):
    """Base of every config section: unknown keys are refused, values cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


C = TypeVar("C", bound=BaseModel)


def read_config(path: Path | str, model: type[C]) -> C:
    """Read and check one config file.

    Raises:
        ConfigError: no such file, not YAML, not a mapping, or the model refuses it; each with its place.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        there = sorted(p.name for p in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        raise ConfigError(
            f"no config file {path}", f"in that folder: {', '.join(there) or 'no YAML file'}"
        ) from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder, not a config file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: {error}", "save the file as UTF-8") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path} is empty or holds no mapping", f"known keys: {', '.join(model.model_fields)}"
        )
    return check_config(content, model, where=str(path))


def check_config(content: dict[str, Any], model: type[C], *, where: str) -> C:
    """Check a mapping against ``model``; every fault becomes one line of a ConfigError."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [_describe(fault, model) for fault in error.errors()]
        raise ConfigError(
            f"{where} is not a valid config:\n" + "\n".join(f"  - {line}" for line in lines)
        ) from None


def _describe(fault: Any, model: type[BaseModel]) -> str:
    loc = tuple(fault["loc"])
    place = ".".join(str(part) for part in loc) or "(top)"
    if fault["type"] != "extra_forbidden":
        return f"{place}: {fault['msg']}"
    known = sorted(_known_keys(model, loc[:-1]))
    near = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.6)
    advice = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
    return f"{place}: unknown key; {advice}"


def _known_keys(model: type[BaseModel], loc: tuple[Any, ...]) -> set[str]:
    models: set[type[BaseModel]] = {model}
    for part in loc:
        fields = [
            m.model_fields[part].annotation
            for m in models
            if isinstance(part, str) and part in m.model_fields
        ]
        if fields:
            models = {found for annotation in fields for found in _models_in(annotation)}
    return {key for found in models for key in found.model_fields}


def _models_in(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {found for arg in typing.get_args(annotation) for found in _models_in(arg)}
