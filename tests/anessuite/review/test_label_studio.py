"""The labelling page, the tasks, and the JSON export, without a Label Studio; and servers that are none."""

import json
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest

from anessuite.errors import AnesError, ConfigError, SourceError
from anessuite.review import label_studio
from anessuite.review.label_studio_api import LabelStudioFailed, create_projects, fetch_annotations
from anessuite.review.opinions import GOLD_CORRECT, LEVELS, SOUND
from tests.label_studio_server import Answering

KEY = "0123456789abcdef0123456789abcdef01234567"
ROW: dict[str, Any] = {
    "id": "q1",
    "language": "en",
    "question": "Which gas fills the lungs before induction,\nif SpO₂ is < 90 % & <b>falling</b>?",
    "options": [{"letter": "A", "text": "Oxygen"}, {"letter": "B", "text": "Nitrous oxide"}],
    "answer": "A",
    "content": "c" * 64,
    "model_level": "system1",
    "votes": [
        {"level": "system2", "rationale": "weighs a case"},
        {"level": "system1", "rationale": "one fact"},
        {"level": "system1", "rationale": None},
        {"level": None, "rationale": None},
    ],
}


def task(export: str = "e" * 16, **changed: Any) -> dict[str, Any]:
    return label_studio.task(ROW | changed, version="bench@2026.12.01", export=export, role="annotator")


