"""Is an answer grounded? Each number and each drug in it has to stand in the abstract or in the question.

A number is compared by its value: 1,200 = 1200, .5 = 0.5 = 0·5, 50 % = half, twelve = 12, 三分之一 = 1/3.
A drug is compared as an agent, by any of its names in English or Chinese (`filters/terms/agents.txt`). What
is left, the wording, is compared loosely: a share of the answer's content words has to occur in the abstract.
"""

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypedDict, Unpack

import orjson
import polars as pl
from pydantic import Field
from rapidfuzz import fuzz

from anessuite.config import Config
from filters.agents import Agents, read_agents
from filters.numbers import Number, claims, mentions
from filters.question import mentions_study, plain
from filters.question_patterns import FUNCTION_WORDS

MOST_EVIDENCE = 50
"""Numbers, agents and words named in one piece of evidence."""
GROUNDING: dict[str, Any] = {"reason": pl.String, "score": pl.Float64, "evidence": pl.String}


class GroundingRules(Config):
    """Thresholds, our choice unless said. Lengths are words in English, letters and digits in Chinese."""

    min_words: int = Field(default=3, ge=0, description="a bare yes or a name teaches little")
    max_words: int = Field(default=300, ge=1, description="a long abstract; more is not from it")
    min_chars: int = Field(default=5, ge=0, description="Chinese")
    max_chars: int = Field(default=600, ge=1, description="Chinese; two characters an English word")
    min_support: float = Field(
        default=0.35,
        ge=0,
        le=1,
        description="share of content words in the abstract; in PubMedQA 99 % of answers to another abstract "
        "lie below, and 11 % of a paper's own conclusions, which the abstract there lacks",
    )
    min_word_similarity: float = Field(default=85, ge=0, le=100, description="rapidfuzz ratio of two stems")
    allow_rounding: bool = Field(default=False, description="24 is grounded by 23.6")


class Given(TypedDict, total=False):
    """Columns under other names than these; agents other than those of `read_agents`."""

    question: str
    answer: str
    abstract: str
    agents: Agents


def grounding(language: str, rules: GroundingRules, **given: Unpack[Given]) -> pl.Expr:
    """A struct of the three below, ``reason``, ``score`` and ``evidence``, measured once.

    Raises ValueError for an unknown language.
    """
    if language not in ("en", "zh"):
        raise ValueError(f"unknown language {language!r}; known languages: en, zh")

    def decide(rows: pl.Series) -> pl.Series:
        agents = given.get("agents") or read_agents()
        return _judge(rows.struct.unnest(), language, rules, agents).to_struct(rows.name)

    columns = [pl.col(str(given.get(name, name))).alias(name) for name in ("question", "answer", "abstract")]
    judged = pl.struct(columns).map_batches(decide, return_dtype=pl.Struct(GROUNDING), is_elementwise=True)
    return judged.alias("grounding")


def grounding_reason(language: str, rules: GroundingRules, **given: Unpack[Given]) -> pl.Expr:
    """The first reason to drop the answer, or null.

    In order: answer_missing, answer_too_short, answer_too_long, answer_mentions_study, ungrounded_number,
    ungrounded_agent, unsupported_answer, answer_in_question. Numbers and agents are compared always, the
    wording (unsupported_answer) only where answer and abstract are in one language.
    """
    return grounding(language, rules, **given).struct.field("reason")


def grounding_score(language: str, rules: GroundingRules, **given: Unpack[Given]) -> pl.Expr:
    """Share of the answer's numbers, agents and content words that were found, 0 to 1; 0 if it has none."""
    return grounding(language, rules, **given).struct.field("score")


def grounding_evidence(language: str, rules: GroundingRules, **given: Unpack[Given]) -> pl.Expr:
    """JSON of what is missing: ``numbers``, ``agents``, ``words``, and ``support``; null if nothing is."""
    return grounding(language, rules, **given).struct.field("evidence")


