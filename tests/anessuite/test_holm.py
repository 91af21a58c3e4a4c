"""P values corrected for their number."""

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from anessuite.holm import holm

CHANCES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(CHANCES)
def test_holm_is_that_of_statsmodels_and_never_lowers_a_p_value(values: list[float]) -> None:
    corrected = holm(values)
    with patch("gc.collect"):  # which statsmodels does at each call, for half a second here
        expected = multipletests(values, method="holm")[1]
    assert corrected == pytest.approx(list(expected), abs=1e-12)
    assert all(after >= before for before, after in zip(values, corrected, strict=True))


@given(CHANCES)
def test_holms_correction_keeps_the_order(chances: list[float]) -> None:
    by_chance = [after for _, after in sorted(zip(chances, holm(chances), strict=True))]
    assert by_chance == sorted(by_chance)


def test_nothing_is_corrected_to_nothing() -> None:
    assert holm([]) == []
