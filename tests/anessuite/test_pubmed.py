from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anessuite.schemas import ParquetSink, as_arrow
from anessuite.sources.pubmed import (
    CITATION,
    Citation,
    Deletion,
    MeshHeading,
    Section,
    citation_batches,
    read_citations,
)
from anessuite.storage import Store

PROLOG = '<?xml version="1.0" encoding="utf-8"?>\n'
ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=40)


def medline(article: str = "", others: str = "", pmid: str = "1", title: str = "T") -> str:
    return (
        f'<MedlineCitation><PMID Version="1">{pmid}</PMID><Article><ArticleTitle>{title}</ArticleTitle>'
        f"{article}</Article>{others}</MedlineCitation>"
    )


def current(*citations: str, data: str = "") -> str:
    found = "".join(
        f"<PubmedArticle>{one}<PubmedData>{data}</PubmedData></PubmedArticle>" for one in citations
    )
    return f"{PROLOG}<PubmedArticleSet>{found}</PubmedArticleSet>"


def read(folder: Path, content: str) -> list[Citation | Deletion]:
    path = folder / "a.xml"
    path.write_text(content, encoding="utf-8")
    return list(read_citations(str(path)))


def one(folder: Path, content: str) -> Citation:
    [citation] = read(folder, content)
    assert isinstance(citation, Citation)
    return citation


def citations_of(path: Path) -> list[Citation]:
    return [found for found in read_citations(str(path)) if isinstance(found, Citation)]


def test_the_baseline_file_holds_what_its_readme_states(shared_data: Path) -> None:
    path = shared_data / "pubmed/medline16n0902.xml.gz"
    citations = citations_of(path)
    assert len(citations) == 604
    assert sum(bool(found.sections) for found in citations) == 526
    assert sum(found.languages != ("eng",) for found in citations) == 18
    assert [found for found in read_citations(str(path)) if isinstance(found, Deletion)] == [
        Deletion("26432306")
    ]
    assert all(found.title and found.journal and found.issn and found.year for found in citations)
    assert {len(found.date) for found in citations} == {4, 7, 10}


def test_a_real_citation_is_read_field_by_field(shared_data: Path) -> None:
    found = citations_of(shared_data / "pubmed/medline16n0902.xml.gz")[0]
    assert (found.pmid, found.version, found.date, found.languages) == ("17942999", 1, "2007", ("eng",))
    assert found.title.startswith("Neuroplasticity in the processing of pitch dimensions: a multidimensional")
    assert (found.journal, found.journal_abbreviation, found.issn) == (
        "Restorative neurology and neuroscience",
        "Restor. Neurol. Neurosci.",
        "0922-6028",
    )
    assert [(part.label, part.category) for part in found.sections] == [
        ("PURPOSE", "OBJECTIVE"),
        ("METHODS", "METHODS"),
        ("RESULTS", "RESULTS"),
        ("CONCLUSIONS", "CONCLUSIONS"),
    ]
    assert found.abstract.startswith("PURPOSE: An auditory electrophysiological study")
    assert found.mesh[4] == MeshHeading("Evoked Potentials, Auditory", False, ("physiology",))
    assert [heading.name for heading in found.mesh if heading.major] == [
        "Neuronal Plasticity",
        "Pitch Perception",
    ]
    assert (found.doi, found.pmc, found.publication_types[0]) == (None, "PMC4380289", "Journal Article")


def test_current_files_are_read_too(shared_data: Path) -> None:
    folder = shared_data / "pubmed"
    assert [len(citations_of(path)) for path in sorted(folder.glob("biopython/*.xml"))] == [2, 2, 1, 1, 1, 1]
    assert len(citations_of(folder / "test_current_medline.xml.gz")) == 4
    [found] = citations_of(folder / "pubmed-29768149.xml")
    assert (found.date, found.doi, found.pmc) == ("2018-05-17", "10.1056/NEJMoa1715274", None)
    assert "a fast-acting β2-agonist may be" in found.sections[0].text


def test_markup_in_real_abstracts_becomes_plain_text(shared_data: Path) -> None:
    folder = shared_data / "pubmed/biopython"
    [lactate], [imaging] = citations_of(folder / "pubmed6.xml"), citations_of(folder / "pubmed7.xml")
    assert 'the disused "Minimum Lactate Equivalent" (LEmin), first' in lactate.abstract
    assert "15.0 ± 1.1 km·h⁻¹; maximal oxygen uptake" in lactate.abstract
    assert "(1) inhaled ³He/¹²⁹Xe MRI ventilation" in imaging.abstract
    assert "echo-time ¹H MRI proton density" in imaging.abstract
    assert imaging.doi == "10.1117/1.JMI.5.2.026002"