def _judge(rows: pl.DataFrame, language: str, rules: GroundingRules, agents: Agents) -> pl.DataFrame:
    rows, answer, english = rows.fill_null(""), pl.col("plain"), language == "en"
    length = answer.str.count_matches(r"[^\s\p{P}]\S*" if english else r"[\p{L}\p{N}]")
    least, most = (rules.min_words, rules.max_words) if english else (rules.min_chars, rules.max_chars)
    no_answer = (length == 0) | answer.str.contains(_NO_ANSWER if english else _NO_ANSWER_ZH)
    reason = pl.coalesce(
        _reason("answer_missing", no_answer),
        _reason("answer_too_short", length < least),
        _reason("answer_too_long", length > most),
        mentions_study(language, answer, reason="answer_mentions_study"),
        _reason("ungrounded_number", pl.col("numbers") > 0),
        _reason("ungrounded_agent", pl.col("agents") > 0),
        _reason("unsupported_answer", pl.col("support") < rules.min_support),
        _reason("answer_in_question", pl.col("repeats")),
    )
    compared = pl.DataFrame(list(_compare(rows, language, rules, agents)), schema=_COMPARED, orient="row")
    judged = compared.with_columns(rows.select(plain=plain(pl.col("answer"))))
    return judged.select(reason.alias("reason"), "score", "evidence")


def _reason(name: str, wrong: pl.Expr) -> pl.Expr:
    return pl.when(wrong).then(pl.lit(name))


_COMPARED: dict[str, Any] = {"numbers": pl.Int64, "agents": pl.Int64, "support": pl.Float64}
_COMPARED |= {"repeats": pl.Boolean, "score": pl.Float64, "evidence": pl.String}
"""Numbers and agents that are missing; the share of words found; does the answer repeat the question?"""


def _compare(
    rows: pl.DataFrame, language: str, rules: GroundingRules, agents: Agents
) -> Iterator[tuple[int, int, float | None, bool, float, str | None]]:
    """One row of _COMPARED for each answer."""
    named = [agents.find(rows[column]) for column in ("answer", "question", "abstract")]
    texts = rows.select("answer", "question", "abstract").iter_rows()
    for (answer, question, abstract), claimed, *given in zip(texts, *named, strict=True):
        numbers, words = claims(answer), content(answer, language)
        values = mentions(question) | mentions(abstract) if numbers else frozenset[Fraction]()
        no_numbers = [number.text for number in numbers if not number.is_given(values, rules.allow_rounding)]
        no_agents = sorted(claimed.difference(*given))
        if abstract and _is_chinese(abstract) != (language == "zh"):
            words = []
        known = _known(abstract, language)
        no_words = [word for word in words if not _is_known(word, known, rules.min_word_similarity)]
        support = 1 - len(no_words) / len(words) if words else None
        missing = len(no_numbers) + len(no_agents) + len(no_words)
        checked = len(numbers) + len(claimed) + len(words)
        score = 1 - missing / checked if checked else 0.0
        repeats = not no_numbers and _repeats(question, answer, numbers, language)
        evidence = _evidence(no_numbers, no_agents, no_words, support) if missing else None
        yield len(no_numbers), len(no_agents), support, repeats, score, evidence


def _evidence(numbers: list[str], agents: list[str], words: list[str], support: float | None) -> str:
    some = {"numbers": numbers, "agents": agents, "words": words}
    shown = {name: missing[:MOST_EVIDENCE] for name, missing in some.items()}
    return orjson.dumps(shown | {"support": None if support is None else round(support, 3)}).decode()


def _repeats(question: str, answer: str, numbers: list[Number], language: str) -> bool:
    """Is each word and number of the answer in the question, and the question offers no choice?"""
    if _CHOICE.search(question) or not all(number.is_given(mentions(question)) for number in numbers):
        return False
    if language == "zh":
        own, asked = (set(content(text, "zh")) for text in (answer, question))
    else:  # all words: less and more, before and after make an answer
        own, asked = (set(map(stem, _WORD.findall(text.lower()))) for text in (answer, question))
    return bool(own) and own <= asked


