"""The choices of a question as sources write them, and which of them its answer names.

>>> [choice.text for choice in choices_in([{"key": "A", "value": "pH &lt; 7"}, {"key": "B", "value": "7.4"}])]
['pH < 7', '7.4']
"""

import math
import re
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from anessuite.sources.jsonl import storable
from anessuite.sources.markup import plain
from anessuite.sources.mojibake import mended

_LABELS = ("key", "label", "letter", "id")
_TEXTS = ("value", "text", "option", "content")
_LETTER = re.compile(r"[(\[【]?\s*([A-Z])\s*[)\]】.,、:。]?")
_NUMBER = re.compile(r"(-?\d{1,9})(?:\.0+)?")

_IMAGE = re.compile(r"<img\b[^<>]{0,2000}>", re.IGNORECASE)
IMAGE = "[image]"
"""Stands where a source shows an image, so that a question about it is known by it."""
_OFFICE_TAG = re.compile(r"</?[a-z]{1,3}:[a-z]{1,20}(?:\s[^<>]{0,200})?/?>", re.IGNORECASE)
_BARE_SPACE = re.compile(r"&nbsp(?![\w;])")
_MOST_LAYERS = 4
"""Of escapes around escapes (``&amp;lt;``)."""

Kind = Literal["number", "letter", "text"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice. ``label`` is what the source calls it (``A``, ``1``; empty if nothing), ``text`` is empty
    where the source gives none."""

    letter: str
    label: str
    text: str


def text_of(value: Any) -> str:
    """A cell as plain text; empty for null, for what is not a number (NaN) and for nested values.

    Markup goes, also where it was escaped once too often; damaged encoding is mended where that is sure.
    """
    if isinstance(value, str):
        return _cleaned(mended(storable(value) or ""))
    is_text = isinstance(value, (bool, int)) or (isinstance(value, float) and not math.isnan(value))
    return str(value) if is_text else ""


def _cleaned(text: str) -> str:
    for _ in range(_MOST_LAYERS):
        marked = text
        if "<" in text:
            marked = _OFFICE_TAG.sub("", _IMAGE.sub(f" {IMAGE} ", text))
        better = plain(_BARE_SPACE.sub(" ", marked))
        if better == text:
            break
        text = better
    return text


def choices_in(value: Any) -> list[Choice]:
    """The choices in one cell: a list of texts, a list of mappings with a key (or label) and a value (or
    text), a mapping from letter to text, or one of these as JSON."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return []
    if isinstance(value, Mapping):
        return _lettered((str(key), text_of(text)) for key, text in value.items())
    if isinstance(value, list):
        return _lettered(map(_labelled, value))
    return []


def choices_from(values: Iterable[Any]) -> list[Choice]:
    """The choices in several cells, one each."""
    return _lettered(("", text_of(value)) for value in values)


def _labelled(element: Any) -> tuple[str, str]:
    if not isinstance(element, Mapping):
        return "", text_of(element)
    label = next((element[name] for name in _LABELS if name in element), "")
    return text_of(label), text_of(next((element[name] for name in _TEXTS if name in element), None))


def _lettered(pairs: Iterable[tuple[str, str]]) -> list[Choice]:
    """Letters of the source's own, sorted, where it has any; else A, B, ... in the given order."""
    given = list(pairs)
    named = {letter: Choice(letter, letter, text) for label, text in given if (letter := _letter(label))}
    if named:
        return [named[letter] for letter in sorted(named)]
    if len(given) > len(string.ascii_uppercase):
        return []
    letters = string.ascii_uppercase[: len(given)]
    return [Choice(letter, label, text) for letter, (label, text) in zip(letters, given, strict=True)]


def _letter(value: Any) -> str | None:
    """The letter that ``B``, ``b``, ``(B)``, ``B.`` and the like stand for."""
    if not isinstance(value, str):
        return None
    found = _LETTER.fullmatch(unicodedata.normalize("NFKC", value).strip().upper())
    return found[1] if found else None


def is_stated(answer: Any) -> bool:
    """False for null, blank, NaN and the number -1, which stands for "unknown" in published test sets."""
    if isinstance(answer, (int, float)):
        return not (math.isnan(answer) or answer == -1)
    return answer is not None and not (isinstance(answer, str) and not answer.strip())


def _number(answer: Any) -> int | None:
    if isinstance(answer, str):
        found = _NUMBER.fullmatch(answer.strip())
        return int(found[1]) if found else None
    is_whole = isinstance(answer, float) and answer.is_integer()
    return int(answer) if is_whole or (isinstance(answer, int) and not isinstance(answer, bool)) else None


def letters_of(answers: Sequence[Any], choices: Sequence[list[Choice]], *, base: int) -> list[str | None]:
    """The letter that each answer of one column names among its question's choices; None if it names none.

    The column as a whole tells how to read it, since ``B`` and ``3`` may be texts of choices too: numbers
    counted from ``base`` if every answer is a number, letters if most are letters, else texts. A choice
    without text is not named by anything, nor is one of two choices with the same text by that text.
    """
    named = choices_named(answers, choices, base=base)
    return [choice.letter if choice and choice.text else None for choice in named]


def choices_named(
    answers: Sequence[Any], choices: Sequence[list[Choice]], *, base: int
) -> list[Choice | None]:
    """As `letters_of`, but the choice itself, also one without text."""
    kind = _kind(answers, choices)
    return [_named(answer, own, kind, base) for answer, own in zip(answers, choices, strict=True)]


def fitting_base(answers: Sequence[Any], choices: Sequence[list[Choice]], *, base: int) -> int | None:
    """0 or 1, if counting from it lets every answer name a choice and counting from ``base`` does not."""
    if _kind(answers, choices) != "number":
        return None
    counted = [
        (number, {choice.letter for choice in own})
        for answer, own in zip(answers, choices, strict=True)
        if is_stated(answer) and (number := _number(answer)) is not None and not _by_label(answer, own)
    ]

    def fits(base: int) -> bool:
        return all(_letter_at(number - base) in letters for number, letters in counted)

    return None if fits(base) else next((other for other in (0, 1) if fits(other)), None)


def _kind(answers: Sequence[Any], choices: Sequence[list[Choice]]) -> Kind:
    stated = [(answer, own) for answer, own in zip(answers, choices, strict=True) if is_stated(answer)]
    if all(_number(answer) is not None for answer, _ in stated):
        are_texts = all(isinstance(answer, str) and _by_text(answer, own) for answer, own in stated)
        return "text" if are_texts else "number"
    return "letter" if sum(_letter(answer) is not None for answer, _ in stated) * 2 > len(stated) else "text"


def _named(answer: Any, choices: list[Choice], kind: Kind, base: int) -> Choice | None:
    if not is_stated(answer):
        return None
    if kind == "number" or not isinstance(answer, (str, bool)):
        return _by_label(answer, choices) or _by_place(answer, choices, base)
    if kind == "letter":
        return _by_label(answer, choices) or _by_text(answer, choices)
    return _by_text(answer, choices) or _by_label(answer, choices)


def _by_label(answer: Any, choices: list[Choice]) -> Choice | None:
    label = text_of(answer)
    own = next((choice for choice in choices if choice.label and choice.label == label), None)
    return own or next((choice for choice in choices if choice.letter == _letter(answer)), None)


def _by_place(answer: Any, choices: list[Choice], base: int) -> Choice | None:
    number = _number(answer)
    letter = None if number is None else _letter_at(number - base)
    return next((choice for choice in choices if choice.letter == letter), None)


def _letter_at(place: int) -> str | None:
    return string.ascii_uppercase[place] if 0 <= place < len(string.ascii_uppercase) else None


def _by_text(answer: Any, choices: list[Choice]) -> Choice | None:
    text = _folded(text_of(answer))
    same = [choice for choice in choices if choice.text and _folded(choice.text) == text]
    return same[0] if len(same) == 1 else None


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
