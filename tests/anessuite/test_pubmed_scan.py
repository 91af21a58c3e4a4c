"""The scanner beside the parser: what one gives the other gives, what one refuses the other refuses."""

import gzip
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anessuite.errors import SourceError
from anessuite.sources.pubmed import (
    CITATION,
    Citation,
    Deletion,
    blocks,
    citation_batches,
    parsed_batches,
    trees,
)
from anessuite.sources.pubmed.blocks import NotPlain, plain_batches

SAMPLES = Path(__file__).parents[2] / "samples" / "pubmed"
PROLOG = (
    '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, '
    '1st January 2019//EN" "https://dtd.nlm.nih.gov/pubmed_190101.dtd">\n'
)
MATHML = '<mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML"><mml:mi>x</mml:mi></mml:math>'
FULL = """<PubmedArticle>
<MedlineCitation Status="MEDLINE" Owner='NLM'><PMID Version="1">11</PMID>
<DateRevised><Year>2020</Year></DateRevised>
<Article PubModel="Print"><Journal><ISSN IssnType="Print">0007-0912</ISSN><JournalIssue><PubDate>
<Year>2007</Year><Month>Oct</Month><Day>3</Day></PubDate></JournalIssue>
<Title>British journal</Title></Journal>
<ArticleTitle>Wake-up &lt; 5 min:\u2009café 麻醉</ArticleTitle>
<ELocationID EIdType="doi" ValidYN="Y">10.1/a</ELocationID>
<Abstract><AbstractText Label="AIMS &amp; METHODS:"
NlmCategory="OBJECTIVE">SpO<sub>2</sub> of  90&#37;</AbstractText>
<AbstractText Label="UNLABELLED">B]]c</AbstractText><AbstractText/></Abstract><Language>eng</Language>
<PublicationTypeList><PublicationType UI="D016441">Retracted Publication</PublicationType>
</PublicationTypeList>
<VernacularTitle>Réveil</VernacularTitle></Article><MedlineJournalInfo><ISSNLinking>1471-6771</ISSNLinking>
</MedlineJournalInfo><MeshHeadingList><MeshHeading>
<DescriptorName UI="D1" MajorTopicYN="N">Pain</DescriptorName>
<QualifierName MajorTopicYN="Y">therapy</QualifierName></MeshHeading><MeshHeading>
<DescriptorName MajorTopicYN="N"
>Adult</DescriptorName ></MeshHeading></MeshHeadingList><KeywordList><Keyword>k1</Keyword><Keyword> </Keyword>
</KeywordList><OtherID Source="NLM">PMC77 [Available]</OtherID><CommentsCorrectionsList><CommentsCorrections
RefType="RetractionIn"><PMID>9</PMID></CommentsCorrections></CommentsCorrectionsList></MedlineCitation>
<PubmedData><ArticleIdList><ArticleId IdType="pubmed">11</ArticleId><ArticleId IdType="doi">10.1/b</ArticleId>
<ArticleId IdType="pmc">PMC12</ArticleId></ArticleIdList></PubmedData></PubmedArticle>
"""
SHORT = (
    "<PubmedArticle><MedlineCitation><PMID>{}</PMID><Article><Journal><JournalIssue><PubDate>{}</PubDate>"
    "</JournalIssue></Journal>{}</Article></MedlineCitation></PubmedArticle>"
)
END_OF_TYPES = "</PublicationTypeList>"
DATE = "<MedlineDate>1998 Dec-1999 Jan</MedlineDate>"
SMALL = {"suppress_health_check": [HealthCheck.function_scoped_fixture], "deadline": None}


def short(article: str = "", pmid: str = "7", date: str = DATE) -> str:
    return SHORT.format(pmid, date, article)


def document(*citations: str) -> bytes:
    return f"{PROLOG}<PubmedArticleSet>\n{''.join(citations)}</PubmedArticleSet>\n".encode()


DELETION = "<DeleteCitation><PMID>8</PMID></DeleteCitation>"
WHOLE = document(FULL, short("<ArticleTitle>T</ArticleTitle>"), DELETION)


