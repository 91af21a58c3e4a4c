"""What is seen of a build in the flow UI: log, progress, tables, samples, and what a failure says."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import Log, State
from prefect.logging.handlers import APILogWorker

from anessuite.builds import Build
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from flows.corpus import CorpusConfig, corpus
from tasks.progress import watched_parts
from tasks.run_log import log, log_to_ui, redacted
from tasks.show import _plain

PROJECT = Path(__file__).parents[2]
DEMO = yaml.safe_load((PROJECT / "deployments" / "corpus.demo.yaml").read_text())
SECRET = "not-for-the-log-4711"


@dataclass(frozen=True)
class Run:
    """A flow run that has ended, as its page shows it."""

    id: UUID
    name: str
    message: str
    log: list[Log]
    artifacts: dict[str, Any]
    """Data by key."""

    @property
    def lines(self) -> list[str]:
        return [line.message for line in self.log]


def artifacts(run: UUID) -> dict[str, Any]:
    with get_client(sync_client=True) as client:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
        found = client.read_artifacts(artifact_filter=of_run)
    return {str(one.key): one.data for one in found}


def shown(state: State[Any]) -> Run:
    assert state.state_details.flow_run_id is not None
    number = UUID(str(state.state_details.flow_run_id))
    APILogWorker.drain_all(timeout=10)
    with get_client(sync_client=True) as client:
        of_run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[number]))
        lines = client.read_logs(log_filter=of_run, limit=200)
        name = client.read_flow_run(number).name
    return Run(number, name, state.message or "", lines, artifacts(number))


def demo(**changes: Any) -> CorpusConfig:
    """The demo's recipe, with paths that do not depend on where tests run."""
    content = json.loads(json.dumps(DEMO))
    for source in content["sources"]:
        source["path"] = str(PROJECT / source["path"])
    content["against"] = str(PROJECT / content["against"])
    return CorpusConfig.model_validate(content | changes)


def build(root: Path, **parameters: Any) -> Run:
    return shown(corpus(config=demo(), root=str(root), return_state=True, **parameters))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ui")


@pytest.fixture(scope="module")
def built(prefect_server: str, root: Path) -> Run:
    """A finished build of ``corpus@dev``."""
    return build(root)


def test_a_run_is_called_what_it_builds(built: Run) -> None:
    assert built.name == "corpus@dev"


def test_the_log_of_a_run_says_step_by_step_what_was_done(built: Run, root: Path) -> None:
    assert built.lines.count(f"corpus@dev is built below {root}") == 1
    curated = [line for line in built.log if line.message.startswith("curate: 2 of 2 parts")]
    assert len(curated) == 1 and "rows 439" in curated[0].message
    assert curated[0].task_run_id is not None, "it does not stand on the page of its task"


def test_a_finished_build_leaves_tables_samples_card_and_addresses(built: Run, root: Path) -> None:
    manifest = Store(str(root)).manifest(DatasetRef("corpus", "dev"))
    expected = {f"corpus-dev-{what}" for what in ("report", "card", "funnel", "terms", "kept", "rejected")}
    assert expected <= set(built.artifacts)
    funnel = json.loads(built.artifacts["corpus-dev-funnel"])
    assert sum(row["out"] for row in funnel if row["stage"] == "decontamination") == manifest.kept
    terms = json.loads(built.artifacts["corpus-dev-terms"])
    assert {row["language"] for row in terms} == {"en", "zh"} and terms[0]["documents"] > 1
    rejected = built.artifacts["corpus-dev-rejected"]
    stored = set(manifest.drops) - {"no_term"}  # those are counted and not stored
    assert set(re.findall(r"^## (\w+)$", rejected, re.MULTILINE)) == stored
    assert built.artifacts["corpus-dev-kept"].count("**terms**") == 16
    report = built.artifacts["corpus-dev-report"]
    assert f"{manifest.kept} rows kept" in report and (root / "corpus/dev/report.html").as_uri() in report
    card = built.artifacts["corpus-dev-card"]
    assert card.lstrip().startswith("# corpus dev") and card in (root / "corpus/dev/README.md").read_text()