@pytest.mark.parametrize("root", ["PubmedArticleSet", "MedlineCitationSet"])
def test_both_forms_of_file_give_the_same_citations(tmp_path: Path, root: str) -> None:
    body = medline("<Language>eng</Language>", "<KeywordList><Keyword>k</Keyword></KeywordList>")
    wrapped = f"<PubmedArticle>{body}</PubmedArticle>" if root == "PubmedArticleSet" else body
    found = one(tmp_path, f"<{root}>{wrapped}</{root}>")
    assert found == Citation("1", title="T", languages=("eng",), keywords=("k",))


def test_deletions_come_in_their_place(tmp_path: Path) -> None:
    content = (
        f"<PubmedArticleSet><PubmedArticle>{medline()}</PubmedArticle><DeleteCitation>"
        "<PMID>7</PMID><PMID>8</PMID></DeleteCitation><DeleteDocument><PMID>9</PMID></DeleteDocument>"
        "</PubmedArticleSet>"
    )
    assert read(tmp_path, content)[1:] == [Deletion("7"), Deletion("8"), Deletion("9")]


def test_a_chapter_of_a_book_is_a_citation_of_the_book(tmp_path: Path) -> None:
    book = (
        '<PubmedBookArticle><BookDocument><PMID Version="2">5</PMID><ArticleIdList><ArticleId IdType="doi">'
        "10.1/x</ArticleId></ArticleIdList><Book><BookTitle>StatPearls</BookTitle><PubDate><Year>2024</Year>"
        "<Month>01</Month></PubDate></Book>{}<Language>eng</Language><PublicationType>Study Guide"
        "</PublicationType><Abstract><AbstractText>A.</AbstractText></Abstract></BookDocument>"
        "</PubmedBookArticle>"
    )
    found = one(
        tmp_path,
        f"<PubmedArticleSet>{book.format('<ArticleTitle>Epidural</ArticleTitle>')}</PubmedArticleSet>",
    )
    assert (found.pmid, found.version, found.title, found.journal) == ("5", 2, "Epidural", "StatPearls")
    assert (found.date, found.doi, found.abstract, found.languages) == ("2024-01", "10.1/x", "A.", ("eng",))
    assert found.publication_types == ("Study Guide",)
    assert one(tmp_path, f"<PubmedArticleSet>{book.format('')}</PubmedArticleSet>").title == "StatPearls"


def test_abstracts_keep_their_sections_and_nothing_else_gets_in(tmp_path: Path) -> None:
    article = (
        '<Abstract><AbstractText Label="AIMS:" NlmCategory="OBJECTIVE">a</AbstractText><AbstractText/>'
        '<AbstractText Label="UNLABELLED">b</AbstractText><AbstractText>c</AbstractText>'
        "<CopyrightInformation>Copyright</CopyrightInformation></Abstract>"
    )
    other = '<OtherAbstract Language="spa"><AbstractText>resumen</AbstractText></OtherAbstract>'
    found = one(tmp_path, current(medline(article, other)))
    assert found.sections == (
        Section("AIMS:", "OBJECTIVE", "a"),
        Section("UNLABELLED", "", "b"),
        Section("", "", "c"),
    )
    assert found.abstract == "AIMS: a\nb\nc"
    assert one(tmp_path, current(medline("", other))).abstract == ""


@pytest.mark.parametrize(
    ("english", "title"),
    [
        ("[Vaccines are drugs].", "[Vaccines are drugs]."),
        ("", "I vaccini"),
        ("[Not Available].", "I vaccini"),
    ],
)
def test_the_vernacular_title_stands_in_for_a_missing_one(tmp_path: Path, english: str, title: str) -> None:
    vernacular = "<VernacularTitle>I <i>vaccini</i></VernacularTitle>"
    assert one(tmp_path, current(medline(vernacular, title=english))).title == title


@pytest.mark.parametrize(
    ("heading", "read_as"),
    [
        ('<DescriptorName MajorTopicYN="Y">Pain</DescriptorName>', MeshHeading("Pain", True, ())),
        (
            '<DescriptorName MajorTopicYN="N">Pain</DescriptorName><QualifierName MajorTopicYN="N">therapy'
            '</QualifierName><QualifierName MajorTopicYN="Y">etiology</QualifierName>',
            MeshHeading("Pain", True, ("therapy", "etiology")),
        ),
        ("<!-- c --><DescriptorName>Pain</DescriptorName>", MeshHeading("Pain", False, ())),
    ],
)
def test_a_heading_is_major_by_its_descriptor_or_a_qualifier(
    tmp_path: Path, heading: str, read_as: MeshHeading
) -> None:
    headings = f"<MeshHeadingList><MeshHeading>{heading}</MeshHeading></MeshHeadingList>"
    assert one(tmp_path, current(medline("", headings))).mesh == (read_as,)


