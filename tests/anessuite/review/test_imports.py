"""What an import takes, what it refuses and why, and that nothing is lost or doubled on the way."""

import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from anessuite.errors import SourceError
from anessuite.locks import lock
from anessuite.review import store as review_store
from anessuite.review.files import ReviewFile, read_review_file
from anessuite.review.imports import Imported, OtherBenchmark, WorkbookRenamed, import_reviews
from anessuite.review.opinions import REVIEW, with_content
from anessuite.review.questions import judged_questions
from anessuite.review.rounds import annotation_round, write_round
from anessuite.review.store import ReviewsBusy, ReviewStore
from anessuite.storage import Store
from tests.anessuite.review.test_rounds import DEV, fill, frame, question, reviews, several, stored

EARLY, LATE = "2026-03-01T08:00:00Z", "2026-03-02T08:00:00Z"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A version of 20 questions, and in ``out`` all of them as files for two annotators."""
    store = stored(tmp_path / "data", several())
    made = annotation_round(store, DEV, fraction=1, seed=7, annotators=2, agreement_below=0.67)
    write_round(Store(str(tmp_path / "out")), made)
    ReviewStore(store, "bench").register(made.export)
    return store


def filled(folder: Path, answers: dict[str, dict[str, str]], *, number: int = 1, **more: str) -> ReviewFile:
    """The workbook of annotator ``number`` with these answers, read."""
    target = folder / f"filled-{number}-{more.get('saved', '')[:10]}.xlsx"
    return read_review_file(fill(folder / "out" / f"review.annotator-{number}.xlsx", target, answers, **more))


def take(store: Store, *files: ReviewFile, **more: Any) -> Imported:
    return import_reviews(ReviewStore(store, "bench"), files, judged_questions(store, DEV), **more)


def counts(done: Imported) -> dict[str, tuple[int, ...]]:
    """annotator -> new, updated, unchanged, not yet, refused"""
    return {row[0]: row[2:] for row in done.counts.iter_rows()}


def task(id_: str, *annotations: dict[str, Any], **data: Any) -> dict[str, Any]:
    """A task as Label Studio exports it."""
    content = dict(with_content(frame(several())).select("id", "content").iter_rows())
    usual = {
        "id": id_,
        "content": content.get(id_, "?"),
        "version": "bench@dev",
        "export": "e",
        "role": "annotator",
    }
    return {"id": 1, "data": usual | data, "annotations": list(annotations), "predictions": []}


def annotation(who: str, level: str, at: str = EARLY, **fields: str) -> dict[str, Any]:
    """One person's annotation; ``fields`` are other choices."""
    result = [
        {"from_name": name, "to_name": "question", "type": "choices", "value": {"choices": [value]}}
        for name, value in {"level": level, **fields}.items()
    ]
    told = {"id": 5, "completed_by": {"id": 1, "email": who}, "result": result, "was_cancelled": False}
    return told | {"created_at": at, "updated_at": at}


def exported(folder: Path, *tasks: dict[str, Any], name: str = "project.json") -> ReviewFile:
    path = folder / name
    path.write_text(json.dumps(tasks))
    return read_review_file(path)


def test_a_filled_workbook_comes_back_in_whatever_language_it_was_filled(
    store: Store, tmp_path: Path
) -> None:
    answers = {
        "en00": {"level": "System 1.x", "gold_correct": "no", "sound": "yes", "comment": "=dose?"},
        "zh01": {"level": "系统2", "gold_correct": "不确定", "sound": "否"},
        "zh02": {"level": " system 1 "},
    }
    done = take(store, filled(tmp_path, answers, name="Li Wei", saved=EARLY))
    assert counts(done) == {"li wei": (3, 0, 0, 17, 0)} and done.refused_path is None
    kept = ReviewStore(store, "bench").reviews()
    assert dict(kept.schema) == REVIEW and done.reviews == 3
    columns = ["id", "annotator", "role", "level", "gold_correct", "sound", "comment"]
    assert kept.select(columns).rows() == [
        ("en00", "li wei", "annotator", "system1.x", "no", "yes", "=dose?"),
        ("zh01", "li wei", "annotator", "system2", "unsure", "no", None),
        ("zh02", "li wei", "annotator", "system1", None, None, None),
    ]
    assert set(kept["at"]) == {datetime(2026, 3, 1, 8, tzinfo=UTC)}


