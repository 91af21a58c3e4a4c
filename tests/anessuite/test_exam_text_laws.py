"""Laws of the text reader: no line is lost, nothing but SourceError is raised, time grows with the length."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anessuite.errors import SourceError
from anessuite.sources.exam.html import html_lines
from anessuite.sources.exam.key import key_row
from anessuite.sources.exam.lines import Line, exam_lines, halved
from anessuite.sources.exam.text import Exam, exam_of
from anessuite.sources.files import SourceFile
from anessuite.sources.question_sets import Question
from anessuite.sources.question_source import QuestionSource
from anessuite.sources.questions import read_questions

FILE = SourceFile("exam.txt", "exam.txt", "text", 0, "")
SOURCE = QuestionSource(path="exam.txt")
PIECES = [
    *("1. ", "2. ", "3) ", "(4)", "第5题", "10. ", "7. ", "A. ", "B. ", "C、", "(D)", "E．", "a) ", "b) "),
    *("Answer: ", "答案：", "参考答案", "Answers", "C", "ABD", "1-5 CABDE", "1-3 AB", "1. C"),
    *("2 A", "解析："),
    "（ B ）",
    *("\n", "\n", "\n", "\n", "\n\n", " ", "\t", "text ", "Which?", "患者，男，50岁"),
    *("A 50-year-old man", "一、单选题"),
    *("（1～3题共用题干）", "Questions 1-3 refer", "the next 2 questions", "A3型题", "Explanation:"),
    *("----", "- 3 -"),
    *("题号 1 2 3", "答案 A B C", "①", "Chapter 2", "<p>", "1. x\nA. a\nB. b\n", "2. y\nA. a B. b C. c\n"),
]  # fmt: skip


def lines_of(text: str) -> list[Line]:
    lines = [line.strip() for line in text.split("\n")]
    return [Line(number, line, halved(line)) for number, line in enumerate(lines, start=1) if line]


def exam(text: str, key: Sequence[Line] | None = None) -> Exam:
    return exam_of(SOURCE, FILE, lines_of(text), (FILE, key) if key is not None else None)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=60).map("".join))
def test_every_line_is_in_one_row_in_the_key_or_a_ruler(text: str) -> None:
    found = exam(text)
    told = [number for row in found.rows for number in row.lines] + found.key_lines + found.rules
    assert sorted(told) == [line.number for line in lines_of(text)]
    for row in found.rows:
        if isinstance(row.row, Question):
            letters = list(row.row.options)
            assert len(letters) >= 2 and letters == sorted(letters) and all(row.row.options.values())
            assert row.row.answer is None or row.row.answer in letters


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200) | st.lists(st.sampled_from(PIECES)).map("".join).map(str.encode))
@pytest.mark.parametrize("name", ["exam.txt", "exam.md", "exam.html"])
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    try:
        found = read_questions(QuestionSource(path=str(path), key=None))
    except SourceError as error:
        assert name in error.what
    else:
        assert found.questions


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("ABCDE"), min_size=1, max_size=40), st.integers(1, 900), st.data())
def test_a_key_reads_back_whatever_its_form(letters: list[str], first: int, data: st.DataObject) -> None:
    wanted = [(first + at, letter) for at, letter in enumerate(letters)]
    single = data.draw(
        st.sampled_from(["{}. {}", "{}) {}", "({}) {}", "{}{}", "{}: {}", "第{}题 {}", "{}、{}"])
    )
    assert key_row("  ".join(single.format(*one) for one in wanted)) == wanted
    if len(letters) > 1:
        assert key_row(f"{first}-{first + len(letters) - 1} {''.join(letters)}") == wanted


WORDS = st.text("abcxyz ", min_size=3, max_size=20).map(str.strip).filter(lambda text: len(text) > 2)


@settings(max_examples=60, deadline=None)
@given(
    asked=st.lists(
        st.tuples(WORDS, st.lists(WORDS, min_size=2, max_size=6, unique=True), st.integers(0, 1)),
        min_size=1, max_size=8,
    ),
    number=st.sampled_from(["{}. ", "{}) ", "({}) ", "Q{}. ", "第{}题 ", "{}、"]),
    letter=st.sampled_from(["{}. ", "{}) ", "({}) ", "{}、", "{}．"]),
    between=st.sampled_from(["\n", "\n\n", "   "]),
)  # fmt: skip
def test_an_exam_that_was_written_is_read_back(
    asked: list[tuple[str, list[str], int]], number: str, letter: str, between: str
) -> None:
    text = ""
    for at, (stem, options, _) in enumerate(asked, start=1):
        listed = between.join(letter.format("ABCDEF"[place]) + one for place, one in enumerate(options))
        text += f"{number.format(at)}{stem} is?\n{listed}\n"
    text += "Answers\n" + " ".join(f"{at}. {'AB'[gold]}" for at, (_, _, gold) in enumerate(asked, start=1))
    rows = [row.row for row in exam(text).rows]
    assert [
        (row.question, list(row.options.values()), row.answer) for row in rows if isinstance(row, Question)
    ] == [(f"{stem} is?", options, "AB"[gold]) for stem, options, gold in asked]


ADVERSARIAL = [
    *("1. x\n", "1.\n2.\n", "1. q\nA. a\nB. b\n", "A. ", "B. C. ", "[A]", "1 A ", "1-300 A"),
    *("Answer: ", "答案：\n"),
    "(",
    *("①\n", "患者\n", "题号 1 2\n答案 A B\n", "Questions 1-2 refer\n", "A x\n", " ", "\t", "x", "一、"),
    "1. q A. a B. b ",
]  # fmt: skip


@pytest.mark.parametrize("piece", ADVERSARIAL)
def test_time_grows_with_the_length_of_the_text_alone(piece: str) -> None:
    def seconds(size: int) -> float:
        text = "1. x A. " + piece * (size // len(piece))
        start = time.process_time()
        exam(text)
        return time.process_time() - start

    small, large = seconds(10_000), seconds(80_000)
    assert large < 8 * 4 * small + 0.25


def test_a_megabyte_of_html_is_read_in_seconds(tmp_path: Path) -> None:
    for piece in ("<p>1. x", "<td>a", "<ol><li>x</ol>", "<", "&", "a "):
        start = time.process_time()
        html_lines(piece * (1_000_000 // len(piece)), "exam.html")
        assert time.process_time() - start < 20


def test_a_broken_archive_is_an_error_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "exam.txt.gz").write_bytes(b"no archive")
    file = SourceFile(str(tmp_path / "exam.txt.gz"), "exam.txt.gz", "text", 10, "")
    with pytest.raises(SourceError, match=r"exam\.txt\.gz is cut off or damaged"):
        exam_lines(file, [])
