"""The hash tables of windows and phrases against brute force."""

from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filters.windows import ANCHOR, ANCHORED, OPENING, PHRASE, SHARED, WINDOW, Phrases, Windows

ALPHABETS = (
    "ab",
    "aab ",
    "麻醉",
    "abcdefghijklmnopqrstuvwxyz      .,",
    "麻醉药品患者术后镇痛呼吸循环监测,.",
    "😀👍🏽👩\u200d⚕\ufe0f\U0010ffff",
    "e\u0301\u0323x\u0331\u0e01\u0e34\u0b95\u0bcd ",
    "abc 麻醉é1,\u0331😀-",
)
PLANTED = (1, 31, 32, 33, 34, 35, 62, 63, 64, 65, 66, 67, 98, 99, 100)
ALL = 1 << 40


def codes_of(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32)
    return codes, np.cumsum([0, *map(len, texts)], dtype=np.int64)


def windows_of(fields: list[str]) -> Windows:
    return Windows.of(*codes_of(fields))


def flags_of(index: Windows | Phrases, texts: list[str]) -> list[int]:
    flags = np.zeros(len(texts), dtype=np.uint8)
    codes, offsets = codes_of(texts)
    index.flag(codes.copy(), offsets, flags)
    return flags.tolist()


def matches_of(
    index: Windows, text: str, *, most: int = 1 << 16, depth: int = ALL
) -> tuple[list[tuple[int, ...]], bool]:
    rows, whole = index.matches(codes_of([text])[0], most=most, depth=depth)
    assert rows[:, 0].tolist() == sorted(rows[:, 0])
    return sorted(map(tuple, rows.tolist())), whole


def common(text: str, other: str) -> np.ndarray:
    """For each pair of places the length of the longest common substring that ends there."""
    left, right = codes_of([text])[0], codes_of([other])[0]
    lengths = np.zeros((len(left) + 1, len(right) + 1), dtype=np.int64)
    for at, char in enumerate(left):
        lengths[at + 1, 1:] = np.where(right == char, lengths[at, :-1] + 1, 0)
    return lengths[1:, 1:]


def longest(text: str, fields: list[str]) -> int:
    return max((int(common(text, field).max(initial=0)) for field in fields), default=0)


def maximal(text: str, fields: list[str]) -> list[tuple[int, ...]]:
    """(start in the text, place in all fields, length) of common substrings that no character prolongs."""
    found, begin = [], 0
    for field in fields:
        lengths = common(text, field)
        goes_on = np.zeros(lengths.shape, dtype=bool)
        goes_on[:-1, :-1] = lengths[1:, 1:] > 0
        for at, place in np.argwhere((lengths >= ANCHOR) & ~goes_on).tolist():
            size = int(lengths[at, place])
            found.append((at + 1 - size, begin + place + 1 - size, size))
        begin += len(field)
    return sorted(found)


def places_of(fields: list[str], window: str) -> list[int]:
    found, begin = [], 0
    for field in fields:
        found += [begin + at for at in range(len(field)) if field.startswith(window, at)]
        begin += len(field)
    return found


@dataclass(frozen=True)
class World:
    fields: list[str]
    texts: list[str]


