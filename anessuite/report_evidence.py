"""Evidence of a dropped question or answer, as a person reads it.

Told apart by its form, not by the reason: what a model said instead of an answer, its verdict, what the
abstract does not bear out, what a pair repeats or gives away. Anything else is shown as names and values.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from anessuite.excerpts import Span
from anessuite.pages import Html, escape, percent
from anessuite.removals import Removal, clipped, counted, found_in

VERDICTS = ("relevant", "answerable", "unambiguous")
MISSING = {"numbers": "numbers", "agents": "drugs", "words": "wording"}
"""Lists of what an answer has and its abstract has not, and what they are called."""
_NAMES = {
    "mesh": "main subjects (MeSH)",
    "terms": "different terms of the lexicon",
    "core": "those of the specialty itself",
    "by": "newest form",
}
"""Plain names of values in evidence."""
_MOST, _MOST_TEXT = 40, 2000


@dataclass(frozen=True, slots=True)
class Shown:
    """Marks in question and answer, and what stands below them (HTML)."""

    question: tuple[Span, ...] = ()
    answer: tuple[Span, ...] = ()
    below: str = ""
    ungrounded: bool = False
    """What is marked in the answer is what the abstract does not bear out."""


def evidence_of(row: Mapping[str, Any], repeated: Mapping[str, str]) -> Shown:
    """Read the evidence of a rejected row; ``repeated`` has the questions of other rows by id."""
    text = row["evidence"]
    try:
        content = json.loads(text or "{}")
    except ValueError:
        content = None
    if not isinstance(content, dict):
        return Shown(below=_facts([str(text)]))
    if "reply" in content or "detail" in content:
        return Shown(below=_reply(content))
    if any(isinstance(content.get(name), bool) for name in VERDICTS):
        return Shown(below=_verdict(content))
    if any(isinstance(content.get(name), list) for name in MISSING):
        spans = tuple(_missing_spans(row["answer"] or "", content))
        return Shown(answer=spans, below=_missing(content), ungrounded=True)
    if "repeats" in content:
        return Shown(below=_repeats(content, repeated))
    return _given_away(row, content) if "items" in content else Shown(below=_facts(_others(content)))


def _reply(content: Mapping[str, Any]) -> str:
    reply, detail = (str(content.get(name) or "") for name in ("reply", "detail"))
    said = f'<pre class="wrapped" dir="auto">{escape(reply[:_MOST_TEXT])}</pre>' if reply else ""
    head = "The model replied:" if reply else "There was no text in the reply."
    told = [f"The server said: {detail}" if detail else "", *_others(content, "reply", "detail")]
    return f'<p class="facts">{head}</p>{said}{_facts(told)}'


def _verdict(content: Mapping[str, Any]) -> str:
    chips = " · ".join(
        f"{name}: yes" if content[name] else f'<span class="bad">{name}: no</span>'
        for name in VERDICTS
        if isinstance(content.get(name), bool)
    )
    why = content.get("reason")
    said = said_by_model(str(why)) if why else ""
    return f'<p class="facts">{chips}</p>{said}{_facts(_others(content, "reason", *VERDICTS))}'


def said_by_model(text: str) -> Html:
    """A model's sentence, as a quotation."""
    return Html(f'<blockquote dir="auto">{escape(clipped(text, _MOST_TEXT))}</blockquote>')


def _missing(content: Mapping[str, Any]) -> str:
    lists = [(name, _texts(content.get(key))) for key, name in MISSING.items()]
    found = [f"{name} {', '.join(texts)}" for name, texts in lists if texts]
    head = f"<b>Not found:</b> {escape('; '.join(found))}" if found else "All of it was found"
    support = _share(content.get("support"))
    told = [f"{support} of the wording was found" if support else "", *_others(content, "support", *MISSING)]
    rest = "".join(f" · {escape(each)}" for each in told if each)
    return f'<p class="facts">{head}{rest}</p>'


def _missing_spans(answer: str, content: Mapping[str, Any]) -> Iterable[Span]:
    """Where the missing ones stand in the answer; words faintly, as they are stems of what was written."""
    for name, noun in MISSING.items():
        for text in _texts(content.get(name)):
            for match in re.finditer(_pattern(text, is_stem=name == "words"), answer, re.IGNORECASE):
                yield Span(*match.span(), noun, counted=name != "words")


def _pattern(text: str, *, is_stem: bool) -> str:
    """Finds a text as an answer may have written it: 1200 as 1,200, 0.5 as 0·5, a stem with its ending."""
    if not text.strip():
        return r"(?!)"
    if text[0].isdigit():
        exact = r"\s*".join(map(re.escape, text.split()))
        loose = re.sub(r"(?<=\d)(?=\d)", "[, ]?", exact).replace(r"\.", "[.·]")
        return rf"(?<![\d.·]){loose}(?![.,·]?\d)"
    if not text.isascii():
        return re.escape(text)
    return rf"\b{re.escape(text)}" + (r"\w*" if is_stem else r"\b")


def _repeats(content: Mapping[str, Any], repeated: Mapping[str, str]) -> str:
    other, similarity = str(content["repeats"]), _share(content.get("similarity"))
    near = f", {similarity} alike" if similarity else ""
    question = repeated.get(other)
    rest = _facts(_others(content, "repeats", "similarity"))
    if question is None:
        return f'<p class="facts">{escape(f"Repeats the row {other}{near}.")}</p>{rest}'
    told = f'<p class="facts">{escape(f"Repeats a question that stays{near}:")}</p>'
    return f"{told}{said_by_model(question)}{rest}"


def _given_away(row: Mapping[str, Any], content: dict[str, Any]) -> Shown:
    """What question and answer, in two lines, have in common with a question of a benchmark."""
    question, answer = row["question"] or "", row["answer"] or ""
    found = found_in(Removal(str(row["id"]), f"{question}\n{answer}", row["reason"], content))
    if not found.shares:
        return Shown(below=_facts(found.facts))
    first, line = found.shares[0], len(question) + 1
    benchmark, item = first.key
    told = [
        f"Gives away question {clipped(item, 120)} of {clipped(benchmark, 120)}",
        *([f"{percent(first.coverage)} of its stem"] if first.coverage is not None else []),
        f"longest match {counted(first.longest, 'character')}",
        *(["the correct option, too"] if first.answer_found else []),
        *([f"and {counted(found.others, 'question')} more"] if found.others else []),
    ]
    passages = first.passages
    return Shown(
        tuple(Span(each.start, min(each.end, line - 1)) for each in passages),
        tuple(Span(max(each.start - line, 0), each.end - line) for each in passages),
        _facts([*told, *first.facts, *found.facts]),
    )


def _others(content: Mapping[str, Any], *known: str) -> list[str]:
    return [
        f"{_NAMES.get(name, name.replace('_', ' '))}: {_value(value)}"
        for name, value in list(content.items())[:_MOST]
        if name not in known
    ]


def _value(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(map(str, value[:_MOST])) or "none"
    elif isinstance(value, float):
        value = f"{value:.3g}"
    return clipped(str(value), _MOST_TEXT)


def _share(value: Any) -> str:
    """A share in percents; empty for anything else."""
    is_share = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return percent(value) if is_share else ""


def _texts(value: Any) -> list[str]:
    return [str(each)[:100] for each in value[:_MOST]] if isinstance(value, list) else []


def _facts(told: Iterable[str]) -> str:
    text = " · ".join(each for each in told if each)
    return f'<p class="facts">{escape(text)}</p>' if text else ""
