import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filters.personal_data import KINDS, TAGS, mask, tags_written, valid_cn_id

VALID_ID = "11010519491231002X"  # the example of GB 11643
PIECES = [
    "a.b@c.org",
    "+86 138 1234 5678",
    "13812345678",
    "010-12345678",
    "(555) 234-5678",
    "555-234-5678",
    "020 7946 0958",
    "93.184.216.34",
    "2001:db8::1",
    VALID_ID,
    "1.2.3",
    " ",
    "-",
    ".",
    ",",
    "/",
    "(",
    ")",
    "+",
    ":",
    "x",
    "7",
    "号",
    "\n",
    "@",
    ">",
    "<EMAIL>",
]


def masked(text: str | None) -> str | None:
    return pl.DataFrame({"text": [text]}, schema={"text": pl.String}).select(mask()).item()


def counted(text: str | None) -> dict[str, int] | None:
    frame = pl.DataFrame({"text": [text]}, schema={"text": pl.String}).with_columns(mask().alias("masked"))
    return frame.select(tags_written("text", "masked")).item()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("email", "jane.doe+x@dept.hospital.co.uk"),
        ("phone", "+1 617 720 4408"),
        ("phone", "+44 20 7946 0958"),
        ("phone", "+32 (0)2 720 53 51"),
        ("phone", "(541) 387-0042"),
        ("phone", "1-800-677-1116"),
        ("phone", "505.562.2229"),
        ("phone", "020 7946 0958"),
        ("phone", "07956 907 029"),
        ("phone", "13812345678"),
        ("phone", "138-1234-5678"),
        ("phone", "+86-13812345678"),
        ("phone", "010-62345678"),
        ("phone", "0571-8765432"),
        ("ip", "93.184.216.34"),
        ("ip", "2001:db8:85a3:0:0:8a2e:370:7334"),
        ("ip", "2001:db8::8a2e:370:7334"),
        ("cn_id", VALID_ID),
    ],
)
def test_personal_data_is_masked_in_both_languages(kind: str, text: str) -> None:
    assert masked(f"Contact: {text}, or ask.") == f"Contact: {TAGS[kind]}, or ask."
    assert masked(f"联系方式{text}。") == f"联系方式{TAGS[kind]}。"
    assert counted(text) == {**dict.fromkeys(KINDS, 0), kind: 1}


@pytest.mark.parametrize(
    "text",
    [
        "0.5-1.0 mg/kg over 10-15 min, 2.5 to 3.5",
        "2020-01-15 and 15.01.2020 12:30:45",
        "PMID: 29768149",
        "version 1.2.3",
        "EC 3.4.21.5",
        "doi:10.1097/00000542-199501000-00012",
        "ISBN 978-7-117-12345-6",
        "国药准字H20013088",
        "pp. 1234-1245; 1995;82(1):12-34",
        "J95.1, T88.5",
        "id 123456789012345",
        "192.168.1.10 and 10.0.0.1",
        "NCT01234567",
        "11010519491231002",
        "110105194912310021",
        "ISSN 0003-3022",
        "P < 0.001, 95% CI 1.25-2.50",
        "+1.96 SD",
        "300.400.5",
    ],
)
def test_medical_numbers_stay(text: str) -> None:
    assert masked(text) == text


def test_neighbours_one_character_apart_are_all_masked() -> None:
    assert masked("13812345678 13912345678 13712345678") == "<PHONE> <PHONE> <PHONE>"
    assert masked("93.184.216.34,93.184.216.35,93.184.216.36") == "<IP>,<IP>,<IP>"


def test_the_check_digit_decides() -> None:
    assert valid_cn_id(VALID_ID)
    assert not valid_cn_id("110105194912310021")


@pytest.mark.parametrize("text", ["", " \n", "😀"])
def test_texts_without_numbers_stay(text: str) -> None:
    assert masked(text) == text
    assert counted(text) == dict.fromkeys(KINDS, 0)


def test_null_stays_null() -> None:
    assert masked(None) is None
    assert counted(None) is None


def test_a_line_of_a_megabyte_is_masked() -> None:
    assert masked("word " * 200_000 + "a@b.org") == "word " * 200_000 + "<EMAIL>"


def test_a_tag_that_the_text_held_is_not_counted() -> None:
    assert counted("<PHONE> a@b.org") == {**dict.fromkeys(KINDS, 0), "email": 1}


@settings(max_examples=300, deadline=None)
@example("93.184.216.34:13812345678")
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_masking_is_idempotent_and_counts_its_tags(text: str) -> None:
    once = masked(text)
    assert once is not None
    assert masked(once) == once
    assert counted(once) == dict.fromkeys(KINDS, 0)
    written = {kind: once.count(tag) - text.count(tag) for kind, tag in TAGS.items()}
    assert counted(text) == written
