"""A leaderboard as one HTML file: scores, all questions, and every model's answer to each of them.

The file needs no network and no other file. Its content security policy lets its own script run, known by
its hash, and nothing else; the script puts texts into the page as text. Without JavaScript the scores stand.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from string import Template

import polars as pl

from anessuite.card_words import language_name
from anessuite.leaderboard_data import MOST_TEXT, Packed, packed
from anessuite.leaderboard_table import LEVEL_NAMES, columns_of, languages_of, levels_of, lines_of, table_of
from anessuite.pages import Html, escape, nothing
from anessuite.published_scores import WHOSE
from anessuite.removals import counted

_WHOSE_ROWS = (
    "Grey rows are published by the authors of AnesBench, measured on their version of the benchmark by "
    "their evaluator: not comparable digit for digit."
)
_READING = (
    "Accuracy in percent, below it the 95 % interval over questions (Wilson's; of averages Zou and "
    "Donner's). A question that was not asked, refused, cut off or left without an answer counts as wrong. "
    "≈ in the sorted column: the interval reaches into that of the next model above, so the order of the "
    "two is not sure; the report of this version compares models in pairs, on the same questions. Total: "
    "all questions of a language alike. Avg.: the mean of the languages' totals."
)


def leaderboard_page(
    title: str,
    scores: pl.DataFrame,
    published: pl.DataFrame,
    questions: Iterable[pl.DataFrame],
    answers: Iterable[pl.DataFrame],
    *,
    most_text: int = MOST_TEXT,
) -> str:
    """The page of frames of SCORE, PUBLISHED_SCORE (may be empty), ASKED_QUESTION and ANSWER.

    Reasoning and response are cut at ``most_text`` characters, at fewer where the page would become too
    large; the page says so. Equal rows give equal bytes, whatever their order. Raises RowsLost for an answer
    without its question.
    """
    content = packed(questions, answers, most_text=most_text)
    script = _file("leaderboard.js")
    columns = columns_of(scores)
    return Template(_file("leaderboard.html")).substitute(
        title=escape(title),
        script_hash=_hash(script),
        style=_file("report.css") + _file("leaderboard.css"),
        summary=escape(_summary(scores, content)),
        alerts=_alerts(scores, content),
        languages=_choices(languages_of(scores), language_name),
        score_levels=_choices(levels_of(scores), LEVEL_NAMES.get),
        question_levels=_choices(content.levels, LEVEL_NAMES.get),
        table=table_of(lines_of(scores, published, columns), columns),
        reading=escape(_READING),
        whose=nothing(_WHOSE_ROWS) if published.height else "",
        source_of_published=nothing(WHOSE) if published.height else "",
        script=script,
        pieces=_pieces(content),
    )


def _file(name: str) -> str:
    return files("anessuite").joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """The source expression of Content Security Policy Level 3 for this very script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _summary(scores: pl.DataFrame, content: Packed) -> str:
    questions, answers = content.counts
    models = scores["model"].n_unique()
    contestants = scores.select("model", "style").n_unique() if scores.height else 0
    cut = f" Replies longer than {content.limit:,} characters are cut." if answers else ""
    return (
        f"{counted(models, 'model')} in {counted(contestants, 'combination')} with a style; "
        f"{counted(questions, 'question')}, {counted(answers, 'answer')}.{cut}"
    )


def _alerts(scores: pl.DataFrame, content: Packed) -> Html:
    questions, answers = content.counts
    missing = {
        "no scores: no model was evaluated": not scores.height,
        "no questions": not questions,
        "no answers": not answers,
    }
    told = [what for what, is_missing in missing.items() if is_missing]
    return Html(f'<p class="alert" role="alert">There are {"; ".join(told)}.</p>' if told else "")


def _choices(values: Sequence[str], name: Callable[[str], str | None]) -> Html:
    return Html(
        "".join(
            f'<option value="{escape(value)}">{escape(name(value) or value)}</option>' for value in values
        )
    )


def _pieces(content: Packed) -> Html:
    """Elements that run nothing; base64 has no letter that could end them."""
    named = {"questions": content.questions} | {
        f"answers-{n}": piece for n, piece in enumerate(content.answers)
    }
    return Html(
        "\n".join(
            f'<script type="application/gzip" id="{name}">{piece}</script>' for name, piece in named.items()
        )
    )
