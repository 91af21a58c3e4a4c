"""Rewards of GRPO: what earns one, what does not, and where none applies."""

import time
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.answers import extract_choice
from anessuite.export_solved import ASKED, verifiable
from anessuite.llm.replies import split_reasoning
from anessuite.training.rewards import (
    LAST_LINES,
    MAX_CHINESE,
    MIN_CHINESE,
    Conversation,
    Options,
    correctness,
    format_of_reply,
    same_language,
)

TEXTS = {"A": "Ketamine", "B": "Propofol", "C": "Etomidate", "D": "Midazolam"}
OPTIONS: Options = [{"letter": letter, "text": text} for letter, text in TEXTS.items()]
LISTED = "\n".join(f"{letter}. {text}" for letter, text in TEXTS.items())
THOUGHT = "<think>\nThe white one is an emulsion.\n</think>\n\n"
ENGLISH = "Propofol is an emulsion of soybean oil, which makes it white. "
CHINESE = "丙泊酚是一种脂肪乳剂，外观呈白色，起效快，苏醒迅速，常用于全身麻醉的诱导和维持，注射时可有疼痛。"


def correct(
    reply: Conversation, gold: str | None = "B", options: Options = OPTIONS, **more: Any
) -> float | None:
    return correctness([""], [reply], solution=[gold], options=[options], **more)[0]


def form(
    reply: Conversation, language: str | None = "en", options: Options = OPTIONS, **more: Any
) -> float | None:
    return format_of_reply([""], [reply], options=[options], language=[language], **more)[0]


def spoken(reply: Conversation, language: str | None) -> float | None:
    return same_language([""], [reply], language=[language])[0]


def said(content: str, **more: str) -> Conversation:
    return [{"role": "assistant", "content": content, **more}]


@pytest.mark.parametrize(
    "reply",
    [
        "Answer: B",
        "答案：B",
        "答案:B",
        "选B",
        "故选B。",
        "正确答案是（Ｂ）",
        "答案：Ｂ",
        "【答案】B",
        r"\boxed{B}",
        "The answer is (B).",
        "B. Propofol",
        "Propofol",
        "Answer: Propofol",
        "It is not A. It is not C either.\n\nAnswer: B",
        f"{LISTED}\n\nAnswer: B",
        "Answer: A\n\nWait, that is wrong. Answer: B",
        THOUGHT + "Answer: B",
        "The white one is an emulsion.\n</think>\n\nAnswer: B",
        "<think>Answer: A</think>Answer: B",
        "<think>a</think>\nAnswer: A\n<think>b</think>\nAnswer: B",
    ],
)
def test_the_gold_letter_is_rewarded_in_every_form_that_the_project_reads(reply: str) -> None:
    assert correct(reply) == correct(said(reply)) == 1.0


@pytest.mark.parametrize(
    "reply",
    [
        "",
        " \n",
        "It depends.",
        "I cannot answer this question.",
        "抱歉，我无法回答。",
        "Answer: A",
        "Answer: b or c",
        "Answer: A, B",
        "Answer: A/B/C/D",
        "A/B/C/D",
        "ABCD",
        "Answer: A\nAnswer: B\nAnswer: C\nAnswer: D",
        "The answer is A or B.",
        "答案：A或B",
        "答案：AB",
        "Answer: X",
        "答案：X",
        ASKED["en"],
        ASKED["zh"],
        LISTED,
        f"{LISTED}\n\n{ASKED['en']}",
        f"Which one is white?\n\n{LISTED}\n\n{ASKED['zh']}",
        "Answer: E",
        "Answer: Ketamine and Propofol",
        "Answer:",
        r"\boxed{}",
        "<think>Answer: B</think>",
        "<think>Answer: B",
        "<think>The answer is B.</think>\n\nIt is white.",
        THOUGHT,
        f"{THOUGHT}Answer: B\n<think>But perhaps",
        f"{THOUGHT}Answer: B\nNo, the answer is A.",
    ],
)
def test_no_single_gold_letter_after_the_reasoning_is_no_reward(reply: str) -> None:
    assert correct(reply) == correct(said(reply)) == 0.0


@pytest.mark.parametrize("gold", [None, "", "E", "b", "B. Propofol"])
def test_a_gold_answer_that_is_no_letter_of_the_options_is_not_judged(gold: str | None) -> None:
    assert correct("Answer: B", gold) is None
    assert correct("", gold) is None


def test_options_that_are_missing_or_share_a_letter_are_not_judged() -> None:
    twice: Options = [{"letter": "B", "text": "Ketamine"}, {"letter": "B", "text": "Propofol"}]
    broken: list[Options] = [None, [], twice, [{"letter": None, "text": "Propofol"}]]
    assert [correct("Answer: B", options=options) for options in broken] == [None] * 4
    assert [form("Answer: B", options=options) for options in broken] == [None] * 4


