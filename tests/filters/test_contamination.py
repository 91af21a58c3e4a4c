"""The two rules against their definitions, on disguised texts and on real questions."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from anessuite.normalisation import normalise
from filters.contamination import Benchmark, ContaminationRules, EmptyBenchmark, Finding, Verdict
from filters.windows import ANCHOR, ANCHORED, PHRASE, SHARED, WINDOW

COVER: dict[str, Any] = {"rules": ("cover",)}
ENGLISH = "abcdefghijklmnopqrstuvwxyz     .,'-?()"
CHINESE = "麻醉药品患者术后镇痛呼吸循环监测下列哪项是正确的,.?()a1"
HARD = [
    *"aA \t\n\u00a0\u3000麻，。Σςİß½ﬁ㌀\ufdfa\u00b4\u0301\u0323é\u3099か",
    *"\u1100\u1161\u200b①Ⅳ０Ａ👍🏽\U0010ffff\x00",
]
BLANKS = (" ", "  ", "\n", "\r\n ", "\t", "\u3000", "\u00a0", "\u2028")


@dataclass(frozen=True)
class Question:
    question: str
    options: dict[str, str] = field(default_factory=dict)
    answer: str | None = None
    source: str = "exam"
    source_id: str = "1"


def letters(seed: int, size: int, alphabet: str = ENGLISH) -> str:
    """So many characters that are their own normal form, beginning and ending with no blank."""
    random = Random(f"{seed} {size} {alphabet}")
    drawn = normalise("".join(random.choices(alphabet, k=2 * size + 100)))
    return next(
        drawn[at : at + size]
        for at in range(len(drawn))
        if size == 0 or (drawn[at].isalpha() and drawn[at + size - 1].isalpha())
    )


def numbered(stems: Sequence[str], **rest: Any) -> list[Question]:
    return [Question(stem, source_id=str(number), **rest) for number, stem in enumerate(stems)]


def flags_of(benchmark: Benchmark, texts: Sequence[str | None]) -> list[int]:
    return benchmark.flags(pa.array(texts, pa.large_string())).tolist()


def verdicts_of(benchmark: Benchmark, texts: Sequence[str]) -> list[Verdict]:
    flags = flags_of(benchmark, texts)
    return [benchmark.explain(text, flag) for text, flag in zip(texts, flags, strict=True)]


def verdict_on(text: str, items: Sequence[Question], **rules: Any) -> Verdict:
    return verdicts_of(Benchmark.of(items, ContaminationRules(**rules)), [text])[0]


def reason_for(text: str, items: Sequence[Question], **rules: Any) -> str | None:
    return verdict_on(text, items, **rules).reason


def disguised(text: str, random: Random) -> str:
    """Another text with the same normal form: other blanks, line breaks, case, width and quotes."""
    found = []
    for char in text:
        kind = random.random()
        if char == " ":
            found.append(random.choice(BLANKS))
        elif char == "'" and kind < 0.5:
            found.append(random.choice("\u2019`\u2032"))
        elif "!" <= char <= "~" and kind < 0.2:
            found.append(chr(ord(char.upper()) + 0xFEE0))
        elif char >= "\u4e00" and kind < 0.3:
            found.append(random.choice((" ", "\n", "\r\n\u3000\u3000")) + char)
        elif kind < 0.25:
            found.append(char.upper() + "\u200b")
        else:
            found.append(char)
    return "".join(found)


def in_word(char: str) -> bool:
    return char.isalnum() and not "\u2e80" <= char <= "\u9fff"


def places_of(phrase: str, text: str) -> list[int]:
    """Where ``phrase`` stands in ``text`` and cuts no word at its ends."""
    return [
        at
        for at in range(len(text))
        if text.startswith(phrase, at)
        and not any(
            0 < edge < len(text) and in_word(text[edge - 1]) and in_word(text[edge])
            for edge in (at, at + len(phrase))
        )
    ]


def bare(text: str) -> str:
    return normalise(text).strip(" ?:.,;!_-()[]")


def windows(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(len(text) - size + 1)]


def marked(stem: str, parts: list[str]) -> list[bool]:
    """For each character of a stem, if it belongs to one of some parts."""
    marks = [False] * len(stem)
    for part in parts:
        for at in range(len(stem) - len(part) + 1):
            if stem.startswith(part, at):
                marks[at : at + len(part)] = [True] * len(part)
    return marks


@dataclass(frozen=True)
class Definition:
    """The two rules, in so many words."""

    items: Sequence[Question]
    rules: ContaminationRules

    def shared(self, text: str) -> bool:
        normal = normalise(text)
        fields = [normalise(each) for item in self.items for each in (item.question, *item.options.values())]
        return any(window in normal for each in fields for window in windows(each, WINDOW))

    def own(self, item: Question) -> list[bool]:
        """The characters of a stem that belong to no boilerplate."""
        stem = normalise(item.question)
        others: dict[str, str] = {}
        for each in self.items:
            fields = "\n".join(map(normalise, (each.question, *each.options.values())))
            others[normalise(each.question)] = others.get(normalise(each.question), "") + "\n" + fields
        common = [
            window
            for window in windows(stem, ANCHOR)
            if sum(window in fields for fields in others.values()) >= self.rules.boilerplate_items
        ]
        return [not mark for mark in marked(stem, [*common, *filter(None, map(normalise, self.rules.allow))])]

    def coverage(self, item: Question, text: str) -> float | None:
        """Share of a stem's own characters that windows of 33 cover; None where that is not the measure."""
        stem, own = normalise(item.question), self.own(item)
        if len(stem) < WINDOW or sum(own) * 3 < len(own):
            return None
        covered = marked(stem, [window for window in windows(stem, ANCHOR) if window in normalise(text)])
        return sum(mark and mine for mark, mine in zip(covered, own, strict=True)) / sum(own)

    def has_answer(self, item: Question, text: str) -> bool:
        answer = bare(item.options.get(item.answer or "", ""))
        return len(answer) > 2 and bool(places_of(answer, text))

    def given_away(self, item: Question, text: str) -> bool:
        """A stem of at most 64 characters stands whole, and its options stand by."""
        stem, normal = bare(item.question), normalise(text)
        if len(stem) < 8 or len(normalise(item.question)) >= WINDOW:
            return False
        options = list(map(bare, item.options.values()))
        for at in places_of(stem, normal):
            after = normal[at + len(stem) :][:1000]
            there = sum(bool(option) and bool(places_of(option, after)) for option in options)
            if there >= 2 and there * 2 >= len(options):
                return True
            if len(stem) >= self.rules.min_short_stem and self.has_answer(item, after):
                return True
        return False


