"""A trained model: its folder, and what its files are."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anessuite.manifests import File
from anessuite.training.chains import BASE


@dataclass(frozen=True, slots=True)
class Trained:
    """A model of the chain of stages ``label`` (``sft+grpo``; ``base`` is none) and its files."""

    label: str
    folder: Path
    files: tuple[File, ...]

    @classmethod
    def of(cls, label: str, folder: Path, files: Iterable[Mapping[str, Any]]) -> "Trained":
        """From what a mark holds."""
        return cls(label, folder, tuple(File.model_validate(one) for one in files))

    @classmethod
    def untrained(cls, folder: Path) -> "Trained":
        """The base model."""
        return cls(BASE, folder, tuple(files_of(folder)))

    @property
    def digest(self) -> str:
        """12 hex digits that stand for the weights and the tokenizer: what a cache of replies goes by."""
        whole = "\n".join(f"{one.path} {one.sha256}" for one in self.files)
        return hashlib.sha256(whole.encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """How its server calls it."""
        return f"morpheus-{self.label.replace('+', '-')}-{self.digest}"


def files_of(folder: Path) -> list[File]:
    """The files of a model, with size and SHA-256."""
    found: list[File] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            found.append(
                File(path=path.relative_to(folder).as_posix(), bytes=path.stat().st_size, sha256=digest)
            )
    return found
