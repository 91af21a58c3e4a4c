"""AnesCorpus on a real Ray cluster of two machines (two raylets here): the same bytes as without it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from anessuite.storage import Store
from anessuite.versions import DatasetRef

pytest.importorskip("ray", reason="Ray is not installed: pip install 'anessuite[ray]'")

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "samples" / "corpus"
DEMO = "deployments/corpus.demo.yaml"
REF = DatasetRef("corpus", "dev")
NODE = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
HEALTH = {"health_check_period_ms": 500, "health_check_timeout_ms": 2000, "health_check_failure_threshold": 2}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A head and a second node, one CPU each, started in a folder that is not the project's."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        started = Cluster(initialize_head=True, head_node_args=NODE | {"_system_config": HEALTH})
        started.add_node(**NODE)
    try:
        yield started
    finally:
        started.shutdown()


@pytest.fixture(scope="module")
def on_ray(cluster: Any, environment: dict[str, str]) -> dict[str, str]:
    """The environment of a command that finds the cluster."""
    return environment | {"RAY_ADDRESS": cluster.address}


def files(root: Path) -> dict[str, str]:
    manifest = Store(str(root)).manifest(REF)
    return {file.path: file.sha256 for file in [*manifest.data_files(), *manifest.rejected_files()]}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_build_on_ray_gives_the_same_bytes_as_one_on_this_machine(
    workers: int,
    on_ray: dict[str, str],
    demo: Path,
    anes: Callable[..., Any],
    tmp_path: Path,
) -> None:
    call = ("build", "corpus", "--config", DEMO, "--root", tmp_path, "--engine", "ray", "--workers", workers)
    done = anes(*call, env=on_ray)
    assert done.code == 0, done.err
    assert "ray: a cluster with 2 CPUs" in done.err
    assert files(tmp_path) == files(demo)


def test_a_broken_file_is_the_same_error_on_ray_and_on_this_machine(
    on_ray: dict[str, str], anes: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    broken = tmp_path / "in/broken.parquet"
    pl.read_parquet(SAMPLES / "fineweb-en.parquet").select("text").write_parquet(broken)
    whole = broken.read_bytes()
    middle = len(whole) // 2  # a survey reads the end only, so it is a rank that fails
    broken.write_bytes(whole[:middle] + bytes(200) + whole[middle + 200 :])
    (tmp_path / "recipe.yaml").write_text(f"sources:\n  - {{name: en, path: {tmp_path}/in}}\n")
    call = ("build", "corpus", "--config", tmp_path / "recipe.yaml", "--workers", "1")
    here = anes(*call, "--root", tmp_path / "a")
    there = anes(*call, "--root", tmp_path / "b", "--engine", "ray", env=on_ray)
    assert here.code == there.code == 1
    assert "broken.parquet" in here.err
    assert _error(there.err) == _error(here.err)


def _error(said: str) -> str:
    return said[said.index("error:") :]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples in many files, so that there are many ranks when a node dies."""
    folder = tmp_path_factory.mktemp("many")
    whole = pl.concat([pl.read_parquet(SAMPLES / "fineweb-en.parquet")] * 12)
    (folder / "en").mkdir()
    for part in range(16):
        whole.gather_every(16, part).write_parquet(folder / f"en/{part:02d}.parquet")
    (folder / "recipe.yaml").write_text(
        f"sources:\n  - {{name: en, path: {folder}/en, columns: {{id: id, url: url}}}}\n"
    )
    return folder / "recipe.yaml"


def test_a_node_killed_in_the_middle_of_a_rank_changes_no_byte(
    cluster: Any, on_ray: dict[str, str], recipe: Path, anes: Callable[..., Any], tmp_path: Path
) -> None:
    call = ["build", "corpus", "--config", str(recipe), "--workers", "2"]
    undisturbed = anes(*call, "--root", tmp_path / "a")
    assert undisturbed.code == 0, undisturbed.err
    node = cluster.add_node(**NODE) if not cluster.worker_nodes else next(iter(cluster.worker_nodes))
    command = [sys.executable, "-m", "flows", *call, "--engine", "ray", "--root", str(tmp_path / "b")]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=PROJECT, env=os.environ | on_ray, stdout=log, stderr=log)
    try:
        while process.poll() is None and not (_marks(tmp_path / "b") and _at_work(node)):
            time.sleep(0.01)
        assert process.poll() is None, (tmp_path / "log").read_text()
        cluster.remove_node(node, allow_graceful=False)
        assert _marks(tmp_path / "b") < 16, "the ranks were done before the node could be killed"
        assert process.wait(240) == 0, (tmp_path / "log").read_text()
    finally:
        process.kill()
    assert files(tmp_path / "b") == files(tmp_path / "a")


def _marks(root: Path) -> int:
    return len(list((root / ".build/corpus/dev/curate").glob("*.json")))


def _at_work(node: Any) -> bool:
    """A worker of that node is in the middle of a rank."""
    [raylet] = [one.process.pid for one in node.all_processes["raylet"]]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            name = (status.parent / "cmdline").read_bytes()
            if name.startswith(b"ray::_run_away") and f"PPid:\t{raylet}\n" in status.read_text():
                return True
        except OSError:  # it has ended meanwhile
            continue
    return False
