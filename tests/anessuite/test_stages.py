"""Stages of a build: what is written, counted, found again, and refused."""

import json
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anessuite.builds import Build
from anessuite.errors import RowsLost
from anessuite.stages import Stage, split
from anessuite.storage import Store
from anessuite.versions import DatasetRef

KEPT = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("text", pa.string())])
REJECTED = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("evidence", pa.string()),
    ]
)
ROWS = pl.Schema({"id": pl.String, "text": pl.String})
GONE = pl.Schema({"id": pl.String, "reason": pl.String, "evidence": pl.String})


def stage_at(root: Path | str, name: str = "sift") -> Stage:
    return Stage(Build(Store(str(root)), DatasetRef("qa", "dev")), name, "questions", KEPT, REJECTED)


def kept(*ids: str) -> pl.DataFrame:
    return pl.DataFrame({"id": ids, "text": [f"text {i}" for i in ids]}, schema=ROWS)


def gone(**reasons: str) -> pl.DataFrame:
    return pl.DataFrame({"id": [*reasons], "reason": [*reasons.values()]}).with_columns(
        evidence=pl.lit(None, dtype=pl.String)
    )


NONE_KEPT, NONE_GONE = pl.DataFrame(schema=ROWS), pl.DataFrame(schema=GONE)


def test_a_part_is_found_again_as_it_was_written(any_root: str) -> None:
    stage = stage_at(any_root)
    stage.write("00000", kept("a", "b"), gone(c="too_short", d="too_short", e="off_topic"), rows_in=5)
    again = stage_at(any_root)
    assert again.parts() == ["00000"]
    assert again.read("00000").equals(kept("a", "b"))
    assert again.read_rejected("00000")["reason"].to_list() == ["too_short", "too_short", "off_topic"]
    assert again.done("00000") == {"rows": 5, "kept": 2, "dropped": {"off_topic": 1, "too_short": 2}}
    assert again.bytes("kept") > 0 and again.bytes("rejected") > 0


def test_a_stage_that_was_not_begun_has_no_parts(any_root: str) -> None:
    stage = stage_at(any_root)
    assert stage.parts() == [] and stage.marks() == [] and list(stage.frames()) == []
    assert stage.done("00000") is None
    assert stage.bytes("kept") == 0
    funnel = stage.funnel()
    assert (funnel.rows_in, funnel.rows_out, funnel.dropped) == (0, 0, {})


@pytest.mark.parametrize("rows_in", [0, 2, 4])
def test_rows_that_are_neither_kept_nor_rejected_stop_the_build_and_leave_no_trace(
    tmp_path: Path, rows_in: int
) -> None:
    stage = stage_at(tmp_path)
    with pytest.raises(RowsLost) as caught:
        stage.write("00003", kept("a", "b"), gone(c="too_short"), rows_in=rows_in)
    assert caught.value.what == (
        f"qa@dev, sift, part 00003: {rows_in} rows came in, 2 live on, 1 are rejected"
    )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_where_one_row_makes_several_the_rows_that_live_on_are_told(tmp_path: Path) -> None:
    stage = stage_at(tmp_path)
    stage.write("00000", kept("a1", "a2", "b1"), gone(c="no_questions"), rows_in=3, rows_out=2)
    assert stage.done("00000") == {"rows": 3, "kept": 3, "dropped": {"no_questions": 1}, "rows_out": 2}
    assert stage.funnel().rows_out == 2
    with pytest.raises(RowsLost):
        stage.write("00001", kept("a1", "a2", "b1"), gone(c="no_questions"), rows_in=3, rows_out=3)


def test_further_counts_stand_in_the_mark(tmp_path: Path) -> None:
    stage = stage_at(tmp_path)
    stage.write("00000", kept("a"), NONE_GONE, rows_in=1, deletions=4, quarantined="cut off")
    mark = stage.done("00000")
    assert mark == {"rows": 1, "kept": 1, "dropped": {}, "deletions": 4, "quarantined": "cut off"}


def test_an_empty_part_is_whole(any_root: str) -> None:
    stage = stage_at(any_root)
    stage.write("00000", NONE_KEPT, NONE_GONE, rows_in=0)
    assert stage.done("00000") == {"rows": 0, "kept": 0, "dropped": {}}
    assert stage.read("00000").schema == NONE_KEPT.schema
    assert stage.read_rejected("00000").schema == NONE_GONE.schema


def test_a_part_without_its_mark_is_not_done(tmp_path: Path) -> None:
    stage = stage_at(tmp_path)
    stage.write("00000", kept("a"), NONE_GONE, rows_in=1)
    stage.write("00001", kept("b"), NONE_GONE, rows_in=1)
    (tmp_path / ".build/qa/dev/sift/00000.json").unlink()
    assert stage.done("00000") is None
    assert stage.parts() == ["00001"]
    assert [frame["id"].to_list() for frame in stage.frames()] == [["b"]]
    assert stage.funnel().rows_in == 1


def test_a_write_that_fails_leaves_no_mark(tmp_path: Path) -> None:
    stage = stage_at(tmp_path)
    with pytest.raises(Exception, match="text"):
        stage.write("00000", kept("a").drop("text"), NONE_GONE, rows_in=1)
    null = pl.DataFrame({"id": ["x"], "reason": [None], "evidence": [None]}, schema=GONE)
    with pytest.raises((pa.ArrowInvalid, ValueError)):
        stage.write("00000", NONE_KEPT, null, rows_in=1)
    assert stage.done("00000") is None and stage.parts() == []
    assert not list(tmp_path.rglob("*.partial"))