def given_by(frames: Callable[[], Iterator[pl.DataFrame]]) -> tuple[list[pl.DataFrame], str]:
    """Frames, and the message of the error that came after them."""
    found: list[pl.DataFrame] = []
    try:
        found.extend(frame for frame in frames())
    except SourceError as error:
        return found, str(error)
    return found, ""


def by_scanner(path: Path, block_bytes: int = 1 << 20) -> pl.DataFrame | None:
    """What the scanner gives where it answers for the whole file."""
    try:
        batches = list(plain_batches(str(path), block_bytes=block_bytes))
    except NotPlain:
        return None
    return pl.DataFrame(pa.Table.from_batches(batches, schema=CITATION))


def check(path: Path, rows: int = 2) -> bool:
    """Compare; True if the scanner answered for the file."""
    wanted, refused = given_by(lambda: parsed_batches(str(path), rows=rows))
    found, error = given_by(lambda: citation_batches(str(path), rows=rows))
    assert error == refused
    assert [one.equals(other) for one, other in zip(found, wanted, strict=False)] == [True] * len(wanted)
    assert len(found) == len(wanted) or error
    scanned = by_scanner(path)
    if scanned is None:
        return False
    assert not refused
    assert scanned.equals(pl.concat(wanted) if wanted else pl.DataFrame(CITATION.empty_table()))
    return True