def fields_of(item: Question) -> dict[str, str]:
    return {"question": item.question, **item.options}


def assert_evidence_holds(text: str, verdict: Verdict, items: Sequence[Question]) -> None:
    """Offsets cut the same normal text out of the text and of the question, as said and as stored."""
    by_id = {item.source_id: item for item in items}
    stored = json.loads(verdict.evidence())
    assert stored["of_items"] == len(verdict.findings) == len(stored["items"])
    for finding, kept in zip(verdict.findings, stored["items"], strict=True):
        assert (kept["benchmark"], kept["item"]) == (finding.benchmark, finding.item)
        assert len(finding.matches) == len(kept["matches"]) > 0
        for match, told in zip(finding.matches, kept["matches"], strict=True):
            source = fields_of(by_id[finding.item])[match.field]
            there = text[told["start"] : told["start"] + told["length"]]
            theirs = source[told["item_start"] : told["item_start"] + told["item_length"]]
            assert there == match.text == text[match.start : match.end] == told["text"]
            assert normalise(there) == normalise(theirs)
            assert not any(char.isspace() for char in (there[0], there[-1], theirs[0], theirs[-1]))
            assert match.length - 2 <= len(normalise(there)) <= match.length
        assert finding.longest == max(match.length for match in finding.matches)


@dataclass(frozen=True)
class World:
    items: list[Question]
    texts: list[str]


