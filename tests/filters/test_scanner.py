"""The automaton of a lexicon against one regular expression for each variant."""

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.lexicon import Lexicon, Term
from filters.scanner import Scanner, buffers, contiguous, innermost
from filters.surfaces import expression, is_cased

VARIANTS = (
    ("nerve block", "block"),
    ("rapid sequence induction", "rapid sequence"),
    ("difficult airway laryngoscopy", "laryngoscopy"),
    ("Bier's block", "PONV", "GA of MAC"),
    ("loss of consciousness of a mass", "mass"),
    ("全身麻醉", "麻醉"),
)
TERMS = Lexicon("test", "en", tuple(Term("core", variants) for variants in VARIANTS))
PIECES = [
    *(
        "nerve",
        "block",
        "blocks",
        "s",
        "es",
        "rapid",
        "sequence",
        "induction",
        "inductions",
        "PONV",
        "ponv",
        "Of",
    ),
    *(
        "difficult",
        "airway",
        "laryngoscopy",
        "laryngoscopies",
        "Bier's",
        "Bier\u2019s",
        "biers",
        "GA",
        "MAC",
        "MACs",
    ),
    *("loss", "of", "consciousness", "a", "mass", "MASSES", "全身", "麻醉", "é", "x"),
    *(" ", " ", " ", "-", "\n", "  ", "\u2011", "- ", "   ", ""),
]
texts = st.lists(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), min_size=1, max_size=4)


def reference(text: str) -> set[tuple[int, int, int]]:
    """Every place at which some form of some variant can be read."""
    data, found = text.encode(), set()
    for number, variants in enumerate(VARIANTS):
        for variant in variants:
            pattern = re.compile(expression(variant), 0 if is_cased(variant) else re.IGNORECASE)
            for start in range(len(data)):
                for end in range(start + 1, len(data) + 1):
                    if pattern.fullmatch(data, start, end):
                        found.add((number, start, end))
    return found


@settings(max_examples=150, deadline=None)
@given(texts)
def test_the_scanner_finds_all_places_and_no_others(documents: list[str]) -> None:
    spans = Scanner(TERMS).find(*buffers(contiguous(pa.array(documents))))
    offsets = np.cumsum([0, *(len(text.encode()) for text in documents)])
    found = {
        (int(document), int(term), int(start - offsets[document]), int(end - offsets[document]))
        for document, term, start, end in zip(spans.document, spans.term, spans.start, spans.end, strict=True)
    }
    wanted = {(i, *place) for i, text in enumerate(documents) for place in reference(text)}
    assert found == wanted


@pytest.mark.parametrize("text", ["rapid sequence", "rapid sequence induction", "a nerve\nblock", "masses"])
def test_a_hit_at_the_very_end_of_the_text_is_found(text: str) -> None:
    assert len(Scanner(TERMS).find(*buffers(contiguous(pa.array([text])))).start)


def test_nothing_is_found_across_two_documents() -> None:
    spans = Scanner(TERMS).find(*buffers(contiguous(pa.array(["nerve", " block", "rapid ", "sequence"]))))
    assert spans.document.tolist() == [1]


NESTED = Lexicon(
    "test",
    "en",
    (
        Term("core", ("mass", "block", "nerve block", "GA", "general block of a nerve")),
        Term("context", ("masses of GA", "rapid mass", "difficult airway laryngoscopy", "a biopsy")),
        Term("context", ("rapid sequence induction", "Bier's block", "biopsy", "PONV", "麻醉", "全身麻醉")),
        Term("not", ("block party", "loss", "airway")),
    ),
)


@settings(max_examples=300, deadline=None)
@given(texts)
def test_the_innermost_variants_stand_in_the_same_documents(documents: list[str]) -> None:
    places = buffers(contiguous(pa.array(documents)))
    spans = Scanner(NESTED).find(*places)
    wanted = spans.document[np.array([term.role != "not" for term in NESTED.terms])[spans.term]]
    assert set(Scanner(innermost(NESTED)).find(*places).document) == set(wanted)


def test_a_variant_with_another_one_in_its_anchor_is_not_innermost() -> None:
    kept = [variant for term in innermost(NESTED).terms for variant in term.variants]
    assert "nerve block" not in kept and "rapid mass" not in kept and "全身麻醉" not in kept
    assert {"GA", "general block of a nerve"} & set(kept) == {"GA"}
    assert "difficult airway laryngoscopy" in kept and "rapid sequence induction" in kept
