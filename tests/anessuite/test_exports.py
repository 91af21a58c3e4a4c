"""Exports are what the training tools load."""

import json
from pathlib import Path

import datasets
import polars as pl
import pytest

from anessuite.builds import Build
from anessuite.errors import ConfigError
from anessuite.exports import export
from anessuite.manifests import Manifest, Recipe
from anessuite.storage import Store
from anessuite.versions import DatasetRef

QA = DatasetRef("qa", "2026.12.01")
PAIR = {"id": "1", "question": 'What is "MAC"?', "answer": "最低肺泡有效浓度\nof a vapour", "language": "en"}


def finished(folder: Path, ref: DatasetRef, rows: list[dict[str, str]]) -> Store:
    store = Store(str(folder))
    build = Build(store, ref)
    path = f"{build.publish_folder}/data/en-00000-of-00001.parquet"
    target = Path(store.absolute(path))
    target.parent.mkdir(parents=True)
    frame = pl.DataFrame(rows)
    frame.write_parquet(target)
    digest, size = store.sha256(path)
    manifest = Manifest.model_validate(
        {
            "name": ref.name,
            "version": ref.version,
            "created": "2026-12-01T00:00:00Z",
            "recipe": Recipe(inputs=[], config={}, texts={}),
            "code": {},
            "packages": {},
            "schema_": dict.fromkeys(frame.columns, "string"),
            "files": [
                {"path": "data/en-00000-of-00001.parquet", "bytes": size, "sha256": digest, "rows": len(rows)}
            ],
            "rows": {"en": len(rows)},
            "drops": {},
            "funnel": [],
            "masked": {},
            "quarantined": [],
            "requests": {},
            "warnings": [],
        }
    )
    build.publish(manifest)
    return store


def load(path: Path, cache: Path) -> datasets.Dataset:
    return datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=str(cache))  # type: ignore[return-value]


def test_pairs_for_trl_are_conversations_of_a_prompt_and_a_completion(tmp_path: Path) -> None:
    export(finished(tmp_path, QA, [PAIR]), QA, "trl-sft", Store(str(tmp_path / "out")))
    row = load(tmp_path / "out" / "en.jsonl", tmp_path / "cache")[0]
    assert row == {
        "prompt": [{"role": "user", "content": PAIR["question"]}],
        "completion": [{"role": "assistant", "content": PAIR["answer"]}],
    }


def test_pairs_for_llama_factory_come_with_their_registry(tmp_path: Path) -> None:
    export(finished(tmp_path, QA, [PAIR]), QA, "llamafactory", Store(str(tmp_path / "out")))
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_bytes())["anes_qa_en"]
    row = json.loads((tmp_path / "out" / info["file_name"]).read_text().splitlines()[0])
    assert row[info["columns"]["prompt"]] == PAIR["question"]
    assert row[info["columns"]["query"]] == ""
    assert row[info["columns"]["response"]] == PAIR["answer"]


def test_jsonl_holds_every_column(tmp_path: Path) -> None:
    export(finished(tmp_path, QA, [PAIR]), QA, "jsonl", Store(str(tmp_path / "out")))
    assert json.loads((tmp_path / "out" / "en.jsonl").read_text()) == PAIR


def test_documents_become_text_alone(tmp_path: Path) -> None:
    ref = DatasetRef("corpus", "dev")
    store = finished(tmp_path, ref, [{"id": "1", "text": "Sevoflurane.", "language": "en"}])
    export(store, ref, "trl-sft", Store(str(tmp_path / "out")))
    assert json.loads((tmp_path / "out" / "en.jsonl").read_text()) == {"text": "Sevoflurane."}


def test_an_export_says_where_it_came_from(tmp_path: Path) -> None:
    store = finished(tmp_path, QA, [PAIR])
    export(store, QA, "jsonl", Store(str(tmp_path / "out")))
    told = json.loads((tmp_path / "out" / "export.json").read_bytes())
    assert told["version"] == "qa@2026.12.01" and told["rows"] == {"en.jsonl": 1}
    assert told["manifest_sha256"] == store.sha256("qa/2026.12.01/manifest.json")[0]


def test_an_unknown_format_names_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no format 'parquet'[\s\S]*jsonl, trl-sft, llamafactory"):
        export(finished(tmp_path, QA, [PAIR]), QA, "parquet", Store(str(tmp_path / "out")))


def test_an_export_is_not_written_over(tmp_path: Path) -> None:
    store = finished(tmp_path, QA, [PAIR])
    export(store, QA, "jsonl", Store(str(tmp_path / "out")))
    with pytest.raises(ConfigError, match="holds an export already"):
        export(store, QA, "trl-sft", Store(str(tmp_path / "out")))
