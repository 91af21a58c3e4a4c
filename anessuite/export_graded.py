"""Graded questions in the layout of the published AnesBench.

A file a language, ``anesbench_en.json``: a JSON list of objects with ``id``, ``choice_num``, ``answer`` (a
letter), ``level`` (1, 2, 3: system1, system1.x, system2), the stem ``en_question`` and the options ``en_A``,
``en_B`` and so on up to ``choice_num``. A question has the fields of its own language only.

These are the fields that the published evaluator reads (github.com/MiliLab/AnesBench, eval/evaluate.py) and
that the README there tells; the names of Chinese fields are those of its sample (``zh_``), while its table
writes ``cn_``. That evaluator reads ``en_`` fields alone: it scores the English file, and fails on ours in
Chinese.

Not written: the layout that the card of Hugging Face's MiliLab/AnesBench tells since March 2026
(``question``, ``A``, ``B`` ..., ``target``, ``category``), which that evaluator does not read. Not to be
found: the data files themselves, and an evaluator for that layout or for Chinese.
"""

from collections.abc import Iterable
from typing import IO

import orjson
import polars as pl

from anessuite.errors import ConfigError

LEVELS = {"system1": 1, "system1.x": 2, "system2": 3}
"""Cognitive levels and the numbers that AnesBench gives them."""
LETTERS = "ABCDEFGHIJ"
"""What options are called."""


def check_askable(frame: pl.DataFrame) -> None:
    """Raise ConfigError for a question that cannot be asked by letter, or is of no known level; names it.

    Options must be called A, B and so on without a gap, two to ten of them, and the answer be one.
    """
    letters = pl.col("options").list.eval(pl.element().struct.field("letter"))
    called = letters.list.join(",")
    is_good = (
        pl.lit(",".join(LETTERS)).str.starts_with(called)
        & (letters.list.len() >= 2)
        & pl.col("answer").is_in(letters)
        & pl.col("level").is_in(list(LEVELS))
    )
    told = frame.select("id", "answer", "level", called=called, is_good=is_good.fill_null(False))
    for name, answer, level, options, _ in told.filter(~pl.col("is_good")).head(1).iter_rows():
        raise ConfigError(
            f"question {name} has the options {options or 'none'}, the answer {answer} and the level {level}",
            f"this format needs two to {len(LETTERS)} options called A, B and so on, the answer among them, "
            f"and a level of {', '.join(LEVELS)}; `--to jsonl` takes any",
        )


def published(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of GRADED_QUESTION as AnesBench's, in their order; a field that a question has not is null.

    Raises:
        ConfigError: a question that cannot be asked by letter (see `check_askable`).
    """
    check_askable(frame)
    parts = [_of_language(part) for part in frame.with_row_index("place").partition_by("language")]
    return pl.concat(parts, how="diagonal").sort("place").drop("place") if parts else pl.DataFrame()


def _of_language(frame: pl.DataFrame) -> pl.DataFrame:
    language = frame["language"][0]
    texts = pl.col("options").list.eval(pl.element().struct.field("text"))
    stem = {f"{language}_question": pl.col("question")}
    options = {
        f"{language}_{letter}": texts.list.get(place, null_on_oob=True)
        for place, letter in enumerate(LETTERS)
    }
    return frame.select(
        "place",
        "id",
        "answer",
        choice_num=pl.col("options").list.len().cast(pl.Int64),
        level=pl.col("level").replace_strict(LEVELS, return_dtype=pl.Int64),
        **stem,
        **options,
    )


def write_list(sink: IO[bytes], frames: Iterable[pl.DataFrame]) -> int:
    """Write frames as one JSON list, an object a row, without its nulls; returns the rows."""
    rows = 0
    for frame in frames:
        for row in frame.iter_rows(named=True):
            told = {name: value for name, value in row.items() if value is not None}
            sink.write((b",\n" if rows else b"[\n") + orjson.dumps(told))
            rows += 1
    sink.write(b"\n]\n" if rows else b"[]\n")
    return rows
