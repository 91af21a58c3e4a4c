"""Is a generated question worth keeping? It has to ask one thing, stand by itself, and want more than yes.

Questions are written from an abstract and read without it: one that points at the paper ("in this study",
"group A", "What is its half-life?") cannot be answered. Rules are patterns over the question in its plain
form, run in Rust; phrases that only look like a fault are masked first ("trial of labor", "blood group A").
Only `copied_sentence` reads the abstract.
"""

import polars as pl
from pydantic import Field
from rapidfuzz.distance import LCSseq

from anessuite.config import Config
from filters import question_patterns as p
from filters.language import wrong_language

_LANGUAGES = ("en", "zh")


class QuestionRules(Config):
    """Thresholds, all our choice. Lengths are words in English; Chinese: characters without punctuation."""

    min_words: int = Field(default=3, ge=0, description="'What causes hypercapnia?' is the shortest kept")
    max_words: int = Field(default=60, ge=1, description="1,000 PubMedQA questions have 31 at most")
    min_chars: int = Field(default=7, ge=0, description="Chinese; 丙泊酚如何代谢 is the shortest kept")
    max_chars: int = Field(default=120, ge=1, description="Chinese; two characters an English word")
    min_han_share: float = Field(default=0.15, ge=0, le=1, description="zh: of letters; drug names are Latin")
    accept_tasks: bool = Field(default=True, description="exam style: Describe, List, Explain; 简述, 列举")
    accept_yes_no: bool = Field(default=False, description="keep questions that yes or no answers")
    max_asked: int = Field(default=2, ge=1, description="questions joined in a sentence: what is X, and why")
    min_copied: float = Field(
        default=0.95, gt=0, le=1, description="share of a sentence's words that copies it"
    )
    min_copied_words: int = Field(default=8, ge=1, description="a shorter sentence is no copy; zh: twice")
    max_shared_words: int = Field(default=30, ge=1, description="longest run from the abstract; zh: twice")


def question_reason(
    language: str, rules: QuestionRules, *, question: str = "question", abstract: str = "abstract"
) -> pl.Expr:
    """The first reason to drop the question, or null.

    In order: wrong_language, not_a_question, question_too_short, question_too_long, several_questions,
    mentions_study, missing_subject, yes_no_only, copied_sentence. A null or blank question is
    "not_a_question"; a null abstract is never copied. Raises ValueError for an unknown language.
    """
    if language not in _LANGUAGES:
        raise ValueError(f"unknown language {language!r}; known languages: {', '.join(_LANGUAGES)}")
    by_pattern = pl.coalesce(_rules(language, rules)).alias("reason")

    def decide(rows: pl.Series) -> pl.Series:
        frame = rows.struct.unnest().with_columns(plain(pl.col("question"))).with_columns(by_pattern)
        verdicts = iter(_copies(frame.filter(pl.col("reason").is_null()), language, rules))
        return pl.Series([reason or next(verdicts) for reason in frame["reason"]], dtype=pl.String)

    columns = pl.struct(pl.col(question).alias("question"), pl.col(abstract).alias("abstract"))
    return columns.map_batches(decide, return_dtype=pl.String, is_elementwise=True).alias("reason")


def plain(text: pl.Expr) -> pl.Expr:
    """NFKC, straight quotes and hyphens, single blanks, no number in front; null becomes empty."""
    straight = text.fill_null("").str.normalize("NFKC").str.replace_all("[‘’`´]", "'")
    straight = straight.str.replace_all("[“”]", '"').str.replace_all("[‐‑‒–—−]", "-")
    return straight.str.replace_all(r"\s+", " ").str.strip_chars(" ").str.replace(p.NUMBERING, "")


def mentions_study(language: str, text: pl.Expr, *, reason: str = "mentions_study") -> pl.Expr:
    """`reason` where a `plain` text points at the paper it comes from, or null.

    "A study of ...", "the study of pharmacology" and named trials ("the POISE trial") point at none.
    """
    if language == "zh":
        return _reason(reason, text.str.replace_all(p.NO_STUDY_ZH, "~").str.contains(p.STUDY_ZH))
    found = text.str.replace_all(p.NO_STUDY, "~").str.contains(p.STUDY) | text.str.contains(p.STUDY_OF_SOME)
    return _reason(reason, found)


def missing_subject(language: str, text: pl.Expr) -> pl.Expr:
    """ "missing_subject" where a `plain` question leaves open what it is about, or null.

    That is a pronoun, "these" or "the drug" with nothing before it but function words and nouns that any
    question may hold (dose, effect, risk); a question of such words alone; groups that it does not define.
    """
    if language == "zh":
        grouped = text.str.replace_all(p.NO_GROUP_ZH, "~").str.contains(p.GROUP_ZH)
        open_ = text.str.contains(p.POINTS_ZH) | text.str.contains(p.EMPTY_ZH)
        return _reason("missing_subject", grouped | open_)
    grouped = text.str.replace_all(p.NO_GROUP, "~").str.contains(p.GROUP)
    defined = text.str.contains(r"(?i)\b(?:group|arm)s?\b[^?,;]{0,20}[(:=]")
    points = text.str.replace(p.LEAD, "").str.replace_all(p.NO_POINTER, "~").str.contains(p.POINTS)
    return _reason("missing_subject", (grouped & ~defined) | points | text.str.contains(p.EMPTY))


