"""``anes cache``: what a user sees of the cache of model replies, and how it is made smaller."""

import json
import os
import time
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from anessuite.llm import cache as module
from anessuite.llm.cache import FILE, Cache
from anessuite.llm.replies import Completion
from flows.commands.cache import cache as app

DAY = 86_400


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANES_CACHE", "ANES_ROOT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a cache: 3 replies of model a, 40 days old, and 2 of org/b, a day old."""
    folder = tmp_path / "data" / ".cache"
    now = time.time()
    with Cache(folder) as cache:
        for model, count, age in (("a", 3, 40 * DAY), ("org/b", 2, DAY)):
            monkeypatch.setattr(module.time, "time", lambda age=age: now - age)
            for _ in range(count):
                cache.put(
                    os.urandom(32), model, Completion(os.urandom(20_000).hex(), None, "stop", 100, 7)
                ).result(9)
        monkeypatch.setattr(module.time, "time", lambda: now)
    return folder


def anes(*arguments: str | Path, answer: str | None = None, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)), input=answer, env=env)


def replies(folder: Path) -> dict[str, int]:
    return {stats.model: stats.replies for stats in Cache(folder).stats()}


def test_stats_show_each_model_and_as_json_all_counts(folder: Path) -> None:
    shown = anes("stats", "--cache", folder)
    assert shown.exit_code == 0, shown.output
    for part in ("org/b", "300", "21", "5 replies", FILE):
        assert part in shown.output.replace("\n", "")
    found = json.loads(anes("stats", "--cache", folder, "--json").stdout)
    assert [(model["model"], model["replies"], model["prompt_tokens"]) for model in found["models"]] == [
        ("a", 3, 300),
        ("org/b", 2, 200),
    ]
    assert found["bytes"] > 5 * 20_000


def test_the_cache_is_found_below_the_root_or_where_the_environment_says(
    folder: Path, tmp_path: Path
) -> None:
    root = folder.parent
    for arguments, env in (
        (["--root", root], {}),
        ([], {"ANES_ROOT": str(root)}),
        ([], {"ANES_CACHE": str(folder)}),
        (["--root", "s3://bucket/suite"], {"ANES_CACHE": str(folder)}),
        (["--cache", folder], {"ANES_CACHE": str(tmp_path / "elsewhere")}),
    ):
        done = anes("stats", *arguments, "--json", env=env)
        assert len(json.loads(done.stdout)["models"]) == 2, (arguments, env)


def test_looking_for_a_cache_begins_none(tmp_path: Path) -> None:
    done = anes("stats", "--cache", tmp_path / "new")
    assert done.exit_code == 0
    assert "there is no cache in" in done.output
    assert json.loads(anes("stats", "--cache", tmp_path / "new", "--json").stdout) == {
        "bytes": 0,
        "models": [],
    }
    done = anes("prune", "--older-than", "1d", "--cache", tmp_path / "new")
    assert done.exit_code == 2
    assert not (tmp_path / "new").exists()


def test_a_dry_run_says_what_would_go_and_removes_nothing(folder: Path) -> None:
    done = anes("prune", "--older-than", "30d", "--dry-run", "--cache", folder)
    assert done.exit_code == 0
    assert "3 replies older than 30d would be removed" in done.output
    assert replies(folder) == {"a": 3, "org/b": 2}


def test_prune_asks_first_and_no_is_no(folder: Path) -> None:
    done = anes("prune", "--older-than", "30d", "--cache", folder, answer="n\n")
    assert done.exit_code == 1
    assert "remove 3 replies" in done.output
    assert anes("prune", "--older-than", "30d", "--cache", folder).exit_code == 1  # nobody there to answer
    assert replies(folder) == {"a": 3, "org/b": 2}
    assert anes("prune", "--older-than", "30d", "--cache", folder, answer="y\n").exit_code == 0
    assert replies(folder) == {"org/b": 2}


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (["--older-than", "4w"], {"org/b": 2}),
        (["--older-than", "12h"], {}),
        (["--older-than", "41d"], {"a": 3, "org/b": 2}),
        (["--older-than", "0d"], {}),
        (["--older-than", "1h", "--model", "org/b"], {"a": 3}),
    ],
)
def test_with_yes_what_is_old_goes_without_a_question(
    folder: Path, arguments: list[str], kept: dict[str, int]
) -> None:
    before = (folder / FILE).stat().st_size
    done = anes("prune", *arguments, "--yes", "--cache", folder, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["removed"] == 5 - sum(kept.values())
    assert replies(folder) == kept
    if said["removed"]:
        assert said["bytes"] < before


def test_a_model_that_the_cache_does_not_hold_is_said_with_those_that_it_does(folder: Path) -> None:
    done = anes("prune", "--older-than", "0d", "--model", "B", "--yes", "--cache", folder)
    assert done.exit_code == 0
    assert "models in the cache: a, org/b" in done.output
    assert replies(folder) == {"a": 3, "org/b": 2}


@pytest.mark.parametrize("age", ["30", "d", "30 days", "-1d", "1.5d", "30m"])
def test_an_age_that_is_none_says_what_one_is(folder: Path, age: str) -> None:
    done = anes("prune", f"--older-than={age}", "--yes", "--cache", folder)
    assert done.exit_code == 2
    assert "12h, 30d, 8w" in done.output
    assert replies(folder) == {"a": 3, "org/b": 2}


def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database" * 500)
    done = anes("stats", "--cache", tmp_path)
    assert done.exit_code == 1
    assert "cannot be used" in done.output
    assert "move the file away" in done.output


def test_help_gives_an_example() -> None:
    for command in ("stats", "prune"):
        assert f"anes cache {command} --" in anes(command, "--help").output
