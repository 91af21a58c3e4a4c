"""A real worker runs our deployments: by a schedule, started by hand, cancelled, and resumed."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.states import Cancelling

from anessuite.storage import Store
from anessuite.versions import DatasetRef
from flows.commands.deploy import apply
from tests.flows.test_qa import Anes, digests, model, recipe
from tests.llm_server import LlmServer

PROJECT = Path(__file__).parents[2]
QA = {
    "sources": [{"name": "pubmed-sample", "path": "samples/pubmed/*.xml.gz"}],
    "generator": {
        "model": "test-model",
        "endpoints": ["replay:samples/qa/replies.jsonl"],
        "temperature": 0.7,
    },
    "filter": {"model": "test-model", "endpoints": ["replay:samples/qa/replies.jsonl"], "temperature": 0.0},
    "against": "samples/bench/questions.jsonl",
}
"""Recorded replies; all paths are relative to the checkout."""


@dataclass(frozen=True)
class Deployed:
    """Where the deployments build, and where their worker was started."""

    root: Path
    elsewhere: Path


def configs(folder: Path) -> None:
    """The recipes of the deployments: AnesQA from the samples, AnesCorpus from files that take a while."""
    (folder / "many").mkdir()
    whole = pl.concat([pl.read_parquet(PROJECT / "samples" / "corpus" / "fineweb-en.parquet")] * 20)
    for part in range(16):
        whole.write_parquet(folder / "many" / f"{part}.parquet")
    source = {"name": "many", "path": str(folder / "many"), "columns": {"id": "id", "url": "url"}}
    (folder / "corpus.yaml").write_text(yaml.safe_dump({"sources": [source]}))
    (folder / "qa.yaml").write_text(yaml.safe_dump(QA))


def bring(folder: Path, *deployments: dict[str, Any]) -> None:
    """Make deployments in the pool ``cpu`` that build below ``folder``, as `make deploy` does."""
    placed = [{"work_pool": {"name": "cpu"}} | one for one in deployments]
    plan = {"work_pools": [{"name": "cpu"}], "deployments": placed}
    (folder / "prefect.yaml").write_text(yaml.safe_dump(plan))
    apply(folder / "prefect.yaml", str(folder / "data"))


@pytest.fixture(scope="module")
def deployed(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Two deployments on demand, one on a schedule, and a worker as users start it, elsewhere."""
    folder = tmp_path_factory.mktemp("worker")
    configs(folder)
    (folder / "elsewhere").mkdir()
    qa = {"entrypoint": "flows.qa.qa", "config": "qa.yaml"}
    corpus = {"entrypoint": "flows.corpus.corpus", "config": "corpus.yaml"}
    bring(folder, qa | {"name": "weekly", "concurrency_limit": 2}, corpus | {"name": "monthly"})
    soon = {"interval": 86400, "anchor_date": (datetime.now(UTC) + timedelta(seconds=8)).isoformat()}
    bring(folder, qa | {"name": "soon", "schedules": [soon], "parameters": {"sample": 20}})
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "cpu"]
    quick = environment | {"PREFECT_WORKER_QUERY_SECONDS": "1"}
    with (folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=folder / "elsewhere", env=quick, stdout=log, stderr=log)
    try:
        yield Deployed(folder / "data", folder / "elsewhere")
    finally:
        worker.terminate()
        try:
            worker.wait(20)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def until(reached: Callable[[], Any], *, within: float, what: str) -> Any:
    """What ``reached`` gives once that is true."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if found := reached():
            return found
        time.sleep(0.1)
    raise AssertionError(f"after {within} seconds: {what}")


def state(run: UUID) -> str:
    with get_client(sync_client=True) as client:
        found = client.read_flow_run(run).state
    assert found is not None
    return f"{found.name}: {found.message}" if found.is_final() and found.message else str(found.name)


def start(deployment: str, **parameters: Any) -> UUID:
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(deployment)
        return client.create_flow_run_from_deployment(found.id, parameters=parameters).id


def processes(run: UUID) -> list[str]:
    """Command lines of the processes of a run: its flow and all workers, which inherit its environment."""
    mark, found = f"PREFECT__FLOW_RUN_ID={run}".encode(), []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append((folder / "cmdline").read_text().replace("\0", " "))
            except OSError:  # it has just ended
                continue
    return found


def test_a_schedule_starts_a_run_by_itself_which_the_worker_builds_in_the_checkout(
    deployed: Deployed,
) -> None:
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("qa/soon").id
        of_it = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))

        def done() -> Any:
            runs = client.read_flow_runs(flow_run_filter=of_it)
            return [run for run in runs if run.state is not None and run.state.is_final()]

        (run,) = until(done, within=120, what="no scheduled run has ended")
    assert run.auto_scheduled and run.state.name == "Completed", run.state
    manifest = Store(str(deployed.root)).manifest(DatasetRef("qa", "dev"))
    assert manifest.recipe.config["sample"] == 20 and manifest.kept == 10
    assert list(deployed.elsewhere.iterdir()) == []


def test_cancelled_runs_end_with_their_workers_and_requests_and_can_be_continued(
    deployed: Deployed, anes: Anes, tmp_path: Path
) -> None:
    root, others = tmp_path / "data", tmp_path / "corpus"
    with LlmServer(reply=model, latency=2) as server:
        slow = yaml.safe_load(recipe(tmp_path, server.url, generator__concurrency=1).read_text())
        asking = start("qa/weekly", config=slow, root=str(root))
        until(lambda: server.finished.total() >= 2, within=90, what="the model was not asked")
        curating = start("corpus/monthly", root=str(others), workers=2)
        curated = others / ".build" / "corpus" / "dev" / "curate"
        until(lambda: list(curated.glob("*.json")), within=90, what="no part was curated")
        assert processes(asking) and sum("forkserver" in one for one in processes(curating)) >= 2
        with get_client(sync_client=True) as client:
            for run in (asking, curating):
                client.set_flow_run_state(run, Cancelling())
        until(lambda: not processes(asking) + processes(curating), within=20, what="processes are left")
        asked, before = server.requests, dict(server.finished)
        until(lambda: state(asking).startswith("Cancelled"), within=120, what="the run is not cancelled")
        assert server.requests == asked and not (root / "qa").exists(), "it went on"
        server.latency = 0
        again = start("qa/weekly", config=slow, root=str(root))
        until(lambda: state(again) == "Completed", within=90, what="not built")
        assert all(server.finished[key] == 1 for key in before), "what had come back was asked again"
        whole = tmp_path / "whole"
        whole.mkdir()
        done = anes("build", "qa", "--config", recipe(whole, server.url), "--root", whole / "data")
        assert done.code == 0, done.err
    assert digests(root) == digests(whole / "data")
