"""Is a chain of thought worth learning from? Long enough, no loops, in the question's language, its own work.

Whether its answer is right, cut off or missing is decided elsewhere (`anessuite.sampling`). Each rule gives
its evidence, or null; the first one that has any names the reason. Thresholds were set on 957 traces of
DeepSeek-R1 (MedR-Bench, English) and one of m1, called "the traces" below, all of which pass. None is
Chinese: there the bounds are the same, two characters counted as a word.
"""

import json
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field

from anessuite.config import Config
from filters import reasoning_patterns as p
from filters.language import wrong_language
from filters.quality import Page, QualityRules, broken_characters

_LANGUAGES = ("en", "zh")
JUDGEMENT: dict[str, pl.DataType | type[pl.DataType]] = {"reason": pl.String, "evidence": pl.String}
_FIELDS = ("reasoning", "response")
_ROWS = 500
"""Rows whose n-grams are held at once: about 50 MB at 2,000 tokens a row."""
_GRAM = {"en": 20, "zh": 40}
"""Tokens (words, Chinese characters) of an n-gram. In the traces none occurs twice. 20 characters are an
option, which Chinese reasoning quotes before it judges it."""
_TAIL, _PROBE, _LEAST_RUN, _LEAST_TIMES = 8_000, 32, 160, 4
"""Characters read at the end; characters that have to come again; a run of repeats that is a loop."""
_MIN_HAN = 0.15
"""Of letters, as for questions: drug names and units are Latin, and English prose has its own bound."""
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class ReasoningRules(Config):
    """Thresholds. A word is one between blanks, or two Chinese characters."""

    min_words: int = Field(default=50, ge=0, description="the traces: 171 to 3,549, median 413; our choice")
    max_words: int = Field(default=8_000, ge=1, description="twice the longest trace; 11,000 tokens or so")
    max_repeated: float = Field(
        default=0.2, ge=0, le=1, description="share of 20-word n-grams seen before; the traces: none"
    )
    max_same_sentence: int = Field(
        default=6, ge=1, description="times that one sentence may stand; 3 in the traces"
    )
    min_sentence_words: int = Field(
        default=6, ge=1, description="a shorter one may come often: Wait, let me think again"
    )
    reasoning_language: Literal["same", "any", "en"] = Field(
        default="same", description="same as the question's, any, or English for all questions"
    )
    max_foreign: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="share of words in the other language; in Chinese: of English words in runs of six",
    )


def reasoning_judgement(
    language: str, rules: ReasoningRules, *, reasoning: str = "reasoning", response: str = "response"
) -> pl.Expr:
    """A struct of ``reason``, the first of those below or null, and ``evidence``, JSON on it or null.

    In order: no_reasoning, broken_characters, looping, reasoning_too_short, reasoning_too_long,
    wrong_reasoning_language, cites_key, meta_talk. Broken characters, loops, citing and meta talk are looked
    for in the response too (evidence names the ``field``); a null response has none. Raises ValueError for
    an unknown language.
    """
    if language not in _LANGUAGES:
        raise ValueError(f"unknown language {language!r}; known languages: {', '.join(_LANGUAGES)}")
    faults = _faults(language, rules)
    named = [pl.when(found.is_not_null()).then(pl.lit(name)) for name, found in faults.items()]
    judged = pl.struct(reason=pl.coalesce(named), evidence=pl.coalesce(list(faults.values())))

    def decide(rows: pl.Series) -> pl.Series:
        frame = rows.struct.unnest().with_columns(pl.col(_FIELDS).fill_null(""))
        loops = {f"{field}_loop": _loops(frame[field], rules, _GRAM[language]) for field in _FIELDS}
        measured = frame.with_columns(words=words(pl.col("reasoning")), **loops)
        return measured.select(judged.alias(rows.name))[rows.name]

    columns = pl.struct(pl.col(reasoning).alias("reasoning"), pl.col(response).alias("response"))
    mapped = columns.map_batches(decide, return_dtype=pl.Struct(JUDGEMENT), is_elementwise=True)
    return mapped.alias("judgement")


