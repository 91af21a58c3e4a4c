"""Can a multiple-choice question be asked without its options?"""

import polars as pl

_PATTERNS = {
    "en": r"(?i)\b(except|following|which of these|statements?|not true|false|incorrect|least likely"
    r"|all of the|(?:is|are|does|do|would|should) (?:not|NOT))\b",
    "zh": "以下|下列|下述|除|不正确|错误|不包括|哪项|哪一项|哪种说法|不属于|不是",
}
"""Stems that choose among what is not said in them, and those that ask what is not. Our choice, after the
stems of MedMCQA, MedQA and CMMLU: a stem that is asked in vain costs a wrong answer, one left out nothing."""


def needs_options(*, text: str = "question", language: str = "language") -> pl.Expr:
    """ "needs_options" where the stem says little without its options, else null."""
    found = [
        (pl.col(language) == name) & pl.col(text).str.contains(pattern) for name, pattern in _PATTERNS.items()
    ]
    return pl.when(pl.any_horizontal(found)).then(pl.lit("needs_options"))