def annotation(said: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
    kinds = {"comment": "text"}
    result = [
        {"from_name": name, "value": {kinds.get(name, "choices"): value}} for name, value in said.items()
    ]
    about = {"completed_by": {"id": 4, "email": "ann@example.org"}, "was_cancelled": False}
    return {**about, "updated_at": "2026-11-02T08:00:00.25Z", "result": result, **changed}


def exported(*annotations: Any, **changed: Any) -> list[dict[str, Any]]:
    return [{"id": 17, **task(), "annotations": list(annotations), "drafts": [], **changed}]


def page(language: str) -> ElementTree.Element:
    return ElementTree.fromstring(label_studio.labelling_config(language))


@pytest.mark.parametrize("language", label_studio.LANGUAGES)
def test_the_models_opinion_stands_only_in_a_block_that_a_chosen_level_opens(language: str) -> None:
    (block,) = [view for view in page(language).iter("View") if view.get("visibleWhen")]
    assert (block.get("visibleWhen"), block.get("whenTagName")) == ("choice-selected", "level")
    inside = [text.get("value") for text in block.iter("Text")]
    assert inside == ["$model_rationale"]
    for hidden in label_studio.HIDDEN:
        assert label_studio.labelling_config(language).count(f"${hidden}") == inside.count(f"${hidden}")


def test_both_pages_ask_in_one_order_and_store_the_same_values() -> None:
    def asked(language: str) -> list[tuple[str | None, list[str | None]]]:
        return [
            (one.get("name"), [choice.get("alias") for choice in one])
            for one in page(language).iter()
            if one.tag in ("Text", "Choices", "TextArea")
        ]

    assert asked("en") == asked("zh")
    assert [name for name, _ in asked("en")] == [
        *("question", "options", "gold", "level", "model_rationale", "gold_correct", "sound", "comment")
    ]
    stored = dict(asked("en"))
    assert stored["level"] == [*LEVELS]
    assert (stored["gold_correct"], stored["sound"]) == ([*GOLD_CORRECT], [*SOUND])


def test_a_level_has_to_be_chosen_and_nothing_else_has() -> None:
    required = {one.get("name"): one.get("required") for one in page("zh").iter("Choices")}
    assert required == {"level": "true", "gold_correct": None, "sound": None}


def test_a_language_without_a_page_of_its_own_gets_the_english_one() -> None:
    assert label_studio.labelling_config("de") == label_studio.labelling_config("en")
    assert label_studio.instruction("de") == label_studio.instruction("en") != label_studio.instruction("zh")


def test_a_task_shows_each_option_on_a_line_and_the_answer_with_its_text() -> None:
    data = task()["data"]
    assert data["options"] == "A. Oxygen\nB. Nitrous oxide"
    assert data["gold"] == "A. Oxygen"
    assert data["question"] == ROW["question"]
    assert (data["id"], data["content"], data["export"]) == ("q1", "c" * 64, "e" * 16)


def test_the_models_votes_are_told_in_the_language_of_the_question() -> None:
    assert task()["data"]["model_rationale"] == (
        "System 1: 2 of 4 votes\n– one fact\nSystem 2: 1 of 4 votes\n– weighs a case"
    )
    assert task(language="zh")["data"]["model_rationale"].startswith("系统1：2/4 票\n– one fact")
    assert task(votes=[])["data"]["model_rationale"] == "–"


def test_every_field_that_the_page_shows_is_in_a_task() -> None:
    shown = {one.get("value", "").removeprefix("$") for one in page("en").iter("Text")}
    assert shown <= set(task()["data"])


def test_a_review_is_read_with_all_that_it_says() -> None:
    said = {"level": ["system1.x"], "gold_correct": ["no"], "sound": ["yes"], "comment": ["one", "两"]}
    (row,) = label_studio.reviews_in(exported(annotation(said))).to_dicts()
    assert row == {
        "id": "q1",
        "content": "c" * 64,
        "annotator": "ann@example.org",
        "role": "annotator",
        "level": "system1.x",
        "gold_correct": "no",
        "sound": "yes",
        "comment": "one\n两",
        "at": datetime(2026, 11, 2, 8, 0, 0, 250_000, tzinfo=UTC),
        "version": "bench@2026.12.01",
        "export": "e" * 16,
    }


@pytest.mark.parametrize(
    ("who", "name"),
    [
        ({"id": 4, "email": "a@b.org", "first_name": "A"}, "a@b.org"),
        ({"id": 4, "email": "", "username": "ann"}, "ann"),
        ({"id": 4, "first_name": "Ann", "last_name": "Lee"}, "Ann Lee"),
        ({"id": 4}, "4"),
        (4, "4"),
        ("ann", "ann"),
        (None, None),
        ({}, None),
    ],
)
def test_an_annotator_is_named_by_what_the_export_tells(who: Any, name: str | None) -> None:
    told = label_studio.reviews_in(exported(annotation({"level": ["system1"]}, completed_by=who)))
    assert told["annotator"].to_list() == [name]


def test_a_skipped_annotation_has_no_level_and_keeps_its_comment() -> None:
    skipped = annotation({"level": ["system2"], "comment": ["blurred"]}, was_cancelled=True)
    told = label_studio.reviews_in(exported(skipped))
    assert told.select("level", "comment").rows() == [(None, "blurred")]


def test_a_draft_is_a_row_without_opinion_unless_it_changes_a_submitted_annotation() -> None:
    draft = {"user": "bob@example.org", "annotation": None, "updated_at": "2026-11-02T08:00:00Z"}
    drafts = [draft | {"result": annotation({"level": ["system2"]})["result"]}, draft | {"annotation": 5}]
    told = label_studio.reviews_in(exported(annotation({"level": ["system1"]}), drafts=drafts))
    assert told.select("annotator", "level").rows() == [
        ("ann@example.org", "system1"),
        ("bob@example.org", None),
    ]


def test_what_is_unknown_is_handed_on_and_what_is_missing_is_null() -> None:
    odd = exported(annotation({"level": ["System 3"]}), annotation({"level": ["system1", "system2"]}))
    assert label_studio.reviews_in(odd)["level"].to_list() == ["System 3", "system1, system2"]
    strange = exported(annotation({"mood": ["fine"]}, updated_at=None), data={"text": "a street", "id": 9})
    (row,) = label_studio.reviews_in(strange).to_dicts()
    assert {name for name, value in row.items() if value is not None} == {"annotator"}


def test_an_export_without_annotations_has_no_rows_but_all_columns() -> None:
    for nothing in ([], exported()):
        told = label_studio.reviews_in(nothing)
        assert told.height == 0
        assert told.columns == [
            *("id", "content", "annotator", "role", "level", "gold_correct", "sound", "comment", "at"),
            *("version", "export"),
        ]


def test_times_of_other_zones_become_utc_and_lone_surrogates_do_no_harm() -> None:
    said = annotation({"comment": ["a\ud800b"]}, updated_at="2026-11-02T08:00:00+08:00")
    (row,) = label_studio.reviews_in(exported(said)).to_dicts()
    assert (row["at"], row["comment"]) == (datetime(2026, 11, 2, tzinfo=UTC), "a\ufffdb")


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ([{"annotations": []}], "task 1 has no data"),
        ([*exported(), 7], "task 2 is no object"),
        (exported(data="x"), "task 1, data is no object"),
        (exported(annotations={"a": 1}), "task 1, annotations is no list"),
        (exported("x"), "task 1, annotation 1 is no object"),
        (exported(annotation({}, result="x")), "task 1, annotation 1, result is no list"),
        (exported(annotation({}, result=[3])), "task 1, annotation 1, result 1 is no object"),
        (exported(annotation({"level": [1]})), "task 1, annotation 1, result 1, value is no text"),
        (exported(annotation({"level": {"a": 1}})), "task 1, annotation 1, result 1, value is no list"),
        (exported(annotation({}, updated_at="noon")), "task 1, annotation 1: 'noon' is no time"),
        (exported(annotation({}, updated_at=12)), "task 1, annotation 1: 12 is no time"),
        (exported(annotation({}, completed_by=[1])), "task 1, annotation 1 is by neither a person"),
        ([{"id": 1, "annotator": 4, "annotation_id": 9, "level": "system1"}], "the export JSON_MIN"),
    ],
)
def test_json_of_another_shape_is_refused_with_the_place_and_the_export_to_choose(
    broken: list[Any], told: str
) -> None:
    with pytest.raises(SourceError) as caught:
        label_studio.reviews_in(broken)
    assert told in caught.value.what
    assert "the format JSON" in caught.value.hint


