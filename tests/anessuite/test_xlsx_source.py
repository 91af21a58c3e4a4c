"""Worksheets: cells as people typed them, the sheet by name, and files that are no workbook."""

import random
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from anessuite.errors import SourceError
from anessuite.sources.questions import QuestionColumns, QuestionSet, QuestionSource, read_questions

HEADER = ["Question", "A", "B", "C", "D", "Answer"]
ROW = ["Which is a gas?", "Iron", "Xenon", "Lead", "Salt", "B"]


def workbook(path: Path, **sheets: list[list[Any]]) -> str:
    with xlsxwriter.Workbook(str(path)) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, cells in enumerate(rows):
                sheet.write_row(number, 0, cells)
    return str(path)


def read(path: str, **more: Any) -> QuestionSet:
    return read_questions(QuestionSource(path=path, **more))


def test_the_first_sheet_is_read_as_csv_is(tmp_path: Path) -> None:
    found = read(workbook(tmp_path / "q.xlsx", Exam=[HEADER, ROW], Notes=[["nothing"]]))
    [question] = found.questions
    assert question.options == {"A": "Iron", "B": "Xenon", "C": "Lead", "D": "Salt"}
    assert (question.source_id, question.answer, found.warnings) == ("q.xlsx#0", "B", [])


def test_numbers_come_out_as_they_were_typed(tmp_path: Path) -> None:
    cells = ["Which dose in mg?", 1.0, 3.5, 0.1 + 0.2, "1.0", 2]
    columns = QuestionColumns(question="Question", options=list("ABCD"), answer="Answer", answer_base=1)
    [question] = read(workbook(tmp_path / "q.xlsx", Exam=[HEADER, cells]), columns=columns).questions
    assert question.options == {"A": "1", "B": "3.5", "C": "0.3", "D": "1.0"}
    assert question.answer == "B"


def test_empty_rows_are_no_rows_and_empty_cells_no_options(tmp_path: Path) -> None:
    three = ["Which is heavy?", "Xenon", "Lead", None, "", "B"]
    found = read(workbook(tmp_path / "q.xlsx", Exam=[[], HEADER, [], ROW, [" "], three, []]))
    assert [one.source_id for one in found.questions] == ["q.xlsx#0", "q.xlsx#1"]
    assert found.questions[1].options == {"A": "Xenon", "B": "Lead"} and found.lost == []


def test_a_sheet_is_read_by_its_name(tmp_path: Path) -> None:
    path = workbook(tmp_path / "q.xlsx", Cover=[["An exam"]], Exam=[HEADER, ROW])
    assert len(read(path, sheet="Exam").questions) == 1
    with pytest.raises(SourceError, match=r"q\.xlsx has no sheet 'exam'\n  it has: Cover, Exam; see `sheet`"):
        read(path, sheet="exam")


def test_a_sheet_without_rows_or_names_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"q\.xlsx is empty: it has no row"):
        read(workbook(tmp_path / "q.xlsx", Exam=[HEADER]))
    with pytest.raises(
        SourceError, match=r"n\.xlsx, sheet 'Exam', its first row, is no header: it names not"
    ):
        read(workbook(tmp_path / "n.xlsx", Exam=[[1, 2, 3], ROW]))
    with pytest.raises(SourceError, match=r"of no known layout; it has: Cover.*does the first line name"):
        read(workbook(tmp_path / "c.xlsx", Exam=[["Cover"], ["x"]]))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is no whole XLSX file"),
        (b"PK\x03\x04 and so on", "is no whole XLSX file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is locked by a password, or is an old .xls file"),
    ],
)
def test_a_file_that_is_no_open_workbook_is_an_error(tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "q.xlsx").write_bytes(content)
    with pytest.raises(SourceError, match=rf"q\.xlsx {fault}"):
        read(str(tmp_path / "q.xlsx"))


def test_a_workbook_that_is_cut_off_anywhere_is_an_error(tmp_path: Path) -> None:
    whole = Path(workbook(tmp_path / "q.xlsx", Exam=[HEADER, ROW])).read_bytes()
    for end in range(0, len(whole) - 1, 97):
        (tmp_path / "cut.xlsx").write_bytes(whole[:end])
        with pytest.raises(SourceError, match=r"cut\.xlsx is no whole XLSX file"):
            read(str(tmp_path / "cut.xlsx"))


def test_a_workbook_with_damaged_bytes_is_read_or_refused(tmp_path: Path) -> None:
    whole = Path(workbook(tmp_path / "q.xlsx", Exam=[HEADER, ROW])).read_bytes()
    chance, refused = random.Random(7), 0
    places = [chance.randrange(len(whole)) for _ in range(200)]
    directory = whole.find(b"PK\x01\x02")
    for place in (directory + 6, directory + 7, *places):
        damaged = bytearray(whole)
        damaged[place] ^= 0xF8
        (tmp_path / "d.xlsx").write_bytes(damaged)
        try:
            read(str(tmp_path / "d.xlsx"))
        except SourceError as error:
            assert "d.xlsx" in error.what
            refused += 1
    assert refused > 50