def reasoning_reason(
    language: str, rules: ReasoningRules, *, reasoning: str = "reasoning", response: str = "response"
) -> pl.Expr:
    """The reason alone; see :func:`reasoning_judgement`."""
    judgement = reasoning_judgement(language, rules, reasoning=reasoning, response=response)
    return judgement.struct.field("reason")


def words(text: pl.Expr) -> pl.Expr:
    """Words of alphabets and numbers, and half the Chinese characters."""
    return text.str.count_matches(p.WORD) + text.str.count_matches(p.HAN) // 2


def _faults(language: str, rules: ReasoningRules) -> dict[str, pl.Expr]:
    """Reason to evidence, which is null where the rule finds nothing; over the columns of `decide`."""
    text, count = pl.col("reasoning"), pl.col("words")
    counted = pl.struct(words=count).struct.json_encode()
    return {
        "no_reasoning": pl.when(text.str.strip_chars() == "").then(pl.lit("{}")),
        "broken_characters": pl.coalesce(_broken(field) for field in _FIELDS),
        "looping": pl.coalesce(f"{field}_loop" for field in _FIELDS),
        "reasoning_too_short": pl.when(count < rules.min_words).then(counted),
        "reasoning_too_long": pl.when(count > rules.max_words).then(counted),
        "wrong_reasoning_language": _wrong_language(language, rules),
        "cites_key": pl.coalesce(_quoted(field, p.CITES_KEY, but=p.NO_KEY) for field in _FIELDS),
        "meta_talk": pl.coalesce(_quoted(field, p.META_TALK) for field in _FIELDS),
    }


def _broken(field: str) -> pl.Expr:
    limits = QualityRules()
    found = broken_characters(
        Page.of(field), max_share=limits.max_broken_chars, min_count=limits.min_broken_chars
    )
    return pl.when(found.is_not_null()).then(pl.struct(field=pl.lit(field)).struct.json_encode())


def _quoted(field: str, pattern: str, *, but: str | None = None) -> pl.Expr:
    """The phrase found, outside what `but` finds, with its sentence around it."""
    hit = pl.when(pl.col(field).str.contains(pattern)).then(pl.col(field))
    if but is not None:
        masked = hit.str.replace_all(but, "~")
        hit = pl.when(masked.str.contains(pattern)).then(masked)
    phrase = hit.str.extract(rf"([^\n.!?。！？]{{0,60}}(?:{pattern})[^\n.!?。！？]{{0,60}})", 1)
    evidence = pl.struct(field=pl.lit(field), phrase=phrase.str.strip_chars()).struct.json_encode()
    return pl.when(hit.is_not_null()).then(evidence)


def _wrong_language(language: str, rules: ReasoningRules) -> pl.Expr:
    if rules.reasoning_language == "any":
        return pl.lit(None, pl.String)
    text, target = pl.col("reasoning"), "en" if rules.reasoning_language == "en" else language
    chinese = text.str.count_matches(p.HAN) / 2
    prose = text.str.replace_all(p.ENGLISH_RUN, "")
    english = text.str.count_matches(p.WORD) - (0 if target == "en" else prose.str.count_matches(p.WORD))
    share = pl.coalesce((chinese if target == "en" else english) / (chinese + english).replace(0, None), 0.0)
    script = wrong_language(target, text="reasoning", min_share=_MIN_HAN if target == "zh" else None)
    wrong = (share > rules.max_foreign) | script.is_not_null()
    evidence = pl.struct(expected=pl.lit(target), foreign=share.round(3), begins=text.str.head(80))
    return pl.when(wrong).then(evidence.struct.json_encode())


