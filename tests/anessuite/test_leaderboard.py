"""The leaderboard: scores that stand without a script, and every answer behind them, whatever texts say."""

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import polars as pl
import pytest

from anessuite.errors import RowsLost
from anessuite.evaluation_schemas import ANSWER, ASKED_QUESTION, SCORE
from anessuite.leaderboard import leaderboard_page
from anessuite.published_scores import published_scores
from anessuite.schemas import empty
from anessuite.scores import scores
from tests.anessuite import evaluations
from tests.anessuite.evaluations import HOSTILE, board, hostile


class Reader(HTMLParser):
    """Text of each script by id, start tags with attributes, rows of the table."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str, str] = {}
        self.rows: list[list[str]] = []
        self._script: str | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self._script = dict(attrs).get("id") or ""
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts[self._script] = data
        elif self.rows and self.rows[-1]:
            self.rows[-1][-1] += data

    def piece(self, name: str) -> Any:
        return json.loads(gzip.decompress(base64.b64decode(self.scripts[name])))

    def answers(self) -> list[list[dict[str, Any]]]:
        """Those to each question, in the order of the list of questions."""
        listed = self.piece("questions")["questions"]
        return [self.piece(f"answers-{q['at'][0]}")[q["at"][1]] if q["at"] else [] for q in listed]


def test_the_table_has_a_row_a_model_with_its_scores_and_the_published_ones_marked() -> None:
    asked = evaluations.questions()
    answers = evaluations.answers(asked)
    found = scores(answers, evaluations.SIZES)
    page = Reader(leaderboard_page("e@1", found, published_scores(), [asked], [answers]))
    head, *rows = page.rows[: 1 + 4 + 51]
    assert head[:12] == [
        *("Model", "EN-Sys1", "EN-Sys1.x", "EN-Sys2", "EN-Total"),
        *("CH-Sys1", "CH-Sys1.x", "CH-Sys2", "CH-Total", "Avg.", "Size", "No answer"),
    ]
    large = next(row for row in rows if row[0] == "large-70bcot")
    mine = found.filter((pl.col("model") == "large-70b") & (pl.col("level") == "all"))
    for column, language in ((4, "en"), (8, "zh"), (9, "mean")):
        value, low, high = (
            mine.filter(pl.col("language") == language).select("accuracy", "low", "high").row(0)
        )
        assert large[column] == f"{100 * value:.1f}{100 * low:.1f}–{100 * high:.1f}"
    theirs = [row for row in rows if row[0].endswith("published by the authors")]
    assert len(theirs) == 51 and ["gpt-4opublished by the authors", "81", "72"] in [row[:3] for row in theirs]
    averages = [float(re.split(r"(?<=\.\d)", row[9])[0]) for row in rows]
    assert averages == sorted(averages, reverse=True)


def test_the_page_says_that_published_rows_are_not_comparable_and_only_if_there_are_some() -> None:
    asked = evaluations.questions(3)
    answers = evaluations.answers(asked)
    assert "not comparable digit for digit" in board(asked, answers, published=published_scores())
    assert "comparable" not in board(asked, answers)


def test_every_answer_lies_beside_its_question_with_letter_verdict_and_texts() -> None:
    asked = evaluations.questions(10)
    answers = evaluations.answers(asked, samples=2, orders=2)
    page = Reader(board(asked, answers))
    listing = page.piece("questions")
    seen = 0
    for question, found in zip(listing["questions"], page.answers(), strict=True):
        for answer in found:
            model, style = listing["contestants"][answer["contestant"]]
            key = f"{question['id']}/{model}/{answer['order']}/{answer['attempt']}"
            row = answers.row(by_predicate=pl.col("id") == key, named=True)
            assert style == row["style"]
            assert answer["completion_tokens"] == row["completion_tokens"]
            for name in ("verdict", "letter", "reasoning", "response"):
                assert answer.get(name) == (row[name] or None)
            seen += 1
    assert seen == answers.height


def test_a_contestant_is_right_on_a_question_if_more_than_half_of_its_own_order_samples_are() -> None:
    asked = evaluations.questions(1, languages=["en"])
    answers = evaluations.answers(asked, models=["a", "b"], samples=2, orders=2)
    right = ((pl.col("model") == "a") | (pl.col("attempt") == 1)) & (pl.col("order") == 0)
    answers = answers.with_columns(verdict=pl.when(right).then(pl.lit("correct")).otherwise(pl.lit("wrong")))
    (question,) = Reader(board(asked, answers)).piece("questions")["questions"]
    assert (question["right"], question["asked"]) == (1, 2)


def test_equal_rows_give_equal_bytes_whatever_their_order_and_their_frames() -> None:
    asked = evaluations.questions(8)
    answers = evaluations.answers(asked, samples=2)
    found = scores(answers, evaluations.SIZES)
    once = leaderboard_page("e@1", found, published_scores(), [asked], [answers])
    shuffled = answers.sample(fraction=1.0, shuffle=True, seed=3)
    frames = [shuffled[:10], shuffled[10:11], shuffled[11:]]
    again = leaderboard_page("e@1", found, published_scores(), [asked[5:], asked[:5]], frames)
    assert once == again


def test_long_replies_are_cut_and_say_how_long_they_were() -> None:
    asked = evaluations.questions(1, languages=["zh"])
    answers = evaluations.answers(asked, models=["large-70b"]).with_columns(
        reasoning=pl.lit("麻" * 5000), response=pl.lit("短" * 100)
    )
    page = board(asked, answers, most_text=100)
    ((answer,),) = Reader(page).answers()
    assert answer["reasoning"] == "麻" * 100 and answer["reasoning_chars"] == 5000
    assert answer["response"] == "短" * 100 and "response_chars" not in answer
    assert "longer than 100 characters are cut" in page


def test_replies_are_cut_shorter_where_all_of_them_are_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = evaluations.questions(10)
    answers = evaluations.answers(asked).with_columns(reasoning=pl.lit("x" * 3000))
    monkeypatch.setattr("anessuite.leaderboard_data.MOST_TEXTS", 80 * 700)
    page = board(asked, answers)
    assert "longer than 500 characters are cut" in page
    assert all(len(answer["reasoning"]) == 500 for found in Reader(page).answers() for answer in found)


def test_many_answers_lie_in_several_pieces_of_whole_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anessuite.leaderboard_data._PIECE", 5_000)
    asked = evaluations.questions(30)
    page = Reader(board(asked, evaluations.answers(asked)))
    assert sum(name.startswith("answers-") for name in page.scripts) > 5
    assert [len(found) for found in page.answers()] == [4] * 60


def test_an_answer_whose_question_is_missing_is_an_error_that_names_it() -> None:
    asked = evaluations.questions(3)
    lost = asked["id"][0]
    with pytest.raises(RowsLost, match=f"4 answers belong to no question of the page, such as {lost}"):
        board(asked[1:], evaluations.answers(asked))


def test_hostile_texts_open_no_element_and_hide_nothing() -> None:
    asked, answers = hostile()
    page = board(asked, answers)
    reader = Reader(page)
    tags = [tag for tag, _ in reader.tags]
    assert not {"img", "iframe", "object", "embed", "link", "base", "form"} & set(tags)
    assert tags.count("script") == 3  # the page's own, the questions, one piece of answers
    assert not re.search("[\x00-\x08\u202a-\u202e\u2066-\u2069]", page)
    question = reader.piece("questions")["questions"][0]
    assert question["question"] == HOSTILE.replace("\u202e", "⟨U+202E⟩").replace("\x00", "⟨U+0000⟩")
    ((answer,),) = reader.answers()
    assert "⟨U+202E⟩" in answer["reasoning"] and "\u202e" not in answer["reasoning"]


def test_the_policy_lets_only_the_script_of_this_page_run_and_forbids_all_else() -> None:
    reader = Reader(board(*hostile()))
    policy = next(a["content"] for tag, a in reader.tags if tag == "meta" and "http-equiv" in a) or ""
    digest = base64.b64encode(hashlib.sha256(reader.scripts[""].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    names = {name for _, attributes in reader.tags for name in attributes}
    assert not {name for name in names if name.startswith("on")} | ({"src", "srcset", "style"} & names)


def test_the_script_sets_texts_as_text_alone_and_asks_for_nothing() -> None:
    script = Reader(board(evaluations.questions(1), evaluations.answers(evaluations.questions(1)))).scripts[
        ""
    ]
    assert "textContent" in script
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|fetch\(|XMLHttp|import\(|</|<!--",
        script,
    )


@pytest.mark.parametrize("languages", [["en"], ["zh"]])
def test_a_single_language_has_no_average_and_no_columns_of_another(languages: list[str]) -> None:
    asked = evaluations.questions(6, languages=languages)
    page = Reader(board(asked, evaluations.answers(asked), published=published_scores()))
    head = page.rows[0]
    short = {"en": "EN", "zh": "CH"}[languages[0]]
    assert [name for name in head if "-" in name] == [
        f"{short}-{level}" for level in ("Sys1", "Sys1.x", "Sys2", "Total")
    ]
    assert "Avg." not in head
    assert len(page.rows) > 55


@pytest.mark.parametrize(
    ("level", "heads"), [("system2", ["EN-Sys2", "EN-Total"]), (None, ["EN-None", "EN-Total"])]
)
def test_a_benchmark_of_one_level_or_of_none_has_the_columns_that_it_can_fill(
    level: str | None, heads: list[str]
) -> None:
    asked = evaluations.questions(6, languages=["en"]).with_columns(level=pl.lit(level, pl.String))
    page = Reader(board(asked, evaluations.answers(asked)))
    assert [name for name in page.rows[0] if name.startswith("EN-")] == heads


def test_a_page_without_models_questions_and_answers_says_so_and_still_shows_the_published_rows() -> None:
    nothing = leaderboard_page(
        "e@1", empty(SCORE), published_scores(), [empty(ASKED_QUESTION)], [empty(ANSWER)]
    )
    assert "There are no scores: no model was evaluated; no questions; no answers." in nothing
    assert len(Reader(nothing).rows) == 1 + 51 + 1  # heads of both tables
    assert 'role="alert"' not in board(
        evaluations.questions(1), evaluations.answers(evaluations.questions(1))
    )


def test_a_model_without_a_size_has_a_dash_there() -> None:
    asked = evaluations.questions(6)
    page = Reader(board(asked, evaluations.answers(asked)))
    column = page.rows[0].index("Size")
    assert {row[0]: row[column] for row in page.rows[1:5]} == {
        "large-70bcot": "70",
        "namelesscot": "–",
        "small-8bcot": "8",
        "tiny-1bcot": "1",
    }
