"""The builds that are disturbed, and what has to be the same afterwards."""

import csv
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from anessuite.llm.cache import FILE
from anessuite.manifests import Manifest
from anessuite.storage import PARTIAL, Store
from anessuite.verification import verify
from anessuite.versions import DatasetRef
from tests.flows import test_qa, test_r1

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "samples"
VERSION = "2026.12.01"
DATASETS = ("corpus", "qa", "r1")
CONCURRENCY = 8
"""Requests in flight, as the configs of the tests of qa and r1 say: so many may be lost at one kill."""
_PARTS = 8


def write_config(dataset: str, folder: Path, endpoint: str, *, patience: float) -> Path:
    """The config of a small build of ``dataset``; ``endpoint`` is asked, where there is anything to ask."""
    if dataset == "qa":
        return test_qa.recipe(folder, endpoint, generator__patience=patience, filter__patience=patience)
    if dataset == "r1":
        return test_r1.recipe(folder, endpoint, reasoner__patience=patience)
    path = folder / "corpus.yaml"
    path.write_text(yaml.safe_dump({"sources": _split_samples(folder / "sources")}))
    return path


def _split_samples(folder: Path) -> list[dict[str, object]]:
    """The samples in many files, so that there are many parts to be killed between and within."""
    sources: list[dict[str, object]] = []
    for name, language in (("fineweb-en", "en"), ("fineweb-edu-zh", "zh")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        whole = pl.read_parquet(SAMPLES / "corpus" / f"{name}.parquet")
        for part in range(_PARTS):
            whole.gather_every(_PARTS, part).write_parquet(folder / name / f"{part:02d}.parquet")
        columns = {"id": "id", "url": "url"} if language == "en" else {}
        sources.append({"name": name, "path": str(folder / name), "language": language, "columns": columns})
    return sources


def rows_read(dataset: str) -> int:
    """How many rows the sources hold, counted without the product."""
    if dataset == "corpus":
        names = ("fineweb-en", "fineweb-edu-zh")
        return sum(pl.read_parquet(SAMPLES / "corpus" / f"{name}.parquet").height for name in names)
    if dataset == "qa":
        return test_qa.CITATIONS.filter(pl.col("file").str.contains("26n000")).height
    with (SAMPLES / "r1" / "questions.zh.csv").open(encoding="utf-8", newline="") as file:
        chinese = sum(1 for _ in csv.DictReader(file))
    return chinese + len((SAMPLES / "r1" / "questions.en.jsonl").read_text().splitlines())


@dataclass(frozen=True, slots=True)
class Result:
    """What a finished version holds, without the moment and the machine of its making."""

    shards: dict[str, str]
    rows: dict[str, int]
    drops: dict[str, int]
    funnel: list[str]
    requests: dict[str, int]

    def differences(self, other: "Result") -> list[str]:
        """In which respects ``other`` differs."""
        return [
            f"{name} differ: {getattr(self, name)} and {getattr(other, name)}"
            for name in ("shards", "rows", "drops", "funnel", "requests")
            if getattr(self, name) != getattr(other, name)
        ]


def result(root: Path, dataset: str) -> Result:
    """Raises VersionNotFound where the version is not finished."""
    manifest = _manifest(root, dataset)
    shards = {file.path: file.sha256 for file in manifest.files if file.path.endswith(".parquet")}
    funnel = [stage.model_dump_json() for stage in manifest.funnel]
    return Result(shards, manifest.rows, manifest.drops, funnel, manifest.requests)


def _manifest(root: Path, dataset: str) -> Manifest:
    return Store(str(root)).manifest(DatasetRef(dataset, VERSION))


def faults_of_files(root: Path, dataset: str) -> list[str]:
    """What ``anes verify`` finds."""
    found = verify(Store(str(root)), DatasetRef(dataset, VERSION))
    return [f"verify: {fault.path} {fault.problem}" for fault in found]


def rows_lost(root: Path, dataset: str) -> list[str]:
    """Rows that are neither kept nor rejected, or kept twice."""
    manifest, wanted = _manifest(root, dataset), rows_read(dataset)
    if dataset == "qa":  # an abstract makes several pairs: only what enters can be counted
        found = sum(stage.rows_in for stage in manifest.funnel if stage.stage == manifest.funnel[0].stage)
    else:
        found = manifest.kept + manifest.dropped
    faults = [] if found == wanted else [f"{wanted} rows were read, {found} are accounted for"]
    version = root / dataset / VERSION
    ids = pl.concat([pl.read_parquet(file, columns=["id"]) for file in (version / "data").glob("*.parquet")])
    if ids.height != manifest.kept or ids["id"].n_unique() != ids.height:
        unique = ids["id"].n_unique()
        faults.append(f"{manifest.kept} rows are kept, the shards hold {ids.height} and {unique} ids")
    return faults


def leftovers(root: Path, dataset: str) -> list[str]:
    """Unfinished work and partial files that a finished build should have taken away."""
    build = root / ".build" / dataset / VERSION
    left = [f"{path.relative_to(root)} is left" for path in root.rglob(f"*{PARTIAL}")]
    return left + ([f"{build.relative_to(root)} is left"] if build.exists() else [])


def work_has_begun(root: Path, dataset: str) -> bool:
    """Whether the sources are read and the parts are being made."""
    return (root / ".build" / dataset / VERSION / "recipe.json").exists()


def is_finished(root: Path, dataset: str) -> bool:
    """Whether the version is there."""
    return Store(str(root)).is_finished(DatasetRef(dataset, VERSION))


def cached_replies(root: Path) -> int:
    """How many replies are committed in the cache of a root."""
    file = root / ".cache" / FILE
    if not file.exists():
        return 0
    with closing(sqlite3.connect(file, timeout=30)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM completions").fetchone()[0])
        except sqlite3.OperationalError as error:  # killed before it was made
            if "no such table" not in str(error):
                raise
            return 0
