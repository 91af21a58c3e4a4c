import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from xml.sax.saxutils import escape

import fsspec
import lxml.etree as etree
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anessuite.errors import SourceError
from anessuite.sources.pubmed import Citation, citation_batches, read_citations
from anessuite.sources.pubmed.xml import Fault, date_of, text_of

PROLOG = '<?xml version="1.0" encoding="{}"?>\n'
PUBLIC = (
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2019//EN" '
    '"{}/pubmed_190101.dtd">\n'
)
MATHML = 'xmlns:mml="http://www.w3.org/1998/Math/MathML"'
BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol"}">' for n in range(10))


def article(title: str = "T", pmid: str = '<PMID Version="1">1</PMID>') -> str:
    return (
        f"<PubmedArticle><MedlineCitation>{pmid}<Article><ArticleTitle>{title}</ArticleTitle></Article>"
        "</MedlineCitation></PubmedArticle>\n"
    )


def document(body: str, doctype: str = "", encoding: str = "utf-8", attributes: str = "") -> bytes:
    root = f"<PubmedArticleSet{attributes}>\n{body}</PubmedArticleSet>"
    content = f"{PROLOG.format(encoding)}{doctype}{root}"
    return content.encode(encoding, "xmlcharrefreplace")


def titles(path: Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    return [found.title for found in read_citations(str(path)) if isinstance(found, Citation)]


def plain(inner: str) -> str:
    return text_of(etree.fromstring(f"<a {MATHML}>{inner}</a>"))


def math(inner: str) -> str:
    """Tags without the prefix, for short tests."""
    prefixed = inner.replace("</", "</mml:").replace("<", "<mml:").replace("<mml:/mml:", "</mml:")
    return plain(f"<mml:math>{prefixed}</mml:math>")


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ("a <i>b</i> <b><u>c</u></b>d", "a b cd"),
        ("H<sub>2</sub>O, SpO<sub>2</sub>, <i>V</i><sub>O<sub>2</sub></sub>", "H2O, SpO2, VO2"),
        ("10<sup>-3</sup>, 10<sup>6</sup>/L, 2.5 × 10<sup>−12</sup>", "10⁻³, 10⁶/L, 2.5 × 10⁻¹²"),
        ("10<sup>6.5</sup>, kg<sup>-0.75</sup>, (a)<sup>1/2</sup>", "10^6.5, kg^-0.75, (a)^1/2"),
        ("kg/m<sup>2</sup>, min<sup>- 1 </sup>x", "kg/m², min⁻¹ x"),
        ("Ca<sup>2+</sup>, Na<sup>+</sup>, CD4<sup>+</sup>", "Ca²⁺, Na⁺, CD4⁺"),
        ("<sup>18</sup>F, [<sup>99m</sup>Tc]", "¹⁸F, [99mTc]"),
        ("1<sup>st</sup>, p53<sup>-/-</sup>, X<sup>®</sup>, <sup/>", "1st, p53-/-, X®,"),
        ("x<sup><i>n</i></sup>", "xⁿ"),
        ("β\n\t<sub>2</sub>-agonist", "β2-agonist"),
        ("labelled\n<sup>13</sup>C", "labelled ¹³C"),
        (" a\u00a0b\u2009c\n\t d \r\n", "a b c d"),
        *((f"{space}a{space}b", "a b") for space in ("&#13;", "&#9;", "&#10;", "  ", " &#xA0; ")),
        ("a<!-- c -->b<?pi x?>c<![CDATA[<i>&amp;]]>", "abc<i>&amp;"),
        ("p &lt; 0.05 &amp; n &#8805; 3 &#x2264;", "p < 0.05 & n ≥ 3 ≤"),
        ("see<DispFormula>x</DispFormula>where", "see x where"),
        ("", ""),
    ],
)
def test_markup_becomes_plain_text(inner: str, text: str) -> None:
    assert plain(inner) == text


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ("<mi>x</mi> <mo>=</mo>\n <mn>2</mn>", "x=2"),
        ("<msup><mn>10</mn><mrow><mo>-</mo><mn>3</mn></mrow></msup>", "10⁻³"),
        ("<msub><mi>CO</mi><mn>2</mn></msub>", "CO2"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "xi²"),
        ("<mfrac><mi>a</mi><mrow><mi>b</mi><mo>+</mo><mn>1</mn></mrow></mfrac>", "a/(b+1)"),
        ("<msqrt><mi>x</mi><mo>+</mo><mi>y</mi></msqrt>", "√(x+y)"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", "³√(x)"),
        ("<mover><mi>V</mi><mo>˙</mo></mover>", "V\u0307"),
        ("<mover><mi>x</mi><mi>ab</mi></mover>", "x^ab"),
        ("<munder><mi>lim</mi><mi>x</mi></munder>", "lim_x"),
        (
            "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>",
            "∑_(i=1)^n",
        ),
        (
            "<mmultiscripts><mi>C</mi><mi>a</mi><none/><mprescripts/><none/><mn>14</mn></mmultiscripts>",
            "¹⁴Ca",
        ),
        ("<mmultiscripts><mprescripts/></mmultiscripts><mmultiscripts/>", ""),
        ("<mfenced open='['><mi>a</mi><mi>b</mi></mfenced>", "[a, b)"),
        ("<mtext>MRI </mtext><mtext> </mtext><mspace/><mi>x</mi>", "MRI x"),
        ("<semantics><mi>x</mi><annotation>\\(x\\)</annotation></semantics>", "x"),
        ("<mtable><mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr></mtable>", "a b"),
        ("<msup><mi>x</mi></msup><mfrac/>", "x"),
    ],
)
def test_formulas_become_one_line(inner: str, text: str) -> None:
    assert math(inner) == text


