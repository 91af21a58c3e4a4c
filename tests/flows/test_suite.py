"""The suite end to end on samples/ with recorded replies: built, released, reused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from anessuite.lineage import lineage
from anessuite.manifests import Manifest
from anessuite.releases import Member, WrongBenchmark, bind
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from tests.command_server import Finished

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "samples"
Anes = Callable[..., Finished]


def replay(name: str, **more: Any) -> dict[str, Any]:
    return {"model": "recorded", "endpoints": [f"replay:{SAMPLES / name / 'replies.jsonl'}"]} | more


def config(folder: Path, **r1: Any) -> Path:
    """A suite whose parts are files and mappings."""
    bench = yaml.safe_load((PROJECT / "deployments" / "bench.sample.yaml").read_text())
    corpus = yaml.safe_load((PROJECT / "deployments" / "corpus.demo.yaml").read_text())
    for source in [*bench["sources"], *corpus["sources"]]:
        source["path"] = str(PROJECT / source["path"])
    bench["annotator"]["endpoints"] = replay("bench")["endpoints"]
    corpus.pop("against", None)
    (folder / "bench.yaml").write_text(yaml.safe_dump(bench))
    price = {"input": 1.0, "output": 2.0}
    content = {
        "bench": str(folder / "bench.yaml"),
        "corpus": corpus,
        "qa": {
            "sources": [
                {"name": "pubmed", "path": str(SAMPLES / "pubmed" / "*.xml.gz"), "licence": "Apache-2.0"}
            ],
            "generator": replay("qa", max_tokens=300),
            "filter": replay("qa", max_tokens=300),
        },
        "r1": {
            "pool": [
                {"name": "en", "path": str(SAMPLES / "r1" / "questions.en.jsonl"), "licence": "Apache-2.0"},
                {"name": "zh", "path": str(SAMPLES / "r1" / "questions.zh.csv"), "language": "zh"},
            ],
            "against": str(SAMPLES / "bench" / "questions.jsonl"),
            "reasoner": replay("r1", max_tokens=300, seed=7, price=price),
        }
        | r1,
    }
    path = folder / "suite.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True))
    return path


def build(anes: Anes, recipe: Path, root: Path, version: str) -> Manifest:
    done = anes(
        "build", "suite", "--config", recipe, "--root", root, "--version", version, "--allow-unreviewed"
    )
    assert done.code == 0, done.err
    return Store(str(root)).manifest(DatasetRef("suite", version))


@pytest.fixture(scope="module")
def released(anes: Anes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder whose ``data`` holds ``suite@2026.12.01``."""
    folder = tmp_path_factory.mktemp("suite")
    build(anes, config(folder), folder / "data", "2026.12.01")
    return folder


def members(manifest: Manifest) -> list[str]:
    return [one.name for one in manifest.recipe.inputs]


def test_a_release_binds_four_versions_by_the_digests_of_their_manifests(released: Path) -> None:
    store = Store(str(released / "data"))
    manifest = store.manifest(DatasetRef("suite", "2026.12.01"))
    names = [f"{name}@2026.12.01" for name in ("bench", "corpus", "qa", "r1")]
    assert members(manifest) == names
    for one in manifest.recipe.inputs:
        assert store.sha256(f"{one.name.replace('@', '/')}/manifest.json")[0] == one.digest


def test_everything_is_decontaminated_against_the_benchmark_of_the_suite(released: Path) -> None:
    store = Store(str(released / "data"))
    benchmark = {file.sha256 for file in store.manifest(DatasetRef("bench", "2026.12.01")).data_files()}
    for name in ("corpus", "qa", "r1"):
        inputs = store.manifest(DatasetRef(name, "2026.12.01")).recipe.inputs
        compared = {one.digest.removeprefix("sha256:") for one in inputs if "bench@2026.12.01" in one.name}
        assert compared == benchmark, name
    own = [one.source for one in store.manifest(DatasetRef("r1", "2026.12.01")).recipe.inputs]
    assert "questions.jsonl" in own, "what a dataset names itself counts, too"