def test_texts_of_the_web_are_no_markup_in_samples() -> None:
    assert _plain("<b>[x](http://y)</b> `a` *b*") == (r"\<b\>\[x\]\(http\://y\)\</b\> \`a\` \*b\*")
    assert _plain([{"letter": "A", "text": "5 mg"}, {"letter": "B", "text": "6 mg"}]) == "A. 5 mg; B. 6 mg"


def test_each_step_has_a_bar_and_a_table_of_its_parts(built: Run) -> None:
    assert built.artifacts["progress-corpus-dev-curate"] == 100.0
    total, *parts = json.loads(built.artifacts["parts-corpus-dev-curate"])
    assert total["part"] == "all 2" and total["rows"] == 439
    assert [row["part"] for row in parts] == ["00001", "00000"]
    assert total["kept"] == sum(row["kept"] for row in parts) and "too_few_hits 97" in total["dropped"]


def until(reached: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := reached():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come about within a minute")


def test_bar_and_table_follow_the_parts_while_a_step_runs(prefect_server: str, tmp_path: Path) -> None:
    slow = Build(Store(str(tmp_path)), DatasetRef("corpus", "dev"))
    seen: list[Any] = []

    def halfway(run: UUID) -> Any:
        found = artifacts(run)
        table = json.loads(found["parts-slow-work"])
        return (found["progress-slow-work"], table) if len(table) == 3 else None

    @task
    def work() -> None:
        with watched_parts(slow, "work", 4):
            for part in ("00000", "00001"):
                slow.mark("work", part, {"rows": 10, "kept": 4, "dropped": {"too_short": 6}})
            from prefect.runtime import flow_run

            seen.append(until(lambda: halfway(UUID(flow_run.id))))

    @flow(name="slow", flow_run_name="slow")
    def run() -> None:
        work()

    run()
    bar, (total, *_) = seen[0]
    assert bar == 50.0
    assert total == {"part": "all 2", "rows": 20, "kept": 8, "dropped": "too_short 12"}


def test_a_failed_run_says_what_where_and_what_next_without_a_traceback(
    prefect_server: str, tmp_path: Path
) -> None:
    gone = [{"name": "web", "path": str(tmp_path / "gone" / "*.parquet")}]
    failed = shown(
        corpus(config=demo(sources=gone), root=str(tmp_path / "data"), version="dev", return_state=True)
    )
    page = failed.artifacts["corpus-dev-stopped"]
    for told in (failed.message, page.replace("\\", "")):
        assert "gone/*.parquet" in told
    assert "**Next:**" in page and r"To continue\: Retry" in page
    errors = [line.message for line in failed.log if line.level >= 40]
    assert any(line.startswith("corpus@dev stopped: ") for line in errors)
    assert not [line for line in failed.lines if "Traceback" in line]


def test_after_a_defect_a_build_says_that_it_is_one_and_then_goes_on_where_it_was(
    built: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a defect for this test")

    with monkeypatch.context() as patched:
        patched.setattr("flows.corpus.deduplicate", broken)
        failed = build(tmp_path)
    page = failed.artifacts["corpus-dev-stopped"]
    assert r"ZeroDivisionError\: a defect for this test" in page and "curate 2" in page
    assert [line for line in failed.lines if "Traceback" in line]
    again = build(tmp_path)
    assert "curate: 2 of 2 parts were done before, and are not done again" in again.lines
    once = [line for line in again.lines if line.startswith("curate: 2 of 2 parts, ")]
    assert len(once) == 1, "a line comes once, however many builds this process has made"
    assert set(built.artifacts) == set(again.artifacts)


def test_no_secret_reaches_the_log(prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", SECRET)

    @flow(name="tells", flow_run_name="tells")
    def tells() -> None:
        log_to_ui()
        log.info("the key is %s, see http://user:word@host/?token=abc", SECRET)

    told = " ".join(shown(tells(return_state=True)).lines)
    assert "the key is ***, see http://***@host/?token=***" in told


@pytest.mark.parametrize(
    ("said", "shown_as"),
    [
        ("s3://key:secret@bucket/a", "s3://***@bucket/a"),
        ("https://h/f?X-Amz-Signature=12ab&part=3", "https://h/f?X-Amz-Signature=***&part=3"),
        ("a token of 40 tokens=40", "a token of 40 tokens=40"),
    ],
)
def test_credentials_in_addresses_are_hidden_and_plain_words_are_not(said: str, shown_as: str) -> None:
    assert redacted(said) == shown_as
