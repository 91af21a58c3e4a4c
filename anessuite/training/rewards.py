"""Rewards of GRPO on multiple-choice questions, as TRL calls them, of the columns of a ``trl-grpo`` export.

    >>> options = [{"letter": "A", "text": "Ketamine"}, {"letter": "B", "text": "Propofol"}]
    >>> correctness([""], ["<think>It is white.</think>\\n\\nAnswer: B"], solution=["B"], options=[options])
    [1.0]

Each takes a list of every column, one value a completion, and returns one reward a completion, in order. A
completion is a string or a conversation of which the assistant's messages are read; reasoning that the
tokenizer has put into a field of its own is read as in ``<think>``. No reward looks at another completion.

``thought_is_open`` says of each prompt whether the model's chat template ends it with ``<think>`` (the caller
knows the template). A reply then begins within its reasoning, and one that was cut off there has stated
nothing; without the column such a reply cannot be told from one without reasoning, and a letter that it
weighs may be taken for its answer.

None means in TRL (1.16, `trl.trainer.grpo_trainer`) that a reward does not apply: the sum and the means in
the logs go without it. A completion for which all rewards are None gets no advantage, and its group is
compared without it, but TRL warns of it and prints it. Where others apply, they alone decide, at full
strength once TRL has scaled the group. Better leave out questions that cannot be used than rely on None.
"""

import re
from collections.abc import Sequence
from typing import Any

from anessuite.answers import extract_choice
from anessuite.answers.chinese import HAN
from anessuite.llm.replies import split_reasoning

Conversation = str | list[dict[str, Any]]
Options = Sequence[dict[str, str | None]] | None
"""As exported: ``[{"letter": "A", "text": "Ketamine"}, ...]``."""

LAST_LINES = {"en": "Answer: {}", "zh": "答案：{}"}
"""The line that `anessuite.export_solved.ASKED` asks for, by language."""

MIN_LETTERS = 40
"""Letters of which the language can be told. Of 20,988 statements of an answer with its text, made of the
options of CMMLU's medical subjects (``答案：B. ...``), 1,063 have a share of Chinese below 0.5, of names and
formulas; the longest of these has 32 letters."""

MIN_CHINESE = 0.5
"""Least share of Chinese characters among the letters of a Chinese text. Measured: 206 solutions by GPT-4 of
Chinese exam questions have 0.72 or more, 690 answers in medical dialogues 0.54 or more, and of 201 answers on
CMB's clinical cases one lies below (0.36, three English terms in 141 letters), the next has 0.58. Such
solutions of which the second half is English have 0.14 to 0.26, and of 2,148 English explanations
(MedMCQA) that quote four Chinese options two reach 0.5."""

MAX_CHINESE = 0.05
"""Most of it in an English text. It is 0 in all 957 traces of DeepSeek-R1, thoughts and answers, in 2,188
explanations and 4,183 questions of MedMCQA and in 1,273 of MedQA; this leaves room for a quoted term."""

_OPEN, _CLOSE = "<think>", "</think>"
_APART = ("reasoning_content", "reasoning", "thinking")
"""Fields of a message for reasoning, as tokenizers name them (`trl.chat_template_utils`)."""
_WORD = re.compile(r"\w")


def correctness(
    prompts: Sequence[Any],
    completions: Sequence[Conversation],
    *,
    solution: Sequence[str | None],
    options: Sequence[Options],
    thought_is_open: Sequence[bool] | None = None,
    **_: Any,
) -> list[float | None]:
    """1.0 where the reply settles on the letter ``solution``, else 0.0.

    What it settles on is what `anessuite.answers` reads after the reasoning, as in the making and scoring of
    the data sets: an option's text stands for its letter. No answer, several letters, a refusal, an answer in
    the reasoning alone and a reply that ends within its reasoning earn nothing. Of a reply that was cut off
    after it, what it says counts; `mask_truncated_completions` of TRL leaves those out.

    None where the question cannot be used: ``solution`` is null or no letter of ``options``, or there are
    none, or a letter twice.
    """
    replies = _replies(completions, thought_is_open)
    return [
        _is_correct(reply, gold, _texts(given))
        for reply, gold, given in zip(replies, solution, options, strict=True)
    ]