def test_deep_nesting_is_read() -> None:
    assert plain("<sup>" * 250 + "2" + "</sup>" * 250) == "²"
    assert math("<msqrt>" * 240 + "<mi>x</mi>" + "</msqrt>" * 240).count("√") == 240


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=8)


@given(st.lists(st.tuples(st.sampled_from(["{}", "<b>{}</b>", "<i><u>{}</u></i>", "<sub>{}</sub>"]), WORDS)))
def test_bold_italics_and_subscripts_leave_no_trace(pieces: list[tuple[str, str]]) -> None:
    inner = "".join(tag.format(escape(word)) for tag, word in pieces)
    assert plain(inner) == " ".join("".join(word for _, word in pieces).split())


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ("<Year>2007</Year>", "2007"),
        ("<Year>2007</Year><Month>Oct</Month>", "2007-10"),
        ("<Year>2007</Year><Month>10</Month><Day>8</Day>", "2007-10-08"),
        ("<Year> 2007 </Year><Month>September</Month><Day>31</Day>", "2007-09-31"),
        ("<Year>2007</Year><Month>Sept.</Month><Day>3</Day>", "2007-09-03"),
        ("<Year>2007</Year><Month>13</Month><Day>1</Day>", "2007"),
        ("<Year>2007</Year><Month>1</Month><Day>32</Day>", "2007-01"),
        ("<Year>2007</Year><Day>3</Day>", "2007"),
        ("<Year>1990</Year><Season>Spring</Season>", "1990"),
        ("<MedlineDate>2000 Spring</MedlineDate>", "2000"),
        ("<MedlineDate>Fall 2017</MedlineDate>", "2017"),
        ("<MedlineDate>2000 Spring-Summer</MedlineDate>", "2000"),
        ("<MedlineDate>1998 Dec-1999 Jan</MedlineDate>", "1998-12"),
        ("<MedlineDate>2015 Oct-Dec</MedlineDate>", "2015-10"),
        ("<MedlineDate>2000 Nov 15-30</MedlineDate>", "2000-11-15"),
        ("<MedlineDate>1999 Oct 25-Nov 1</MedlineDate>", "1999-10-25"),
        ("<MedlineDate>1976-1977</MedlineDate>", "1976"),
        ("<MedlineDate>2007 1st Quart</MedlineDate>", "2007"),
        ("<MedlineDate>2000 Mayday</MedlineDate>", "2000"),
        ("<MedlineDate>Winter</MedlineDate>", ""),
        ("", ""),
    ],
)
def test_dates_are_as_precise_as_they_are_known(inner: str, text: str) -> None:
    assert date_of(etree.fromstring(f"<PubDate>{inner}</PubDate>")) == text


