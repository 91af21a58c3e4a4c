"""A prompt that a dated version cites does not change under its name."""

from pathlib import Path

import pytest

from anessuite.errors import ConfigError
from anessuite.frozen import refuse_changed_prompts
from anessuite.manifests import Manifest, Recipe
from anessuite.storage import MANIFEST, Store
from anessuite.versions import DatasetRef

PROMPT = "prompts/qa/judge.en.v1.md"
NEXT = DatasetRef("qa", "2026.12.02")


def recipe(digest: str, path: str = PROMPT) -> Recipe:
    return Recipe(inputs=[], config={}, texts={path: digest})


def store_with(tmp_path: Path, version: str) -> Store:
    store = Store(str(tmp_path))
    fields = {name: {} for name in ("code", "packages", "schema_", "rows", "drops", "masked", "requests")}
    lists = {name: [] for name in ("files", "funnel", "quarantined", "warnings")}
    manifest = Manifest.model_validate(
        {"name": "qa", "version": version, "created": "2026-12-01T00:00:00Z", "recipe": recipe("a")}
        | fields
        | lists
    )
    store.write_bytes(f"qa/{version}/{MANIFEST}", manifest.model_dump_json().encode())
    return store


def test_a_changed_prompt_is_refused_for_a_dated_version(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"judge.en.v1.md has changed since qa@2026.12.01 cited it"
    ) as error:
        refuse_changed_prompts(store_with(tmp_path, "2026.12.01"), NEXT, recipe("b"))
    assert ".v2.md" in error.value.hint


def test_the_same_prompt_may_be_used_again(tmp_path: Path) -> None:
    refuse_changed_prompts(store_with(tmp_path, "2026.12.01"), NEXT, recipe("a"))


def test_a_new_version_of_the_prompt_is_free(tmp_path: Path) -> None:
    refuse_changed_prompts(store_with(tmp_path, "2026.12.01"), NEXT, recipe("b", "prompts/qa/judge.en.v2.md"))


def test_dev_versions_neither_freeze_nor_obey(tmp_path: Path) -> None:
    refuse_changed_prompts(store_with(tmp_path, "dev"), NEXT, recipe("b"))
    refuse_changed_prompts(store_with(tmp_path / "x", "2026.12.01"), DatasetRef("qa", "dev"), recipe("b"))


def test_other_texts_than_prompts_may_change(tmp_path: Path) -> None:
    store = store_with(tmp_path, "2026.12.01")
    refuse_changed_prompts(store, NEXT, recipe("b", "filters/terms/anesthesiology.en.txt"))
