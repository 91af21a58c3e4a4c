"""Source files: found by path, glob, folder or URL; named without secrets; digested."""

import hashlib
import os
import posixpath
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from anessuite.errors import SourceError

Format = Literal["parquet", "jsonl", "json", "csv", "warc"]
"""Of documents and questions."""
QuestionFormat = Format | Literal["xlsx", "text"]
"""Of questions alone: worksheets, and exams as people write them."""
AnyFormat = QuestionFormat | Literal["xml"]
SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    **{f".jsonl{c}": "jsonl" for c in ("", ".gz", ".zst")},
    **{f".ndjson{c}": "jsonl" for c in ("", ".gz", ".zst")},
    **{f".json{c}": "json" for c in ("", ".gz", ".zst")},
    **{f".csv{c}": "csv" for c in ("", ".gz", ".zst")},
    **{f".tsv{c}": "csv" for c in ("", ".gz", ".zst")},
    **{f".warc{c}": "warc" for c in ("", ".gz", ".zst")},
}
XML_SUFFIXES: dict[str, AnyFormat] = {f".xml{c}": "xml" for c in ("", ".gz")}
"""Of PubMed's files; documents are never XML."""
QUESTION_SUFFIXES: dict[str, AnyFormat] = {
    **SUFFIXES,
    ".xlsx": "xlsx",
    **dict.fromkeys((".txt", ".md", ".html", ".htm"), "text"),
}
ABOUT = re.compile(r"(README|LICEN[CS]E|NOTICE|CHANGELOG|CITATION)\b[^/]*", re.IGNORECASE)
"""Names of files that speak of a folder's data and hold none."""
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source. ``path`` opens it; ``name`` is what manifests and messages call it."""

    path: str
    name: str
    format: AnyFormat
    bytes: int
    digest: str

    def filesystem(self) -> tuple[Any, str]:
        """The fsspec file system and the path on it."""
        return fsspec.url_to_fs(self.path)

    @property
    def is_local(self) -> bool:
        return isinstance(self.filesystem()[0], LocalFileSystem)


def find_files(
    path: str,
    *,
    format: AnyFormat | None = None,
    digests: dict[str, str] | None = None,
    suffixes: Mapping[str, AnyFormat] = SUFFIXES,
) -> list[SourceFile]:
    """The files that ``path`` (a file, glob, folder or URL) names, sorted by path.

    ``digests`` is a memory of earlier digests by path, size and time; it is read and added to.

    Raises:
        SourceError: nothing there, or a format that the suffix does not tell; says what is there instead.
    """
    fs, plain = fsspec.url_to_fs(path)
    matched, glob_root = _match(fs, plain, path, format, suffixes)
    known = {} if digests is None else digests
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # hashing leaves other threads free to run
        files = list(
            pool.map(lambda found: _source_file(fs, found, format, glob_root, known, suffixes), matched)
        )
    if not files:
        raise SourceError(f"no readable file at {public(path)}", _what_is_there(fs, plain))
    return files


def _match(
    fs: Any, plain: str, path: str, format: AnyFormat | None, suffixes: Mapping[str, AnyFormat]
) -> tuple[list[str], str]:
    if _MAGIC.search(plain) and not fs.exists(plain):  # a file may have brackets in its name
        root = posixpath.dirname(plain[: cast("re.Match[str]", _MAGIC.search(plain)).start()])
        return sorted(found for found in cast("list[str]", fs.glob(plain)) if not fs.isdir(found)), root
    if fs.isdir(plain):
        known = [
            found for found in cast("list[str]", fs.find(plain)) if format or _format_of(found, suffixes)
        ]
        return sorted(known), plain
    if not fs.exists(plain):
        raise SourceError(f"there is no file {public(path)}", _what_is_there(fs, plain))
    return [plain], posixpath.dirname(plain)


def _source_file(
    fs: Any,
    found: str,
    format: AnyFormat | None,
    root: str,
    digests: dict[str, str],
    suffixes: Mapping[str, AnyFormat],
) -> SourceFile:
    kind = format or _format_of(found, suffixes)
    name = posixpath.relpath(found, root) if root else found
    if kind is None:
        raise SourceError(
            f"{name}: the suffix tells no known format",
            f"known: {', '.join(suffixes)}; or set `format` in the source",
        )
    info = fs.info(found)
    return SourceFile(
        fs.unstrip_protocol(found), name, kind, int(info["size"]), _digest(fs, found, info, digests)
    )


def _digest(fs: Any, path: str, info: dict[str, Any], digests: dict[str, str]) -> str:
    """SHA-256 of a local file's content; of a remote one the store's own tag, which changes with it."""
    if not isinstance(fs, LocalFileSystem):
        lfs = info.get("lfs") or {}
        tag = (
            lfs.get("sha256")
            or info.get("ETag")
            or info.get("etag")
            or info.get("blob_id")
            or info.get("md5Hash")
        )
        return f"tag:{tag}" if tag else f"size:{info['size']}"
    key = f"{path}:{info['size']}:{info['mtime']}"
    if key not in digests:
        with open(path, "rb") as file:
            digests[key] = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    return digests[key]


def _format_of(path: str, suffixes: Mapping[str, AnyFormat]) -> AnyFormat | None:
    name = posixpath.basename(path).lower()
    return next((kind for suffix, kind in suffixes.items() if name.endswith(suffix)), None)


def _what_is_there(fs: Any, plain: str) -> str:
    folder = plain
    while folder and (_MAGIC.search(folder) or not fs.isdir(folder)):
        folder = posixpath.dirname(folder) if posixpath.dirname(folder) != folder else ""
    if not folder:
        return "check the path"
    names = sorted(posixpath.basename(name.rstrip("/")) for name in fs.ls(folder, detail=False))
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return f"{posixpath.basename(folder) or folder}/ holds: {shown or 'nothing'}"


def public(path: str) -> str:
    """A path as it may be shown and recorded: no credentials, no query, no absolute folder."""
    path = re.sub(r"\?(?=[^/]*[=&]).*$", "", path)
    if "://" in path and not path.startswith(("file://", "local://")):
        return re.sub(r"://[^/]*@", "://", path)
    path = path.removeprefix("file://").removeprefix("local://")
    if not path.startswith(("/", "~")):
        return path
    return "/".join(path.rstrip("/").split("/")[-2:]).lstrip("/")
