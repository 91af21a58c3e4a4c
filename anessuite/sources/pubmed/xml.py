"""XML as PubMed distributes it: a stream of elements, and what they hold as plain text and dates.

The parser loads no DTD, opens no network and expands no entity. A file that declares entities is refused;
XML's own (``&lt;``) and character references (``&#8722;``) are read.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import IO, Any

import fsspec
import lxml.etree as etree

from anessuite.errors import SourceError
from anessuite.sources.jsonl import BROKEN, broken, decompressed

Element = Any
"""An element of lxml, which has no types."""

_MATHML = "{http://www.w3.org/1998/Math/MathML}"
_BLOCK_BYTES = 1 << 17
_LONGEST_PROLOG = 1 << 20
_MAGIC = {b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst"}
_AGAIN = "fetch it again, or leave it out with --keep-going"
_RAISED = str.maketrans("0123456789+-−–()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁽⁾ⁿ")
_RAISABLE = re.compile(r"[0-9+\-−–()n]+")
_NUMBER = re.compile(r"[+\-−–]?[0-9]")
_ACCENTS = {"˙": "\u0307", "^": "\u0302", "¯": "\u0304", "‾": "\u0304", "~": "\u0303", "→": "\u20d7"}


class Fault(Exception):
    """What is wrong with one element; who reads the file adds its name and the place."""


def elements(path: str, *, name: str, roots: tuple[str, ...]) -> Iterator[Element]:
    """The children of the root of an XML file (plain, gzip, zstd; a path or URL), in order, one at a time.

    An element is good until the next one is asked for. Compression is told by the content, not by the suffix.

    Raises:
        SourceError: the file, called ``name``, is not there, empty, cut off, damaged or no XML, declares
            entities, or has another root than ``roots``. Elements before the fault may have come already.
    """
    count = 0
    try:
        with opened(path) as stream:
            for element in _children(stream, name, roots):
                count += 1
                yield element
    except etree.XMLSyntaxError as error:
        raise _not_xml(name, error, count) from None
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        what = error.strerror or type(error).__name__
        raise SourceError(f"{name} cannot be opened: {what}", "check the path") from None
    except BROKEN as error:
        raise broken(name, error) from None


@contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """The bytes of an XML file, decompressed."""
    fs, plain = fsspec.url_to_fs(path)
    with fs.open(plain, "rb") as raw:
        head = raw.read(4)
        raw.seek(0)
        yield decompressed(raw, next((end for magic, end in _MAGIC.items() if head.startswith(magic)), ""))


def _children(stream: IO[bytes], name: str, roots: tuple[str, ...]) -> Iterator[Element]:
    """Tags are matched for the root alone: an event for each child costs a sixth of the parser's speed."""
    parser: Any = etree.XMLPullParser(  # with collect_ids=False, lxml 6 would fetch the DTD
        events=("start",), tag=roots, resolve_entities=False, no_network=True, load_dtd=False
    )
    root, head = None, b""
    while block := stream.read(_BLOCK_BYTES):
        if root is None:
            head += block
            root = _root(parser, block, head, name)
        else:
            parser.feed(block)
        if root is not None:
            yield from _tagged(root[:-1])  # what has a younger sibling is complete
            del root[:-1]
        elif len(head) > _LONGEST_PROLOG:
            break
    if root is None:
        raise _wrong_root(head, name, roots)
    parser.close()
    yield from _tagged(root)


def _tagged(nodes: Iterable[Element]) -> Iterator[Element]:
    """Elements, without comments and processing instructions."""
    return (node for node in nodes if isinstance(node.tag, str))


def _root(parser: Any, block: bytes, head: bytes, name: str) -> Element | None:
    """The root as soon as its start tag is read; raises SourceError if entities are declared before it."""
    try:
        parser.feed(block)
    except etree.XMLSyntaxError:
        if b"<!ENTITY" in head.replace(b"\0", b""):  # UTF-16, too
            raise _declares_entities(name) from None
        raise
    root = next((element for _, element in parser.read_events()), None)
    if root is None or root.getparent() is not None:
        return None
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and dtd.entities():
        raise _declares_entities(name)
    return root


def parsed(content: bytes) -> Element:
    """The root of a small document, read as `elements` reads. Raises lxml's XMLSyntaxError."""
    parser: Any = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(content, parser)


def _declares_entities(name: str) -> SourceError:
    return SourceError(
        f"{name} declares entities, as PubMed's own files never do, and is not read",
        "fetch it again from PubMed; do not trust this one",
    )


def _wrong_root(head: bytes, name: str, roots: tuple[str, ...]) -> SourceError:
    if not head.strip():
        return SourceError(f"{name} is empty", _AGAIN)
    probe: Any = etree.XMLPullParser(events=("start",), resolve_entities=False)
    probe.feed(head)
    root = next((element.tag for _, element in probe.read_events()), None)
    if root is None:
        return SourceError(f"{name} is cut off or no XML: it has no root element", _AGAIN)
    return SourceError(f"{name} holds no citations: its root is <{root}>", f"known are {', '.join(roots)}")


def _not_xml(name: str, error: etree.XMLSyntaxError, count: int) -> SourceError:
    where = f"after its citation {count:,}" if count else "before its first citation"
    last = error.error_log.last_error
    told = last.message if last and not error.lineno else error.msg  # of an entity that is not declared
    advice = "it is not in the encoding that it declares" if "encoding" in told.lower() else _AGAIN
    return SourceError(f"{name} is cut off or no XML, {where}: {told}", advice)