def content(text: str, language: str) -> list[str]:
    """What a text says: stems of its English content words, or its pairs of Chinese characters."""
    if language == "zh":
        runs = _HAN_RUN.findall(_HAN_STOP.sub(" ", text))
        return list(dict.fromkeys(run[at : at + 2] for run in runs for at in range(len(run) - 1)))
    words = _LATIN.findall(unicodedata.normalize("NFKC", text).lower())
    return list(dict.fromkeys(stem(word) for word in words if word not in FUNCTION_WORDS))


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """A word without its usual ending, in American spelling: anaesthetized, anesthetizing -> anesthetiz."""
    return _ENDING.sub("", re.sub("our(?=s?$)", "or", re.sub("ae|oe", "e", word).replace("ph", "f")))


@lru_cache(maxsize=1024)
def _known(text: str, language: str) -> dict[str, set[str]]:
    """The content of a text by its first three letters."""
    known: dict[str, set[str]] = {}
    for word in content(text, language):
        known.setdefault(word[:3], set()).add(word)
    return known


def _is_known(word: str, known: dict[str, set[str]], min_similarity: float) -> bool:
    near = known.get(word[:3], set())
    return word in near or (len(word) > 3 and any(fuzz.ratio(word, each) >= min_similarity for each in near))


def _is_chinese(text: str) -> bool:
    return 3 * len(_HAN.findall(text)) > len(text) - text.count(" ")


_HAN = re.compile(r"[\u3400-\u9fff]")
_HAN_RUN = re.compile(r"[\u3400-\u9fff]{2,}")
_HAN_STOP = re.compile("[的了是在有为于和与及或其该此之者等被把由从到而则且也都均可能会对以]")
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[^\W\d_\u3400-\u9fff]{3,}")
_ENDING = re.compile(
    r"(?<=\w{4})(?:ations?|itions?|ings?|ions?|ive(?:s|ly)?|ally|ly|ed|es|s|e|y|al|ic|ia|is)$"
)
_CHOICE = re.compile(r"(?i)\b(?:or|which|between|versus|vs|than|compared)\b|哪|还是|或|相比")
_SOURCE = "(?:abstract|text|passage|article|paper|context|(?:provided|given) information)"
_UNSAID = "say|mention|specify|provide|state|report|contain|include|address|give|describe|discuss|indicate"
_SAID = "mentioned|specified|stated|provided|given|described|available"
_NO_ANSWER = "(?i)" + "|".join(
    (
        rf"\b{_SOURCE} (?:does|do|did)(?: not|n't) (?:{_UNSAID})",
        r"\bstud(?:y|ies) (?:does|do|did) not (?:mention|specify|state)",
        rf"\bnot (?:\w+ly )?(?:{_SAID}) in the (?:\w+ )?{_SOURCE}",
        r"(?:^|\bthere is )(?:no|not enough|insufficient) information\b",
        r"\b(?:cannot|can't) be (?:determined|answered|inferred) (?:from|based on) the\b",
        r"\bunable to (?:answer|determine)\b|\bI(?:'m| am) (?:sorry|unable)\b|\bas an AI\b",
        r"\bI (?:cannot|can't|do not|don't) (?:answer|know|determine)\b",
        r"^(?:it is )?(?:n/?a|none|unknown|unclear|no answer)\W*$",
        r"^(?:it is )?not (?:mentioned|specified|stated|reported|known)\W*$",
    )
)
_NO_ANSWER_ZH = (
    "(?:摘要|文[中章献]|原文|本文|资料|信息)[^。,，;；]{0,8}(?:未|没有|无法|不足)"
    "|(?:未|没有)(?:明确)?(?:提及|提到|说明|指出|报告|给出)[。.]?$|信息不足|无法(?:回答|得知|从|根据)"
    "|^[^。]{0,12}无法(?:确定|判断)[^。]{0,6}[。.]?$|^(?:不详|不清楚|未知|无)[。.]?$|抱歉|对不起"
)
