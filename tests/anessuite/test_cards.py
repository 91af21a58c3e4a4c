"""The dataset card: its front matter loads the data, its tables tell the truth."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from anessuite.cards import dataset_card, hub_licence, size_category
from anessuite.manifests import File, Manifest, Quarantined, Recipe, Stage
from anessuite.schemas import DOCUMENT, ParquetSink
from anessuite.storage import Store

SUMMARY = "Documents on anesthesiology."


def manifest(**changes: Any) -> Manifest:
    fields: dict[str, Any] = {
        "name": "corpus",
        "version": "2026.12.01",
        "created": datetime(2026, 12, 1, tzinfo=UTC),
        "recipe": Recipe(inputs=[], config={"specialty": "anesthesiology"}, texts={}),
        "code": {"version": "0.1.0"},
        "packages": {},
        "schema_": {field.name: str(field.type) for field in DOCUMENT},
        "files": [],
        "rows": {"en": 2, "zh": 1},
        "drops": {"no_term": 1200, "made_up_reason": 3},
        "funnel": [
            Stage(stage="keywords", source="web", rows_in=1000, dropped={"no_term": 998}),
            Stage(
                stage="keywords", source="网页", rows_in=206, dropped={"no_term": 202, "made_up_reason": 3}
            ),
        ],
        "masked": {"email": 4},
        "quarantined": [],
        "requests": {},
        "warnings": [],
    }
    return Manifest(**(fields | changes))


def card(version: Manifest, licences: dict[str, str] | None = None) -> str:
    return dataset_card(version, licences=licences or {"web": "ODC-By", "网页": ""}, summary=SUMMARY)


def front_matter(text: str) -> dict[str, Any]:
    return yaml.safe_load(text.split("---\n")[1])


def write_documents(store: Store, language: str, rows: int) -> File:
    frame = pl.DataFrame(
        {
            "id": [f"{language}{i}" for i in range(rows)],
            "text": ["麻醉" if language == "zh" else "anesthesia"] * rows,
            "language": [language] * rows,
            "source": ["web"] * rows,
            "source_id": ["1"] * rows,
            "url": [None] * rows,
            "terms": [["anesthesia"]] * rows,
            "term_hits": [1] * rows,
            "hits_per_1000_chars": [100.0] * rows,
            "masked": [0] * rows,
        },
        schema_overrides={"url": pl.String},
    )
    with ParquetSink(store, f"data/{language}-00000-of-00001.parquet", DOCUMENT) as sink:
        sink.write(frame)
    return sink.file


def test_the_folder_of_a_version_loads_by_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    folder = tmp_path / "corpus"
    store = Store(str(folder))
    files = [write_documents(store, "en", 2), write_documents(store, "zh", 1)]
    version = manifest(files=files)
    store.write_bytes("README.md", card(version).encode())
    store.write_bytes("manifest.json", version.model_dump_json().encode())
    store.write_bytes("rejected/part-00000-of-00001.parquet", b"never read")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)

    def load(*name: str) -> Any:
        return datasets.load_dataset(str(folder), *name, split="train", cache_dir=str(tmp_path / "cache"))

    assert load("en")["text"][:] == ["anesthesia"] * 2
    assert load("zh")["id"][:] == ["zh0"]
    assert load()["language"][:] == ["en", "en"]


def test_the_front_matter_names_languages_size_licence_and_task() -> None:
    content = front_matter(card(manifest()))
    assert content["language"] == ["en", "zh"]
    assert content["license"] == "other"
    assert content["size_categories"] == ["n<1K"]
    assert content["task_categories"] == ["text-generation"]
    assert "anesthesiology" in content["tags"]
    assert content["configs"] == [
        {"config_name": "en", "data_files": "data/en-*.parquet", "default": True},
        {"config_name": "zh", "data_files": "data/zh-*.parquet"},
    ]


def test_a_language_without_rows_is_no_config() -> None:
    content = front_matter(card(manifest(rows={"en": 0, "zh": 1})))
    assert [config["config_name"] for config in content["configs"]] == ["zh"]
    assert content["configs"][0]["default"] is True


def test_a_language_code_that_yaml_would_read_as_false_stays_text() -> None:
    assert front_matter(card(manifest(rows={"no": 5})))["language"] == ["no"]


@pytest.mark.parametrize(
    ("licences", "identifier"),
    [
        (["ODC-By", "odc-by"], "odc-by"),
        (["CC BY 4.0"], "cc-by-4.0"),
        (["ODC-By", "MIT"], "other"),
        (["ODC-By", ""], "other"),
        (["our own"], "other"),
        (["", ""], "unknown"),
        ([], "unknown"),
    ],
)
def test_only_one_known_licence_becomes_the_hubs_identifier(licences: list[str], identifier: str) -> None:
    assert hub_licence(licences) == identifier


def test_sizes_are_the_hubs_categories() -> None:
    sizes = {0: "n<1K", 999: "n<1K", 1000: "1K<n<10K", 1_800_000: "1M<n<10M", 10**9: "1B<n<10B"}
    assert {rows: size_category(rows) for rows in sizes} == sizes


def test_known_reasons_are_explained_and_unknown_ones_shown_as_they_are() -> None:
    text = card(manifest())
    assert "| `no_term` | no term of the lexicon occurs" in text
    assert "| `made_up_reason` |  | 3 |" in text


def test_the_card_counts_what_the_manifest_counts() -> None:
    text = card(manifest())
    assert "1,206 rows were read, 3 were kept and 1,203 dropped" in text
    assert "| keywords | 1,206 | 1,203 | 3 |" in text
    assert "| web | ODC-By | 1,000 | 2 |" in text
    assert "| 网页 | not stated | 206 | 1 |" in text
    assert "4 e-mail addresses" in text
    assert "anes verify corpus@2026.12.01" in text


def test_every_column_of_a_document_has_a_meaning() -> None:
    lines = [line for line in card(manifest()).splitlines() if line.startswith("| `")]
    for name in DOCUMENT.names:
        row = next(line for line in lines if line.startswith(f"| `{name}` |"))
        assert len(row.split("|")[3].strip()) > 10


def test_warnings_missing_files_and_missing_decontamination_are_said() -> None:
    broken = Quarantined(source="web", path="b.parquet", error="no footer")
    text = card(manifest(warnings=["source x holds no rows"], quarantined=[broken]))
    assert "> **Warning:** source x holds no rows" in text
    assert "could not be read and were left out: 1;" in text
    assert "not decontaminated" in text
    recipe = Recipe(inputs=[], config={"against": "bench@2026.12.01", "sample": 100}, texts={})
    text = card(manifest(recipe=recipe))
    assert "not decontaminated" not in text
    assert "only the first 100 rows" in text


def test_text_from_outside_breaks_neither_tables_nor_front_matter() -> None:
    hostile = "a|b\n---\n<script>alert(1)</script>"
    funnel = [Stage(stage="read", source=hostile, rows_in=1, dropped={})]
    version = manifest(
        funnel=funnel, warnings=[hostile], recipe=Recipe(inputs=[], config={"specialty": hostile}, texts={})
    )
    text = card(version, {hostile: hostile})
    front, body = text.split("\n---\n\n", 1)
    assert "<script>" not in body
    assert "a\\|b --- &lt;script>" in text
    assert yaml.safe_load(front[4:])["tags"][1] == "a|b --- <script>alert(1)</script>"


def test_a_version_without_rows_or_drops_has_a_card() -> None:
    text = card(manifest(rows={}, drops={}, funnel=[], masked={}, schema_={}), {})
    assert "No row was dropped." in text
    assert json.dumps(front_matter(text))
