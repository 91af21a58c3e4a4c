"""Names of things on disk: ``name@version``."""

import re
from dataclasses import dataclass

from anessuite.errors import ConfigError

DEV = "dev"
TODAY = "today"
"""In the place of a version, where a build is asked for: the day of the run."""
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"dev|[0-9]{4}\.[0-9]{2}\.[0-9]{2}(?:\.[0-9]+)?")


@dataclass(frozen=True, slots=True, order=True)
class DatasetRef:
    """One version of one dataset, written ``name@version``.

    A version is ``YYYY.MM.DD``, ``YYYY.MM.DD.N`` or ``dev``. Both parts are checked, so that no
    reference can lead out of its root.
    """

    name: str
    version: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigError(
                f"{self.name!r} is no dataset name", "lower-case letters, digits, - and _, such as corpus"
            )
        if not _VERSION.fullmatch(self.version):
            raise ConfigError(f"{self.version!r} is no version", "use YYYY.MM.DD, YYYY.MM.DD.N or dev")

    @classmethod
    def parse(cls, text: str) -> "DatasetRef":
        """Read ``name@version``; raises ConfigError for any other form."""
        name, at, version = text.partition("@")
        if not at:
            raise ConfigError(
                f"{text!r} names no version", f"write {text}@VERSION; anes list shows what is there"
            )
        return cls(name, version)

    @property
    def is_dev(self) -> bool:
        """A development version: may be overwritten, and is no input of a dated one."""
        return self.version == DEV

    @property
    def sort_key(self) -> tuple[str, bool, tuple[int, ...]]:
        """Orders by name, dated versions by date and number, ``dev`` last."""
        parts = () if self.is_dev else tuple(int(part) for part in self.version.split("."))
        return self.name, self.is_dev, parts

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"
