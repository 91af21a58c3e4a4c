"""Plain text out of the snippets of HTML that stems and options of questions hold."""

import html
import re
from typing import Any

from lxml.html import HTMLParser, document_fromstring

_BLOCKS = ("blockquote", "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "pre")
_NAMES = frozenset(
    [
        *("abbr", "big", "center", "code", "del", "em", "font", "img", "ins", "mark", "small", "span"),
        *("strike", "strong", "sub", "sup", "tt", "body", "html"),
        *("table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", "br", "hr", *_BLOCKS),
    ]
)
_PAIRED = frozenset(["a", "b", "i", "q", "s", "u", "script", "style"])
"""Tags only where they are closed too: ``A<B>C`` is an order of sizes."""
_TAG = re.compile(
    r"</?([a-z][a-z0-9]*)(?:\s+[\w:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>]+))*\s*/?>|<!--(?:(?!<!--).)*?-->",
    re.IGNORECASE | re.DOTALL,
)
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z][a-z0-9]*);", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_RAISED = str.maketrans("0123456789+-−()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿ")


def plain(text: str) -> str:
    """``text`` without markup and outer white space; entities become the characters that they name.

    Only what is written like an HTML tag is taken for one: ``pH < 7`` and ``n<n-1`` stay as they are. Breaks
    and blocks begin a new line; numbers and signs stay raised (``10<sup>6</sup>`` is 10⁶, not 106).
    """
    text = _without_tags(_CONTROL.sub(" ", text))
    return _ENTITY.sub(lambda found: html.unescape(found[0]).replace("\xa0", " "), text).strip()


def _without_tags(text: str) -> str:
    found = list(_TAG.finditer(text))
    opened = {tag[1].lower() for tag in found if tag[1] and not tag[0].startswith("</")}
    closed = {tag[1].lower() for tag in found if tag[1] and tag[0].startswith("</")}
    names = _NAMES | (_PAIRED & opened & closed)
    tags = [tag for tag in found if tag[1] is None or tag[1].lower() in names]
    if not tags:
        return text
    parts, end = list[str](), 0
    for tag in tags:  # the parser must see nothing else that it could take for markup
        parts += [html.escape(text[end : tag.start()], quote=False), tag[0]]
        end = tag.end()
    parts.append(html.escape(text[end:], quote=False))
    lines = _parsed("".join(parts)).splitlines()
    return "\n".join(line.strip() for line in lines if line.strip())


def _parsed(content: str) -> str:
    parser: Any = HTMLParser(huge_tree=True)
    root: Any = document_fromstring(f"<div>{content}</div>", parser=parser)
    for element in list(root.iter("script", "style")):
        element.drop_tree()
    for element in root.iter("sup"):
        raised = element.text_content().strip().translate(_RAISED)
        if raised and all(character in _RAISED.values() for character in map(ord, raised)):
            element[:] = []
            element.text = raised
    for element in root.iter("td", "th"):
        element.tail = " " + (element.tail or "")
    for element in root.iter("br", "hr", "tr"):
        element.tail = "\n" + (element.tail or "")
    for element in root.iter(*_BLOCKS):
        element.text = "\n" + (element.text or "")
        element.tail = "\n" + (element.tail or "")
    return str(root.text_content())
