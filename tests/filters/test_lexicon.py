from pathlib import Path

import pytest

import filters
from anessuite.errors import ConfigError
from filters.lexicon import LANGUAGES, Term, parse_lexicon

TERMS = Path(filters.__file__).parent / "terms"


def parse(content: str, *, language: str = "en"):
    return parse_lexicon(content, specialty="test", language=language)


def refusal(content: str, *, language: str = "en") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(content, language=language)
    assert caught.value.exit_code == 2
    return caught.value


def test_a_lexicon_keeps_its_terms_in_file_order_with_the_headword_first():
    lexicon = parse(
        "core: general anesthesia, general anaesthesia, GA-ETT\ncontext: morphine\nnot: ether drift\n"
    )
    assert (lexicon.specialty, lexicon.language) == ("test", "en")
    assert lexicon.terms == (
        Term("core", ("general anesthesia", "general anaesthesia", "GA-ETT")),
        Term("context", ("morphine",)),
        Term("not", ("ether drift",)),
    )
    assert lexicon.terms[0].headword == "general anesthesia"


def test_comments_blank_lines_and_stray_blanks_are_no_terms():
    lexicon = parse(
        "# --- drugs ---\n\n   \n   # indented\n core :  nerve   block ,, nerve\tblockade , \r\n\ncore: MAC"
    )
    assert [term.variants for term in lexicon.terms] == [("nerve block", "nerve blockade"), ("MAC",)]


def test_a_term_may_hold_a_colon():
    assert parse("core: drug: propofol").terms[0].variants == ("drug: propofol",)


@pytest.mark.parametrize("line", ["sevoflurane", "Core: sevoflurane", "drug: sevoflurane", ": sevoflurane"])
def test_a_line_without_a_known_class_is_refused_with_its_number_and_the_classes(line: str):
    error = refusal(f"# heading\ncore: propofol\n\n{line}\n")
    assert error.what == f"lexicon test.en, line 4: {line!r} has no class"
    assert error.hint == "begin it with one of core, context, not:"


def test_a_full_width_colon_is_no_class():
    assert "line 1: 'core：麻醉' has no class" in refusal("core：麻醉", language="zh").what


@pytest.mark.parametrize("line", ["core:", "not:  ", "context: , ,"])
def test_a_class_without_a_term_is_refused_with_its_line(line: str):
    assert refusal(f"core: propofol\n{line}").what == "lexicon test.en, line 2: a class without a term"


def test_a_variant_twice_is_refused_with_both_lines():
    error = refusal("core: propofol, diprivan\n# more\ncontext: morphine\nnot: ether, diprivan")
    assert error.what == "lexicon test.en, line 4: 'diprivan' is already in line 1"


def test_a_variant_twice_in_one_line_is_refused():
    assert refusal("core: MAC,  MAC").what == "lexicon test.en, line 1: 'MAC' is already in line 1"


@pytest.mark.parametrize("content", ["", "# nothing\n", "context: morphine\nnot: ether drift"])
def test_a_lexicon_without_a_core_term_is_refused(content: str):
    assert refusal(content).what == "lexicon test.en has no core term, so it could keep nothing"


def test_an_unknown_language_is_refused_with_the_known_ones():
    error = refusal("core: narcose", language="nl")
    assert "'nl'" in error.what
    assert error.hint == "known: en, zh"


@pytest.mark.parametrize(
    ("language", "content", "share"),
    [
        ("en", "core: 麻醉, anesthesia\ncore: 全身麻醉\ncontext: morphine", "67%"),
        ("zh", "core: anesthesia, 麻醉\ncore: 气管插管", "50%"),
        ("zh", "core: anesthesia", "0%"),
    ],
)
def test_a_lexicon_for_another_language_is_refused_by_its_headwords(language: str, content: str, share: str):
    error = refusal(content, language=language)
    assert f"{share} of the terms are Chinese" in error.what
    assert "another language" in error.what


def test_a_chinese_lexicon_may_hold_some_latin_terms():
    assert len(parse("core: 麻醉\ncore: 插管\ncore: ASA", language="zh").terms) == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lexicons_of_the_checkout_parse_in_their_language_only(language: str):
    content = (TERMS / f"anesthesiology.{language}.txt").read_text(encoding="utf-8")
    lexicon = parse(content, language=language)
    assert {term.role for term in lexicon.terms} == {"core", "context", "not"}
    other = next(known for known in LANGUAGES if known != language)
    assert "another language" in refusal(content, language=other).what
