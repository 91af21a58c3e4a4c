"""Orders of the options of a question: the published one, and others that follow from a seed."""

import hashlib
import math
import random
from itertools import permutations

Order = tuple[int, ...]
"""``order[i]`` is the number of the option whose text stands at place ``i``; the original is 0, 1, 2 ..."""


def orders_of(options: int, *, most: int, seed: int, name: str) -> list[Order]:
    """The orders to compare: the original first, then all others, or a sample of them.

    Up to ``most`` in all. Where there are more, others are drawn without replacement by ``seed`` and
    ``name`` (the question's id), so that a question has the same orders in every run and for every model.
    """
    if options < 1 or most < 2:
        raise ValueError(f"{options} options and at most {most} orders: nothing to compare")
    original = tuple(range(options))
    if math.factorial(options) <= most:
        return list(permutations(original))
    draw = random.Random(hashlib.sha256(f"{seed}|{name}".encode()).digest())  # noqa: S311
    found = {original: None}
    while len(found) < most:
        found.setdefault(tuple(draw.sample(original, options)))
    return list(found)
