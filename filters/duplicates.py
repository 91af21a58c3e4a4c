"""Near duplicates: shingles of a text, their exact similarity, and who repeats whom.

Shingles are runs of five tokens; a token is a Chinese character, or a run of letters and digits of any other
script. That is word 5-grams in English and character 5-grams in Chinese, from one rule. Candidates come from
MinHash (datatrove); here each candidate is checked against the exact Jaccard similarity, so that a chain of
small changes never drops a text that differs from every text that stays.
"""

import re
from collections.abc import Sequence

import numpy as np
import xxhash
from pydantic import BaseModel, ConfigDict, Field

SHINGLE_TOKENS = 5
_TOKEN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]|[^\W_\u3400-\u9fff\U00020000-\U0003ffff]+")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class DuplicateRules(BaseModel):
    """Thresholds of near-duplicate removal.

    ``num_buckets`` x ``hashes_per_bucket`` = 14 x 8 are FineWeb's (Penedo et al. 2024): pairs of Jaccard 0.75
    become candidates with probability 0.77, of 0.8 with 0.92.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_jaccard: float = Field(
        default=0.75, gt=0, le=1, description="similarity of shingle sets from which a text repeats"
    )
    num_buckets: int = Field(default=14, ge=1)
    hashes_per_bucket: int = Field(default=8, ge=1)
    seed: int = 1


def shingles(text: str) -> np.ndarray:
    """The distinct shingles of a text as sorted 64-bit hashes, shape (n,).

    A text of one to four tokens has one shingle, all of it; a text without tokens has none.
    """
    hashes = _token_hashes(text)
    return _windows(hashes, min(SHINGLE_TOKENS, len(hashes)))


def grams(text: str, size: int) -> np.ndarray:
    """The distinct runs of ``size`` tokens as sorted 64-bit hashes; a shorter text has none."""
    hashes = _token_hashes(text)
    return _windows(hashes, size if len(hashes) >= size else 0)


def _token_hashes(text: str) -> np.ndarray:
    tokens = _TOKEN.findall(text.lower())
    return np.fromiter(map(xxhash.xxh64_intdigest, tokens), dtype=np.uint64, count=len(tokens))


def _windows(hashes: np.ndarray, width: int) -> np.ndarray:
    if not width:
        return np.zeros(0, dtype=np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(hashes, width)
    mixed = np.zeros(len(windows), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in windows.T:
            mixed = (mixed ^ column) * _MULTIPLIER
            mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed)


def jaccard(left: np.ndarray, right: np.ndarray) -> float:
    """Similarity of two sets of shingles: shared over all, 0 to 1; two empty sets are equal."""
    if not len(left) and not len(right):
        return 1.0
    shared = len(np.intersect1d(left, right, assume_unique=True))
    return shared / (len(left) + len(right) - shared)


def repeats(texts: Sequence[str], *, min_jaccard: float) -> list[tuple[int, float] | None]:
    """For each text of a cluster, best first: whom it repeats and how closely, or None if it stays.

    The first text stays. A later one is dropped if it reaches ``min_jaccard`` with one that stays, and then
    names the closest of them.
    """
    kept: list[tuple[int, np.ndarray]] = []
    verdicts: list[tuple[int, float] | None] = []
    for index, text in enumerate(texts):
        own = shingles(text)
        best = max(((jaccard(own, other), -kept_index) for kept_index, other in kept), default=(0.0, 0))
        if best[0] >= min_jaccard:
            verdicts.append((-best[1], best[0]))
        else:
            verdicts.append(None)
            kept.append((index, own))
    return verdicts