def yes_no_only(language: str, text: pl.Expr) -> pl.Expr:
    """ "yes_no_only" where the main clause begins with is, does, can ... and asks no more, or null."""
    if language == "zh":
        asks_more = text.str.replace_all("任何", "~").str.contains(p.WH_ZH)
        return _reason("yes_no_only", text.str.contains(p.YES_NO_ZH) & ~asks_more)
    asked = text.str.replace_all(p.POLITE, "explain")
    begins = asked.str.extract(p.CLAUSE, 1).is_not_null()
    other = asked.str.contains(rf"(?i)\b(?:{p.WH})\b|{p.TASK}") | asked.str.extract(p.CLAUSE, 2).is_not_null()
    by_tone = asked.str.contains(rf"(?i)\b(?:{p.AUX})\b") & ~other
    return _reason("yes_no_only", (begins | by_tone) & ~asked.str.contains(p.ASKS_MORE))


def not_a_question(language: str, text: pl.Expr, *, accept_tasks: bool) -> pl.Expr:
    """ "not_a_question", or null for a question or, if accepted, an exam task ("Describe ...", 简述).

    In English a question has its mark, and an interrogative or an auxiliary ("A role for ketamine?" is a
    heading); in Chinese it has its mark or an interrogative.
    """
    if language == "zh":
        asks, task = (
            text.str.contains(rf"\?|{p.WH_ZH}|{p.YES_NO_ZH}"),
            text.str.contains(p.TASK_ZH),
        )
    else:
        asks = text.str.contains(r"\?") & text.str.contains(rf"(?i)\b(?:{p.WH}|when|where|{p.AUX})\b")
        task = text.str.replace_all(p.POLITE, "explain").str.contains(rf"(?i){p.TASK}")
    return _reason("not_a_question", ~(asks | task) if accept_tasks else ~asks | task)


def several_questions(language: str, text: pl.Expr, *, max_asked: int) -> pl.Expr:
    """ "several_questions" where there are two question marks, or more than `max_asked` questions joined."""
    joined = text.str.count_matches(p.JOINED_ZH if language == "zh" else p.JOINED)
    return _reason("several_questions", (text.str.count_matches(r"\?[?!\s]*") > 1) | (joined > max_asked))


def _rules(language: str, rules: QuestionRules) -> list[pl.Expr]:
    text, english = pl.col("question"), language == "en"
    length = text.str.count_matches(r"[^\s\p{P}]\S*" if english else r"[\p{L}\p{N}]")
    least, most = (rules.min_words, rules.max_words) if english else (rules.min_chars, rules.max_chars)
    return [
        wrong_language(language, text="question", min_share=None if english else rules.min_han_share),
        not_a_question(language, text, accept_tasks=rules.accept_tasks),
        _reason("question_too_short", length < least),
        _reason("question_too_long", length > most),
        several_questions(language, text, max_asked=rules.max_asked),
        mentions_study(language, text),
        missing_subject(language, text),
        *([] if rules.accept_yes_no else [yes_no_only(language, text)]),
    ]


def _reason(name: str, wrong: pl.Expr) -> pl.Expr:
    return pl.when(wrong).then(pl.lit(name))


def _copies(rows: pl.DataFrame, language: str, rules: QuestionRules) -> list[str | None]:
    """ "copied_sentence" where a question holds a whole sentence of its abstract, or a long run of it."""
    scale = 1 if language == "en" else 2
    least, run = rules.min_copied_words * scale, rules.max_shared_words * scale
    verdicts = []
    for question, abstract in rows.select("question", pl.col("abstract").fill_null("")).iter_rows():
        asked, text = p.TOKEN.findall(question.lower()), abstract.lower()
        most = len(asked) / rules.min_copied  # a longer sentence cannot be in the question
        sentences = (p.TOKEN.findall(each) for each in p.STOP.split(text)) if most >= least else ()
        copied = any(
            least <= len(words) <= most and LCSseq.similarity(asked, words) >= rules.min_copied * len(words)
            for words in sentences
        )
        copied = copied or (len(asked) > run and _shares_run(asked, p.TOKEN.findall(text), run + 1))
        verdicts.append("copied_sentence" if copied else None)
    return verdicts


def _shares_run(own: list[str], other: list[str], length: int) -> bool:
    text = f" {' '.join(other)} "
    return any(f" {' '.join(own[at : at + length])} " in text for at in range(len(own) - length + 1))
