"""Open-ended answers: the stem is asked without its options, and a judge model compares the reply with the
text of the gold option, ``votes`` times.

The judge sees neither the other options nor what the model chose among them. Its verdict is that of most
votes that can be read; on a tie the reply is wrong, as a benefit of the doubt would raise the scores of
eloquent models.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from anessuite.builds import Build
from anessuite.llm.replies import REFUSED, TRUNCATED
from anessuite.prompting import Prompt
from anessuite.scores import NOT_ASKED, NOT_JUDGED
from filters.open_question import needs_options
from tasks.generate import Asked, completions
from tasks.lay_out import Shown
from tasks.pool import options_of
from tasks.score import Contest, as_answers, of_question

OPEN = "open"


@dataclass(frozen=True)
class OpenQuestions:
    """The questions that can be asked without options."""

    rows: Shown

    @property
    def build(self) -> Build:
        return self.rows.build

    @property
    def order(self) -> int:
        return self.rows.order

    def parts(self) -> list[str]:
        return self.rows.parts()

    def count(self, part: str) -> int:
        return self.read(part).height

    def read(self, part: str) -> pl.DataFrame:
        return self.rows.read(part).filter(needs_options().is_null())


@dataclass(frozen=True)
class Replies:
    """The replies to open questions that a judge can read, with their questions."""

    contest: Contest

    @property
    def build(self) -> Build:
        return self.contest.build

    def parts(self) -> list[str]:
        return self.contest.rows.parts()

    def count(self, part: str) -> int:
        return self.read(part).height

    def read(self, part: str) -> pl.DataFrame:
        """Rows of the questions with ``row``, their number in the part, and ``reply``."""
        replies = completions(self.build, self.contest.asked.step, part)
        whole = replies.filter(pl.col("fault").is_null() & (pl.col("text").str.strip_chars() != ""))
        rows = self.contest.rows.read(part).with_row_index("row")
        return rows.join(whole.select("row", reply="text"), on="row", how="inner", maintain_order="left")


def inputs_of_judge(row: dict[str, Any]) -> dict[str, str | int]:
    """What the judge is shown."""
    return {"question": row["question"], "gold": options_of(row)[row["answer"]], "reply": row["reply"]}


@task(name="judge replies", task_run_name="{contest.step}", cache_policy=NO_CACHE)
def judge_replies(contest: Contest, judge: Asked) -> None:
    """Put the votes of the judge on each reply together."""
    for part in contest.rows.parts():
        if contest.build.marked(contest.step, part) is None:
            replies = completions(contest.build, contest.asked.step, part)
            votes = completions(contest.build, judge.step, part)
            contest.write(part, _judged(contest, part, replies, votes, judge))


def _judged(
    contest: Contest, part: str, replies: pl.DataFrame, votes: pl.DataFrame, judge: Asked
) -> pl.DataFrame:
    rows, numbers = contest.rows.read(part).to_dicts(), Replies(contest).read(part)["row"].to_list()
    given: dict[int, list[str | None]] = {}
    for vote in votes.iter_rows(named=True):
        number = numbers[vote["row"]]
        prompt = judge.prompt_for(rows[number]["language"])
        given.setdefault(number, []).append(vote_in(vote, prompt))
    made = [
        _answer(rows[reply["row"]], reply, given.get(reply["row"], []))
        for reply in replies.iter_rows(named=True)
    ]
    return as_answers(contest, made)


def vote_in(reply: dict[str, Any], prompt: Prompt) -> str | None:
    """The verdict in a reply of the judge; None where it cannot be read."""
    value = prompt.read(reply["text"]) if reply["fault"] is None else None
    return None if value is None else str(value["verdict"])


def _answer(row: dict[str, Any], reply: dict[str, Any], votes: Sequence[str | None]) -> dict[str, Any]:
    fault = reply["fault"]
    if fault in (*NOT_ASKED, TRUNCATED, REFUSED):
        verdict = str(fault)
    else:
        verdict = settled(votes) if votes else "no_answer"
    return of_question(row, reply) | {
        "verdict": verdict,
        "letter": None,
        "shown_letter": None,
        "shown_gold": row["answer"],
        "form": OPEN,
        "reasoning": reply["reasoning"] or "",
        "response": reply["text"],
        "votes": [vote or "unread" for vote in votes],
    }


def settled(votes: Sequence[str | None]) -> str:
    """The verdict of most votes that can be read; a tie is wrong, and no readable vote is not_judged."""
    counts = Counter(vote for vote in votes if vote is not None).most_common()
    if not counts:
        return NOT_JUDGED
    return "wrong" if len(counts) > 1 and counts[0][1] == counts[1][1] else counts[0][0]
