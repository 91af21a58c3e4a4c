"""Versions in the forms that training tools read.

- ``jsonl``: every column, one row a line.
- ``trl-sft``: TRL's prompt-completion form in conversations (pairs), or ``text`` (documents).
- ``llamafactory``: JSONL with ``instruction``, ``input``, ``output`` (pairs) or ``text`` (documents), and the
  ``dataset_info.json`` that registers it.

Those of solved questions are in `anessuite.export_solved`.
"""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import polars as pl
import pyarrow.parquet as pq

from anessuite.errors import ConfigError
from anessuite.export_solved import instructions, messages, preferences, rewarded, verifiable
from anessuite.manifests import Manifest
from anessuite.storage import Store
from anessuite.versions import DatasetRef

INFO = "dataset_info.json"
PROVENANCE = "export.json"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote: rows by file."""

    format: str
    files: dict[str, int]


def export(store: Store, ref: DatasetRef, format: str, out: Store) -> Exported:
    """Write a finished version into ``out`` as ``format``, one file a config (``en.jsonl``), shard by shard.

    Raises:
        ConfigError: a format that this dataset has not (names those it has), or ``out`` holds an export.
    """
    manifest = store.manifest(ref)
    shape = _shape(manifest, ref)
    if format not in _FORMATS[shape]:
        raise ConfigError(f"{ref} has no format {format!r}", f"it has: {', '.join(_FORMATS[shape])}")
    if out.exists(PROVENANCE):
        raise ConfigError(f"{out.root} holds an export already", "choose another folder")
    files: dict[str, int] = {}
    for config in manifest.rows:
        frames = _frames(store, ref, manifest, "data", config)
        if format == PREFERENCES:
            attempts = list(_frames(store, ref, manifest, "attempts", config))
            shaped = (preferences(frame, pl.concat(attempts)) for frame in frames)
        else:
            shaped = map(_FORMATS[shape][format], frames)
        suffix = "parquet" if format in _AS_PARQUET else "jsonl"
        files |= {f"{config}.{suffix}": _write(out, f"{config}.{suffix}", shaped)}
    if format == "llamafactory":
        out.write_bytes(INFO, json.dumps(_registered(ref, shape, files), indent=1).encode())
    digest = store.sha256(f"{store.folder(ref)}/manifest.json")[0]
    told = {"version": str(ref), "manifest_sha256": digest, "format": format, "rows": files}
    out.write_bytes(PROVENANCE, json.dumps(told, indent=1).encode())
    return Exported(format, files)


def _write(out: Store, name: str, frames: Iterable[pl.DataFrame]) -> int:
    """Write one file frame by frame; returns its rows."""
    rows = 0
    with out.create(name) as sink:
        if name.endswith(".jsonl"):
            for frame in frames:
                sink.write(_lines(frame))
                rows += frame.height
            return rows
        writer: pq.ParquetWriter | None = None
        for frame in frames:
            table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
            writer = writer or pq.ParquetWriter(sink, table.schema, compression="zstd")
            writer.write_table(table)
            rows += frame.height
        if writer is not None:
            writer.close()
    return rows


def _shape(manifest: Manifest, ref: DatasetRef) -> str:
    columns = manifest.schema_.keys()
    if {"question", "options", "reasoning"} <= columns:
        return "solved"
    if {"question", "answer"} <= columns:
        return "pairs"
    if "text" in columns:
        return "documents"
    raise ConfigError(f"{ref} has columns that no format knows: {', '.join(columns)}")


def _frames(
    store: Store, ref: DatasetRef, manifest: Manifest, folder: str, config: str
) -> Iterator[pl.DataFrame]:
    for file in manifest.files:
        if file.path.startswith(f"{folder}/{config}-"):
            yield pl.read_parquet(io.BytesIO(store.read_bytes(f"{store.folder(ref)}/{file.path}")))


def _lines(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.write_ndjson(sink)
    return sink.getvalue()


def _whole(frame: pl.DataFrame) -> pl.DataFrame:
    return frame


def _text(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("text")


def _conversations(frame: pl.DataFrame) -> pl.DataFrame:
    """``prompt`` and ``completion``, each a list of one message."""
    turns = {"prompt": ("user", "question"), "completion": ("assistant", "answer")}
    return frame.select(
        pl.concat_list(pl.struct(role=pl.lit(role), content=pl.col(column))).alias(name)
        for name, (role, column) in turns.items()
    )


def _instructions(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(instruction="question", input=pl.lit(""), output="answer")


_FORMATS: dict[str, dict[str, Callable[[pl.DataFrame], pl.DataFrame]]] = {
    "pairs": {"jsonl": _whole, "trl-sft": _conversations, "llamafactory": _instructions},
    "documents": {"jsonl": _whole, "trl-sft": _text, "llamafactory": _text},
    "solved": {
        "jsonl": _whole,
        "trl-sft": messages,
        "trl-grpo": verifiable,
        "trl-dpo": _whole,
        "llamafactory": instructions,
        "verl": rewarded,
    },
}
PREFERENCES = "trl-dpo"
_AS_PARQUET = ("verl",)


def _registered(ref: DatasetRef, shape: str, files: dict[str, int]) -> dict[str, object]:
    """LLaMA-Factory's registry: file and columns of each data set."""
    instructed = {"prompt": "instruction", "query": "input", "response": "output"}
    columns = {"pairs": instructed, "documents": {"prompt": "text"}, "solved": instructed}[shape]
    names = {f"anes_{ref.name}_{PurePosixPath(file).stem}": file for file in files}
    return {name: {"file_name": file, "columns": columns} for name, file in names.items()}
