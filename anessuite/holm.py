"""The correction of p values for their number: Holm (1979, A simple sequentially rejective multiple test
procedure, Scandinavian Journal of Statistics 6, 65-70)."""

from collections.abc import Sequence


def holm(values: Sequence[float]) -> list[float]:
    """P values corrected for their number, in the given order."""
    corrected, least = [0.0] * len(values), 0.0
    for step, at in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        least = max(least, min(1.0, (len(values) - step) * values[at]))
        corrected[at] = least
    return corrected
