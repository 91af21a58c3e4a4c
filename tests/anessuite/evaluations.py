"""An invented evaluation, drawn by a seed: questions of two languages and three levels, and answers."""

import random
from collections.abc import Sequence
from typing import Any

import polars as pl

from anessuite.evaluation_schemas import ANSWER, ASKED_QUESTION
from anessuite.leaderboard import leaderboard_page
from anessuite.published_scores import published_scores
from anessuite.schemas import empty
from anessuite.scores import scores

LEVELS = ("system1", "system1.x", "system2")
SIZES: dict[str, float | None] = {"tiny-1b": 1.0, "small-8b": 8.0, "large-70b": 70.0, "nameless": None}
_SKILLS = {"tiny-1b": 0.1, "small-8b": 0.4, "large-70b": 0.7, "nameless": 0.5}
_STEMS = {
    "en": (
        "A 63-year-old patient with severe aortic stenosis is given spinal anesthesia. What is the first "
        "measure when the mean arterial pressure falls to 48 mmHg?",
        "Which drug reverses rocuronium within three minutes?",
        "How does hypothermia change the minimum alveolar concentration of sevoflurane?",
    ),
    "zh": (
        "患者，男，58岁，拟行腹腔镜胆囊切除术，气腹后气道压骤升至42 cmH2O，血氧饱和度下降。首先应考虑什么？",
        "下列哪种局部麻醉药的心脏毒性最大？",
        "恶性高热的首选治疗药物是",
    ),
}
_OPTIONS = {
    "en": (
        "Phenylephrine",
        "Sugammadex",
        "It falls by 4 to 5 % per degree",
        "Neostigmine with glycopyrrolate",
    ),
    "zh": ("气管导管误入右主支气管", "布比卡因", "丹曲林", "利多卡因"),
}
_WORDS = {
    "en": ["the", "patient's", "pressure", "falls", "as", "vascular", "tone", "is", "lost", "so", "give"],
    "zh": list("患者血压下降是由于血管张力丧失因此应首先给予升压药物然后补液"),
}


def questions(count: int = 24, *, languages: Sequence[str] = ("en", "zh"), seed: int = 7) -> pl.DataFrame:
    """ASKED_QUESTION: ``count`` of each language, levels in turn."""
    draw = random.Random(seed)
    rows = [_question(draw, language, number) for language in languages for number in range(count)]
    return pl.DataFrame(rows, schema=empty(ASKED_QUESTION).schema)


def _question(draw: random.Random, language: str, number: int) -> dict[str, Any]:
    texts = draw.sample(_OPTIONS[language], k=4)
    return {
        "id": f"{language}{draw.getrandbits(40):010x}",
        "language": language,
        "level": LEVELS[number % 3],
        "question": f"{draw.choice(_STEMS[language])} ({number})",
        "options": [{"letter": letter, "text": text} for letter, text in zip("ABCD", texts, strict=True)],
        "answer": draw.choice("ABCD"),
        "source": "exam",
        "source_id": f"{language}-{number}",
        "subject": "anesthesia",
    }


def answers(
    asked: pl.DataFrame,
    *,
    models: Sequence[str] = tuple(SIZES),
    samples: int = 1,
    orders: int = 1,
    words: int = 60,
    seed: int = 7,
) -> pl.DataFrame:
    """ANSWER of each model to each question, style ``cot``; large models and low levels do best."""
    draw = random.Random(seed)
    rows = [
        _answer(draw, question, model, order, attempt, words)
        for question in asked.iter_rows(named=True)
        for model in models
        for order in range(orders)
        for attempt in range(1, samples + 1)
    ]
    return pl.DataFrame(rows, schema=empty(ANSWER).schema)


def _answer(
    draw: random.Random, question: dict[str, Any], model: str, order: int, attempt: int, words: int
) -> dict[str, Any]:
    hard = LEVELS.index(question["level"] or "system1")
    chance = _SKILLS.get(model, 0.5) + 0.25 - 0.12 * hard
    gold = question["answer"]
    verdict = (
        "correct"
        if draw.random() < chance
        else draw.choices(("wrong", "no_answer", "truncated", "refused", "request_failed"), (80, 8, 8, 2, 2))[
            0
        ]
    )
    others = [letter for letter in "ABCD" if letter != gold]
    letter = gold if verdict == "correct" else draw.choice(others) if verdict == "wrong" else None
    length = draw.randint(words // 2, words * (2 + hard))
    tokens = 0 if verdict == "request_failed" else length + 20
    joint = " " if question["language"] == "en" else ""
    text = joint.join(draw.choices(_WORDS[question["language"]], k=length)) if tokens else ""
    return {
        "id": f"{question['id']}/{model}/{order}/{attempt}",
        "question_id": question["id"],
        "language": question["language"],
        "level": question["level"],
        "source": question["source"],
        "model": model,
        "style": "cot",
        "order": order,
        "attempt": attempt,
        "verdict": verdict,
        "letter": letter,
        "shown_letter": letter,
        "shown_gold": gold,
        "form": "answer_is" if letter else "none",
        "reply_language": question["language"] if tokens else None,
        "reasoning": text,
        "response": f"{text[:80]} ... the answer is {letter}." if letter else text[:80],
        "finish_reason": "length" if verdict == "truncated" else "stop",
        "prompt_tokens": 120,
        "completion_tokens": tokens,
        "cost": tokens * 2e-6,
        "votes": None,
        "request": "",
    }


HOSTILE = (
    '</script><script>window.struck = 1</script><img src=x onerror="window.struck = 2">\u202egnp.exe\x00 & "'
)
_NOT_PUBLISHED = published_scores().clear()


def board(
    asked: pl.DataFrame,
    given: pl.DataFrame,
    *,
    published: pl.DataFrame = _NOT_PUBLISHED,
    **options: Any,
) -> str:
    """The leaderboard of these frames, with the scores that follow from them."""
    found = scores(given, SIZES)
    return leaderboard_page("evaluation@2026.12.01", found, published, [asked], [given], **options)


def hostile() -> tuple[pl.DataFrame, pl.DataFrame]:
    """A question, a model and replies whose every text is hostile."""
    asked = questions(1, languages=["en"]).with_columns(
        question=pl.lit(HOSTILE),
        source=pl.lit(HOSTILE),
        source_id=pl.lit(HOSTILE),
        subject=pl.lit(HOSTILE),
        level=pl.lit(None, pl.String),
        options=pl.lit([{"letter": "A", "text": HOSTILE}, {"letter": HOSTILE, "text": "b"}]),
    )
    given = answers(asked, models=[HOSTILE])
    texts = ("style", "verdict", "letter", "form", "finish_reason", "reasoning", "response")
    return asked, given.with_columns([pl.lit(HOSTILE).alias(name) for name in texts]).with_columns(
        votes=pl.lit([HOSTILE])
    )
