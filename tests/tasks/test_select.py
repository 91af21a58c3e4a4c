"""From PubMed files to abstracts: each citation meets one fate, and later files have the last word."""

import csv
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anessuite.builds import Build
from anessuite.errors import ConfigError, RowsLost, SourceError
from anessuite.sources.citations import CitationSource
from anessuite.sources.files import XML_SUFFIXES, find_files
from anessuite.sources.pubmed import citation_batches
from anessuite.stages import Stage
from anessuite.storage import Store
from anessuite.versions import DatasetRef
from filters.citation import CitationRules
from tasks.find_citations import find_citations, write_selection
from tasks.select import quarantined, read_selection, select, select_file, selected, update, updated

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "samples" / "pubmed"
REF = DatasetRef("qa", "dev")
WORDS = "Patients were given one of two doses and were observed for thirty days after their operation. "


def abstract(text: str) -> str:
    """Long enough to be used, and another one for each ``text``."""
    return f"Finding {text}. {WORDS * 3}"


def article(
    pmid: int,
    version: int = 1,
    *,
    title: str = "Propofol for surgery.",
    text: str | None = "",
    major: str = "Propofol",
    kind: str = "Journal Article",
    language: str = "eng",
) -> str:
    """One citation on the specialty; ``text`` goes into its abstract, None is no abstract."""
    said = (
        "" if text is None else f"<Abstract><AbstractText>{escape(abstract(text))}</AbstractText></Abstract>"
    )
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="{version}">{pmid}</PMID><Article>'
        f"<Journal><Title>J</Title></Journal><ArticleTitle>{escape(title)}</ArticleTitle>{said}"
        f"<Language>{language}</Language><PublicationTypeList><PublicationType>{kind}</PublicationType>"
        "</PublicationTypeList></Article><MeshHeadingList><MeshHeading>"
        f'<DescriptorName MajorTopicYN="Y">{major}</DescriptorName></MeshHeading></MeshHeadingList>'
        "</MedlineCitation></PubmedArticle>"
    )


def deletion(*pmids: int) -> str:
    inner = "".join(f'<PMID Version="1">{pmid}</PMID>' for pmid in pmids)
    return f"<DeleteCitation>{inner}</DeleteCitation>"


def write(path: Path, *entries: str, cut: int = 0) -> Path:
    """A PubMed file; ``cut`` leaves off so many bytes of its end."""
    content = f'<?xml version="1.0"?>\n<PubmedArticleSet>{"".join(entries)}</PubmedArticleSet>'.encode()
    packed = gzip.compress(content, mtime=0) if path.name.endswith(".gz") else content
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed[: len(packed) - cut])
    return path


@dataclass(frozen=True)
class Chosen:
    """A selection that was carried out."""

    build: Build
    current: Stage

    def kept(self) -> pl.DataFrame:
        return pl.concat(self.current.frames())

    def rejected(self) -> pl.DataFrame:
        stages = (selected(self.build), self.current)
        return pl.concat([stage.read_rejected(part) for stage in stages for part in stage.parts()])

    def fates(self) -> dict[str, str]:
        """``file#row`` -> ``kept`` or the reason."""
        fates = dict.fromkeys(self.kept()["source_id"], "kept")
        rejected = dict(self.rejected().select("source_id", "reason").iter_rows())
        assert not fates.keys() & rejected.keys()
        return fates | rejected

    def evidence(self, source_id: str) -> dict[str, object]:
        return json.loads(self.rejected().filter(pl.col("source_id") == source_id)["evidence"].item())


Choose = Callable[..., Chosen]


def chosen_from(
    root: Path,
    *sources: CitationSource | Path,
    sample: int | None = None,
    keep_going: bool = False,
    workers: int = 1,
    rules: CitationRules | None = None,
) -> Chosen:
    build = Build(Store(str(root)), REF)
    named = [
        one if isinstance(one, CitationSource) else CitationSource(path=str(one), name=f"source {number}")
        for number, one in enumerate(sources)
    ]
    found = find_citations.fn(named, build.store, specialty="anesthesiology", sample=sample)
    write_selection(build, found, rules or CitationRules(), keep_going=keep_going)
    return Chosen(build, select.fn(build, workers=workers, engine="local"))


