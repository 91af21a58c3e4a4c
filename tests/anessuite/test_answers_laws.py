"""What holds for the reading of answers whatever the text, and how long it takes."""

import string
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.answers import extract_choice, extract_choices, read_choice

OPTIONS = {"A": "Ketamine", "B": "Etomidate", "C": "Propofol", "D": "Midazolam", "E": "Dexmedetomidine"}
TEN = {letter: f"sign {number}" for number, letter in enumerate("ABCDEFGHIJ")}
FORMS = [
    "{}",
    "({})",
    "{}.",
    "**{}**",
    "Option {}",
    "{}) sign",
    "Answer: {}",
    "**Answer:** {}",
    "Answer: ({})",
    "The answer is {}.",
    "The answer is ({}).",
    "The correct answer is **{}**",
    "The correct option is {}, as shown.",
    r"\boxed{{{}}}",
    r"$\boxed{{\text{{{}}}}}$",
    "<answer>{}</answer>",
    '{{"answer": "{}"}}',
    "I choose {}.",
    "Therefore, {}.",
    "({}) is the correct answer.",
    "Option {} is the best choice.",
    "答案是{}",
    "答案：{}",
    "【答案】{}",
    "故选{}。",
    "因此选择{}项",
    "选{}",
    "{}是正确答案。",
]
FRAGMENTS = [
    *"ABCDEFGHIJ",
    "a",
    "c",
    "Z",
    "1",
    " ",
    "\n",
    ". ",
    ", ",
    ": ",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "*",
    "**",
    "$",
    "\\",
    '"',
    "'",
    "|",
    "\\boxed{",
    "\\text{",
    "<answer>",
    "</answer>",
    "<think>",
    "</think>",
    "```json\n",
    '{"answer": "',
    "answer",
    "Answer:",
    " is ",
    " are ",
    " not ",
    " or ",
    " and ",
    "the ",
    "correct ",
    "best ",
    "option ",
    "if ",
    "then ",
    "would be ",
    "so ",
    "None of ",
    "all of the above",
    "because",
    "propofol",
    "Ketamine",
    "vitamin ",
    "wrong",
    "incorrect",
    "?",
    "I think ",
    "答案",
    "是",
    "选",
    "项",
    "不",
    "，",
    "。",
    "：",
    "、",
    "和",
    "或",
    "正确",
    "错误",
    "故",
    "因此",
    "如果",
    "吗",
    "丙泊酚",
    "Ａ",
    "Ⓒ",
    "\u200b",
    "\x00",
    "é",
    "°",
    "√",
    "×",
]
ADVERSARIAL = [
    "answer is ",
    "the answer is A. ",
    "the answer to ",
    "(((",
    r"\boxed{",
    r"\boxed{{{{",
    r"\boxed{A}, ",
    "A",
    "A ",
    "A, ",
    "A\n",
    "A. Ketamine\n",
    "A is correct ",
    "best best best ",
    "答案是A，",
    "选A或",
    "，因此不正确的是",
    "混合 answer 答案 is 是 A、B or C ",
    "<answer>",
    "<answer>A</answer>",
    '"answer": "A", ',
    "<think></think>",
    "[[A]]",
    "*a",
    " ",
    "\n",
    "\\text{$**",
    "if the answer were A, then ",
    "none of the not but the only ",
    "\x00\ufffd\U0001f600",
]

text = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join))


@given(text, st.sampled_from([OPTIONS, TEN, {"A": "", "B": "b"}, {}]))
def test_any_text_gives_an_option_or_a_reason(reply: str, options: dict[str, str]) -> None:
    choice = read_choice(reply, options)
    assert (choice.letter is None) == (choice.reason is not None)
    assert choice.letter is None or choice.letter in options
    assert choice.span is None or 0 <= choice.span[0] < choice.span[1] <= len(reply)
    chosen = extract_choices(reply, options)
    assert chosen is None or (chosen and chosen <= options.keys())
    assert choice.letter is None or chosen == {choice.letter}


