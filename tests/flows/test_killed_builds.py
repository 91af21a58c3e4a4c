"""A build killed at any moment continues and ends as if nothing had happened."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from anessuite.storage import Store
from anessuite.verification import verify
from anessuite.versions import DatasetRef
from tests.command_server import Started

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "samples" / "corpus"
REF = DatasetRef("corpus", "2026.12.01")
KILLS = 3
PARTS = 24
"""Of each source."""
Start = Callable[..., Started]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples in many files, so that there are many parts to be killed between and within."""
    folder = tmp_path_factory.mktemp("many")
    for name in ("fineweb-en", "fineweb-edu-zh"):
        (folder / name).mkdir()
        whole = pl.read_parquet(SAMPLES / f"{name}.parquet")
        for part in range(PARTS):
            pl.concat([whole] * 12).gather_every(PARTS, part).write_parquet(
                folder / name / f"{part:02d}.parquet"
            )
    text = (
        "sources:\n"
        f"  - {{name: en, path: {folder}/fineweb-en, columns: {{id: id, url: url}}}}\n"
        f"  - {{name: zh, path: {folder}/fineweb-edu-zh, language: zh}}\n"
    )
    (folder / "recipe.yaml").write_text(text)
    return folder / "recipe.yaml"


def start(start_anes: Start, recipe: Path, root: Path) -> Started:
    how = ("--root", root, "--version", REF.version, "--workers", "2")
    return start_anes("build", "corpus", "--config", recipe, *how)


def files(root: Path) -> dict[str, str]:
    manifest = Store(str(root)).manifest(REF)
    return {file.path: file.sha256 for file in [*manifest.data_files(), *manifest.rejected_files()]}


def marks(root: Path) -> int:
    return len(list((root / f".build/corpus/{REF.version}/curate").glob("*.json")))


@pytest.fixture(scope="module")
def undisturbed(recipe: Path, start_anes: Start, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("undisturbed") / "root"
    assert start(start_anes, recipe, root).wait().code == 0
    return root


def test_three_kills_and_a_finish_give_the_same_bytes(
    recipe: Path, undisturbed: Path, start_anes: Start, tmp_path: Path
) -> None:
    root, chance = tmp_path / "root", random.Random(20261201)
    done = [0]
    for _ in range(KILLS):
        process = start(start_anes, recipe, root)
        seen, more = done[-1], chance.randint(1, 8)
        while process.poll() is None and marks(root) < seen + more:
            time.sleep(0.002)
        time.sleep(chance.random() * 0.15)
        assert process.kill().code == -signal.SIGKILL, "the build ended before it could be killed"
        assert not (root / "corpus").exists()
        done.append(marks(root))
    assert done == sorted(done), "parts that were done were lost"
    assert 0 < done[-1] < 2 * PARTS
    assert start(start_anes, recipe, root).wait().code == 0
    assert files(root) == files(undisturbed)
    assert verify(Store(str(root)), REF) == []
    assert not (root / ".build/corpus").exists() or not list((root / ".build/corpus").iterdir())


def test_a_second_build_of_the_version_is_told_so_and_changes_nothing(
    recipe: Path, undisturbed: Path, start_anes: Start, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    first = start(start_anes, recipe, root)
    while first.poll() is None and marks(root) < 2:
        time.sleep(0.002)
    first.signal(signal.SIGSTOP)
    before = sorted(str(path) for path in root.rglob("*"))
    second = start(start_anes, recipe, root).wait()
    after = sorted(str(path) for path in root.rglob("*"))
    first.signal(signal.SIGCONT)
    assert second.code == 1
    assert "is being built by another process" in second.err
    assert after == before
    assert first.wait().code == 0
    assert files(root) == files(undisturbed)
