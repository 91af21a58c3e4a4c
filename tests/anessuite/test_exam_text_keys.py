"""Answers of exams: below each question, in a key at the end or in another file, and never a guess."""

from pathlib import Path
from typing import Any

import pytest

from anessuite.errors import SourceError
from anessuite.sources.questions import QuestionSet, QuestionSource, read_questions

LETTERS = "CABDE"
WORDS = ("one", "two", "three", "four", "five")


def asked(number: int, *, more: str = "") -> str:
    options = "\n".join(f"{letter}. {word}" for letter, word in zip("ABCDE", WORDS, strict=True))
    return f"{number}. Which is number {number}?\n{options}\n{more}"


FIVE = "".join(asked(number) for number in range(1, 6))


def read(
    folder: Path, text: str, *, key: str | None = None, name: str = "exam.txt", **more: Any
) -> QuestionSet:
    (folder / name).write_text(text)
    if key is not None:
        (folder / "key.txt").write_text(key)
        more["key"] = str(folder / "key.txt")
    return read_questions(QuestionSource(path=str(folder / name), **more))


def answers(found: QuestionSet) -> list[str | None]:
    return [question.answer for question in found.questions]


KEYS = [
    "Answers\n1. C 2. A 3. B 4. D 5. E",
    "Answer Key:\n1. C\n2. A\n3. B\n4. D\n5. E",
    "ANSWERS\n1) C\n2) A\n3) B\n4) D\n5) E",
    "Key\n1 C 2 A 3 B 4 D 5 E",
    "Answers\n1-5 CABDE",
    "Answer key: 1-3 C A B; 4-5: D, E",
    "参考答案\n1～5：ＣＡＢＤＥ",
    "【参考答案】\n1-5 CABDE",
    "答案：1.C 2.A 3.B 4.D 5.E",
    "参考答案\n题号 1 2 3 4 5\n答案 C A B D E",
    "Answers\n\n1-2: CA\n\n3-5: BDE",
    "1-5 CABDE",
    "1.C2.A3.B4.D5.E",
    "Answers and Explanations\n1. C. It is so.\n   1. because\n"
    "2. A - since\n3. B (see above)\n4. D\tas said\n5. E. Fine.",
    "参考答案与解析\n1. C 解析：因为。\n2. A\n【解析】所以。\n3. B\n4. D\n5. E",
    "Answers\nQuestion 1\nAnswer: C\nQuestion 2\nAnswer: A\nQuestion 3\nAnswer: B\n"
    "Question 4\nAnswer: D\nQuestion 5\nAnswer: E",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("is_apart", [False, True])
def test_a_key_is_read_in_every_form_below_the_exam_or_in_a_file_of_its_own(
    tmp_path: Path, key: str, is_apart: bool
) -> None:
    found = read(tmp_path, FIVE, key=key) if is_apart else read(tmp_path, FIVE + key)
    assert answers(found) == list(LETTERS)
    assert [file.name for file in found.files] == ["exam.txt", *(["key.txt"] if is_apart else [])]
    assert all(list(question.options) == list("ABCDE") for question in found.questions)


@pytest.mark.parametrize(
    "line",
    [
        *("Answer: C", "ANSWER: (C)", "Ans. C", "The correct answer is C.", "Answer: C. three"),
        *("Answer C", "Key: C"),
        *("答案：C", "【答案】C", "参考答案：C", "正确答案是C。"),
        *("[Answer] C", "Answer:\nC", "Correct: C"),
        "Answer: three",
        *("答案：C 解析：因为它是对的。", "Answer: C Explanation: so."),
        "Answer: C\nExplanation: A. no\nB. too",
    ],
)  # fmt: skip
def test_an_answer_below_its_question_is_read_in_every_form(tmp_path: Path, line: str) -> None:
    found = read(tmp_path, asked(1, more=f"{line}\n") + asked(2))
    assert answers(found) == ["C", None]
    assert list(found.questions[0].options.values()) == ["one", "two", "three", "four", "five"]
    assert found.lost == []


def test_an_answer_behind_the_last_option_is_no_part_of_it(tmp_path: Path) -> None:
    found = read(tmp_path, "1. One?\nA. x\nB. y  Answer: B\n2. 第二题？\nA. 一\nB. 二 【答案】A\n")
    assert answers(found) == ["B", "A"]
    assert [question.options["B"] for question in found.questions] == ["y", "二"]


@pytest.mark.parametrize(
    "behind", ["Explanation: x is right", "答案见书后", "Answers: see page 9", "【解析】因为"]
)
def test_an_option_that_gives_the_answer_away_is_no_question(tmp_path: Path, behind: str) -> None:
    found = read(tmp_path, f"1. One?\nA. x\nB. y  {behind}\n2. Two?\nA. x\nB. y\n")
    assert [question.source_id for question in found.questions] == ["exam.txt#2"]
    assert found.dropped == {"not_parsed": 1}


def test_an_answer_above_the_options_gives_nothing_away(tmp_path: Path) -> None:
    found = read(tmp_path, "1. One?\nAnswer: B\nA. x\nB. y\n")
    assert [(one.question, one.answer) for one in found.questions] == [("One?", "B")]


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        (asked(1, more="Answer: B\n") + "Answers\n1. C", "B / C"),
        (asked(1, more="Answer: C. two\n"), "C / B"),
        (asked(1) + "Answers\n1. C\n1. D", ""),
        (asked(1, more="Answer: ACD\n"), "ACD"),
        (asked(1, more="答案：A、C\n"), "AC"),
        (asked(1, more="Answer: see page 7\n"), "see page 7"),
        (asked(1, more="Answer: G\n"), "G"),
        (asked(1) + "Answers\n1. A patient needs none", ""),
        (asked(1) + "Answers\n1-2 C", ""),
        (asked(1), ""),
    ],
)
def test_an_answer_that_is_not_one_letter_for_sure_is_none(tmp_path: Path, text: str, stated: str) -> None:
    [question] = read(tmp_path, text).questions
    assert question.answer is None
    assert question.stated == stated or (stated == "" and question.stated == "C / D")


