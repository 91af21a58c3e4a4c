"""The history of a row: what is told of it, and what is said where something cannot be told."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from anessuite.llm.cache import FILE, Cache
from anessuite.llm.replies import Completion
from anessuite.manifests import Stage
from anessuite.review.opinions import REVIEW, question_content
from anessuite.review.store import ReviewStore
from anessuite.storage import Store
from anessuite.tracing.history import History, trace
from anessuite.tracing.page import plain, sections
from anessuite.tracing.search import Version
from tests.anessuite.tracing.made_versions import AGAINST, LIST, OPTIONS, dropped, question, version

ANNOTATOR: dict[str, Any] = {
    "annotator": {"model": "org/votes", "parameters": {"seed": 7, "max_tokens": 90}},
    "votes": 2,
}
KEYS = [b"\1" * 32, b"\2" * 32]


def told(
    made: Version, wanted: str, *, cache: Path | None = None, keys: list[bytes] | None = None
) -> History:
    def of(row: Mapping[str, Any]) -> list[bytes]:
        return keys or []

    return trace(made, wanted, cache=cache, keys=of)


def text_of(history: History, *, full: bool = False) -> str:
    lines = []
    for section in sections(history, full=full):
        lines += [section.title, *section.lines, *(" | ".join(map(str, row)) for row in section.rows)]
    return "\n".join(lines)


def review(**changes: Any) -> pl.DataFrame:
    row = {
        "id": question("aaaaaa")["id"],
        "content": question_content(question("")["question"], OPTIONS, "A"),
        "annotator": "ana",
        "role": "annotator",
        "level": "system2",
        "gold_correct": "yes",
        "sound": None,
        "comment": "two facts",
        "at": datetime(2026, 11, 20, tzinfo=UTC),
        "imported_from": "test",
    }
    return pl.DataFrame([row | changes], schema=REVIEW)


def test_a_kept_row_has_passed_all_stages_and_a_dropped_one_those_before_its_own(tmp_path: Path) -> None:
    gone = dropped("bbbbbb", "near_question", stage="decontaminate")
    made = version(Store(str(tmp_path)), kept=[question("aaaaaa")], rejected=[gone])
    outcomes = {
        name: [one.outcome for one in told(made, name).rows[0].passages] for name in ("aaaaaa", "bbbbbb")
    }
    assert outcomes["aaaaaa"] == ["passed"] * 4
    assert outcomes["bbbbbb"] == ["passed", "passed", "dropped here", "not reached"]


def test_a_reason_of_no_stage_of_the_funnel_leaves_the_way_unknown(tmp_path: Path) -> None:
    made = version(Store(str(tmp_path)), rejected=[dropped("bbbbbb", "odd", stage="elsewhere")])
    row = told(made, "bbbbbb").rows[0]
    assert {one.outcome for one in row.passages} == {"not known"} and row.meaning is None
    assert "Dropped at the stage elsewhere" in text_of(told(made, "bbbbbb"))


def test_where_rows_have_no_stage_the_reason_tells_it_by_source(tmp_path: Path) -> None:
    funnel = [
        Stage(stage=stage, source=source, rows_in=5, dropped=reasons)
        for source, quality in (("other", {"too_long": 1}), ("list", {"too_short": 1}))
        for stage, reasons in (("read", {}), ("quality", quality), ("near duplicates", {}))
    ]
    gone = [dropped("a" * 32, "too_short", stage=""), dropped("b" * 32, "too_long", stage="")]
    made = version(Store(str(tmp_path)), rejected=gone, funnel=funnel)
    short, long = (told(made, name).rows[0] for name in ("a" * 32, "b" * 32))
    assert short.stage == "quality" and [one.outcome for one in short.passages] == [
        "passed",
        "dropped here",
        "not reached",
    ]
    assert long.stage == "unknown", "no line of its source has this reason"


def test_a_row_that_evidence_names_is_followed(tmp_path: Path) -> None:
    kept = question("aaaaaa")
    evidence = json.dumps({"repeats": kept["id"], "stem_similarity": 93.5})
    gone = dropped("bbbbbb", "near_duplicate", evidence=evidence)
    row = told(version(Store(str(tmp_path)), kept=[kept], rejected=[gone]), "bbbbbb").rows[0]
    (reference,) = row.references
    assert (reference.how, reference.name) == ("repeats", kept["id"])
    assert reference.told == "kept; list q-aaaaaa; Which of the two spares the adrenal gland?"
    assert row.evidence == {"repeats": kept["id"], "stem_similarity": 93.5}
    assert row.meaning == "nearly the same question as another one, which stays"


def test_a_row_that_evidence_names_and_nobody_has_is_said_to_be_missing(tmp_path: Path) -> None:
    gone = dropped("bbbbbb", "near_duplicate", evidence=json.dumps({"repeats": "c" * 32}))
    row = told(version(Store(str(tmp_path)), rejected=[gone]), "bbbbbb").rows[0]
    assert row.references[0].told == "not a row of this version"


def test_a_question_of_a_benchmark_below_the_root_is_shown_with_what_is_shared(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    version(store, "bench@2026.11.01", kept=[question("cccccc")])
    near = {"benchmark": "bench@2026.11.01", "item": "q-cccccc", "matches": [{"text": "the adrenal gland"}]}
    gone = dropped("bbbbbb", "contaminated_lcs", stage="decontaminate")
    gone["evidence"] = json.dumps({"items": [near, {"benchmark": "far@dev", "item": "9", "matches": []}]})
    made = version(store, "r1@dev", rejected=[gone], inputs=[LIST, AGAINST], contamination={"rules": ["lcs"]})
    history = told(made, "bbbbbb")
    first, second = history.rows[0].references
    assert (
        first.told.startswith("kept; list q-cccccc; Which of the two") and "the adrenal gland" in first.told
    )
    assert (second.name, second.told) == ("9", "")
    (check,) = history.rows[0].checks
    assert (check.benchmark, check.digest, check.rules, check.outcome) == (
        "bench@2026.11.01",
        "sha256:ab",
        ["lcs"],
        "dropped here",
    )
    assert history.inputs == {"bench@2026.11.01": True}
    assert "anes show bench@2026.11.01" in text_of(history)


def test_a_version_whose_config_names_no_benchmark_says_so(tmp_path: Path) -> None:
    made = version(Store(str(tmp_path)), "r1@dev", kept=[question("aaaaaa")], against=[])
    assert any(
        "no row of this version was compared with a benchmark" in one for one in told(made, "aaaaaa").notes
    )


def test_the_file_of_a_row_is_the_one_that_its_source_id_names(tmp_path: Path) -> None:
    more = [LIST, LIST.model_copy(update={"source": "exams/more.jsonl", "digest": "sha256:ef"})]
    rows = [question("aaaaaa", source_id="more.jsonl#17"), question("bbbbbb", source_id="q-8#2")]
    made = version(Store(str(tmp_path)), kept=rows, inputs=more)
    named, own = (told(made, name).rows[0].origin for name in ("aaaaaa", "bbbbbb"))
    assert [one.digest for one in named.files] == ["sha256:ef"] and named.place == 17
    assert len(own.files) == 2 and own.place is None, "#2 is part of the source's own id"
    assert named.licence == "CC0-1.0"


def test_votes_get_text_and_tokens_from_the_cache_by_the_keys_of_their_requests(tmp_path: Path) -> None:
    made = version(Store(str(tmp_path)), kept=[question("aaaaaa")], **ANNOTATOR)
    with Cache(tmp_path / ".cache") as cache:
        cache.put(KEYS[0], "org/votes", Completion("the reply", "thought", "stop", 50, 6, "s")).result(9)
    first, second = told(made, "aaaaaa", cache=tmp_path / ".cache", keys=KEYS).rows[0].asked
    assert (first.verdict, first.text, first.prompt_tokens, first.completion_tokens) == (
        "system1",
        "the reply",
        50,
        6,
    )
    assert first.cached and first.request == KEYS[0].hex() and first.served_model == "s"
    assert (second.verdict, second.cached, second.text) == ("could not be read", False, None)
    assert [one.parameters["seed"] for one in (first, second)] == [7, 8]
    assert first.details == {"rationale": "One fact."}


def test_a_question_that_fell_before_the_votes_was_asked_of_nobody(tmp_path: Path) -> None:
    made = version(Store(str(tmp_path)), rejected=[dropped("bbbbbb", "near_duplicate")], **ANNOTATOR)
    assert told(made, "bbbbbb", keys=KEYS).rows[0].asked == []


def test_no_cache_is_begun_where_there_is_none(tmp_path: Path) -> None:
    made = version(Store(str(tmp_path)), kept=[question("aaaaaa")], **ANNOTATOR)
    asked = told(made, "aaaaaa", cache=tmp_path / ".cache", keys=KEYS).rows[0].asked
    assert [one.cached for one in asked] == [None, None] and not (tmp_path / ".cache").exists()


def test_a_broken_cache_is_a_note_and_the_rest_is_told(tmp_path: Path) -> None:
    made = version(Store(str(tmp_path)), kept=[question("aaaaaa")], **ANNOTATOR)
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / FILE).write_bytes(b"no database at all, but long enough to be looked at " * 30)
    history = told(made, "aaaaaa", cache=tmp_path / ".cache", keys=KEYS)
    assert history.rows[0].kept and any("the cache of replies is not asked" in one for one in history.notes)


def test_reviews_are_told_with_whether_they_are_of_this_very_content(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    made = version(store, kept=[question("aaaaaa"), question("bbbbbb")])
    stale = review(annotator="ben", content="0" * 64)
    ReviewStore(store, "bench").change(lambda _: pl.concat([review(), stale]))
    first, second = told(made, "aaaaaa").rows[0].reviews
    assert (first["annotator"], first["level"], first["comment"], first["counts"]) == (
        "ana",
        "system2",
        "two facts",
        True,
    )
    assert (second["annotator"], second["counts"]) == ("ben", False)
    assert told(made, "bbbbbb").rows[0].reviews == []


def test_reviews_that_cannot_be_read_are_a_note(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    made = version(store, kept=[question("aaaaaa")])
    store.write_bytes("reviews/bench/reviews.parquet", b"PAR1")
    history = told(made, "aaaaaa")
    assert history.rows[0].kept and "the reviews are not told" in history.notes[0]


def test_nothing_that_a_row_says_can_steer_a_terminal(tmp_path: Path) -> None:
    evil = "Which \x1b[2J\x1b]0;owned\x07drug\u202e?\r\n\x9b31mNext"
    row = question("aaaaaa", question=evil, source_id="\x1b[8mhidden", subject="\x08\x08")
    shown = text_of(told(version(Store(str(tmp_path)), kept=[row]), "aaaaaa"), full=True)
    assert "drug" in shown and "hidden" in shown
    assert plain(shown) == shown and not any(sign in shown for sign in "\x1b\x07\x08\x9b\u202e\r")


def test_long_texts_are_cut_with_their_length_unless_all_is_asked_for(tmp_path: Path) -> None:
    made = version(Store(str(tmp_path)), kept=[question("aaaaaa")], **ANNOTATOR)
    with Cache(tmp_path / ".cache") as cache:
        cache.put(KEYS[0], "org/votes", Completion("word " * 200 + "end")).result(9)
    history = told(made, "aaaaaa", cache=tmp_path / ".cache", keys=KEYS)
    assert "word end" not in text_of(history) and "word end" in text_of(history, full=True)
