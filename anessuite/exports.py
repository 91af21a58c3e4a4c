"""Versions in the forms that training tools read.

- ``jsonl``: every column, one row a line.
- ``trl-sft``: TRL's prompt-completion form in conversations (pairs), or ``text`` (documents).
- ``llamafactory``: JSONL with ``instruction``, ``input``, ``output`` (pairs) or ``text`` (documents), and the
  ``dataset_info.json`` that registers it.

Those of solved questions are in `anessuite.export_solved`; of graded ones, ``anesbench`` in
`anessuite.export_graded` and ``lm-eval`` in `anessuite.lm_eval_task`.
"""

import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, cast

import polars as pl
import pyarrow.parquet as pq

from anessuite.errors import ConfigError
from anessuite.export_graded import published, write_list
from anessuite.export_solved import instructions, messages, preferences, rewarded, verifiable
from anessuite.lm_eval_task import asked, task_files
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
        ConfigError: a format that this dataset has not (names those it has) or that cannot hold one of its
            rows (names that), or ``out`` holds an export.
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
        name = _NAMES.get(format, "{}.jsonl").format(config)
        files[name] = _write(out, name, shaped)
    if format == "llamafactory":
        out.write_bytes(INFO, json.dumps(_registered(ref, shape, files), indent=1).encode())
    if format == LM_EVAL:
        rows = {config: _levels(_frames(store, ref, manifest, "data", config)) for config in manifest.rows}
        for name, content in task_files(ref, rows).items():
            out.write_bytes(name, content)
    digest = store.sha256(f"{store.folder(ref)}/manifest.json")[0]
    told = {"version": str(ref), "manifest_sha256": digest, "format": format, "rows": files}
    out.write_bytes(PROVENANCE, json.dumps(told, indent=1).encode())
    return Exported(format, files)


def _write(out: Store, name: str, frames: Iterable[pl.DataFrame]) -> int:
    """Write one file frame by frame; returns its rows."""
    rows = 0
    with out.create(name) as sink:
        if name.endswith(".json"):
            return write_list(cast("IO[bytes]", sink), frames)
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
    if {"question", "options", "answer", "level"} <= columns:
        return "graded"
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


def _levels(frames: Iterable[pl.DataFrame]) -> Counter[str]:
    return Counter(level for frame in frames for level in frame["level"])


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
    "graded": {"jsonl": _whole, "anesbench": published, "lm-eval": asked},
}
PREFERENCES, LM_EVAL = "trl-dpo", "lm-eval"
_NAMES = {"verl": "{}.parquet", "anesbench": "anesbench_{}.json"}
"""Of a config's file, where it is not ``en.jsonl``."""


def _registered(ref: DatasetRef, shape: str, files: dict[str, int]) -> dict[str, object]:
    """LLaMA-Factory's registry: file and columns of each data set."""
    instructed = {"prompt": "instruction", "query": "input", "response": "output"}
    columns = {"pairs": instructed, "documents": {"prompt": "text"}, "solved": instructed}[shape]
    names = {f"anes_{ref.name}_{PurePosixPath(file).stem}": file for file in files}
    return {name: {"file_name": file, "columns": columns} for name, file in names.items()}
