"""The leaderboard in a real browser: sorting, filters, questions, keys, a phone, hostile texts, no script."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from anessuite.published_scores import published_scores
from anessuite.scores import scores
from tests.anessuite import evaluations
from tests.anessuite.browser import Page, browser
from tests.anessuite.evaluations import board, hostile


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


def opened(chromium: Page, folder: Path, page: str) -> Page:
    file = folder / "leaderboard.html"
    file.write_text(page, encoding="utf-8")
    chromium.requests.clear()
    chromium.messages.clear()
    chromium.open(file.as_uri())
    return chromium


def names_shown(page: Page) -> list[str]:
    return page.value(
        "[...document.querySelectorAll('#scores tbody tr')].filter((row) => row.checkVisibility())"
        ".map((row) => row.cells[0].firstChild.textContent)"
    )


def heads_shown(page: Page) -> list[str]:
    return page.value(
        "[...document.querySelectorAll('#scores thead th')].filter((head) => head.checkVisibility())"
        ".map((head) => head.textContent)"
    )


def choose(page: Page, control: str, value: str) -> None:
    page.value(
        f"(() => {{ const it = document.getElementById('{control}'); it.value = {json.dumps(value)};"
        "it.dispatchEvent(new Event('input')); it.dispatchEvent(new Event('change')); })()"
    )


def listed(page: Page) -> list[str]:
    return page.value("[...document.querySelectorAll('#question-list tbody a')].map((a) => a.textContent)")


def test_models_are_sorted_by_their_heads_and_filtered_by_name_language_and_level(
    chromium: Page, tmp_path: Path
) -> None:
    asked = evaluations.questions()
    answers = evaluations.answers(asked)
    page = opened(chromium, tmp_path, board(asked, answers, published=published_scores()))
    assert len(names_shown(page)) == 55
    page.value("document.getElementById('score-published').click()")
    found = scores(answers, evaluations.SIZES).filter(
        (pl.col("language") == "mean") & (pl.col("level") == "all")
    )
    best_first = found.sort("accuracy", descending=True)["model"].to_list()
    assert names_shown(page) == best_first
    page.value("document.querySelector('#scores th[aria-sort] button').click()")
    assert names_shown(page) == best_first[::-1]
    page.value("document.querySelector('#scores th button').click()")
    assert names_shown(page) == sorted(best_first)
    choose(page, "score-search", "70B")
    assert names_shown(page) == ["large-70b"]
    choose(page, "score-language", "zh")
    choose(page, "score-level", "system2")
    rest = ["No answer", "Refused", "Cut off", "Not asked", "Tokens", "Cost"]
    assert heads_shown(page) == ["Model", "CH-Sys2", "Size", *rest]
    choose(page, "score-level", "")
    choose(page, "score-language", "")
    assert heads_shown(page)[-8:] == ["Avg.", "Size", *rest]
    assert page.messages == [] and len(page.requests) == 1


def test_an_interval_that_reaches_into_that_of_the_model_above_is_marked(
    chromium: Page, tmp_path: Path
) -> None:
    asked = evaluations.questions(60, languages=["en"])
    answers = evaluations.answers(asked, models=["close", "closer", "far"]).sort("question_id", "model")
    rank = pl.int_range(pl.len()).over("model")
    right = rank < pl.when(pl.col("model") == "far").then(10).when(pl.col("model") == "close").then(
        50
    ).otherwise(49)
    answers = answers.with_columns(verdict=pl.when(right).then(pl.lit("correct")).otherwise(pl.lit("wrong")))
    page = opened(chromium, tmp_path, board(asked, answers))
    assert names_shown(page) == ["close", "closer", "far"]
    marked = page.value(
        "[...document.querySelectorAll('.overlaps')].map((cell) => cell.parentNode.cells[0].innerText)"
    )
    assert [text.splitlines()[0] for text in marked] == ["closer"]


def test_questions_are_filtered_and_each_opens_with_every_answer(chromium: Page, tmp_path: Path) -> None:
    asked = evaluations.questions(60)
    answers = evaluations.answers(asked)
    page = opened(chromium, tmp_path, board(asked, answers))
    page.go("#questions")
    assert len(listed(page)) == 50
    page.value("document.getElementById('page-after').click()")
    assert page.value("document.getElementById('question-count').textContent") == "51 to 100 of 120 questions"
    choose(page, "question-language", "zh")
    choose(page, "question-level", "system2")
    choose(page, "question-search", "恶性高热")
    stems = asked.filter((pl.col("language") == "zh") & (pl.col("level") == "system2"))["question"]
    assert sorted(listed(page)) == sorted(stem for stem in stems if "恶性高热" in stem) != []
    choose(page, "question-search", "")
    choose(page, "question-language", "")
    choose(page, "question-level", "")
    right = answers.group_by("question_id").agg(right=(pl.col("verdict") == "correct").sum())["right"]
    for agreement, count in (
        ("wrong", (right == 0).sum()),
        ("right", (right == 4).sum()),
        ("disagree", right.is_between(1, 3).sum()),
    ):
        choose(page, "question-agreement", agreement)
        told = page.value("document.getElementById('question-count').textContent")
        assert re.search(rf"\b{count} questions", told)
    choose(page, "question-order", "hardest")
    first = page.value("document.querySelector('#question-list tbody a').hash")
    page.go(first)
    assert page.value("document.querySelectorAll('.answer').length") == 4
    question = asked.row(by_predicate=pl.col("id") == first.removeprefix("#q="), named=True)
    gold = next(o["text"] for o in question["options"] if o["letter"] == question["answer"])
    assert page.value("document.querySelector('.gold .text').textContent") == gold
    assert page.value("document.querySelector('.stem').textContent") == question["question"]
    mine = answers.filter((pl.col("question_id") == question["id"]) & (pl.col("model") == "large-70b"))
    page.value("document.querySelector('.answer summary').click()")
    page.wait("document.querySelector('.answer article')")
    assert mine["response"][0] in page.value("document.querySelector('.answer article').textContent")
    page.value("document.querySelector('#view-question .pager a:last-child').click()")
    page.wait("document.body.dataset.shown === location.hash")
    assert page.value("location.hash") != first
    page.go("#q=unknown")
    assert "There is no question" in page.value("document.getElementById('view-question').textContent")


def test_hostile_texts_are_shown_as_they_are_and_run_nothing(chromium: Page, tmp_path: Path) -> None:
    asked, answers = hostile()
    page = opened(chromium, tmp_path, board(asked, answers))
    page.go("#questions")
    page.go(f"#q={asked['id'][0]}")
    page.value("document.querySelector('.answer summary').click()")
    page.wait("document.querySelector('.answer article')")
    shown = page.value("document.getElementById('view-question').textContent")
    assert shown.count("⟨U+202E⟩gnp.exe") >= 10 and "</script><script>window.struck" in shown
    assert page.value("window.struck") is None
    assert page.messages == [] and len(page.requests) == 1


def test_on_a_phone_nothing_is_wider_than_the_screen_and_all_is_reached_by_keys(
    chromium: Page, tmp_path: Path
) -> None:
    asked = evaluations.questions(60)
    page = opened(chromium, tmp_path, board(asked, evaluations.answers(asked), published=published_scores()))
    page.call("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True)
    for view in ("#models", "#questions", f"#q={asked['id'][0]}"):
        page.go(view)
        assert page.value("document.documentElement.scrollWidth") <= 390
    page.call("Emulation.clearDeviceMetricsOverride")
    page.go("#models")
    clickable = (
        "[...document.querySelectorAll('main *')].filter((it) => getComputedStyle(it).cursor === 'pointer')"
    )
    assert page.value(
        f"{clickable}.every((it) => it.closest('a[href], button, summary, label, select, input'))"
    )


def test_without_scripts_the_scores_stand_and_the_page_says_what_is_missing(
    chromium: Page, tmp_path: Path
) -> None:
    asked = evaluations.questions(6)
    file = tmp_path / "leaderboard.html"
    file.write_text(board(asked, evaluations.answers(asked), published=published_scores()), encoding="utf-8")
    chromium.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.call("Page.navigate", url=file.as_uri())
        chromium.wait(
            "document.readyState === 'complete' && document.querySelectorAll('#scores tbody tr').length"
        )
        assert len(names_shown(chromium)) == 55
        assert "need JavaScript" in chromium.value("document.body.innerText")
        assert not chromium.value("document.querySelector('.controls').checkVisibility()")
    finally:
        chromium.call("Emulation.setScriptExecutionDisabled", value=False)