def test_importing_again_changes_nothing_and_a_later_opinion_replaces(store: Store, tmp_path: Path) -> None:
    first = filled(tmp_path, {"en00": {"level": "System 1"}, "en01": {"level": "System 2"}}, saved=EARLY)
    take(store, first)
    before = store.read_bytes("reviews/bench/reviews.parquet")
    assert counts(take(store, first)) == {"annotator-1": (0, 0, 2, 18, 0)}
    assert store.read_bytes("reviews/bench/reviews.parquet") == before
    later = filled(tmp_path, {"en00": {"level": "System 1"}, "en01": {"level": "System 1"}}, saved=LATE)
    assert counts(take(store, later)) == {"annotator-1": (0, 1, 1, 18, 0)}
    assert ReviewStore(store, "bench").reviews()["level"].to_list() == ["system1", "system1"]
    done = take(store, first)  # the older file once more
    assert done.reasons() == {"superseded": 1} and counts(done) == {"annotator-1": (0, 0, 1, 18, 1)}
    assert "stored: system1 at 2026-03-02" in done.refused["evidence"][0]
    assert ReviewStore(store, "bench").reviews()["level"].to_list() == ["system1", "system1"]


def test_of_two_files_of_one_person_the_later_opinion_counts_in_any_order(
    store: Store, tmp_path: Path
) -> None:
    early = filled(tmp_path, {"en00": {"level": "System 1"}}, saved=EARLY)
    late = filled(tmp_path, {"en00": {"level": "System 2"}}, saved=LATE)
    done = take(store, late, early)
    assert done.reasons() == {"superseded": 1}
    assert ReviewStore(store, "bench").reviews()["level"].to_list() == ["system2"]


def test_contradictions_of_one_time_are_refused_and_what_is_stored_stays(
    store: Store, tmp_path: Path
) -> None:
    one = exported(tmp_path, task("en00", annotation("li@x.org", "system1")), name="one.json")
    other = exported(tmp_path, task("en00", annotation("li@x.org", "system2")), name="other.json")
    done = take(store, one, other)
    assert done.reasons() == {"conflict": 2} and ReviewStore(store, "bench").reviews().is_empty()
    take(store, one)
    done = take(store, other)
    assert done.reasons() == {"conflict": 1} and "stored: system1" in done.refused["evidence"][0]
    assert ReviewStore(store, "bench").reviews()["level"].to_list() == ["system1"]
    settled = exported(tmp_path, task("en00", annotation("li@x.org", "system2", LATE)))
    assert counts(take(store, settled)) == {"li@x.org": (0, 1, 0, 0, 0)}


def test_label_studio_exports_of_several_people_are_taken_with_what_is_missing(
    store: Store, tmp_path: Path
) -> None:
    both = annotation("Li@x.org", "system1", gold_correct="no"), annotation("wu@x.org", "system2")
    done = take(store, exported(tmp_path, task("en00", *both), task("zh00", both[1]), task("zh01")))
    assert counts(done) == {
        "(nobody)": (0, 0, 0, 1, 0),
        "li@x.org": (1, 0, 0, 0, 0),
        "wu@x.org": (2, 0, 0, 0, 0),
    }
    kept = ReviewStore(store, "bench").reviews()
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    said = ("li@x.org", "annotator", "system1", "no", None, None, at, "e")
    assert kept.row(0)[2:] == said and kept["id"].to_list() == ["en00", "en00", "zh00"]