REFERENCES = (
    '<ReferenceList><Title>R</Title><Reference><ArticleIdList><ArticleId IdType="doi">10.9/other</ArticleId>'
    '<ArticleId IdType="pmc">PMC9</ArticleId></ArticleIdList></Reference></ReferenceList>'
)
CITED = (
    '<CommentsCorrectionsList><CommentsCorrections RefType="Cites"><PMID>9</PMID></CommentsCorrections>{}'
    "</CommentsCorrectionsList>"
)


@pytest.mark.parametrize(
    ("locations", "ids", "doi"),
    [
        ('<ELocationID EIdType="doi" ValidYN="Y">10.1/a</ELocationID>', "", "10.1/a"),
        (
            '<ELocationID EIdType="doi"> 10.1/a\n</ELocationID>',
            '<ArticleId IdType="doi">x</ArticleId>',
            "10.1/a",
        ),
        (
            '<ELocationID EIdType="pii">S1</ELocationID><ELocationID EIdType="doi">10.1/a</ELocationID>',
            "",
            "10.1/a",
        ),
        (
            '<ELocationID EIdType="doi" ValidYN="N">10.1/a</ELocationID>',
            '<ArticleId IdType="doi">10.1/b</ArticleId>',
            "10.1/b",
        ),
        ('<ELocationID EIdType="pii" ValidYN="Y">S1</ELocationID>', "", None),
        ("", "", None),
    ],
)
def test_the_doi_is_the_articles_own(tmp_path: Path, locations: str, ids: str, doi: str | None) -> None:
    data = f"<ArticleIdList>{ids}</ArticleIdList>{REFERENCES}"
    assert one(tmp_path, current(medline(locations, CITED), data=data)).doi == doi


@pytest.mark.parametrize(
    ("ids", "others", "pmc"),
    [
        ('<ArticleId IdType="pmc">PMC12</ArticleId>', "", "PMC12"),
        ("", '<OtherID Source="NLM">NIHMS1</OtherID><OtherID>PMC7 [Available on 12/22/16]</OtherID>', "PMC7"),
        ('<ArticleId IdType="pubmed">1</ArticleId>', "<OtherID>NIHMS1</OtherID>", None),
    ],
)
def test_the_pmc_number_is_the_articles_own(tmp_path: Path, ids: str, others: str, pmc: str | None) -> None:
    data = f"<ArticleIdList>{ids}</ArticleIdList>{REFERENCES}"
    assert one(tmp_path, current(medline("", others), data=data)).pmc == pmc


@pytest.mark.parametrize(
    ("notice", "kind", "retracted_by", "retracted"),
    [
        (
            '<CommentsCorrections RefType="RetractionIn"><PMID>4</PMID></CommentsCorrections>',
            "",
            ("4",),
            True,
        ),
        ('<CommentsCorrections RefType="RetractionIn"/>', "", ("?",), True),
        ('<CommentsCorrections RefType="RetractionOf"><PMID>4</PMID></CommentsCorrections>', "", (), False),
        ("", "<PublicationType>Retracted Publication</PublicationType>", (), True),
    ],
)
def test_retractions_are_told(
    tmp_path: Path, notice: str, kind: str, retracted_by: tuple[str, ...], retracted: bool
) -> None:
    types = f"<PublicationTypeList>{kind}</PublicationTypeList>"
    found = one(tmp_path, current(medline(types, CITED.format(notice))))
    assert (found.pmid, found.retracted_by, found.retracted) == ("1", retracted_by, retracted)


DATES = {
    "PubDate": "<Journal><JournalIssue><PubDate>{}</PubDate></JournalIssue></Journal>",
    "ArticleDate": '<ArticleDate DateType="Electronic">{}</ArticleDate>',
}


@pytest.mark.parametrize(
    ("published", "electronic", "handled", "date"),
    [
        ("<Year>2007</Year><Month>Oct</Month>", "2006", "2005", "2007-10"),
        ("<MedlineDate>Winter</MedlineDate>", "2006", "2005", "2006"),
        ("", "2006", "2005", "2006"),
        ("", "", "2005", "2005"),
        ("", "", "", ""),
    ],
)
def test_the_best_date_there_is_counts(
    tmp_path: Path, published: str, electronic: str, handled: str, date: str
) -> None:
    article = DATES["PubDate"].format(published)
    article += DATES["ArticleDate"].format(f"<Year>{electronic}</Year>") if electronic else ""
    dates = f"<DateCreated><Year>{handled}</Year></DateCreated><DateRevised><Year>2020</Year></DateRevised>"
    found = one(tmp_path, current(medline(article, dates if handled else "")))
    assert (found.date, found.year) == (date, int(date[:4]) if date else None)