def test_a_part_is_written_anew_as_a_whole(tmp_path: Path) -> None:
    stage = stage_at(tmp_path)
    stage.write("00000", kept("a", "b"), NONE_GONE, rows_in=2)
    stage.write("00000", kept("a"), gone(b="too_short"), rows_in=2)
    assert stage.read("00000")["id"].to_list() == ["a"]
    assert stage.done("00000") == {"rows": 2, "kept": 1, "dropped": {"too_short": 1}}


def test_frames_and_marks_come_in_the_order_of_the_parts_whatever_the_order_of_writing(any_root: str) -> None:
    stage = stage_at(any_root)
    for number in (11, 2, 0, 100, 1):
        stage.write(f"{number:05d}", kept(f"row of {number}"), NONE_GONE, rows_in=1, number=number)
    assert stage.parts() == ["00000", "00001", "00002", "00011", "00100"]
    assert [frame["id"][0] for frame in stage.frames()] == [f"row of {n}" for n in (0, 1, 2, 11, 100)]
    assert [mark["number"] for mark in stage.marks()] == [0, 1, 2, 11, 100]


def test_stages_of_one_build_do_not_see_each_other(tmp_path: Path) -> None:
    first, second = stage_at(tmp_path, "judge"), stage_at(tmp_path, "judge-more")
    first.write("00000", kept("a"), NONE_GONE, rows_in=1)
    assert second.parts() == [] and second.done("00000") is None
    second.write("00001", kept("b"), NONE_GONE, rows_in=1)
    assert first.parts() == ["00000"]


def test_what_other_steps_put_into_a_stage_s_folder_is_no_part(tmp_path: Path) -> None:
    stage = stage_at(tmp_path)
    stage.write("00000", kept("a"), NONE_GONE, rows_in=1)
    stage.build.store.write_bytes(stage.build.path("sift", "near", "00007.json"), b"{}")
    stage.build.store.write_bytes(stage.build.path("sift", "index", "00008.parquet"), b"")
    (tmp_path / ".build/qa/dev/sift/00009.json.1a2b3c4d.partial").write_text("{")
    assert stage.parts() == ["00000"]
    assert stage.bytes("kept") == (tmp_path / ".build/qa/dev/sift/kept/00000.parquet").stat().st_size


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        stage_at(tmp_path / name).write("00000", kept("a", "b"), gone(c="too_short"), rows_in=3)
        folder = tmp_path / name / ".build/qa/dev/sift"
        contents.append({p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()})
    assert contents[0] == contents[1]


def test_parts_may_be_written_by_several_threads_at_once(tmp_path: Path) -> None:
    stage = stage_at(tmp_path)

    def write(number: int) -> None:
        stage.write(f"{number:05d}", kept(f"{number}"), NONE_GONE, rows_in=1)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stage.funnel().rows_in == 8


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.sampled_from([None, "too_short", "off_topic", "retracted"]), max_size=6),
        min_size=1,
        max_size=5,
    )
)
def test_the_funnel_adds_up_over_all_parts(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[str | None]]
) -> None:
    stage = stage_at(tmp_path_factory.mktemp("funnel"))
    for number, reasons in enumerate(parts):
        rows = pl.DataFrame({"id": [str(i) for i in range(len(reasons))]}, schema={"id": pl.String})
        rows = rows.with_columns(text=pl.lit("t"), why=pl.Series(reasons, dtype=pl.String))
        stays, goes = split(rows, pl.col("why"))
        stage.write(f"{number:05d}", stays, goes, rows_in=rows.height)
    told = [reason for reasons in parts for reason in reasons]
    funnel = stage.funnel()
    assert (funnel.stage, funnel.source, funnel.rows_in) == ("sift", "questions", len(told))
    assert funnel.rows_out == told.count(None) == sum(frame.height for frame in stage.frames())
    assert funnel.dropped == {why: told.count(why) for why in sorted({why for why in told if why})}
    assert [*funnel.dropped] == sorted(funnel.dropped)


def test_split_keeps_the_columns_and_the_order_and_shows_evidence_beside_the_reason() -> None:
    rows = pl.DataFrame({"id": ["a", "b", "c", "d"], "n": [1, 9, 2, 8]})
    big = pl.when(pl.col("n") > 5).then(pl.lit("too_big"))
    stays, goes = split(rows, big, pl.struct("n").struct.json_encode())
    assert stays.equals(pl.DataFrame({"id": ["a", "c"], "n": [1, 2]}))
    assert goes.columns == ["id", "n", "reason", "evidence"]
    assert goes["id"].to_list() == ["b", "d"]
    assert [json.loads(shown) for shown in goes["evidence"]] == [{"n": 9}, {"n": 8}]


def test_split_without_evidence_shows_none_and_splits_nothing_from_nothing() -> None:
    rows = pl.DataFrame({"id": ["a"]})
    _, goes = split(rows, pl.lit("off_topic"))
    assert goes.to_dicts() == [{"id": "a", "reason": "off_topic", "evidence": None}]
    stays, goes = split(rows.clear(), pl.lit("off_topic"))
    assert (stays.height, goes.height) == (0, 0)
    no_reason: Any = pl.lit(None, dtype=pl.String)
    stays, goes = split(rows, no_reason)
    assert stays.equals(rows) and goes.is_empty()