@pytest.fixture
def choose(tmp_path: Path) -> Choose:
    """Select from sources into ``tmp_path / "root"``."""

    def chosen(*sources: CitationSource | Path, root: str = "root", **options: object) -> Chosen:
        return chosen_from(tmp_path / root, *sources, **options)  # type: ignore[arg-type]

    return chosen


# ------------------------------------------------------------------------------------------------ the samples

CITATIONS = list(csv.DictReader((SAMPLES / "citations.csv").read_text().splitlines()))
FATES = {
    "true": "kept",
    "updated": "kept",
    "injection": "kept",
    "near_duplicate": "kept",  # of a few words: what is asked about both is compared later
    "superseded": "superseded",
    "deleted": "withdrawn",
    "duplicate": "duplicate_citation",
    "no_abstract": "no_abstract",
    "not_english": "not_english",
    "retracted": "retracted",
    "retraction_notice": "retraction_notice",
    "off_topic": "off_topic",
    "too_short": "abstract_too_short",
}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Chosen:
    root = tmp_path_factory.mktemp("samples")
    return chosen_from(root, SAMPLES / "*.xml.gz", SAMPLES / "old")


@pytest.mark.parametrize("row", CITATIONS, ids=lambda row: f"{row['pmid']}v{row['version']}-{row['kind']}")
def test_each_sample_citation_meets_the_fate_that_it_was_made_for(
    samples: Chosen, row: dict[str, str]
) -> None:
    """Of two that are alike either may stay: all that the file has of one PMID and version are compared."""
    here = [
        other for other in CITATIONS if all(other[key] == row[key] for key in ("file", "pmid", "version"))
    ]
    numbers = [n for n, other in enumerate(_rows_of(row["file"])) if other == (row["pmid"], row["version"])]
    name = Path(row["file"]).name
    fates = samples.fates()
    assert Counter(fates[f"{name}#{n}"] for n in numbers) == Counter(FATES[other["kind"]] for other in here)


def _rows_of(file: str) -> list[tuple[str, str]]:
    """PMID and version of each row, read by hand."""
    rows = pl.concat(citation_batches(str(SAMPLES / file)))
    return [(pmid, str(version)) for pmid, version in rows.select("pmid", "version").iter_rows()]


def test_the_samples_try_every_kind_and_nothing_else_is_in_them(samples: Chosen) -> None:
    assert {row["kind"] for row in CITATIONS} == FATES.keys()
    assert len(samples.fates()) == len(CITATIONS)
    marks = selected(samples.build).marks()
    assert [mark["rows"] for mark in marks] == [25, 4, 3]
    assert [mark["deletions"] for mark in marks] == [0, 2, 0]


def test_what_is_current_of_the_samples_is_the_updated_text(samples: Chosen) -> None:
    kept = samples.kept()
    for pmid in ("99000003", "99000010"):
        assert kept.filter(pl.col("pmid") == pmid)["source_id"].to_list()[0].startswith("sample26n0002")
    assert samples.evidence("sample26n0001.xml.gz#3") == {"by": "row 1 of file 00001, sample26n0002.xml.gz"}


def test_the_funnel_of_the_samples_adds_up(samples: Chosen) -> None:
    first, second = selected(samples.build).funnel(), samples.current.funnel()
    assert (first.stage, second.stage) == ("citations", "updates")
    assert first.rows_in == len(CITATIONS)
    assert first.rows_out == second.rows_in
    assert second.rows_out == samples.kept().height
    told = Counter(FATES[row["kind"]] for row in CITATIONS)
    told.pop("kept")
    assert Counter(first.dropped) + Counter(second.dropped) == told


def test_a_rejected_citation_says_which_it_was_and_holds_no_question(samples: Chosen) -> None:
    rejected = samples.rejected()
    assert rejected["id"].n_unique() == rejected.height
    assert set(rejected["pmid"]) <= {row["pmid"] for row in CITATIONS}
    assert rejected.filter(pl.col("question").is_not_null() | pl.col("answer").is_not_null()).is_empty()
    assert set(rejected["language"]) == {"en"}
    assert set(rejected["stage"]) == {"citations", "updates"}
    assert rejected["title"].str.len_chars().min() > 0  # type: ignore[operator]
    maize = rejected.filter(pl.col("pmid") == "99000020")["source_id"].item()
    assert samples.evidence(maize) == {
        "mesh": ["Plant Breeding", "Zea mays"],
        "terms": [],
        "core": 0,
        "hits": 0,
    }


