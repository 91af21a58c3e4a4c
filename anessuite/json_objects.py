"""JSON objects in the text of a model's reply: in fences, after prose, or alone. Nothing is repaired."""

import json
import re
from typing import Any, Never

import orjson

_BEGINS = re.compile(r'\{(?=\s*["}])')
_MOST_OBJECTS = 100
"""A reply in which more objects begin holds no answer; it bounds the time that reading takes."""


def objects_in(text: str) -> list[Any]:
    """The outermost objects of a text, from left to right.

    What was read of an object until its fault is not looked into. There are none in a text where an object
    names a key twice or nests too deep, or where too many begin.
    """
    found, at = list[Any](), 0
    for _ in range(_MOST_OBJECTS):
        begin = _BEGINS.search(text, at)
        if begin is None:
            return found
        try:
            value, at = _DECODER.raw_decode(text, begin.start())
            found.append(value)
        except json.JSONDecodeError as error:
            if error.msg.startswith("Unterminated string"):
                return found  # all that follows is inside of it
            at = max(error.pos, begin.end())
        except (ValueError, RecursionError):
            break
    return []


def is_unicode(value: Any) -> bool:
    """False for a value with half a character, which JSON can write and no file or request can hold."""
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse)
