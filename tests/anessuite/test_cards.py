"""The dataset card: its front matter loads the data, its tables tell the truth."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from anessuite.card_words import PAIR_REASONS, REASONS
from anessuite.cards import dataset_card, hub_licence, pair_card, size_category
from anessuite.llm.replies import FAULTS
from anessuite.manifests import File, Input, Manifest, Quarantined, Recipe, Stage
from anessuite.schemas import DOCUMENT, QA_PAIR, ParquetSink, empty
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


WHOLE_CARD = """\
# corpus 2026.12.01

Documents on anesthesiology.

## Contents

1,206 rows were read, 3 were kept and 1,203 dropped, each for a stated reason. Figures and samples are in \
`report.html`; `manifest.json` has the whole recipe.

| language | config | documents | files | bytes |
| --- | --- | ---: | ---: | ---: |
| English | `en` | 2 | 0 | 0 |
| Chinese | `zh` | 1 | 0 | 0 |

## Columns

| column | type | meaning |
| --- | --- | --- |
| `text` | `string` | the document; personal data is replaced by tags such as `<EMAIL>` |

## Funnel

| stage | rows in | dropped | rows out |
| --- | ---: | ---: | ---: |
| keywords | 1,206 | 1,203 | 3 |

## Dropped rows

Dropped rows are in `rejected/` with their reason and, where there is any, evidence.

| reason | meaning | rows |
| --- | --- | ---: |
| `no_term` | no term of the lexicon occurs, not even inside a word; these rows are counted, \
not stored | 1,200 |
| `made_up_reason` |  | 3 |

## Sources

Each document stays under the licence and the terms of use of its source.

| source | licence | rows read | rows kept |
| --- | --- | ---: | ---: |
| web | ODC-By | 1,000 | 2 |
| 网页 | not stated | 206 | 1 |

## How to load it

```python
from datasets import load_dataset

documents = load_dataset("PATH/TO/corpus/2026.12.01", "en", split="train")
```

Any Parquet reader will do as well: `polars.read_parquet("data/en-*.parquet")`.

## How to verify it

```sh
anes verify corpus@2026.12.01
```

reads every file again and compares it with the SHA-256 in `manifest.json`.

## Limits

