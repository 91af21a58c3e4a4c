"""Automata are kept from one process to the next, and made anew where the kept one is of no use."""

from pathlib import Path

import hyperscan
import pytest

from filters import automata
from filters.automata import automaton
from filters.scanner import scan

LITERALS = [(b"mass", False), (b"PONV", True), (b"mac", False)]


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(automata, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(automata, "MIN_KEPT", len(LITERALS))
    return tmp_path / "kept"


def found(database: hyperscan.Database) -> list[tuple[int, int]]:
    hits: list[tuple[int, int]] = []
    scan(database, memoryview(b"MASS ponv PONV Mac"), lambda i, _s, end, _f, _c: hits.append((i, end)))
    return sorted(hits)


EXPECTED = [(0, 4), (1, 14), (2, 18)]


def test_a_kept_automaton_finds_the_same_and_is_not_compiled_again(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(automaton(LITERALS)) == EXPECTED
    assert [path.suffix for path in kept.iterdir()] == [".hs"]
    monkeypatch.setattr(automata, "_compile", lambda _: pytest.fail("compiled again"))
    assert found(automaton(LITERALS)) == EXPECTED


def test_other_literals_have_an_automaton_of_their_own(kept: Path) -> None:
    automaton(LITERALS)
    assert found(automaton([*LITERALS[:2], (b"mac", True)])) == EXPECTED[:2]
    assert len(list(kept.iterdir())) == 2


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_damaged_one_is_made_anew(kept: Path, damage: str) -> None:
    automaton(LITERALS)
    (path,) = kept.iterdir()
    whole = path.read_bytes()
    changed = whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:]
    path.write_bytes({"cut": whole[:-9], "changed": changed, "empty": b""}[damage])
    assert found(automaton(LITERALS)) == EXPECTED
    assert path.stat().st_size == len(whole)


def test_a_folder_that_cannot_be_written_does_not_matter(kept: Path) -> None:
    kept.write_text("a file where the folder should be")
    assert found(automaton(LITERALS)) == EXPECTED


def test_few_literals_are_not_kept(kept: Path) -> None:
    assert found(automaton(LITERALS[:2])) == EXPECTED[:2]
    assert not kept.exists()
