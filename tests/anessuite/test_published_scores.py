"""The authors' leaderboard: whole, and right in its own arithmetic."""

import re

import polars as pl
import pytest

from anessuite.evaluation_schemas import SCORE
from anessuite.leaderboard_table import columns_of, lines_of
from anessuite.published_scores import PUBLISHED_SCORE, WHOSE, published_scores
from anessuite.schemas import empty

_LEVELS = ("system1", "system1.x", "system2")


def test_all_fifty_one_models_have_all_nine_scores_with_two_digits() -> None:
    found = published_scores()
    assert found.schema == pl.Schema(PUBLISHED_SCORE)
    assert found.height == found["model"].n_unique() == 51
    numbers = found.drop("model", "size")
    assert numbers.null_count().sum_horizontal().item() == 0
    for column in numbers:
        assert 0.19 <= column.min() <= column.max() <= 0.88  # type: ignore[operator]
        assert (column * 100 - (column * 100).round()).abs().max() < 1e-9  # type: ignore[operator]


def test_the_average_is_the_mean_of_both_totals_within_rounding() -> None:
    off = published_scores().select((pl.col("average") - (pl.col("en_total") + pl.col("zh_total")) / 2).abs())
    assert off.max().item() <= 0.01 + 1e-9  # half a digit of the totals and half of the average


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_total_lies_between_the_scores_of_the_levels(language: str) -> None:
    levels = [f"{language}_{level}" for level in _LEVELS]
    total = pl.col(f"{language}_total")
    outside = published_scores().filter(
        (total < pl.min_horizontal(levels)) | (total > pl.max_horizontal(levels))
    )
    assert outside["model"].to_list() == []


def test_a_size_is_the_number_that_the_name_states_and_no_other() -> None:
    for model, size in published_scores().select("model", "size").iter_rows():
        if size is not None:
            assert re.search(rf"-{size:g}[bB](-|$)", model), model
    sizes = dict(published_scores().select("model", "size").iter_rows())
    assert sizes["Qwen3-235B-A22B"] == 235  # all parameters, not the active ones
    assert sizes["Llama-4-Scout-17B-16E-Instruct"] is None  # its name states the active ones only
    assert sizes["gpt-4o"] is sizes["phi-4"] is None


def test_every_published_score_stands_in_the_table_of_a_leaderboard() -> None:
    columns = columns_of(empty(SCORE))
    lines = lines_of(empty(SCORE), published_scores(), columns)
    assert lines[0].model == "deepseek-r1" and all(line.is_published for line in lines)
    shown = {column.head: figure.shown for column, figure in lines[0].figures.items()}
    levels = {"EN-Sys1": "85", "EN-Sys1.x": "78", "EN-Sys2": "70", "EN-Total": "82"}
    assert shown == levels | {
        "CH-Sys1": "88",
        "CH-Sys1.x": "85",
        "CH-Sys2": "81",
        "CH-Total": "87",
        "Avg.": "85",
    }


def test_the_page_says_whose_numbers_these_are() -> None:
    assert "2504.02404" in WHOSE and "Not comparable digit for digit" in WHOSE