def letters(random: Random, alphabet: str, most: int) -> str:
    """Any characters, or a few over and over, one or two of them changed, so that windows repeat."""
    size = random.randint(0, most)
    if random.random() < 0.6:
        return "".join(random.choices(alphabet, k=size))
    drawn = (random.choices(alphabet, k=random.choice((1, 2, 3, 5, 33, 40))) * size)[:size]
    for _ in range(random.randint(0, 2) if size else 0):
        drawn[random.randrange(size)] = random.choice(alphabet)
    return "".join(drawn)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Fields, and texts that hold parts of fields, or of two fields that stand side by side."""
    random = draw(st.randoms(use_true_random=True))
    alphabet = draw(st.sampled_from(ALPHABETS))
    fields = [letters(random, alphabet, 150) for _ in range(draw(st.integers(0, 4)))]
    sizes = draw(st.lists(st.lists(st.sampled_from(PLANTED), max_size=3), min_size=1, max_size=4))
    texts = []
    for planted in sizes:
        text = letters(random, alphabet, random.choice((0, 40, 120)))
        for size in planted:
            source = random.choice(["".join(fields), *fields])
            begin = random.choice((0, max(0, len(source) - size), random.randint(0, len(source))))
            at = random.choice((0, len(text), random.randint(0, len(text))))
            text = text[:at] + source[begin : begin + size] + text[at:]
        texts.append(text)
    return World(fields, texts)


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_a_text_is_flagged_exactly_if_it_shares_65_characters_with_one_field(world: World) -> None:
    flags = flags_of(windows_of(world.fields), world.texts)
    for text, flag in zip(world.texts, flags, strict=True):
        size = longest(text, world.fields)
        assert bool(flag & SHARED) == (size > 64)
        assert bool(flag & ANCHORED) or size < WINDOW
        assert not flag & ANCHORED or size >= ANCHOR
        assert not flag & ~(SHARED | ANCHORED)


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_a_flag_depends_on_no_other_text_of_the_chunk(world: World) -> None:
    index = windows_of(world.fields)
    flags = flags_of(index, world.texts)
    assert flags == [flag for text in world.texts for flag in flags_of(index, [text])]
    assert flags[::-1] == flags_of(index, world.texts[::-1])


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_matches_are_all_common_substrings_of_33_that_no_character_prolongs(world: World) -> None:
    index = windows_of(world.fields)
    for text in world.texts:
        assert matches_of(index, text) == (maximal(text, world.fields), True)


@settings(max_examples=150, deadline=None)
@given(worlds(), st.integers(0, 12), st.integers(1, 6))
def test_matches_are_cut_to_the_first_rows_and_to_what_reaches_beyond_boilerplate_and_say_so(
    world: World, most: int, depth: int
) -> None:
    index, joined = windows_of(world.fields), "".join(world.fields)
    for text in world.texts:
        everything = maximal(text, world.fields)
        beyond_boilerplate = [
            row
            for row in everything
            if any(
                len(list(places_of(world.fields, joined[at : at + ANCHOR]))) <= depth
                for at in range(row[1], row[1] + row[2] - ANCHOR + 1)
            )
        ]
        found, whole = matches_of(index, text, depth=depth)
        assert found == beyond_boilerplate
        assert found == everything or not whole
        first, whole = matches_of(index, text, most=most)
        assert whole == (len(everything) < most)
        assert set(first) <= set(everything) and len(first) == min(most, len(everything))
        assert [row[0] for row in first] == [row[0] for row in everything[:most]]


@pytest.mark.parametrize(("head", "tail"), [(50, 1), (50, 60), (33, 1), (0, 50), (50, 0)])
def test_what_reaches_beyond_boilerplate_on_either_side_is_found_whole(head: int, tail: int) -> None:
    common, own = FIELD[:head] + "#" + FIELD[100 : 100 + tail], "abcdef"
    fields = [common.replace("#", char) for char in own for _ in range(3)]
    text = f"-{common.replace('#', 'c')}+"
    found, whole = matches_of(windows_of(fields), text, depth=3)
    size = len(common)
    assert found == [(1, place * size, size) for place in (6, 7, 8)] and not whole
    everything, whole = matches_of(windows_of(fields), text)
    assert everything == maximal(text, fields) and whole


def test_more_matches_than_fit_at_first_are_all_found() -> None:
    fields = [FIELD[:40] + char for char in "abcdefghijklmnopqrst"] * 10
    text = (FIELD[:40] + "-") * 60
    found, whole = matches_of(windows_of(fields), text)
    assert found == [(at * 41, place * 41, 40) for at in range(60) for place in range(200)] and whole


@settings(max_examples=200, deadline=None)
@given(worlds(), st.lists(st.integers(0, 3), min_size=4, max_size=4), st.integers(1, 4), st.integers(0, 60))
def test_windows_of_33_that_stand_in_several_groups_of_fields_are_common(
    world: World, groups: list[int], least: int, cut: int
) -> None:
    index, begin = windows_of(world.fields), 0
    group_of_field = np.array(groups[: len(world.fields)], dtype=np.int64)
    for field in world.fields:
        part = field[cut : len(field) - cut // 2]
        groups_with = [
            {group for other, group in zip(world.fields, groups, strict=False) if window in other}
            for window in (part[at : at + ANCHOR] for at in range(len(part) - ANCHOR + 1))
        ]
        found = index.common(begin + cut, begin + cut + len(part), group_of_field, least)
        assert found.tolist() == [len(those) >= least for those in groups_with]
        begin += len(field)


FIELD = "".join(chr(0x4E00 + number) for number in range(200))
"""All characters differ."""


@pytest.mark.parametrize("size", [63, 64, 65, 66, 67])
@pytest.mark.parametrize("begin", [0, 1, 32, 33, 66, 100, "end"])
def test_65_shared_characters_are_found_at_every_alignment_and_64_at_none(
    size: int, begin: int | str
) -> None:
    at = len(FIELD) - size if begin == "end" else int(begin)
    piece = FIELD[at : at + size]
    texts = [
        "-" * before + piece + "+" * after for before in range(70) for after in (0, 1, 2, 32, 33, 34, 66)
    ]
    found = flags_of(windows_of(["short", FIELD, "*" * 80]), texts)
    assert {bool(flag & SHARED) for flag in found} == {size > 64}


@pytest.mark.parametrize("size", [63, 64, 65, 66, 67])
def test_a_whole_field_is_found_exactly_if_it_has_65_characters(size: int) -> None:
    texts = ["-" * before + FIELD[:size] + "+" * after for before in range(34) for after in range(34)]
    found = flags_of(windows_of([FIELD[100:], FIELD[:size], FIELD[size:100]]), texts)
    assert {bool(flag & SHARED) for flag in found} == {size > 64}


def test_what_reaches_over_the_border_of_two_fields_is_not_shared() -> None:
    for border in range(20, 180):
        index = windows_of([FIELD[:border], FIELD[border:]])
        texts = [
            FIELD[border - own : border - own + size] for size in (65, 66, 98, 128) for own in range(1, size)
        ]
        texts = [text for text in texts if max(longest_in_order(text, border)) < WINDOW]
        assert len(texts) > 50
        assert not any(flag & SHARED for flag in flags_of(index, texts))
        text = FIELD[max(0, border - 64) : border + 64]
        assert matches_of(index, text)[0] == maximal(text, [FIELD[:border], FIELD[border:]])


def longest_in_order(text: str, border: int) -> tuple[int, int]:
    """How much of a part of FIELD stands before and behind a border."""
    before = sum(char in FIELD[:border] for char in text)
    return before, len(text) - before


def test_what_reaches_over_the_border_of_two_texts_is_not_shared() -> None:
    index = windows_of([FIELD])
    for size in (65, 66, 98, 128):
        for cut in range(size - 64, 65):
            piece = FIELD[50 : 50 + size]
            flags = flags_of(index, ["-" * (cut % 7), "-" * 40 + piece[:cut], piece[cut:] + "-" * 40, piece])
            assert [bool(flag & SHARED) for flag in flags] == [False, False, False, True]


def test_a_window_that_spans_two_fields_by_chance_does_not_hide_a_true_one() -> None:
    index = windows_of([FIELD[:50], FIELD[50:], FIELD[20:100]])
    flags = flags_of(index, [FIELD[30:95], FIELD[0:64], FIELD[110:175]])
    assert [bool(flag & SHARED) for flag in flags] == [True, False, True]
    assert matches_of(index, FIELD[60:100])[0] == [(0, 60, 40), (0, 240, 40)]


def test_every_window_of_many_fields_is_found_and_nothing_else() -> None:
    random = Random(7)
    fields = ["".join(random.choices("abcdefgh ", k=300)) for _ in range(300)]
    index = windows_of(fields)
    texts = [field[at : at + WINDOW] for field in fields for at in range(0, 236, 5)]
    assert all(flag & SHARED for flag in flags_of(index, texts))
    changed = [text[:32] + "麻" + text[33:] for text in texts]
    assert not any(flags_of(index, changed))


def test_the_tables_of_equal_characters_hold_every_place() -> None:
    index = windows_of(["a" * 500, "a" * 70])
    found, whole = matches_of(index, "b" + "a" * 33 + "b")
    assert found == [(1, place, 33) for place in (*range(468), *range(500, 538))] and whole
    texts = ["a" * 64, "a" * 65, "b" + "a" * 64 + "b", "b" + "a" * 65 + "b"]
    assert [bool(flag & SHARED) for flag in flags_of(index, texts)] == [False, True, False, True]


@pytest.mark.parametrize("fields", [[], [""], ["", ""], ["a"], ["a" * 32], ["a" * 32] * 4])
def test_fields_without_a_window_match_nothing(fields: list[str]) -> None:
    index = windows_of(fields)
    assert flags_of(index, ["", "a", "a" * 200]) == [0, 0, 0]
    assert matches_of(index, "a" * 200) == matches_of(index, "") == ([], True)


def test_no_texts_have_no_flags() -> None:
    assert flags_of(windows_of([FIELD]), []) == flags_of(Phrases.of(*codes_of(["long enough"])), []) == []


def test_flags_that_were_set_before_stay() -> None:
    flags = np.array([PHRASE, PHRASE], dtype=np.uint8)
    codes, offsets = codes_of([FIELD, "nothing"])
    windows_of([FIELD]).flag(codes, offsets, flags)
    assert flags.tolist() == [PHRASE | SHARED | ANCHORED, PHRASE]


PIECES = (
    *("abc", "abcdefgh", "defgh ijk", "ab", "x1", "é", "ß", "가", "\u0331", "\U0010ffff", "😀", "々", "ー"),
    *(" ", " ", "-", ".", "_", "麻醉", "麻醉药品", "术后镇痛泵的使用", "药"),
)
joined = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
phrases = st.lists(joined.filter(lambda text: len(text) >= OPENING), max_size=6, unique=True)


@st.composite
def quotations(draw: st.DrawFn) -> World:
    """Phrases, some of which begin with others, and texts made of them."""
    some = draw(phrases)
    some = list(dict.fromkeys([*some, *(phrase + draw(joined) for phrase in some[:2])]))
    parts = joined | st.sampled_from(some) if some else joined
    return World(some, draw(st.lists(st.lists(parts, max_size=5).map("".join), min_size=1, max_size=4)))


def in_word(char: str) -> bool:
    is_cjk = "\u2e80" <= char <= "\u9fff" or "\U00020000" <= char <= "\U0003ffff"
    return char.isalnum() and not is_cjk


def quoted(text: str, some: list[str]) -> list[tuple[int, ...]]:
    """(phrase, start) of all that stand whole, where no word goes on beyond an end."""
    return sorted(
        (number, at)
        for number, phrase in enumerate(some)
        for at in range(len(text))
        if text.startswith(phrase, at)
        and not any(
            0 < edge < len(text) and in_word(text[edge - 1]) and in_word(text[edge])
            for edge in (at, at + len(phrase))
        )
    )


def found_in(index: Phrases, text: str, *, most: int = 1 << 16) -> list[tuple[int, ...]]:
    rows = index.find(codes_of([text])[0].copy(), most=most)
    assert rows[:, 1].tolist() == sorted(rows[:, 1])
    return sorted(map(tuple, rows.tolist()))


@settings(max_examples=400, deadline=None)
@given(quotations(), st.integers(0, 3))
@example(World(["abcdefgh"], ["abcdefgh", "xabcdefgh", "abcdefghx", "x", "abcdefgh", "é abcdefgh-"]), 1)
def test_a_phrase_is_found_wherever_it_stands_whole_between_words(world: World, most: int) -> None:
    index = Phrases.of(*codes_of(world.fields))
    expected = [quoted(text, world.fields) for text in world.texts]
    assert flags_of(index, world.texts) == [PHRASE if found else 0 for found in expected]
    for text, found in zip(world.texts, expected, strict=True):
        assert found_in(index, text) == found
        first = found_in(index, text, most=most)
        assert set(first) <= set(found) and len(first) == min(most, len(found))


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("the drug of choice", True),
        ("(the drug of choice)", True),
        ("so the drug of choice is", True),
        ("the drug of choices", False),
        ("lathe drug of choice", False),
        ("1the drug of choice", False),
        ("the drug of choice2", False),
        ("the drug of choiceé", False),
        ("the drug of choice麻醉", True),
        ("麻醉the drug of choice", True),
        ("the drug of  choice", False),
        ("the drug of choic", False),
    ],
)
def test_an_english_phrase_ends_where_its_words_end(text: str, is_found: bool) -> None:
    assert bool(found_in(Phrases.of(*codes_of(["the drug of choice"])), text)) == is_found


@pytest.mark.parametrize(
    "text", ["下列局麻药毒性最大的是", "问下列局麻药毒性最大的是谁", "1下列局麻药毒性最大的是a"]
)
def test_a_chinese_phrase_is_found_between_any_characters(text: str) -> None:
    assert found_in(Phrases.of(*codes_of(["下列局麻药毒性最大的是"])), text) == [(0, text.index("下"))]


def test_a_phrase_is_not_found_over_the_border_of_two_texts_whose_words_do_not_join() -> None:
    index = Phrases.of(*codes_of(["abcdefgh ijk"]))
    assert flags_of(index, ["abcdefgh", " ijk", "x", "abcdefgh ijk", "x"]) == [0, 0, 0, PHRASE, 0]


def test_many_phrases_with_one_opening_are_told_apart() -> None:
    some = [f"which of these is drug {number}" for number in range(500)]
    index = Phrases.of(*codes_of(some))
    for number in (0, 1, 49, 50, 499):
        assert found_in(index, f"tell us: {some[number]}?") == [(number, 9)]
    assert found_in(index, "which of these is drug 500") == []
