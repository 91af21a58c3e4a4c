"""Do the options of a question stand in an order that anybody would guess, or speak of their own order?

A test that compares orders of options takes the original order for one like the others. It is not where an
option refers to others ("all of the above", "both A and B") or where all options are numbers and sorted: a
model that has never seen such a question prefers that order, too.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

import polars as pl

NAMES_OTHERS, SORTED = "options_name_each_other", "options_in_order"

_LETTER = r"\(?[A-Ja-j]\)?[.)]?"
_JOINT = r"(?:\s*(?:,|;|/|&|\+|、|和|及|与|或)\s*|\s+(?:and|or|nor)\s+|\s*,\s*and\s+)"
_ONLY_LETTERS = re.compile(
    rf"(?:(?:both|either|neither|only|options?|choices?|answers?|all of)\s+)*{_LETTER}(?:{_JOINT}{_LETTER})+"
    r"(?:\s+(?:only|both|above|(?:is|are)\s+(?:correct|true|right|false|wrong)))*[.。]?"
    r"|(?:除|除了)?[A-Ja-j](?:[、,和及与或+]?[A-Ja-j])*(?:都|均|皆)?(?:是|对|不是|不对|正确|错误|以外).{0,4}",
    re.IGNORECASE,
)
_SPEAKS_OF_OTHERS = re.compile(
    r"(?:all|none|any|both|neither|either|each|some|two|three)\s+(?:of\s+)?(?:the\s+|these\s+|those\s+)*"
    r"(?:above|foregoing|preceding|options?|choices?|answers?|alternatives?|statements?)\b.*"
    r"|(?:all|none|any|both|neither)(?:\s+of\s+(?:these|those|them))?(?:\s+(?:is|are)\s+\w+)?[.!]?"
    r"|(?:the\s+)?(?:options?|choices?|answers?)\s+[A-J]\b.*"
    r"|.*\b(?:of the above|mentioned above|listed above)\b.*"
    r"|.*(?:以上|上述|前述).{0,4}(?:都|均|皆|全|各|所有|任何|答案|选项|说法|因素).*"
    r"|(?:所有|全部|以上).{0,6}(?:都|均|皆)?(?:是|对|正确|不是|不对|错误|不正确)"
    r"|(?:都|均|皆|全)(?:是|对|不是|不对|正确|不正确|错误|错|有|可以|不可以)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[<>≤≥~≈±]?\s*(-?\d+(?:[.,]\d+)?)")


def names_others(option: str) -> bool:
    """The option refers to other options, by letters or all at once."""
    text = option.strip()
    return bool(_ONLY_LETTERS.fullmatch(text) or _SPEAKS_OF_OTHERS.fullmatch(text))


def is_sorted(options: Sequence[str]) -> bool:
    """At least three options, each beginning with a number, and these only rise or only fall."""
    found = [_NUMBER.match(option.strip()) for option in options]
    numbers = [float(one[1].replace(",", ".")) for one in found if one]
    if len(numbers) < max(3, len(options)):
        return False
    steps = [after - before for before, after in pairwise(numbers)]
    return all(step > 0 for step in steps) or all(step < 0 for step in steps)


def order_fault(options: Sequence[str]) -> tuple[str, str] | None:
    """Why the order of these options is none like the others, with the option or options that show it."""
    for option in options:
        if names_others(option):
            return NAMES_OTHERS, option
    return (SORTED, " | ".join(options)) if is_sorted(options) else None


def ordered_options() -> tuple[pl.Expr, pl.Expr]:
    """Reason and evidence (a JSON object) of rows whose ``options`` (letter, text) have such an order."""
    judged = pl.col("options").map_batches(_judged, return_dtype=_VERDICT)
    reason = judged.struct.field("reason")
    evidence = pl.struct(option=judged.struct.field("option")).struct.json_encode()
    return reason, pl.when(reason.is_not_null()).then(evidence)


_VERDICT = pl.Struct({"reason": pl.String, "option": pl.String})


def _judged(options: pl.Series) -> pl.Series:
    faults = [order_fault([one["text"] for one in row or ()]) for row in options.to_list()]
    rows = [{"reason": fault[0], "option": fault[1]} if fault else None for fault in faults]
    none = {"reason": None, "option": None}
    return pl.Series(options.name, [row or none for row in rows], dtype=_VERDICT)
