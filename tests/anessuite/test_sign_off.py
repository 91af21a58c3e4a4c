"""The sign-off page: what was removed and why, complete and harmless whatever texts and evidence hold."""

import html
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anessuite.boilerplate import LONGEST, shared_phrases
from anessuite.normalisation import normalise
from anessuite.removal_pages import CONTEXT, MOST_QUESTIONS, MOST_ROWS, in_context, question_groups
from anessuite.removals import found_in, grouped
from anessuite.sign_off import BenchmarkFacts, Removal, SignOff, sign_off_page

HOSTILE = (
    "<script>alert(1)</script></details></section>\u202egnp.exe <img src=x onerror=alert(2)> & \x00\ud800"
)
STEM = "A 6-year-old boy is brought in after induction with sevoflurane. Which drug treats laryngospasm?"
BOILERPLATE = "Which of the following is the most appropriate next step in management?"
OPTIONS = {"A": "Propofol", "B": "Succinylcholine", "C": "Atropine"}
ZH_STEM = "患者术中突然出现血压下降，气道压升高，皮肤潮红，最可能的诊断是"
ZH_OPTIONS = {"A": "过敏性休克", "B": "肺栓塞"}
QUESTIONS: dict[tuple[str, str], Any] = {
    ("bench", "q1"): (STEM, OPTIONS, "B"),
    ("bench", "q2"): (f"An old man faints. {BOILERPLATE}", OPTIONS, "A"),
    ("bench", "q3"): (f"A young woman has a rash. {BOILERPLATE}", OPTIONS, None),
    ("twin", "7"): (f"  a YOUNG woman has a rash. {BOILERPLATE}", OPTIONS, None),
    ("基准", "一"): (ZH_STEM, ZH_OPTIONS, "A"),
}


def match(
    text: str, part: str, key: tuple[str, str] = ("bench", "q1"), field: str = "question"
) -> dict[str, Any]:
    """Evidence of ``part``, which stands in ``text`` and in the question's field."""
    stem, options, _ = QUESTIONS.get(key, ("", {}, None))
    content = stem if field == "question" else options[field]
    return {
        "field": field,
        "start": text.index(part),
        "length": len(part),
        "item_start": max(content.find(part), 0),
        "item_length": len(part),
        "text": part[:600],
    }


def item(*matches: Any, key: tuple[str, str] = ("bench", "q1"), **others: Any) -> dict[str, Any]:
    fields = {"benchmark": key[0], "item": key[1], "coverage": 0.873, "answer_found": False}
    return {**fields, "matches": list(matches), **others}


def row(
    text: str, *items: Any, id: str = "row-1", reason: str | None = "contaminated_lcs", **others: Any
) -> Removal:
    return Removal(
        id, text, reason, {"items": list(items), "of_items": len(items), "complete": True, **others}
    )


def copied(id: str = "row-1", **changes: Any) -> Removal:
    text = f"{'Before it. ' * 50}{STEM} B) Succinylcholine{' After it.' * 50}"
    return row(text, item(match(text, STEM)), id=id, **changes)


def only_boilerplate(id: str, *keys: tuple[str, str], around: str = "") -> Removal:
    text = f"Some leaflet. {around}{BOILERPLATE} Call us."
    return row(text, *(item(match(text, BOILERPLATE, key), key=key) for key in keys), id=id)


def benchmark(**changes: Any) -> BenchmarkFacts:
    fields: dict[str, Any] = {
        "name": "bench",
        "file": "bench.jsonl",
        "digest": "feed" * 16,
        "items": 1273,
        "dropped": {"no_options": 4},
        "unseen": {"lcs": 31, "cover": 12},
        "warnings": [],
    }
    return BenchmarkFacts(**(fields | changes))


