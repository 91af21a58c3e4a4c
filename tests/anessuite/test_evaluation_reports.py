"""The report of an evaluation: all numbers of its tables, harmless texts, and reasons for what is missing."""

import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from anessuite import evaluation_schemas as schemas
from anessuite.charts import Bar, Bin, bars, histogram
from anessuite.evaluation_facts import evaluation_tables
from anessuite.evaluation_reports import evaluation_report
from anessuite.evaluation_tables import EvaluationTables
from anessuite.open_agreement import AGREEMENT, open_agreement
from anessuite.report_contestants import points_with_interval, with_interval
from anessuite.report_scores import PERCENT, Axis, Point, Row, intervals, log_range_of, scatter, spread_of
from anessuite.schemas import empty
from anessuite.scores import scores
from tests.anessuite import evaluations
from tests.anessuite.evaluations import HOSTILE
from tests.anessuite.test_reports import assert_harmless, manifest

NOTHING = EvaluationTables(
    scores=empty(schemas.SCORE),
    comparisons=empty(schemas.COMPARISON),
    lengths=empty(schemas.LENGTH),
    length_effects=empty(schemas.LENGTH_EFFECT),
    gaps=empty(schemas.GAP),
    orders=empty(schemas.ORDER),
)


@pytest.fixture(scope="module")
def answers() -> pl.DataFrame:
    asked = evaluations.questions(24)
    return evaluations.answers(asked, samples=2, orders=2, words=30)


@pytest.fixture(scope="module")
def tables(answers: pl.DataFrame) -> EvaluationTables:
    return evaluation_tables(answers, evaluations.SIZES, seed=7)


@pytest.fixture(scope="module")
def page(tables: EvaluationTables) -> str:
    return evaluation_report(manifest(), tables)


def section(page: str, name: str) -> str:
    """Text of a section, each run of white space one space."""
    found = re.search(rf'<section id="{name}">(.*?)</section>', page, re.DOTALL)
    assert found, name
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", found[1]))


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_the_report_runs_and_loads_nothing(page: str) -> None:
    assert_harmless(page)
    assert "default-src 'none'" in page


def test_every_accuracy_stands_with_its_interval_and_in_a_chart(tables: EvaluationTables, page: str) -> None:
    shown = section(page, "accuracy")
    for line in tables.scores.iter_rows(named=True):
        assert plain(with_interval(line["accuracy"], line["low"], line["high"])) in shown
    assert page.count(">System 1.x</text>") >= 2  # a legend a language


def test_drops_and_gaps_stand_with_their_signs(tables: EvaluationTables, page: str) -> None:
    for name, kind in (("levels", "system1 - system2"), ("languages", "en - zh")):
        lines = tables.gaps.filter(pl.col("gap") == kind)
        assert lines.height
        for line in lines.iter_rows(named=True):
            expected = plain(points_with_interval(line["difference"], line["low"], line["high"]))
            assert expected in section(page, name)


def test_the_plain_effect_of_length_stands_beside_that_within_questions(
    tables: EvaluationTables, page: str
) -> None:
    shown = section(page, "lengths")
    assert "its difficulty drops out" in shown and "even if length does no harm" in shown
    for line in tables.length_effects.iter_rows(named=True):
        ratio = line["odds_ratio"]
        told = f"none: {line['why_not']}" if ratio is None else f"{ratio:.2f} ({line['low']:.2f} to"
        assert told in shown


def test_pairs_are_told_with_their_tests_and_how_many_differ(tables: EvaluationTables, page: str) -> None:
    whole = tables.comparisons.filter(pl.col("language") == "all")
    sure = whole.filter(pl.col("p_holm") < 0.05).height
    assert f"{sure} of {whole.height} pairs differ by more than chance" in section(page, "pairs")
    for line in whole.iter_rows(named=True):
        expected = plain(points_with_interval(line["difference"], line["low"], line["high"]))
        assert expected in section(page, "pairs")


def test_contestants_that_are_not_compared_are_counted(tables: EvaluationTables) -> None:
    kept = ~pl.col("model").eq("tiny-1b") & ~pl.col("other_model").eq("tiny-1b")
    fewer = replace(NOTHING, scores=tables.scores, comparisons=tables.comparisons.filter(kept))
    assert "1 with lower accuracy are not compared in pairs" in section(
        evaluation_report(manifest(), fewer), "pairs"
    )


