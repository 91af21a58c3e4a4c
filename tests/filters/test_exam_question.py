"""Questions that cannot be used, each with its reason; those that can, though they look alike."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from anessuite.sources.questions import QuestionSource, read_questions
from filters.exam_question import ExamQuestionRules, exam_question_reason
from filters.figure_references import refers_to_figure

FOUR = {"A": "Atropine", "B": "Propofol", "C": "Ketamine", "D": "Xenon"}


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    base: dict[str, Any] = {
        "question": "Which of these agents is inhaled?",
        "options": FOUR,
        "answer": "D",
        "stated": "D",
    }
    made: list[dict[str, Any]] = [base | {"language": "en"} | row for row in rows]
    return pl.DataFrame(
        [row | {"options": [{"letter": k, "text": v} for k, v in row["options"].items()]} for row in made]
    )


def reason(language: str = "en", **row: Any) -> str | None:
    rows = frame(row | {"language": language})
    return rows.select(why=exam_question_reason(language, ExamQuestionRules()))["why"][0]


def test_a_whole_question_has_no_reason() -> None:
    assert reason() is None


@pytest.mark.parametrize(
    ("letters", "wanted"),
    [("AB", None), ("ABC", None), ("ACD", "empty_option"), ("BCD", "empty_option"), ("ABD", "empty_option")],
)
def test_a_letter_that_is_missing_before_the_last_is_an_empty_option(
    letters: str, wanted: str | None
) -> None:
    options = {letter: FOUR[letter] for letter in letters}
    assert reason(options=options, answer=letters[0]) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "The drug \ufffd is",
        "the patientâ€™ s",
        "5 Ã© mg",
        "a &nbsp; b",
        "a <p> b",
        "锟斤拷",
        "a \ue010 b",
        "5 Â °C",
    ],
)
def test_debris_that_could_not_be_cleaned_is_a_reason_in_stem_and_options(text: str) -> None:
    assert reason(question=f"Which of these is right: {text}") == "debris"
    assert reason(options=FOUR | {"B": text}) == "debris"


@pytest.mark.parametrize(
    "text",
    ["PaO2 < 60 and > 40", "<5 mmHg", "a<b, c>d", "R&D; 5 °C ± 2 µg", "Ménière’s, naïve, Ågren", "α ≥ β → γ"],
)
def test_comparisons_and_signs_are_no_debris(text: str) -> None:
    assert reason(question=f"Which of these agents is right: {text}") is None


def refers(question: str, language: str = "en", **options: str) -> bool:
    rows = frame({"question": question, "options": FOUR | options})
    return rows.select(why=refers_to_figure(language))["why"][0] == "refers_to_figure"


@pytest.mark.parametrize(
    "question",
    [
        "What does the figure below show?",
        "Which rhythm is shown in the image?",
        "The ECG shown: what is the rhythm?",
        "A 12-lead ECG is shown. What now?",
        "A radiograph of the chest is obtained and shown below. What now?",
        "Name the structure marked with an arrow.",
        "Which muscle does the arrow (see image) point to?",
        "In the following diagram, which valve is open?",
        "Fig. 2 gives the loop. Which phase is it?",
        "The capnograph shown below indicates what?",
        "Which drug is named in the table below?",
        "The values are given in the following table. Which is right?",
        "Which vessel is this? [image]",
        "The patient's rash is pictured below. Which is it?",
    ],
)
def test_a_figure_or_table_that_is_not_there_is_a_reason(question: str) -> None:
    assert refers(question)


@pytest.mark.parametrize(
    "question",
    [
        "According to table 1 of the guideline, which class is it?",
        "Which figure of merit describes a monitor?",
        "A patient faints on a tilt table. Why?",
        "The patient lies on the operating table, the arms below the head. Which nerve is at risk?",
        "A chest radiograph shows a fracture of the rib. What now?",
        "Biopsy shows many mitotic figures. What is it?",
        "Which block is done with image-guided needles?",
        "An echocardiogram was performed and showed a thrombus. What now?",
        "What shifts the oxygen dissociation curve to the right?",
        "Laboratory values are shown below. Na 139, K 4.1, Cl 101. What is the disorder?",
        "The counts are given in the following table: Cases 12 30, controls 9 44. What is the odds ratio?",
        "The spleen is palpated 2 cm below the left costal margin. What now?",
        "Which drug has shown the best results?",
        "Pressure is measured above the cuff. Which of the following figures is right?",
    ],
)
def test_words_for_images_and_tables_alone_are_no_reason(question: str) -> None:
    assert not refers(question)


@pytest.mark.parametrize(
    "question",
    [
        *("如图所示，该波形提示", "下图中箭头所指为", "剂量见表1，正确的是", "见下表，哪项正确"),
        *("心电图如下图，诊断为", "图1为何种波形", "CT图像如下，诊断为"),
    ],
)
def test_a_chinese_question_that_needs_a_figure_is_known(question: str) -> None:
    assert refers(question, "zh")


@pytest.mark.parametrize(
    "question",
    [
        *("心电图示ST段抬高，应", "在超声图像引导下穿刺", "手术台上最常见的损伤", "以上表现提示"),
        *("可见表面光滑的肿物", "体表面积的计算", "上表皮细胞", "脑电图中的慢波", "两基因的图距为"),
        *("代表中枢抑制的药物", "根据下表：10 20 30，均数为"),
    ],
)
def test_chinese_words_that_only_look_like_figures_are_no_reason(question: str) -> None:
    assert not refers(question, "zh")


def test_an_option_that_is_an_image_is_a_reason() -> None:
    assert refers("Which of these is a gas?", C="[image]")


@pytest.mark.parametrize(
    ("path", "language", "found"),
    [("medmcqa_dev.jsonl", "en", 36), ("medqa_test_4options.jsonl", "en", 102), ("cmmlu", "zh", 0)],
)
def test_of_real_questions_only_those_that_were_read_and_need_a_figure_are_found(
    shared_data: Path, path: str, language: str, found: int
) -> None:
    source = QuestionSource.model_validate({"path": str(shared_data / "mcq" / path), "language": language})
    questions = read_questions(source).questions
    rows = frame(*({"question": one.question, "options": one.options} for one in questions))
    assert rows.select(refers_to_figure(language).is_not_null().sum()).item() == found
    debris = rows.select(why=exam_question_reason(language, ExamQuestionRules()))["why"].to_list()
    assert "debris" not in debris and "empty_option" not in debris
