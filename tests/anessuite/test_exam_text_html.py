"""Exams in HTML: lists number questions and letter options, tables hold keys, nothing outside is read."""

from pathlib import Path
from typing import Any

import pytest

from anessuite.errors import SourceError
from anessuite.sources.questions import QuestionSet, QuestionSource, read_questions


def read(folder: Path, text: str | bytes, name: str = "exam.html", **more: Any) -> QuestionSet:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_questions(QuestionSource(path=str(folder / name), **more))


FORMS = [
    "<ol><li>Which is a gas?<ol type=A><li>Xenon</li><li>Iron</li></ol></li></ol>",
    "<ol><li><p>Which is a gas?</p><ul><li>Xenon<li>Iron</ul></ol>",
    "<ol start=1><li>Which is a gas?<br>A. Xenon<br>B. Iron</li></ol>",
    "<p>1. Which is a gas?</p><p>A. Xenon</p><p>B. Iron</p>",
    "<div>1. Which <b>is</b>\n a gas?<div>A. Xenon</div><div>B. Iron</div></div>",
    "<p>1. Which is a gas?<br/>A. Xenon &nbsp;&nbsp; B. Iron</p>",
    "<table><tr><td>1.</td><td>Which is a gas?</td></tr><tr><td>A.</td><td>Xenon</td></tr>"
    "<tr><td>B.</td><td>Iron</td></tr></table>",
    "<pre>1. Which is a gas?\nA. Xenon\nB. Iron</pre>",
    "<h4>Question 1</h4><p>Which is a gas?</p><ol type='a'><li>Xenon</li><li>Iron</li></ol>",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "key",
    [
        "<p>Answer: A</p>",
        "<h3>Answers</h3><table><tr><th>1</th></tr><tr><td>A</td></tr></table><p>1. A</p>",
        "<h3>Answers</h3><table><tr><td><p>1</p></td><td><p>A</p></td></tr></table>",
    ],
)
def test_lists_tables_and_breaks_make_the_same_question(tmp_path: Path, form: str, key: str) -> None:
    head = "<!doctype html><html><head><title>x</title><style>p{}</style></head>"
    page = f"{head}<body>{form}{key}</body></html>"
    [question] = read(tmp_path, page).questions
    assert (question.question, question.options) == ("Which is a gas?", {"A": "Xenon", "B": "Iron"})
    assert (question.source_id, question.answer) == ("exam.html#1", "A")


def test_a_table_of_numbers_above_letters_is_a_key(tmp_path: Path) -> None:
    each = "<p>{}. Which is {}?</p><p>A. x</p><p>B. y</p>".format
    table = (
        "<table><tr><td>No.</td><td>1</td><td>2</td></tr><tr><td>Key</td><td>B</td><td>A</td></tr></table>"
    )
    assert [one.answer for one in read(tmp_path, each(1, "it") + each(2, "it") + table).questions] == [
        "B",
        "A",
    ]


def test_raised_numbers_comparisons_and_images_stay_and_scripts_go(tmp_path: Path) -> None:
    page = (
        "<p>1. Is PaO<sub>2</sub> &lt; 60 and 10<sup>6</sup> &gt; 5 <img src='a.png' onerror='x()'>?</p>"
        "<script>evil()</script>"
        "<style>p { color: red }</style><!-- A. hidden --><p>A. &lt;5 mmHg</p><p>B. a&amp;lt;b</p>"
    )
    [question] = read(tmp_path, page).questions
    assert question.question == "Is PaO2 < 60 and 10⁶ > 5 [image] ?"
    assert question.options == {"A": "<5 mmHg", "B": "a<b"}


def test_entities_and_files_outside_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("SECRET")
    entity = f"<!DOCTYPE html [<!ENTITY s SYSTEM 'file://{tmp_path}/secret.txt'>]>"
    page = f"{entity}<p>1. Is it &s;?</p><p>A. x</p><p>B. y</p>"
    assert "SECRET" not in str(read(tmp_path, page))


def test_a_page_says_its_own_encoding(tmp_path: Path) -> None:
    page = "<meta charset='gbk'><p>1. 吸入麻醉药是</p><p>A. 氙</p><p>B. 铁</p>".encode("gbk")
    found = read(tmp_path, page, language="zh")
    assert (found.questions[0].question, found.warnings) == ("吸入麻醉药是", [])


def test_markup_too_deep_to_be_read_to_its_end_is_an_error(tmp_path: Path) -> None:
    page = "<p>1. One?</p><p>A. x</p><p>B. y</p>" + "<div>" * 3_000 + "2. Two?"
    with pytest.raises(SourceError, match=r"exam\.html, line 1: its markup cannot be read: Excessive depth"):
        read(tmp_path, page)
