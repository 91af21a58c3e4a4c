"""How training processes are started: one by itself, or one a GPU by accelerate."""

import sys
from pathlib import Path

from pydantic import Field

from anessuite.config import Config

_PROCESS = "anessuite.training.process"


class Launch(Config):
    """Where training runs; it decides nothing about what comes out, but for rounding."""

    accelerate: Path | None = Field(
        default=None, description="config file of accelerate: FSDP, DeepSpeed, several machines"
    )
    processes: int = Field(default=1, ge=1, description="one a GPU, over all machines")

    def command(self) -> list[str]:
        """The command line, without the job."""
        if self.accelerate is None and self.processes == 1:
            return [sys.executable, "-m", _PROCESS]
        config = [] if self.accelerate is None else ["--config_file", str(self.accelerate)]
        count = ["--num_processes", str(self.processes)]
        return [sys.executable, "-m", "accelerate.commands.launch", *config, *count, "-m", _PROCESS]
