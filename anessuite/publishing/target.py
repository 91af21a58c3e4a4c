"""Where a version goes: ``s3://bucket/prefix``, and the keys below it."""

import re
from dataclasses import dataclass

from anessuite.errors import ConfigError
from anessuite.versions import DatasetRef

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SEGMENT = re.compile(r"[^\x00-\x1f\x7f\\?#*\[\]{}]+")
_KEY_BYTES = 1024
_EXAMPLE = "write s3://BUCKET/PREFIX, such as s3://hospital-data/suite"


def is_path(path: str) -> bool:
    """Whether a relative path stays below its folder on every store: no ``..``, no ``//``, nothing odd."""
    parts = path.split("/")
    return all(part not in ("", ".", "..") and _SEGMENT.fullmatch(part) for part in parts)


@dataclass(frozen=True, slots=True)
class Target:
    """A bucket and a prefix without slashes at its ends ("" for the bucket's top)."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, url: str) -> "Target":
        """Read ``s3://bucket/prefix``; raises ConfigError, which does not repeat an address with a secret."""
        scheme, found, rest = url.partition("://")
        bucket, _, prefix = rest.partition("/")
        if "@" in bucket or ":" in bucket:
            raise ConfigError("the address holds more than a bucket", f"no credentials in it; {_EXAMPLE}")
        if not found or scheme != "s3":
            raise ConfigError(f"{url!r} is no address to publish to", _EXAMPLE)
        if not _BUCKET.fullmatch(bucket):
            raise ConfigError(f"{bucket!r} is no bucket name", _EXAMPLE)
        prefix = prefix.removesuffix("/")
        if prefix and not is_path(prefix):
            raise ConfigError(f"{prefix!r} is no prefix: its parts are names, none of them . or ..", _EXAMPLE)
        return cls(bucket, prefix)

    def folder(self, ref: DatasetRef) -> str:
        """Beginning of the keys of a version, with a slash at its end."""
        return f"{self.prefix}/{ref.name}/{ref.version}/".lstrip("/")

    def key(self, ref: DatasetRef, path: str) -> str:
        """The key of a version's file; raises ConfigError if it would leave the version's folder."""
        key = self.folder(ref) + path
        if not is_path(path) or len(key.encode()) > _KEY_BYTES:
            raise ConfigError(
                f"{ref} names the file {path!r}, which cannot be a key below {self.url(self.folder(ref))}",
                "its manifest was damaged or made by hand: build the version anew",
            )
        return key

    def url(self, key: str) -> str:
        """A key as people read it."""
        return f"s3://{self.bucket}/{key}"

    def __str__(self) -> str:
        return self.url(self.prefix).rstrip("/")