def facts(**changes: Any) -> SignOff:
    fields: dict[str, Any] = {
        "title": "Decontamination of docs.parquet",
        "rows": 100_000,
        "kept": 99_588,
        "drops": {"contaminated_lcs": 400, "contaminated_cover": 12},
        "rules": {
            "rules": ["lcs", "cover"],
            "min_coverage": 0.55,
            "min_coverage_with_answer": 0.4,
            "allow": [],
        },
        "benchmarks": [benchmark()],
        "canaries": [("question 1, verbatim", "caught", True), ("clean text 1", "passes", True)],
        "screen": {"n": 13, "lost": 12, "hits": 100},
        "removals": [copied()],
        "near_misses": [],
        "questions": QUESTIONS,
        "warnings": [],
    }
    return SignOff(**(fields | changes))


def nothing_removed(**changes: Any) -> SignOff:
    return facts(**({"kept": 100_000, "drops": {}, "removals": [], "screen": None} | changes))


class _Reader(HTMLParser):
    """Checks that elements close in order, and keeps tags, attributes and text."""

    _VOID = ("meta", "img", "link", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(page: str) -> None:
    reader = _Reader(page)
    assert not {"script", "img", "iframe", "object", "embed", "link", "base", "form"} & set(reader.tags)
    names = {name for name, _ in reader.attributes}
    assert not {name for name in names if name.startswith("on")} | ({"src", "srcset", "xlink:href"} & names)
    hrefs = [value or "" for name, value in reader.attributes if name == "href"]
    assert all(href.startswith(("#", "http://", "https://")) for href in hrefs)
    assert not re.search(r"url\(|@import", page)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", page)


def section(page: str, name: str) -> str:
    return page.split(f'<section id="{name}">')[1].split("</section>")[0]


def shown(markup: str) -> str:
    """The text of some markup, in one line."""
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", markup)).split())


def test_the_verdict_says_how_many_rows_went_by_which_rules_against_what() -> None:
    two = [benchmark(), benchmark(name="基准", items=10, unseen={"lcs": 0, "cover": 0})]
    page = sign_off_page(facts(benchmarks=two, drops={"contaminated_lcs": 412}))
    verdict = page.split('class="verdict">')[1].split("</header>")[0]
    assert shown(verdict).startswith(
        "412 of 100,000 rows removed (0.41 %) by the rules lcs and cover, against bench and 基准 "
        "(1,283 questions). Canaries that came out right: all 2."
    )
    assert "Blind spot: at most 12 questions" in verdict
    assert "The screen by 13-grams loses 12 of 100 true hits (12.0 %)." in verdict
    assert_harmless(page)


def test_rows_dropped_for_other_reasons_do_not_count_as_removed() -> None:
    drops = {"contaminated_lcs": 400, "near_question": 10, "no_text": 2}
    page = sign_off_page(facts(drops=drops))
    assert "<b>410 of 100,000 rows removed (0.41 %)</b>" in page
    assert "Dropped for other reasons: 2 rows (no_text 2)." in page


def test_a_page_without_removals_says_so_plainly() -> None:
    page = sign_off_page(nothing_removed())
    assert_harmless(page)
    assert "<b>No row of 100,000 was removed</b> by the rules lcs and cover, against bench" in page
    assert shown(section(page, "removed-rows")) == "Removed rows No row was removed."
    assert shown(section(page, "figures")) == "Figures No row was removed: there is nothing to draw."
    assert shown(section(page, "near-misses")) == "Near misses There are none."
    assert "No removal rests on a passage" in section(page, "boilerplate-or-not")
    assert not re.search(r"NaN|Infinity|undefined|None", page)


def test_a_run_of_nothing_at_all_is_whole() -> None:
    empty = SignOff("", 0, 0, {}, {}, [], [], None, [], [], {}, [])
    page = sign_off_page(empty)
    assert_harmless(page)
    assert "No canary was planted." in page
    assert "against no benchmark (0 questions)" in page
    assert "No rule was chosen." in page


def test_removals_without_evidence_are_not_called_none() -> None:
    page = sign_off_page(facts(removals=[]))
    assert "No row was removed" not in page
    assert "Their evidence was not handed over." in page


def test_a_failed_canary_stands_before_all_numbers_and_first_in_its_table() -> None:
    planted = [("question 1, verbatim", "caught", True), ("question 2, re-spaced", "caught", False)]
    page = sign_off_page(facts(canaries=planted))
    assert "Canaries that failed: 1 of 2." in page
    assert page.index("Do not sign off") < page.index("question 2, re-spaced: expected caught")
    assert page.index("question 2, re-spaced: expected caught") < page.index("Rows read")
    table = section(page, "canaries")
    assert table.index("question 2, re-spaced") < table.index("question 1, verbatim")
    assert "failed" in table
    assert 'role="alert"' not in sign_off_page(facts())


def test_warnings_and_missing_rows_stand_before_the_numbers() -> None:
    page = sign_off_page(
        facts(
            kept=99_000, warnings=["part 3 took long"], benchmarks=[benchmark(warnings=["12 have no answer"])]
        )
    )
    start = page[: page.index("Rows read")]
    assert "3 warnings" in start
    assert "part 3 took long" in start
    assert "bench: 12 have no answer" in start
    assert "rows are missing: 100,000 read, 99,000 kept, 412 dropped" in start


def test_the_figures_draw_reasons_coverage_and_match_lengths() -> None:
    removals = [copied(), row("x" * 50, item(coverage=None), id="b", reason="contaminated_cover")]
    figures = section(sign_off_page(facts(removals=removals, near_misses=[copied(reason=None)])), "figures")
    assert figures.count("<svg") == 4
    for text in (
        "contaminated_lcs",
        "contaminated_cover",
        "400\u200797.1 %",
        "80–89 %",
        "not measured",
        "characters",
    ):
        assert f">{text}</text>" in figures


def test_a_question_is_shown_with_its_options_its_answer_and_its_matched_parts() -> None:
    text = f"{STEM[8:]} Answer: Succinylcholine"
    found = item(match(text, STEM[8:]), match(text, "Succinylcholine", field="B"))
    question = section(sign_off_page(facts(removals=[row(text, found)])), "removed-rows").split("<article")[1]
    assert f"{html.escape(STEM[:8])}<mark>{html.escape(STEM[8:])}</mark>" in question
    assert re.search(
        r'<li class="gold"><b>B</b>.*<mark>Succinylcholine</mark>.*<small>correct</small></li>', question
    )
    assert question.count('class="gold"') == 1
    assert '<li><b>A</b><p class="text" dir="auto">Propofol</p></li>' in question
    assert "bench · q1" in question


def test_a_removed_row_is_shown_with_its_measures_and_its_match_in_context() -> None:
    shown_row = section(sign_off_page(facts()), "removed-rows").split("<article")[2]
    assert f"row-1 · contaminated_lcs · coverage 87.3 % · longest match {len(STEM)} characters" in shown_row
    before, after = re.split(f"<mark>{re.escape(html.escape(STEM))}</mark>", shown_row)
    before, after = before.split('"auto">')[1], after.split("</p>")[0]
    assert before.startswith("… ")
    assert after.endswith(" …")
    assert CONTEXT - 22 <= len(before) - 2 <= CONTEXT
    assert CONTEXT - 22 <= len(after) - 2 <= CONTEXT


def test_facts_that_a_later_format_adds_are_shown() -> None:
    found = item(key=("bench", "q1"), answer_found=True, stem_words=17, matches_cut=None)
    page = sign_off_page(facts(removals=[row("Some row.", found, kind="near_stem", same_answer=False)]))
    assert "correct option found" in page
    assert "stem words: 17 · matches cut: not known · kind: near_stem · same answer: no" in page


def test_a_row_that_matches_several_questions_says_how_many_more() -> None:
    keys = [("bench", "q1"), ("bench", "q2"), ("bench", "q3"), ("twin", "7"), ("基准", "一")]
    many = row("a row", *(item(key=key) for key in keys), of_items=60, complete=False)
    page = sign_off_page(facts(removals=[many]))
    assert "evidence is not complete · matches 59 more questions: bench q2, bench q3, twin 7, …" in page


def test_removals_are_grouped_by_question_and_most_removals_come_first() -> None:
    removals = [row("x", item(key=("bench", "q2")), id="single")]
    removals += [row("x", item(key=("bench", "q3"), coverage=n / 10), id=f"of-three-{n}") for n in range(3)]
    content = section(sign_off_page(facts(removals=removals)), "removed-rows")
    places = [
        content.index(name) for name in ("bench · q3", "of-three-2", "of-three-1", "bench · q2", "single")
    ]
    assert places == sorted(places)
    assert "3 rows, coverage up to 20.0 %" in content
    assert "1 row, coverage 87.3 %" in content


def test_at_most_so_many_questions_and_rows_are_shown_and_the_rest_is_counted() -> None:
    removals = [row("x", item(key=("b", "many")), id=f"many-{n}") for n in range(MOST_ROWS + 4)]
    removals += [row("x", item(key=("b", f"i{n:03}")), id=f"r{n}") for n in range(MOST_QUESTIONS + 6)]
    content = section(sign_off_page(facts(removals=removals)), "removed-rows")
    assert content.count("<details") == MOST_QUESTIONS
    assert content.count('class="row"') == MOST_ROWS + MOST_QUESTIONS - 1
    assert "4 more rows of this question, not shown." in content
    assert "7 more questions, with 7 rows, are not shown." in content
    assert f"Here are {len(removals)} of 412 removed rows." in content


def test_a_row_that_names_no_question_and_a_question_that_is_unknown_are_shown_last_and_first() -> None:
    removals = [Removal("bare", "the text", "contaminated_lcs", {}), row("y", item(key=("gone", "9")))]
    content = section(sign_off_page(facts(removals=removals)), "removed-rows")
    assert content.index("the text of this question is not known") < content.index("No question is named")
    assert "the text" in content


def test_a_long_match_is_cut_in_its_middle_and_what_stands_near_stays_marked() -> None:
    long = " ".join(f"word{n}" for n in range(1000))
    text = f"{'before ' * 60}{long}. Propofol {'after ' * 60}"
    found = found_in(row(text, item(match(text, long), match(text, "Propofol", field="A"))))
    context, outside = in_context(text, found.shares[0].passages)
    assert outside == 0
    assert "<mark>word0 " in context
    assert "word999</mark>. <mark>Propofol</mark>" in context
    left = int(re.search(r"… ([\d,]+) more characters of the match …", context)[1].replace(",", ""))  # type: ignore[index]
    assert len(long) - 560 <= left <= len(long) - 400
    assert len(context) < 1500


def test_passages_near_each_other_are_marked_together_and_far_ones_are_counted() -> None:
    text = "aaaa bbbb cccc " + "x " * 500 + "dddd"
    found = found_in(row(text, item(*(match(text, part) for part in ("aaaa bb", "bb cc", "dddd")))))
    context, outside = in_context(text, found.shares[0].passages)
    assert "<mark>aaaa bbbb cc</mark>cc" in context
    assert outside == 1
    assert "1 match elsewhere in the row" in sign_off_page(facts(removals=[found.removal]))


@pytest.mark.parametrize(
    ("start", "length", "marked"),
    [
        (-4, 8, "Some"),
        (5, 999, "wrong place"),
        (999, 5, None),
        (3, -2, None),
        ("3", 2, None),
        (None, None, None),
    ],
)
def test_wrong_offsets_are_clipped_and_never_break_the_page(
    start: Any, length: Any, marked: str | None
) -> None:
    wrong = {
        "field": "question",
        "start": start,
        "length": length,
        "item_start": -9,
        "item_length": 10**9,
        "text": "zz",
    }
    page = sign_off_page(facts(removals=[row("Some wrong place", item(wrong))]))
    assert_harmless(page)
    told = section(page, "removed-rows").split('class="row"')[1]
    if marked is None:
        assert "longest match" not in told
        assert "nowhere in the row: “zz”" in told
    else:
        assert f"<mark>{marked}" in told
        assert "do not trust the marks" in told


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        [],
        None,
        {"items": 7},
        {"items": [None, 3, {"matches": "x"}]},
        {
            "items": [
                {
                    "benchmark": None,
                    "item": {"a": 1},
                    "coverage": "high",
                    "matches": [None, {}, {"start": True}],
                }
            ]
        },
        {"items": [{"coverage": float("nan"), "answer_found": "yes"}], "of_items": "many", "complete": None},
    ],
)
def test_strange_evidence_breaks_nothing(evidence: Any) -> None:
    page = sign_off_page(facts(removals=[Removal("a", "some text", "contaminated_lcs", evidence)]))
    assert_harmless(page)
    assert "some text" in page


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_NUMBER = st.integers(-5, 60) | _JSON
_MATCH = st.fixed_dictionaries(
    {},
    optional={
        "field": st.sampled_from(["question", "A", "Z"]) | _JSON,
        **dict.fromkeys(("start", "length", "item_start", "item_length"), _NUMBER),
        "text": _JSON,
    },
)
_ITEM = st.fixed_dictionaries(
    {},
    optional={
        "benchmark": st.just("bench") | _JSON,
        "item": st.sampled_from(["q1", "q2"]) | _JSON,
        "coverage": _NUMBER,
        "matches": st.lists(_MATCH | _JSON, max_size=6) | _JSON,
        "else": _JSON,
    },
)
_EVIDENCE = st.fixed_dictionaries(
    {}, optional={"items": st.lists(_ITEM | _JSON, max_size=4) | _JSON, "of_items": _JSON, "complete": _JSON}
)


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.text(max_size=80) | st.just(HOSTILE), max_size=3), evidence=_EVIDENCE)
def test_no_text_and_no_evidence_breaks_a_group_or_a_phrase(texts: list[str], evidence: Any) -> None:
    rows = [found_in(Removal(str(n), text, "r", evidence)) for n, text in enumerate(texts)]
    markup = "".join(question_groups(grouped(rows), QUESTIONS, "row"))
    assert_harmless(markup)
    shared_phrases(rows, QUESTIONS, [])


