"""What goes to people: the files of a round, and that no workbook gives the model's opinion away."""

import io
import json
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastexcel
import lxml.etree as etree
import polars as pl
import pyarrow as pa
import pytest

from anessuite.errors import ConfigError, NothingKept, VersionNotFound
from anessuite.manifests import File, Manifest, Recipe
from anessuite.question_schemas import GRADED_QUESTION
from anessuite.review.exports import ReviewExport
from anessuite.review.opinions import LEVELS, REVIEW, with_content
from anessuite.review.rounds import Round, adjudication_round, annotation_round, write_round
from anessuite.review.store import ReviewStore
from anessuite.review.words import field_of
from anessuite.review.workbooks import CellTooLong, workbook
from anessuite.storage import Store
from anessuite.versions import DatasetRef

DEV = DatasetRef("bench", "dev")
SECRET = "the model thinks so because of its rationale"
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def question(
    id_: str, level: str = "system1", votes: Sequence[str | None] = (), **more: Any
) -> dict[str, Any]:
    """A row of GRADED_QUESTION; the language is how the id begins, the votes are unanimous unless given."""
    cast = votes or [level] * 3
    row = {
        "id": id_,
        "language": id_[:2],
        "question": f"Which drug is number {id_}?",
        "options": [{"letter": letter, "text": f"drug {letter} of {id_}"} for letter in "ABC"],
        "answer": "B",
        "level": level,
        "level_origin": "model",
        "votes": [{"level": vote, "rationale": SECRET} for vote in cast],
        "agreement": sum(vote == level for vote in cast) / len(cast),
        "reviewed": False,
        "source": "made up",
        "source_id": id_,
        "subject": "",
        "licence": "CC0",
    }
    return row | more


def frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(pa.Table.from_pylist(list(rows), schema=GRADED_QUESTION))


def several(number: int = 10, languages: Sequence[str] = ("en", "zh")) -> list[dict[str, Any]]:
    """``number`` questions a language, of all levels in turn, all unanimous."""
    return [question(f"{one}{i:02}", LEVELS[i % 3]) for one in languages for i in range(number)]


def stored(root: Path, rows: Sequence[dict[str, Any]], *, ref: DatasetRef = DEV) -> Store:
    """A finished version below ``root``."""
    store, files = Store(str(root)), []
    questions = frame(rows)
    for language in questions["language"].unique().sort():
        sink, path = io.BytesIO(), f"data/{language}-00000-of-00001.parquet"
        questions.filter(pl.col("language") == language).write_parquet(sink)
        digest = store.write_bytes(f"{store.folder(ref)}/{path}", sink.getvalue())
        files.append(File(path=path, bytes=len(sink.getvalue()), sha256=digest))
    told: dict[str, Any] = {name: {} for name in ("code", "packages", "rows", "drops", "masked", "requests")}
    told |= {"funnel": [], "quarantined": [], "warnings": [], "files": files}
    told |= {
        "schema_": dict.fromkeys(GRADED_QUESTION.names, ""),
        "created": datetime(2026, 1, 1, tzinfo=UTC),
    }
    recipe = Recipe(inputs=[], config={}, texts={})
    manifest = Manifest(name=ref.name, version=ref.version, recipe=recipe, **told)
    store.write_bytes(f"{store.folder(ref)}/manifest.json", manifest.model_dump_json().encode())
    return store


def reviews(questions: pl.DataFrame, said: dict[tuple[str, str], str], **more: Any) -> pl.DataFrame:
    """REVIEW: (id, annotator) -> level; ``more`` are values of other columns."""
    content = dict(with_content(questions).select("id", "content").iter_rows())
    usual: dict[str, Any] = {
        "role": "annotator",
        "at": datetime(2026, 2, 1, tzinfo=UTC),
        "imported_from": "x",
    }
    rows = [
        usual | {"id": id_, "content": content[id_], "annotator": who, "level": level} | more
        for (id_, who), level in said.items()
    ]
    return pl.DataFrame(rows, schema=REVIEW)


