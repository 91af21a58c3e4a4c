"""Automata that travel between processes."""

import polars as pl
import pytest

from filters import scanner as module
from filters.keywords import term_statistics
from filters.lexicon import Lexicon, parse_lexicon
from filters.scanner import Scanner, automata_key, is_compiled, preload, scanner

TEXTS = pl.DataFrame({"text": ["Nerve blocks and propofol.", "propofols", None, "a nerve\nblock"]})


def lexicon(*lines: str) -> Lexicon:
    return parse_lexicon("\n".join(lines), specialty="travel", language="en")


def statistics(terms: Lexicon) -> list[object]:
    return TEXTS.select(term_statistics(terms, context_window=100))["text"].to_list()


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_scanners", {})


def test_loaded_automata_find_what_compiled_ones_find() -> None:
    terms = lexicon("core: propofol", "context: nerve block")
    automata = scanner(terms).automata()
    compiled = statistics(terms)
    module._scanners.clear()
    preload(terms, automata)
    assert is_compiled(terms)
    assert statistics(terms) == compiled


def test_automata_that_do_not_load_are_compiled_again() -> None:
    terms = lexicon("core: propofol")
    whole = Scanner(terms).automata()
    preload(terms, (whole[0][: len(whole[0]) // 2], b"nonsense"))
    assert not is_compiled(terms)
    assert statistics(terms)[1]["terms"] == ["propofol"]


def test_the_key_changes_with_every_variant_and_class_that_is_looked_for() -> None:
    keys = {
        automata_key(lexicon(*lines))
        for lines in (("core: a b",), ("core: a c",), ("core: a b", "not: a c"), ("core: a b", "core: a c"))
    }
    assert len(keys) == 4
    assert automata_key(lexicon("core: a b")) in keys
