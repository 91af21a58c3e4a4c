import pytest
from pydantic import ValidationError

from anessuite.config import check_config
from anessuite.errors import ConfigError, SourceError
from anessuite.sources.columns import Columns, Each

QA = Columns(text=["title", Each(each="qa", columns=["question", "answer"])], id="doc", url="link")


def test_nested_columns_become_blocks_with_a_line_for_each_field() -> None:
    row = {
        "title": "Epidural",
        "qa": [{"question": "What?", "answer": "A block."}, {"question": "When?", "answer": "In labour."}],
    }
    assert QA.text_of(row) == "Epidural\n\nWhat?\nA block.\n\nWhen?\nIn labour."


def test_absent_null_and_foreign_values_leave_no_gap() -> None:
    row = {
        "title": None,
        "qa": [None, 3, {"question": "Why?"}, {"question": None, "answer": 4}, {"answer": "So."}],
    }
    assert QA.text_of(row) == "Why?\n\nSo."


@pytest.mark.parametrize("row", [{}, {"title": "", "qa": []}, {"title": 3, "qa": "text"}])
def test_a_row_without_any_text_has_none(row: dict[str, object]) -> None:
    assert QA.text_of(row) is None


@pytest.mark.parametrize(("value", "text"), [("a", "a"), ("", ""), (None, None), (3, None), (["a"], None)])
def test_one_plain_column_is_taken_as_it_is(value: object, text: str | None) -> None:
    assert Columns().text_of({"text": value}) == text


def test_an_id_becomes_text_and_an_address_must_be_text() -> None:
    assert (QA.id_of({"doc": 7}), QA.id_of({"doc": None}), QA.id_of({})) == ("7", None, None)
    assert (QA.url_of({"link": "https://x"}), QA.url_of({"link": 3}), QA.url_of({})) == (
        "https://x",
        None,
        None,
    )
    assert (Columns().id_of({"id": 1}), Columns().url_of({"url": "x"})) == (None, None)


def test_names_lists_each_top_level_column_once() -> None:
    assert QA.names() == ["title", "qa", "doc", "link"]
    assert Columns(text="text", id="text").names() == ["text"]


def test_only_a_single_text_column_is_plain() -> None:
    assert Columns(text="body").is_plain
    assert not Columns(text=["body"]).is_plain


def test_a_missing_column_names_the_nearest_and_all_others() -> None:
    with pytest.raises(
        SourceError, match=r"x\.jsonl has no column 'qa'\n.*did you mean 'qas'\? it has: title, qas"
    ):
        QA.check(["title", "qas"], "x.jsonl")
    with pytest.raises(SourceError, match="has no column 'text'\n  it has: none"):
        Columns().check([], "x.jsonl")
    QA.check(["link", "doc", "qa", "title", "more"], "x.jsonl")


def test_each_without_columns_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 1"):
        Each(each="qa", columns=[])


def test_a_wrong_key_in_a_nested_mapping_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'columns'"):
        check_config({"text": [{"each": "qa", "colums": ["a"]}]}, Columns, where="c.yaml")
