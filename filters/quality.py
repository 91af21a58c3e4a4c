"""Is the text prose worth keeping? Rules of Gopher and C4, measured on whole pages, for English and Chinese.

Gopher is Rae et al. 2021 (arXiv 2112.11446; quality filter in appendix A.1.1, repetition in table A1), C4 is
Raffel et al. 2020 (arXiv 1910.10683, section 2.2). C4 drops lines and
every page with a curly bracket; these rules judge pages, by shares. Gopher's top n-gram rules are left out:
they need every word n-gram of a page, several times the cost of all rules here. English is counted in words
(runs split at white space), Chinese in characters.

A rule is a function from a `Page` and its thresholds to an expression whose value is the reason, or null.
"""

from dataclasses import dataclass
from typing import Annotated, Self

import polars as pl
from pydantic import BaseModel, Field

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
_LANGUAGES = ("en", "zh")


class QualityRules(BaseModel, extra="forbid", frozen=True):
    """Thresholds; a share lies between 0 and 1, and a page is dropped beyond it, not at it."""

    min_chars_en: Count = Field(default=200, description="About 35 words; Gopher wants 50")
    min_chars_zh: Count = Field(default=80, description="As much as 200 English characters; our choice")
    max_chars: Count = Field(default=600_000, description="Gopher: 100,000 words, at six characters a word")
    min_mean_word_chars: Count = Field(default=3, description="Gopher; English only")
    max_mean_word_chars: Count = Field(default=10, description="Gopher; English only")
    max_symbols_per_word: Share = Field(
        default=0.1, description="Gopher: '#', ellipses; Chinese: per 2 characters"
    )
    max_bullet_lines: Share = Field(default=0.9, description="Gopher: lines that begin with a bullet")
    max_ellipsis_lines: Share = Field(default=0.3, description="Gopher: lines that end in an ellipsis")
    min_alphabetic_words: Share = Field(default=0.5, description="Gopher: 0.8; lists of doses reach 0.57")
    min_alphabetic_chars: Share = Field(default=0.8, description="Gopher, by character; Chinese only")
    max_duplicate_lines: Share = Field(default=0.3, description="Gopher, table A1: lines seen before")
    max_duplicate_line_chars: Share = Field(default=0.2, description="Gopher, table A1: their characters")
    max_duplicate_paragraphs: Share = Field(default=0.3, description="Gopher, table A1")
    min_lines: Count = Field(default=5, description="Shares of lines judge no shorter page; our choice")
    max_boilerplate_lines: Share = Field(default=0.3, description="C4 drops lines on cookies, terms, privacy")
    max_javascript_lines: Share = Field(default=0.1, description="C4 drops lines that ask for JavaScript")
    max_curly_brackets: Share = Field(default=0.02, description="C4 drops any; code has 2 %, formulas less")
    max_broken_chars: Share = Field(default=0.002, description="Damaged places per character; ours")
    min_broken_chars: Count = Field(default=3, description="Fewer damaged places always pass; our choice")


@dataclass(frozen=True, slots=True)
class Page:
    """What the rules measure on a page, as expressions; all of them null where the text is null."""

    text: pl.Expr
    clean: pl.Expr
    """The text between two newlines; blank lines removed, each run of white space one space or one
    newline."""
    lines: pl.Expr
    paragraphs: pl.Expr
    """The text split at blank lines."""
    chars: pl.Expr
    words: pl.Expr

    @classmethod
    def of(cls, text: str = "text") -> Self:
        """Measured from column `text` at each use: for a rule or two."""
        column, clean = pl.col(text), _clean(pl.col(text))
        return cls(column, clean, _lines(clean), _paragraphs(column), column.str.len_chars(), _words(clean))

    @classmethod
    def measured(cls) -> Self:
        """Read from the columns that `measure` adds: for all rules at once."""
        return cls(*(pl.col(name) for name in ("text", "clean", "lines", "paragraphs", "chars", "words")))

    @property
    def line_count(self) -> pl.Expr:
        return self.lines.list.len()


def measure(texts: pl.Series) -> pl.DataFrame:
    """The columns of `Page.measured`: each is computed once, whatever reads it (polars may not)."""
    text, clean = pl.col("text"), pl.col("clean")
    frame = texts.alias("text").to_frame().with_columns(clean=_clean(text))
    return frame.with_columns(
        lines=_lines(clean), paragraphs=_paragraphs(text), chars=text.str.len_chars(), words=_words(clean)
    )


def quality_reason(language: str, rules: QualityRules, *, text: str = "text") -> pl.Expr:
    """The first reason to drop the page in column `text`, or null; the order is the order of the rules below.

    A null text is "too_short". The rules run on whole batches over measures that they share.
    """
    if language not in _LANGUAGES:
        raise ValueError(f"unknown language {language!r}; known languages: {', '.join(_LANGUAGES)}")
    reason = pl.coalesce(_rules(language, rules, Page.measured())).alias("reason")

    def decide(texts: pl.Series) -> pl.Series:
        return measure(texts).select(reason)["reason"].alias(texts.name)

    return pl.col(text).map_batches(decide, return_dtype=pl.String, is_elementwise=True)


