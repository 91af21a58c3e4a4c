"""The file of deployments, what it becomes on a server, and what those who operate it are given."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import typer
import yaml
from prefect.cli._app import _app as prefect_commands
from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore
from prefect.settings import PREFECT_API_URL, temporary_settings

from anessuite.config import read_config
from anessuite.errors import AnesError, ConfigError
from anessuite.settings import Settings
from flows.__main__ import app
from flows.commands.datasets import Dataset
from flows.commands.deploy import FILE, Deployments, Outcome, apply, enter_checkout

PROJECT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((PROJECT / "deployments" / "compose.yaml").read_text())
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
OPERATIONS = (PROJECT / "docs" / "operations.md").read_text()
Edit = Callable[[dict[str, Any]], None]
DATASETS = [name.value for name in Dataset]
CPU = {"work_pool": {"name": "cpu-test"}}


def plan(folder: Path, **changes: Any) -> Path:
    """One deployment on samples/, ``corpus/nightly``, in a pool of its own, with ``changes``."""
    shutil.copy(PROJECT / "deployments" / "corpus.demo.yaml", folder / "corpus.yaml")
    one = CPU | {"name": "nightly", "entrypoint": "flows.corpus.corpus", "config": "corpus.yaml"} | changes
    pools = [{"name": "cpu-test", "concurrency_limit": 3}]
    (folder / "prefect.yaml").write_text(yaml.safe_dump({"work_pools": pools, "deployments": [one]}))
    return folder / "prefect.yaml"


def done(outcomes: list[Outcome]) -> dict[str, str]:
    return {one.name: one.done for one in outcomes if one.done != "not in the file"}


def test_each_dataset_has_a_deployment_with_its_ready_config(prefect_server: str) -> None:
    apply(FILE, "s3://bucket/suite")
    named = read_config(FILE, Deployments)
    assert {one.entrypoint for one in named.deployments} >= {f"flows.{one}.{one}" for one in DATASETS}
    with get_client(sync_client=True) as client:
        for one in named.deployments:
            there = client.read_deployment_by_name(f"{one.entrypoint.rpartition('.')[2]}/{one.name}")
            assert (there.entrypoint, there.work_pool_name) == (one.entrypoint, one.work_pool["name"])
            written = yaml.safe_load((FILE.parent / one.config).read_text())
            assert set(there.parameters["config"]) == set(written)
            assert there.parameters["root"] == "s3://bucket/suite"
            assert there.global_concurrency_limit is not None and there.global_concurrency_limit.limit == 1
        crons = [one.schedule.cron for one in client.read_deployment_by_name("qa/weekly").schedules]
        assert crons == ["0 3 * * 6"]
        assert not client.read_deployment_by_name("r1/on-demand").schedules


def test_what_is_as_it_should_be_is_left_and_what_differs_is_named(
    prefect_server: str, tmp_path: Path
) -> None:
    cron = {"cron": "0 1 * * *"}
    first = apply(plan(tmp_path, schedules=[cron]), "data")
    assert done(first) == {"cpu-test": "created", "corpus/nightly": "created"}
    again = apply(plan(tmp_path, schedules=[cron]), "data")
    assert done(again) == {"cpu-test": "left", "corpus/nightly": "left"}
    changed = apply(plan(tmp_path, schedules=[cron], tags=["night"], parameters={"workers": 2}), "data")
    assert done(changed)["corpus/nightly"] == "changed: parameters, tags"


def test_a_schedule_that_somebody_paused_stays_paused(prefect_server: str, tmp_path: Path) -> None:
    schedule = {"interval": 3600}
    apply(plan(tmp_path, name="paused", schedules=[schedule]), "data")
    with get_client(sync_client=True) as client:
        there = client.read_deployment_by_name("corpus/paused")
        client.update_deployment_schedule(there.id, there.schedules[0].id, active=False)
        outcome = apply(plan(tmp_path, name="paused", schedules=[schedule], tags=["x"]), "data")
        assert done(outcome)["corpus/paused"] == "changed: tags"
        assert [one.active for one in client.read_deployment_by_name("corpus/paused").schedules] == [False]


def test_deployments_that_the_file_does_not_name_are_listed_and_left(
    prefect_server: str, tmp_path: Path
) -> None:
    apply(plan(tmp_path, name="mine"), "data")
    outcomes = apply(plan(tmp_path, name="theirs"), "data")
    assert Outcome("deployment", "corpus/mine", "not in the file") in outcomes
    with get_client(sync_client=True) as client:
        assert client.read_deployment_by_name("corpus/mine").name == "mine"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"work_pool": {"name": "tpu"}}, "no work pool 'tpu'; known: cpu-test"),
        ({"schedules": [{"cron": "every night"}]}, "cron"),
        ({"schedules": [{"cron": "0 1 * * *", "interval": 5}]}, "either cron or interval"),
        (
            {"schedules": [{"interval": 60}], "parameters": {"version": "2026.12.01"}},
            "would build version 2026.12.01 only once",
        ),
        ({"parameters": {"sampel": 5}}, "sampel"),
        ({"parameters": {"workers": "many"}}, "workers"),
        ({"parameters": {"config": {}}}, "name the file under config"),
        ({"entrypoint": "flows/corpus.py:corpus"}, "deployments.0.entrypoint: String should match pattern"),
        ({"entrypoint": "flows.corpse.corpse"}, "no flow flows.corpse.corpse"),
        ({"entrypoint": "flows.corpus.Source"}, "is no flow"),
        ({"config": "nightly.yaml"}, "no config file"),
        ({"config": "../corpus.yaml"}, "not beside the file"),
        ({"shedules": []}, "did you mean 'schedules'?"),
    ],
)
def test_a_wrong_entry_is_refused_before_anything_is_created(
    prefect_server: str, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        apply(plan(tmp_path, **({"name": "refused"} | changes)), "data")
    with get_client(sync_client=True) as client:
        assert "refused" not in {one.name for one in client.read_deployments()}


def test_without_a_server_it_says_how_to_get_one(tmp_path: Path) -> None:
    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        pytest.raises(ConfigError, match="no Prefect"),
    ):
        apply(plan(tmp_path), "data")
    nobody = {PREFECT_API_URL: "http://user:secret@127.0.0.1:9/api"}
    with temporary_settings(nobody), pytest.raises(AnesError, match="no answer from http") as caught:
        apply(plan(tmp_path), "data")
    assert "secret" not in str(caught.value)


def test_make_deploy_calls_a_command_that_explains_itself(tmp_path: Path) -> None:
    makefile = (PROJECT / "Makefile").read_text()
    assert re.search(r"^deploy:.*\n\t\$\(BIN\)/python -m flows\.commands\.deploy$", makefile, re.MULTILINE)
    command = [sys.executable, "-m", "flows.commands.deploy", "--file", str(tmp_path / "none.yaml")]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 2 and "no config file" in ran.stderr


def test_runs_begin_in_the_checkout() -> None:
    assert enter_checkout() == {"directory": str(PROJECT)}


def test_compose_starts_what_there_is_and_holds_no_secret() -> None:
    services = COMPOSE["services"]
    assert {"postgres", "server", "deploy", "worker", "store", "vllm"} <= set(services)
    pools = {pool.name for pool in read_config(FILE, Deployments).work_pools}
    workers = [one["command"] for one in services.values() if "worker" in one.get("command", [])]
    assert {command[command.index("--pool") + 1] for command in workers} == pools
    for name, service in services.items():
        assert service["image"] == "anessuite" or re.search(r":v?\d", service["image"]), f"{name}: no version"
        assert set(service.get("depends_on", {})) <= set(services)
        for needed, condition in service.get("depends_on", {}).items():
            assert condition["condition"] != "service_healthy" or "healthcheck" in services[needed]
        assert {mount.partition(":")[0] for mount in service.get("volumes", [])} <= set(COMPOSE["volumes"])
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|KEY|AUTH|TOKEN|CONNECTION", variable):
                assert "${" in value, f"{name}: {variable} is written out"
            if variable.startswith("ANES_"):
                assert variable.removeprefix("ANES_").lower() in Settings.model_fields, variable
    assert services["vllm"]["profiles"] == ["gpu"] and "worker-gpu" in services
    assert all(port.startswith("127.0.0.1:") for one in services.values() for port in one.get("ports", []))


def test_the_image_is_the_checkout_with_its_constraints_under_a_user_of_its_own() -> None:
    assert "--constraint constraints.txt --editable" in DOCKERFILE and "HEALTHCHECK NONE" in DOCKERFILE
    users = re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)
    assert users == ["anes"]
    assert 'CMD ["prefect", "worker", "start", "--pool", "cpu"]' in DOCKERFILE
    ignored = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if line[:1] not in "#"]
    assert {".venv/", "data/", "**/.env", ".git/config"} <= set(ignored)
    tracked = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True).stdout.split(
        "\n"
    )
    folders = {line.strip("/") for line in ignored if "*" not in line}
    assert tracked[0] and not [file for file in tracked if file.split("/")[0] in folders]


def commands(word: str) -> list[list[str]]:
    """Commands of the operator's page that begin with ``word``, from its blocks and its text."""
    fence = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    lines = [
        line for kind, text in fence.findall(OPERATIONS) if kind in ("", "bash") for line in text.split("\n")
    ]
    lines += re.findall(rf"`({word} [^`\n]+)`", fence.sub("", OPERATIONS))
    return [shlex.split(line, comments=True) for line in lines if line.startswith(f"{word} ")]