def test_models_without_a_size_are_named_and_the_authors_rows_marked_as_theirs(page: str) -> None:
    shown = section(page, "sizes")
    assert "Left out, as no size is stated: nameless · cot." in shown
    assert "Not comparable digit for digit" in shown and ">published by the authors</text>" in page
    sizes = {"tiny-1b · cot 1", "small-8b · cot 8", "large-70b · cot 70"}
    assert all(each in shown for each in sizes)


def test_without_any_size_the_section_says_how_to_state_one(answers: pl.DataFrame) -> None:
    unsized = replace(NOTHING, scores=scores(answers, dict.fromkeys(evaluations.SIZES)))
    shown = section(evaluation_report(manifest(), unsized), "sizes")
    assert "No model has a stated size; the config's `size` states it" in shown.replace("&#x27;", "'")


def test_orders_show_worst_and_best_and_letters_chosen_beside_letters_right(page: str) -> None:
    shown = section(page, "orders")
    assert "Worst order Best order Right in all Same option in all" in shown
    assert "large-70b · cot chosen" in shown and "large-70b · cot right" in shown


def test_open_answers_stand_beside_options_with_kappa(answers: pl.DataFrame, page: str) -> None:
    assert "No question was asked without its options" in section(page, "open-answers")
    opened = answers.filter(pl.col("model") == "large-70b").with_columns(
        style=pl.lit("open"), verdict=pl.lit("wrong")
    )
    agreement = open_agreement(pl.concat([answers, opened]))
    shown = section(evaluation_report(manifest(), NOTHING, agreement), "open-answers")
    assert "large-70b" in shown and f"{100 * agreement['same'][0]:.1f} %" in shown
    assert "0.00" in shown or "none: all verdicts are alike" in shown


def test_every_section_without_data_says_why() -> None:
    page = evaluation_report(manifest(funnel=[], rows={}, drops={}), NOTHING, empty(AGREEMENT))
    assert_harmless(page)
    reasons = {
        "accuracy": "no question was asked",
        "levels": "No model has scores on both System 1 and System 2",
        "languages": "No model was asked in both English and Chinese",
        "pairs": "There is no pair to compare",
        "no-answer": "no question was asked",
        "lengths": "No answer has a length",
        "sizes": "No model has a stated size",
        "orders": "asked in one order only",
        "open-answers": "No question has both a judged open answer",
        "cost": "no question was asked",
    }
    for name, reason in reasons.items():
        assert reason in section(page, name)
    assert not re.search(r"NaN|Infinity|undefined", page)


@pytest.mark.parametrize("level", ["system2", None])
def test_one_level_or_none_in_one_language_with_one_model_makes_a_whole_page(level: str | None) -> None:
    asked = evaluations.questions(6, languages=["zh"]).with_columns(level=pl.lit(level, pl.String))
    alone = evaluation_tables(evaluations.answers(asked, models=["nameless"]), {"nameless": None}, seed=7)
    page = evaluation_report(manifest(), alone)
    assert_harmless(page)
    assert ("System 2" if level else "no level") in section(page, "accuracy")
    assert "No model has scores on both System 1 and System 2" in section(page, "levels")
    assert "no pair to compare" in section(page, "pairs")
    assert not re.search(r"NaN|Infinity|undefined", page)


def test_a_single_language_is_set_beside_the_published_scores_of_that_language() -> None:
    asked = evaluations.questions(6, languages=["zh"])
    found = replace(NOTHING, scores=scores(evaluations.answers(asked), evaluations.SIZES))
    assert "Score: Chinese." in section(evaluation_report(manifest(), found), "sizes")


def test_hostile_names_stay_text(tables: EvaluationTables) -> None:
    def struck(frame: pl.DataFrame) -> pl.DataFrame:
        names = [name for name in ("model", "style", "other_model", "why_not") if name in frame.columns]
        return frame.with_columns([pl.lit(HOSTILE).alias(name) for name in names])

    frames: dict[str, Any] = {name: struck(frame) for name, frame in tables.frames.items()}
    page = evaluation_report(manifest(), EvaluationTables(**frames))
    assert_harmless(page)
    assert "⟨U+202E⟩" in page


