"""Whatever dies, fills up, turns read-only or tells the wrong time, the next run finishes as if it had not.

One short round; ``make chaos`` plays many. ``CHAOS_ROUNDS`` and ``CHAOS_SEED`` choose others.
"""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.chaos.__main__ import main
from tests.chaos.builds import Result, leftovers
from tests.chaos.commands import Command, Hangs
from tests.chaos.disks import Disk, no_mounts
from tests.chaos.faults import FAULTS
from tests.chaos.rounds import Plan, World, plans
from tests.chaos.servers import ModelServer
from tests.llm_server import MODEL

SEED = int(os.environ.get("CHAOS_SEED", "3041"))
SHORT = ("disk full", "kill -9 flow and workers")
"""The first that can be had here is what the round is of, and of one dataset: others take many rounds."""


def drawn() -> list[Plan]:
    if rounds := os.environ.get("CHAOS_ROUNDS"):
        return plans(int(rounds), SEED)
    known = {fault.name: fault for fault in FAULTS}
    can_be = [known[name] for name in SHORT if not known[name].needs()]
    return plans(1, SEED, faults=(can_be[0],), datasets=("r1",))


@pytest.fixture(scope="module")
def world(prefect_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("chaos"), database=prefect_database)
    yield made
    made.close()


@pytest.mark.parametrize("plan", drawn(), ids=str)
def test_after_a_fault_the_build_finishes_and_nothing_is_lost_or_asked_twice(
    world: World, plan: Plan
) -> None:
    if missing := plan.fault.needs():
        pytest.skip(missing)
    outcome = world.play(plan)
    assert outcome.problems == [], f"seed {plan.seed}: {outcome}"
    assert outcome.equal and outcome.struck


def test_a_seed_always_draws_the_same_rounds_and_each_fault_before_any_comes_again() -> None:
    rounds = plans(3 * len(FAULTS), 7)
    assert rounds == plans(3 * len(FAULTS), 7) != plans(3 * len(FAULTS), 8)
    assert rounds[: len(FAULTS)] == plans(len(FAULTS), 7)
    for start in range(0, len(rounds), len(FAULTS)):
        assert {plan.fault.name for plan in rounds[start : start + len(FAULTS)]} == {
            fault.name for fault in FAULTS
        }
    assert all(plan.dataset in plan.fault.datasets for plan in rounds)


def test_a_result_with_another_shard_drop_or_request_differs() -> None:
    whole = Result({"data/a.parquet": "1"}, {"en": 2}, {"too_short": 1}, ["{}"], {"judge.requests": 3})
    assert whole.differences(whole) == []
    for name, value in {"shards": {}, "rows": {"en": 1}, "drops": {}, "funnel": [], "requests": {}}.items():
        fields = {field: getattr(whole, field) for field in Result.__dataclass_fields__} | {name: value}
        (told,) = whole.differences(Result(**fields))
        assert told.startswith(f"{name} differ")


def test_partial_files_and_unfinished_work_are_leftovers(tmp_path: Path) -> None:
    (tmp_path / "qa" / "2026.12.01").mkdir(parents=True)
    assert leftovers(tmp_path, "qa") == []
    (tmp_path / "qa" / "2026.12.01" / "a.parquet.0123abcd.partial").touch()
    (tmp_path / ".build" / "qa" / "2026.12.01").mkdir(parents=True)
    assert len(leftovers(tmp_path, "qa")) == 2


def test_a_model_server_that_is_killed_comes_back_on_its_port_and_keeps_its_count(tmp_path: Path) -> None:
    server = ModelServer(tmp_path / "journal", latency=0.01)
    said = "Judge <title>\nA\n</title> <abstract>\nB\n</abstract>"
    body = {"model": MODEL, "messages": [{"role": "user", "content": said}]}
    for count in (1, 2):
        server.start()
        assert httpx.post(f"{server.url}/chat/completions", json=body).is_success
        server.kill()
        with pytest.raises(httpx.ConnectError):
            httpx.post(f"{server.url}/chat/completions", json=body)
        assert server.asked().total() == count
    assert len(server.asked()) == 1


def test_a_disk_is_full_until_it_grows_and_read_only_until_it_thaws(tmp_path: Path) -> None:
    if missing := no_mounts():
        pytest.skip(missing)
    disk = Disk(tmp_path / "disk", tmp_path / "root", size=1 << 16)
    try:
        with pytest.raises(OSError) as full:
            (disk.root / "a").write_bytes(bytes(1 << 17))
        assert full.value.errno == errno.ENOSPC
        disk.grow()
        (disk.root / "a").write_bytes(bytes(1 << 17))
        assert disk.used() >= 1 << 17
        disk.freeze()
        with pytest.raises(OSError) as frozen:
            (disk.root / "b").touch()
        assert frozen.value.errno == errno.EROFS
        disk.thaw()
        (disk.root / "b").touch()
    finally:
        disk.close()
    assert list(disk.root.iterdir()) == []


def test_a_command_that_neither_ends_nor_works_is_told_to_hang(tmp_path: Path) -> None:
    command = Command(["list", "--root", str(tmp_path)], log=tmp_path / "log", mark="hangs", env={})
    command.signal_all(signal.SIGSTOP)
    try:
        with pytest.raises(Hangs):
            command.wait(stall=0.5)
        command.signal_all(signal.SIGCONT)
        assert command.wait() == 0
    finally:
        if command.code is None:
            command.signal_all(signal.SIGKILL)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (["--only", "nonsense"], "no such fault"),
        (["--first", "99"], "no round left"),
        (["--rounds", "0"], "'0' is no number from 1"),
    ],
)
def test_a_call_that_plays_nothing_is_an_error(
    call: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["chaos", *call])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
