"""The report of a leakage analysis: one HTML file that needs nothing else."""

import itertools
from collections.abc import Sequence

import polars as pl

from anessuite.card_words import language_name
from anessuite.charts import Bar, bars
from anessuite.leakage import OUTLIER
from anessuite.leakage_facts import ALL, TESTS, LeakageFacts, ModelFacts, TestRate
from anessuite.leakage_schemas import FLAGS
from anessuite.leakage_strength import strength
from anessuite.manifests import Manifest
from anessuite.origins import recipe
from anessuite.pages import MOST_ROWS, Cell, Html, escape, figure, more, nothing, percent, table
from anessuite.removals import clipped
from anessuite.report_models import models
from anessuite.report_parts import Section, Tile, charts, report_page, with_share
from anessuite.report_questions import funnel, reasons

_MOST_STEM = 120
_Z_EDGES = (-3.5, -2.0, -1.0, 0.0, 1.0, 2.0, 3.5)


def leakage_report(manifest: Manifest, facts: LeakageFacts) -> str:
    """One self-contained HTML page; nothing in it loads or runs anything."""
    sections: list[Section] = [
        ("Rates", _overall(facts)),
        ("Strength", strength()),
        ("Ranks", _ranks(facts)),
        ("Continuations", _continuations(facts)),
        ("Sources", _by_source(facts)),
        ("Our data", _our_data(facts)),
        ("Questions", _questions(facts)),
        ("Funnel", funnel(manifest)),
        ("Reasons", reasons(manifest)),
        ("Models", models(manifest)),
        ("Recipe", recipe(manifest)),
    ]
    return report_page(manifest, _tiles(manifest, facts), sections)


def _tiles(manifest: Manifest, facts: LeakageFacts) -> list[Tile]:
    read = manifest.funnel[0].rows_in if manifest.funnel else 0
    tested = manifest.funnel[0].rows_out if manifest.funnel else 0
    above = sum(
        1 for one in facts.overall("flag_order") if one.corrected is not None and one.corrected < 0.05
    )
    left = facts.overlap.filter(
        pl.col("found_in").list.eval(pl.element().struct.field("place") == "left").list.any()
    ).height
    return [
        ("", "Questions read", read, "of the benchmark"),
        ("kept", "Questions tested", tested, "by every model"),
        ("", "Models", len(facts.models), f"{len(facts.failed)} could not be asked"),
        ("", "Models above chance", above, "published order likeliest, Holm p < 0.05"),
        ("", "Questions left in our data", left, f"of {len(facts.looked_at)} versions"),
    ]


def _overall(facts: LeakageFacts) -> list[str]:
    parts = [
        nothing(
            "A rate alone says nothing: beside it stand what chance gives where no question was seen, the "
            "95 % interval (Wilson), and p (exact, one-sided; by Holm for the number of models)."
        )
    ]
    for flag, meaning in TESTS.items():
        rows = [_row(one, facts) for one in facts.rates if one.flag == flag and one.source == ALL]
        parts += [f"<h3>{escape(meaning[:1].upper() + meaning[1:])}</h3>"]
        parts.append(table(_HEAD, rows) if rows else nothing("The test was not made."))
    return [*parts, *_forest(facts)]


_HEAD = ("Model", "Language", "Flagged", "Of", "Rate", "Interval", "By chance", "p", "p, Holm")


def _row(one: TestRate, facts: LeakageFacts) -> Sequence[Cell]:
    sizes = {model.model: model.size for model in facts.models}
    size = sizes.get(one.model)
    rate = one.rate
    return (
        f"{one.model} ({size:g} B)" if size else one.model,
        "all" if one.language == ALL else language_name(one.language),
        rate.flagged,
        rate.questions,
        float(rate.rate),
        f"{percent(rate.low)} to {percent(rate.high)}",
        rate.chance,
        p_value(rate.p),
        "" if one.corrected is None else p_value(one.corrected),
    )


def p_value(p: float | None) -> str:
    """A p value in words; a dash where there is none."""
    if p is None:
        return "–"
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def _forest(facts: LeakageFacts) -> list[str]:
    rows = [
        (one.model, f"{threshold}", original, highest)
        for one in facts.models
        for threshold, (original, highest) in one.forest.items()
    ]
    head = ("Model", "Threshold", "Likeliest is published, and outlier", "Likeliest is an outlier")
    if not rows:
        return [
            nothing("The isolation forest of the test's authors is reported where scikit-learn is there.")
        ]
    return ["<h3>The same by isolation forest</h3>", table(head, rows)]


def _ranks(facts: LeakageFacts) -> list[str]:
    judged = [one for one in facts.models if one.ranks]
    if not judged:
        return [nothing("The option-order test was not made.")]
    rows = [
        (
            one.model,
            one.questions,
            one.few_orders,
            f"{one.relative_rank[0]:.3f} ± {1.96 * one.relative_rank[1]:.3f}" if one.relative_rank else "",
            one.lowest_outliers,
        )
        for one in judged
    ]
    head = ("Model", "Questions", "Of two options", "Mean relative rank", "Lowest is an outlier")
    return [
        nothing(
            "Rank of the published order among all orders of a question, 1 is the likeliest. Where no "
            "question was seen, ranks are alike and their relative mean is 0.5, within the error given. "
            "Questions of two options have two orders, which tell little: they are in no rate. As many false "
            "alarms of the outlier rule are to be expected as there are questions whose lowest score is one."
        ),
        table(head, rows),
        charts([drawn for one in judged for drawn in (_rank_figure(one), _z_figure(one))]),
    ]


