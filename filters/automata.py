"""Hyperscan automata of many literals. Large ones are kept beside the byte code, as Numba keeps its code.

Compiling a lexicon takes a fifth of a second in each process, reading it again a millisecond.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import hyperscan

KEPT = Path(__file__).parent / "__pycache__"
MIN_KEPT = 2000
"""Literals from which on an automaton is kept; smaller ones are compiled in some milliseconds."""


def automaton(literals: list[tuple[bytes, bool]]) -> hyperscan.Database:
    """Finds each literal, in its own case only where the second value is True; its number is its place."""
    if len(literals) < MIN_KEPT:
        return _compile(literals)
    path = KEPT / f"{hashlib.sha256(repr(literals).encode()).hexdigest()[:32]}.hs"
    with suppress(OSError, hyperscan.error):  # none there, a broken one, of another version or processor
        database = hyperscan.loadb(path.read_bytes(), hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
        return database
    database = _compile(literals)
    with suppress(OSError):  # a folder that cannot be written costs time only
        KEPT.mkdir(exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_bytes(hyperscan.dumpb(database))
        partial.replace(path)
    return database


def _compile(literals: list[tuple[bytes, bool]]) -> hyperscan.Database:
    database = hyperscan.Database()
    database.compile(
        expressions=[literal for literal, _ in literals],
        ids=list(range(len(literals))),
        elements=len(literals),
        flags=[0 if cased else hyperscan.HS_FLAG_CASELESS for _, cased in literals],
        literal=True,
    )
    return database
