"""Exams as text: numbered questions, options in many forms, shared cases that must not become questions."""

import json
from pathlib import Path
from typing import Any

import pytest

from anessuite.errors import SourceError
from anessuite.sources.questions import Question, QuestionSet, QuestionSource, read_questions

FOUR = {"A": "Atropine", "B": "Propofol", "C": "Ketamine", "D": "Xenon"}
STEM = "Which agent is inhaled?"


def read(folder: Path, text: str | bytes, *, name: str = "exam.txt", **more: Any) -> QuestionSet:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_questions(QuestionSource(path=str(path), **more))


def the_question(found: QuestionSet) -> Question:
    [question] = found.questions
    return question


def lost(found: QuestionSet) -> list[tuple[str, str]]:
    """Reason and lines of each lost row."""
    return [(row.reason, json.loads(row.evidence)["lines"]) for row in found.lost]


@pytest.mark.parametrize(
    "number",
    [
        *("1.", "1)", "(1)", "Q1.", "Q 1:", "Question 1:", "Question 1 of 40.", "[1]", "- 1.", "#1."),
        *("第1题", "第一题：", "1、", "１．", "（1）"),
    ],
)  # fmt: skip
def test_a_question_is_known_by_its_number(tmp_path: Path, number: str) -> None:
    text = f"{number} {STEM}\nA. Atropine\nB. Propofol\nC. Ketamine\nD. Xenon\nAnswer: D\n"
    found = read(tmp_path, text)
    assert found.questions == [Question("exam.txt", "exam.txt#1", "en", STEM, FOUR, "D", "")]
    assert (found.lost, found.warnings) == ([], [])


@pytest.mark.parametrize(
    "options",
    [
        "A. Atropine\nB. Propofol\nC. Ketamine\nD. Xenon",
        "A) Atropine\nB) Propofol\nC) Ketamine\nD) Xenon",
        "(A) Atropine\n(B) Propofol\n(C) Ketamine\n(D) Xenon",
        "A、Atropine\nB、Propofol\nC、Ketamine\nD、Xenon",
        "Ａ．Atropine\nＢ．Propofol\nＣ．Ketamine\nＤ．Xenon",
        "a) Atropine\nb) Propofol\nc) Ketamine\nd) Xenon",
        "A: Atropine\nB: Propofol\n\nC: Ketamine\nD: Xenon",
        "* A. Atropine\n* B. Propofol\n* C. Ketamine\n* D. Xenon",
        "A  Atropine\nB  Propofol\nC  Ketamine\nD  Xenon",
        "A. Atropine B. Propofol C. Ketamine D. Xenon",
        "A. Atropine  B. Propofol\nC. Ketamine\tD. Xenon",
        "（A）Atropine（B）Propofol（C）Ketamine（D）Xenon",
    ],
)
def test_options_are_read_in_every_form(tmp_path: Path, options: str) -> None:
    found = read(tmp_path, f"1. {STEM}\n{options}\nAnswer: D")
    assert (the_question(found).question, the_question(found).options) == (STEM, FOUR)
    assert the_question(found).answer == "D" and not found.lost


def test_options_may_stand_in_the_line_of_the_stem_without_spaces(tmp_path: Path) -> None:
    text = (
        "1．成人首次剂量是A.5ml B.10ml C.15ml D.20ml\n2、属于阿片类的是\nA.丙泊酚B.芬太尼C.氯胺酮D.七氟烷\n"
    )
    first, second = read(tmp_path, text, language="zh").questions
    assert first.options == {"A": "5ml", "B": "10ml", "C": "15ml", "D": "20ml"}
    assert second.options == {"A": "丙泊酚", "B": "芬太尼", "C": "氯胺酮", "D": "七氟烷"}
    assert (first.question, second.language) == ("成人首次剂量是", "zh")


def test_stems_and_options_go_on_over_several_lines(tmp_path: Path) -> None:
    text = "1. Which agent\n   is\ninhaled?\nA. A long\n   option\nB. short\n"
    text += "2. 下列药物中\n起效最快的是\nA. 一\nB. 二"
    first, second = read(tmp_path, text).questions
    assert (first.question, first.options["A"]) == (STEM, "A long option")
    assert second.question == "下列药物中起效最快的是"


def test_numbered_statements_belong_to_the_stem_if_the_options_name_them(tmp_path: Path) -> None:
    text = "7. Which are true?\n1. It is a gas\n2. It is blue\n3. It boils\n"
    text += "A. 1 and 2\nB. 2 and 3\nC. 1 and 3\n"
    text += "8. Next?\nA. x\nB. y"
    first, _ = read(tmp_path, text).questions
    assert first.question == "Which are true?\n1. It is a gas\n2. It is blue\n3. It boils"
    assert list(first.options) == ["A", "B", "C"]


