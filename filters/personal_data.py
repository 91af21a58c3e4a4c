"""Personal data in text: e-mail addresses, telephone numbers, IP addresses and Chinese resident identity
numbers.

`mask` writes a tag in place of each, `tags_written` counts them. Masking twice is masking once.

Deliberately left alone: 15-digit identity numbers (issued until 1999; no check digit tells them from other
numbers); addresses of private networks, which name nobody; four-part numbers that begin with one digit
(enzyme numbers such as 3.4.21.5, versions, section numbers: 1.1.1.1 and 8.8.8.8 are lost with them). A
four-part version from 11 up reads as an address. Numbers that follow a letter, digit or one of . - / > are
parts of something longer (DOI, ISBN, path, approval or trial number).
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

KINDS = ("email", "phone", "ip", "cn_id")
TAGS = {kind: f"<{kind.upper()}>" for kind in KINDS}

_LEFT = r"(^|[^A-Za-z0-9_.\-/+>])"
_RIGHT = r"($|[^A-Za-z0-9_.\-]|[.\-](?:[^A-Za-z0-9_]|$))"
"""What may stand beside a number; both are written back. Rust's regex has no look-around."""

_EMAIL = r"[A-Za-z0-9._%+\-]+@(?:[A-Za-z0-9\-]+\.)+[A-Za-z]{2,}"

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PUBLIC = (
    r"(?:(?:1[1-9]|[2-9][0-9]|1[0134568][0-9]|12[0-689]|17[013-9]|19[013-9]|2[01][0-9]|22[0-3])\." + _OCTET,
    r"172\.(?:[0-9]|1[0-5]|3[2-9]|[4-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])",
    r"192\.(?:[0-9][0-9]?|1[0-57-9][0-9]|16[0-79]|2[0-4][0-9]|25[0-5]))",
)
"""First two parts of a public IPv4 address: from 11 to 223, without 127, 172.16 to 172.31 and 192.168."""
_IPV4 = rf"{'|'.join(_PUBLIC)}\.{_OCTET}\.{_OCTET}"
_HEX = r"[0-9A-Fa-f]{1,4}"
_IPV6 = rf"(?:{_HEX}:){{7}}{_HEX}|[23][0-9A-Fa-f]{{3}}(?::{_HEX}){{1,5}}::(?:{_HEX}(?::{_HEX}){{0,4}})?"
"""All eight groups, or a global unicast address (2000::/3) with a gap."""
_IP = rf"{_IPV4}|{_IPV6}"
_IP_LEFT = r"(^|[^A-Za-z0-9_.:>])"
_IP_RIGHT = r"($|[^A-Za-z0-9_.:]|[.:](?:[^A-Za-z0-9_:.]|$)|:[0-9]{2,5}(?:[^A-Za-z0-9_:.]|$))"

_SEP = "[ \u00a0\u2010-\u2013-]"
_PHONE = "|".join(
    (
        rf"\+[1-9](?:{_SEP}?(?:\(0?[0-9]{{1,4}}\){_SEP}?)?[0-9]){{7,14}}",  # international, +CC
        r"\+[1-9][0-9]{0,2}(?:\.[0-9]{2,4}){3,4}",
        rf"(?:0086|86){_SEP}?1[3-9][0-9]{{9}}",
        r"1[3-9][0-9](?:[0-9]{8}|[ \-][0-9]{4}[ \-][0-9]{4})",  # Chinese mobile
        r"[(（]0(?:10|2[0-9]|[3-9][0-9]{2})[)）][ \-]?[0-9]{7,8}",  # Chinese landline
        r"0(?:10|2[0-9]|[3-9][0-9]{2})\-[0-9]{7,8}(?:\-[0-9]{1,5})?",
        r"[48]00\-[0-9]{3,4}\-[0-9]{3,4}",
        r"(?:1[ .\-])?\([2-9][0-9]{2}\) ?[0-9]{3}[ .\-][0-9]{4}",  # North America
        r"(?:1\-)?[2-9][0-9]{2}\-[0-9]{3}\-[0-9]{4}|(?:1\.)?[2-9][0-9]{2}\.[0-9]{3}\.[0-9]{4}",
        r"1 [2-9][0-9]{2} [0-9]{3} [0-9]{4}",
        r"(?:\(02[0-9]\) ?|02[0-9][ \-])[0-9]{4}[ \-][0-9]{4}",  # United Kingdom
        r"(?:\(01[0-9]{3}\) ?|01[0-9]{3}[ \-])[0-9]{3} ?[0-9]{2,3}",
        r"(?:\(0[138][0-9]{2}\) ?|0[138][0-9]{2}[ \-])[0-9]{3}[ \-][0-9]{4}",
        r"07[0-9]{3}[ \-][0-9]{3}[ \-]?[0-9]{3}|07[0-9]{9}",
    )
)

