"""Orders of options, and exemplars."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.errors import ConfigError
from anessuite.sources.question_sets import Question, QuestionSet
from anessuite.sources.question_source import QuestionSource
from tasks.lay_out import choose_exemplars, first_of, order
from tasks.pool import Pool


@given(st.integers(2, 6), st.integers(0, 9999))
def test_orders_differ_while_they_can_and_each_holds_every_option(options: int, seed: int) -> None:
    count = min(math.factorial(options), 8)
    orders = [order(options, number, random.Random(seed)) for number in range(count)]
    assert orders[0] == tuple(range(options))
    assert len(set(orders)) == count
    assert all(sorted(one) == list(range(options)) for one in orders)


def test_more_orders_than_there_are_begin_again() -> None:
    assert {order(2, number, random.Random(1)) for number in range(6)} == {(0, 1), (1, 0)}


def pool(*stems: str) -> Pool:
    options = {"A": "Ketamine", "B": "Propofol", "C": "Etomidate"}
    questions = [Question("s", f"q{at}", "en", stem, options, "A", "") for at, stem in enumerate(stems)]
    return Pool([QuestionSet(questions, [], [], [])], [QuestionSource(path="s")], {}, {})


def test_an_exemplar_that_is_a_question_of_the_benchmark_is_not_shown() -> None:
    asked = pool("Which induction agent raises the blood pressure in hypovolemic trauma patients most?")
    offered = pool(
        "Which induction agent raises the blood pressure in hypovolemic trauma patients most?",
        "Name the agent whose infusion suppresses the synthesis of cortisol in critically ill adults",
    )
    chosen = choose_exemplars.fn(asked, offered, most=1, seed=1)
    assert [one.source_id for one in chosen["en"]] == ["q1"]
    with pytest.raises(ConfigError, match="2 exemplars are wanted, and 1 questions in en can serve"):
        choose_exemplars.fn(asked, offered, most=2, seed=1)


def test_exemplars_follow_from_the_seed_alone() -> None:
    many = pool(*(f"Which agent is number {at} on the list of the ward?" for at in range(30)))
    first, again, other = (choose_exemplars.fn(many, None, most=3, seed=seed)["en"] for seed in (1, 1, 2))
    assert first == again != other


def test_a_sample_has_its_number_of_each_language() -> None:
    many = pool(*(f"Which agent is number {at} on the list of the ward?" for at in range(6)))
    chinese = [replace(one, language="zh") for one in many.sets[0].questions]
    both = replace(many, sets=[replace(many.sets[0], questions=[*many.sets[0].questions, *chinese])])
    assert [one.language for one in first_of(both, 2).sets[0].questions] == ["en", "en", "zh", "zh"]
    assert first_of(both, None) is both
