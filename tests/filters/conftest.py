"""What the tests of filters share."""

from collections.abc import Iterator
from functools import cache

import pytest


@pytest.fixture(scope="session", autouse=True)
def _known_parameters() -> Iterator[None]:
    """datasketch integrates numerically for each index which bands suit a threshold, for longer than a small
    index takes otherwise; the same numbers give the same bands."""
    from datasketch import lsh

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lsh, "_optimal_param", cache(lsh._optimal_param))
        yield