@pytest.mark.parametrize(
    ("answer", "told", "next_step"),
    [
        ((200, b"<html>hello</html>"), "its answer to GET /api/projects is no JSON", "check the"),
        ((200, b'{"hello": 1}'), "/api/projects is no list", "check the address"),
        ((404, b"no"), "it has no GET /api/projects", "check the address"),
        ((302, b"", "https://a:b@else.org/x"), "points to https://else.org/x", "itself"),
        ((401, b'{"detail": "bad {key}"}'), "does not accept the key: bad Token ***", "personal"),
        ((403, b'{"detail": "not you"}'), "refuses this to the key: not you", "manages projects"),
        ((500, b"oops"), "answers 500 to GET /api/projects", "log of Label Studio"),
    ],
    ids=["html", "other JSON", "404", "redirect", "401", "403", "500"],
)
def test_a_server_that_is_no_use_is_told_with_what_to_do_and_without_the_key(
    answer: Any, told: str, next_step: str
) -> None:
    with Answering(*answer) as server, pytest.raises(LabelStudioFailed) as caught:
        create_projects(server.url, KEY, "Review", {"en": [task()]})
    assert told in caught.value.what
    assert next_step in caught.value.hint
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert server.asked[0] == ("GET", "/api/projects?page=1&page_size=100", f"Token {KEY}")


def test_a_port_without_a_server_is_told() -> None:
    with Answering(200, b"") as gone:
        url = gone.url
    with pytest.raises(LabelStudioFailed, match="no Label Studio answers at") as caught:
        fetch_annotations(url, KEY, "1")
    assert "check the address" in caught.value.hint


def test_a_personal_key_is_only_sent_to_be_exchanged_never_as_it_is() -> None:
    with Answering(401, b'{"detail": "Token is invalid"}') as server:
        with pytest.raises(LabelStudioFailed, match="does not accept the key: Token is invalid") as caught:
            fetch_annotations(server.url, "head.body.tail", "1")
        assert "head.body.tail" not in str(caught.value)
        paths = [(path.split("?")[0], key) for _, path, key in server.asked]
        assert paths == [("/api/projects/1/export", ""), ("/api/token/refresh", "")]


def ask(url: str, key: str, tasks: Mapping[str, list[dict[str, Any]]], **more: Any) -> AnesError:
    with pytest.raises(ConfigError) as caught:
        create_projects(url, key, "Review", tasks, **more)
    return caught.value


def test_a_call_that_cannot_work_is_refused_before_anything_is_sent() -> None:
    with Answering(500, b"") as server:
        good = {"en": [task()]}
        for url in ("", "localhost:8080", "ftp://x", "http://me:secret@host", "http://host?x=1"):
            assert "no address of a Label Studio" in (said := ask(url, KEY, good)).what
            assert "secret" not in str(said)
        for key in ("", "two words", "clé", "a\nb"):
            assert "the key is empty or holds" in (said := ask(server.url, key, good)).what
            assert not key or key not in str(said)
        assert "same id" in ask(server.url, KEY, {"en": [task(), task()]}).what
        assert "not of one export" in ask(server.url, KEY, {"en": [task("a"), task("b", id="q2")]}).what
        assert "not of one export" in ask(server.url, KEY, {"en": [{"data": {"id": "q"}}]}).what
        for project in ("http://else.org/projects/3/data", "three", f"{server.url}/projects/"):
            with pytest.raises(ConfigError, match="is no project of"):
                fetch_annotations(server.url, KEY, project)
        assert server.asked == []


def test_the_export_of_a_project_is_asked_for_with_all_its_tasks_by_number_or_address() -> None:
    with Answering(200, json.dumps(exported(annotation({}, completed_by=4))).encode()) as server:
        for project in ("3", f"{server.url}/projects/3/data", f"{server.url}/projects/3?tab=1"):
            (told,) = fetch_annotations(server.url + "/", KEY, project)
            assert told["annotations"][0]["completed_by"] == 4  # nobody names the number
            assert server.asked[-2][1] == "/api/projects/3/export?exportType=JSON&download_all_tasks=true"
