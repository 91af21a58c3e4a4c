"""Exams in HTML as lines of text: lists get their numbers and letters, cells are parted by tabs.

What a browser does not show (scripts, styles, comments) is no text. Nothing is fetched, no entity declared by
the file is read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import lxml.etree as etree

from anessuite.errors import SourceError
from anessuite.sources.choices import IMAGE

_DROPPED = frozenset(["script", "style", "head", "template", "noscript", "iframe", "object"])
_BLOCKS = frozenset(
    [
        *("address", "article", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt"),
        *("fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li"),
        *("main", "nav", "ol", "p", "pre", "section", "summary", "table", "tr", "ul"),
    ]
)
_HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])
_CELLS = frozenset(["td", "th"])
_SPACE = re.compile(r"[ \t\r\n\f]+")
_MARKED = re.compile(
    r"\s*[(（\[]?\s*([0-9０-９]{1,4}|[A-Ja-jＡ-Ｊ])\s*[.)）\]．、:：]|\s*(第|Question\b|Q\d)"
)
_LISTS = frozenset(["ol", "ul"])
_INLINE = {"img": f" {IMAGE} ", "sup": "<sup>"}
"""Raised numbers keep their tags until the text is cleaned as any other is."""
_LEAST_OPTIONS, _MOST_OPTIONS = 2, 10
_FATAL = 3


@dataclass(slots=True)
class _List:
    """A list: how its elements are labelled (``1``, ``A`` or not at all), and the number of the next."""

    kind: str
    next: int

    def label(self, element: Any) -> str:
        value = (element.get("value") or "").strip()
        place = int(value) if value.isascii() and value.isdecimal() and len(value) < 5 else self.next
        self.next = place + 1
        if self.kind == "A" and 1 <= place <= 26:
            return f"{chr(ord('A') + place - 1)}. "
        return f"{place}. " if self.kind == "1" else ""


@dataclass(slots=True)
class _Page:
    """Lines so far, and the one that is being written."""

    lines: list[tuple[int, str, bool]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    at: int = 1
    is_heading: bool = False
    label: str = ""
    """Of a list's element; written before its first text, unless that has one of its own."""
    lists: list["_List"] = field(default_factory=list)
    """Those that are open, the innermost last."""

    def write(self, text: str, line: int) -> None:
        if not text.strip():
            if self.parts and text:
                self.parts.append(" ")
            return
        if not self.parts:
            self.at = line
        if self.label:
            if not _MARKED.match(text):
                self.parts.append(self.label)
            self.label = ""
        self.parts.append(text)

    def end(self) -> None:
        """End the line that is being written, if there is one."""
        if self.parts:
            text = re.sub(r" *\t[ \t]*", "\t", re.sub(r" {2,}", " ", "".join(self.parts)))
            self.lines.append((self.at, text, self.is_heading))
            self.parts = []

    def block(self) -> None:
        """End the line and leave one blank."""
        self.end()
        self.lines.append((self.at, "", False))


def html_lines(text: str, name: str) -> list[tuple[int, str, bool]]:
    """Lines as (number in the source, text, is it a heading); blocks are parted by blank ones.

    Raises SourceError if the markup nests so deeply that it cannot be read to its end.
    """
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    content = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", " ", text).encode("utf-8", "replace")
    try:
        root: Any = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        root = None
    fatal = [fault for fault in parser.error_log if fault.level >= _FATAL]
    if fatal:
        raise SourceError(
            f"{name}, line {fatal[0].line}: its markup cannot be read: {fatal[0].message[:100]}",
            "save the page anew, or as text",
        )
    return list(_lines(root)) if root is not None else []


def _lines(root: Any) -> Iterator[tuple[int, str, bool]]:
    page, dropped = _Page(), 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag, line = element.tag, element.sourceline or page.at
        if tag in _DROPPED:
            dropped += 1 if event == "start" else -1
        if event == "start":
            if not dropped:
                _begin(page, element, tag)
                _write(page, element, element.text, line)
        else:
            if not dropped and tag not in _DROPPED:
                _finish(page, element, tag)
            if not dropped:
                _write(page, element.getparent(), element.tail, line)
    page.end()
    yield from page.lines


def _write(page: _Page, holder: Any, text: str | None, line: int) -> None:
    """Text directly inside ``holder``; line breaks of the source are spaces, except in <pre>."""
    if not text:
        return
    if holder is not None and holder.tag == "pre":
        for number, one in enumerate(text.split("\n")):
            if number:
                page.end()
            page.write(one, line + number)
        return
    page.write(_SPACE.sub(" ", text), line)


def _begin(page: _Page, element: Any, tag: str) -> None:
    if tag == "br":
        page.end()
    elif tag in _INLINE:
        page.write(_INLINE[tag], element.sourceline or page.at)
    elif tag in _CELLS:
        if page.parts:
            page.parts.append("\t")
    elif tag in _BLOCKS:
        _begin_block(page, element)
        page.is_heading = tag in _HEADINGS
        if tag in _LISTS:
            page.lists.append(_list(element))
        elif tag == "li":
            page.label = page.lists[-1].label(element) if page.lists else ""


def _begin_block(page: _Page, element: Any) -> None:
    """A block begins a new line, but the first one in a cell of a table goes on in the line of its row."""
    if not _is_in_cell(element):
        page.block()
    elif page.parts and page.parts[-1] != "\t":
        page.end()


def _finish(page: _Page, element: Any, tag: str) -> None:
    if tag == "sup":
        page.write("</sup>", element.sourceline or page.at)
    if tag not in _BLOCKS:
        return
    if not _is_in_cell(element):
        page.end()
    page.is_heading, page.label = False, ""
    if tag in _LISTS and page.lists:
        page.lists.pop()


def _is_in_cell(element: Any) -> bool:
    parent = element.getparent()
    return parent is not None and parent.tag in _CELLS


def _list(element: Any) -> _List:
    """How a list is labelled: options of a question may be a list inside the element that is the question."""
    kind, start = element.get("type") or "", (element.get("start") or "").strip()
    first = int(start) if start.isascii() and start.isdecimal() and len(start) < 5 else 1
    if kind in ("A", "a") or (not kind and _holds_options(element)):
        return _List("A", first)
    return _List("1" if element.tag == "ol" and kind in ("", "1") else "", first)


def _holds_options(element: Any) -> bool:
    parent = element.getparent()
    if parent is None or parent.tag != "li" or parent.getparent() is None or parent.getparent().tag != "ol":
        return False
    lists = [child for child in parent if child.tag in _LISTS]
    return len(lists) == 1 and _LEAST_OPTIONS <= len(element) <= _MOST_OPTIONS
