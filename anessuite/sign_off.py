"""The sign-off page of a decontamination: one HTML file by which a benchmark's author judges the removals."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from anessuite.boilerplate import phrase_article, shared_phrases
from anessuite.pages import MOST_ROWS, Cell, Html, escape, figure, more, nothing, page, percent, table
from anessuite.removal_figures import coverage_chart, length_chart, reason_chart
from anessuite.removal_pages import question_groups
from anessuite.removals import Found, Key, Question, Removal, clipped, counted, found_in, grouped
from anessuite.rules_in_words import ALLOWING, allowed_phrases, chosen_rules, rules_in_words

__all__ = ["BenchmarkFacts", "Removal", "SignOff", "sign_off_page"]

_ABOUT_QUESTIONS = ("contaminated", "near_question")
"""How reasons begin that have to do with a benchmark."""
_MOST_PHRASES, _MOST_TEXT, _MOST_NAME, _TALL = 30, 600, 120, 20


@dataclass(frozen=True, slots=True)
class BenchmarkFacts:
    """A benchmark as it was read."""

    name: str
    file: str
    digest: str
    items: int
    dropped: dict[str, int]
    """Unusable rows by reason."""
    unseen: dict[str, int]
    """rule -> questions that it cannot see"""
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class SignOff:
    """What the page shows: rows = kept + all drops."""

    title: str
    rows: int
    kept: int
    drops: dict[str, int]
    """reason -> rows, also for reasons that have nothing to do with a benchmark"""
    rules: dict[str, Any]
    """``rules`` (names), thresholds, and ``allow`` (phrases)"""
    benchmarks: list[BenchmarkFacts]
    canaries: list[tuple[str, str, bool]]
    """name, what was expected, did it come so"""
    screen: dict[str, int] | None
    """``n``, ``hits``, ``lost``: a screen by n-grams loses so many of the true hits; None: not measured"""
    removals: list[Removal]
    near_misses: list[Removal]
    questions: dict[Key, Question]
    warnings: list[str]


def sign_off_page(facts: SignOff) -> str:
    """One self-contained HTML page; nothing in it loads or runs anything."""
    removed, near = [[found_in(row) for row in rows] for rows in (facts.removals, facts.near_misses)]
    sections: list[tuple[str, Iterable[str]]] = [
        ("Figures", _figures(facts, removed, near)),
        ("Removed rows", _removed_rows(facts, removed)),
        ("Boilerplate or not?", _boilerplate(facts, removed)),
        ("Near misses", _near_misses(facts, near)),
        ("Rules", rules_in_words(facts.rules)),
        ("Benchmarks", _benchmarks(facts)),
        ("Canaries", _canaries(facts)),
        ("Screen", _screen(facts.screen)),
    ]
    places = [(name, re.sub(r"\W+", "-", name.lower()).strip("-")) for name, _ in sections]
    nav = "".join(f'<a href="#{place}">{name}</a>' for name, place in places)
    body = [*_head(facts), *_alerts(facts), _tiles(facts, removed), f"<nav>{nav}</nav>"]
    for (name, content), (_, place) in zip(sections, places, strict=True):
        body += [f'<section id="{place}">\n<h2>{name}</h2>', *content, "</section>"]
    return page(facts.title, body).encode("utf-8", "replace").decode("utf-8")  # for lone surrogates


def _head(facts: SignOff) -> list[str]:
    lost = _lost(facts.screen) if facts.screen and facts.screen.get("lost") else ""
    notes = [_blind_spot(facts), lost, _other_drops(facts)]
    return [
        f'<header>\n<h1>{escape(facts.title)}</h1>\n<p class="verdict">{_verdict(facts)}</p>',
        *(nothing(note) for note in notes if note),
        "</header>",
    ]


def _verdict(facts: SignOff) -> Html:
    removed, rules = _removed(facts), chosen_rules(facts.rules)
    by = f"by the rule{'s' if len(rules) > 1 else ''} {_listed(rules)}" if rules else "by no rule"
    names = _listed([clipped(benchmark.name, _MOST_NAME) for benchmark in facts.benchmarks])
    questions = counted(sum(each.items for each in facts.benchmarks), "question")
    if removed:
        first = f"{removed:,} of {counted(facts.rows, 'row')} removed ({_share(removed, facts.rows)})"
    else:
        first = f"No row of {facts.rows:,} was removed"
    told = f"{by}, against {names or 'no benchmark'} ({questions})."
    return Html(f"<b>{escape(first)}</b> {escape(told)} {_canary_verdict(facts)}")


def _canary_verdict(facts: SignOff) -> Html:
    total, failed = len(facts.canaries), len(_failed(facts))
    if not total:
        return Html('<b class="bad">No canary was planted.</b>')
    if failed:
        return Html(f'<b class="bad">Canaries that failed: {failed:,} of {total:,}.</b>')
    return Html(f"Canaries that came out right: all {total:,}.")


def _blind_spot(facts: SignOff) -> str:
    unseen = sum(_unseen(facts, benchmark) or 0 for benchmark in facts.benchmarks)
    at_most = "at most " if len(chosen_rules(facts.rules)) > 1 else ""
    told = f"Blind spot: {at_most}{counted(unseen, 'question')} that no chosen rule can see (see Benchmarks)."
    return told if unseen else ""


def _unseen(facts: SignOff, benchmark: BenchmarkFacts) -> int | None:
    """At most so many questions are seen by no chosen rule; exact for a single rule; None: nobody counted."""
    counts = [benchmark.unseen[rule] for rule in chosen_rules(facts.rules) if rule in benchmark.unseen]
    return min(counts, default=None)


def _other_drops(facts: SignOff) -> str:
    removed = _removed_by_reason(facts)
    others = [f"{reason} {n:,}" for reason, n in facts.drops.items() if reason not in removed and n]
    number = sum(facts.drops.values()) - sum(removed.values())
    return f"Dropped for other reasons: {counted(number, 'row')} ({', '.join(others)})." if others else ""


def _removed_by_reason(facts: SignOff) -> dict[str, int]:
    """Without rows that were dropped for a cause other than a benchmark, such as having no text."""
    known = {removal.reason for removal in facts.removals}
    return {
        reason: n
        for reason, n in facts.drops.items()
        if n and (reason in known or reason.startswith(_ABOUT_QUESTIONS))
    }


def _removed(facts: SignOff) -> int:
    return sum(_removed_by_reason(facts).values())


def _failed(facts: SignOff) -> list[tuple[str, str]]:
    return [(name, expected) for name, expected, passed in facts.canaries if not passed]


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _share(part: int, whole: int) -> str:
    return percent(part / whole) if whole else "–"


def _alerts(facts: SignOff) -> list[str]:
    failed = [f"{name}: expected {expected}" for name, expected in _failed(facts)]
    told = [*facts.warnings, *(f"{each.name}: {text}" for each in facts.benchmarks for text in each.warnings)]
    dropped = sum(facts.drops.values())
    if facts.rows != facts.kept + dropped:
        told.insert(0, f"rows are missing: {facts.rows:,} read, {facts.kept:,} kept, {dropped:,} dropped")
    return [
        _alert("Do not sign off: planted rows were not treated as expected", failed) if failed else "",
        _alert(counted(len(told), "warning"), told) if told else "",
    ]


def _alert(title: str, texts: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(clipped(text, _MOST_TEXT))}</li>" for text in texts[:MOST_ROWS])
    left = more(len(texts) - MOST_ROWS, "are not shown")
    return f'<div class="alert" role="alert"><h2>{escape(title)}</h2><ul>{items}</ul>{left}</div>'


def _tiles(facts: SignOff, rows: Sequence[Found]) -> str:
    removed, named = _removed(facts), len({found.shares[0].key for found in rows if found.shares})
    passed = len(facts.canaries) - len(_failed(facts))
    tiles = [
        ("", "Rows read", facts.rows, ""),
        ("", "Removed", removed, f"{_share(removed, facts.rows)} of all read"),
        ("kept", "Kept", facts.kept, f"{_share(facts.kept, facts.rows)} of all read"),
        ("", "Questions found", named, f"of {sum(each.items for each in facts.benchmarks):,}"),
        ("", "Near misses", len(facts.near_misses), "which stay"),
        ("", "Canaries", passed, f"of {len(facts.canaries):,} right"),
    ]
    shown = "".join(
        f'<div class="{kind}"><dt>{name}</dt><dd>{number:,}<small>{note}</small></dd></div>'
        for kind, name, number, note in tiles
    )
    return f'<dl class="tiles">{shown}</dl>'


def _figures(facts: SignOff, removed: Sequence[Found], near: Sequence[Found]) -> list[str]:
    first, first_near = ([found.shares[0] for found in rows if found.shares] for rows in (removed, near))
    note = "Share of a stem that rows hold."
    drawn = [
        ("Removed by reason", "", reason_chart(_removed_by_reason(facts))),
        ("Longest match", "Of removed rows.", length_chart(first)),
        ("Coverage, removed rows", note, coverage_chart(first)),
        ("Coverage, near misses", note, coverage_chart(first_near)),
    ]
    charts = [figure(svg, name, told) for name, told, svg in drawn if svg]
    if not charts:
        return [nothing("No row was removed: there is nothing to draw.")]
    note = "Each row counts once, by its most telling question."
    return [f'<div class="charts">{"".join(charts)}</div>', nothing(note)]


def _removed_rows(facts: SignOff, rows: Sequence[Found]) -> list[str]:
    removed = _removed(facts)
    if not rows:
        return [nothing("Their evidence was not handed over." if removed else "No row was removed.")]
    note = (
        '<p class="quiet">Each row stands under its most telling question. <mark>Marked</mark> is what the '
        "two have in common; in a question, what any of the rows below it has.</p>"
    )
    left = nothing(f"Here are {len(rows):,} of {removed:,} removed rows.") if len(rows) < removed else ""
    return [note, left, *question_groups(grouped(rows), facts.questions, "row")]


def _near_misses(facts: SignOff, rows: Sequence[Found]) -> list[str]:
    if not rows:
        return [nothing("There are none.")]
    note = (
        "They have something in common with a question, but too little for the chosen rules. Closest first."
    )
    groups = sorted(grouped(rows), key=lambda group: group.rows[0].rank)
    return [nothing(note), *question_groups(groups, facts.questions, "near miss")]


def _boilerplate(facts: SignOff, rows: Sequence[Found]) -> list[str]:
    phrases = shared_phrases(rows, facts.questions, allowed_phrases(facts.rules))
    if not phrases:
        return [nothing("No removal rests on a passage that several different questions share.")]
    heeded = ALLOWING in chosen_rules(facts.rules)
    return [
        nothing(
            "Each of these passages stands in several different questions, and is half or more of what rows "
            "were removed for. If it gives no question away, add the line and run again. A case that several "
            "questions describe is no boilerplate."
        ),
        "" if heeded else nothing(f"Only the rule {ALLOWING} heeds the allow-list; it was not chosen."),
        *map(phrase_article, phrases[:_MOST_PHRASES]),
        more(len(phrases) - _MOST_PHRASES, "passages, not shown"),
    ]


def _benchmarks(facts: SignOff) -> list[str]:
    if not facts.benchmarks:
        return [nothing("There is no benchmark.")]
    rules = chosen_rules(facts.rules)
    counts: list[Sequence[Cell]] = [
        (
            clipped(each.name, _MOST_NAME),
            each.items,
            *(each.unseen.get(rule) for rule in rules),
            ", ".join(f"{reason} {n:,}" for reason, n in each.dropped.items()) or "none",
        )
        for each in facts.benchmarks
    ]
    files = [
        (clipped(each.name, _MOST_NAME), each.file, Html(f"<code>{escape(each.digest)}</code>"))
        for each in facts.benchmarks
    ]
    return [
        nothing("Unseen is a question that a rule cannot find, however plainly a row gives it away."),
        table(("Benchmark", "Questions", *(f"Unseen by {rule}" for rule in rules), "Unusable rows"), counts),
        table(("Benchmark", "File", "Digest"), files),
    ]


def _canaries(facts: SignOff) -> list[str]:
    if not facts.canaries:
        return [nothing("None was planted: nothing shows that this run could have found anything.")]
    bad = Html('<b class="bad">failed</b>')
    ordered = sorted(facts.canaries, key=lambda canary: canary[2])
    rows = [
        (clipped(name, _MOST_NAME), expected, "as expected" if passed else bad)
        for name, expected, passed in ordered
    ]
    return [
        nothing("Rows planted to show that the run removes what it must, and keeps what it must."),
        table(("Canary", "Expected", "Result"), rows, tall=len(rows) > _TALL),
    ]


def _screen(screen: dict[str, int] | None) -> list[str]:
    if not screen:
        return [nothing("What a screen by n-grams would lose was not measured.")]
    note = " A run that uses the screen does not remove what it loses." if screen.get("lost") else ""
    return [f"<p>{escape(_lost(screen) + note)}</p>"]


def _lost(screen: dict[str, int]) -> str:
    n, lost, hits = (screen.get(name, 0) for name in ("n", "lost", "hits"))
    return f"The screen by {n}-grams loses {lost:,} of {counted(hits, 'true hit')} ({_share(lost, hits)})."
