"""What `anes plan` is asked, and what the plan of a dataset answers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Wanted:
    """``sample`` rows of each source, or all; ``probe`` of them are tried where trying takes long.

    Under ``root`` lie the versions that the config names.
    """

    config: Path
    sample: int | None
    workers: int
    probe: int
    root: str


Planned = tuple[dict[str, Any], list[dict[str, Any]], list[str]]
"""The result for machines, the table and the sentences for people."""