def test_every_real_citation_is_kept_or_rejected_exactly_once(shared_data: Path, choose: Choose) -> None:
    file = shared_data / "pubmed" / "medline16n0902.xml.gz"
    chosen = choose(file)
    rows = pl.concat(citation_batches(str(file)))
    citations = rows.filter(~pl.col("deleted"))
    assert citations.height == 604 and rows.height == 605
    found = [*chosen.kept()["pmid"], *chosen.rejected()["pmid"]]
    assert sorted(found) == sorted(citations["pmid"]), "each exactly once"
    assert set(chosen.rejected()["reason"]) == {"no_abstract", "not_english", "off_topic"}
    assert 15 <= chosen.kept().height <= 50, "an issue of an anesthesia journal is in it"
    assert selected(chosen.build).marks()[0]["deletions"] == 1
    fates = chosen.fates()
    for row, pmid, text in citations.select("row", "pmid", "abstract").iter_rows():
        fate = fates[f"medline16n0902.xml.gz#{row}"]
        assert (fate == "no_abstract") == (text == ""), pmid


# ------------------------------------------------------------------------------------------------ later files


def test_a_later_file_has_the_last_word_on_the_same_version(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "in/p26n0009.xml", article(1, text="old"), article(2))
    write(tmp_path / "in/p26n0010.xml.gz", article(1, text="new"))
    chosen = choose(tmp_path / "in")
    assert chosen.fates() == {
        "p26n0009.xml#0": "superseded",
        "p26n0009.xml#1": "kept",
        "p26n0010.xml.gz#0": "kept",
    }
    assert "Finding new" in chosen.kept().filter(pl.col("pmid") == "1")["abstract"].item()


def test_a_higher_version_wins_over_a_later_file(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "in/1.xml", article(1, 3, text="third"))
    write(tmp_path / "in/2.xml", article(1, 2, text="second"))
    assert choose(tmp_path / "in").fates() == {"1.xml#0": "kept", "2.xml#0": "superseded"}


def test_versions_are_compared_as_numbers(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "in/1.xml", article(1, 10, text="tenth"), article(1, 9, text="ninth"))
    assert choose(tmp_path / "in").fates() == {"1.xml#0": "kept", "1.xml#1": "superseded"}


def test_a_newer_citation_that_is_of_no_use_takes_the_old_one_away(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "in/1.xml", *(article(pmid, text=f"{pmid}") for pmid in (1, 2, 3)))
    write(
        tmp_path / "in/2.xml",
        article(1, kind="Retracted Publication"),
        article(2, text=None),
        article(3, major="Zea mays", title="Maize."),
    )
    assert choose(tmp_path / "in").fates() == {
        "1.xml#0": "superseded",
        "1.xml#1": "superseded",
        "1.xml#2": "superseded",
        "2.xml#0": "retracted",
        "2.xml#1": "no_abstract",
        "2.xml#2": "off_topic",
    }


def test_a_deletion_withdraws_what_stands_before_it_and_not_what_comes_after(
    tmp_path: Path, choose: Choose
) -> None:
    write(tmp_path / "in/1.xml", article(1, 7, text="a"), article(2, text="b"), deletion(2, 3, 77))
    write(tmp_path / "in/2.xml", article(3, text="c"), deletion(1), article(1, text="back as version 1"))
    assert choose(tmp_path / "in").fates() == {
        "1.xml#0": "withdrawn",
        "1.xml#1": "withdrawn",
        "2.xml#0": "kept",
        "2.xml#2": "kept",
    }


