"""Can a multiple-choice question be used: whole, one right option, in its language, on the topic?

Rules read the columns ``question``, ``options`` (structs of letter and text), ``answer`` (the letter, or
null), ``stated`` (the answer as the source gives it) and ``language``.
"""

import string

import polars as pl
from pydantic import Field

from anessuite.config import Config
from filters.figure_references import refers_to_figure
from filters.keywords import KeywordRules, keyword_reason
from filters.language import wrong_language

SEVERAL = r"^\W*[A-Ja-j](?:[\s,，、;；/&+和与]*[A-Ja-j])+\W*$"
"""An answer of several letters: ABD, A,C, A和C."""
_DEBRIS = (
    "[\ufffd\ue000-\uf8ff]|â€|ï»¿|ï¿½|锟斤拷|烫烫烫|屯屯屯|Â[ \u00a0°±·]"
    "|Ã[\u0080-\u00bf\u0192\u02c6\u2013-\u203a\u20ac\u2122]"
    r"|&(?:amp|lt|gt|nbsp|quot|apos|#\d{2,5}|#x[0-9a-fA-F]{2,5});"
    r"|</?(?:p|br|div|span|font|sup|sub|strong|em|table|tr|td|th|ul|ol|li|img|h[1-6])(?:\s[^<>]*)?/?>"
)
"""Left of markup or of a wrong encoding, where the reader of the source could not put it right for sure."""
_MIN_HAN = 0.15
"""Of letters: in exam questions drug names, units and abbreviations are Latin."""


class ExamQuestionRules(Config):
    """Bounds for one question."""

    min_options: int = Field(default=2, ge=2)
    max_options: int = Field(default=10, ge=2, le=10, description="answers are read for A to J")


class TopicRules(Config):
    """What puts a question on the specialty: its subject, or the terms in its stem and options."""

    subjects: list[str] = Field(default=[], description="of the source, spelt as there, in any case")
    keywords: KeywordRules = KeywordRules(
        min_hits=1,
        min_core_hits=1,
        min_core=1,
        min_distinct=1,
        min_per_1000_chars=dict.fromkeys(("en", "zh"), 0),
    )


def exam_question_reason(language: str, rules: ExamQuestionRules) -> pl.Expr:
    """Why a question cannot be used, or null.

    In order: no_question, several_answers, no_gold_answer, answer_not_an_option, empty_option (a letter
    before the last one is missing), too_few_options, too_many_options, duplicate_options, debris,
    refers_to_figure, wrong_language.
    """
    answer, stated, options = pl.col("answer"), pl.col("stated").str.strip_chars(), pl.col("options")
    texts = options.list.eval(
        _less_one_capital(pl.element().struct.field("text"))
        .str.replace_all(r"\s+", " ")
        .str.strip_chars(" .。")
    )
    letters = options.list.eval(pl.element().struct.field("letter"))
    count = options.list.len()
    return pl.coalesce(
        _when(pl.col("question").str.strip_chars() == "", "no_question"),
        _when(answer.is_null() & stated.str.contains(SEVERAL), "several_answers"),
        _when(answer.is_null() & (stated == ""), "no_gold_answer"),
        _when(answer.is_null() | ~letters.list.contains(answer), "answer_not_an_option"),
        _when(letters.list.last() != _letter_of(count), "empty_option"),
        _when(count < rules.min_options, "too_few_options"),
        _when(count > rules.max_options, "too_many_options"),
        _when(texts.list.n_unique() < count, "duplicate_options"),
        _when(_has_debris(), "debris"),
        refers_to_figure(language),
        wrong_language(language, text="question", min_share=_MIN_HAN if language == "zh" else None),
    )


def _less_one_capital(text: pl.Expr) -> pl.Expr:
    """Only the first letter in lower case: genotypes such as DdRr and ddRr differ."""
    return pl.concat_str(text.str.slice(0, 1).str.to_lowercase(), text.str.slice(1))


def _letter_of(count: pl.Expr) -> pl.Expr:
    """The letter of the last of so many options; null for none."""
    return pl.when(count > 0).then(pl.lit(string.ascii_uppercase).str.slice(count.cast(pl.Int64) - 1, 1))


def _has_debris() -> pl.Expr:
    texts = pl.col("options").list.eval(pl.element().struct.field("text"))
    return pl.col("question").str.contains(_DEBRIS) | texts.list.join("\n").str.contains(_DEBRIS)


def off_topic(language: str, rules: TopicRules) -> pl.Expr:
    """``off_topic`` unless the subject is listed, or ``statistics`` (of the terms) pass the keyword rules."""
    named = [subject.strip().lower() for subject in rules.subjects]
    listed = pl.col("subject").str.strip_chars().str.to_lowercase().is_in(named)
    by_terms = keyword_reason(pl.col("statistics"), rules.keywords, language).is_null()
    return _when(~listed & ~by_terms, "off_topic")


def _when(condition: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(condition).then(pl.lit(reason))
