"""The report of a version: complete, harmless whatever the texts hold, and whole where there is nothing."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import polars as pl
import pytest

from anessuite.charts import Bar, Bin, bars, histogram, log_ticks
from anessuite.excerpts import EXCERPT_CHARS, Span, excerpt
from anessuite.manifests import Input, Manifest, Quarantined, Recipe, Stage
from anessuite.pages import percent
from anessuite.reports import CorpusFacts, corpus_report

HOSTILE = "<script>alert(1)</script></details></section>\u202egnp.exe <img src=x onerror=alert(2)> & \x00"
LONG_TERM = "超声引导下腹横肌平面神经阻滞联合静脉全身麻醉"
_BINS = {"language": pl.String, "lower": pl.Float64, "upper": pl.Float64, "documents": pl.Int64}
_TERMS = {"language": pl.String, "term": pl.String, "documents": pl.Int64}
_ROW = dict.fromkeys(["language", "source", "source_id", "url", "text"], pl.String)
_KEPT = {**_ROW, "terms": pl.List(pl.String)}
_REJECTED = {"reason": pl.String, **_ROW, "evidence": pl.String}


def manifest(**changes: Any) -> Manifest:
    funnel = [
        Stage(stage="read", source="web", rows_in=1000, dropped={"no_text": 1}),
        Stage(stage="keywords (any term)", source="web", rows_in=999, dropped={"no_term": 900}),
        Stage(stage="quality", source="web", rows_in=99, dropped={"too_short": 9}),
        Stage(stage="read", source="网页", rows_in=50, dropped={}),
        Stage(stage="keywords (any term)", source="网页", rows_in=50, dropped={"no_term": 40}),
        Stage(stage="quality", source="网页", rows_in=10, dropped={}),
    ]
    fields: dict[str, Any] = {
        "name": "corpus",
        "version": "2026.12.01",
        "created": datetime(2026, 12, 1, tzinfo=UTC),
        "recipe": Recipe(
            inputs=[Input(name="a.parquet", source="web", bytes=12345, digest="feed" * 16)],
            config={"specialty": "anesthesiology", "sources": [{"name": "网页"}]},
            texts={"filters/terms/anesthesiology.en.txt": "beef" * 16},
        ),
        "code": {"version": "0.1.0", "changed": True},
        "packages": {"polars": "2.1.0"},
        "schema_": {"text": "string"},
        "files": [],
        "rows": {"en": 90, "zh": 10},
        "drops": {"no_text": 1, "no_term": 940, "too_short": 9},
        "funnel": funnel,
        "masked": {"email": 3, "cn_id": 1},
        "quarantined": [],
        "requests": {},
        "warnings": [],
    }
    return Manifest(**(fields | changes))


def facts(**changes: Any) -> CorpusFacts:
    fields: dict[str, Any] = {
        "term_documents": pl.DataFrame(
            [("en", "propofol", 80), ("zh", LONG_TERM, 9)], schema=_TERMS, orient="row"
        ),
        "lengths": pl.DataFrame([("en", 100.0, 133.4, 90), ("zh", 75.0, 100.0, 10)], _BINS, orient="row"),
        "densities": pl.DataFrame([("en", 1.0, 1.33, 90), ("zh", 5.6, 7.5, 10)], _BINS, orient="row"),
        "rejected_samples": rejected("Call for anesthesia.", [span("anesthesia", 9, 19)]),
        "kept_samples": pl.DataFrame(
            [("en", "web", "7", "https://example.org/a", "Propofol is given.", ["propofol"])],
            schema=_KEPT,
            orient="row",
        ),
        "licences": {"web": "ODC-By", "网页": ""},
    }
    return CorpusFacts(**(fields | changes))


def span(term: str, start: int, end: int, *, counted: bool = True) -> dict[str, Any]:
    return {"term": term, "start": start, "end": end, "counted": counted}


def rejected(text: str | None, evidence: Any, *, url: str | None = None, source: str = "web") -> pl.DataFrame:
    shown = json.dumps({"hits": 1, "spans": evidence}) if isinstance(evidence, list) else evidence
    row = ("too_short", "en", source, "id-1", url, text, shown)
    return pl.DataFrame([row], schema=_REJECTED, orient="row")


class _Reader(HTMLParser):
    """Checks that elements close in order, and keeps tags, attributes and text."""

    _VOID = ("meta", "img", "link", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(page: str) -> None:
    reader = _Reader(page)
    assert not {"script", "img", "iframe", "object", "embed", "link", "base", "form"} & set(reader.tags)
    names = {name for name, _ in reader.attributes}
    assert not {name for name in names if name.startswith("on")} | ({"src", "srcset", "xlink:href"} & names)
    hrefs = [value or "" for name, value in reader.attributes if name == "href"]
    assert all(href.startswith(("#", "http://", "https://")) for href in hrefs)
    assert not re.search(r"url\(|@import", page)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", page)


def test_the_report_shows_every_number_of_the_funnel_and_every_reason() -> None:
    text = _Reader(corpus_report(manifest(), facts())).text
    for shown in ("1,050", "1,000", "999", "940", "All sources", "网页", "too_short", "feedfeed", "beefbeef"):
        assert shown in text
    for shown in ("e-mail addresses", "ODC-By", "not stated", "specialty: anesthesiology", "- name: 网页"):
        assert shown in text


def test_the_report_loads_and_runs_nothing() -> None:
    page = corpus_report(manifest(), facts())
    assert_harmless(page)
    assert "default-src 'none'" in page


def test_hostile_text_stays_text_wherever_it_comes_from() -> None:
    funnel = [Stage(stage=HOSTILE, source=HOSTILE, rows_in=9, dropped={HOSTILE: 1, "too_short": 1})]
    version = manifest(
        funnel=funnel,
        drops={HOSTILE: 1, "too_short": 1},
        warnings=[HOSTILE],
        masked={HOSTILE: 1},
        quarantined=[Quarantined(source=HOSTILE, path=HOSTILE, error=HOSTILE)],
        recipe=Recipe(
            inputs=[Input(name=HOSTILE, source=HOSTILE, bytes=1, digest=HOSTILE)],
            config={HOSTILE: HOSTILE},
            texts={HOSTILE: HOSTILE},
        ),
    )
    sample = rejected(HOSTILE, [span(HOSTILE, 0, 30)], url=f"https://x.org/{HOSTILE}\"'", source=HOSTILE)
    kept = ("en", HOSTILE, HOSTILE, f"javascript:{HOSTILE}", HOSTILE, [HOSTILE, "script"])
    page = corpus_report(
        version,
        facts(
            rejected_samples=sample,
            kept_samples=pl.DataFrame([kept], schema=_KEPT, orient="row"),
            term_documents=pl.DataFrame([("en", HOSTILE, 3)], schema=_TERMS, orient="row"),
            licences={HOSTILE: HOSTILE},
        ),
    )
    assert_harmless(page)
    assert "⟨U+202E⟩" in page


def test_an_address_that_is_not_http_is_no_link() -> None:
    page = corpus_report(manifest(), facts(rejected_samples=rejected("x", None, url="javascript:alert(1)")))
    assert "javascript:alert(1)" in page
    assert 'href="javascript' not in page


def test_a_report_without_any_row_is_whole() -> None:
    nothing = facts(
        term_documents=pl.DataFrame(schema=_TERMS),
        lengths=pl.DataFrame(schema=_BINS),
        densities=pl.DataFrame(schema=_BINS),
        rejected_samples=pl.DataFrame(schema=_REJECTED),
        kept_samples=pl.DataFrame(schema=_KEPT),
        licences={},
    )
    for version in (
        manifest(rows={}, drops={}, funnel=[], masked={}),
        manifest(
            rows={"en": 0, "zh": 0}, drops={}, funnel=[Stage(stage="read", source="a", rows_in=0, dropped={})]
        ),
    ):
        page = corpus_report(version, nothing)
        assert_harmless(page)
        assert "No row was dropped." in page
        assert not re.search(r"NaN|Infinity|undefined", page)


def test_a_language_without_documents_says_so_beside_one_that_has_them() -> None:
    only_english = facts(
        term_documents=facts().term_documents.filter(pl.col("language") == "en"),
        lengths=facts().lengths.filter(pl.col("language") == "en"),
    )
    page = corpus_report(manifest(rows={"en": 90, "zh": 0}), only_english)
    assert_harmless(page)
    assert "Nothing to show." in page


def test_warnings_and_unreadable_files_stand_before_the_numbers() -> None:
    broken = Quarantined(source="web", path="b.parquet", error="no footer")
    told = "left out b.parquet of source web: no footer"
    page = corpus_report(manifest(warnings=[told, "none is kept"], quarantined=[broken]), facts())
    assert page.index("none is kept") < page.index("no footer") < page.index("Rows read")
    assert page.count("no footer") == 1
    assert 'role="alert"' not in corpus_report(manifest(), facts())


def test_chinese_terms_are_shown_whole() -> None:
    assert f">{LONG_TERM}</text>" in corpus_report(manifest(), facts())


def test_highlights_stand_at_the_characters_that_the_evidence_names() -> None:
    text = "😀 全身麻醉 and morphine"
    spans = [span("全身麻醉", 2, 6), span("morphine", 11, 19, counted=False)]
    page = corpus_report(manifest(), facts(rejected_samples=rejected(text, spans)))
    assert (
        '<mark title="全身麻醉">全身麻醉</mark> and <mark class="idle" title="morphine">morphine</mark>'
        in page
    )


@pytest.mark.parametrize(
    "evidence",
    [
        None,
        "not json",
        "[1, 2]",
        '{"spans": 7}',
        '{"spans": [null, {"start": "a", "end": 2}, {"start": 5, "end": 999}, {"start": -2, "end": 1}]}',
    ],
)
def test_strange_evidence_breaks_nothing(evidence: str | None) -> None:
    page = corpus_report(manifest(), facts(rejected_samples=rejected("some text", evidence)))
    assert_harmless(page)
    assert "some text" in page


def test_a_row_without_text_is_shown() -> None:
    page = corpus_report(manifest(), facts(rejected_samples=rejected(None, '{"row": 17}')))
    assert "(no text)" in page
    assert "row: 17" in page


def test_an_excerpt_is_short_and_lies_around_its_highlights() -> None:
    text = "before " * 400 + "propofol and ketamine " + "after " * 400
    start = text.index("propofol")
    shown = excerpt(text, [Span(start, start + 8), Span(start + 13, start + 21)])
    assert "<mark>propofol</mark> and <mark>ketamine</mark>" in shown
    assert EXCERPT_CHARS - 50 < len(re.sub("<[^>]*>", "", shown)) <= EXCERPT_CHARS + 4
    assert re.search(r'"auto">… before .* after …</p>$', shown)


def test_overlapping_highlights_keep_the_text_as_it_is() -> None:
    shown = excerpt("abcdef", [Span(0, 3), Span(2, 5), Span(3, 4), Span(0, 2)])
    assert re.sub("<[^>]*>", "", shown) == "abcdef"
    assert "<mark>abc</mark><mark>d</mark>ef" in shown


def test_percentages_never_round_to_nothing_or_to_all() -> None:
    shares = [0.0, 1e-9, 0.00139, 0.4213, 0.99999, 1.0]
    assert [percent(share) for share in shares] == [
        "0 %",
        "< 0.001 %",
        "0.14 %",
        "42.1 %",
        "> 99.9 %",
        "100 %",
    ]


def test_a_bar_of_one_row_shows_beside_a_million_and_zero_is_drawn_empty() -> None:
    svg = bars([Bar("a", 1_000_000, "1,000,000"), Bar("b", 1, "1"), Bar("c", 0, "0")], log=True)
    lengths = [float(x) for x in re.findall(r'd="M[\d.]+,[\d.]+[Lh]([\d.]+)[^"]*" fill="#0f766e"', svg)]
    assert len(lengths) == 3
    assert lengths[0] > 20 * lengths[1] > 20 * lengths[2] == 0


def test_charts_of_nothing_are_empty_and_axes_always_have_ticks() -> None:
    assert bars([], log=True) == histogram([], title="x", domain=(1, 10)) == ""
    assert log_ticks(100, 1_000_000) == [100, 1000, 10_000, 100_000, 1_000_000]
    assert log_ticks(150, 900) == [200, 500]
    assert "<svg" in histogram([Bin(1, 1.3, 5)], title="hits", domain=(1, 1.3))


def test_importing_the_report_imports_no_chart_library() -> None:
    code = "import sys, anessuite.reports; print(int('altair' in sys.modules or 'vl_convert' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