def test_hostile_text_stays_text_wherever_it_comes_from() -> None:
    key = (HOSTILE, HOSTILE)
    wild = {"field": HOSTILE, "start": 0, "length": 40, "item_start": 0, "item_length": 40, "text": HOSTILE}
    at_question = {**wild, "field": "question"}
    found = item(wild, at_question, key=key, coverage=0.5, **{HOSTILE: HOSTILE})
    other = item(at_question, key=("bench", "q1"))
    page = sign_off_page(
        facts(
            title=HOSTILE,
            drops={"contaminated<b>\u202e": 412},
            rules={"rules": [HOSTILE, "lcs"], "allow": [HOSTILE], HOSTILE: HOSTILE, "min_coverage": HOSTILE},
            benchmarks=[
                benchmark(
                    name=HOSTILE, file=HOSTILE, digest=HOSTILE, dropped={HOSTILE: 1}, unseen={HOSTILE: 1}
                ),
                benchmark(warnings=[HOSTILE]),
            ],
            canaries=[(HOSTILE, HOSTILE, True), (HOSTILE, HOSTILE, False)],
            removals=[row(HOSTILE, found, other, id=HOSTILE, reason=HOSTILE, **{HOSTILE: HOSTILE})],
            near_misses=[row(HOSTILE, found, id=HOSTILE, reason=None)],
            questions={key: (HOSTILE, {HOSTILE: HOSTILE}, HOSTILE)},
            warnings=[HOSTILE],
        )
    )
    assert_harmless(page)
    assert "⟨U+202E⟩" in page
    page.encode("utf-8")


