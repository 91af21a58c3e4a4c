"""``anes review``: the round trip as a user sees it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.__main__ import app
from tests.anessuite.review.test_rounds import fill, several, stored


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a version of 20 questions; no key of Label Studio."""
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    monkeypatch.delenv("ANES_ROOT", raising=False)
    stored(tmp_path / "data", several())
    return tmp_path / "data"


def anes(root: Path, command: str, *arguments: str | Path, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, ["review", command, *map(str, arguments), "--root", str(root)], env=env)


def shown(result: Result) -> str:
    return " ".join(result.output.split())


def test_questions_go_out_come_back_and_are_adjudicated(root: Path, tmp_path: Path) -> None:
    out, decide = tmp_path / "out", tmp_path / "decide"
    done = anes(root, "export", "bench@dev", "--out", out, "--fraction", "1", "--annotators", "2")
    assert done.exit_code == 0, done.output
    assert "20 questions in" in shown(done) and "review.annotator-2.xlsx" in shown(done)
    ids = [f"{language}{i:02}" for language in ("en", "zh") for i in range(10)]
    names = {1: ("Li", ["System 1"] * 20), 2: ("Wu", ["System 1"] * 18 + ["System 2"] * 2)}
    books = []
    for number, (name, levels) in names.items():
        answers = {id_: {"level": level} for id_, level in zip(ids, levels, strict=True)}
        source = out / f"review.annotator-{number}.xlsx"
        books.append(fill(source, tmp_path / f"{number}.xlsx", answers, name=name))
    done = anes(root, "import", *books)
    assert done.exit_code == 0 and "40 stored now" in shown(done), done.output
    again = json.loads(anes(root, "import", *books, "--json").stdout)
    assert [(one["annotator"], one["unchanged"], one["new"]) for one in again["annotators"]] == [
        ("li", 20, 0),
        ("wu", 20, 0),
    ]
    status = anes(root, "status", "bench@dev")
    for part in ("100% wanted", "Cohen's kappa", "Krippendorff's alpha (ordinal)", "2 questions in dispute"):
        assert part in shown(status)
    done = anes(root, "adjudicate", "bench@dev", "--out", decide, "--adjudicator", "Chen")
    assert done.exit_code == 0 and "2 questions in" in shown(done)
    answers = {id_: {"level": "系统1.x"} for id_ in ids[-2:]}
    judged = fill(decide / "review.adjudicator-1.xlsx", tmp_path / "judged.xlsx", answers)
    assert anes(root, "import", judged).exit_code == 0
    told = json.loads(anes(root, "status", "bench@dev", "--json").stdout)
    assert (told["adjudicated"], told["disputed"], told["reviews"]) == (2, [], {"li": 20, "wu": 20})
    assert told["model"]["confusion"] == [[7, 6, 5], [1, 0, 1], [0, 0, 0]]
    assert sum(row["missing"] for row in told["progress"]) == 0


def test_refused_rows_are_shown_with_the_reason_and_where_they_are_kept(root: Path, tmp_path: Path) -> None:
    anes(root, "export", "bench@dev", "--out", tmp_path / "out", "--fraction", "1")
    answers = {"en00": {"level": "System 7"}, "en01": {"level": "System 2"}}
    book = fill(tmp_path / "out" / "review.annotator-1.xlsx", tmp_path / "a.xlsx", answers)
    done = anes(root, "import", book)
    assert done.exit_code == 0 and "unknown_level" in shown(done)
    assert "System 7; known: system1, system1.x, system2" in shown(done)
    refused = list((root / "reviews" / "bench" / "refused").glob("*.jsonl"))
    assert len(refused) == 1 and refused[0].name in shown(done)


def test_an_export_without_the_key_of_label_studio_writes_nothing(root: Path, tmp_path: Path) -> None:
    done = anes(root, "export", "bench@dev", "--out", tmp_path / "out", "--to", "http://127.0.0.1:1")
    assert done.exit_code == 2 and "LABEL_STUDIO_API_KEY" in done.output
    assert not (tmp_path / "out").exists() and not (root / "reviews").exists()


def test_a_key_never_shows_and_the_same_call_completes_what_failed(root: Path, tmp_path: Path) -> None:
    call = ("bench@dev", "--out", tmp_path / "out", "--to", "http://127.0.0.1:1")
    done = anes(root, "export", *call, env={"LABEL_STUDIO_API_KEY": "a-very-secret-key"})
    assert done.exit_code != 0 and "error:" in done.output and "a-very-secret-key" not in done.output
    assert "127.0.0.1:1" in done.output
    assert anes(root, "export", *call[:3]).exit_code == 0  # the same export, without projects


def test_another_export_into_the_same_folder_is_refused(root: Path, tmp_path: Path) -> None:
    anes(root, "export", "bench@dev", "--out", tmp_path / "out")
    done = anes(root, "export", "bench@dev", "--out", tmp_path / "out", "--seed", "8")
    assert done.exit_code == 2 and "holds another export already" in done.output


def test_nothing_to_adjudicate_and_nothing_reviewed_are_said(root: Path, tmp_path: Path) -> None:
    done = anes(root, "adjudicate", "bench@dev", "--out", tmp_path / "out")
    assert done.exit_code == 1 and "disagree on no question" in done.output
    assert "nobody has reviewed anything yet" in anes(root, "status", "bench@dev").output


@pytest.mark.parametrize("command", ["export", "import", "status", "adjudicate"])
def test_help_gives_an_example(root: Path, command: str) -> None:
    done = CliRunner().invoke(app, ["review", command, "--help"])
    assert f"anes review {command} " in done.output
