"""Ranks on all engines: each runs, errors come back as what they are, a worker that dies is replaced."""

import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from anessuite.errors import AnesError, ConfigError, SourceError
from filters.canaries import CanaryFailed
from tasks.engines import Engine, run_ranks, slurm_jobs
from tasks.engines.failures import RaisedElsewhere, pack, unpack
from tasks.engines.nodes import Home, NodesDiffer, RootNotShared, WorkerLost
from tasks.engines.ranks import Job

RANKS = 4
LONG_SECONDS = 300.0


@dataclass(frozen=True)
class Leave:
    """A step that leaves a file for each rank, with the name of the process."""

    folder: str

    def __call__(self, data: Any, rank: int, ranks: int) -> Iterator[None]:
        (Path(self.folder) / f"rank-{rank}-of-{ranks}").write_text(str(os.getpid()))
        return iter(())


@dataclass(frozen=True)
class Fail(Leave):
    """Rank 0 finds a broken file; the others would take very long."""

    def __call__(self, data: Any, rank: int, ranks: int) -> Iterator[None]:
        if rank:
            time.sleep(LONG_SECONDS)
        else:
            raise SourceError("a.parquet: row group 2 cannot be read", "fetch it again")
        return super().__call__(data, rank, ranks)


@dataclass(frozen=True)
class DieOnce(Leave):
    """Rank 1 kills its worker the first time."""

    def __call__(self, data: Any, rank: int, ranks: int) -> Iterator[None]:
        tried = Path(self.folder) / "tried"
        if rank == 1 and not tried.exists():
            tried.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(data, rank, ranks)


@dataclass(frozen=True)
class AlwaysDie(Leave):
    """Rank 1 kills its worker, whenever it runs."""

    def __call__(self, data: Any, rank: int, ranks: int) -> Iterator[None]:
        if rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(data, rank, ranks)


@pytest.fixture(scope="module")
def _ray() -> Iterator[None]:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'anessuite[ray]'")
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        cluster = Cluster(initialize_head=True, head_node_args=node)
        cluster.add_node(**node)
        patch.setenv("RAY_ADDRESS", cluster.address)
        yield
    ray.shutdown()
    cluster.shutdown()


_SLURM_CONF = """ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}
SlurmdSpoolDir={folder}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=0,sched_interval=1
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=16000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
"""


@pytest.fixture(scope="module")
def _slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Slurm of one node: controller, daemon and munge are the tests' own."""
    programs = [shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("munged", "slurmctld", "slurmd")]
    key = Path("/etc/munge/munge.key")
    if not all(programs) or os.getuid():
        pytest.skip("Slurm is not installed, or this user may not start it: apt-get install slurm-wlm munge")
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "key").write_bytes(key.read_bytes() if key.exists() else os.urandom(64))
    (folder / "key").chmod(0o600)
    host = platform.node().split(".")[0]
    (folder / "slurm.conf").write_text(_SLURM_CONF.format(host=host, user="root", folder=folder))
    munge = ["--foreground", "--force", f"--key-file={folder}/key", f"--socket={folder}/munge.socket"]
    munge += [
        f"--pid-file={folder}/munge.pid",
        f"--log-file={folder}/munge.log",
        f"--seed-file={folder}/seed",
    ]
    calls = [[programs[0], *munge], [programs[1], "-D"], [programs[2], "-D"]]
    started = list[subprocess.Popen[bytes]]()
    with pytest.MonkeyPatch.context() as patch, (folder / "log").open("wb") as log:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        try:
            for call in calls:
                started.append(subprocess.Popen([str(word) for word in call], stdout=log, stderr=log))
                time.sleep(1)
            _wait_for_node(folder / "log")
            yield
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait(30)


