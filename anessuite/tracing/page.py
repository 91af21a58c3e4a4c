"""A history as people read it: sections of plain lines and tables, in the order of the row's way."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from anessuite.manifests import Input
from anessuite.tracing.asked import Asked
from anessuite.tracing.history import History, RowHistory

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, which a terminal would obey, and those that turn the direction of a line."""
_SHOWN_CHARS = 300
_MOST_FILES = 8
_LONG = ("reasoning", "response", "text")
_REVIEW = ("annotator", "role", "level", "gold_correct", "sound", "comment", "at", "counts")


@dataclass(frozen=True, slots=True)
class Section:
    """A title, lines, and a table below them, if it has rows."""

    title: str
    lines: list[str] = field(default_factory=list)
    headings: Sequence[str] = ()
    rows: list[Sequence[Any]] = field(default_factory=list)


def sections(history: History, *, full: bool) -> Iterator[Section]:
    """The history in order; ``full`` has texts and replies whole, which are cut otherwise.

    Nothing in it can steer a terminal, whatever the row says.
    """
    for section in _sections(history, full=full):
        yield Section(
            plain(section.title),
            [plain(line) for line in section.lines],
            section.headings,
            [[plain(cell) if isinstance(cell, str) else cell for cell in row] for row in section.rows],
        )


def plain(text: str) -> str:
    """The text without control characters; each becomes U+FFFD."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _sections(history: History, *, full: bool) -> Iterator[Section]:
    built = f"built {history.created}" + (f" from commit {history.commit}" if history.commit else "")
    times = f"{history.count:,} rows have this id" if history.count > 1 else "one row has this id"
    yield Section(
        f"{history.version}, row {history.id}",
        [built, f"named by {history.matched}; {times}", *history.notes],
    )
    for number, row in enumerate(history.rows, start=1):
        of = f" ({number} of {history.count:,})" if history.count > 1 else ""
        yield from (section for section in _of_row(row, of, full=full) if section.lines or section.rows)
    if history.count > len(history.rows):
        yield Section("More rows", [f"{history.count - len(history.rows):,} more are not shown"])
    if history.lexicons:
        yield Section("Lexicons", [f"{path}, sha256 {digest}" for path, digest in history.lexicons.items()])
    if history.inputs:
        yield Section("Inputs that are versions", [_input(*one) for one in history.inputs.items()])


def _of_row(row: RowHistory, of: str, *, full: bool) -> Iterator[Section]:
    yield _fate(row, of)
    yield Section("What it is", [*_content(row.content, full=full)])
    yield Section("Where it comes from", [*_origin(row)])
    yield Section(
        "Stages",
        headings=("stage", "what it asks", "this row", "rows in", "dropped"),
        rows=[(one.stage, one.asks, one.outcome, one.rows_in, one.dropped) for one in row.passages],
    )
    yield Section(
        "Compared with",
        headings=("benchmark", "file", "digest", "rules", "this row"),
        rows=[(c.benchmark, c.file, c.digest, ", ".join(c.rules), c.outcome) for c in row.checks],
    )
    yield Section(
        "Asked of models",
        headings=("what", "model", "verdict", "prompt tokens", "completion tokens", "reply in the cache"),
        rows=[_request(one) for one in row.asked],
    )
    yield Section("Requests", [line for one in row.asked for line in _details(one, full=full)])
    yield Section(
        "Reviews",
        headings=[name.replace("_", " ") for name in _REVIEW],
        rows=[tuple(_said(review.get(name)) for name in _REVIEW) for review in row.reviews],
    )


def _fate(row: RowHistory, of: str) -> Section:
    if row.kept:
        return Section(f"Kept{of}", [f"in {row.file}"])
    lines = [f"{row.reason}: {row.meaning}" if row.meaning else str(row.reason), f"in {row.file}"]
    if row.evidence is not None:
        lines += ["evidence:", *(f"  {line}" for line in _laid_out(row.evidence))]
    lines += [f"{one.how} {one.name}" + (f": {one.told}" if one.told else "") for one in row.references]
    return Section(f"Dropped at the stage {row.stage}{of}", lines)


def _laid_out(evidence: Any) -> list[str]:
    if isinstance(evidence, str):
        return evidence.splitlines()
    return yaml.safe_dump(evidence, sort_keys=False, allow_unicode=True, width=100).splitlines()


def _content(content: Mapping[str, Any], *, full: bool) -> Iterator[str]:
    for name, value in content.items():
        if name == "options" and value:
            for option in value:
                gold = "  <- the answer" if option["letter"] == content.get("answer") else ""
                yield f"  {option['letter']}. {option['text']}{gold}"
        elif value not in (None, "", []):
            yield from _indented(f"{name}: {_cut(_said(value), full=full or name not in _LONG)}")


def _indented(text: str) -> Iterator[str]:
    first, *others = text.splitlines()
    yield first
    yield from (f"  {line}" for line in others if line.strip())


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return "" if value is None else str(value)


def _cut(text: str, *, full: bool) -> str:
    if full or len(text) <= _SHOWN_CHARS:
        return text
    return f"{text[:_SHOWN_CHARS]}… ({len(text):,} characters; --full shows all)"


def _origin(row: RowHistory) -> Iterator[str]:
    origin = row.origin
    yield f"source {origin.source}, called {origin.source_id} there"
    yield f"licence: {origin.licence or 'not stated'}"
    if len(origin.files) == 1:
        place = "" if origin.place is None else f", row {origin.place:,} (from 0)"
        yield f"file {_file(origin.files[0])}{place}"
    elif origin.files:
        yield f"one of {len(origin.files):,} files:"
        yield from (f"  {_file(one)}" for one in origin.files[:_MOST_FILES])
        if len(origin.files) > _MOST_FILES:
            yield f"  and {len(origin.files) - _MOST_FILES:,} more, all in manifest.json"
    else:
        yield "the manifest names no file of this source"


def _file(one: Input) -> str:
    return f"{one.source}, {one.bytes:,} bytes, {one.digest}"


def _request(one: Asked) -> Sequence[Any]:
    cached = {True: "yes", False: "no", None: "not known"}[one.cached]
    tokens = [count if count is not None else "" for count in (one.prompt_tokens, one.completion_tokens)]
    return (one.step, one.model, one.verdict, *tokens, cached)


def _details(one: Asked, *, full: bool) -> Iterator[str]:
    yield f"{one.step}: {one.prompt or 'no prompt is cited'}, sha256 {one.prompt_sha256 or 'unknown'}"
    if one.parameters:
        yield f"  parameters: {', '.join(f'{name} {value}' for name, value in one.parameters.items())}"
    if one.request:
        served = f", served by {one.served_model}" if one.served_model else ""
        yield f"  request {one.request}{served}"
    for name, value in one.details.items():
        shown = value if isinstance(value, dict | list) else None
        if shown is None:
            yield from (f"  {line}" for line in _indented(f"{name}: {_said(value)}"))
        else:
            yield f"  {name}:"
            yield from (f"    {line}" for line in _laid_out(shown))
    if full:
        for name, text in (("reasoning", one.reasoning), ("reply", one.text)):
            if text:
                yield f"  {name}:"
                yield from (f"    {line}" for line in text.splitlines())


def _input(name: str, there: bool) -> str:
    return f"{name}: anes show {name}" if there else f"{name}: not below this root"
