"""Runs of ``version: today``: which version they build, on time, late, retried, and twice a day."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from prefect.states import AwaitingRetry, Scheduled

from anessuite.config import read_config
from anessuite.errors import ConfigError
from anessuite.storage import MANIFEST, Store
from flows.commands.deploy import FILE, Deployments
from flows.corpus import corpus
from tasks.name_version import ref_of_run, run_name
from tests.flows.test_ui_artifacts import demo, shown

DUE = datetime.fromisoformat("2026-03-01T23:30:00-05:00")
"""In UTC it is the second of March."""


@flow(name="dated", flow_run_name=run_name)
def dated(root: str, fails: bool = False, version: str = "today") -> str:
    ref = ref_of_run(Store(root), "corpus", version)
    if fails:
        Path(root, "seen").write_text(str(ref))
        raise ValueError("as the test wants it")
    return str(ref)


def due(**parameters: Any) -> Any:
    """A run that was due long ago, as a schedule makes it."""
    with get_client(sync_client=True) as client:
        return client.create_flow_run(dated, parameters=parameters, state=Scheduled(scheduled_time=DUE))


def finish(root: Path, version: str) -> None:
    (root / "corpus" / version).mkdir(parents=True)
    (root / "corpus" / version / MANIFEST).write_text("{}")


def test_a_late_run_builds_the_version_of_the_day_it_was_due(prefect_server: str, tmp_path: Path) -> None:
    run = due(root=str(tmp_path))
    assert run_flow(dated, flow_run=run, parameters={"root": str(tmp_path)}) == "corpus@2026.03.02"
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(run.id).name == "dated@2026.03.02"


def test_a_retry_keeps_the_day_of_its_run(prefect_server: str, tmp_path: Path) -> None:
    run = due(root=str(tmp_path))
    with pytest.raises(ValueError, match="as the test wants it"):
        run_flow(dated, flow_run=run, parameters={"root": str(tmp_path), "fails": True})
    assert (tmp_path / "seen").read_text() == "corpus@2026.03.02"
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, AwaitingRetry(scheduled_time=datetime.now(UTC)))
        again = client.read_flow_run(run.id)
    assert run_flow(dated, flow_run=again, parameters={"root": str(tmp_path)}) == "corpus@2026.03.02"


def test_a_day_that_is_finished_gets_the_next_number(prefect_server: str, tmp_path: Path) -> None:
    for version in ("2026.03.02", "2026.03.02.2"):
        finish(tmp_path, version)
    assert run_flow(dated, flow_run=due(), parameters={"root": str(tmp_path)}) == "corpus@2026.03.02.3"


def test_a_version_that_is_named_stays_as_it_is_and_other_words_are_refused(tmp_path: Path) -> None:
    finish(tmp_path, "2026.03.02")
    store = Store(str(tmp_path))
    assert str(ref_of_run(store, "corpus", "2026.03.02")) == "corpus@2026.03.02"
    assert str(ref_of_run(store, "corpus", "dev")) == "corpus@dev"
    with pytest.raises(ConfigError, match="'tomorrow' is no version"):
        ref_of_run(store, "corpus", "tomorrow")


def test_a_scheduled_build_is_dated_and_builds_nothing_while_nothing_has_changed(
    prefect_server: str, tmp_path: Path
) -> None:
    how: dict[str, Any] = {"config": demo(), "root": str(tmp_path), "version": "today", "reuse": True}
    first = corpus(**how, return_state=True)
    again = corpus(**how, return_state=True)
    ref = str(first.result())
    assert ref.startswith("corpus@20") and again.result() == ref
    assert [path.name for path in (tmp_path / "corpus").iterdir()] == [ref.partition("@")[2]]
    told = f"{ref} has this very recipe (sources, config, prompts): nothing is built"
    assert told in shown(again).lines and told not in shown(first).lines


def test_deployments_with_a_schedule_make_dated_versions() -> None:
    scheduled = [one for one in read_config(FILE, Deployments).deployments if one.schedules]
    assert scheduled
    for one in scheduled:
        assert one.parameters["version"] == "today" and one.parameters["reuse"] is True, one.name