def _wait_for_node(log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        said = subprocess.run(["sinfo", "--noheader", "--format=%t"], capture_output=True, text=True)
        if said.stdout.strip() == "idle":
            return
        time.sleep(0.5)
    pytest.skip(f"Slurm did not start here: {log.read_text()[-500:]}")


@pytest.fixture(params=["local", "ray", "slurm"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each test that takes it runs on all engines that are here."""
    if request.param != "local":
        request.getfixturevalue(f"_{request.param}")
    return request.param


@pytest.fixture(params=["ray", "slurm"])
def cluster(request: pytest.FixtureRequest) -> Engine:
    """The engines whose workers may die."""
    request.getfixturevalue(f"_{request.param}")
    return request.param


def run(step: Any, folder: Path, engine: Engine, **options: Any) -> None:
    logs = f"file://{folder}/log"
    run_ranks([step], ranks=RANKS, workers=2, engine=engine, logging_dir=logs, **options)


def left(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob("rank-*"))}


def test_every_rank_runs_and_is_not_run_again_where_its_mark_is_trusted(
    engine: Engine, tmp_path: Path
) -> None:
    run(Leave(str(tmp_path)), tmp_path, engine)
    first = left(tmp_path)
    assert list(first) == [f"rank-{rank}-of-{RANKS}" for rank in range(RANKS)]
    if engine != "local":
        assert str(os.getpid()) not in first.values()
    (tmp_path / "log/completions/00002").unlink()
    for file in tmp_path.glob("rank-*"):
        file.unlink()
    run(Leave(str(tmp_path)), tmp_path, engine, skip_completed=True)
    assert list(left(tmp_path)) == [f"rank-2-of-{RANKS}"]


def test_ranks_run_in_the_folder_of_the_command(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    run(Leave("out"), tmp_path, engine)
    assert len(left(tmp_path / "out")) == RANKS


def test_the_error_of_a_rank_is_raised_as_what_it_is_and_stops_the_others(
    engine: Engine, tmp_path: Path
) -> None:
    begun = time.monotonic()
    with pytest.raises(SourceError) as raised:
        run(Fail(str(tmp_path)), tmp_path, engine)
    assert raised.value.what == "a.parquet: row group 2 cannot be read"
    assert raised.value.hint == "fetch it again"
    assert time.monotonic() - begun < LONG_SECONDS / 2
    assert not left(tmp_path)


def test_a_worker_that_dies_on_ray_is_replaced(_ray: None, tmp_path: Path) -> None:
    run(DieOnce(str(tmp_path)), tmp_path, "ray")
    assert (tmp_path / "tried").exists()
    assert len(left(tmp_path)) == RANKS


def test_a_rank_that_always_kills_its_worker_fails_the_build(
    cluster: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_jobs, "LOST_SECONDS", 4.0)
    with pytest.raises(WorkerLost, match=r"rank 1 lost its worker 6 times|jobs of 1 ranks \(1\) without"):
        run(AlwaysDie(str(tmp_path)), tmp_path, cluster)


def test_jobs_that_a_killed_command_left_on_slurm_are_cancelled_first(_slurm: None, tmp_path: Path) -> None:
    logs = f"file://{tmp_path}/log"
    orphan = ["sbatch", f"--job-name={slurm_jobs.job_name(logs)}", "--output=/dev/null", "--wrap=sleep 300"]
    subprocess.run(orphan, check=True, capture_output=True, cwd=tmp_path)
    run(Leave(str(tmp_path)), tmp_path, "slurm")
    seen = subprocess.run(["squeue", "--noheader"], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == ""
    assert len(left(tmp_path)) == RANKS


def test_the_script_for_slurm_names_its_python_and_quotes_folders_with_spaces(tmp_path: Path) -> None:
    logs = f"file://{tmp_path}/my data/log"
    job = Job([Leave(str(tmp_path))], 40, logs, False)
    executor = slurm_jobs._WaitedSlurmExecutor(job, Home.here(logs), workers=2)
    script = executor.get_launch_file_contents(executor.get_sbatch_args(14), "").splitlines()
    assert script[0] == "#!/bin/bash"
    assert "#SBATCH --array=0-13%2" in script
    assert executor.tasks_per_job == 3
    assert f'#SBATCH --output="{tmp_path}/my data/log/slurm_logs/%A_%a.out"' in script
    launch = f"exec {sys.executable} -m datatrove.tools.launch_pickled_pipeline"
    assert script[-1] == f"{launch} '{tmp_path}/my data/log/executor.pik'"
    assert not [line for line in script if "partition" in line or "--time" in line or "mail" in line]


def test_a_machine_that_does_not_see_the_root_says_that_it_has_to_be_shared(tmp_path: Path) -> None:
    home = Home.here(f"file://{tmp_path}/log")
    home.enter()
    with pytest.raises(RootNotShared, match=r"does not see file:.*/log") as raised:
        replace(home, token="home/of-another-machine").enter()
    assert "share" in raised.value.hint
    assert "s3://" in raised.value.hint


def test_a_machine_with_other_packages_or_code_is_refused(tmp_path: Path) -> None:
    home = Home.here(f"file://{tmp_path}/log")
    home.enter()
    with pytest.raises(NodesDiffer, match=r"has polars \S+ instead of 0\.1\n"):
        replace(home, packages=home.packages | {"polars": "0.1"}).enter()
    with pytest.raises(NodesDiffer, match=r"has another anessuite/errors\.py\n"):
        replace(home, code=home.code | {"anessuite/errors.py": "0" * 12}).enter()


def test_code_that_a_rank_does_not_use_may_differ(tmp_path: Path) -> None:
    home = Home.here(f"file://{tmp_path}/log")
    unused = next(path for path in home.code if path[:-3].replace("/", ".") not in sys.modules)
    replace(home, code=home.code | {unused: "0" * 12}).enter()


@pytest.mark.parametrize(
    "error",
    [SourceError("what", "next"), CanaryFailed("of a filter", ""), ValueError("built-in")],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_back_as_its_own_class_with_the_traceback_there(error: Exception) -> None:
    found = unpack(pack(error), 3)
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert isinstance(found.__cause__, RaisedElsewhere)
    assert type(error).__name__ in str(found.__cause__)


def test_an_error_that_cannot_be_made_anew_is_an_error_that_names_it() -> None:
    found = unpack(pack(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")), 3)
    assert type(found) is AnesError
    assert found.what.startswith("rank 3 failed with UnicodeDecodeError: 'utf-8' codec")


def test_ray_that_is_not_installed_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="not installed") as raised:
        run(Leave(str(tmp_path)), tmp_path, "ray")
    assert raised.value.hint == "pip install 'anessuite[ray]'"


def test_a_ray_address_where_nothing_listens_is_an_error_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'anessuite[ray]'").shutdown()
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ConfigError, match=r"RAY_ADDRESS: .*refused"):
        run(Leave(str(tmp_path)), tmp_path, "ray")


def test_a_machine_without_sbatch_is_told_where_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="needs sbatch") as raised:
        run(Leave(str(tmp_path)), tmp_path, "slurm")
    assert "login node" in raised.value.hint


def test_ray_and_slurm_are_imported_only_where_they_are_asked_for() -> None:
    code = "import sys, tasks.engines; print({'ray', 'tasks.engines.slurm_jobs'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