def checked(folder: Path, content: bytes) -> bool:
    (folder / "a.xml").write_bytes(content)
    return check(folder / "a.xml")


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The citations (their tags) that the scanner leaves to the parser."""
    tags: list[str] = []

    def citations_of(element: Any) -> Iterator[Citation | Deletion]:
        tags.append(element.tag)
        return trees.citations_of(element)

    monkeypatch.setattr(blocks, "citations_of", citations_of)
    return tags


def test_the_baseline_is_scanned_but_for_its_deletion(shared_data: Path, parsed: list[str]) -> None:
    assert by_scanner(shared_data / "pubmed" / "medline16n0902.xml.gz") is not None
    assert parsed == ["DeleteCitation"]


def test_markup_entities_and_white_space_need_no_parser_for_the_citation(
    tmp_path: Path, parsed: list[str]
) -> None:
    (tmp_path / "a.xml").write_bytes(document(FULL, short(), FULL))
    assert by_scanner(tmp_path / "a.xml") is not None
    assert parsed == []
    (tmp_path / "a.xml").write_bytes(document(FULL, short("<!-- -->"), FULL))
    assert by_scanner(tmp_path / "a.xml") is not None
    assert parsed == ["PubmedArticle"]


def test_real_files_give_the_same_frames_without_a_whole_file_parsed(shared_data: Path) -> None:
    files = sorted((shared_data / "pubmed").rglob("*.xml*"))
    assert len(files) >= 9
    assert all(check(path, rows=100) for path in files)


@pytest.mark.parametrize("path", sorted(SAMPLES.rglob("*.xml*")), ids=lambda path: path.name)
def test_samples_give_the_same_frames(path: Path) -> None:
    assert check(path)
    content = path.read_bytes()
    raw = gzip.decompress(content) if path.suffix == ".gz" else content
    whole = by_scanner(path)
    for block_bytes in (997, 4096, len(raw) - 1):
        found = by_scanner(path, block_bytes)
        assert found is not None and whole is not None and found.equals(whole)


def test_a_block_may_end_at_any_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(WHOLE)
    wanted = pl.concat(parsed_batches(str(path)))
    for block_bytes in [*range(1, 64), *range(64, len(WHOLE) + 2, 5)]:  # a block of one ends at each byte
        found = by_scanner(path, block_bytes)
        assert found is not None and found.equals(wanted), block_bytes


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
def test_a_file_cut_off_at_any_byte_is_refused_in_the_same_words(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.xml"
    for length in random.Random(size).sample(range(len(WHOLE.rstrip())), 60):
        path.write_bytes(WHOLE[:length])
        assert by_scanner(path, size) is None
    assert not check(path)


@pytest.mark.parametrize(
    "article",
    [
        "<ArticleTitle><!-- </PubmedArticle> --> T</ArticleTitle>",
        "<ArticleTitle><!-- c -->T</ArticleTitle>",
        "<ArticleTitle><![CDATA[<i>&amp;]]></ArticleTitle>",
        "<ArticleTitle>a<?pi > ?>b</ArticleTitle>",
        f"<ArticleTitle>a {MATHML}</ArticleTitle>",
        f"<X>{MATHML}</X>",
        "<X xml:lang='en' a=\"b>c\"/>",
        "<X a='1' b='1' c='1' d='1' e='1' f='1' g='1' h='1' i='1' j='1'/>",
        "<ns:X xmlns:ns='u'/><X xmlns='u'><PMID/></X><é/>",
        "<ArticleTitle>[Not Available].</ArticleTitle><VernacularTitle>V</VernacularTitle>",
        "<ArticleTitle>[not\n available]</ArticleTitle><VernacularTitle>V</VernacularTitle>",
        "<ArticleTitle>[<b>Not</b> Available]</ArticleTitle><VernacularTitle>V</VernacularTitle>",
        "<ArticleTitle>&#78;ot available</ArticleTitle><VernacularTitle>V</VernacularTitle>",
        "<ArticleTitle>N&#111;t available</ArticleTitle><VernacularTitle>V</VernacularTitle>",
        "<ArticleTitle>[]</ArticleTitle><VernacularTitle>V</VernacularTitle>",
        "<ArticleTitle>&#xA0;</ArticleTitle><VernacularTitle>V</VernacularTitle>",
        "<ArticleTitle><b> </b></ArticleTitle><VernacularTitle>V</VernacularTitle>",
        "<ArticleTitle> </ArticleTitle><ArticleTitle>&#x2009;&#32;x&#13;&#10;y&#xA0;z&#x3000;</ArticleTitle>",
        "<ArticleTitle>\u00a0a\u0085b\u2028\u3000\u1680c\u205f\u202f\u200bd\u180ee</ArticleTitle>",
        "<ArticleTitle>&lt;i&gt; &amp;amp; &quot;&apos;&#x1F600;&#128512;&#00065;&#x0000A9;</ArticleTitle>",
        "<Abstract><AbstractText Label=' &quot;A&quot;:: ' NlmCategory=' X '>a</AbstractText></Abstract>",
        "<Abstract><AbstractText Label=':'>a</AbstractText><AbstractText Label=''/></Abstract>",
        "<Abstract><AbstractText Label='\u00a0é\u3000'>a</AbstractText></Abstract>",
        "<Abstract><AbstractText Label='&#32;a&#9;'>a</AbstractText></Abstract>",
        "<Abstract><AbstractText Label='a\n\tb'>a</AbstractText></Abstract>",
        "<Abstract><AbstractText Label='a  b'>x<AbstractText>y</AbstractText></AbstractText></Abstract>",
        "<Abstract><AbstractText>a<ISSNLinking>1</ISSNLinking></AbstractText></Abstract>",
        "<Abstract><AbstractText>10<sup>-3</sup> <i>P</i> &lt; <b><u>1</u></b></AbstractText></Abstract>",
        "<ELocationID EIdType='doi' ValidYN='N'>1</ELocationID><ELocationID EIdType='doi'>2</ELocationID>",
        "<ELocationID EIdType='d&#111;i'>1</ELocationID><ELocationID EIdType='doi '>2</ELocationID>",
        "<ELocationID EIdType='doi'><i>10</i>.1</ELocationID>",
        "<Journal><ISSN/></Journal><X><ISSNLinking>1</ISSNLinking></X>",
        "<Journal><Title>A</Title><Title>B</Title><JournalIssue><PubDate/></JournalIssue></Journal>",
        "<PublicationTypeList><PublicationType>Retracted  Publication</PublicationType>" + END_OF_TYPES,
        "<PublicationTypeList><PublicationType>Retracted Publication.</PublicationType>" + END_OF_TYPES,
        "<Language>eng</Language><Language/><Language>\n</Language><Language>chi</Language>",
        "<X>" * 200 + "</X>" * 200,
    ],
)
def test_what_is_out_of_the_ordinary_in_one_citation_is_read_as_the_parser_reads_it(
    tmp_path: Path, article: str
) -> None:
    checked(tmp_path, document(short("<Language>x</Language>"), short(article), FULL, short()))


@pytest.mark.parametrize(
    "date",
    [
        "",
        "<Year>2007</Year>",
        "<Year> 2007\n</Year><Month>10</Month>",
        "<Year>2007</Year><Day>3</Day>",
        "<Year>2007</Year><Year>2008</Year>",
        "<Year>07</Year>",
        "<Year>2007</Year><Month>&#79;ct</Month>",
        "<Year>2007</Year><Month>Oct\u00a0</Month><Season>Fall</Season>",
        "<MedlineDate>Winter 2001</MedlineDate>",
        "<MedlineDate>2001</MedlineDate><Year>2002</Year>",
        "<MedlineDate> </MedlineDate><Year>2002</Year><Month/>",
        "<MedlineDate>2001a</MedlineDate>",
        "<MedlineDate>2000 Nov  15-30</MedlineDate>",
        "<Year>2007</Year></PubDate><PubDate><Year>2009</Year>",
    ],
)
def test_dates_are_those_of_the_parser(tmp_path: Path, date: str) -> None:
    electronic = "<ArticleDate><Year>2006</Year></ArticleDate>"
    assert checked(tmp_path, document(FULL, short(electronic, date=date), short(date=date)))


@pytest.mark.parametrize(
    "citation",
    [
        "<PubmedBookArticle><BookDocument><PMID>5</PMID></BookDocument></PubmedBookArticle>",
        "<DeleteCitation></DeleteCitation>",
        "<DeleteCitation/>",
        "<DeleteDocument><PMID>1</PMID><PMID>2</PMID></DeleteDocument>",
        "<!-- -->",
        "<?pi?>",
        "text",
        "<Other/>",
        "<PubmedArticle/>",
        "<PubmedArticle><MedlineCitation/></PubmedArticle>",
        short(pmid=""),
        short(pmid="x"),
        short(pmid="&#49;"),
        short(pmid="1</PMID><PMID Version='x'>2"),
        short().replace("<PMID>", "<PMID Version=''>"),
        short().replace("<PMID>", "<PMID Version='65535'>"),
        short().replace("<PMID>", "<PMID Version='65536'>"),
        short().replace("<PMID>", "<PMID Version='0'>"),
        short().replace("PubmedArticle>", "PubmedArticle >"),
        short().replace("</PubmedArticle>", "</PubmedArticle ></PubmedArticle>"),
        short("<a b='1' b='2'/>"),
        short("<a b='<'/>"),
        short("<a b='1'c='2'/>"),
        short("<a b=1/>"),
        short("<a b/>"),
        short("< a/>"),
        short("<a / >"),
        short("<a></b>"),
        short("<a></ a>"),
        short("<1a/>"),
        short("]]>"),
        short("&nbsp;"),
        short("& "),
        short("&#0;"),
        short("&#xFFFE;"),
        short("&#xD800;"),
        short("&#1114112;"),
        short("&#X41;"),
        short("\x01"),
        short("\ufffe"),
        short("<!-- -- -->"),
        short("<a:b/>"),
        short("\x7f\u0080"),
    ],
)
def test_whatever_the_parser_refuses_is_refused_in_the_same_words(tmp_path: Path, citation: str) -> None:
    checked(tmp_path, document(FULL, short(), short(), citation, FULL))


@pytest.mark.parametrize(
    "bad", [b"\x80", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe9", b"\xf0\x9f"]
)
@pytest.mark.parametrize("where", [b"Wake", b"UNLABELLED", b"NLM'"])
def test_bytes_that_are_not_utf_8_are_refused(tmp_path: Path, bad: bytes, where: bytes) -> None:
    assert not checked(tmp_path, WHOLE.replace(where, where[:2] + bad + where[2:]))


@pytest.mark.parametrize(
    ("old", "new", "plain"),
    [
        (b"<?xml", b"\xef\xbb\xbf<?xml", True),
        (b'"utf-8"', b"'UTF-8'", True),
        (b' encoding="utf-8"', b"", True),
        (b'encoding="utf-8"', b'encoding="iso-8859-1"', False),
        (b'"1.0"', b'"1.1"', False),
        (b"<!DOCTYPE", b"<!-- --><!DOCTYPE", False),
        (b'190101.dtd">', b'190101.dtd" []>', False),
        (b'190101.dtd">', b"190101.dtd\" [<!ENTITY e 'x'>]>", False),
        (b"<PubmedArticleSet>", b"<PubmedArticleSet >", True),
        (b"<PubmedArticleSet>", b"<PubmedArticleSet a='b'>", False),
        (b"<PubmedArticleSet>", b"<PubmedArticleSet xmlns='u'>", False),
        (b"</PubmedArticleSet>", b"</PubmedArticleSet >", True),
        (b"</PubmedArticleSet>", b"</PubmedArticleSet><!-- -->", False),
        (b"</PubmedArticleSet>", b"</PubmedArticleSet>x", False),
        (b"</PubmedArticleSet>", b"</MedlineCitationSet>", False),
        (b"</PubmedArticleSet>", b"</PubmedArticleSet>\0", False),
        (b"<?xml", b" <?xml", False),
    ],
)
def test_a_file_that_begins_or_ends_unlike_nlms_is_parsed(
    tmp_path: Path, old: bytes, new: bytes, plain: bool
) -> None:
    assert checked(tmp_path, WHOLE.replace(old, new, 1)) is plain


TOKENS = [
    *("<", ">", "&", "'", '"', "/", "]]>", "<!--", "-->", "<![CDATA[", "<?", "?>", "&amp;", "&#x41;", "&#"),
    *(
        "é",
        "麻",
        "\u2009",
        "\r\n",
        "\t",
        "  ",
        "\0",
        "<i>",
        "</i>",
        "<sup>2</sup>",
        "<b/>",
        " a='>'",
        "=",
        ":",
    ),
    *(' b="\'"', "</PubmedArticle>", "<PMID>3</PMID>", "<ISSNLinking>1</ISSNLinking>", "<Year>1999</Year>"),
    *("PMC5", "doi", "Y"),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A document with some bytes changed, lost, doubled or put in."""
    content = bytearray(WHOLE)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content) - 1))
        size = draw(st.integers(0, 12))
        match draw(st.integers(0, 4)):
            case 0:
                content[at] = draw(st.integers(0, 255))
            case 1:
                del content[at : at + size]
            case 2:
                content[at:at] = content[at : at + size]
            case 3:
                content[at:at] = draw(st.sampled_from(TOKENS)).encode()
            case _:
                other = draw(st.integers(0, len(content) - 1))
                content[at:at] = content[other : other + 3 * size]
    return bytes(content)


@given(mutated())
@settings(max_examples=400, **SMALL)
def test_damaged_files_are_read_or_refused_as_by_the_parser(tmp_path: Path, content: bytes) -> None:
    checked(tmp_path, content)


@given(st.integers(1, 3000), st.integers(1, 400))
@settings(max_examples=25, **SMALL)
def test_no_row_comes_twice_or_is_lost_before_a_fault(tmp_path: Path, fault: int, rows: int) -> None:
    citations = [short(f"<ArticleTitle>{n}</ArticleTitle>" + "<X/>" * 200, str(n)) for n in range(1, 1500)]
    citations.insert(min(fault, 1400), "<PubmedArticle></PubmedArticle >")
    (tmp_path / "a.xml").write_bytes(document(*citations))
    found, error = given_by(lambda: citation_batches(str(tmp_path / "a.xml"), rows=rows))
    assert "has no PMID" in error
    numbers = pl.concat(found)["row"].to_list() if found else []
    assert numbers == list(range(len(numbers)))
    assert [len(frame) for frame in found] == [rows] * (min(fault, 1400) // rows)
