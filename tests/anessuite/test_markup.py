import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anessuite.sources.markup import plain


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("  a\n", "a"),
        ("The <b>pH</b> is&nbsp;&lt; 7", "The pH is < 7"),
        ("a<br>b<BR/>c", "a\nb\nc"),
        ("<p class='x'>a</p><p>b</p>", "a\nb"),
        ("<table><tr><td>Na</td><td>140</td></tr><tr><td>K</td></tr></table>", "Na 140\nK"),
        ("<ul><li>a</li><li>b</li></ul>c", "a\nb\nc"),
        ("10<sup>6</sup> Ca<sup>2+</sup> H<sub>2</sub>O 4<sup>th</sup>", "10⁶ Ca²⁺ H2O 4th"),
        ('<span style="a>b">c</span><img src=a.png>', "c"),
        ("a<!-- b -->c", "ac"),
        ("a<script>if (b<c) d()</script><style>e</style>f", "af"),
        ("&beta;-blocker &#946; &#x3b2; R&D &unknown; AT&T", "β-blocker β β R&D &unknown; AT&T"),
        ("&amp;lt;", "&lt;"),
        ("<p>pH < 7 &amp;lt;</p>", "pH < 7 &lt;"),
        ("a\x00b\x0bc", "a b c"),
        ("<b>" * 400 + "deep" + "</b>" * 400, "deep"),
        ("<img src='a.png'>", ""),
    ],
)
def test_markup_goes_and_entities_become_characters(text: str, wanted: str) -> None:
    assert plain(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "pH < 7", "p<0.05 and q>3", "n<n-1", "A<B>C>D", "x <b and c> d", "<i", "NAD+ + CoA <=> CO2", "<=3天",
        "List<int>", "a <- b -> c", "<unknown>", "&", "a & b",
    ],
)  # fmt: skip
def test_what_only_looks_like_markup_stays(text: str) -> None:
    assert plain(text) == text
    assert plain(f"<p>{text}</p>") == text


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cn"], exclude_characters="<&")))
def test_a_text_without_markup_is_only_stripped(text: str) -> None:
    assert plain(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "<b" * 50_000, "<b>" * 20_000 + "</b>", "<!--" * 20_000, "<a " + "a=b " * 50_000, "&" * 200_000,
        "<p>" * 20_000,
    ],
)  # fmt: skip
def test_hostile_markup_takes_no_more_than_a_moment(text: str) -> None:
    begin = time.perf_counter()
    plain(text)
    assert time.perf_counter() - begin < 5
