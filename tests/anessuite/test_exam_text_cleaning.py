"""Cells and lines as clean text: markup, escapes around escapes, damaged encodings; comparisons stay."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from anessuite.sources.choices import text_of
from anessuite.sources.mojibake import mended
from anessuite.sources.questions import QuestionSet, QuestionSource, read_questions


def read(folder: Path, *rows: dict[str, Any], **more: Any) -> QuestionSet:
    path = folder / "q.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_questions(QuestionSource(path=str(path), **more))


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("<p>The <b>dose</b></p>", "The dose"),
        ("&lt;p&gt;The dose&lt;/p&gt;", "The dose"),
        ("a &amp;lt; b &amp;amp;nbsp;c", "a < b  c"),
        ("5&nbsp;mg and 6&nbsp mg", "5 mg and 6  mg"),
        ("<o:p></o:p>Which<o:p>&nbsp;</o:p>", "Which"),
        ("What is it? <img src='a.png' alt='x'>", "What is it?  [image]"),
        ("PaO2 < 60 and > 40", "PaO2 < 60 and > 40"),
        ("<5 mmHg", "<5 mmHg"),
        ("a<b and c>d", "a<b and c>d"),
        ("n &lt; 5 &gt; 3", "n < 5 > 3"),
        ("the patientâ€™s cafÃ©", "the patient’s café"),
        ("5 Â°C Â± 2 Âµg", "5 °C ± 2 µg"),
        ("â‰¥ 5", "≥ 5"),
        ("éº»é†‰", "麻醉"),
        ("é°°, «é»…", "é°°, «é»…"),
        ("Î±-agonist", "α-agonist"),
        ("Müller, 5 °C, é à la carte ± 2", "Müller, 5 °C, é à la carte ± 2"),
        ("a \ufffd b", "a \ufffd b"),
    ],
)
def test_a_cell_is_cleaned_where_that_is_sure(written: str, clean: str) -> None:
    assert text_of(written) == clean


@settings(deadline=None)
@given(st.text("麻醉药是什么中国人的一二三阿片類藥物。，", min_size=1))
def test_chinese_that_was_read_well_stays_and_what_was_not_is_mended(text: str) -> None:
    assert mended(text) == text
    assert mended(text.encode().decode("cp1252", "ignore")) is not None


@settings(deadline=None)
@given(st.text("aé°µ±’“”–αβ≥≤→", min_size=1))
def test_utf8_that_was_read_as_windows_text_comes_back(text: str) -> None:
    assume(mended(text) == text)  # some texts look damaged themselves: é°° may have been 鰰
    shown = "".join(
        bytes([byte]).decode("cp1252") if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(byte)
        for byte in text.encode()
    )
    assert mended(shown) == text


def test_chinese_that_was_read_as_gbk_comes_back() -> None:
    text = "老年病人麻醉前评估应当注意心功能"
    assert mended(text.encode().decode("gb18030")) == text


def bilingual(**more: Any) -> dict[str, Any]:
    english = {"en_question": "Which is a gas?", "en_A": "Xenon", "en_B": "Iron"}
    chinese = {"ch_question": "下列哪个是气体", "ch_A": "氙", "ch_B": "铁"}
    return {"id": "7", "answer": "A", "choice_num": 2} | english | chinese | more


def test_a_row_in_both_languages_gives_two_questions(tmp_path: Path) -> None:
    found = read(tmp_path, bilingual(), bilingual(id=None))
    assert [(one.source_id, one.language, one.question, one.answer) for one in found.questions] == [
        ("7#en", "en", "Which is a gas?", "A"),
        ("7#zh", "zh", "下列哪个是气体", "A"),
        ("q.jsonl#1#en", "en", "Which is a gas?", "A"),
        ("q.jsonl#1#zh", "zh", "下列哪个是气体", "A"),
    ]
    assert found.lost == []
    assert [one.language for one in read(tmp_path, bilingual(), language="zh").questions] == ["zh"]


def test_a_language_that_a_row_lacks_is_no_loss_unless_it_lacks_both(tmp_path: Path) -> None:
    english = bilingual(ch_question="", ch_A=None, ch_B=None)
    neither = bilingual(id="8", en_question="", ch_question=None)
    broken = bilingual(id="9", ch_B="")
    found = read(tmp_path, bilingual(), english | {"id": "6"}, neither, broken)
    assert [one.source_id for one in found.questions] == ["7#en", "7#zh", "6#en", "9#en"]
    assert [(row.source_id, row.reason) for row in found.lost] == [
        ("8#en", "no_question"), ("9#zh", "no_options"),
    ]  # fmt: skip


def test_another_number_of_options_than_stated_is_warned_of(tmp_path: Path) -> None:
    found = read(tmp_path, bilingual(), bilingual(id="8", choice_num=5), language="en")
    assert found.warnings == [
        "q.jsonl: 1 rows have another number of options than 'choice_num' says, such as row 1"
    ]


def test_an_empty_option_that_is_the_answer_is_a_lost_row(tmp_path: Path) -> None:
    good = {"question": "Which is a gas?", "options": ["Xenon", "Iron", "", ""], "answer": "A"}
    empty = {"question": "Which is heavy?", "options": ["Xenon", "Iron", "", "Lead"], "answer": "C"}
    found = read(tmp_path, good, good | {"question": "Which is it?"}, empty)
    assert [(row.source_id, row.reason) for row in found.lost] == [("q.jsonl#2", "empty_option")]
    assert [one.options for one in found.questions] == [{"A": "Xenon", "B": "Iron"}] * 2
