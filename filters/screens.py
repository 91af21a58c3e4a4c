"""The n-gram screen of the paper: only texts that share an n-gram with the benchmark go on to the
substring rule.

It saves nothing here and loses true hits; it stands for comparison, and says how many it lost. Grams are of
words in spaced text and of characters in Chinese (the tokens of `filters.duplicates`).
"""

from dataclasses import dataclass

import numpy as np

from anessuite.normalisation import normalise
from filters.contamination import Benchmark
from filters.duplicates import grams


@dataclass(frozen=True, slots=True)
class Screen:
    """The sorted hashes of all n-grams of a benchmark's fields."""

    size: int
    hashes: np.ndarray

    @classmethod
    def of(cls, benchmark: Benchmark, size: int) -> "Screen":
        """All grams of ``size`` tokens; fields with fewer have none."""
        found = [grams(each.normal, size) for each in benchmark.fields]
        return cls(size, np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.uint64))

    def lets_through(self, text: str) -> bool:
        """The text shares a gram with the benchmark."""
        own = grams(normalise(text), self.size)
        return bool(np.isin(own, self.hashes, assume_unique=True).any())