def format_of_reply(
    prompts: Sequence[Any],
    completions: Sequence[Conversation],
    *,
    options: Sequence[Options],
    language: Sequence[str | None],
    thought_is_open: Sequence[bool] | None = None,
    **_: Any,
) -> list[float | None]:
    """Half for reasoning in one ``<think>`` block that begins the reply and holds a word; half for a last
    line after it that is ``Answer: X`` (``答案：X`` to a Chinese question) to the letter, X being an option.

    In halves, since a model that has yet to learn both seldom shows both at once, and a group of replies that
    are all alike teaches nothing. Neither half depends on which letter it is.

    None where the options cannot be read.
    """
    replies = _replies(completions, thought_is_open)
    return [
        _form(reply, _texts(given), told)
        for reply, given, told in zip(replies, options, language, strict=True)
    ]


def same_language(
    prompts: Sequence[Any],
    completions: Sequence[Conversation],
    *,
    language: Sequence[str | None],
    thought_is_open: Sequence[bool] | None = None,
    **_: Any,
) -> list[float | None]:
    """1.0 where both reasoning and response are in the question's language, else 0.0.

    By the share of Chinese characters among letters (`MIN_CHINESE`, `MAX_CHINESE`), so that other languages
    in Latin letters pass for English. A part of fewer than `MIN_LETTERS` letters is not judged; a reply
    without any letter is in no language. None where ``language`` is neither en nor zh.
    """
    replies = _replies(completions, thought_is_open)
    return [_is_in(reply, told) for reply, told in zip(replies, language, strict=True)]


def _is_correct(reply: str, gold: str | None, options: dict[str, str]) -> float | None:
    return float(extract_choice(reply, options) == gold) if gold in options else None


def _form(reply: str, options: dict[str, str], language: str | None) -> float | None:
    if not options:
        return None
    after = "" if reply.rfind(_OPEN) > reply.rfind(_CLOSE) else reply.rpartition(_CLOSE)[2]
    asked = LAST_LINES.get(language or "en", LAST_LINES["en"])
    is_stated = after.rstrip().rpartition("\n")[2] in {asked.format(letter) for letter in options}
    return 0.5 * _is_thought_through(reply) + 0.5 * is_stated


def _is_thought_through(reply: str) -> bool:
    before, _, rest = reply.partition(_OPEN)
    thought, closed, after = rest.partition(_CLOSE)
    is_one = bool(closed) and not before.strip() and _OPEN not in rest and _CLOSE not in after
    return is_one and _WORD.search(thought) is not None


def _is_in(reply: str, language: str | None) -> float | None:
    if language not in LAST_LINES:
        return None
    if not any(map(str.isalpha, reply)):
        return 0.0
    return float(all(_is_written_in(part, language) for part in split_reasoning(reply)))


def _is_written_in(text: str, language: str) -> bool:
    letters = sum(map(str.isalpha, text))
    if letters < MIN_LETTERS:
        return True
    share = len(HAN.findall(text)) / letters
    return share >= MIN_CHINESE if language == "zh" else share <= MAX_CHINESE


def _texts(options: Options) -> dict[str, str]:
    """Text by letter; empty if there are no options, or a letter twice."""
    texts = {option["letter"]: option["text"] or "" for option in options or () if option["letter"]}
    return {str(letter): text for letter, text in texts.items()} if len(texts) == len(options or ()) else {}


def _replies(completions: Sequence[Conversation], thought_is_open: Sequence[bool] | None) -> list[str]:
    """Each as one text, its reasoning in ``<think>``, also where the template has opened it."""
    opened = [False] * len(completions) if thought_is_open is None else thought_is_open
    return [_reply(completion, is_open) for completion, is_open in zip(completions, opened, strict=True)]


def _reply(completion: Conversation, is_open: bool) -> str:
    messages = [{"content": completion}] if isinstance(completion, str) else completion
    spoken = [message for message in messages if message.get("role", "assistant") == "assistant"]
    text = "".join(map(_text, spoken))
    begins_inside = is_open or _CLOSE in text.partition(_OPEN)[0]
    return f"{_OPEN}{text}" if begins_inside and not text.lstrip().startswith(_OPEN) else text


def _text(message: dict[str, Any]) -> str:
    thought = next((message[name] for name in _APART if message.get(name)), None)
    said = message.get("content") or ""
    return said if thought is None else f"{_OPEN}\n{thought}\n{_CLOSE}\n\n{said}"