def test_a_release_has_a_card_and_a_report_and_verifies(anes: Anes, released: Path) -> None:
    folder = released / "data" / "suite" / "2026.12.01"
    card, report = (folder / "README.md").read_text(), (folder / "report.html").read_text()
    assert "bench@2026.12.01" in card and "built for this release" in card and "4,418" in card
    assert "Funnels" in report and "r1@2026.12.01" in report
    assert anes("verify", "suite@2026.12.01", "--root", released / "data").code == 0
    shown = anes("show", "suite@2026.12.01", "--root", released / "data")
    assert shown.code == 0 and "told above" in shown.out


def test_the_lineage_goes_down_to_the_files_of_the_sources(released: Path) -> None:
    found = lineage(Store(str(released / "data")), DatasetRef("suite", "2026.12.01"))
    assert [one.name for one in found if one.depth == 1] == [
        f"{name}@2026.12.01" for name in ("bench", "corpus", "qa", "r1")
    ]
    assert {"exam-en", "exam-zh", "pubmed", "zh"} <= {one.name for one in found if one.depth == 2}
    again = [one for one in found if one.name == "against bench@2026.12.01"]
    assert len(again) == 3 and {one.state for one in again} == {"told above"}


def test_what_has_not_changed_is_reused_and_what_has_is_built(anes: Anes, released: Path) -> None:
    root = released / "data"
    second = build(anes, config(released), root, "2026.12.02")
    assert members(second) == [f"{name}@2026.12.01" for name in ("bench", "corpus", "qa", "r1")]
    card = (root / "suite" / "2026.12.02" / "README.md").read_text()
    assert card.count("unchanged, reused") == 4
    third = build(anes, config(released, attempts=2), root, "2026.12.02.2")
    assert members(third)[:3] == members(second)[:3] and members(third)[3] == "r1@2026.12.02.2"
    assert "built for this release" in (root / "suite" / "2026.12.02.2" / "README.md").read_text()


def test_a_version_of_another_benchmark_is_not_released(released: Path, tmp_path: Path) -> None:
    store = Store(str(released / "data"))
    path = tmp_path / "r1" / "2026.12.01"
    path.mkdir(parents=True)
    content = json.loads(store.read_bytes("r1/2026.12.01/manifest.json"))
    inputs = content["recipe"]["inputs"]
    content["recipe"]["inputs"] = [one for one in inputs if "bench@" not in one["name"]]
    (path / "manifest.json").write_text(json.dumps(content))
    bench = tmp_path / "bench" / "2026.12.01"
    bench.mkdir(parents=True)
    (bench / "manifest.json").write_bytes(store.read_bytes("bench/2026.12.01/manifest.json"))
    both = [Member(DatasetRef(name, "2026.12.01"), False) for name in ("bench", "r1")]
    with pytest.raises(WrongBenchmark, match=r"r1@2026\.12\.01 was not decontaminated against bench@2026"):
        bind(Store(str(tmp_path)), both, {})


def test_the_cost_is_that_of_the_tokens_at_the_prices_of_the_config(released: Path) -> None:
    manifest = Store(str(released / "data")).manifest(DatasetRef("suite", "2026.12.01"))
    read = sum(n for name, n in manifest.requests.items() if name.startswith("r1.") and "prompt_tok" in name)
    written = sum(
        n for name, n in manifest.requests.items() if name.startswith("r1.") and "completion_tok" in name
    )
    report = (released / "data" / "suite" / "2026.12.01" / "report.html").read_text()
    assert f"{(read * 1.0 + written * 2.0) / 1e6:,.2f}" in report and written > 1000


def test_plan_adds_up_the_parts(anes: Anes, tmp_path: Path) -> None:
    done = anes("plan", "suite", "--config", "deployments/suite.demo.yaml", "--json")
    assert done.code == 0, done.err
    parts = done.json["datasets"]
    assert set(parts) == {"bench", "corpus", "qa", "r1"}
    assert done.json["requests"] == sum(part["requests"] for part in parts.values()) > 100
