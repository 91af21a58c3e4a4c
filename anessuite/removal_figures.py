"""Charts of removed rows: why they went, how much of a question they hold, how long the longest match is."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from anessuite.charts import Bar, Bin, bars, histogram
from anessuite.pages import percent
from anessuite.removals import Share, clipped

_BINS_PER_DECADE = 8
_MOST_LABEL = 30


def reason_chart(rows_by_reason: Mapping[str, int]) -> str:
    """Rows of each reason, most first."""
    whole = sum(rows_by_reason.values())
    ranked = sorted(rows_by_reason.items(), key=lambda drop: (-drop[1], drop[0]))
    return bars(
        [
            Bar(clipped(reason, _MOST_LABEL), n, f"{n:,}\u2007{percent(n / whole) if whole else ''}")
            for reason, n in ranked
        ],
        log=False,
    )


def coverage_chart(shares: Sequence[Share]) -> str:
    """Rows by coverage in tens of percents, full coverage apart; nothing where none was measured."""
    tens = Counter(int(share.coverage * 10 + 1e-9) for share in shares if share.coverage is not None)
    unknown = len(shares) - tens.total()
    if not tens:
        return ""
    rows = [Bar(f"{10 * ten}–{10 * ten + 9} %", tens[ten], f"{tens[ten]:,}") for ten in range(9, -1, -1)]
    rest = [Bar("not measured", unknown, f"{unknown:,}")] if unknown else []
    return bars([Bar("100 %", tens[10], f"{tens[10]:,}"), *rows, *rest], log=False)


def length_chart(shares: Sequence[Share]) -> str:
    """Rows by characters of their longest match."""
    places = Counter(
        math.floor(math.log10(share.longest) * _BINS_PER_DECADE + 1e-9) for share in shares if share.longest
    )
    if not places:
        return ""
    bins = [Bin(_edge(place), _edge(place + 1), rows) for place, rows in sorted(places.items())]
    lowest, highest = bins[0].lower, bins[-1].upper
    return histogram(bins, title="characters", domain=(lowest, max(highest, 10 * lowest)))


def _edge(place: int) -> float:
    return 10 ** (place / _BINS_PER_DECADE)
