"""The lines of an exam that is a text file: decoded, with the marks of Markdown and HTML taken away."""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from anessuite.errors import SourceError
from anessuite.sources.choices import IMAGE
from anessuite.sources.exam.html import html_lines
from anessuite.sources.exam.key import key_row
from anessuite.sources.files import SourceFile
from anessuite.sources.jsonl import BROKEN, broken, opened

_HALF = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | dict.fromkeys(
    map(ord, "\u3000\xa0\u2002\u2003\u2009\u202f"), " "
)
"""Full width to half width, one character for one."""
_MARKUP = re.compile(r"\.html?(\.gz|\.zst)?$", re.IGNORECASE)
_MARKDOWN = re.compile(r"\.md(\.gz|\.zst)?$", re.IGNORECASE)
_LOOKS_LIKE_HTML = re.compile(r"\s{0,100}(<!doctype html|<html\b)", re.IGNORECASE)
_DECLARED = re.compile(
    rb"<meta[^<>]{0,200}charset\s{0,9}=\s{0,9}[\"']?\s{0,9}(gb2312|gbk|gb18030)", re.IGNORECASE
)
_HIGH = re.compile(rb"[\x80-\xff]+")
_MD_IMAGE = re.compile(r"!\[[^\[\]]{0,300}\]\([^()]{0,500}\)")
_MD_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|<>])")
_MD_STRESS = re.compile(r"(?<![\w*])\*([^*\s][^*]{0,200})\*(?![\w*])")
_KEY_BEGINS = re.compile(
    r"([\[【]?(?:参考|标准|正确)?答案[\]】]?|[Aa]nswers?(?: [Kk]ey)?|ANSWERS?(?: KEY)?|[Kk]ey|KEY)"
    r"\s{0,9}:?\s{0,9}(?=[\d(\[【第])"
)
_LEAST_ANSWERS = 2
_MD_HEADING = re.compile(r"#{1,6}\s+")


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank, from 1 on. ``text`` is stripped; ``half`` is the same, character by
    character, in half width; ``after_blank`` tells whether a blank line or a new block stands before it."""

    number: int
    text: str
    half: str
    after_blank: bool = False
    is_heading: bool = False

    def rest(self, start: int) -> "Line":
        """The same line from a character on."""
        text = self.text[start:].strip()
        return Line(self.number, text, halved(text), self.after_blank)


def halved(text: str) -> str:
    """In half width, as many characters long."""
    return text.translate(_HALF)


def exam_lines(file: SourceFile, warnings: list[str]) -> list[Line]:
    """The lines of a file that are not blank. Adds to ``warnings`` what it is taken for, if not for UTF-8.

    Raises SourceError, naming the file, if it cannot be read or is no text.
    """
    try:
        with opened(file) as stream:
            content = stream.read()
    except BROKEN as error:
        raise broken(file.name, error) from None
    text = _decoded(content, file.name, warnings)
    if _MARKUP.search(file.name) or _LOOKS_LIKE_HTML.match(text):
        return _numbered(html_lines(text, file.name))
    lines = enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1)
    if _MARKDOWN.search(file.name):
        return _numbered(_without_marks(number, line) for number, line in lines)
    return _numbered((number, line, False) for number, line in lines)


def _numbered(lines: Iterable[tuple[int, str, bool]]) -> list[Line]:
    found, after_blank = list[Line](), False
    for number, raw, is_heading in lines:
        text = raw.strip()
        if text:
            found += _parted(Line(number, text, halved(text), after_blank, is_heading))
        after_blank = not text
    return found


def _parted(line: Line) -> list[Line]:
    """The line; a heading with a row of the key behind it, such as ``Answers: 1-3 CAB``, is two."""
    announced = _KEY_BEGINS.match(line.half)
    if not announced or len(key_row(line.half[announced.end() :].strip())) < _LEAST_ANSWERS:
        return [line]
    row = line.text[announced.end() :].strip()
    return [replace(line, text=announced[1], half=announced[1]), Line(line.number, row, halved(row))]


def _decoded(content: bytes, name: str, warnings: list[str]) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _strictly(content, "utf-16", name)
    content = content.removeprefix(codecs.BOM_UTF8)
    if b"\0" in content:
        raise SourceError(f"{name} is no text: it holds zero bytes", "save it as text in UTF-8")
    if not _DECLARED.search(content[:4096]):
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
    else:
        line = 0
    if not _is_paired(content):
        raise SourceError(
            f"{name}, line {line}, is not UTF-8, and not GB18030 either", "save it as text in UTF-8"
        )
    text = _strictly(content, "gb18030", name)
    if line:
        warnings.append(f"{name} is not UTF-8 (line {line}); it was read as GB18030")
    return text


def _is_paired(content: bytes) -> bool:
    """High bytes stand mostly two by two, as in Chinese; in a Western encoding they stand mostly alone."""
    runs = _HIGH.findall(content)
    return sum(len(run) == 1 for run in runs) * 2 <= len(runs)


def _strictly(content: bytes, encoding: str, name: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SourceError(
            f"{name}, line {line}, is neither UTF-8 nor {encoding.upper()}", "save it as text in UTF-8"
        ) from None
    return text.removeprefix("\ufeff")


def _without_marks(number: int, line: str) -> tuple[int, str, bool]:
    """A line of Markdown as its reader sees it; cells of tables are parted by tabs."""
    text = _MD_IMAGE.sub(IMAGE, line.strip().removeprefix("> "))
    for mark in ("**", "__"):
        if text.count(mark) % 2 == 0:
            text = text.replace(mark, "")
    text = _MD_STRESS.sub(r"\1", text)
    heading = _MD_HEADING.match(text)
    text = text[heading.end() :].rstrip("# ") if heading else text
    if text.startswith("|"):
        text = text.strip("|").replace("|", "\t")
    return number, _MD_ESCAPE.sub(r"\1", text), heading is not None