@pytest.mark.parametrize(
    ("data", "said", "reason", "evidence"),
    [
        ({}, {"level": "system3"}, "unknown_level", "system3; known: system1, system1.x, system2"),
        ({}, {"level": "system1", "gold_correct": "perhaps"}, "unknown_gold_correct", "perhaps; known: yes"),
        ({}, {"level": "system1", "sound": "unsure"}, "unknown_sound", "unsure; known: yes, no"),
        ({"content": "other"}, {"level": "system1"}, "content_changed", "exported other, now "),
        ({"role": "boss"}, {"level": "system1"}, "unknown_role", "boss"),
        ({"id": "en77"}, {"level": "system1"}, "unknown_question", "en77"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_reason_and_evidence(
    store: Store, tmp_path: Path, data: dict[str, str], said: dict[str, str], reason: str, evidence: str
) -> None:
    wrong, right = annotation("li@x.org", **said), annotation("li@x.org", "system1")
    done = take(store, exported(tmp_path, task("en00", wrong, **data), task("en01", right)))
    assert done.reasons() == {reason: 1} and evidence in done.refused["evidence"][0]
    assert ReviewStore(store, "bench").reviews()["id"].to_list() == ["en01"]
    assert done.refused_path is not None
    kept = json.loads(store.read_bytes(done.refused_path))
    assert (kept["reason"], kept["file"], kept["level"]) == (reason, "project.json", said["level"])


def test_a_row_without_a_level_but_with_something_else_is_no_row_not_yet_done(
    store: Store, tmp_path: Path
) -> None:
    done = take(store, filled(tmp_path, {"en00": {"comment": "hard to tell"}}))
    assert counts(done) == {"annotator-1": (0, 0, 0, 19, 1)} and done.reasons() == {"no_level": 1}
    row = done.refused.row(0, named=True)
    assert row["comment"] == "hard to tell" and row["evidence"] == "comment: hard to tell"
    assert row["place"].startswith("sheet English, row ")


def test_a_row_whose_question_is_not_that_of_its_id_is_refused(store: Store, tmp_path: Path) -> None:
    answers = {
        "en00": {"question": "Which drug is number en01?", "level": "System 1"},
        "en02": {"level": "System 1"},
    }
    done = take(store, filled(tmp_path, answers))
    assert done.reasons() == {"text_changed": 1}
    assert done.refused["evidence"][0] == "in the row: Which drug is number en01?"
    assert ReviewStore(store, "bench").reviews()["id"].to_list() == ["en02"]


def test_only_annotators_that_are_known_are_taken(store: Store, tmp_path: Path) -> None:
    file = filled(tmp_path, {"en00": {"level": "System 1"}}, name="Li")
    done = take(store, file, names=["wu@x.org", "chen"])
    assert done.reasons() == {"unknown_annotator": 1}
    assert done.refused["evidence"][0] == "li; known: chen, wu@x.org"
    assert counts(take(store, file, names=["LI"])) == {"li": (1, 0, 0, 19, 0)}


def test_an_export_that_names_its_annotators_takes_no_others(store: Store, tmp_path: Path) -> None:
    names = ["Li", "Wu"]
    made = annotation_round(store, DEV, fraction=1, seed=9, annotators=2, agreement_below=0, names=names)
    write_round(Store(str(tmp_path / "named")), made)
    ReviewStore(store, "bench").register(made.export)
    book, answers = tmp_path / "named" / "review.annotator-1.xlsx", {"en00": {"level": "System 1"}}
    as_named = read_review_file(fill(book, tmp_path / "a.xlsx", answers))
    stranger = read_review_file(fill(book, tmp_path / "b.xlsx", answers, name="Somebody"))
    assert take(store, stranger).reasons() == {"unknown_annotator": 1}
    assert counts(take(store, as_named)) == {"li": (1, 0, 0, 19, 0)}


def test_a_workbook_under_another_name_would_count_a_person_twice(store: Store, tmp_path: Path) -> None:
    answers = {"en00": {"level": "System 1"}}
    take(store, filled(tmp_path, answers))
    renamed = filled(tmp_path, answers, name="Li")
    with pytest.raises(WorkbookRenamed, match="holds reviews of annotator-1 and of li"):
        take(store, renamed)
    assert ReviewStore(store, "bench").reviews()["annotator"].to_list() == ["annotator-1"]
    assert counts(take(store, renamed, names=["li", "annotator-1"])) == {"li": (1, 0, 0, 19, 0)}
    assert counts(take(store, renamed)) == {"li": (0, 0, 1, 19, 0)}  # once named they are known


def test_a_workbook_in_which_nobody_gave_a_name_is_told(store: Store, tmp_path: Path) -> None:
    answers = {"en00": {"level": "System 1"}}
    named = filled(tmp_path, answers, number=2, name="Li")
    done = take(store, filled(tmp_path, answers), named)
    assert done.unnamed == ["filled-1-.xlsx"]


def test_a_file_of_another_dataset_is_an_error_and_nothing_of_the_others_is_taken(
    store: Store, tmp_path: Path
) -> None:
    good = filled(tmp_path, {"en00": {"level": "System 1"}})
    said = annotation("li@x.org", "system1")
    for other, told in (
        (task("en00", said, version="mcq@dev"), "other.json holds reviews of mcq@dev, not of bench"),
        (task("en00", said, version=None), "other.json holds reviews of no version"),
        (task("fr99", said), "other.json: none of its 1 rows is of a question of this version"),
    ):
        with pytest.raises(OtherBenchmark, match=told):
            take(store, good, exported(tmp_path, other, name="other.json"))
    assert ReviewStore(store, "bench").reviews().is_empty()


def test_a_doubt_about_a_question_that_was_dropped_for_it_can_be_taken_back(
    store: Store, tmp_path: Path
) -> None:
    row = question("en99")
    rejected = frame([row]).with_columns(stage=pl.lit("review"), reason=pl.lit("gold_wrong"))
    path, manifest = "rejected/part-00000-of-00001.parquet", store.manifest(DEV)
    rejected.write_parquet(store.absolute("bench/dev", "data/x.parquet"))
    store.move("bench/dev/data/x.parquet", f"bench/dev/{path}")
    files = [*manifest.files, manifest.files[0].model_copy(update={"path": path})]
    changed = manifest.model_copy(update={"files": files})
    store.write_bytes("bench/dev/manifest.json", changed.model_dump_json().encode())
    content = with_content(frame([row]))["content"][0]
    back = task("en99", annotation("li@x.org", "system1", gold_correct="yes"), content=content)
    assert counts(take(store, exported(tmp_path, back))) == {"li@x.org": (1, 0, 0, 0, 0)}


def test_an_import_waits_for_another_one_and_loses_nothing(store: Store, tmp_path: Path) -> None:
    kept, file = ReviewStore(store, "bench"), filled(tmp_path, {"en00": {"level": "System 1"}})
    waiting = threading.Thread(target=take, args=(store, file))
    with lock(store, "reviews/bench/lock", "another import"):
        waiting.start()
        time.sleep(0.3)
        assert waiting.is_alive() and kept.reviews().is_empty()
        theirs = reviews(frame(several()), {("en05", "wu"): "system2"})
        theirs.write_parquet(tmp_path / "data" / "reviews" / "bench" / "reviews.parquet")
    waiting.join(20)
    assert kept.reviews().select("id", "annotator").rows() == [("en00", "annotator-1"), ("en05", "wu")]


def test_an_import_that_waits_too_long_says_so(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_store, "_WAIT_SECONDS", 0.2)
    with (
        lock(store, "reviews/bench/lock", "another import"),
        pytest.raises(ReviewsBusy, match="another import"),
    ):
        take(store, filled(tmp_path, {"en00": {"level": "System 1"}}))


def test_a_file_without_a_question_is_an_error_and_no_quiet_success(store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("[]")
    with pytest.raises(SourceError, match=r"empty\.json holds no question"):
        take(store, read_review_file(tmp_path / "empty.json"))