def test_options_without_text_are_known_by_their_letters() -> None:
    assert correct("Answer: B", options=[{"letter": "A", "text": None}, {"letter": "B", "text": None}]) == 1.0


def test_a_reply_that_was_cut_off_in_a_thought_which_the_template_opened_earns_nothing() -> None:
    cut = "The answer is B, or so it seems, but"
    assert correct(cut) == 1.0
    assert correct(cut, thought_is_open=[True]) == form(cut, thought_is_open=[True]) == 0.0
    whole = "It is white.\n</think>\n\nAnswer: B"
    assert correct(whole, thought_is_open=[True]) == form(whole, thought_is_open=[True]) == 1.0
    assert form(THOUGHT + "Answer: B", thought_is_open=[True]) == 1.0


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_in_a_field_of_its_own_is_reasoning(field: str) -> None:
    reply = said("Answer: B", **{field: "Not A. The answer is A."})
    assert (correct(reply), form(reply)) == (1.0, 1.0)
    cut = said("", **{field: "The answer is B."})
    assert (correct(cut), form(cut)) == (0.0, 0.5)
    assert spoken(said("Answer: B", **{field: CHINESE}), "en") == 0.0


def test_of_a_conversation_only_the_assistant_is_read() -> None:
    asked = [{"role": "user", "content": "Answer: A"}, {"role": "assistant", "content": "Answer: B"}]
    assert correct(asked) == 1.0
    assert correct([{"role": "assistant", "content": None}]) == 0.0
    assert correct([]) == 0.0


@given(
    st.one_of(st.text(max_size=80), st.text(alphabet="ABCDabcd ,.()：，答案是选Answer:\n", max_size=80)),
    st.sampled_from("ABCD"),
    st.sampled_from("ABCDEFXZ"),
)
def test_another_letter_at_the_end_never_keeps_the_reward(text: str, gold: str, other: str) -> None:
    reply = f"{THOUGHT}{text.replace('think>', '')}\n\nAnswer: "
    assert correct(reply + gold, gold) == 1.0
    assert correct(reply + other, gold) == float(other == gold)


@given(st.permutations(range(6)))
def test_the_order_of_a_batch_does_not_matter(order: list[int]) -> None:
    replies = ["Answer: B", "Answer: A", THOUGHT + "Answer: B", CHINESE + "答案：B", "", "<think>Answer: B"]
    columns: dict[str, list[Any]] = {
        "solution": ["B", "B", "A", "B", None, "B"],
        "options": [OPTIONS, OPTIONS, OPTIONS, OPTIONS, OPTIONS, None],
        "language": ["en", "zh", "en", "zh", "en", "de"],
    }
    shuffled = {name: [values[place] for place in order] for name, values in columns.items()}
    for reward in (correctness, format_of_reply, same_language):
        rewards = reward([""] * 6, replies, **columns)
        assert reward([""] * 6, [replies[place] for place in order], **shuffled) == [
            rewards[place] for place in order
        ]


def test_a_column_of_another_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        correctness(["", ""], ["Answer: B", "Answer: B"], solution=["B"], options=[OPTIONS, OPTIONS])


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_reply_is_read_as_in_the_making_of_the_data_sets(thought: str, response: str) -> None:
    reply = f"<think>{thought.replace('think>', '')}</think>\n\n{response.replace('think>', '')}"
    letter = extract_choice(split_reasoning(reply)[1], TEXTS)
    assert correct(reply) == float(letter == "B")


def test_the_last_lines_are_those_that_the_prompt_asks_for() -> None:
    assert {
        language: text.endswith(LAST_LINES[language].format("X")) for language, text in ASKED.items()
    } == {
        "en": True,
        "zh": True,
    }