- The documents were chosen by terms and rules, not by people: some are off the topic, and some on the \
topic are missing.
- They are texts as their authors published them: out of date, contradictory or wrong in places. They are no \
medical advice.
- Personal data is masked by patterns (4 e-mail addresses). Names, addresses and dates are not masked.
- Near duplicates are found by a random method (MinHash): a few may remain.
- The documents were not decontaminated against any benchmark.
"""


def test_the_card_of_a_corpus_reads_as_it_always_did() -> None:
    text = card(manifest(schema_={"text": "string"}))
    assert text.split("\n---\n\n", 1)[1] == WHOLE_CARD


GENERATOR = {"model": "org/Writer-70B", "parameters": {"temperature": 0.7, "max_tokens": 1024}}
FILTER = {"model": "org/Judge-72B", "parameters": {"max_tokens": 512}, "served": "replay:replies.jsonl"}
PROMPTS = [f"prompts/qa/{name}.en.v1.md" for name in ("questions", "judge", "answer")]


def pairs(**changes: Any) -> Manifest:
    funnel = [
        Stage(stage="citations", source="citations", rows_in=100, dropped={"no_abstract": 60}),
        Stage(stage="updates", source="citations", rows_in=40, dropped={"superseded": 1}),
        Stage(stage="questions", source="abstracts", rows_in=39, dropped={"not_parseable": 9}),
        Stage(stage="rules", source="questions", rows_in=85, dropped={"wrong_language": 5}),
        Stage(stage="judge", source="questions", rows_in=80, dropped={"not_parseable": 2}),
        Stage(stage="answer", source="questions", rows_in=78, dropped={"ungrounded_number": 8}),
    ]
    inputs = [
        Input(name="pubmed", source="pubmed26n0001.xml.gz", bytes=1000, digest="aa"),
        Input(name="pubmed", source="pubmed26n0002.xml.gz", bytes=500, digest="bb"),
        Input(name="against exams.jsonl", source="exams.jsonl", bytes=7, digest="cc"),
    ]
    config = {"specialty": "anesthesiology", "generator": GENERATOR, "filter": FILTER}
    texts = dict.fromkeys([*PROMPTS, "filters/terms/anesthesiology.en.txt"], "feed" * 16)
    fields: dict[str, Any] = {
        "name": "qa",
        "recipe": Recipe(inputs=inputs, config=config | {"against": ["exams.jsonl"]}, texts=texts),
        "schema_": {field.name: str(field.type) for field in QA_PAIR},
        "rows": {"en": 70},
        "drops": {"no_abstract": 60, "superseded": 1, "not_parseable": 11, "wrong_language": 5}
        | {"ungrounded_number": 8},
        "funnel": funnel,
        "masked": {},
    }
    return manifest(**(fields | changes))


def test_the_card_of_pairs_counts_each_kind_of_row_by_itself() -> None:
    text = pair_card(pairs(), {"pubmed": "NLM terms"})
    assert "100 citations were read; 39 had an abstract to ask about." in text
    assert "30 abstracts gave 85 questions, of which 70 became pairs." in text
    assert "| updates | citations | 40 | 1 | 39 |" in text
    assert "| questions | abstracts | 39 | 9 | 30 |" in text
    assert "| rules | questions | 85 | 5 | 80 |" in text
    assert re.search(r"\| `not_parseable` \| [^|]+ \| abstracts \| 9 \|", text)
    assert re.search(r"\| `not_parseable` \| [^|]+ \| questions \| 2 \|", text)
    assert "| English | `en` | 70 | 0 | 0 |" in text


def test_the_card_of_pairs_names_both_models_their_parameters_and_all_prompts() -> None:
    text = pair_card(pairs(), {})
    assert "`org/Writer-70B` | temperature 0.7, max_tokens 1024 |" in text
    assert "`org/Judge-72B` | max_tokens 512, served by replay:replies.jsonl |" in text
    assert [name for name in PROMPTS if f"| `{name}` | `feedfeed" in text] == PROMPTS
    assert "| `filters/terms" not in text
    assert "No person has checked them." in text
    assert "Replies were read from a recording" in text  # FILTER is served so


def test_the_card_of_pairs_lists_files_by_source_and_no_benchmark_among_them() -> None:
    text = pair_card(pairs(), {"pubmed": "NLM terms", "new": ""})
    assert "| pubmed | NLM terms | 2 | 1,500 |" in text
    assert "| new | not stated | 0 | 0 |" in text
    assert "| against exams.jsonl" not in text
    assert "a question of `exams.jsonl` are dropped" in text
    assert "not decontaminated" not in text


def test_the_front_matter_of_pairs_names_their_tasks() -> None:
    content = front_matter(pair_card(pairs(), {"pubmed": "NLM terms"}))
    assert content["task_categories"] == ["question-answering", "text-generation"]
    assert content["license"] == "other"
    assert content["tags"] == ["medical", "anesthesiology", "anessuite"]


def test_every_column_of_a_pair_has_a_meaning() -> None:
    lines = pair_card(pairs(), {}).splitlines()
    for name in QA_PAIR.names:
        row = next(line for line in lines if line.startswith(f"| `{name}` |"))
        assert len(row.split("|")[3].strip()) > 10


def test_only_chinese_pairs_are_said_to_come_from_english_abstracts() -> None:
    assert "Chinese pairs were written from English abstracts" not in pair_card(pairs(), {})
    assert "Chinese pairs were written from English abstracts" in pair_card(pairs(rows={"zh": 9}), {})


def test_pairs_load_by_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    store = Store(str(tmp_path / "qa"))
    texts = dict.fromkeys([field.name for field in QA_PAIR if str(field.type) == "string"], "text")
    rows = pl.DataFrame([texts | {"year": None, "grounding_score": 1.0}], schema=empty(QA_PAIR).schema)
    with ParquetSink(store, "data/zh-00000-of-00001.parquet", QA_PAIR) as sink:
        sink.write(rows)
    store.write_bytes("README.md", pair_card(pairs(rows={"zh": 1}, files=[sink.file]), {}).encode())
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    loaded = datasets.load_dataset(store.root, "zh", split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.column_names == QA_PAIR.names


def test_the_card_says_nothing_of_a_recording_where_there_is_none() -> None:
    asked = Recipe(inputs=[], config={"generator": GENERATOR, "filter": GENERATOR}, texts={})
    assert "recording" not in pair_card(pairs(recipe=asked), {})


def test_a_hostile_recipe_breaks_no_card_of_pairs() -> None:
    hostile = "a`|b\n---\n<script>alert(1)</script>"
    model = {"model": hostile, "parameters": {hostile: hostile}, "served": hostile}
    config = {"specialty": hostile, "generator": model, "filter": [hostile], "against": hostile}
    recipe = Recipe(inputs=[], config=config, texts={f"prompts/{hostile}": hostile})
    text = pair_card(pairs(recipe=recipe), {hostile: hostile})
    front, body = text.split("\n---\n\n", 1)
    assert yaml.safe_load(front[4:])["pretty_name"] == "qa 2026.12.01"
    assert "---\n<" not in body
    assert "<script>" not in re.sub("`[^`\n]*`", "", body)
    assert re.search(r"\| generator \| writes the questions \| `[^`]+` \|", body)


def test_pairs_without_any_stage_or_drop_have_a_card() -> None:
    recipe = Recipe(inputs=[], config={}, texts={})
    text = pair_card(pairs(rows={}, drops={}, funnel=[], schema_={}, recipe=recipe), {})
    assert "No row was dropped." in text
    assert "The pairs were not decontaminated against any benchmark." in text


PAIR_STAGES = {
    "citations": "no_abstract not_english retracted retraction_notice left_out_type too_old "
    "abstract_too_short off_topic",
    "updates": "withdrawn superseded duplicate_citation duplicate_abstract not_drawn",
    "replies": f"{' '.join(FAULTS)} not_parseable no_questions",
    "rules": "beyond_count exact_duplicate_question not_a_question question_too_short question_too_long "
    "several_questions mentions_study missing_subject yes_no_only copied_sentence wrong_language",
    "judge": "not_relevant not_answerable ambiguous",
    "answer": "answer_missing answer_too_short answer_too_long answer_mentions_study ungrounded_number "
    "ungrounded_agent unsupported_answer answer_in_question",
    "rest": "near_duplicate_question contaminated_lcs contaminated_cover",
}


@pytest.mark.parametrize("stage", PAIR_STAGES)
def test_every_reason_to_drop_a_citation_a_question_or_a_pair_is_explained(stage: str) -> None:
    assert [reason for reason in PAIR_STAGES[stage].split() if len(REASONS.get(reason, "")) < 10] == []


def test_a_question_in_a_wrong_language_is_not_compared_with_its_source() -> None:
    assert "source" in REASONS["wrong_language"]
    assert "source" not in PAIR_REASONS["wrong_language"]
