"""Which citations make questions, and why the others do not."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from anessuite.errors import ConfigError
from anessuite.sources.pubmed import CITATION
from filters.citation import (
    NOTICES,
    RETRACTED,
    CitationRules,
    citation_reason,
    off_topic,
    parse_mesh,
    topic_columns,
)
from filters.keywords import KeywordRules
from tasks.find_citations import read_mesh
from tasks.survey import read_lexicon

RULES = CitationRules()
LEXICON = read_lexicon("anesthesiology", "en")[0]
MESH = read_mesh("anesthesiology")[0]
ABSTRACT = "Patients were randomized to one of two groups and followed for thirty days after surgery. " * 4

FIELDS: dict[str, Any] = {
    "pmid": "1", "version": 1, "title": "A title.", "abstract": ABSTRACT, "sections": [], "mesh": [],
    "mesh_major": [], "keywords": [], "publication_types": ["Journal Article"], "languages": ["eng"],
    "journal": "J", "issn": "", "date": "2020", "year": 2020, "doi": None, "pmc": None, "retracted": False,
    "deleted": False, "row": 0,
}  # fmt: skip


def frame(*changes: dict[str, Any]) -> pl.DataFrame:
    schema = pl.DataFrame(pl.from_arrow(CITATION.empty_table())).schema
    return pl.DataFrame([FIELDS | change for change in changes], schema=schema)


def reason(rules: CitationRules = RULES, **change: Any) -> str | None:
    return frame(change).select(citation_reason(rules)).item()


def test_a_plain_article_has_no_reason_to_go() -> None:
    assert reason() is None


@pytest.mark.parametrize("abstract", ["", "   ", "\n\t", "\u00a0\u3000"])
def test_an_abstract_of_nothing_is_no_abstract(abstract: str) -> None:
    assert reason(abstract=abstract) == "no_abstract"


def test_an_abstract_is_too_short_below_the_least_length_and_not_at_it() -> None:
    assert reason(abstract="x" * 250) is None
    assert reason(abstract="x" * 249) == "abstract_too_short"
    assert reason(abstract="é" * 249) == "abstract_too_short", "characters count, not bytes"
    assert reason(CitationRules(min_abstract_chars=10), abstract="x" * 10) is None


@pytest.mark.parametrize("languages", [["ger"], ["chi", "jpn"], [], ["ENG"], ["und"]])
def test_an_article_in_other_languages_is_not_english(languages: list[str]) -> None:
    assert reason(languages=languages) == "not_english"


@pytest.mark.parametrize("languages", [["eng"], ["eng", "fre"], ["por", "eng"]])
def test_one_of_several_languages_is_enough(languages: list[str]) -> None:
    assert reason(languages=languages) is None


def test_the_config_says_which_languages_are_wanted() -> None:
    rules = CitationRules(languages=["ger", "fre"])
    assert reason(rules, languages=["ger"]) is None
    assert reason(rules, languages=["eng"]) == "not_english"


def test_a_retracted_article_goes_whether_a_notice_or_its_type_says_so() -> None:
    assert reason(retracted=True) == "retracted"
    assert reason(publication_types=["Journal Article", RETRACTED]) == "retracted"


@pytest.mark.parametrize("name", ["Retraction of Publication", "Retraction Notice"])
def test_a_notice_of_retraction_goes_under_both_of_its_names(name: str) -> None:
    assert name in NOTICES
    assert reason(publication_types=["Journal Article", name]) == "retraction_notice"


def test_an_article_that_is_retracted_and_a_notice_is_retracted() -> None:
    assert reason(publication_types=[NOTICES[0]], retracted=True) == "retracted"


@pytest.mark.parametrize("name", ["Published Erratum", "Expression of Concern"])
def test_errata_and_concerns_are_left_out_unless_the_config_wants_them(name: str) -> None:
    assert reason(publication_types=["Journal Article", name]) == "left_out_type"
    assert reason(CitationRules(left_out_types=[]), publication_types=[name]) is None


def test_the_config_may_leave_out_further_types() -> None:
    rules = CitationRules(left_out_types=["Case Reports", "Letter"])
    assert reason(rules, publication_types=["Case Reports"]) == "left_out_type"
    assert reason(rules, publication_types=["Published Erratum"]) is None


def test_articles_from_before_the_first_year_are_too_old_and_those_without_a_year_stay() -> None:
    rules = CitationRules(first_year=2020)
    assert reason(rules, year=2019) == "too_old"
    assert [reason(rules, year=year) for year in (2020, 2021, None)] == [None, None, None]
    assert reason(year=1899) is None, "no first year is the default"
    assert reason(rules, year=2019, abstract="short") == "too_old"


def test_of_several_reasons_the_first_in_order_is_told() -> None:
    everything: dict[str, Any] = {
        "abstract": "", "languages": ["ger"], "retracted": True,
        "publication_types": ["Retraction Notice", "Published Erratum"],
    }  # fmt: skip
    assert reason(**everything) == "no_abstract"
    assert reason(**everything | {"abstract": "short"}) == "not_english"
    assert reason(**everything | {"abstract": "short", "languages": ["eng"]}) == "retracted"
    assert reason(abstract="short", publication_types=["Retraction Notice"]) == "retraction_notice"
    assert reason(abstract="short", publication_types=["Published Erratum"]) == "left_out_type"


def test_an_empty_frame_has_no_reasons() -> None:
    rules = CitationRules()
    found = frame().with_columns(text=pl.lit("")).with_columns(topic_columns(MESH, LEXICON, rules))
    assert found.select(citation_reason(rules), topic=off_topic(rules, "en")).height == 0


# ------------------------------------------------------------------------------------------------------ topic


def topic(rules: CitationRules = RULES, **change: Any) -> tuple[str | None, list[str]]:
    found = frame(change).with_columns(text=pl.concat_str("title", "abstract", separator="\n"))
    found = found.with_columns(topic_columns(MESH, LEXICON, rules))
    return found.select(off_topic(rules, "en")).item(), found["on_mesh"].to_list()[0]


def test_a_major_topic_of_the_list_puts_a_citation_on_the_specialty_whatever_its_words() -> None:
    assert topic(mesh=["Anesthesia, Spinal"], mesh_major=["Anesthesia, Spinal"]) == (
        None,
        ["Anesthesia, Spinal"],
    )


def test_a_minor_topic_of_the_list_does_not() -> None:
    assert topic(mesh=["Anesthesia, Spinal", "Humans"], mesh_major=["Hernia, Inguinal"]) == ("off_topic", [])


@pytest.mark.parametrize(
    "name", ["anesthesia, spinal", "Anesthesia, Spinal/methods", "Anesthesia,Spinal", "Spinal"]
)
def test_a_descriptor_counts_only_as_it_is_spelt(name: str) -> None:
    assert topic(mesh_major=[name]) == ("off_topic", [])


def test_all_topics_on_the_list_are_told_in_order() -> None:
    major = ["Propofol", "Humans", "Anesthesia, General", "Propofol"]
    assert topic(mesh_major=major) == (None, ["Anesthesia, General", "Propofol"])


ON_TOPIC = (
    "Propofol and sevoflurane were compared for maintenance of general anesthesia. Remifentanil was infused; "
    "neuromuscular block with rocuronium was reversed with sugammadex."
)


def test_title_and_abstract_with_enough_terms_are_on_topic_without_mesh() -> None:
    assert topic(title="Propofol or sevoflurane", abstract=ON_TOPIC) == (None, [])
    assert topic(title=ON_TOPIC, abstract="Both were safe.") == (None, []), "the title is searched, too"


def test_a_single_mention_in_passing_is_off_topic() -> None:
    assert topic(abstract=ABSTRACT + "Local anesthesia was used.") == ("off_topic", [])


def test_the_config_s_thresholds_decide_on_the_terms_and_not_on_mesh() -> None:
    strict = CitationRules(keywords=KeywordRules(min_distinct=50))
    assert topic(strict, abstract=ON_TOPIC) == ("off_topic", [])
    assert topic(strict, abstract=ON_TOPIC, mesh_major=["Propofol"]) == (None, ["Propofol"])
    mild = CitationRules(
        keywords=KeywordRules(min_hits=1, min_core_hits=1, min_distinct=1, min_per_1000_chars=0)
    )
    assert topic(mild, abstract=ABSTRACT + "Propofol was used.") == (None, [])


def test_each_citation_is_judged_by_its_own_topics() -> None:
    several = frame(
        {"mesh_major": ["Propofol"]}, {"mesh_major": []}, {"abstract": ON_TOPIC}, {"mesh_major": ["Dogs"]}
    )
    found = several.with_columns(text=pl.concat_str("title", "abstract", separator="\n"))
    found = found.with_columns(topic_columns(MESH, LEXICON, RULES)).select(off_topic(RULES, "en"))
    assert found.to_series().to_list() == [None, "off_topic", None, "off_topic"]


# ------------------------------------------------------------------------------------------------------ lists


@pytest.mark.parametrize(
    "wrong", [{"languages": []}, {"min_abstract_chars": 0}, {"min_chars": 5}, {"keywords": {"hits": 1}}]
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CitationRules.model_validate(wrong)


def test_a_list_of_descriptors_has_comments_blank_lines_and_names_with_commas() -> None:
    assert parse_mesh("# Heads\n\nAnesthesia, Spinal\n  Propofol  \r\n#Ketamine\n", "x") == [
        "Anesthesia, Spinal",
        "Propofol",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "x.mesh.txt holds no descriptor"),
        ("# only\n\n# comments\n", "x.mesh.txt holds no descriptor"),
        ("Propofol\nKetamine\n Propofol\n", "x.mesh.txt holds 'Propofol' twice"),
    ],
)
def test_a_list_without_descriptors_or_with_one_twice_is_refused(content: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_mesh(content, "x.mesh.txt")
    assert caught.value.what == told


names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12)


@given(st.lists(names, min_size=1, max_size=8, unique=True), st.booleans())
def test_every_list_is_read_as_it_was_written(written: list[str], crlf: bool) -> None:
    content = ("\r\n" if crlf else "\n").join(written)
    assert parse_mesh(content, "x") == written


def test_the_list_of_the_specialty_is_ascii_sorted_into_groups_and_spelt_as_mesh_spells() -> None:
    assert "Anesthesia" in MESH and "Anesthesia, General" in MESH and len(MESH) > 80
    for name in MESH:
        assert name == name.strip() and name.isascii() and name[0].isupper(), name


def test_a_specialty_without_a_list_is_told_what_to_write() -> None:
    with pytest.raises(ConfigError) as caught:
        read_mesh("cardiology")
    assert caught.value.what == "there is no filters/terms/cardiology.mesh.txt"
    assert "one a line" in caught.value.hint