def test_statements_that_no_option_names_are_no_question(tmp_path: Path) -> None:
    text = "1. Read this first\n1. Xenon is what?\n2. And argon?\nA. gas\nB. solid\n3. Fine?\nA. yes\nB. no"
    found = read(tmp_path, text)
    assert the_question(found).source_id == "exam.txt#3"
    assert lost(found) == [("not_parsed", "1-5")]


@pytest.mark.parametrize("option", ["growth of E. coli", "C. difficile and E. coli"])
def test_names_of_bacteria_are_no_options(tmp_path: Path, option: str) -> None:
    text = f"1. What is seen?\nA. None\nB. Some\nC. Few\nD. {option}\n"
    assert the_question(read(tmp_path, text)).options["D"] == option


@pytest.mark.parametrize(
    "options",
    [
        "A. one\nB. two\nD. four",  # C is missing: it went into B, or was lost
        "A. one\nB. two\nB. three",
        "A. one\nC. three\nB. two",
        "B. two\nA. one",
        "A. infection by B. cereus B. infection by others C. none",
        "A. only",
        "1) one 2) two 3) three",
    ],
)
def test_options_that_are_not_a_to_the_last_letter_are_no_question(tmp_path: Path, options: str) -> None:
    found = read(
        tmp_path, f"1. Fine?\nA. yes\nB. no\n2. Which is odd?\n{options}\n3. Fine too?\nA. yes\nB. no"
    )
    assert [one.source_id for one in found.questions] == ["exam.txt#1", "exam.txt#3"]
    assert [reason for reason, _ in lost(found)] == ["not_parsed"]


SHARED = [
    "Questions 2-3 refer to the following case.\nA man has chest pain.\n",
    "(Questions 2 to 3)\nA 50-year-old man has chest pain.\n",
    "For the next 2 questions:\nA man has chest pain.\n",
    "（2～3题共用题干）\n患者，男，50岁，胸痛。\n",
    "（2-3题共用备选答案）\nA. 一\nB. 二\nC. 三\n",
    "二、A3型题\n",
    "三、B1型题\nA. 一\nB. 二\n",
    "A 50-year-old man has chest pain.\n",  # right below the option above it
    "\n患者，男，50岁，胸痛2小时。\n",
]


@pytest.mark.parametrize("shared", SHARED)
def test_questions_that_share_a_case_or_options_are_lost_and_never_wrong(tmp_path: Path, shared: str) -> None:
    one = "{}. What is done?\nA. this\nB. that\nC. nothing\n"
    tail = "四、A1型题\n4. Plain?\nA. x\nB. y\nC. z\n"
    text = f"1. First?\nA. x\nB. y\nC. z\n{shared}{one.format(2)}{one.format(3)}{tail}"
    found = read(tmp_path, text)
    assert [question.source_id for question in found.questions] == ["exam.txt#1", "exam.txt#4"]
    assert found.questions[0].options == {"A": "x", "B": "y", "C": "z"}
    assert found.dropped.keys() == {"not_parsed"}
    assert {"exam.txt#2", "exam.txt#3"} <= {row.source_id for row in found.lost}


def test_a_range_right_above_a_number_names_a_part_and_shares_nothing(tmp_path: Path) -> None:
    found = read(tmp_path, "Questions 1-2\n1. One?\nA. x\nB. y\n2. Two?\nA. x\nB. y\n")
    assert len(found.questions) == 2 and lost(found) == [("not_parsed", "1")]


def test_a_case_by_itself_ends_with_the_next_question_that_has_its_own(tmp_path: Path) -> None:
    text = (
        "1. Plain?\nA. x\nB. y\n\nA woman with sepsis is 62 years old; the patient is pale.\n"
        "2. What now?\nA. x\nB. y\n"
        "3. A 20-year-old man has asthma. What now?\nA. x\nB. y\n4. Plain again?\nA. x\nB. y\n"
    )
    found = read(tmp_path, text)
    assert [question.source_id[-1] for question in found.questions] == ["1", "3", "4"]
    assert any("line 5: a case stands there by itself" in line for line in found.warnings)


def test_headings_prose_and_page_numbers_are_counted_and_break_no_question(tmp_path: Path) -> None:
    text = (
        "麻醉学试题\n姓名：\n一、单选题\n1. 下列药物中起效\n第 1 页 共 2 页\n最快的是\nA. 一\n- 1 -\nB. 二\n"
        "-----\n二、多选题\n"
        "2. 第二题？\nA. 一\nB. 二\n"
    )
    found = read(tmp_path, text)
    assert [one.question for one in found.questions] == ["下列药物中起效最快的是", "第二题？"]
    assert lost(found) == [("not_parsed", lines) for lines in ("1-3", "5", "8", "11")]


