"""Sources of citations as a config names them."""

from datetime import date
from typing import Any

import pytest
import yaml

from anessuite.config import Config, check_config
from anessuite.errors import ConfigError
from anessuite.sources.citations import CitationSource


class Recipe(Config):
    sources: list[CitationSource]


def source(**fields: Any) -> CitationSource:
    return check_config({"sources": [fields]}, Recipe, where="qa.yaml").sources[0]


def test_files_are_named_by_path_and_labelled_by_its_last_part_or_by_a_name() -> None:
    files = source(path="pubmed/*.xml.gz")
    assert files.path == "pubmed/*.xml.gz" and files.query is None and files.entrez is None
    assert files.label == "*.xml.gz"
    assert source(path="/data/baseline/").label == "baseline"
    assert source(path="/data/baseline/", name="pubmed").label == "pubmed"


def test_a_query_has_dates_of_which_both_ends_are_meant() -> None:
    query = source(**{"query": "anesthesiology[MeSH]", "from": 2000, "to": "2026/02"}).entrez
    assert query is not None
    assert (query.query, query.from_, query.to) == (
        "anesthesiology[MeSH]",
        date(2000, 1, 1),
        date(2026, 2, 28),
    )
    assert query.date_type == "pdat"
    entered = source(**{"query": "x", "from": 2000, "to": 2001, "date_type": "edat"}).entrez
    assert entered is not None and entered.date_type == "edat"


def test_a_query_is_labelled_by_its_name_or_by_itself() -> None:
    assert source(**{"query": "propofol", "from": 2000, "to": 2001}).label == "pubmed: propofol"
    assert source(**{"query": "propofol", "from": 2000, "to": 2001, "name": "p"}).label == "p"


@pytest.mark.parametrize("written", ["2024-01-31", "2024/01/31", "'2024-01-31'"])
def test_dates_are_understood_as_yaml_gives_them(written: str) -> None:
    fields = yaml.safe_load(f"{{query: x, from: {written}, to: 2024}}")
    query = source(**fields).entrez
    assert query is not None and query.from_ == date(2024, 1, 31)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "a source has either a path or a query"),
        ({"name": "pubmed"}, "a source has either a path or a query"),
        ({"path": ""}, "a source has either a path or a query"),
        ({"query": "", "from": 2000, "to": 2001}, "a source has either a path or a query"),
        ({"path": "a.xml", "query": "x", "from": 2000, "to": 2001}, "a source has either a path or a query"),
        ({"query": "x"}, "a query needs `from` and `to`, such as 2000 and 2026"),
        ({"query": "x", "from": 2000}, "a query needs `from` and `to`, such as 2000 and 2026"),
        ({"query": "x", "to": 2000}, "a query needs `from` and `to`, such as 2000 and 2026"),
        ({"path": "a.xml", "from": 2000}, "go with a query, not with a path"),
        ({"path": "a.xml", "to": 2000}, "go with a query, not with a path"),
        ({"path": "a.xml", "date_type": "edat"}, "go with a query, not with a path"),
        ({"query": "x", "from": 2002, "to": 2001}, "from (2002-01-01) is after to (2001-12-31)"),
        ({"query": "x", "from": "last year", "to": 2001}, "'last year' is no date: write 2024, 2024/05"),
        ({"query": "x", "from": "2024-13", "to": 2025}, "month must be in 1..12"),
        ({"query": "x", "from": True, "to": 2001}, "is no date"),
        ({"query": "x", "from": 20000, "to": 2001}, "is no date"),
        ({"query": "  ", "from": 2000, "to": 2001}, "at least 1 character"),
        ({"query": "x", "from": 2000, "to": 2001, "date_type": "mdat"}, "date_type"),
        ({"paths": "a.xml"}, "sources.0.paths: unknown key; did you mean 'path'?"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused_with_what_is_wrong(
    fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        source(**fields)
    assert caught.value.what.startswith("qa.yaml is not a valid config:\n  - sources.0")
    assert told in caught.value.what


@pytest.mark.parametrize(
    "path",
    [
        "https://me:SESAME@mirror.example/pubmed.xml.gz",
        "https://mirror.example/pubmed.xml.gz?token=SESAME",
        "s3://AKIA:SESAME@bucket/pubmed/*.xml.gz",
        "https://bucket.s3.amazonaws.com/x.xml.gz?X-Amz-Signature=SESAME",
    ],
)
def test_a_path_with_a_secret_is_refused_without_showing_it(path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        source(path=path)
    assert "credentials" in caught.value.what
    assert "SESAME" not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"path": "pubmed/*.xml.gz", "name": "p", "licence": "CC0"},
        {"query": "x", "from": 2000, "to": "2026-05-01"},
        {"query": "x", "from": date(2000, 5, 1), "to": "2026/05", "date_type": "edat"},
    ],
)
def test_a_source_survives_the_way_through_json(fields: dict[str, Any]) -> None:
    first = source(**fields)
    dumped = first.model_dump(mode="json")
    assert "from" in dumped and "from_" not in dumped
    again = CitationSource.model_validate(dumped)
    assert again.label == first.label and again.entrez == first.entrez
    assert CitationSource.model_validate_json(first.model_dump_json()).path == first.path