def _rules(language: str, rules: QualityRules, page: Page) -> list[pl.Expr]:
    """All rules of a language in their order: size, damage, warnings, shape, repetition."""
    english = language == "en"
    lines, words = rules.min_lines, page.words if english else page.chars / 2
    by_word = few_alphabetic_words(page, min_share=rules.min_alphabetic_words)
    by_char = few_alphabetic_chars(page, min_share=rules.min_alphabetic_chars)
    alphabetic = by_word if english else by_char
    word_length = mean_word_length(page, low=rules.min_mean_word_chars, high=rules.max_mean_word_chars)
    return [
        too_short(page, min_chars=rules.min_chars_en if english else rules.min_chars_zh),
        too_long(page, max_chars=rules.max_chars),
        broken_characters(page, max_share=rules.max_broken_chars, min_count=rules.min_broken_chars),
        lorem_ipsum(page),
        javascript_warning(page, max_share=rules.max_javascript_lines),
        curly_brackets(page, max_share=rules.max_curly_brackets),
        boilerplate(page, max_share=rules.max_boilerplate_lines),
        *([word_length] if english else []),
        too_many_symbols(page, words, max_per_word=rules.max_symbols_per_word),
        alphabetic,
        mostly_bullets(page, max_share=rules.max_bullet_lines, min_lines=lines),
        mostly_ellipses(page, max_share=rules.max_ellipsis_lines, min_lines=lines),
        no_terminal_punctuation(page),
        duplicate_lines(
            page,
            max_share=rules.max_duplicate_lines,
            max_chars=rules.max_duplicate_line_chars,
            min_lines=lines,
        ),
        duplicate_paragraphs(page, max_share=rules.max_duplicate_paragraphs, min_lines=lines),
    ]


def too_short(page: Page, *, min_chars: int) -> pl.Expr:
    """Fewer than `min_chars` characters (a run of white space is one), or null; an empty page is always too
    short."""
    return _reason("too_short", (page.clean.str.len_chars() < min_chars + 2).fill_null(True))


def too_long(page: Page, *, max_chars: int) -> pl.Expr:
    return _reason("too_long", page.chars > max_chars)


def broken_characters(page: Page, *, max_share: float, min_count: int) -> pl.Expr:
    """Replacement characters, control characters, and UTF-8 or GBK read in the wrong encoding."""
    broken = page.text.str.count_matches(_BROKEN)
    return _reason("broken_characters", broken > pl.max_horizontal(max_share * page.chars, min_count - 1))


def lorem_ipsum(page: Page) -> pl.Expr:
    return _reason("lorem_ipsum", page.text.str.contains("(?i)lorem ipsum"))


def javascript_warning(page: Page, *, max_share: float) -> pl.Expr:
    warnings = _lines_with(page.text, _JAVASCRIPT, hint=_JAVASCRIPT_HINT)
    return _reason("javascript_warning", warnings > max_share * _line_units(page))


def curly_brackets(page: Page, *, max_share: float) -> pl.Expr:
    brackets = page.text.str.count_matches("[{}]")
    return _reason("curly_brackets", brackets > max_share * page.chars)


def boilerplate(page: Page, *, max_share: float) -> pl.Expr:
    notices = _lines_with(page.text, _BOILERPLATE, hint=_BOILERPLATE_HINT)
    return _reason("boilerplate", notices > max_share * _line_units(page))


def mean_word_length(page: Page, *, low: float, high: float) -> pl.Expr:
    """Reasons "short_words" and "long_words": mean characters a word outside `low` to `high`."""
    mean = (page.clean.str.len_chars() - page.words - 1) / page.words.replace(0, None)
    return pl.when(mean < low).then(pl.lit("short_words")).when(mean > high).then(pl.lit("long_words"))


def too_many_symbols(page: Page, words: pl.Expr, *, max_per_word: float) -> pl.Expr:
    """Hash signs or ellipses (each asked alone, as Gopher does) per word."""
    hashes = page.text.str.count_matches("#", literal=True)
    ellipses = page.text.str.count_matches(r"\.{3,}|…+")
    return _reason("too_many_symbols", pl.max_horizontal(hashes, ellipses) > max_per_word * words)


def few_alphabetic_words(page: Page, *, min_share: float) -> pl.Expr:
    """English: too few words hold a letter. Runs of words without one are cut out and the rest is counted."""
    alphabetic = _words(page.clean.str.replace_all(r"[ \n](?:[^\p{L} \n]+[ \n])+", "\n"))
    return _reason("few_alphabetic_words", alphabetic < min_share * page.words)


def few_alphabetic_chars(page: Page, *, min_share: float) -> pl.Expr:
    """Chinese: too few characters are letters (Han included), digits, punctuation or white space."""
    other = page.text.str.count_matches(r"[^\p{L}\p{M}\p{N}\p{P}\s]")
    return _reason("few_alphabetic_chars", other > (1 - min_share) * page.chars)