@given(text, st.lists(st.text(max_size=12), max_size=10))
def test_any_texts_of_options_can_be_read_against(reply: str, texts: list[str]) -> None:
    options = dict(zip(string.ascii_uppercase, texts, strict=False))
    assert extract_choice(reply, options) in (None, *options)


@given(text)
def test_the_order_of_the_options_does_not_matter(reply: str) -> None:
    assert read_choice(reply, OPTIONS) == read_choice(reply, dict(reversed(OPTIONS.items())))


@given(st.text(alphabet="ABCDEabcde ,.()0123：，。、答选项\n", max_size=80), st.sampled_from("ABCDE"))
def test_a_last_line_that_states_the_answer_decides(before: str, letter: str) -> None:
    assert extract_choice(f"{before}\n\nFinal answer: {letter}", OPTIONS) == letter
    assert extract_choice(f"{before}\n\n正确答案：{letter}", OPTIONS) == letter
    assert extract_choice(f"{before}\n\n\\boxed{{{letter}}}", OPTIONS) == letter


@given(text)
def test_what_is_thought_does_not_count(thought: str) -> None:
    assert extract_choice(f"<think>{thought}</think>\nAnswer: D", OPTIONS) == "D"
    assert read_choice(f"<think>{thought.replace('>', '')}", OPTIONS).reason == "no_answer"
    assert read_choice(f"{thought}</think>", OPTIONS).reason == "no_answer"


@pytest.mark.parametrize("form", FORMS)
def test_each_letter_is_read_in_each_form(form: str) -> None:
    assert [extract_choice(form.format(letter), TEN) for letter in TEN] == list(TEN)


@pytest.mark.parametrize("form", FORMS)
def test_a_letter_that_is_no_option_is_no_answer(form: str) -> None:
    assert read_choice(form.format("F"), OPTIONS).reason == "no_answer"


@pytest.mark.parametrize("form", FORMS)
def test_wide_letters_are_letters(form: str) -> None:
    assert extract_choice(form.format("Ｃ"), OPTIONS) == "C"


def test_the_span_is_where_the_statement_stands() -> None:
    reply = "**A** is wrong.\r\n\r\nThe  correct option is  **（Ｃ）**, not B."
    choice = read_choice(reply, OPTIONS)
    assert choice.letter == "C" and choice.span is not None
    assert reply[slice(*choice.span)] == "The  correct option is  **（Ｃ）"


def test_the_form_of_the_statement_is_told() -> None:
    told = {
        r"\boxed{C}": "box",
        "<answer>C</answer>": "tag",
        "Answer: C": "answer",
        "I choose C.": "choice",
        "So, C.": "conclusion",
        "C is the correct answer.": "verdict",
        "The exception is C.": "exception",
        "This matches option C.": "match",
        "C": "line",
    }
    assert {reply: read_choice(reply, OPTIONS).how for reply in told} == told


@pytest.mark.parametrize("unit", ADVERSARIAL)
def test_hundreds_of_kilobytes_of_anything_are_read_in_seconds(unit: str) -> None:
    reply = unit * (200_000 // len(unit))
    begun = time.process_time()
    read_choice(reply, OPTIONS)
    assert time.process_time() - begun < 10


@pytest.mark.parametrize("unit", ["the answer to ", r"\boxed{", "[[A]]", "选A或", "A. Ketamine\n"])
def test_ten_times_the_text_takes_about_ten_times_as_long(unit: str) -> None:
    def seconds(characters: int) -> float:
        reply = unit * (characters // len(unit))
        begun = time.process_time()
        read_choice(reply, OPTIONS)
        return time.process_time() - begun

    short = min(seconds(40_000) for _ in range(3))
    assert seconds(400_000) < 30 * max(short, 0.02)


def test_it_is_imported_without_anything_heavy() -> None:
    script = "import sys, anessuite.answers; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"polars", "numpy", "pyarrow", "pydantic", "numba", "prefect"} & set(loaded)