STEMS = tuple(
    letters(seed, size, alphabet)
    for seed, (size, alphabet) in enumerate(
        itertools.product((9, 24, 25, 33, 40, 64, 65, 90), (ENGLISH, CHINESE))
    )
)
OPTIONS = (
    "propofol",
    "ketamine 2 mg/kg",
    "no",
    "a",
    "肺",
    "血压下降",
    "",
    letters(1, 70),
    letters(2, 70, CHINESE),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Questions made of few parts, so that boilerplate and common stems abound, and texts that hold some."""
    random = draw(st.randoms(use_true_random=True))
    pool = st.sampled_from(draw(st.lists(st.sampled_from(STEMS), min_size=2, max_size=6, unique=True)))
    items = []
    for number in range(draw(st.integers(1, 6))):
        stem = "".join(draw(st.lists(pool, min_size=1, max_size=3)))
        options = dict(zip("ABCD", draw(st.lists(st.sampled_from(OPTIONS), max_size=4)), strict=False))
        answer = draw(st.sampled_from([None, *"ABCD"]))
        items.append(
            Question(stem + draw(st.sampled_from(["", "?", ":"])), options, answer, "exam", str(number))
        )
    stems = [item.question for item in items]
    forms = [" ".join((item.question, *item.options.values())) for item in items]
    whole = pool | st.sampled_from([*forms, *stems, *OPTIONS])
    cuts = st.tuples(st.sampled_from(stems), st.integers(0, 60), st.integers(30, 200))
    parts = cuts.map(lambda cut: cut[0][cut[1] :][: cut[2]])
    pieces = st.lists(
        whole | parts | st.sampled_from(["x", " ", ". ", "。", " then "]), min_size=1, max_size=6
    )
    return World(items, [disguised("".join(draw(pieces)), random) for _ in range(draw(st.integers(1, 3)))])


both = st.sampled_from([("lcs",), ("cover",), ("lcs", "cover"), ("cover", "lcs")])


def built(items: Sequence[Question], rules: ContaminationRules) -> Benchmark | None:
    try:
        return Benchmark.of(items, rules)
    except EmptyBenchmark:
        return None


@settings(max_examples=200, deadline=None)
@given(st.text(ENGLISH, max_size=80) | st.text(CHINESE, max_size=80), st.randoms(use_true_random=True))
def test_a_disguised_text_has_the_same_normal_form(text: str, random: Random) -> None:
    assert normalise(disguised(text, random)) == normalise(text)


@settings(max_examples=200, deadline=None)
@given(worlds())
def test_lcs_drops_exactly_the_texts_that_share_65_normal_characters_with_a_field(world: World) -> None:
    rules = ContaminationRules()
    benchmark = built(world.items, rules)
    if benchmark is None:
        return
    for text, flag in zip(world.texts, flags_of(benchmark, world.texts), strict=True):
        shared = Definition(world.items, rules).shared(text)
        verdict = benchmark.explain(text, flag)
        assert bool(flag & SHARED) == shared
        assert verdict.reason == ("contaminated_lcs" if shared else None)
        assert shared == any(finding.longest >= WINDOW for finding in verdict.findings)
        assert_evidence_holds(text, verdict, world.items)


@settings(max_examples=100, deadline=None)
@given(worlds(), st.sampled_from([0.3, 0.6, 1.0]), st.integers(2, 3), st.sampled_from([(), (STEMS[-1],)]))
def test_cover_measures_the_own_characters_of_stems_and_finds_short_ones_whole(
    world: World, coverage: float, boilerplate: int, allow: tuple[str, ...]
) -> None:
    rules = ContaminationRules(
        rules=("cover",), min_coverage=coverage, boilerplate_items=boilerplate, allow=allow
    )
    benchmark = built(world.items, rules)
    if benchmark is None:
        return
    definition = Definition(world.items, rules)
    for text, verdict in zip(world.texts, verdicts_of(benchmark, world.texts), strict=True):
        found = {finding.item: finding for finding in verdict.findings if not finding.short_stem}
        short = {finding.item for finding in verdict.findings if finding.short_stem}
        assert short == {item.source_id for item in world.items if definition.given_away(item, text)}
        covered = False
        for item in world.items:
            share = definition.coverage(item, text)
            if item.source_id in found and share is not None:
                finding = found[item.source_id]
                assert finding.coverage == pytest.approx(share)
                has_answer = definition.has_answer(item, normalise(text))
                assert finding.answer_found == (has_answer and share >= rules.min_coverage_with_answer)
                least = rules.min_coverage_with_answer if has_answer else rules.min_coverage
                covered = covered or (definition.shared(text) and share >= least)
        assert verdict.reason == "contaminated_cover" or not (covered or short)
        assert definition.shared(text) or bool(short) == (verdict.reason is not None)
        assert_evidence_holds(text, verdict, world.items)


@settings(max_examples=150, deadline=None)
@given(worlds(), both, st.randoms(use_true_random=True))
def test_a_verdict_depends_neither_on_other_texts_nor_on_the_order_of_texts_or_questions(
    world: World, rules: Any, random: Random
) -> None:
    benchmark = built(world.items, ContaminationRules(rules=rules))
    if benchmark is None:
        return
    shuffled = random.sample(world.items, len(world.items))
    again = Benchmark.of(shuffled, ContaminationRules(rules=rules))
    verdicts = verdicts_of(benchmark, world.texts)
    assert verdicts == [verdict for text in world.texts for verdict in verdicts_of(benchmark, [text])]
    assert verdicts == verdicts_of(benchmark, world.texts[::-1])[::-1]
    assert verdicts == verdicts_of(benchmark, [letters(1, 50), *world.texts, ""])[1:-1]
    others = verdicts_of(again, world.texts)
    assert [verdict.reason for verdict in verdicts] == [verdict.reason for verdict in others]
    for verdict, other in zip(verdicts, others, strict=True):
        assert by_item(verdict.findings) == by_item(other.findings)


def by_item(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: (finding.item, finding.short_stem))


def test_a_verdict_does_not_depend_on_the_borders_of_chunks() -> None:
    random = Random(3)
    stems = [letters(number, 150, alphabet) for number in range(6) for alphabet in (ENGLISH, CHINESE)]
    short = [Question("drug of choice?", {"A": "propofol", "B": "ketamine"}, "A", "exam", "short")]
    benchmark = Benchmark.of([*numbered(stems), *short], ContaminationRules(rules=("lcs", "cover")))
    texts: list[str | None] = []
    for number in range(90):
        filler = "x y " * random.randint(0, 12_000)
        planted = random.choice(["", *stems, "drug of choice: propofol, ketamine"])
        texts.append(
            None if number % 9 == 8 else filler + disguised(planted, random) + " z" * random.randint(0, 9)
        )
    texts.append("x " * 700_000 + stems[0])
    flags = flags_of(benchmark, texts)
    assert flags == [flag for text in texts for flag in flags_of(benchmark, [text])]
    assert flags[::-1] == flags_of(benchmark, texts[::-1])
    assert benchmark.flags(pa.array(texts, pa.large_string())[7:]).tolist() == flags[7:]
    assert {0, SHARED | ANCHORED, PHRASE} <= set(flags) and flags[-1] == SHARED | ANCHORED


hard = st.lists(st.sampled_from(HARD) | st.characters(exclude_categories=["Cs"]), max_size=40).map("".join)


@settings(max_examples=300, deadline=None)
@given(hard, hard, hard, st.integers(0, 7), both)
@example("", "", "", 7, ("cover", "lcs"))
@example("\ufdfa" * 20, "\ufdfa" * 5, "½ﬁ", 7, ("cover", "lcs"))
def test_any_text_and_any_question_can_be_explained_whatever_the_flag(
    text: str, stem: str, option: str, flag: int, rules: Any
) -> None:
    items = [
        *numbered([stem, stem * 3, option * 9], options={"A": option, "B": "", "C": stem}, answer="D"),
        Question(letters(5, 70), {"A": "", "B": option}, "A", "exam", "3"),
        Question("drug of choice", {"A": "propofol", "B": "ketamine"}, "A", "exam", "4"),
    ]
    benchmark = Benchmark.of(items, ContaminationRules(rules=rules))
    for each in (text, text * 20, stem * 3, text + stem * 3 + option * 9 + text):
        for some in (flag, flags_of(benchmark, [each])[0]):
            verdict = benchmark.explain(each, some)
            stored = json.loads(verdict.evidence())
            assert stored["of_items"] == len(verdict.findings)
            for finding in verdict.findings:
                for match in finding.matches:
                    assert each[match.start : match.end] == match.text != ""
                    theirs = fields_of(items[int(finding.item)])[match.field][
                        match.item_start : match.item_end
                    ]
                    assert len(normalise(match.text)) >= match.length - 2 <= len(normalise(theirs))


def test_evidence_that_begins_inside_a_ligature_shows_the_whole_ligature() -> None:
    stem = "ield " + letters(1, 80)
    text = "x" + "ﬁ" + stem[1:] + "y"
    (finding,) = verdict_on(text, numbered([stem])).findings
    assert finding.longest == len(stem)
    assert finding.matches[0].text == "ﬁ" + stem[1:]


@pytest.mark.parametrize("alphabet", [ENGLISH, CHINESE])
def test_the_evidence_points_into_the_text_and_into_the_question_as_they_are_written(alphabet: str) -> None:
    stem = letters(1, 120, alphabet)
    written = "\n " + disguised(stem, Random(1)) + "?"
    text = "麻醉 " * 20 + disguised(stem[20:110], Random(2)) + " z"
    items = [Question(written, {"A": "alpha"}, "A", "the exam", "q-7")]
    verdict = verdict_on(text, items)
    (found,) = json.loads(verdict.evidence())["items"]
    assert (found["benchmark"], found["item"], found["answer_found"]) == ("the exam", "q-7", False)
    (match,) = found["matches"]
    assert match["field"] == "question"
    there = text[match["start"] : match["start"] + match["length"]]
    theirs = written[match["item_start"] : match["item_start"] + match["item_length"]]
    assert normalise(there) == normalise(theirs) == normalise(stem[20:110])
    assert found["coverage"] == pytest.approx(90 / len(normalise(written)), abs=0.001)


def test_shared_options_are_evidence_with_their_letter() -> None:
    option = letters(1, 80)
    items = [Question(letters(2, 90), {"A": "alpha", "C": option}, "A")]
    verdict = verdict_on(f"so {option.upper()} it is", items)
    assert verdict.reason == "contaminated_lcs"
    assert [match.field for match in verdict.findings[0].matches] == ["C"]
    assert reason_for(f"so {option} it is", items, **COVER) is None


def test_evidence_is_cut_and_says_of_how_many_questions() -> None:
    passage = letters(1, 700)
    items = numbered([f"{passage} {letters(number, 20)}" for number in range(60)])
    stored = json.loads(verdict_on(f"see {passage} there", items).evidence())
    assert (len(stored["items"]), stored["of_items"], stored["complete"]) == (50, 60, False)
    (match,) = stored["items"][0]["matches"]
    assert match["text"] == passage[:600]
    assert passage in f"see {passage} there"[match["start"] : match["start"] + match["length"]]


LONG = letters(1, 200)
OTHER = letters(2, 200)
DRUGS = {"A": "propofol", "B": "ketamine 2 mg", "C": "etomidate", "D": "midazolam"}


def quoting(size: int, stem: str = LONG) -> str:
    """A text that holds so many characters of a stem and none more."""
    return f"# {stem[:size]}#"


@pytest.mark.parametrize("alphabet", [ENGLISH, CHINESE])
@pytest.mark.parametrize("size", [65, 66, 90, 200, 900])
def test_a_text_with_a_verbatim_stem_is_dropped_by_both_rules(size: int, alphabet: str) -> None:
    items = numbered([letters(3, size, alphabet), OTHER])
    text = f"Before. {disguised(items[0].question, Random(1))} After."
    assert reason_for(text, items, rules=("lcs",)) == "contaminated_lcs"
    verdict = verdict_on(text, items, **COVER)
    assert verdict.reason == "contaminated_cover"
    assert (verdict.findings[0].item, verdict.findings[0].coverage) == ("0", 1.0)


@pytest.mark.parametrize(("size", "is_dropped"), [(119, False), (120, True), (121, True), (199, True)])
def test_cover_drops_a_text_that_holds_three_fifths_of_a_stem(size: int, is_dropped: bool) -> None:
    assert (reason_for(quoting(size), numbered([LONG]), **COVER) is not None) == is_dropped
    assert reason_for(quoting(size), numbered([LONG])) == "contaminated_lcs"


@pytest.mark.parametrize(
    ("size", "more", "is_dropped"),
    [
        (79, " propofol", False),
        (80, " propofol", True),
        (80, "", False),
        (80, " propofols", False),
        (80, " ketamine 2 mg", False),
        (119, " ketamine 2 mg", False),
    ],
)
def test_two_fifths_are_enough_where_the_correct_option_stands_as_a_word(
    size: int, more: str, is_dropped: bool
) -> None:
    items = numbered([LONG], options=DRUGS, answer="A")
    verdict = verdict_on(quoting(size) + more, items, **COVER)
    assert (verdict.reason is not None) == is_dropped
    assert verdict.findings[0].answer_found == is_dropped


@pytest.mark.parametrize(
    ("answer", "is_found"), [("no", False), ("5", False), ("yes", True), (" (Yes). ", True)]
)
def test_a_correct_option_of_one_or_two_characters_proves_nothing(answer: str, is_found: bool) -> None:
    items = numbered([LONG], options={"A": answer}, answer="A")
    assert (reason_for(quoting(80) + " no 5 yes", items, **COVER) is not None) == is_found


def test_pieces_of_33_characters_add_up_if_one_has_65() -> None:
    def pieces(*parts: tuple[int, int]) -> str:
        return " # ".join(LONG[begin : begin + size] for begin, size in parts)

    items = numbered([LONG])
    assert reason_for(pieces((0, 65), (100, 55)), items, **COVER) is not None
    assert reason_for(pieces((0, 65), (100, 54)), items, **COVER) is None
    assert reason_for(pieces((0, 65), (70, 32), (110, 32)), items, **COVER) is None
    assert reason_for(pieces((0, 64), (66, 64), (132, 64)), items, **COVER) is None


def test_thresholds_are_those_of_the_rules() -> None:
    items = numbered([LONG], options=DRUGS, answer="A")
    assert reason_for(quoting(100), items, **COVER, min_coverage=0.5) is not None
    assert reason_for(quoting(100), items, **COVER, min_coverage=0.51) is None
    assert reason_for(quoting(70) + " propofol", items, **COVER, min_coverage_with_answer=0.35) is not None
    assert reason_for(quoting(70) + " propofol", items, **COVER, min_coverage_with_answer=0.36) is None
    assert reason_for(quoting(200), items, **COVER, min_coverage=1.0) is not None


def test_the_first_rule_that_holds_gives_the_reason() -> None:
    items = numbered([LONG])
    assert reason_for(quoting(200), items, rules=("cover", "lcs")) == "contaminated_cover"
    assert reason_for(quoting(200), items, rules=("lcs", "cover")) == "contaminated_lcs"
    assert reason_for(quoting(65), items, rules=("cover", "lcs")) == "contaminated_lcs"
    assert reason_for(quoting(64), items, rules=("cover", "lcs")) is None


PASSAGE = letters(9, 100)


def with_passage(count: int, own: int = 100) -> list[Question]:
    return numbered([f"{PASSAGE} {letters(number + 20, own)}" for number in range(count)])


@pytest.mark.parametrize(
    ("questions", "least", "is_dropped"), [(2, 3, True), (3, 3, False), (2, 2, False), (9, 3, False)]
)
def test_what_several_different_questions_share_does_not_count(
    questions: int, least: int, is_dropped: bool
) -> None:
    items, rules = with_passage(questions, own=60), {**COVER, "boilerplate_items": least}
    assert reason_for(f"see {PASSAGE} there", items, **rules, min_coverage=0.5) == (
        "contaminated_cover" if is_dropped else None
    )
    assert reason_for(f"see {PASSAGE} there", items) == "contaminated_lcs"
    for item in items:
        assert reason_for(f"see {item.question} there", items, **rules) == "contaminated_cover"


def test_boilerplate_is_told_by_the_options_of_other_questions_too() -> None:
    items = numbered(
        [f"{PASSAGE} {letters(20, 60)}", OTHER, letters(3, 99)], options={"A": f"that {PASSAGE}"}
    )
    assert reason_for(f"see {PASSAGE} there", items, **COVER, min_coverage=0.5) is None


def test_copies_of_one_question_make_no_boilerplate() -> None:
    stem = letters(4, 150, CHINESE)
    items = numbered([disguised(stem, Random(seed)) for seed in range(5)])
    verdict = verdict_on(f"见{stem}。", items, **COVER)
    assert verdict.reason == "contaminated_cover"
    assert {finding.item for finding in verdict.findings} == set("01234")
    assert {finding.coverage for finding in verdict.findings} == {1.0}


def test_phrases_of_the_allow_list_do_not_count() -> None:
    items = with_passage(1, own=60)
    text = f"see {PASSAGE} there"
    assert reason_for(text, items, **COVER) == "contaminated_cover"
    assert reason_for(text, items, **COVER, allow=(disguised(PASSAGE, Random(1)),)) is None
    assert reason_for(text, items, **COVER, allow=("", " ", OTHER)) == "contaminated_cover"
    assert reason_for(text, items, allow=(PASSAGE,)) == "contaminated_lcs"
    assert reason_for(items[0].question, items, **COVER, allow=(PASSAGE,)) == "contaminated_cover"
    twice = numbered([f"{PASSAGE} {letters(20, 60)} {PASSAGE} {letters(21, 60)} {PASSAGE}"])
    assert verdict_on(text, twice, **COVER, allow=(PASSAGE,)).findings[0].coverage == pytest.approx(
        0, abs=0.02
    )


def test_a_stem_that_is_mostly_boilerplate_is_still_found_verbatim() -> None:
    items = with_passage(3, own=20)
    assert reason_for(f"see {items[1].question} there", items, **COVER) == "contaminated_cover"
    assert reason_for(f"see {PASSAGE} there", items, **COVER) is None


def test_boilerplate_is_not_held_against_a_text_that_holds_no_own_character_of_a_stem() -> None:
    items = numbered([f"{PASSAGE} {name}?" for name in ("iron", "zinc", "lead")])
    assert reason_for(f"see {items[0].question} there", items, **COVER) == "contaminated_cover"
    assert reason_for(f"see {PASSAGE} there", items, **COVER) is None


def test_a_verbatim_stem_is_found_however_many_questions_begin_like_it() -> None:
    opening = letters(8, 85)
    items = numbered([f"{opening} {letters(number + 1000, 100)}" for number in range(202)])
    for number in (0, 1, 2, 201):
        verdict = verdict_on(f"see {items[number].question} there", items, **COVER)
        assert verdict.reason == "contaminated_cover"
        assert (verdict.findings[0].item, verdict.findings[0].coverage) == (str(number), 1.0)


def test_a_text_with_nothing_but_the_boilerplate_of_many_questions_shows_what_it_shares() -> None:
    items = numbered([f"{PASSAGE} {letters(number + 1000, 40)}" for number in range(202)])
    verdict = verdict_on(f"see {PASSAGE}# there", items, rules=("cover", "lcs"))
    assert verdict.reason == "contaminated_lcs"
    assert len(verdict.findings) == 202
    assert {finding.longest for finding in verdict.findings} == {len(PASSAGE)}
    assert verdict.findings[0].matches[0].text == PASSAGE


def test_a_verbatim_stem_of_very_many_copies_is_found_beside_a_part_of_another_question() -> None:
    items = [*numbered([LONG] * 201), Question(OTHER, source_id="other")]
    assert reason_for(f"see {LONG} there", items, **COVER) == "contaminated_cover"
    assert reason_for(f"see {LONG} # {OTHER[:70]} there", items, **COVER) == "contaminated_cover"


def test_the_order_of_many_questions_that_begin_alike_does_not_change_the_verdict() -> None:
    opening = letters(8, 85)
    items = numbered([f"{opening} {letters(number + 1000, 100)}" for number in range(202)])
    text = f"see {items[0].question} there"
    assert reason_for(text, items, **COVER) == reason_for(text, items[::-1], **COVER)


def test_a_verbatim_stem_is_found_at_the_end_of_a_page_full_of_boilerplate() -> None:
    ending = ". Which of the following is the most likely diagnosis?"
    items = numbered([letters(number, 130) + ending for number in range(200)])
    page = " ".join(letters(number + 1000, 60) + ending for number in range(110))
    verdict = verdict_on(f"{page} {items[7].question}", items, **COVER)
    assert reason_for(page, items, rules=("lcs", "cover")) is None
    assert max(finding.longest for finding in verdict.findings) >= WINDOW
    assert verdict.reason == "contaminated_cover"
    assert (verdict.findings[0].item, verdict.findings[0].coverage) == ("7", 1.0)


@pytest.mark.timeout(10)
def test_a_text_with_very_many_different_combining_clusters_is_judged() -> None:
    marks = [chr(code) for code in range(0x0300, 0x0340)]
    zalgo = "".join(f"{chr(base)}{mark}" for base in range(0x4E00, 0x5100) for mark in marks)
    assert reason_for(f"{zalgo} {LONG}", numbered([LONG])) == "contaminated_lcs"


SHORT = Question("Which drug is an opioid agonist?", DRUGS, "A")
TINY = Question("Drug of choice?", DRUGS, "A")
CHINESE_SHORT = Question(
    "下列局麻药中毒性最大的是（ ）", {"A": "布比卡因", "B": "利多卡因", "C": "普鲁卡因"}, "A"
)


@pytest.mark.parametrize(
    ("item", "text", "is_dropped"),
    [
        (
            SHORT,
            "Which drug is an opioid agonist? A. Propofol B. Ketamine 2 mg C. Etomidate D. Midazolam",
            True,
        ),
        (SHORT, "WHICH drug is  an\nopioid agonist (A) Etomidate (B) midazolam", True),
        (SHORT, "Which drug is an opioid agonist? Propofol.", True),
        (SHORT, "Which drug is an opioid agonist? Propofols.", False),
        (SHORT, "Which drug is an opioid agonist? Etomidate.", False),
        (SHORT, "Which drug is an opioid agonist?", False),
        (SHORT, "Propofol, etomidate, midazolam. Which drug is an opioid agonist?", False),
        (SHORT, "Which drug is an opioid agonists? Propofol, etomidate, midazolam", False),
        (SHORT, "awhich drug is an opioid agonist? Propofol, etomidate, midazolam", False),
        (SHORT, "Which drug is a opioid agonist? Propofol, etomidate, midazolam", False),
        (TINY, "The drug of choice: propofol or etomidate", True),
        (TINY, "The drug of choice: propofol", False),
        (TINY, "The drug of choice: etomidates midazolams propofol", False),
        (CHINESE_SHORT, "问:下列局麻药中，毒性 最大的是", False),
        (CHINESE_SHORT, "1、下列局麻药中毒性\n最大的是（ ） A、布比卡因 B、利多卡因", True),
        (CHINESE_SHORT, "1、下列局麻药中毒性最大的是：布比卡因。", False),
    ],
)
def test_a_short_stem_counts_only_whole_and_with_its_options_behind_it(
    item: Question, text: str, is_dropped: bool
) -> None:
    verdict = verdict_on(text, [item], **COVER)
    assert (verdict.reason == "contaminated_cover") == is_dropped
    assert [finding.short_stem for finding in verdict.findings] == [True] * is_dropped
    assert reason_for(text, [item, *numbered([LONG])]) is None


def test_a_short_stem_is_found_where_it_stands_a_second_time() -> None:
    text = f"Which drug is an opioid agonist? {'x ' * 600} Which drug is an opioid agonist? Propofol"
    verdict = verdict_on(text, [SHORT], **COVER)
    assert verdict.findings[0].matches[0].start == text.rindex("Which")
    assert verdict.findings[0].answer_found


def test_the_evidence_of_a_short_stem_is_the_first_place_where_its_options_stand_by() -> None:
    stem = SHORT.question
    text = f"1. {stem} Etomidate, midazolam. 2. {stem} Propofol"
    (finding,) = verdict_on(text, [SHORT], **COVER).findings
    assert [match.start for match in finding.matches] == [text.index("Which")]
    assert (finding.coverage, finding.longest) == (1.0, len(SHORT.question) - 1)


@pytest.mark.parametrize(("distance", "is_dropped"), [(900, True), (1100, False)])
def test_options_far_behind_a_short_stem_do_not_count(distance: int, is_dropped: bool) -> None:
    text = f"Which drug is an opioid agonist? {'x ' * (distance // 2)} propofol"
    assert (reason_for(text, [SHORT], **COVER) is not None) == is_dropped


def test_a_word_that_goes_on_beyond_the_neighbourhood_is_no_option() -> None:
    stem = SHORT.question.removesuffix("?")
    text = f"{stem} {'x' * 990} propofolanine"
    assert text[len(stem) :][:1000].endswith(" propofol")
    assert reason_for(text, [SHORT], **COVER) is None
    assert reason_for(f"{stem} {'x' * 990} propofol", [SHORT], **COVER) is not None


@pytest.mark.parametrize(("least", "is_dropped"), [(25, True), (31, True), (32, False)])
def test_the_shortest_stem_for_the_answer_alone_is_that_of_the_rules(least: int, is_dropped: bool) -> None:
    text = "Which drug is an opioid agonist? Propofol."
    assert (reason_for(text, [SHORT], **COVER, min_short_stem=least) is not None) == is_dropped


@pytest.mark.parametrize(
    ("options", "is_dropped"),
    [
        ({}, False),
        ({"A": "propofol"}, False),
        ({"A": "propofol", "B": "etomidate"}, True),
        ({"A": "propofol", "B": "xenon"}, False),
        ({"A": "propofol", "B": "etomidate", "C": "xenon", "D": "argon"}, True),
        ({"A": "propofol", "B": "etomidate", "C": "xenon", "D": "argon", "E": "neon"}, False),
        ({"A": "propofol", "B": "etomidate", "C": "midazolam", "D": "argon", "E": "neon"}, True),
        ({"A": "...", "B": " ", "C": "xenon"}, False),
    ],
)
def test_half_of_the_options_and_at_least_two_stand_by_a_short_stem(
    options: dict[str, str], is_dropped: bool
) -> None:
    text = "Drug of choice? Propofol, etomidate, midazolam."
    assert (reason_for(text, [Question("Drug of choice?", options)], **COVER) is not None) == is_dropped


def test_short_stems_that_several_questions_share_name_all_whose_options_stand_by() -> None:
    items = [
        Question("Drug of choice?", DRUGS, "A", "exam", "1"),
        Question("drug of choice:", DRUGS, "B", "exam", "2"),
        Question("Drug of choice", {"A": "xenon", "B": "argon"}, "B", "exam", "3"),
    ]
    verdict = verdict_on("Drug of choice? Propofol or etomidate.", items, **COVER)
    assert {finding.item: finding.answer_found for finding in verdict.findings} == {"1": True, "2": False}


def test_a_stem_of_64_characters_is_found_whole_and_one_of_65_by_its_windows() -> None:
    for size, is_short in ((64, True), (65, False)):
        items = numbered([letters(6, size)], options=DRUGS, answer="A")
        verdict = verdict_on(f"see {items[0].question} propofol", items, **COVER)
        assert verdict.reason == "contaminated_cover"
        assert [finding.short_stem for finding in verdict.findings][:1] == [is_short]


def test_a_benchmark_in_which_a_rule_could_find_nothing_is_refused() -> None:
    short = [Question("Drug of choice?", DRUGS, "A")]
    for items, rules in (
        ([], ("lcs",)),
        ([], ("cover",)),
        (short, ("lcs",)),
        (short, ("cover", "lcs")),
        (numbered(["a" * 64]), ("lcs",)),
        (numbered(["Drug?", "?" * 30, ""], options={"A": LONG}), ("cover",)),
    ):
        with pytest.raises(EmptyBenchmark, match=f"none of the {len(items)} questions"):
            Benchmark.of(items, ContaminationRules(rules=rules))


def test_what_a_rule_cannot_see_is_counted() -> None:
    items = [
        *numbered(["Drug?", "Drug of choice?", "a" * 64, "drug of choice:", LONG], options=DRUGS),
        Question("Drug?", {"A": OTHER}),
    ]
    assert Benchmark.of(items, ContaminationRules()).unseen == {"lcs": 4, "cover": 2}


@pytest.mark.parametrize("rules", [("lcs",), ("cover",)])
def test_a_benchmark_of_which_a_rule_sees_one_question_is_taken(rules: tuple[str, ...]) -> None:
    items = [*numbered(["Drug?", ""]), Question(LONG, source_id="long")]
    assert reason_for(LONG, items, rules=rules) == f"contaminated_{rules[0]}"


def test_phrases_are_looked_for_only_by_the_rule_that_needs_them() -> None:
    items = [SHORT, *numbered([LONG])]
    text = SHORT.question + " propofol"
    assert flags_of(Benchmark.of(items, ContaminationRules()), [text]) == [0]
    assert flags_of(Benchmark.of(items, ContaminationRules(rules=("cover",))), [text]) == [PHRASE]


@pytest.mark.parametrize(
    "wrong",
    [
        {"rules": ()},
        {"rules": ("ngram",)},
        {"min_coverage": 0},
        {"min_coverage": 1.1},
        {"min_coverage_with_answer": 0},
        {"boilerplate_items": 1},
        {"min_short_stem": 0},
        {"min_covrage": 0.5},
    ],
)
def test_rules_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ContaminationRules(**wrong)


def medqa(folder: Path, options: int) -> list[Question]:
    lines = (folder / "mcq" / f"medqa_test_{options}options.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [
        Question(row["question"], row["options"], row["answer_idx"], "medqa", str(number))
        for number, row in enumerate(rows)
    ]


def test_all_stems_of_medqa_are_found_in_its_other_edition_by_both_rules(shared_data: Path) -> None:
    benchmark = Benchmark.of(medqa(shared_data, 4), ContaminationRules(rules=("cover",)))
    texts = [f"Q: {item.question}\nDiscuss." for item in medqa(shared_data, 5)]
    assert len(texts) == 1273
    flags = flags_of(benchmark, texts)
    assert all(flag & SHARED for flag in flags)
    for number, (text, flag) in enumerate(zip(texts, flags, strict=True)):
        verdict = benchmark.explain(text, flag)
        assert verdict.reason == "contaminated_cover"
        assert (verdict.findings[0].item, verdict.findings[0].coverage) == (str(number), 1.0)