def mostly_bullets(page: Page, *, max_share: float, min_lines: int) -> pl.Expr:
    bullets = page.clean.str.count_matches(r"\n[-*•●▪■◦‣·–]")
    return _reason("mostly_bullets", (bullets > max_share * page.line_count) & (page.line_count >= min_lines))


def mostly_ellipses(page: Page, *, max_share: float, min_lines: int) -> pl.Expr:
    ellipses = page.clean.str.count_matches(r"(?:\.\.\.|…)\n")
    many = ellipses > max_share * page.line_count
    return _reason("mostly_ellipses", many & (page.line_count >= min_lines))


def no_terminal_punctuation(page: Page) -> pl.Expr:
    """Not one sentence ends: C4 keeps only lines that end in a terminal mark."""
    return _reason("no_terminal_punctuation", ~page.text.str.contains(_TERMINAL))


def duplicate_lines(page: Page, *, max_share: float, max_chars: float, min_lines: int) -> pl.Expr:
    """Too many lines, or characters in lines, repeat an earlier line of the page; blank lines do not
    count."""
    unique = page.lines.list.unique()
    share = 1 - unique.list.len() / page.line_count
    chars = 1 - unique.list.join("").str.len_bytes() / page.lines.list.join("").str.len_bytes()
    repeated = (share > max_share) | (chars > max_chars)
    return _reason("duplicate_lines", repeated & (page.line_count >= min_lines))


def duplicate_paragraphs(page: Page, *, max_share: float, min_lines: int) -> pl.Expr:
    """Too many paragraphs (split at blank lines) repeat an earlier one."""
    paragraphs = page.paragraphs.list.len()
    share = 1 - page.paragraphs.list.n_unique() / paragraphs
    return _reason("duplicate_paragraphs", (share > max_share) & (paragraphs >= min_lines))


_TERMINAL = r"""\.["'”’)\]]*(?:\s|\z)|[!?…。！？；]"""

_BROKEN = (
    "\ufffd+|(?:锟斤拷)+|烫烫烫+|屯屯屯+"
    "|Ã[\u0080-\u00bfƒ‚„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|Â[\u00a0-\u00bf]|â€"
    "|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
"""One match a damaged place, however long. The letters after Ã are bytes 80 to BF as Latin-1 or
Windows-1252."""

_JAVASCRIPT = (
    r"javascript (?:is |has been |must be |seems to be |needs to be )?(?:currently )?"
    r"(?:disabled|turned off|not enabled|enabled|required|not supported)"
    r"|(?:enable|activate|turn on|without|requires?|use) javascript|(?:启用|开启|打开|支持)\s?javascript"
)

_JAVASCRIPT_HINT = "avascript|avaScript|AVASCRIPT"
"""Plain literals, searched ten times faster than a pattern that ignores case; only pages with one are
searched."""

_BOILERPLATE = (
    r"terms (?:of (?:use|service)|and conditions|& conditions)|privacy (?:policy|notice|statement)"
    r"|cookie (?:policy|notice)|us(?:e|es|ing|e of) (?:\w+ )?cookies|accept (?:all )?cookies"
    r"|all rights reserved"
    r"|使用\s?cookies?|隐私(?:政策|声明|权)|用户协议|服务条款|版权所有|icp备"
)


_BOILERPLATE_HINT = (
    "ookie|OOKIE|rivacy|RIVACY|erms of|erms Of|erms and|erms And|erms &|TERMS|eserved|ESERVED"
    "|隐私|用户协议|服务条款|版权所有|ICP备|icp备"
)


def _clean(text: pl.Expr) -> pl.Expr:
    # Only the white space that web text holds: a longer class costs four times as much.
    spaced = pl.concat_str(pl.lit("\n"), text, pl.lit("\n")).str.replace_all("[\t\r\u00a0\u3000]+", " ")
    return spaced.str.replace_all(" {2,}", " ").str.replace_all(r" ?\n[ \n]*", "\n")


def _lines(clean: pl.Expr) -> pl.Expr:
    return clean.str.strip_chars("\n").str.split("\n")


def _paragraphs(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars().str.replace_all(r"\n\s*\n", "\u2029").str.split("\u2029")


def _words(clean: pl.Expr) -> pl.Expr:
    return clean.str.count_matches(r"[ \n]") - 1


def _lines_with(text: pl.Expr, pattern: str, *, hint: str) -> pl.Expr:
    """How many lines hold the pattern; a null costs nothing, so pages without the hint become null first."""
    hinted = pl.when(text.str.contains(hint)).then(text)
    return hinted.str.count_matches(rf"(?i)(?:{pattern})[^\n]*").fill_null(0)


def _line_units(page: Page) -> pl.Expr:
    """Lines, but at least one for every 200 characters: pages without line breaks are one long line."""
    return pl.max_horizontal(page.line_count, page.chars / 200)


def _reason(name: str, wrong: pl.Expr) -> pl.Expr:
    return pl.when(wrong).then(pl.lit(name))
