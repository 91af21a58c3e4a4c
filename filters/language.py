"""Is the text written in the language that its source claims? Decided by script and by function words, not
by a model.

Scripts tell Chinese from Japanese and Korean, and Latin from all others; eight function words tell English
from the other languages in Latin letters. Traditional and Simplified Chinese are both Chinese.
"""

import polars as pl

MIN_SHARE = {"en": 0.7, "zh": 0.3}
"""Least share of the language's own letters among all letters.

en: our choice; pages in other scripts stay far below, English pages near 1.
zh: our choice; drug names, units and abbreviations are Latin letters. Of 1,104 encyclopedia paragraphs, 74
clinical cases and 1,000 medical dialogues one lies below (0.21, a list of English songs), the next has 0.38.
"""

FUNCTION_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""The stop words of Gopher's quality filter (Rae et al. 2021, appendix A.1.1)."""

MIN_FUNCTION_WORDS = 2
"""Distinct function words that an English text holds at least (Rae et al. 2021, appendix A.1.1)."""

MIN_WORDS_FOR_FUNCTION_WORDS = 50
"""Gopher's shortest page. Shorter texts are judged by script alone: in answers of 30 to 50 words, 43 of
16,412 English
question-answer pairs lack two function words, above 50 only 5."""

MAX_KANA_SHARE = 0.15
"""Share among letters; our choice. Japanese prose is about half kana; the Chinese texts above reach 0.083."""

MAX_HANGUL_SHARE = 0.15
"""Share among letters; our choice. Korean is nearly all hangul; the Chinese texts above reach 0.024."""

_NOT_LATIN = r"[\p{L}--\p{Latin}]"
_KANA = r"[\p{Hiragana}\p{Katakana}]"
_HANGUL = r"\p{Hangul}"
_MANY_WORDS = rf"(?:\S+\s+){{{MIN_WORDS_FOR_FUNCTION_WORDS - 1}}}\S"


def wrong_language(language: str, *, text: str = "text", min_share: float | None = None) -> pl.Expr:
    """ "wrong_language" where column `text` is not written in `language` ("en" or "zh"), else null.

    `min_share` replaces the language's entry in `MIN_SHARE`. A text without any letter (empty, numbers,
    emoji) is no evidence of another language and passes, as null does: what is too short or has no words is
    for `quality`.
    """
    if language not in MIN_SHARE:
        raise ValueError(f"unknown language {language!r}; known languages: {', '.join(sorted(MIN_SHARE))}")
    least = MIN_SHARE[language] if min_share is None else min_share
    column = pl.col(text)
    wrong = _not_english(column, least) if language == "en" else _not_chinese(column, least)
    return pl.when(wrong).then(pl.lit("wrong_language"))


def _not_english(text: pl.Expr, min_share: float) -> pl.Expr:
    # Letters are counted only where a foreign one occurs: a null costs nothing, and most English pages have
    # none.
    mixed = pl.when(text.str.contains(_NOT_LATIN)).then(text)
    foreign_share = mixed.str.count_matches(_NOT_LATIN) / _letters(mixed)
    found = pl.sum_horizontal(text.str.contains(rf"(?i)(?-u:\b){word}(?-u:\b)") for word in FUNCTION_WORDS)
    no_function_words = text.str.contains(_MANY_WORDS) & (found < MIN_FUNCTION_WORDS)
    return (foreign_share > 1 - min_share).fill_null(False) | no_function_words


def _not_chinese(text: pl.Expr, min_share: float) -> pl.Expr:
    # What is rare in Chinese text is counted, and the rest follows from the length: each match costs time.
    neighbour = pl.when(text.str.contains(rf"{_KANA}|{_HANGUL}")).then(text)
    kana_share = neighbour.str.count_matches(_KANA) / _letters(neighbour)
    hangul_share = neighbour.str.count_matches(_HANGUL) / _letters(neighbour)
    foreign_share = text.str.count_matches(r"[\p{L}--\p{Han}]") / _letters(text)
    wrong = (
        (foreign_share > 1 - min_share) | (kana_share > MAX_KANA_SHARE) | (hangul_share > MAX_HANGUL_SHARE)
    )
    return wrong.fill_null(False)


def _letters(text: pl.Expr) -> pl.Expr:
    """How many letters, null (no share) where there are none."""
    letters = text.str.len_chars() - text.str.count_matches(r"\P{L}")
    return letters.replace(0, None)
