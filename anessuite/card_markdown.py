"""Markdown for dataset cards. All that comes from data goes through `line` or `table`: texts are hostile."""

import re
from collections.abc import Iterable, Sequence

Cell = str | int


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table, its columns of numbers flush right; a column without a word in any row is left out."""
    rows = list(rows)
    told = [i for i in range(len(head)) if not rows or any(row[i] != "" for row in rows)]
    cells = [[f"{row[i]:,}" if isinstance(row[i], int) else _cell(str(row[i])) for i in told] for row in rows]
    right = [all(re.fullmatch(r"[\d,]+", row[i]) for row in cells) for i in range(len(told))]
    marks = ["---:" if is_right and rows else "---" for is_right in right]
    return "\n".join(f"| {' | '.join(row)} |" for row in [[head[i] for i in told], marks, *cells])


def line(text: str) -> str:
    """One line of Markdown; what would open an HTML element is escaped outside of code."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)


def code(text: str) -> str:
    """Text as code, whatever it holds."""
    return "`" + " ".join(text.replace("`", "'").split()) + "`"


def _cell(text: str) -> str:
    return line(text).replace("|", "\\|")
