"""Against a real Label Studio: questions go out, two people label them, and what they said comes back."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import polars as pl
import pytest

from anessuite.errors import SourceError
from anessuite.question_schemas import GRADED_QUESTION
from anessuite.review import label_studio
from anessuite.review.agreement import cohens_kappa
from anessuite.review.files import read_project
from anessuite.review.label_studio_api import LabelStudioFailed, create_projects, fetch_annotations
from anessuite.review.opinions import LEVELS, with_content, with_model_level
from tests.label_studio_server import LabelStudioServer

pytestmark = pytest.mark.timeout(900)

S1, SX, S2 = LEVELS
ANN, BOB = "ann@example.org", "bob@example.org"
VERSION, EXPORT = "bench@2026.12.01", "0123456789abcdef"
QUESTIONS = [
    ("q1", "en", "Which nerve is blocked at the sciatic notch?", ["Sciatic", "Femoral", "Obturator"], "A"),
    ("q2", "en", "Which drug reverses midazolam?", ["Naloxone", "Flumazenil", "Physostigmine"], "B"),
    (
        "q3",
        "en",
        "A patient bleeds after spinal anesthesia for forceps delivery; systolic pressure < 70 mmHg & falls. "
        "What comes first?",
        ["Ephedrine alone", "Volume, help and a search for the source", "A second spinal"],
        "B",
    ),
    ("q4", "en", "How does fever change the MAC of sevoflurane?", ["Raises it", "Lowers it"], "A"),
    ("q5", "zh", "丙泊酚输注痛最常用的预防药物是：", ["利多卡因", "肾上腺素", "新斯的明"], "A"),
    (
        "q6",
        "zh",
        "气管插管后气道压骤升、单侧呼吸音消失，首先应：",
        ["加深麻醉", "检查导管深度", "给利尿剂"],
        "B",
    ),
    ("q7", "zh", "哮喘患儿急诊手术，诱导药物宜选：", ["氯胺酮", "硫喷妥钠"], "A"),
    ("q8", "zh", "肥胖患者平卧后氧合下降的主要原因是：", ["功能残气量减少", "心率加快"], "A"),
]
SAID = {  # what each of the two chooses, by hand
    "q1": (S1, S1),
    "q2": (S1, SX),
    "q3": (S2, S2),
    "q4": (SX, SX),
    "q5": (S1, S1),
    "q6": (S2, S2),
    "q7": (S2, SX),
    "q8": (SX, SX),
}


def rows() -> list[dict[str, Any]]:
    """Made-up questions as a benchmark holds them, each with three votes of a model."""
    graded = [
        {
            "id": name,
            "language": language,
            "question": question,
            "options": [{"letter": "ABC"[n], "text": text} for n, text in enumerate(options)],
            "answer": answer,
            "level": S1,
            "level_origin": "model",
            "votes": [{"level": S1, "rationale": "one fact"}] * 2 + [{"level": S2, "rationale": None}],
            "agreement": 2 / 3,
            "reviewed": False,
            "source": "made-up",
            "source_id": name,
            "subject": "anesthesiology",
            "licence": "Apache-2.0",
        }
        for name, language, question, options, answer in QUESTIONS
    ]
    assert set(graded[0]) == set(GRADED_QUESTION.names)
    return with_model_level(with_content(pl.DataFrame(graded))).to_dicts()


def tasks(export: str = EXPORT) -> dict[str, list[dict[str, Any]]]:
    made: dict[str, list[dict[str, Any]]] = {"en": [], "zh": []}
    for row in rows():
        made[row["language"]].append(label_studio.task(row, version=VERSION, export=export, role="annotator"))
    return made


class Person:
    """An annotator with a personal access token, as the page's own calls are made."""

    def __init__(self, server: LabelStudioServer, email: str) -> None:
        self.url, self.key = server.url, server.sign_up(email)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        asked = {"refresh": self.key}
        access = httpx2.post(f"{self.url}/api/token/refresh", json=asked, timeout=60).json()["access"]
        headers = {"Authorization": f"Bearer {access}"}
        answer = httpx2.request(method, f"{self.url}{path}", headers=headers, json=body, timeout=60)
        assert answer.is_success, (path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def say(self, task: int, said: Mapping[str, str], **more: Any) -> None:
        self.call("POST", f"/api/tasks/{task}/annotations", {"result": result(said), **more})


def result(said: Mapping[str, str]) -> list[dict[str, Any]]:
    """As the page sends it."""
    return [
        {
            "from_name": name,
            "to_name": "question",
            "type": "textarea" if name == "comment" else "choices",
            "value": {"text" if name == "comment" else "choices": [value]},
        }
        for name, value in said.items()
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudioServer]:
    with LabelStudioServer(tmp_path_factory.mktemp("label-studio")) as running:
        yield running


@pytest.fixture(scope="module")
def people(server: LabelStudioServer) -> tuple[Person, Person]:
    return Person(server, ANN), Person(server, BOB)


@pytest.fixture(scope="module")
def projects(server: LabelStudioServer) -> dict[str, str]:
    return create_projects(server.url, server.legacy_key, "AnesBench review", tasks(), annotators=2)


@pytest.fixture(scope="module")
def labelled(
    server: LabelStudioServer, projects: dict[str, str], people: tuple[Person, Person]
) -> dict[str, list[dict[str, Any]]]:
    """The exports, by language, after both have labelled all."""
    for address in projects.values():
        for task in fetch_annotations(server.url, server.legacy_key, address):
            for person, level in zip(people, SAID[task["data"]["id"]], strict=True):
                person.say(task["id"], {"level": level})
    return {language: fetch_annotations(server.url, people[0].key, a) for language, a in projects.items()}


def test_two_peoples_levels_come_back_with_their_addresses_and_the_kappa_computed_by_hand(
    labelled: dict[str, list[dict[str, Any]]],
) -> None:
    reviews = pl.concat([label_studio.reviews_in(exported) for exported in labelled.values()])
    assert reviews.height == 16
    assert reviews["at"].null_count() == 0
    assert set(reviews.select("version", "export", "role").rows()) == {(VERSION, EXPORT, "annotator")}
    contents = {row["id"]: row["content"] for row in rows()}
    assert dict(reviews.select("id", "content").rows()) == contents
    by_person = {who: dict(reviews.filter(annotator=who).select("id", "level").rows()) for who in (ANN, BOB)}
    assert {name: (by_person[ANN][name], by_person[BOB][name]) for name in SAID} == SAID
    # They agree on 6 of 8. Ann has 3 of system1, 2 of system1.x, 3 of system2; Bob 2, 4, 2.
    # By chance (3*2 + 2*4 + 3*2) / 64 = 20/64; kappa = (48 - 20) / (64 - 20) = 28/44 = 7/11.
    ann, bob = ([by_person[who][name] for name in SAID] for who in (ANN, BOB))
    kappa = cohens_kappa(ann, bob, LEVELS)
    assert kappa.value == pytest.approx(7 / 11)
    assert kappa.questions == 8


def test_a_second_call_doubles_nothing_and_brings_back_what_was_deleted(
    server: LabelStudioServer, people: tuple[Person, Person]
) -> None:
    ann, ours = people[0], tasks("e" * 16)
    first = create_projects(server.url, server.legacy_key, "Twice", ours)
    before = ann.call("GET", "/api/projects?page_size=100")["count"]
    there = fetch_annotations(server.url, ann.key, first["en"])
    assert create_projects(server.url, ann.key, "Another title", ours) == first
    assert fetch_annotations(server.url, ann.key, first["en"]) == there
    ann.call("DELETE", f"/api/tasks/{there[0]['id']}")
    assert create_projects(server.url, server.legacy_key, "Twice", ours) == first
    ids = [task["data"]["id"] for task in fetch_annotations(server.url, ann.key, first["en"])]
    assert sorted(ids) == ["q1", "q2", "q3", "q4"]
    assert ann.call("GET", "/api/projects?page_size=100")["count"] == before
    other = create_projects(server.url, server.legacy_key, "Twice", tasks("d" * 16))
    assert set(other.values()).isdisjoint(first.values())


def test_a_project_is_imported_by_its_address(
    labelled: dict[str, list[dict[str, Any]]], projects: dict[str, str], people: tuple[Person, Person]
) -> None:
    file = read_project(projects["en"], people[0].key)
    assert file.rows.height == len(label_studio.reviews_in(labelled["en"])) and file.unanswered == 0
    assert set(file.rows["annotator"]) == {ANN, BOB} and set(file.rows["version"]) == {VERSION}


def test_the_projects_are_blind_show_the_instruction_and_ask_for_so_many_annotators(
    server: LabelStudioServer, projects: dict[str, str], people: tuple[Person, Person]
) -> None:
    for language, address in projects.items():
        number = address.split("/")[-2]
        project = people[1].call("GET", f"/api/projects/{number}")
        assert project["title"] == f"AnesBench review ({language})"
        assert (project["maximum_annotations"], project["show_instruction"]) == (2, True)
        assert project["show_collab_predictions"] is False
        assert project["expert_instruction"] == label_studio.instruction(language)
        (view,) = people[1].call("GET", f"/api/dm/views?project={number}")
        for hidden in label_studio.HIDDEN:
            assert f"tasks:data.{hidden}" in view["data"]["hiddenColumns"]["explore"]
    create_projects(server.url, server.legacy_key, "AnesBench review", {"zh": tasks()["zh"]}, annotators=3)
    number = projects["zh"].split("/")[-2]
    assert people[0].call("GET", f"/api/projects/{number}")["maximum_annotations"] == 3


def test_skipped_annotations_and_drafts_have_no_level_and_comments_survive(
    server: LabelStudioServer, people: tuple[Person, Person]
) -> None:
    ann, bob = people
    made = label_studio.task(rows()[0], version=VERSION, export="f" * 16, role="adjudicator")
    address = create_projects(server.url, server.legacy_key, "Skips", {"en": [made]})["en"]
    (task,) = fetch_annotations(server.url, ann.key, address)
    ann.say(task["id"], {"level": S2, "comment": "no\u00a0time"}, was_cancelled=True)
    bob.call("POST", f"/api/tasks/{task['id']}/drafts", {"result": result({"level": S1}), "lead_time": 1})
    bob.say(task["id"], {"level": SX, "gold_correct": "unsure", "sound": "no", "comment": "two are right"})
    told = label_studio.reviews_in(fetch_annotations(server.url, ann.key, address))
    said = told.select("annotator", "role", "level", "gold_correct", "sound", "comment").rows()
    assert sorted(said, key=repr) == [
        (ANN, "adjudicator", None, None, None, "no\u00a0time"),
        (BOB, "adjudicator", SX, "unsure", "no", "two are right"),
        (BOB, "adjudicator", None, None, None, None),
    ]


def test_the_wrong_export_is_refused_and_the_right_one_named(
    projects: dict[str, str], people: tuple[Person, Person], labelled: dict[str, list[dict[str, Any]]]
) -> None:
    number = projects["zh"].split("/")[-2]
    flat = people[0].call("GET", f"/api/projects/{number}/export?exportType=JSON_MIN")
    assert len(flat) == 2 * len(labelled["zh"])
    with pytest.raises(SourceError, match="JSON_MIN") as caught:
        label_studio.reviews_in(flat)
    assert "Export, then the format JSON" in caught.value.hint


def test_a_wrong_key_is_named_as_such_and_never_shown(
    server: LabelStudioServer, people: tuple[Person, Person]
) -> None:
    for key in ("f" * 40, people[0].key[:-3] + "abc"):
        with pytest.raises(LabelStudioFailed, match="does not accept the key") as caught:
            create_projects(server.url, key, "Nothing", tasks())
        assert "personal access token" in caught.value.hint
        assert key not in str(caught.value)


def test_a_project_that_is_not_there_is_answered_with_those_that_are(
    server: LabelStudioServer, projects: dict[str, str]
) -> None:
    with pytest.raises(LabelStudioFailed, match="has no project 4711") as caught:
        fetch_annotations(server.url, server.legacy_key, "4711")
    assert "(AnesBench review (en))" in caught.value.hint


def test_a_legacy_key_of_an_organization_that_refuses_them_leads_to_the_other_kind(
    server: LabelStudioServer, projects: dict[str, str], people: tuple[Person, Person]
) -> None:
    allowed = {"api_tokens_enabled": True, "legacy_api_tokens_enabled": True}
    people[0].call("POST", "/api/jwt/settings", allowed | {"legacy_api_tokens_enabled": False})
    try:
        with pytest.raises(
            LabelStudioFailed, match="legacy token authentication has been disabled"
        ) as caught:
            fetch_annotations(server.url, server.legacy_key, projects["en"])
        assert "personal access token" in caught.value.hint
        assert len(fetch_annotations(server.url, people[0].key, projects["en"])) == 4
    finally:
        people[0].call("POST", "/api/jwt/settings", allowed)
