import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.errors import ConfigError
from anessuite.versions import DatasetRef

VERSIONS = ["2026.12.01", "2026.12.01.2", "dev"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_reference_reads_back_as_it_is_written(version: str) -> None:
    ref = DatasetRef.parse(f"corpus@{version}")
    assert (ref.name, ref.version) == ("corpus", version)
    assert DatasetRef.parse(str(ref)) == ref


@pytest.mark.parametrize(
    "text",
    [
        "../etc@dev", "a/b@dev", "/corpus@dev", "corpus@../dev", "corpus@2026.12.01/..", "corpus@", "@dev",
        "Corpus@dev", ".build@dev", "corpus@latest", "corpus@2026.12.1", "corpus@2026.12.01.", "corpus@dev\n",
        "corpus\n@dev", "corpus@dev@dev", "cor pus@dev", f"{'a' * 65}@dev", "corpus@２０２６.12.01",
        "c\\d@dev",
    ],
)  # fmt: skip
def test_other_forms_and_path_escapes_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        DatasetRef.parse(text)


def test_a_name_without_version_is_told_how_to_write_one() -> None:
    with pytest.raises(ConfigError, match=r"'corpus' names no version\n.*corpus@VERSION") as caught:
        DatasetRef.parse("corpus")
    assert caught.value.exit_code == 2


def test_a_wrong_name_and_a_wrong_version_are_named_apart() -> None:
    with pytest.raises(ConfigError, match="'Corpus' is no dataset name"):
        DatasetRef("Corpus", "dev")
    with pytest.raises(ConfigError, match=r"'v1' is no version\n.*YYYY.MM.DD"):
        DatasetRef("corpus", "v1")


@given(st.text(max_size=20), st.text(max_size=20))
def test_whatever_is_accepted_is_two_plain_path_parts(name: str, version: str) -> None:
    try:
        ref = DatasetRef(name, version)
    except ConfigError:
        return
    for part in (ref.name, ref.version):
        assert part.isascii() and not part.startswith(".") and not set(part) & set("/\\@ \n")


def test_versions_sort_by_date_and_number_with_dev_last() -> None:
    order = ["2025.12.31", "2026.01.02", "2026.01.02.2", "2026.01.02.10", "2026.01.03", "dev"]
    refs = [DatasetRef("corpus", version) for version in order]
    assert sorted(refs, key=lambda ref: ref.sort_key) == refs


def test_only_dev_is_a_development_version() -> None:
    assert [DatasetRef("qa", version).is_dev for version in VERSIONS] == [False, False, True]