def test_each_prefect_command_of_the_operators_page_parses() -> None:
    found = commands("prefect")
    assert len(found) >= 18
    for command in found:
        command = [str(UUID(int=0)) if part == "ID" else part for part in command]
        called, *_ = prefect_commands.parse_args(command[1:], exit_on_error=False, print_error=False)
        assert called.__name__ not in {"_app", "help_print"}, command


def test_each_anes_command_of_the_operators_page_parses() -> None:
    root = typer.main.get_command(app)
    found = commands("anes")
    assert len(found) >= 5
    for _, *arguments in found:
        command: Any = root
        while hasattr(command, "commands") and arguments:
            command = command.commands[arguments.pop(0)]
        command.make_context("anes", arguments, resilient_parsing=not arguments)


def test_the_automations_of_the_operators_page_are_what_prefect_takes() -> None:
    (written,) = re.findall(r"```yaml\n(automations:.*?)```", OPERATIONS, re.DOTALL)
    made = [AutomationCore.model_validate(one) for one in yaml.safe_load(written)["automations"]]
    assert [one.actions[0].type for one in made] == ["send-notification", "change-flow-run-state"]


def test_each_file_and_target_that_the_operators_page_names_exists() -> None:
    for name in re.findall(r"`((?:deployments|flows)/[\w./-]+\.\w+)`", OPERATIONS):
        assert (PROJECT / name).is_file(), name
    makefile = (PROJECT / "Makefile").read_text()
    for target in set(re.findall(r"`?make (\w+)`", OPERATIONS)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for deployment in re.findall(r"prefect deployment (?:run|schedule \w+) (\S+)", OPERATIONS):
        known = {
            f"{one.entrypoint.rpartition('.')[2]}/{one.name}"
            for one in read_config(FILE, Deployments).deployments
        }
        assert deployment in known, deployment