def test_sources_come_in_the_order_of_the_config(tmp_path: Path, choose: Choose) -> None:
    old = write(tmp_path / "z/p.xml", article(1, text="old"))
    new = write(tmp_path / "a/p.xml", article(1, text="new"), deletion(5))
    chosen = choose(old, new)
    assert "Finding new" in chosen.kept()["abstract"].item()
    assert chosen.kept()["source"].item() == "source 1"
    other = choose(new, old, root="other")
    assert "Finding old" in other.kept()["abstract"].item()


def test_the_same_abstract_under_another_pmid_goes_and_names_the_place_of_the_first(
    tmp_path: Path, choose: Choose
) -> None:
    write(tmp_path / "in/1.xml", article(7, title="One.", text="same"), article(8, text="other"))
    write(
        tmp_path / "in/2.xml", article(3, title="Two.", text="SAME"), article(4, title="Three.", text="Same")
    )
    chosen = choose(tmp_path / "in")
    assert chosen.fates() == {
        "1.xml#0": "kept",
        "1.xml#1": "kept",
        "2.xml#0": "duplicate_abstract",
        "2.xml#1": "duplicate_abstract",
    }
    assert chosen.evidence("2.xml#1") == {"repeats": "row 0 of file 00000, 1.xml"}


def test_an_abstract_repeats_only_what_is_current(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "in/1.xml", article(1, text="same"), article(2, text="same"), article(3, text="same"))
    write(tmp_path / "in/2.xml", article(1, text="rewritten"), deletion(2))
    assert choose(tmp_path / "in").fates() == {
        "1.xml#0": "superseded",
        "1.xml#1": "withdrawn",
        "1.xml#2": "kept",
        "2.xml#0": "kept",
    }


def test_repeats_are_found_between_files_that_have_one_name(tmp_path: Path, choose: Choose) -> None:
    one = write(tmp_path / "a/p.xml", article(1, title="One.", text="same"))
    two = write(tmp_path / "b/p.xml", article(2, title="Two.", text="same"))
    rejected = choose(one, two).rejected()
    assert rejected["pmid"].to_list() == ["2"]
    assert rejected["reason"].to_list() == ["duplicate_abstract"]


def test_curly_brackets_in_a_file_s_name_are_part_of_it(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "in/p{0}{x}.xml", article(1), article(2, text="b"))
    assert choose(tmp_path / "in").fates() == {"p{0}{x}.xml#0": "kept", "p{0}{x}.xml#1": "kept"}


# Events of the property test: a citation (PMID, version, title, abstract, kind), or a deletion (a PMID).
citations = st.tuples(
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(["Title x.", "Title y."]),
    st.sampled_from("ab"),
    st.sampled_from(["Journal Article"] * 3 + ["Retracted Publication"]),
)
events = st.lists(st.lists(citations | st.integers(1, 3), max_size=7), min_size=1, max_size=3)


def model(files: list[list[tuple[int, int, str, str, str] | int]]) -> dict[str, str]:
    """Plain bookkeeping, event by event: what a reader of the files would do with cards in a box."""
    fates: dict[str, str] = {}
    seen: dict[int, list[str]] = {}  # places of a PMID so far
    card: dict[int, tuple[int, str, str, str, str]] = {}  # PMID -> version, title, abstract, kind, place
    content: dict[str, tuple[str, str]] = {}
    for number, file in enumerate(files):
        for row, event in enumerate(file):
            place = f"{number}.xml#{row}"
            if isinstance(event, int):
                fates |= {at: "withdrawn" for at in seen.pop(event, []) if fates[at] != "retracted"}
                card.pop(event, None)
                continue
            pmid, version, title, text, kind = event
            usable = kind == "Journal Article"
            content[place] = (title, text)
            seen.setdefault(pmid, []).append(place)
            fates[place] = "old" if usable else "retracted"
            if pmid not in card or version >= card[pmid][0]:
                card[pmid] = (version, title, text, kind, place)
    for pmid, (_, title, text, kind, place) in card.items():
        for at in seen[pmid]:
            if fates[at] == "old":
                same = kind == "Journal Article" and content[at] == (title, text)
                fates[at] = "duplicate_citation" if same else "superseded"
        if kind == "Journal Article":
            fates[place] = "kept"
    texts: set[str] = set()
    for place, fate in fates.items():
        if fate == "kept":
            fates[place] = "duplicate_abstract" if content[place][1] in texts else "kept"
            texts.add(content[place][1])
    return fates


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events)
def test_any_sequence_of_versions_and_deletions_ends_as_plain_bookkeeping_says(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[tuple[int, int, str, str, str] | int]]
) -> None:
    folder = tmp_path_factory.mktemp("events")
    for number, file in enumerate(files):
        entries = [
            deletion(event)
            if isinstance(event, int)
            else article(event[0], event[1], title=event[2], text=event[3], kind=event[4])
            for event in file
        ]
        write(folder / "in" / f"{number}.xml", *entries)
    build = Build(Store(str(folder / "root")), REF)
    source = CitationSource(path=str(folder / "in"))
    found = find_citations.fn([source], build.store, specialty="anesthesiology", sample=None)
    write_selection(build, found, CitationRules(), keep_going=False)
    for number in range(len(files)):
        select_file(build, number, read_selection(build))
    assert Chosen(build, update(selected(build), updated(build))).fates() == model(files)


