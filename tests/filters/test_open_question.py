"""Stems that can be asked without their options."""

import polars as pl
import pytest

from filters.open_question import needs_options

STEMS = [
    ("en", "Which drug reverses heparin?", None),
    ("en", "What is the minimum alveolar concentration of sevoflurane in adults?", None),
    ("en", "Which of the following reverses heparin?", "needs_options"),
    ("en", "All are true of propofol EXCEPT", "needs_options"),
    ("en", "Which drug is not a depolarizing relaxant?", "needs_options"),
    ("zh", "拮抗肝素的药物是", None),
    ("zh", "下列哪种药物拮抗肝素", "needs_options"),
    ("zh", "关于丙泊酚，错误的是", "needs_options"),
]


@pytest.mark.parametrize(("language", "stem", "reason"), STEMS)
def test_stems_that_lean_on_their_options_are_told(language: str, stem: str, reason: str | None) -> None:
    frame = pl.DataFrame({"language": [language], "question": [stem]})
    assert frame.select(needs_options()).to_series().to_list() == [reason]