@pytest.mark.parametrize(
    ("reply", "language", "reward"),
    [
        (THOUGHT + "Answer: B", "en", 1.0),
        (THOUGHT + "It is propofol.\n\nAnswer: C\n", "en", 1.0),
        (THOUGHT + "答案：B", "zh", 1.0),
        ("It is white.</think>Answer: B", "en", 1.0),
        (THOUGHT + "Answer: B", None, 1.0),
        (THOUGHT + "Answer: B", "zh", 0.5),
        (THOUGHT + "答案：B", "en", 0.5),
        (THOUGHT + "答案:B", "zh", 0.5),
        (THOUGHT + "Answer: B.", "en", 0.5),
        (THOUGHT + "**Answer: B**", "en", 0.5),
        (THOUGHT + "The Answer: B", "en", 0.5),
        (THOUGHT + "Answer: X", "en", 0.5),
        (THOUGHT + "Answer: A/B/C/D", "en", 0.5),
        (THOUGHT + "Answer: B\n\nI hope this helps.", "en", 0.5),
        (THOUGHT, "en", 0.5),
        ("Answer: B", "en", 0.5),
        ("<think></think>\nAnswer: B", "en", 0.5),
        ("<think>\n...\n</think>\nAnswer: B", "en", 0.5),
        ("Well. " + THOUGHT + "Answer: B", "en", 0.5),
        (THOUGHT + THOUGHT + "Answer: B", "en", 0.5),
        (THOUGHT + "</think>Answer: B", "en", 0.5),
        (THOUGHT + "Answer: B\n<think>More.", "en", 0.0),
        ("<think>It is white.\nAnswer: B", "en", 0.0),
        ("<think>\nAnswer: B\n</think>", "en", 0.5),
        ("It is propofol.", "en", 0.0),
        ("", "en", 0.0),
    ],
)
def test_half_the_form_is_the_reasoning_and_half_the_last_line(
    reply: str, language: str | None, reward: float
) -> None:
    assert form(reply, language) == form(said(reply), language) == reward


@pytest.mark.parametrize(
    ("reply", "language", "reward"),
    [
        (f"<think>{CHINESE}</think>\n\n答案：B", "zh", 1.0),
        (f"<think>{CHINESE}用propofol（TCI, BIS 40-60）。</think>\n\n选B，dexmedetomidine不对。", "zh", 1.0),
        (f"<think>{ENGLISH * 3}</think>\n\nAnswer: B", "en", 1.0),
        (f"<think>{ENGLISH * 5}（麻醉）</think>\n\nAnswer: B", "en", 1.0),
        ("Answer: B", "zh", 1.0),
        ("答案：B", "en", 1.0),
        (f"<think>{ENGLISH}</think>\n\n{CHINESE}答案：B", "zh", 0.0),
        (f"<think>{CHINESE * 9}</think>\n\n{ENGLISH}", "zh", 0.0),
        (f"<think>{CHINESE}{ENGLISH * 2}</think>\n\n答案：B", "zh", 0.0),
        (f"<think>{ENGLISH * 3}{CHINESE}</think>\n\nAnswer: B", "en", 0.0),
        (f"<think>{ENGLISH * 9}</think>\n\n{CHINESE}", "en", 0.0),
        (f"{ENGLISH}\n</think>\n\n{CHINESE}", "zh", 0.0),
        (f"<think>{ENGLISH}", "zh", 0.0),
        ("", "en", 0.0),
        ("42 …", "zh", 0.0),
        (ENGLISH, "de", None),
        (ENGLISH, None, None),
    ],
)
def test_reasoning_and_response_both_have_to_be_in_the_language_of_the_question(
    reply: str, language: str | None, reward: float | None
) -> None:
    assert spoken(reply, language) == spoken(said(reply), language) == reward


def test_the_bounds_of_a_language_are_reached_by_exactly_that_share() -> None:
    assert [spoken("字" * n + "x" * (100 - n), "zh") for n in (49, 50)] == [0.0, 1.0]
    assert [spoken("字" * n + "x" * (100 - n), "en") for n in (5, 6)] == [1.0, 0.0]
    assert (MIN_CHINESE, MAX_CHINESE) == (0.5, 0.05)


def test_what_the_export_holds_is_what_the_rewards_take() -> None:
    row = {"id": "1", "language": "en", "question": "Which is white?", "options": OPTIONS, "answer": "B"}
    columns = verifiable(pl.DataFrame([row | {"pass_rate": 0.5}])).to_dict(as_series=False)
    given = {name: values for name, values in columns.items() if name != "prompt"}
    replies = [said(THOUGHT + "Answer: B")]
    more = {"completion_ids": [[1, 2]], "trainer_state": None, "log_metric": print}
    for reward in (correctness, format_of_reply):
        assert reward(prompts=columns["prompt"], completions=replies, **given, **more) == [1.0]
    assert same_language(prompts=columns["prompt"], completions=replies, **given, **more) == [1.0]


@pytest.mark.parametrize("unit", ["<think>", "</think>", "<think>a", "…", "\n", "Answer: B\n", "麻"])
def test_long_replies_take_no_longer_than_their_length(unit: str) -> None:
    reply = unit * (100_000 // len(unit))
    begun = time.process_time()
    form(reply)
    spoken(reply, "zh")
    form(f"<think>{reply}")
    assert time.process_time() - begun < 1