def test_a_missing_number_keeps_what_is_whole_and_names_the_line(tmp_path: Path) -> None:
    each = "{}\nA. x\nB. y\n".format
    text = "".join(map(each, ("1. One?", "3. Three?", "2. Two?", "2. Two again?"))) + "Answers\n1-3 ABA\n"
    found = read(tmp_path, text)
    assert {one.source_id: one.answer for one in found.questions} == {
        "exam.txt#1": "A", "exam.txt#3": "A", "exam.txt#2@7": None, "exam.txt#2@10": None,
    }  # fmt: skip
    assert found.warnings == [
        "exam.txt, line 4: question 3 follows 1: a number is missing",
        "exam.txt, line 7: question 2 follows 3: the numbers are out of order",
        "exam.txt, line 10: question 2 follows 2: the number is there twice",
        "exam.txt, line 14: the answer to question 2 could be for 2 of them (lines 7, 10); none gets it",
    ]


def test_a_stem_without_its_number_spoils_the_question_above_it(tmp_path: Path) -> None:
    text = "1. One?\nA. x\nB. y\nWhich one lacks its number?\nA. x\nB. y\n3. Three?\nA. x\nB. y\n"
    found = read(tmp_path, text)
    assert the_question(found).source_id == "exam.txt#3"
    assert lost(found) == [("broken_numbering", "1-4"), ("not_parsed", "5-6")]


def test_a_year_at_the_beginning_of_a_line_makes_no_question_of_half_a_stem(tmp_path: Path) -> None:
    found = read(tmp_path, "1. Fine?\nA. x\nB. y\n2. The guideline of\n2020. Which is right?\nA. x\nB. y\n")
    assert the_question(found).source_id == "exam.txt#1"
    assert lost(found) == [("broken_numbering", "4-7")]


def test_an_empty_option_is_gold_or_a_gap(tmp_path: Path) -> None:
    text = "1. One?\nA. x\nB.\nC. z\nAnswer: B\n2. Two?\nA. x\nB.\nC. z\nAnswer: C\n"
    text += "3. Three?\nA. x\nB. y\nC.\nAnswer: A"
    found = read(tmp_path, text)
    assert [one.options for one in found.questions] == [{"A": "x", "C": "z"}, {"A": "x", "B": "y"}]
    assert lost(found) == [("empty_option", "1-5")]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "Only prose.\nMore of it.", "1. Open?\n2. Also open?", "1. C\n2. A"]
)
def test_a_text_without_questions_is_an_error_that_says_what_one_is(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        SourceError, match=r"exam\.txt holds no question in \d lines[^\0]*begins with its number"
    ):
        read(tmp_path, text)


def test_markdown_is_read_without_its_marks(tmp_path: Path) -> None:
    text = (
        "# Exam\n\n### **Question 1**\n\nWhich agent is *inhaled*?\n\n- **A.** Atropine\n- **B.** Propofol\n"
        "- **C.** Ketamine\n- **D.** Xenon\n\n**Answer:** D\n\n2\\. See ![scan](a.png)?\n\nA) x\nB) y\n\n"
        "## Answer key\n\n| No. | 1 | 2 |\n|---|---|---|\n| Answer | D | A |\n"
    )
    first, second = read(tmp_path, text, name="exam.md").questions
    assert first.question == STEM
    assert (first.options, first.answer) == (FOUR, "D")
    assert (second.question, second.answer) == ("See [image]?", "A")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_chinese_encodings_are_read_and_others_than_utf8_said(tmp_path: Path, encoding: str) -> None:
    text = "1．吸入麻醉药是（ D ）\nA．阿托品 B．丙泊酚 C．氯胺酮 D．七氟烷\n"
    found = read(tmp_path, text.encode(encoding), language="zh")
    assert the_question(found).options["D"] == "七氟烷"
    assert (the_question(found).question, the_question(found).answer) == ("吸入麻醉药是（ ）", "D")
    said = ["exam.txt is not UTF-8 (line 1); it was read as GB18030"] if encoding == "gb18030" else []
    assert found.warnings == said


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("1. Café?\nA. x\nB. y".encode("cp1252"), "line 1, is not UTF-8, and not GB18030 either"),
        ("1. One?".encode("utf-16-le"), "it holds zero bytes"),
        (b"1. " + bytes([0x81, 0x20, 0xFF, 0xFF]), "is neither UTF-8 nor GB18030"),
    ],
)
def test_bytes_that_are_no_text_are_an_error(tmp_path: Path, content: bytes, fault: str) -> None:
    with pytest.raises(SourceError, match=fault):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("setting", "value"), [("subjects", ["Anatomy"]), ("columns", {"question": "q", "options": "o"})]
)
def test_what_only_tables_have_is_refused(tmp_path: Path, setting: str, value: Any) -> None:
    with pytest.raises(SourceError, match=f"has no columns, but `{setting}` is set"):
        read(tmp_path, "1. One?\nA. x\nB. y", **{setting: value})


def test_texts_about_a_folder_are_not_read_and_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("How these exams came to be.")
    (tmp_path / "a.txt").write_text("1. One?\nA. x\nB. y")
    found = read_questions(QuestionSource(path=str(tmp_path)))
    assert len(found.questions) == 1
    assert found.warnings == ["not read, since they speak of the data: README.md"]
