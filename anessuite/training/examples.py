"""Rows of versions and files in one shape: a prompt and its completion, or a text, or a question to reward.

A file's row may hold ``messages``; or ``prompt`` and ``completion`` (or ``question``, ``instruction`` with
``input``; and ``answer``, ``output``, ``response``), each a text or a list of messages; or ``text``.
"""

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from anessuite.errors import ConfigError, SourceError
from anessuite.export_solved import messages, verifiable
from anessuite.schemas import empty
from anessuite.sources.files import SourceFile, find_files
from anessuite.sources.rows import rows_of
from anessuite.storage import Store
from anessuite.text import content_id
from anessuite.training.recipes import TrainingSource, TrainingStage
from anessuite.training.schemas import EXAMPLE
from anessuite.versions import DatasetRef

NO_PROMPT, NO_COMPLETION, NO_TEXT, MALFORMED = "no_prompt", "no_completion", "no_text", "malformed_row"
READ = [
    "id",
    "language",
    "group",
    "source",
    "source_id",
    "prompt",
    "completion",
    "text",
    "options",
    "solution",
    "pass_rate",
]
"""Columns of EXAMPLE that reading fills; beside them ``attempts``, and ``why`` a row cannot be used."""
_PROMPTS = ("prompt", "question", "instruction", "query")
_COMPLETIONS = ("completion", "answer", "output", "response")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_BATCH = 5_000
Row = dict[str, Any]


def read_examples(source: TrainingSource, stage: TrainingStage, store: Store) -> Iterator[pl.DataFrame]:
    """The rows of a source as the kind of stage needs them, part by part, in the columns READ.

    Raises VersionNotFound, ConfigError for a version that has no such rows, SourceError for a broken file or
    one without usable columns.
    """
    if source.ref is not None:
        yield from _of_version(source, source.ref, stage, store)
    else:
        for file in find_files(source.path):
            yield from _of_file(source, file, stage)


def _of_version(
    source: TrainingSource, ref: DatasetRef, stage: TrainingStage, store: Store
) -> Iterator[pl.DataFrame]:
    manifest = store.manifest(ref)
    shape = _shape(manifest.schema_.keys(), ref, stage.kind)  # type: ignore[attr-defined]
    for file in manifest.data_files():
        frame = pl.read_parquet(io.BytesIO(store.read_bytes(f"{store.folder(ref)}/{file.path}")))
        yield _completed(_SHAPES[shape](frame), source, source_id=pl.col("id"))


def _shape(columns: Any, ref: DatasetRef, kind: str) -> str:
    """How the rows of a version are read; raises ConfigError where the stage has no use for them."""
    there = set(columns)
    wanted = {
        "sft": {"solved": {"options", "reasoning", "response"}, "pairs": {"question", "answer", "pmid"}},
        "grpo": {"verifiable": {"options", "answer", "pass_rate"}},
        "pretraining": {"documents": {"text"}},
    }[kind]
    for shape, needed in wanted.items():
        if needed <= there:
            return shape
    needs = {"sft": "r1 or qa", "grpo": "r1", "pretraining": "corpus"}[kind]
    raise ConfigError(
        f"{ref} has no rows for {kind}: its columns are {', '.join(columns)}", f"a version of {needs} has"
    )


def _solved(frame: pl.DataFrame) -> pl.DataFrame:
    turns = messages(frame)["messages"]
    split = pl.DataFrame({"prompt": turns.list.head(1), "completion": turns.list.tail(1)})
    return frame.select("id", "language", "pass_rate", "attempts").hstack(split)


def _pairs(frame: pl.DataFrame) -> pl.DataFrame:
    turns = {"prompt": ("user", "question"), "completion": ("assistant", "answer")}
    return frame.select(
        "id",
        "language",
        *(
            pl.concat_list(pl.struct(role=pl.lit(role), content=pl.col(column))).alias(name)
            for name, (role, column) in turns.items()
        ),
    )


def _verifiable(frame: pl.DataFrame) -> pl.DataFrame:
    return verifiable(frame).hstack(frame.select("attempts"))