def _loops(texts: pl.Series, rules: ReasoningRules, size: int) -> pl.Series:
    """Evidence of a loop in each text, or null: n-grams, then sentences, then the end."""
    found: list[str | None] = []
    for part in pl.DataFrame({"text": texts}).iter_slices(_ROWS):
        part = part.with_row_index("row")
        ngrams, sentences = _repeated(part, size, rules.max_repeated), _same_sentence(part, rules)
        for row, text in part.iter_rows():
            loop = ngrams.get(row) or sentences.get(row) or _tail(text)
            found.append(json.dumps({"field": texts.name, **loop}, ensure_ascii=False) if loop else None)
    return pl.Series(found, dtype=pl.String)


def _repeated(part: pl.DataFrame, size: int, most: float) -> dict[int, dict[str, object]]:
    """Rows whose n-grams repeat, with the n-gram that does most. Compared as rolling hashes of 64 bits."""
    split = part.select("row", token=pl.col("text").str.to_lowercase().str.extract_all(p.TOKENS))
    tokens = split.filter(pl.col("token").list.len() >= size).explode("token")
    row, hashes = tokens["row"].to_numpy(), tokens["token"].hash().to_numpy()
    count = max(len(hashes) - size + 1, 0)
    rolled = np.zeros(count, dtype=np.uint64)
    for at in range(size):
        rolled = rolled * _MULTIPLIER + hashes[at : at + count]
    within = row[:count] == row[size - 1 :]
    grams = pl.DataFrame({"row": row[:count], "gram": rolled, "at": np.arange(count)}).filter(within)
    shares = grams.group_by("row").agg(share=1 - pl.col("gram").n_unique() / pl.len())
    looping = shares.filter(pl.col("share") > most)
    top = grams.join(looping, on="row").group_by("row", "gram", "share").agg(pl.len(), pl.col("at").min())
    top = top.sort("row", "len", "at", descending=[False, True, False]).unique("row", keep="first")
    return {
        row: {
            "repeated": round(share, 3),
            "phrase": _joined(tokens["token"].slice(at, size).to_list()),
            "times": times,
        }
        for row, share, times, at in top.select("row", "share", "len", "at").iter_rows()
    }


def _joined(tokens: list[str]) -> str:
    return ("" if all(len(token) == 1 for token in tokens) else " ").join(tokens)


def _same_sentence(part: pl.DataFrame, rules: ReasoningRules) -> dict[int, dict[str, object]]:
    """Rows where a sentence stands too often, with the one that does most."""
    flat = pl.col("text").str.to_lowercase().str.replace_all(p.SENTENCE_END, "\n").str.split("\n")
    sentences = part.select("row", sentence=flat).explode("sentence")
    counted = sentences.group_by("row", pl.col("sentence").str.strip_chars()).agg(pl.len())
    many = counted.filter(pl.col("len") > rules.max_same_sentence)
    many = many.filter(words(pl.col("sentence")) >= rules.min_sentence_words)
    many = many.sort("row", "len", "sentence", descending=[False, True, False]).unique("row", keep="first")
    return {row: {"phrase": sentence[:200], "times": times} for row, sentence, times in many.iter_rows()}


def _tail(text: str) -> dict[str, object] | None:
    """What the text says again and again up to its end, if it does, and how often."""
    tail = text[-_TAIL:].rstrip()
    if tail.rfind(tail[-_PROBE:], 0, -1) < 0:  # nearly every text: its end stands there once
        return None
    for period, reach in enumerate(_shared_prefixes(tail[::-1])):
        run = period + reach
        if period and reach >= _PROBE and run >= max(_LEAST_RUN, _LEAST_TIMES * period):
            return {"phrase": tail[-period:][:200], "times": run // period}
    return None


def _shared_prefixes(text: str) -> list[int]:
    """How many characters from each place on equal the text's beginning: the Z-function, in linear time."""
    shared, left, right = [0] * len(text), 0, 0
    for at in range(1, len(text)):
        reach = min(right - at, shared[at - left]) if at < right else 0
        while at + reach < len(text) and text[reach] == text[at + reach]:
            reach += 1
        shared[at] = reach
        if at + reach > right:
            left, right = at, at + reach
    return shared