def test_journal_names_fall_back_on_those_of_medline(tmp_path: Path) -> None:
    info = (
        "<MedlineJournalInfo><MedlineTA>Br J Anaesth</MedlineTA><ISSNLinking>0007-0912</ISSNLinking>"
        "</MedlineJournalInfo>"
    )
    found = one(tmp_path, current(medline("", info)))
    assert (found.journal, found.journal_abbreviation, found.issn) == ("", "Br J Anaesth", "0007-0912")


@given(
    st.lists(st.tuples(st.text("ABC /&<'", max_size=8), ANY_TEXT), max_size=5),
    ANY_TEXT,
    st.lists(ANY_TEXT, max_size=3),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_what_is_written_is_read(
    tmp_path: Path, sections: list[tuple[str, str]], title: str, keywords: list[str]
) -> None:
    def plain(text: str) -> str:
        return " ".join(text.split())

    parts = "".join(f"<AbstractText Label={quoteattr(a)}>{escape(b)}</AbstractText>" for a, b in sections)
    words = "".join(f"<Keyword>{escape(word)}</Keyword>" for word in keywords)
    content = current(
        medline(f"<Abstract>{parts}</Abstract>", f"<KeywordList>{words}</KeywordList>", title=escape(title))
    )
    found = one(tmp_path, content)
    assert found.title == plain(title)
    assert found.keywords == tuple(plain(word) for word in keywords if plain(word))
    assert [(part.label, part.text) for part in found.sections] == [
        (label.strip(), plain(text)) for label, text in sections if plain(text)
    ]


def test_frames_hold_the_citations_in_columns(tmp_path: Path) -> None:
    article = (
        '<Abstract><AbstractText Label="L">t</AbstractText></Abstract><Language>eng</Language>'
        '<ELocationID EIdType="doi">10.1/a</ELocationID>'
        + DATES["PubDate"].format("<Year>2007</Year><Month>Oct</Month>")
    )
    headings = (
        '<MeshHeadingList><MeshHeading><DescriptorName MajorTopicYN="Y">Pain</DescriptorName></MeshHeading>'
        "<MeshHeading><DescriptorName>Adult</DescriptorName></MeshHeading></MeshHeadingList>"
    )
    content = current(medline(article, headings)).replace(
        "</PubmedArticleSet>", "<DeleteCitation><PMID>9</PMID></DeleteCitation></PubmedArticleSet>"
    )
    (tmp_path / "a.xml").write_text(content)
    [frame] = citation_batches(str(tmp_path / "a.xml"))
    assert as_arrow(frame, CITATION).schema == CITATION
    first, second = frame.to_dicts()
    assert first["sections"] == [{"label": "L", "category": "", "text": "t"}]
    assert (first["abstract"], first["mesh"], first["mesh_major"]) == ("L: t", ["Pain", "Adult"], ["Pain"])
    assert (first["date"], first["year"], first["doi"], first["pmc"]) == ("2007-10", 2007, "10.1/a", None)
    assert (first["retracted"], first["deleted"], first["row"]) == (False, False, 0)
    assert (second["pmid"], second["deleted"], second["row"]) == ("9", True, 1)
    assert (second["title"], second["abstract"], second["sections"], second["year"]) == ("", "", [], None)


@pytest.mark.parametrize("rows", [1, 100, 257, 600, 605, 5000])
def test_frames_together_are_the_file(shared_data: Path, rows: int) -> None:
    path = str(shared_data / "pubmed/medline16n0902.xml.gz")
    frames = list(citation_batches(path, rows=rows))
    assert [len(frame) for frame in frames[:-1]] == [rows] * (len(frames) - 1)
    whole = pl.concat(frames)
    assert whole["row"].to_list() == list(range(605))
    read_one_by_one = [found for found in read_citations(path) if isinstance(found, Citation)]
    kept = whole.filter(~pl.col("deleted"))
    assert kept["abstract"].to_list() == [found.abstract for found in read_one_by_one]
    assert kept["pmc"].to_list() == [found.pmc for found in read_one_by_one]


def test_frames_are_written_as_parquet(shared_data: Path, tmp_path: Path) -> None:
    path = str(shared_data / "pubmed/medline16n0902.xml.gz")
    with ParquetSink(Store(str(tmp_path)), "c.parquet", CITATION) as sink:
        for frame in citation_batches(path, rows=100):
            sink.write(frame)
    assert pl.read_parquet(tmp_path / "c.parquet").equals(pl.concat(citation_batches(path)))