def test_answers_in_two_places_that_differ_are_warned_of(tmp_path: Path) -> None:
    found = read(tmp_path, asked(1, more="Answer: B\n"), key="1. C")
    assert found.warnings == [
        "exam.txt, line 1: question 1 has different answers in different places, B / C; none is taken"
    ]


def test_a_range_with_too_few_letters_answers_nothing_and_is_named(tmp_path: Path) -> None:
    found = read(tmp_path, FIVE + "Answers\n1-5 CABD\n")
    assert answers(found) == [None] * 5
    assert "exam.txt, line 32: 1 to 5 are not as many as the letters CABD" in found.warnings
    assert found.dropped == {"not_parsed": 1}


def test_each_chapter_has_its_own_key(tmp_path: Path) -> None:
    one = f"Chapter 1\n{asked(1)}{asked(2)}Answers\n1. A\n2. B\n"
    two = f"Chapter 2\n{asked(1)}{asked(2)}Answers\n1. C\n2. D\n"
    found = read(tmp_path, one + two)
    assert answers(found) == list("ABCD")
    assert found.dropped == {"not_parsed": 2}


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("Answers\n1-2 AB\n1-2 CD", "ABCD"),
        ("参考答案\n二、1-2 CD\n一、1-2 AB", "ABCD"),
        ("参考答案\n一、单选题\n1. A\n2. B\n二、多选题\n1. C\n2. D", "ABCD"),
        ("Answers\n1-2 AB", "----"),
        ("Answers\n1-2 AB\n1-2 CD\n1-2 AA", "----"),
    ],
)
def test_parts_that_begin_again_at_one_need_as_many_parts_of_the_key(
    tmp_path: Path, key: str, wanted: str
) -> None:
    text = f"一、单选题\n{asked(1)}{asked(2)}二、多选题\n{asked(1)}{asked(2)}{key}"
    found = read(tmp_path, text)
    assert [answer or "-" for answer in answers(found)] == list(wanted)


def test_answers_for_numbers_that_are_not_there_are_named(tmp_path: Path) -> None:
    found = read(tmp_path, asked(1), key="1. A 2. B 3. C")
    assert found.warnings == [
        "exam.txt, the key in key.txt, line 1: the key has answers for 2 numbers that no question has,"
        " such as 2"
    ]


def test_a_key_that_repeats_the_questions_is_read_by_their_answers(tmp_path: Path) -> None:
    key = asked(1, more="Answer: B\n") + asked(2, more="Answer: E\nExplanation: so.\n")
    assert answers(read(tmp_path, asked(1) + asked(2), key=key)) == ["B", "E"]


def test_lines_of_a_key_file_that_say_nothing_are_lost_rows_of_that_file(tmp_path: Path) -> None:
    found = read(tmp_path, asked(1), key="For the office only.\n1. C\n")
    assert [(row.source_id, row.reason) for row in found.lost] == [("key.txt#L1", "not_parsed")]
    assert answers(found) == ["C"]


def test_a_key_is_for_one_exam(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(asked(1))
    (tmp_path / "b.txt").write_text(asked(1))
    (tmp_path / "key.txt").write_text("1. C")
    with pytest.raises(SourceError, match=r"the key key\.txt is for one exam as text, but 2 files are read"):
        read_questions(QuestionSource(path=str(tmp_path), key=str(tmp_path / "key.txt")))
    (tmp_path / "b.txt").unlink()
    found = read_questions(QuestionSource(path=str(tmp_path), key=str(tmp_path / "key.txt")))
    assert answers(found) == ["C"]


@pytest.mark.parametrize(
    "line",
    [
        "参考答案：1-2 BA",
        "参考答案 1-2：BA",
        "【参考答案】1．B  2．A",
        "答案：1.B 2.A",
        "Answers: 1-2 BA",
        "Answer key: 1 B, 2 A",
        "Key: (1) B (2) A",
    ],
)
def test_a_key_may_stand_behind_its_heading_on_one_line(tmp_path: Path, line: str) -> None:
    found = read(tmp_path, asked(1) + asked(2) + f"\n{line}\n")
    assert [question.answer for question in found.questions] == ["B", "A"]


def test_an_answer_below_a_question_is_no_row_of_a_key(tmp_path: Path) -> None:
    found = read(tmp_path, asked(1) + "\nAnswer: B\n")
    assert [question.answer for question in found.questions] == ["B"]