def text_of(element: Element) -> str:
    """The text of an element on one line: markup gone, each run of white space one blank, the ends trimmed.

    Subscripts are joined (H2O). Raised numbers and signs stay raised, since 10⁻³ is not 10-3: as characters
    (m², Ca²⁺, ¹⁸F) or, where those lack, behind a caret (10^6.5); other raised text is joined (1st, p53-/-).
    MathML becomes a line of the same kind, such as (a+b)/2 and √(x). Raises Fault for an undeclared entity.
    """
    text = _flat(element) if len(element) else element.text or ""
    if text.isascii() and "  " not in text and "\n" not in text and "\t" not in text and "\r" not in text:
        return text.strip(" ")  # most texts, and in a tenth of the time
    return " ".join(text.split())


def _flat(element: Element) -> str:
    text = element.text or ""
    for child in element:
        if child.tag == "sub" and "\n" in text[len(text.rstrip()) :]:
            text = text.rstrip()  # a line break of some tool; nothing else stands before a subscript
        text += _inline(child, text) + (child.tail or "")
    return text


def _inline(node: Element, before: str) -> str:
    if node.tag is etree.Entity:
        raise Fault(f"the entity {node.text} is not declared")
    if not isinstance(node.tag, str):
        return ""
    if node.tag.startswith(_MATHML):
        return _math(node)
    inner = _flat(node)
    if node.tag == "sup":
        return _raised(inner, before)
    return f" {inner} " if node.tag == "DispFormula" else inner


def _raised(text: str, before: str) -> str:
    core = "".join(text.split())
    if _RAISABLE.fullmatch(core):
        return text.replace(text.strip(), core.translate(_RAISED))
    follows = before[-1:].isalnum() or before[-1:] in (")", "]")
    return f"^{text}" if follows and _NUMBER.match(core) else text


def _math(node: Element) -> str:
    """Presentation MathML on one line; white space between its elements means nothing."""
    name = node.tag.removeprefix(_MATHML)
    if name in ("mi", "mn", "mo", "ms", "mtext"):
        text = _flat(node)
        return " ".join(text.split()) or " " * bool(text)
    if name == "mmultiscripts":
        return _multiscripts(list(_tagged(node)))
    parts = [_math(child) for child in _tagged(node)]
    if len(parts) == _PARTS.get(name):
        return _layout(name, *parts)
    match name:
        case "semantics":
            return "".join(parts[:1])
        case "mspace":
            return " "
        case "msqrt":
            return f"√({''.join(parts)})"
        case "mfenced":
            return f"{node.get('open', '(')}{', '.join(parts)}{node.get('close', ')')}"
        case _:
            return (" " if name in ("mtable", "mtr") else "").join(parts)


_PARTS = {
    "msub": 2,
    "msup": 2,
    "mfrac": 2,
    "mroot": 2,
    "mover": 2,
    "munder": 2,
    "msubsup": 3,
    "munderover": 3,
}
"""How many parts a layout takes; with any other number it is wrong, and is read as a row."""


def _layout(name: str, first: str, second: str, third: str = "") -> str:
    match name:
        case "msup":
            return first + _raised(second, first)
        case "msubsup":
            return first + second + _raised(third, first + second)
        case "mfrac":
            return f"{_grouped(first)}/{_grouped(second)}"
        case "mroot":
            return f"{_raised(second, '')}√({first})"
        case "mover":
            return first + _ACCENTS.get(second, f"^{_grouped(second)}")
        case "munder":
            return f"{first}_{_grouped(second)}"
        case "munderover":
            return f"{first}_{_grouped(second)}^{_grouped(third)}"
        case _:
            return first + second


def _grouped(text: str) -> str:
    return text if text.isalnum() else f"({text})"


def _multiscripts(nodes: list[Element]) -> str:
    """A base, pairs of sub- and superscripts behind it and, after <mprescripts/>, before it."""
    names = [node.tag.removeprefix(_MATHML) for node in nodes]
    cut = names.index("mprescripts") if "mprescripts" in names else len(nodes)
    base = "".join(_math(node) for node in nodes[: min(1, cut)])
    return _scripts(nodes[cut + 1 :], "") + base + _scripts(nodes[1:cut], base)


def _scripts(nodes: list[Element], base: str) -> str:
    texts = [_math(node) for node in nodes]
    return "".join(text if at % 2 == 0 else _raised(text, base) for at, text in enumerate(texts))


_DATE = re.compile(r"\b(\d{4})\b(?:\s+([A-Za-z]+|\d{1,2})\b\.?(?:\s+(\d{1,2})\b)?)?", re.ASCII)
_MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september"]
_MONTHS += ["october", "november", "december"]


def date_of(element: Element) -> str:
    """A date of NLM's as far as it is known: 2007-10-18, 2007-10, 2007, or "" without a year.

    Months are names, abbreviations or numbers. Of a span ("1998 Dec-1999 Jan", "2000 Nov 15-30") the
    beginning counts; of a season or quarter only the year.
    """
    parts = {part.tag: text_of(part) for part in _tagged(element)}
    written = [parts.get(name, "") for name in ("Year", "Month", "Day")]
    return iso(parts.get("MedlineDate") or (" ".join(written) if written[1] else written[0]))


@lru_cache(1 << 12)
def iso(written: str) -> str:
    """A date in NLM's words, as `date_of` gives it."""
    found = _DATE.search(written)
    if not found:
        return ""
    year, month, day = found[1], _month(found[2] or ""), int(found[3] or 0)
    if not month:
        return year
    return f"{year}-{month:02}-{day:02}" if 1 <= day <= 31 else f"{year}-{month:02}"


def _month(written: str) -> int:
    if written.isdecimal():
        return int(written) if int(written) <= 12 else 0
    names = (at for at, name in enumerate(_MONTHS, start=1) if name.startswith(written.lower()))
    return next(names, 0) if len(written) >= 3 else 0
