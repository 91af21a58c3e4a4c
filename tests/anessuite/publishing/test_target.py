"""Addresses and keys: nothing leaves the prefix, no secret in an address is repeated."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.errors import ConfigError
from anessuite.publishing.target import Target, is_path
from anessuite.versions import DatasetRef

REF = DatasetRef("bench", "2026.12.01")


@pytest.mark.parametrize(
    ("url", "bucket", "folder"),
    [
        ("s3://hospital-data/suite", "hospital-data", "suite/bench/2026.12.01/"),
        ("s3://hospital-data/a/b/", "hospital-data", "a/b/bench/2026.12.01/"),
        ("s3://hospital-data", "hospital-data", "bench/2026.12.01/"),
        ("s3://hospital-data/", "hospital-data", "bench/2026.12.01/"),
        ("s3://hospital-data/麻醉 data", "hospital-data", "麻醉 data/bench/2026.12.01/"),
    ],
)
def test_an_address_gives_bucket_and_keys(url: str, bucket: str, folder: str) -> None:
    target = Target.parse(url)
    assert (target.bucket, target.folder(REF)) == (bucket, folder)
    assert target.key(REF, "data/a.parquet") == f"{folder}data/a.parquet"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("gs://hospital-data/x", "is no address to publish to"),
        ("./folder", "is no address to publish to"),
        ("s3:/hospital-data", "is no address to publish to"),
        ("s3://", "'' is no bucket name"),
        ("s3://Big_Bucket/x", "'Big_Bucket' is no bucket name"),
        ("s3://hospital-data/../other", "is no prefix"),
        ("s3://hospital-data/a//b", "is no prefix"),
        ("s3://hospital-data/a/./b", "is no prefix"),
        ("s3://hospital-data/a?versionId=1", "is no prefix"),
        ("s3://hospital-data/a\nb", "is no prefix"),
    ],
)
def test_other_addresses_are_refused_with_an_example(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r"(?s)s3://BUCKET/PREFIX") as error:
        Target.parse(url)
    assert message in error.value.what


def test_a_secret_in_the_address_is_refused_and_not_repeated() -> None:
    for url in ("s3://AKIDPLANTED:hunter2secret@hospital-data/x", "s3://hunter2secret@b.c/x"):
        with pytest.raises(ConfigError, match="no credentials in it") as error:
            Target.parse(url)
        assert "hunter2secret" not in str(error.value)


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/etc/passwd", "a//b", "", "a/", "a\\..\\b", "a\0b", "."]
)
def test_a_manifest_whose_file_would_leave_the_version_is_refused(path: str) -> None:
    with pytest.raises(
        ConfigError, match=r"cannot be a key below s3://hospital-data/suite/bench/2026.12.01/"
    ):
        Target("hospital-data", "suite").key(REF, path)


def test_a_key_that_is_too_long_for_s3_is_refused() -> None:
    assert Target("hospital-data", "s").key(REF, "a" * 1000)
    with pytest.raises(ConfigError, match="cannot be a key"):
        Target("hospital-data", "s").key(REF, "麻" * 400)


@given(st.lists(st.text(st.sampled_from("./\\a b麻\0"), max_size=5), max_size=4))
def test_whatever_path_is_accepted_stays_below_its_folder(parts: list[str]) -> None:
    path = "/".join(parts)
    if is_path(path):
        assert posixpath.normpath(f"top/{path}") == f"top/{path}"
