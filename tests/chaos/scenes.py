"""Where one round plays: a fresh root, its config, its servers, its clock."""

import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.builds import VERSION
from tests.chaos.commands import Command
from tests.chaos.disks import Disk, Folder
from tests.chaos.servers import ModelServer
from tests.prefect_server import PrefectServer

_FAKETIME = (
    Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"),
    Path("/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"),
)
"""Where Debian's package ``faketime`` puts it."""


def no_faketime() -> str | None:
    """Why a clock cannot be set here, or None."""
    return (
        None if any(path.exists() for path in _FAKETIME) else "there is no libfaketime (apt install faketime)"
    )


def clock(hours: int) -> dict[str, str]:
    """The environment of a process whose clocks are so many hours wrong."""
    library = next(path for path in _FAKETIME if path.exists())
    return {"LD_PRELOAD": str(library), "FAKETIME": f"{hours:+d}h"}


@dataclass
class Scene:
    """One round's surroundings. ``problems`` collects what should not be."""

    dataset: str
    folder: Path
    disk: Disk | Folder
    config: Path
    prefect: PrefectServer
    model: ModelServer
    chance: random.Random
    mark: str
    skew: int = 0
    """By how many hours its clock is wrong."""
    problems: list[str] = field(default_factory=list)
    lost: int = 0
    """Questions that were in flight when a process died: so many may be asked again."""
    _commands: int = 0

    def start(self, *, skew: int | None = None) -> Command:
        """Start the build; always the same command, with the clock of the scene unless ``skew`` is given."""
        self._commands += 1
        arguments = ["build", self.dataset, "--config", str(self.config), "--version", VERSION]
        arguments += ["--root", str(self.disk.root), "--workers", "1" if self.dataset == "r1" else "2"]
        env = {
            "PREFECT_API_URL": self.prefect.url,
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        if hours := self.skew if skew is None else skew:
            env |= clock(hours)
        return Command(arguments, log=self.folder / f"{self._commands}.log", mark=self.mark, env=env)
