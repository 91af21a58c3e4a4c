"""The compiled normal form against its definition, and the definition against Unicode."""

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anessuite.folding import CJK
from anessuite.normalisation import Clusters, code_points, normalise, normalise_with_origins, utf8

HARD = [
    *"aA \t\n\u00a0\u3000麻醉，。“”Σσςİß½ﬁ…㌀…\ufdfa\u00a8\u00b4\u0301\u0308\u0323e\u00e9か\u3099\u309b",
    "\u1100\u1161\u11a8",
]
HARD += [*"\uac00\u0e01\u0e34\u0b95\u0bcd\u200b\u00ad\ufe0f\ufeff👍🏽①Ⅳ０９ａＡ\u2028\x00\x1c\x85"]
characters = st.sampled_from(HARD) | st.characters(exclude_categories=["Cs"])
texts = st.lists(characters, max_size=20).map("".join)


def compiled(*some: str | None) -> list[str]:
    return [form.decode() for form in utf8(pa.array(some, pa.large_string()))]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Spinal  ANESTHESIA\n", "spinal anesthesia"),
        ("ＭＡＣ　１．０", "mac 1.0"),
        ("麻醉 药品，\n患者。", "麻醉药品,患者."),
        ("使用 propofol 麻醉", "使用propofol麻醉"),
        ("“全麻”、《指南》", '"全麻",<指南>'),
        ("it\u2019s 5\u201310\u00a0mg", "it's 5-10 mg"),
        ("zero\u200bwidth so\u00adft", "zerowidth soft"),
        ("caf\u0065\u0301", "caf\u00e9"),
        ("ΟΔΟΣ", "οδοσ"),
        ("", ""),
        (" \u3000\n", ""),
    ],
)
def test_what_looks_alike_is_alike(text: str, normal: str) -> None:
    assert normalise(text) == normal
    assert compiled(text) == [normal]


@settings(max_examples=400, deadline=None)
@given(st.lists(texts, max_size=6))
@example(["\U00021e8f \U000217bc\u1161", "\u3000\u9189\u0308", "か \u3099", "\u0301", "a\u200d\u0301"])
def test_the_compiled_form_is_the_definition(some: list[str]) -> None:
    assert compiled(*some) == [normalise(text) for text in some]


@settings(max_examples=600, deadline=None)
@given(texts)
@example("麻\u3000b")
@example("a \u3000\u3000b")
@example("か\u3000\u3099 ´\u3000c")
def test_every_normal_character_knows_its_origin(text: str) -> None:
    normal, starts, ends = normalise_with_origins(text)
    assert normal == normalise(text)
    assert len(starts) == len(ends) == len(normal)
    assert (np.diff(starts) >= 0).all() and (starts < ends).all()
    for char, start, end in zip(normal, starts, ends, strict=True):
        assert char == " " or char in normalise(f"x{text[start:end]}y") or char in normalise(text[start:end])


@given(texts)
def test_the_normal_form_is_nfkc_in_lower_case_up_to_space_and_punctuation(text: str) -> None:
    def letters(some: str) -> str:
        return re.sub(r"[\W_]", "", some)

    wanted = "".join(map(str.lower, unicodedata.normalize("NFKC", text)))
    assert letters(normalise(text)) == letters(wanted)


@given(texts)
def test_blanks_stand_alone_and_never_beside_a_cjk_character(text: str) -> None:
    normal = normalise(text)
    assert not re.search(rf"\s\s|^\s|\s$|[^\S ]|[{CJK}] | [{CJK}]", normal)


def test_nulls_slices_and_chunks_keep_their_places() -> None:
    array = pa.array(["A", None, "É", "", "麻 醉"], pa.large_string())
    assert [form.decode() for form in utf8(array)] == ["a", "", "é", "", "麻醉"]
    assert [form.decode() for form in utf8(array[2:])] == ["é", "", "麻醉"]
    assert list(utf8(array[:0])) == []


def test_texts_larger_than_a_chunk_and_expansions_beyond_it_fit() -> None:
    large = ["x" * 700_000, "\ufdfa" * 60_000, "麻醉" * 300_000, "e\u0301" * 400_000]
    assert compiled(*large) == [normalise(text) for text in large]


def test_each_chunk_says_which_texts_it_holds() -> None:
    array = pa.array(["ab " * 100_000, "c", "d" * 600_000, "e"], pa.large_string())
    found: list[str] = []
    for chunk in code_points(array):
        assert chunk.first == len(found)
        found += [
            chunk.codes[begin:end].tobytes().decode("utf-32-le")
            for begin, end in zip(chunk.offsets, chunk.offsets[1:], strict=False)
        ]
    assert found == [normalise(text) for text in array.to_pylist()]


def test_more_new_clusters_than_are_noted_at_once_are_all_learnt() -> None:
    marks = [chr(code) for code in range(0x0300, 0x0340)]
    text = "".join(f"{chr(base)}{mark}" for base in range(0x0400, 0x0500) for mark in marks)
    assert compiled(text) == [normalise(text)]


def test_clusters_are_forgotten_between_texts_when_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("anessuite.normalisation._MAX_CLUSTERS", 3)
    known = Clusters()
    monkeypatch.setattr("anessuite.normalisation._met", lambda: known)
    many = ["".join(f"{base}\u0301" for base in "bcdfghjk"), "x\u0301", "y\u0302"]
    assert [compiled(text) for text in many] == [[normalise(text)] for text in many]
    assert len(known.arrays()[2]) - 1 == 2