_ADDRESS = f"{_IP_LEFT}(?:{_IP}){_IP_RIGHT}"
_NUMBER = f"{_LEFT}(?:{_PHONE}){_RIGHT}"

_CN_ID = r"[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]"
_CN_ID_ALONE = re.compile(rf"(?<![A-Za-z0-9_.\-/+>]){_CN_ID}(?![A-Za-z0-9_])", re.ASCII)
_CN_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CN_ID_CHECKS = "10X98765432"


def mask(text: str = "text") -> pl.Expr:
    """Column `text` with a tag in place of each piece of personal data; null stays null."""
    return pl.col(text).map_batches(_mask, return_dtype=pl.String, is_elementwise=True)


def tags_written(text: str, masked: str) -> pl.Expr:
    """How many tags of each kind `mask` wrote to make column ``masked`` of column ``text``: a struct of
    unsigned integers, one field a kind; null for null."""

    def count(columns: Sequence[pl.Series]) -> pl.Series:
        before, after = columns
        at = (before != after).fill_null(False).arg_true()  # most texts are not changed
        counts = {}
        for kind, tag in TAGS.items():
            written = np.zeros(len(before), dtype=np.uint32)
            written[at] = _tags(after.gather(at), tag) - _tags(before.gather(at), tag)
            counts[kind] = written
        return (
            pl.DataFrame(counts | {"known": before.is_not_null()})
            .select(pl.when("known").then(pl.struct(*KINDS)).alias(before.name))
            .to_series()
        )

    fields = pl.Struct(dict.fromkeys(KINDS, pl.UInt32))
    return pl.map_batches([text, masked], count, return_dtype=fields, is_elementwise=True)


def valid_cn_id(number: str) -> bool:
    """Whether the last of 18 characters is the check digit (ISO 7064 MOD 11-2, as GB 11643-1999 asks)."""
    total = sum(weight * int(digit) for weight, digit in zip(_CN_ID_WEIGHTS, number, strict=False))
    return _CN_ID_CHECKS[total % 11] == number[17].upper()


def _mask(texts: pl.Series) -> pl.Series:
    texts = _changed(texts, texts.str.contains("@", literal=True), _mask_emails)
    return _changed(texts, texts.str.contains(f"{_ADDRESS}|{_CN_ID}|{_NUMBER}"), _mask_numbers)


def _mask_emails(texts: pl.Series) -> pl.Series:
    return texts.str.replace_all(_EMAIL, TAGS["email"])


def _mask_numbers(texts: pl.Series) -> pl.Series:
    texts = _replaced(texts, _ADDRESS, TAGS["ip"])
    texts = _changed(texts, texts.str.contains(_CN_ID), _mask_cn_ids)
    texts = _replaced(texts, _NUMBER, TAGS["phone"])
    return _replaced(texts, _ADDRESS, TAGS["ip"])  # those that a number beside them had hidden


def _changed(texts: pl.Series, candidates: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """The texts with a change made to the candidates only: most texts hold none."""
    at = candidates.fill_null(False).arg_true()
    if not len(at):
        return texts
    order = np.arange(len(texts))
    order[at] = len(texts) + np.arange(len(at))
    return pl.concat([texts, change(texts.gather(at))]).gather(order)


def _replaced(texts: pl.Series, pattern: str, tag: str) -> pl.Series:
    """A neighbour that one match has written back cannot open the next, so numbers one character apart need
    two passes."""

    def tagged(some: pl.Series) -> pl.Series:
        for _ in range(2):
            some = some.str.replace_all(pattern, f"${{1}}{tag}${{2}}")
        return some

    return _changed(texts, texts.str.contains(pattern), tagged)


def _mask_cn_ids(texts: pl.Series) -> pl.Series:
    """Verifies check digits, which no pattern can."""
    return pl.Series(texts.name, [_CN_ID_ALONE.sub(_tag_if_valid, text) for text in texts], dtype=pl.String)


def _tag_if_valid(match: re.Match[str]) -> str:
    return TAGS["cn_id"] if valid_cn_id(match[0]) else match[0]


def _tags(texts: pl.Series, tag: str) -> np.ndarray:
    return texts.str.count_matches(tag, literal=True).to_numpy()
