"""AnesCorpus end to end on samples/."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName

from anessuite.config import check_config
from anessuite.errors import NothingKept, RecipeChanged, SourceError, VersionExists
from anessuite.manifests import Manifest
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from flows.corpus import CorpusConfig, corpus

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "samples" / "corpus"
UNWANTED = {"figurative", "general", "law_news", "plant_lore", "veterinary", "other_medicine", "short"}


def rows(root: Path, kind: str, version: str = "dev") -> pl.DataFrame:
    files = sorted((root / "corpus" / version / kind).glob("*.parquet"))
    return pl.concat([pl.read_parquet(file) for file in files])


def manifest(root: Path, version: str = "dev") -> Manifest:
    return Store(str(root)).manifest(DatasetRef("corpus", version))


def digests(root: Path, version: str = "dev") -> dict[str, str]:
    found = manifest(root, version)
    return {file.path: file.sha256 for file in [*found.data_files(), *found.rejected_files()]}


def config(**changes: object) -> CorpusConfig:
    english = {
        "name": "en",
        "path": str(SAMPLES / "fineweb-en.parquet"),
        "columns": {"id": "id", "text": "text", "url": "url"},
    }
    return check_config({"sources": [english]} | changes, CorpusConfig, where="test")


@pytest.fixture(scope="module")
def fates(demo: Path) -> pl.DataFrame:
    """What became of each sample document: its kind and its reason (``kept`` if it stayed)."""
    kinds = pl.read_csv(SAMPLES / "kinds.csv")
    kept = rows(demo, "data").select("source_id", reason=pl.lit("kept"))
    dropped = rows(demo, "rejected").select("source_id", "reason")
    return kinds.join(pl.concat([kept, dropped]), on="source_id", how="left").with_columns(
        pl.col("reason").fill_null("no_term")
    )


def test_every_sample_row_is_kept_or_dropped_with_a_counted_reason(demo: Path, fates: pl.DataFrame) -> None:
    found = manifest(demo)
    assert found.kept + found.dropped == fates.height
    counted = dict(fates.filter(pl.col("reason") != "kept").group_by("reason").len().iter_rows())
    assert found.drops == dict(sorted(counted.items()))


def test_near_misses_are_dropped(fates: pl.DataFrame) -> None:
    kept = fates.filter(pl.col("kind").is_in(list(UNWANTED)) & (pl.col("reason") == "kept"))
    assert kept.height == 0, kept


def test_most_true_documents_of_both_languages_are_kept(fates: pl.DataFrame) -> None:
    true = fates.filter(pl.col("kind") == "true")
    stayed = true.filter(pl.col("reason").is_in(["kept", "exact_duplicate", "near_duplicate"]))
    share = stayed.group_by("file").len().join(true.group_by("file").len(), on="file", suffix="_all")
    assert share.height == 2
    assert (share["len"] / share["len_all"]).min() > 0.75  # type: ignore[operator]


def test_of_each_exact_copy_pair_one_stays_and_the_other_names_it(demo: Path, fates: pl.DataFrame) -> None:
    rejected = rows(demo, "rejected").filter(pl.col("reason") == "exact_duplicate")
    kept = set(rows(demo, "data")["id"])
    contaminated = rows(demo, "rejected").filter(pl.col("reason") == "contaminated_lcs")  # stayed until then
    assert rejected.height >= 8
    for evidence in rejected["evidence"]:
        assert json.loads(evidence)["repeats"] in kept | set(contaminated["id"])
    assert rows(demo, "data")["id"].n_unique() == len(kept) == rows(demo, "data").height


def test_near_copies_go_and_name_the_kept_row_with_their_similarity(demo: Path, fates: pl.DataFrame) -> None:
    dropped = rows(demo, "rejected")
    rejected = dropped.filter(pl.col("reason") == "near_duplicate")
    contaminated = dropped.filter(pl.col("reason") == "contaminated_lcs")  # those stayed until then
    kept = dict(
        pl.concat([some.select("id", "text") for some in (rows(demo, "data"), contaminated)]).iter_rows()
    )
    assert rejected.height >= 12
    for text, evidence in rejected.select("text", "evidence").iter_rows():
        known = json.loads(evidence)
        assert known["jaccard"] >= 0.75
        assert len(kept[known["repeats"]]) >= len(text)


def test_damaged_documents_go_and_slightly_damaged_ones_may_stay(fates: pl.DataFrame) -> None:
    heavy = fates.filter(pl.col("damage") == "heavy")
    assert heavy.height >= 5
    assert set(heavy["reason"]) <= {
        "broken_characters",
        "too_few_terms",
        "too_few_hits",
        "no_term",
        "no_core_term",
    }
    assert "broken_characters" in set(heavy["reason"])
    assert "broken_characters" not in set(fates.filter(pl.col("damage") == "light")["reason"])


def test_personal_data_is_masked_and_counted(demo: Path) -> None:
    texts = rows(demo, "data")
    assert manifest(demo).masked["email"] > 0
    assert texts.filter(pl.col("masked") > 0)["text"].str.contains("<EMAIL>|<PHONE>|<IP>|<CN_ID>").all()
    assert not texts["text"].str.contains(r"[\w.]+@[\w-]+\.\w{2,}").any()


def test_rows_are_sorted_by_id_and_each_id_is_the_hash_of_its_text(demo: Path) -> None:
    from anessuite.text import content_id

    for file in (demo / "corpus/dev/data").glob("*.parquet"):
        frame = pl.read_parquet(file)
        assert frame["id"].is_sorted()
        assert frame.select((content_id(pl.col("text")) == pl.col("id")).all()).item()


def test_a_keyword_reject_keeps_its_terms_and_their_offsets_in_the_text(demo: Path) -> None:
    rejected = rows(demo, "rejected").filter(pl.col("reason") == "too_few_terms")
    text, evidence = rejected.select("text", "evidence").row(0)
    spans = json.loads(evidence)["spans"]
    assert spans
    for span in spans:
        surface = text[span["start"] : span["end"]].lower()
        assert surface[:3] == span["term"][:3].lower() or surface[:1].isalpha()
        assert 0 <= span["start"] < span["end"] <= len(text)


def test_the_datasets_library_loads_both_configs_by_the_card(demo: Path, tmp_path: Path) -> None:
    import datasets

    for language, count in manifest(demo).rows.items():
        loaded = datasets.load_dataset(
            str(demo / "corpus/dev"), language, split="train", cache_dir=str(tmp_path)
        )
        assert loaded.num_rows == count


def test_one_worker_gives_the_same_bytes_as_two(
    demo: Path, anes: Callable[..., object], tmp_path: Path, prefect_server: str
) -> None:
    from anessuite.config import read_config

    recipe = read_config(PROJECT / "deployments/corpus.demo.yaml", CorpusConfig)
    absolute = [source.model_copy(update={"path": str(PROJECT / source.path)}) for source in recipe.sources]
    corpus(config=recipe.model_copy(update={"sources": absolute}), root=str(tmp_path), workers=1)
    assert digests(tmp_path) == digests(demo)


def test_a_build_in_an_object_store_gives_the_same_bytes_as_one_on_disk(
    demo: Path, anes, s3_root: str
) -> None:
    env = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    call = (
        "build",
        "corpus",
        "--config",
        "deployments/corpus.demo.yaml",
        "--root",
        s3_root,
        "--workers",
        "2",
    )
    done = anes(*call, env=env)
    assert done.code == 0, done.err
    found = Store(s3_root).manifest(DatasetRef("corpus", "dev"))
    files = {file.path: file.sha256 for file in [*found.data_files(), *found.rejected_files()]}
    assert files == digests(demo)
    assert not (PROJECT / "suite").exists()


def test_the_manifest_tells_no_absolute_path_and_no_host(demo: Path) -> None:
    import socket

    for name in ("manifest.json", "README.md", "report.html"):
        text = (demo / "corpus/dev" / name).read_text()
        assert str(PROJECT) not in text
        assert str(demo) not in text
        assert not re.search(rf"\b{re.escape(socket.gethostname())}\b", text)


def test_a_finished_dated_version_is_never_written_again(tmp_path: Path, prefect_server: str) -> None:
    corpus(config=config(), version="2026.12.01", root=str(tmp_path))
    before = digests(tmp_path, "2026.12.01")
    with pytest.raises(VersionExists, match=r"2026\.12\.01\.2"):
        corpus(config=config(), version="2026.12.01", root=str(tmp_path), restart=True)
    assert digests(tmp_path, "2026.12.01") == before


def test_a_run_that_broke_off_continues_and_a_changed_recipe_is_refused(
    tmp_path: Path, prefect_server: str
) -> None:
    inputs = tmp_path / "in"
    inputs.mkdir()
    whole = pl.read_parquet(SAMPLES / "fineweb-en.parquet")
    for part in range(4):
        whole[part * 60 : part * 60 + 60].write_parquet(inputs / f"{part}.parquet")
    content = (inputs / "3.parquet").read_bytes()
    source = {"path": str(inputs), "columns": {"id": "id", "url": "url"}}
    middle = len(content) // 3
    broken = content[:middle] + bytes(200) + content[middle + 200 :]
    (inputs / "3.parquet").write_bytes(broken)
    root = tmp_path / "root"
    with pytest.raises(SourceError, match=r"3\.parquet"):
        corpus(config=config(sources=[source]), root=str(root))
    marks = {
        path.name: path.stat().st_mtime_ns for path in (root / ".build/corpus/dev/curate").glob("*.json")
    }
    assert marks
    with pytest.raises(RecipeChanged, match=r"keywords\.min_distinct"):
        corpus(config=config(sources=[source], keywords={"min_distinct": 5}), root=str(root))
    (inputs / "3.parquet").write_bytes(content)
    with pytest.raises(RecipeChanged, match="inputs"):
        corpus(config=config(sources=[source]), root=str(root))
    assert corpus(config=config(sources=[source]), root=str(root), restart=True) == "corpus@dev"


def test_keep_going_leaves_a_broken_file_out_and_says_so(tmp_path: Path, prefect_server: str) -> None:
    inputs = tmp_path / "in"
    inputs.mkdir()
    shutil.copy(SAMPLES / "fineweb-en.parquet", inputs / "good.parquet")
    half = (SAMPLES / "fineweb-en.parquet").read_bytes()
    (inputs / "half.parquet").write_bytes(half[: len(half) // 2])
    (inputs / "text.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00 not gzip at all")
    source = {"path": str(inputs), "columns": {"url": "url"}}
    corpus(config=config(sources=[source]), root=str(tmp_path / "root"), keep_going=True)
    found = manifest(tmp_path / "root")
    assert sorted(q.path for q in found.quarantined) == ["half.parquet", "text.jsonl.gz"]
    assert sum("left out" in warning for warning in found.warnings) == 2
    assert found.kept > 50


def test_a_lexicon_for_another_language_keeps_nothing_and_is_an_error(
    tmp_path: Path, prefect_server: str
) -> None:
    source = {"path": str(SAMPLES / "fineweb-en.parquet"), "language": "zh"}
    with pytest.raises(NothingKept, match="no row is kept"):
        corpus(config=config(sources=[source]), root=str(tmp_path))
    assert not (tmp_path / "corpus").exists()


def test_the_flow_leaves_a_handful_of_task_runs_and_its_artifacts(demo: Path, prefect_server: str) -> None:
    with get_client(sync_client=True) as client:
        of_corpus = FlowFilter(name=FlowFilterName(any_=["corpus"]))
        runs = client.read_task_runs(flow_filter=of_corpus)
        tasks = {run.name.rsplit("-", 1)[0] for run in runs}
        keys = {artifact.key for artifact in client.read_artifacts()}
    assert tasks == {"survey", "curate", "deduplicate", "decontaminate", "publish"}
    assert {"corpus-dev-funnel", "corpus-dev-terms", "corpus-dev-rejected", "corpus-dev-report"} <= keys
    assert any(str(key).startswith("progress-") for key in keys)