def test_huge_texts_give_a_page_of_bounded_size() -> None:
    huge = "huge " * 400_000
    key = ("bench", huge)
    found = item({**match(huge, "huge "), "length": len(huge), "item_length": len(huge)}, key=key)
    page = sign_off_page(
        facts(
            removals=[row(huge, found, id=huge)],
            questions={key: (huge, {f"{huge}{n}": huge for n in range(99)}, "A")},
            benchmarks=[benchmark(name=huge, warnings=[huge])],
        )
    )
    assert len(page) < 200_000


def test_chinese_rows_and_questions_are_marked() -> None:
    text = f"病例讨论。{ZH_STEM}（　）A过敏性休克"
    found = item(match(text, ZH_STEM, ("基准", "一")), key=("基准", "一"), answer_found=True)
    content = section(sign_off_page(facts(removals=[row(text, found, id="论坛/1")])), "removed-rows")
    assert content.count(f"<mark>{ZH_STEM}</mark>") == 2
    assert "基准 · 一" in content
    assert "论坛/1" in content


def test_a_passage_of_several_questions_is_listed_with_its_counts_and_the_line_that_allows_it() -> None:
    removals = [
        only_boilerplate("a", ("bench", "q2"), ("bench", "q3")),
        only_boilerplate("b", ("bench", "q3")),
        copied("c"),
    ]
    content = section(sign_off_page(facts(removals=removals)), "boilerplate-or-not")
    assert content.count("<article") == 1
    assert "2 questions: bench q2, bench q3" in content
    assert "2 rows: a, b" in content
    assert f'--allow "{BOILERPLATE[:-1]}"' in html.unescape(content)