def test_equal_tables_give_equal_bytes(tables: EvaluationTables, page: str) -> None:
    assert evaluation_report(manifest(), tables) == page


def test_costs_of_zero_are_said_to_be_for_want_of_prices(tables: EvaluationTables) -> None:
    free = replace(NOTHING, scores=tables.scores.with_columns(cost=pl.lit(0.0)))
    assert "the config states no prices" in section(evaluation_report(manifest(), free), "cost")


def drawn(svg: str, fill: str) -> list[tuple[float, float]]:
    """Where marks of a colour stand: left and top of their paths' places."""
    return [
        (float(x), float(y))
        for x, y in re.findall(rf'transform="translate\(([\d.]+),([\d.]+)\)"[^>]*fill="{fill}"', svg)
    ]


def test_a_point_stands_where_its_value_is_on_the_axis() -> None:
    rows = [Row("a", [Point(0, 0.25, 0.2, 0.3)]), Row("b", [Point(0, 0.5, 0.4, 0.6)])]
    svg = intervals(rows, ["only"], PERCENT)
    (first, _), (second, _) = drawn(svg, "#0f766e")
    assert second == pytest.approx(2 * first, abs=0.1)
    log = Axis("x", (1.0, 100.0), "~g", is_log=True)
    svg = scatter([Point(0, 0.5, 0.5, 0.5, at=at) for at in (1.0, 10.0, 100.0)], ["only"], log, PERCENT)
    (one, _), (ten, _), (hundred, _) = drawn(svg, "#0f766e")
    assert hundred - ten == pytest.approx(ten - one, abs=0.1)
    assert ten - one > 100


def test_series_differ_by_shape_and_colour_and_are_named_only_if_there_are_several() -> None:
    points = [Point(n, 0.5, 0.4, 0.6, at=10) for n in range(3)]
    for svg in (
        intervals([Row("m", points)], ["first", "second", "third"], PERCENT),
        scatter(points, ["first", "second", "third"], Axis("x", (1, 100), "~g", is_log=True), PERCENT),
    ):
        assert all(f">{name}</text>" in svg for name in ("first", "second", "third"))
        assert all(drawn(svg, colour) for colour in ("#0f766e", "#5f6b76", "#1d2429"))
    assert ">first</text>" not in intervals([Row("m", points[:1])], ["first"], PERCENT)


def test_each_kind_of_chart_is_valid_vega_lite(monkeypatch: pytest.MonkeyPatch) -> None:
    charts: list[Any] = []
    for module in ("charts", "report_scores"):
        monkeypatch.setattr(f"anessuite.{module}.svg", lambda chart, *_, **__: charts.append(chart) or "")
    points = [Point(n, 0.5, 0.4, 0.6, at=10) for n in range(2)]
    intervals([Row("m", points)], ["first", "second"], Axis("change", (-1.0, 1.0), mark=0.0))
    scatter(points, ["first", "second"], Axis("x", (1, 100), "~g", is_log=True), PERCENT, is_joined=True)
    for log in (True, False):
        bars([Bar("a", 1.0, "1")], log=log)
    histogram([Bin(1.0, 10.0, 5)], title="characters", domain=(1.0, 100.0))
    assert len(charts) == 5
    for chart in charts:
        chart.to_dict()  # validates


def test_charts_of_nothing_are_empty_and_axes_hold_what_they_show() -> None:
    assert intervals([], ["x"], PERCENT) == scatter([], ["x"], PERCENT, PERCENT) == ""
    assert spread_of([], around=0.0) == (-0.1, 0.1)
    assert spread_of([Point(0, 0.0, -0.02, 0.31)], around=0.0) == pytest.approx((-0.35, 0.35))
    low, high = log_range_of([0.1, 3.0, 0.0], least=(0.5, 2.0))
    assert low < 0.1 and high > 3.0


def test_a_long_name_is_cut_where_the_chart_ends() -> None:
    svg = intervals([Row("超声引导下" * 30, [Point(0, 0.5, 0.4, 0.6)])], ["x"], PERCENT)
    (label,) = re.findall(r">(超声[^<]*)</text>", svg)
    assert label.endswith("…") and len(label) < 32


def test_importing_the_report_imports_no_chart_library() -> None:
    code = (
        "import sys, anessuite.evaluation_reports; "
        "print(int('altair' in sys.modules or 'vl_convert' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