def fill(
    source: Path, target: Path, answers: dict[str, dict[str, str]], *, name: str = "", saved: str = ""
) -> Path:
    """What a person does with a workbook: ``answers`` are id -> field -> text, ``saved`` an ISO time."""
    with zipfile.ZipFile(source) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    texts = ["".join(one.itertext()) for one in etree.fromstring(parts["xl/sharedStrings.xml"])]
    for part in [part for part in parts if part.startswith("xl/worksheets/sheet")]:
        sheet = etree.fromstring(parts[part])
        _fill_sheet(sheet, texts, answers, name)
        parts[part] = etree.tostring(sheet, xml_declaration=True, encoding="UTF-8")
    if saved:
        before, after = parts["docProps/core.xml"].decode().split("<dcterms:modified", 1)
        after = after[after.index("</dcterms:modified>") :]
        parts["docProps/core.xml"] = f"{before}<dcterms:modified>{saved}{after}".encode()
    with zipfile.ZipFile(target, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return target


def _fill_sheet(sheet: Any, texts: list[str], answers: dict[str, dict[str, str]], name: str) -> None:
    fields: dict[str, str] = {}
    for row in sheet.iter(f"{_MAIN}row"):
        shown = {cell.get("r").rstrip("0123456789"): cell for cell in row}
        values = {column: _text(cell, texts) for column, cell in shown.items()}
        if name and any((value or "").startswith("Your name") for value in values.values()):
            _set(shown["B"], name)
        for column, value in values.items():
            if row.get("r") == "1" and (field := field_of(value or "")):
                fields[field] = column
        for id_ in set(values.values()) & answers.keys():
            for field, text in answers[str(id_)].items():
                _set(shown[fields[field]], text)


def _text(cell: Any, texts: list[str]) -> str | None:
    value = cell.findtext(f"{_MAIN}v")
    return texts[int(value)] if value is not None and cell.get("t") == "s" else value


def _set(cell: Any, text: str) -> None:
    for child in list(cell):
        cell.remove(child)
    cell.set("t", "inlineStr")
    etree.SubElement(etree.SubElement(cell, f"{_MAIN}is"), f"{_MAIN}t").text = text


def made(store: Store, **more: Any) -> Round:
    usual: dict[str, Any] = {"fraction": 0.6, "seed": 7, "annotators": 2, "agreement_below": 0.67}
    return annotation_round(store, DEV, **(usual | more))


def test_an_export_tells_what_it_is_and_the_same_call_gives_the_same_id(tmp_path: Path) -> None:
    store = stored(tmp_path / "data", several())
    first, again = made(store), made(store)
    assert first.export.export == again.export.export
    assert made(store, seed=8).export.export != first.export.export
    assert made(store, names=["a", "b"]).export.export != first.export.export
    files = write_round(Store(str(tmp_path / "out")), first)
    read = ReviewExport.model_validate_json((tmp_path / "out" / "export.json").read_bytes())
    assert read == first.export
    assert sorted(files) == sorted(path.name for path in (tmp_path / "out").iterdir())
    assert (read.version, read.fraction, read.seed, read.annotators) == ("bench@dev", 0.6, 7, 2)
    assert read.manifest_sha256 == store.sha256("bench/dev/manifest.json")[0]
    assert [(one.language, one.level, one.questions, one.drawn) for one in read.strata[:2]] == [
        ("en", "system1", 4, 3),
        ("en", "system1.x", 3, 2),
    ]


def test_filled_workbooks_are_never_written_over(tmp_path: Path) -> None:
    store, out = stored(tmp_path / "data", several()), Store(str(tmp_path / "out"))
    write_round(out, made(store))
    filled = tmp_path / "out" / "review.annotator-1.xlsx"
    filled.write_bytes(b"filled")
    with pytest.raises(ConfigError, match="holds another export already"):
        write_round(out, made(store, seed=8))
    (tmp_path / "out" / "label-studio.en.json").unlink()
    write_round(out, made(store))  # the very same export is completed
    assert filled.read_bytes() == b"filled" and (tmp_path / "out" / "label-studio.en.json").exists()


def test_the_workbook_has_a_sheet_a_language_and_neither_vote_nor_level_of_the_model(tmp_path: Path) -> None:
    round_ = made(stored(tmp_path / "data", several()), fraction=1)
    content = workbook(round_.questions, round_.export, reviewer="annotator-1", name="annotator-1")
    book = fastexcel.read_excel(content)
    assert book.sheet_names[1:3] == ["English", "中文"]
    cells = book.load_sheet("English", dtypes="string").to_polars()
    assert set(cells["id"]) == {row["id"] for row in several() if row["language"] == "en"}
    assert cells["Level (choose)"].null_count() == cells.height == 10
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        whole = b"".join(archive.read(part) for part in archive.namelist()).decode()
        english = archive.read("xl/worksheets/sheet2.xml").decode()
    assert SECRET not in whole and not any(f">{level}<" in whole for level in LEVELS)
    assert '"System 1,System 1.x,System 2"' in english and 'state="frozen"' in english
    assert 'state="veryHidden"' in whole and 'hidden="1"' in english


def test_text_that_looks_like_a_formula_stays_text(tmp_path: Path) -> None:
    signs = [
        "=1+1",
        "+SUM(A1)",
        "-2 mmol/l is low?",
        "@cmd",
        '=HYPERLINK("http://x.example","y")',
        "http://x.example",
    ]
    rows = [question(f"en{i}") | {"question": text} for i, text in enumerate(signs)]
    round_ = made(stored(tmp_path / "data", rows), fraction=1)
    content = workbook(round_.questions, round_.export, reviewer="annotator-1", name="=2+2")
    shown = fastexcel.read_excel(content).load_sheet("English", dtypes="string").to_polars()["Question"]
    assert set(shown) == set(signs)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = archive.read("xl/worksheets/sheet2.xml").decode()
        guide = archive.read("xl/worksheets/sheet1.xml").decode()
        styles = archive.read("xl/styles.xml").decode()
    assert "<f>" not in sheet and "hyperlink" not in sheet
    assert guide.count("<f>") == 1 and "2+2" not in guide  # only the counter of filled rows
    assert 'quotePrefix="1"' in styles


def test_a_text_that_no_cell_can_hold_is_named(tmp_path: Path) -> None:
    store = stored(tmp_path / "data", [question("en0") | {"question": "a" * 32_768}])
    with pytest.raises(CellTooLong, match="question en0: its question has 32,768 characters"):
        write_round(Store(str(tmp_path / "out")), made(store, fraction=1))


def test_label_studio_gets_tasks_and_a_page_for_each_language(tmp_path: Path) -> None:
    write_round(Store(str(tmp_path)), made(stored(tmp_path / "data", several()), fraction=1))
    for language in ("en", "zh"):
        tasks = json.loads((tmp_path / f"label-studio.{language}.json").read_text())
        assert {task["data"]["id"][:2] for task in tasks} == {language} and len(tasks) == 10
        assert tasks[0]["data"]["role"] == "annotator" and tasks[0]["data"]["version"] == "bench@dev"
        assert (tmp_path / f"label-studio.{language}.xml").read_text().startswith("<View>")


def test_an_adjudicator_gets_what_is_in_dispute_with_all_opinions(tmp_path: Path) -> None:
    store = stored(tmp_path / "data", several())
    questions = frame(several())
    said = {("en00", "li"): "system1", ("en00", "wu"): "system2", ("en01", "li"): "system1.x"}
    ReviewStore(store, "bench").change(lambda _: reviews(questions, said, gold_correct="no", comment="dose?"))
    round_ = adjudication_round(store, DEV, names=["Chen"])
    assert round_.questions["id"].to_list() == ["en00"] and round_.reviewers == {"adjudicator-1": "Chen"}
    write_round(Store(str(tmp_path / "out")), round_)
    sheet = (
        fastexcel.read_excel(tmp_path / "out" / "review.adjudicator-1.xlsx").load_sheet("English").to_polars()
    )
    told = "li: System 1; key correct: no; dose?\nwu: System 2; key correct: no; dose?"
    assert sheet["What the annotators say"].to_list() == [told]
    data = json.loads((tmp_path / "out" / "label-studio.en.json").read_text())[0]["data"]
    assert data["role"] == "adjudicator" and told in data["gold"]


def test_without_a_dispute_there_is_nothing_to_adjudicate(tmp_path: Path) -> None:
    with pytest.raises(NothingKept, match="disagree on no question of bench@dev"):
        adjudication_round(stored(tmp_path, several()), DEV)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"fraction": 1.5}, "--fraction 1.5 is no share"),
        ({"agreement_below": -1}, "--agreement-below -1 is no share"),
        ({"annotators": 0}, "0 opinions a question"),
        ({"names": ["li"]}, "1 names for 2 opinions"),
        ({"names": ["Li", " li "]}, "two names are alike"),
    ],
)
def test_an_export_that_makes_no_sense_is_refused(tmp_path: Path, more: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        made(stored(tmp_path, several()), **more)


def test_a_version_that_is_not_there_or_has_no_levels_is_refused(tmp_path: Path) -> None:
    store = stored(tmp_path, several())
    with pytest.raises(VersionNotFound, match=r"there is no finished bench@2026\.01\.01"):
        annotation_round(
            store, DatasetRef("bench", "2026.01.01"), fraction=1, seed=1, annotators=1, agreement_below=0
        )
    manifest = store.manifest(DEV)
    store.write_bytes(
        "bench/dev/manifest.json",
        manifest.model_copy(update={"schema_": {"id": ""}}).model_dump_json().encode(),
    )
    with pytest.raises(ConfigError, match="cannot be reviewed: its rows have no language"):
        made(store)


def test_nothing_to_review_is_an_error_and_no_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(NothingKept, match="no question of bench@dev is to be reviewed"):
        made(stored(tmp_path, several()), fraction=0)