def test_the_same_question_in_two_benchmarks_is_no_boilerplate() -> None:
    removals = [only_boilerplate("a", ("bench", "q3"), ("twin", "7"))]
    assert "No removal rests on a passage" in sign_off_page(facts(removals=removals))


def test_a_phrase_within_a_copied_question_is_not_offered() -> None:
    stem = QUESTIONS[("bench", "q2")][0]
    text = f"{'An old man faints. ' * 5}{stem}"
    whole = match(text, text, ("bench", "q2")) | {"item_length": len(stem)}
    found = found_in(
        row(text, item(whole, key=("bench", "q2")), item(match(text, BOILERPLATE), key=("bench", "q3")))
    )
    assert shared_phrases([found], QUESTIONS, []) == []


def test_passages_of_two_questions_that_overlap_give_what_both_have_in_whole_words() -> None:
    text = f"Today he faints again. {BOILERPLATE} Explain."
    one, two = text[4 : text.index("Explain") + 3], text[17:-12]
    found = found_in(
        row(text, item(match(text, one), key=("bench", "q2")), item(match(text, two), key=("bench", "q3")))
    )
    (phrase,) = shared_phrases([found], QUESTIONS, [])
    assert phrase.text == "Which of the following is the most appropriate next step in"


def test_what_is_allowed_already_is_not_offered_again() -> None:
    rows = [found_in(only_boilerplate("a", ("bench", "q2"), ("bench", "q3")))]
    assert shared_phrases(rows, QUESTIONS, [f"Note: {BOILERPLATE.upper()}"]) == []