def _rank_figure(one: ModelFacts) -> Html:
    whole = sum(one.ranks.values())
    drawn = [
        Bar(f"rank {rank}", one.ranks.get(rank, 0), with_share(one.ranks.get(rank, 0), whole))
        for rank in range(1, min(one.most_orders, 24) + 1)
    ]
    expected = f"By chance {whole / one.most_orders:,.1f} each, of {whole:,} with {one.most_orders} orders"
    return figure(bars(drawn, log=False), f"{one.model}: ranks", expected)


def _z_figure(one: ModelFacts) -> Html:
    edges = [float("-inf"), *_Z_EDGES, float("inf")]
    names = [f"below {_Z_EDGES[0]:g}"]
    names += [f"{low:g} to {high:g}" for low, high in itertools.pairwise(_Z_EDGES)]
    names.append(f"above {_Z_EDGES[-1]:g}")
    counts = [sum(low < z <= high for z in one.z) for low, high in itertools.pairwise(edges)]
    drawn = [
        Bar(name, count, with_share(count, len(one.z))) for name, count in zip(names, counts, strict=True)
    ]
    note = f"Modified z-score among all orders; above {OUTLIER} is an outlier"
    return figure(bars(drawn, log=False), f"{one.model}: scores of the published order", note)


def _continuations(facts: LeakageFacts) -> list[str]:
    rows = [
        (one.model, name, mean.questions, f"{mean.mean:+.4f}", f"{mean.low:+.4f} to {mean.high:+.4f}")
        for one in facts.models
        for name, mean in one.excess.items()
        if mean is not None
    ]
    if not rows:
        return [nothing("The continuation test was not made.")]
    short = ", ".join(f"{one.model} {one.too_short:,}" for one in facts.models)
    return [
        nothing(
            "Mean of (score against the true options - mean score against controls), as shares of the truth. "
            "An interval above 0 against options of other questions also comes of knowing the subject; "
            "against its own words shuffled it comes of the wording. Intervals: bootstrap, 95 %."
        ),
        table(("Model", "Excess", "Questions", "Mean", "Interval"), rows),
        nothing(f"Left out because the rest of the question is too short to tell: {short}."),
    ]


def _by_source(facts: LeakageFacts) -> list[str]:
    rows = [
        (one.model, one.source, language_name(one.language), one.flag.removeprefix("flag_"), *_numbers(one))
        for one in facts.rates
        if one.source != ALL
    ]
    head = ("Model", "Source", "Language", "Test", "Flagged", "Of", "Rate", "Interval", "By chance", "p")
    if not rows:
        return [nothing("No question was tested.")]
    return [
        nothing("p is not corrected here: look at where leaks come from, not at whether there are any."),
        table(head, rows[:MOST_ROWS], tall=len(rows) > 24),
        more(len(rows) - MOST_ROWS, "rows can be counted from data/"),
    ]


def _numbers(one: TestRate) -> Sequence[Cell]:
    rate = one.rate
    interval = f"{percent(rate.low)} to {percent(rate.high)}"
    return rate.flagged, rate.questions, float(rate.rate), interval, rate.chance, p_value(rate.p)


def _our_data(facts: LeakageFacts) -> list[str]:
    rows = [
        (one["dataset"], one["removed"], one["rows"], one["left"], one["unknown"]) for one in facts.looked_at
    ]
    head = ("Version", "Removed rows", "Rows that stayed", "Of these with a question", "Unknown questions")
    if not rows:
        return [nothing("The config names no version of ours (`data`).")]
    return [
        nothing(
            "Removed rows were dropped for contamination when the version was built; what stayed was looked "
            "at anew, with the rules of this analysis. Evidence may name questions that are not in this "
            "benchmark (unknown)."
        ),
        table(head, rows),
    ]


def _questions(facts: LeakageFacts) -> list[str]:
    """The joined table: questions that a model flags, or that a version of ours held."""
    held, flagged = pl.col("found_in").list.len(), pl.col("flagged_by").list.len()
    ordered = facts.overlap.sort(
        (held > 0) & (flagged > 0), held, flagged, "id", descending=[True, True, True, False]
    )
    rows = [
        (
            f"{row['source']} {row['source_id']}",
            clipped(row["question"], _MOST_STEM),
            ", ".join(row["flagged_by"]),
            "; ".join(
                f"{one['dataset']} {one['place']} {one['rows']:,} (as {one['example']})"
                for one in row["found_in"]
            ),
        )
        for row in ordered.head(MOST_ROWS).iter_rows(named=True)
    ]
    if not rows:
        return [nothing("No question is flagged, and none was found in our data.")]
    head = ("Question", "Stem", "Flagged by", "Found in")
    flags = ", ".join(flag.removeprefix("flag_") for flag in FLAGS)
    return [
        nothing(f"One flag of one question proves nothing. Flags: {flags}. All are in questions/."),
        table(head, rows, tall=len(rows) > 12),
        more(ordered.height - MOST_ROWS, "questions are in questions/"),
    ]