@given(st.dates(date(1500, 1, 1)), st.sampled_from(["%b", "%B", "%m", "%b."]), st.booleans())
def test_every_day_is_read_back(day: date, month: str, span: bool) -> None:
    written = day.strftime(f"{day.year:04} {month} %d")
    year, name, number = written.split()
    inner = f"<Year>{year}</Year><Month>{name}</Month><Day>{number}</Day>"
    if span and month != "%m":
        inner = f"<MedlineDate>{written}-{name} 31</MedlineDate>"
    assert date_of(etree.fromstring(f"<PubDate>{inner}</PubDate>")) == day.isoformat()


@pytest.mark.parametrize("suffix", [".xml", ".xml.gz", ".bin"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_compression_is_told_by_the_content(tmp_path: Path, suffix: str, pack: type[bytes]) -> None:
    content = pack(document(article("硬膜外")))
    assert titles(tmp_path / f"a{suffix}", content) == ["硬膜外"]


def test_archives_of_several_members_are_read_to_the_end(tmp_path: Path) -> None:
    content = document("".join(article(str(n)) for n in range(50)))
    packed = b"".join(gzip.compress(content[at : at + 1000]) for at in range(0, len(content), 1000))
    assert titles(tmp_path / "a.xml.gz", packed) == [str(n) for n in range(50)]


def test_urls_are_read_and_a_missing_file_is_named() -> None:
    with fsspec.open("memory://pubmed/a.xml", "wb") as file:
        file.write(document(article()))  # type: ignore[union-attr]
    assert len(list(read_citations("memory://pubmed/a.xml"))) == 1
    with pytest.raises(SourceError, match=r"memory://pubmed/none\.xml cannot be opened"):
        list(read_citations("memory://pubmed/none.xml"))


def test_a_path_that_is_no_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.xml cannot be opened: No such file or directory"):
        list(read_citations(str(tmp_path / "none.xml")))
    with pytest.raises(SourceError, match="cannot be opened: Is a directory"):
        list(read_citations(str(tmp_path)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030", "iso-8859-1"])
def test_files_are_read_in_the_encoding_that_they_declare(tmp_path: Path, encoding: str) -> None:
    content = document("".join(article(f"café 麻醉 {n}") for n in range(2000)), encoding=encoding)
    assert titles(tmp_path / "a.xml", content) == [f"café 麻醉 {n}" for n in range(2000)]


def test_a_byte_order_mark_and_comments_anywhere_are_no_fault(tmp_path: Path) -> None:
    body = f"<!-- {article('no')} -->{article('yes')}<?pi?><!-- -->"
    content = b"\xef\xbb\xbf" + document(body, "<!-- <PubmedArticleSet> -->")
    assert titles(tmp_path / "a.xml", content) == ["yes"]


@pytest.fixture
def requests() -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_the_dtd_is_neither_fetched_nor_missed(tmp_path: Path, requests: tuple[str, list[str]]) -> None:
    address, asked = requests
    assert titles(tmp_path / "a.xml", document(article("A &lt; B"), PUBLIC.format(address))) == ["A < B"]
    assert asked == []


def test_a_dtd_on_disk_is_not_loaded_either(tmp_path: Path) -> None:
    (tmp_path / "pubmed_190101.dtd").write_text("<!NO DTD: who loads it fails")
    assert titles(tmp_path / "a.xml", document(article(), PUBLIC.format(tmp_path))) == ["T"]


@pytest.mark.parametrize(
    "subset",
    [
        BOMB,
        '<!ENTITY e9 "harmless">',
        '<!ENTITY e9 SYSTEM "file:///etc/passwd">',
        '<!ENTITY e9 PUBLIC "x" "http://127.0.0.1:9/">',
        '<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;',
    ],
)
@pytest.mark.parametrize("use", ["in text", "in an attribute", "in the root", "nowhere"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_file_that_declares_entities_is_refused(
    tmp_path: Path, subset: str, use: str, encoding: str
) -> None:
    pmid = '<PMID Version="&e9;">1</PMID>' if use == "in an attribute" else "<PMID>1</PMID>"
    body = article("&e9;" if use == "in text" else "T", pmid)
    attributes = ' a="&e9;"' if use == "in the root" else ""
    content = document(body, f"<!DOCTYPE PubmedArticleSet [{subset}]>", encoding, attributes)
    with pytest.raises(SourceError, match=r"/a\.xml declares entities.*\n.*fetch it again from PubMed"):
        titles(tmp_path / "a.xml", content)


@pytest.mark.parametrize("doctype", ["", PUBLIC.format("https://dtd.nlm.nih.gov")])
def test_an_undeclared_entity_is_an_error_and_loses_no_text(tmp_path: Path, doctype: str) -> None:
    with pytest.raises(SourceError, match=r"a\.xml.*nbsp.*(not declared|not defined)"):
        titles(tmp_path / "a.xml", document(article("a&nbsp;b"), doctype))
    parser = etree.XMLParser(resolve_entities=False)
    with pytest.raises(Fault, match="the entity &x; is not declared"):
        text_of(etree.fromstring('<!DOCTYPE a SYSTEM "x"><a>b<i>&x;</i></a>', parser))


WHOLE = document("".join(article(f"Title {n}") for n in range(6)), PUBLIC.format("https://x"))
SMALL = {"suppress_health_check": [HealthCheck.function_scoped_fixture], "deadline": None}


@given(st.integers(0, len(WHOLE) - 1))
@settings(max_examples=150, **SMALL)
def test_xml_that_is_cut_off_anywhere_is_an_error(tmp_path: Path, length: int) -> None:
    with pytest.raises(SourceError, match=r"a\.xml is (cut off or no XML|empty)"):
        titles(tmp_path / "a.xml", WHOLE[:length])


@given(st.integers(1, len(gzip.compress(WHOLE)) - 1))
@settings(max_examples=100, **SMALL)
def test_an_archive_that_is_cut_off_anywhere_is_an_error(tmp_path: Path, length: int) -> None:
    with pytest.raises(SourceError, match=r"a\.xml\.gz is cut off"):
        titles(tmp_path / "a.xml.gz", gzip.compress(WHOLE)[:length])


def test_citations_before_the_fault_have_come_already(tmp_path: Path) -> None:
    path = tmp_path / "a.xml.gz"
    path.write_bytes(gzip.compress(document("".join(article(f"{n * n} {n}") for n in range(9000))))[:-2000])
    found: list[object] = []
    with pytest.raises(SourceError, match=r"a\.xml\.gz is cut off or damaged: .*\n.*--keep-going"):
        found.extend(read_citations(str(path)))
    assert 5000 < len(found) < 9000
    frames: list[int] = []
    with pytest.raises(SourceError):
        for frame in citation_batches(str(path), rows=1000):
            frames.append(len(frame))
    assert frames == [1000] * (len(found) // 1000)


def test_damage_is_told_with_the_line_and_the_citation_before(tmp_path: Path) -> None:
    body = "".join(article(f"Title {n}") for n in range(2000)) + "<PubmedArticle></MedlineCitation>"
    with pytest.raises(
        SourceError, match=r"a\.xml is cut off or no XML, after its citation [\d,]+: .*line 2003"
    ):
        titles(tmp_path / "a.xml", document(body))
    packed = bytearray(gzip.compress(WHOLE))
    packed[-6] ^= 1
    with pytest.raises(SourceError, match=r"a\.xml\.gz is cut off or damaged: CRC"):
        titles(tmp_path / "a.xml.gz", bytes(packed))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"a\.xml is empty\n.*fetch it again"),
        (b" \n", r"a\.xml is empty"),
        (b"<!-- nothing -->", r"a\.xml is cut off or no XML: it has no root element"),
        (b"<html><body/></html>", r"holds no citations: its root is <html>\n.*PubmedArticleSet, Medline"),
        (b"<a><PubmedArticleSet/></a>", r"holds no citations: its root is <a>"),
        (article().encode(), r"holds no citations: its root is <PubmedArticle>"),
        (gzip.compress(b"<a>" + b"<b/>" * 500_000)[:-8], r"holds no citations: its root is <a>"),
        (b"plain text", r"is cut off or no XML, before its first citation: .*line 1"),
        (b"{}" * 100, r"is cut off or no XML"),
        (WHOLE + WHOLE, r"is cut off or no XML, .*: XML declaration allowed only at the start"),
        (
            document(article("麻醉")).replace("麻醉".encode(), "麻醉".encode("gb18030")),
            r"not in the encoding that",
        ),
        (document(article()).replace(b"utf-8", b"klingon"), r"Unsupported encoding: klingon"),
        (document(article("&#xD800;")), r"is cut off or no XML"),
        (document(article("\x01")), r"is cut off or no XML"),
        (document("<Other/>"), r"a\.xml, line 3, Other 1: only PubmedArticle, .* are known"),
        (document(article() + article(pmid="")), r"a\.xml, line 4, PubmedArticle 2: it has no PMID\n.*fetch"),
        (document(article(pmid="<PMID> </PMID>")), r"line 3, PubmedArticle 1: it has no PMID"),
        (document(article(pmid="<PMID>PMC1</PMID>")), r"its PMID 'PMC1' is no number"),
        (document(article(pmid='<PMID Version="x">1</PMID>')), r"the version 'x' of its PMID"),
        (document("<DeleteCitation><PMID/></DeleteCitation>"), r"DeleteCitation 1: it has no PMID"),
    ],
)
def test_what_is_no_file_of_citations_is_an_error_that_names_it(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        titles(tmp_path / "a.xml", content)


def test_the_name_in_messages_is_the_one_given(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(b"")
    with pytest.raises(SourceError, match=r"^baseline/a\.xml is empty"):
        list(read_citations(str(tmp_path / "a.xml"), name="baseline/a.xml"))
    with pytest.raises(SourceError, match=r"^baseline/a\.xml is empty"):
        list(citation_batches(str(tmp_path / "a.xml"), name="baseline/a.xml"))


def test_a_real_file_that_is_cut_off_is_an_error(shared_data: Path, tmp_path: Path) -> None:
    whole = (shared_data / "pubmed/medline16n0902.xml.gz").read_bytes()
    with pytest.raises(SourceError, match=r"real\.xml\.gz is cut off or damaged"):
        titles(tmp_path / "real.xml.gz", whole[: len(whole) // 2])


PEAK = """
import re, sys
from pathlib import Path
from anessuite.sources.pubmed import read_citations
count = sum(1 for _ in read_citations(sys.argv[1]))
print(count, re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for count in (500, 15_000):
        path = tmp_path / f"{count}.xml.gz"
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(b"<PubmedArticleSet>")
            for number in range(count):
                file.write(article(f"{number} " + "words and more words " * 150).encode())
            file.write(b"</PubmedArticleSet>")
        command = [sys.executable, "-c", PEAK, str(path)]
        rows, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert int(rows) == count
        peaks.append(int(peak))
    assert peaks[1] - peaks[0] < 8_000  # kilobytes, where the larger file has 45 megabytes more