def _documents(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("id", "language", "text")


_SHAPES = {"solved": _solved, "pairs": _pairs, "verifiable": _verifiable, "documents": _documents}


def _of_file(source: TrainingSource, file: SourceFile, stage: TrainingStage) -> Iterator[pl.DataFrame]:
    kind: str = stage.kind  # type: ignore[attr-defined]
    if kind == "grpo":
        raise ConfigError(
            f"{source.path} is a file, and GRPO needs questions with a verified answer and a pass rate",
            "name a version of r1, such as r1@2026.12.01",
        )
    read, good = _text_of if kind == "pretraining" else _turns_of, 0
    held: list[Row] = []
    for number, row in enumerate(rows_of(file)):
        one = read(row or {}) if row is not None else {"why": MALFORMED}
        good += one["why"] is None
        held.append(one | {"source_id": f"{file.name}#{number}"})
        if len(held) == _BATCH:
            yield _of_rows(held, source)
            held = []
    if not good:
        raise SourceError(
            f"{file.name} holds no row that {kind} can use",
            "it needs `text`"
            if kind == "pretraining"
            else "it needs `messages`, or `prompt` and `completion`",
        )
    if held:
        yield _of_rows(held, source)


def _text_of(row: Mapping[str, Any]) -> Row:
    text = str(row.get("text") or "").strip()
    return {"text": text or None, "why": None if text else NO_TEXT}


def _turns_of(row: Mapping[str, Any]) -> Row:
    turns = row.get("messages")
    if isinstance(turns, list) and turns:
        prompt, completion = _messages(turns[:-1]), _messages(turns[-1:])
        if completion and completion[-1]["role"] != "assistant":
            completion = []
    else:
        asked = _messages(_first(row, _PROMPTS), role="user")
        more = str(row.get("input") or "").strip() if "instruction" in row else ""
        if asked and more:
            asked[-1]["content"] += f"\n\n{more}"
        prompt, completion = asked, _messages(_first(row, _COMPLETIONS), role="assistant")
    why = NO_PROMPT if not prompt else None if completion else NO_COMPLETION
    return {"prompt": prompt, "completion": completion, "why": why}


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name)), None)


def _messages(value: Any, role: str = "user") -> list[dict[str, str]]:
    """Messages of a list of them, or of one text; an empty or strange one makes it none."""
    listed = value if isinstance(value, list) else [{"role": role, "content": value}]
    found = [one for one in listed if isinstance(one, dict) and str(one.get("content") or "").strip()]
    if len(found) != len(listed):
        return []
    return [{"role": str(one.get("role") or role), "content": str(one["content"])} for one in found]


def _of_rows(rows: list[Row], source: TrainingSource) -> pl.DataFrame:
    columns = ("source_id", "prompt", "completion", "text", "why")
    schema = {name: empty(EXAMPLE).schema[name] for name in columns[:-1]} | {"why": pl.String}
    frame = pl.DataFrame([{name: row.get(name) for name in columns} for row in rows], schema=schema)
    whole = pl.concat_str(
        *(
            pl.col(name).list.eval(pl.element().struct.field("content")).list.join("\n").fill_null("")
            for name in ("prompt", "completion")
        ),
        pl.col("text").fill_null(""),
        separator="\n",
    )
    told = [source.language or _language(text) for text in frame.select(whole).to_series()]
    place = pl.format("{}: {}", pl.lit(source.label), "source_id")
    named = pl.when(pl.col("why").is_null()).then(whole).otherwise(place)
    found = frame.with_columns(pl.Series("language", told, dtype=pl.String), id=content_id(named))
    return _completed(found, source, source_id=pl.col("source_id"))


def _language(text: str) -> str:
    """``zh`` where at least three in ten letters are Han, as `filters.language` has it; else ``en``."""
    letters = sum(character.isalpha() for character in text)
    return "zh" if letters and len(_HAN.findall(text)) >= 0.3 * letters else "en"


def _completed(frame: pl.DataFrame, source: TrainingSource, *, source_id: pl.Expr) -> pl.DataFrame:
    """The columns READ, ``attempts`` and ``why``; what the rows have not is null."""
    types = empty(EXAMPLE).schema | {"attempts": pl.UInt16, "why": pl.String}
    group = pl.lit(source.group) if source.group else pl.col("language")
    filled = frame.with_columns(group=group, source=pl.lit(source.label), source_id=source_id.cast(pl.String))
    absent = [
        pl.lit(None, dtype=types[name]).alias(name)
        for name in [*READ, "attempts", "why"]
        if name not in filled.columns
    ]
    return filled.with_columns(absent).select(
        pl.col(name).cast(types[name]) for name in [*READ, "attempts", "why"]
    )