def test_a_passage_too_long_for_boilerplate_has_no_line() -> None:
    text = "a long case description " * (LONGEST // 20)
    keys = (("bench", "q2"), ("bench", "q3"))
    removal = row(text, *(item(match(text, text, key), key=key) for key in keys))
    content = section(sign_off_page(facts(removals=[removal])), "boilerplate-or-not")
    assert "Too long for an allow-list" in content
    assert "<pre" not in content


@settings(max_examples=100, deadline=None)
@given(phrase=st.text(st.sampled_from("abc XY\"'$`\\!\n麻醉。\u202e\x07\u00a0"), min_size=20, max_size=60))
def test_the_line_means_the_same_to_a_shell_as_on_the_page(phrase: str) -> None:
    found = found_in(
        row(
            phrase, *(item(match(phrase, phrase, key), key=key) for key in (("bench", "q2"), ("bench", "q3")))
        )
    )
    for each in shared_phrases([found], QUESTIONS, []):
        if each.option is not None:
            option, value = shlex.split(each.option)
            assert option == "--allow"
            assert "\n" not in each.option
            assert normalise(value) in normalise(phrase)


def test_under_the_rule_lcs_alone_the_page_says_that_no_allow_list_helps() -> None:
    removals = [only_boilerplate("a", ("bench", "q2"), ("bench", "q3"))]
    page = sign_off_page(facts(removals=removals, rules={"rules": ["lcs"]}))
    assert "Only the rule cover heeds the allow-list" in section(page, "boilerplate-or-not")
    assert "Only the rule cover" not in sign_off_page(facts(removals=removals))


def test_near_misses_are_shown_in_the_same_form_the_closest_first() -> None:
    far = [row("far", item(key=("bench", "q2"), coverage=0.1), id=f"far-{n}", reason=None) for n in range(2)]
    close = copied("close", reason=None)
    content = section(sign_off_page(facts(near_misses=[*far, close])), "near-misses")
    assert content.index("close · stays · coverage 87.3 %") < content.index("far-0 · stays · coverage 10.0 %")
    assert f"<mark>{html.escape(STEM)}</mark>" in content
    assert "2 near misses, coverage up to 10.0 %" in content


def test_the_rules_and_thresholds_are_told_in_words() -> None:
    rules = {
        "rules": ["lcs", "cover"],
        "min_coverage": 0.55,
        "boilerplate_items": 7,
        "later": 1.5,
        "allow": ["Hello"],
    }
    told = shown(section(sign_off_page(facts(rules=rules)), "rules"))
    assert "lcs it has more than 64 characters in a row in common" in told
    assert "cover 55 % of the stem, or 40 % if the row also holds the correct option" in told
    assert "in at least 7 different questions" in told
    assert "later 1.5" in told
    assert "Allow-list Hello" in told


def test_thresholds_of_a_rule_that_was_not_chosen_are_left_out() -> None:
    told = section(sign_off_page(facts(rules={"rules": ["lcs"], "min_coverage": 0.55, "allow": []})), "rules")
    assert "min_coverage" not in told
    assert "It is empty." in told


def test_benchmark_facts_name_files_unusable_rows_and_questions_that_no_rule_sees() -> None:
    page = sign_off_page(facts())
    told = shown(section(page, "benchmarks"))
    for text in ("1,273 31 12 no_options 4", "Unseen by lcs", "Unseen by cover", "bench.jsonl", "feedfeed"):
        assert text in told
    single = sign_off_page(facts(rules={"rules": ["lcs"]}))
    assert "Blind spot: 31 questions" in single
    unknown = sign_off_page(facts(benchmarks=[benchmark(unseen={})]))
    assert "Blind spot" not in unknown
    assert "1,273 – –" in shown(section(unknown, "benchmarks"))


def test_the_screen_says_what_it_loses_or_that_nobody_measured_it() -> None:
    assert "loses 12 of 100 true hits (12.0 %)" in section(sign_off_page(facts()), "screen")
    assert "not measured" in section(sign_off_page(facts(screen=None)), "screen")
    clean = sign_off_page(facts(screen={"n": 8, "lost": 0, "hits": 5}))
    assert "The screen by 8-grams loses 0 of 5 true hits (0 %)." in section(clean, "screen")


def test_the_page_loads_and_runs_nothing_and_depends_on_its_facts_alone() -> None:
    page = sign_off_page(facts())
    assert_harmless(page)
    assert "default-src 'none'" in page
    assert page == sign_off_page(facts())


def test_importing_the_page_imports_no_chart_library() -> None:
    code = (
        "import sys, anessuite.sign_off; print(int('altair' in sys.modules or 'vl_convert' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