# ------------------------------------------------------------------------------- broken files, resume, sample


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder of three files of which the second is cut off."""
    write(tmp_path / "in/1.xml.gz", article(1, text="a"))
    write(tmp_path / "in/2.xml.gz", *(article(n, text=f"b {n}") for n in range(2, 50)), cut=100)
    write(tmp_path / "in/3.xml.gz", article(99, text="c"))
    return tmp_path / "in"


def test_a_broken_file_stops_the_build_and_is_named(broken: Path, choose: Choose, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        choose(broken)
    assert caught.value.what.startswith("2.xml.gz ")
    assert "--keep-going" in caught.value.hint
    build = Build(Store(str(tmp_path / "root")), REF)
    assert selected(build).parts() == ["00000"] and updated(build).parts() == []


def test_with_keep_going_a_broken_file_is_left_out_whole_and_listed(broken: Path, choose: Choose) -> None:
    chosen = choose(broken, keep_going=True)
    assert chosen.fates() == {"1.xml.gz#0": "kept", "3.xml.gz#0": "kept"}
    (left_out,) = quarantined(chosen.build)
    assert (left_out.source, left_out.path) == ("source 0", "2.xml.gz")
    assert left_out.error.startswith("2.xml.gz ")
    assert selected(chosen.build).marks()[1]["rows"] == 0


def test_nothing_of_a_file_that_breaks_after_thousands_of_citations_comes_through(
    tmp_path: Path, choose: Choose
) -> None:
    many = [article(n, text=f"number {n}") for n in range(4200)]
    write(tmp_path / "in/1.xml", *many, deletion(9001), cut=30)
    write(tmp_path / "in/2.xml", article(9001, text="stays"))
    chosen = choose(tmp_path / "in", keep_going=True)
    assert chosen.fates() == {"2.xml#0": "kept"}
    assert selected(chosen.build).marks()[0]["deletions"] == 0


def test_a_file_without_citations_and_a_build_of_nothing_but_broken_files_are_no_errors(
    tmp_path: Path, choose: Choose
) -> None:
    write(tmp_path / "in/1.xml")
    assert choose(tmp_path / "in").fates() == {}
    write(tmp_path / "all/1.xml", article(1), cut=30)
    chosen = choose(tmp_path / "all", keep_going=True, root="other")
    assert chosen.fates() == {} and len(quarantined(chosen.build)) == 1


def test_a_build_goes_on_with_what_is_missing_when_the_broken_file_is_mended(
    broken: Path, choose: Choose, tmp_path: Path
) -> None:
    with pytest.raises(SourceError):
        choose(broken)
    first = tmp_path / "root/.build/qa/dev/citations/kept/00000.parquet"
    before = first.stat().st_mtime_ns
    write(broken / "2.xml.gz", article(2, text="b"))
    chosen = choose(broken)
    assert [*chosen.fates().values()] == ["kept"] * 3
    assert first.stat().st_mtime_ns == before, "the part that was done is not done again"


def test_of_more_abstracts_than_wanted_so_many_are_drawn_whatever_their_files(
    tmp_path: Path, choose: Choose
) -> None:
    rules = CitationRules(max_abstracts=5)
    for number in range(3):
        write(tmp_path / f"one/{number}.xml", *(article(n, text=str(n)) for n in range(number, 12, 3)))
    write(tmp_path / "other/1.xml", *(article(n, text=str(n)) for n in reversed(range(12))))
    first, second = choose(tmp_path / "one", rules=rules), choose(tmp_path / "other", rules=rules, root="2")
    assert first.kept().height == 5 and Counter(first.rejected()["reason"]) == {"not_drawn": 7}
    assert set(first.kept()["pmid"]) == set(second.kept()["pmid"])


def test_one_abstract_more_takes_at_most_one_place_of_those_drawn_before(
    tmp_path: Path, choose: Choose
) -> None:
    drawn: list[set[str]] = []
    for there in range(4, 14):
        write(tmp_path / f"{there}/1.xml", *(article(n, text=str(n)) for n in range(there)))
        found = choose(tmp_path / str(there), rules=CitationRules(max_abstracts=6), root=f"root{there}")
        drawn.append(set(found.kept()["pmid"]))
    assert [len(one) for one in drawn] == [4, 5, *[6] * 8]
    assert all(len(before - after) <= 1 for before, after in pairwise(drawn))
    assert drawn[2] != drawn[-1], "new ones are drawn too"


def test_what_was_replaced_or_withdrawn_takes_no_place_of_those_drawn(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "in/1.xml", article(1, text="old"), article(2, text="two"), article(3, text="three"))
    write(tmp_path / "in/2.xml", article(1, text="new"), deletion(2))
    chosen = choose(tmp_path / "in", rules=CitationRules(max_abstracts=2))
    assert chosen.fates() == {
        "1.xml#0": "superseded", "1.xml#1": "withdrawn", "1.xml#2": "kept", "2.xml#0": "kept",
    }  # fmt: skip


def test_an_update_that_was_interrupted_is_done_again_and_gives_the_same(
    choose: Choose, tmp_path: Path
) -> None:
    chosen = choose(SAMPLES / "*.xml.gz")
    before = _contents(tmp_path / "root")
    folder = tmp_path / "root/.build/qa/dev/updates"
    (folder / "00001.json").unlink()
    (folder / "kept/00001.parquet").write_bytes(b"half")
    assert update(selected(chosen.build), chosen.current).parts() == ["00000", "00001"]
    assert _contents(tmp_path / "root") == before


def test_citations_that_an_update_loses_are_noticed(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "in/1.xml", article(1, text="a"), article(2, text="b"))
    chosen = choose(tmp_path / "in")
    stage = selected(chosen.build)
    stage.build.mark("citations", "00000", {"rows": 2, "kept": 3, "dropped": {}})
    chosen.build.store.remove(chosen.build.path("updates"))
    with pytest.raises(RowsLost, match=r"updates, part 00000: 3 rows came in, 2 live on, 0 are rejected"):
        update(stage, updated(chosen.build))


def _contents(root: Path) -> dict[str, bytes]:
    """All files of both stages."""
    folder = root / ".build/qa/dev"
    paths = [
        path for name in ("citations", "updates") for path in (folder / name).rglob("*") if path.is_file()
    ]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_one_and_two_workers_give_equal_bytes(choose: Choose, tmp_path: Path) -> None:
    write(tmp_path / "more/1.xml", article(1, text="a"), article(99000001, 2, text="b"))
    for workers in (1, 2):
        choose(SAMPLES / "*.xml.gz", SAMPLES / "old", tmp_path / "more", workers=workers, root=f"w{workers}")
    one, two = _contents(tmp_path / "w1"), _contents(tmp_path / "w2")
    assert one.keys() == two.keys() and len(one) == 4 * (3 + 1) + 4 * 3
    assert one == two


def test_a_broken_file_is_named_by_two_workers_as_well(broken: Path, choose: Choose) -> None:
    with pytest.raises(SourceError) as caught:
        choose(broken, workers=2)
    assert caught.value.what.startswith("2.xml.gz ")


@pytest.mark.parametrize(("sample", "rows"), [(1, 1), (3, 3), (4, 4), (500, 4)])
def test_a_sample_is_the_first_so_many_rows_of_the_first_file_of_each_source(
    tmp_path: Path, choose: Choose, sample: int, rows: int
) -> None:
    write(tmp_path / "in/1.xml", *(article(n, text=f"{n}") for n in range(1, 4)), deletion(1))
    write(tmp_path / "in/2.xml", article(9, text="of the second file"))
    other = write(tmp_path / "other.xml", article(50, text="x"), article(51, text="y"))
    chosen = choose(tmp_path / "in", other, sample=sample)
    read = [mark["rows"] + mark["deletions"] for mark in selected(chosen.build).marks()]
    assert read == [rows, min(sample, 2)]
    assert ("1.xml#0" in chosen.fates()) and (chosen.fates()["1.xml#0"] == "kept") == (sample < 4)
    assert not any(place.startswith("2.xml") for place in chosen.fates())


def test_a_sample_does_not_reach_a_fault_behind_it(tmp_path: Path, choose: Choose) -> None:
    path = write(tmp_path / "in/1.xml", *(article(n, text=f"{n}") for n in range(9000)), cut=40)
    assert choose(path, sample=5).kept().height == 5


# ---------------------------------------------------------------------------------------------------- sources


def test_a_file_that_two_sources_name_is_refused(tmp_path: Path, choose: Choose) -> None:
    path = write(tmp_path / "in/1.xml", article(1))
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for other in (
        path,
        tmp_path / "in/*.xml",
        tmp_path / "in" / ".." / "in" / "1.xml",
        tmp_path / "link/1.xml",
    ):
        with pytest.raises(ConfigError) as caught:
            choose(tmp_path / "in", other)
        assert caught.value.what == "1.xml is named by two sources"


def test_sources_of_one_name_are_refused(tmp_path: Path, choose: Choose) -> None:
    for name in ("a", "b"):
        write(tmp_path / name / "1.xml", article(1))
    sources = [CitationSource(path=str(tmp_path / name / "*.xml")) for name in ("a", "b")]
    with pytest.raises(ConfigError) as caught:
        choose(*sources)
    assert caught.value.what == "two sources are called '*.xml'"
    assert "`name`" in caught.value.hint


def test_a_source_without_files_is_told_with_what_is_there(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "in/1.xml", article(1))
    with pytest.raises(SourceError) as caught:
        choose(tmp_path / "in/*.xml.gz")
    assert "1.xml" in caught.value.hint
    with pytest.raises(SourceError):
        choose(tmp_path / "nowhere")


def test_a_specialty_without_lists_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "in/1.xml", article(1))
    with pytest.raises(ConfigError, match="cardiology"):
        find_citations.fn(
            [CitationSource(path=str(path))], Store(str(tmp_path)), specialty="cardiology", sample=None
        )


def test_the_recipe_names_each_file_with_its_digest_and_both_lists(tmp_path: Path) -> None:
    write(tmp_path / "in/1.xml", article(1))
    write(tmp_path / "in/2.xml", article(2))
    source = CitationSource(path=str(tmp_path / "in"), name="pubmed")
    found = find_citations.fn([source], Store(str(tmp_path)), specialty="anesthesiology", sample=None)
    assert [(one.name, one.source) for one in found.inputs] == [("pubmed", "1.xml"), ("pubmed", "2.xml")]
    files = find_files(str(tmp_path / "in"), suffixes=XML_SUFFIXES)
    assert [one.digest for one in found.inputs] == [file.digest for file in files]
    assert len({one.digest for one in found.inputs}) == 2
    lists = {"filters/terms/anesthesiology.en.txt", "filters/terms/anesthesiology.mesh.txt"}
    assert lists <= found.texts.keys()
    for path, digest in found.texts.items():
        assert digest == hashlib.sha256((PROJECT / path).read_bytes()).hexdigest(), path


def test_rules_of_the_config_decide(tmp_path: Path, choose: Choose) -> None:
    write(tmp_path / "in/1.xml", article(1, text="a", language="ger"), article(2, text="b"))
    chosen = choose(tmp_path / "in", rules=CitationRules(languages=["ger"]))
    assert chosen.fates() == {"1.xml#0": "kept", "1.xml#1": "not_english"}
