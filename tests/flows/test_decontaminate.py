"""Decontamination end to end: inside the corpus flow, and by ``anes decontaminate`` on any data."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from anessuite.errors import ConfigError
from anessuite.sources.against import read_against
from anessuite.storage import Store
from filters.canaries import CanaryFailed
from filters.contamination import ContaminationRules
from tasks.decontaminate_files import decontaminate_files, source_of

PROJECT = Path(__file__).parents[2]
QUESTIONS = PROJECT / "samples" / "bench" / "questions.jsonl"
LONG = (
    "If re-intubation might be impossible, leave an airway exchange catheter at 20-22 cm at the lips, above"
)


def rejected(folder: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(file) for file in sorted((folder / "rejected").glob("*.parquet"))])


def kept(folder: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(file) for file in sorted((folder / "data").glob("*.parquet"))])


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Two clean texts, one that quotes a sample question in disguise, one without text."""
    disguised = LONG.upper().replace(" ", "  \n")
    rows = [
        {
            "id": "clean-1",
            "text": "A quiet text about nothing in particular.",
            "url": "https://example.org/1",
        },
        {"id": "quoting", "text": f"Before it. {disguised} ... and after it."},
        {"id": "empty", "text": None},
        {"id": "clean-2", "text": "去氧肾上腺素只激动α1受体。"},
    ]
    return write(tmp_path / "docs.jsonl", rows)


def run(docs: Path, out: Path, against: Path = QUESTIONS, **options: Any) -> Any:
    rules = ContaminationRules.model_validate(
        {"rules": options.pop("rules", ["lcs"])} | options.pop("thresholds", {})
    )
    source = source_of(str(docs), id_column="id", text_column="text")
    benchmark = read_against(str(against), store=Store(str(out / "store")))
    return decontaminate_files(source, benchmark, out=str(out), rules=rules, **options)


def test_the_sample_corpus_loses_the_documents_that_quote_a_question_and_no_other(demo: Path) -> None:
    folder = demo / "corpus" / "dev"
    gone = rejected(folder).filter(pl.col("reason").str.starts_with("contaminated"))
    found = {
        item["item"]: match["text"]
        for row in gone["evidence"]
        for item in json.loads(row)["items"]
        for match in item["matches"][:1]
        if len(match["text"]) > 64
    }
    assert sorted(found) == ["sample-002", "sample-003", "sample-012"]
    assert len(gone) == 3
    questions = {
        row["id"]: row["question"] for row in map(json.loads, QUESTIONS.read_text("utf-8").splitlines())
    }
    for item, text in found.items():
        assert text.strip(" .") in questions[item] or text.split()[0] in questions[item]
    page = (folder / "decontamination.html").read_text("utf-8")
    assert "3 of 181 rows removed" in page and "<mark>" in page


def test_a_build_without_a_benchmark_does_not_speak_of_decontamination(
    anes: Callable[..., Any], tmp_path: Path
) -> None:
    recipe = tmp_path / "plain.yaml"
    demo = (PROJECT / "deployments" / "corpus.demo.yaml").read_text("utf-8")
    recipe.write_text(
        "\n".join(line for line in demo.splitlines() if not line.startswith("against")), "utf-8"
    )
    done = anes(
        "build", "corpus", "--config", recipe, "--root", tmp_path / "root", "--workers", "1", "--json"
    )
    assert done.code == 0, done.err
    assert "decontamination" not in {stage["stage"] for stage in done.json["funnel"]}
    assert done.json["rows"] == {"en": 113, "zh": 68}
    assert not (tmp_path / "root" / "corpus" / "dev" / "decontamination.html").exists()


def test_documents_keep_their_ids_and_every_row_is_accounted_for(documents: Path, tmp_path: Path) -> None:
    outcome = run(documents, tmp_path / "out")
    assert (outcome.rows, outcome.kept, outcome.drops) == (4, 2, {"contaminated_lcs": 1, "no_text": 1})
    assert kept(tmp_path / "out").rows() == [
        ("clean-1", "A quiet text about nothing in particular."),
        ("clean-2", "去氧肾上腺素只激动α1受体。"),
    ]
    gone = rejected(tmp_path / "out").filter(reason="contaminated_lcs").row(0, named=True)
    match = json.loads(gone["evidence"])["items"][0]["matches"][0]
    quoted = gone["text"][match["start"] : match["start"] + match["length"]]
    assert gone["id"] == "quoting" and quoted == match["text"]
    assert " ".join(quoted.lower().split()).startswith("if re-intubation might be")
    assert (tmp_path / "out" / "report.html").exists()
    assert not list((tmp_path / "out" / ".build").rglob("*.parquet"))


def test_parquet_and_gzip_and_missing_ids_give_the_same_rows(documents: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in documents.read_text("utf-8").splitlines()]
    pl.DataFrame(rows).drop("id").write_parquet(tmp_path / "docs.parquet")
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(documents.read_bytes()))
    without = run(tmp_path / "docs.parquet", tmp_path / "a")
    assert without.drops == run(packed, tmp_path / "b").drops
    assert kept(tmp_path / "a")["id"].to_list() == ["docs.parquet#0", "docs.parquet#3"]


def test_a_finished_folder_is_replaced_only_when_asked_for(documents: Path, tmp_path: Path) -> None:
    run(documents, tmp_path / "out")
    with pytest.raises(ConfigError, match="finished result"):
        run(documents, tmp_path / "out")
    assert run(documents, tmp_path / "out", restart=True).kept == 2


def test_a_run_that_died_does_only_the_missing_parts_again(
    documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jsonl").write_bytes(documents.read_bytes())
    import tasks.decontaminate_files as module

    judged: list[int] = []
    judge = module.judge

    def dies_at_the_third(*arguments: Any) -> Any:
        judged.append(len(judged))
        if len(judged) == 3:
            raise KeyboardInterrupt
        return judge(*arguments)

    monkeypatch.setattr(module, "judge", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run(folder, tmp_path / "out")
    assert run(folder, tmp_path / "out").rows == 12
    assert len(judged) == 4
    undisturbed = tmp_path / "undisturbed"
    run(folder, undisturbed)
    for file in sorted((undisturbed / "data").iterdir()):
        assert file.read_bytes() == (tmp_path / "out" / "data" / file.name).read_bytes()


def test_questions_are_compared_as_questions_too(tmp_path: Path) -> None:
    pool = [
        {
            "id": "reordered",
            "question": "3. Which drug reverses rocuronium by encapsulation?",
            "options": {"A": "Sugammadex", "B": "Edrophonium", "C": "Atropine", "D": "Neostigmine"},
            "answer": "A",
        },
        {
            "id": "another",
            "question": "Which drug inhibits acetylcholinesterase?",
            "options": {"A": "Neostigmine", "B": "Propofol", "C": "Naloxone", "D": "Dantrolene"},
            "answer": "A",
        },
    ]
    outcome = run(write(tmp_path / "pool.jsonl", pool), tmp_path / "out")
    assert (outcome.kind, outcome.drops) == ("questions", {"near_question": 1})
    gone = rejected(tmp_path / "out").row(0, named=True)
    evidence = json.loads(gone["evidence"])
    assert (gone["id"], evidence["items"][0]["item"], evidence["same_answer"]) == (
        "reordered",
        "sample-004",
        True,
    )
    assert kept(tmp_path / "out")["id"].to_list() == ["another"]


def test_cover_finds_a_short_stem_with_its_options_where_lcs_sees_nothing(tmp_path: Path) -> None:
    text = "Quiz of the day!\nWhich of these lowers the MAC?\n(a) hyperthermia (b) hypothermia (c) red hair"
    docs = write(tmp_path / "docs.jsonl", [{"id": "quiz", "text": text}])
    assert run(docs, tmp_path / "lcs").drops == {}
    assert run(docs, tmp_path / "cover", rules=["cover"]).drops == {"contaminated_cover": 1}


def test_the_screen_says_how_many_hits_it_lost(documents: Path, tmp_path: Path) -> None:
    assert run(documents, tmp_path / "short", screen=5).drops == {"contaminated_lcs": 1, "no_text": 1}
    lost = run(documents, tmp_path / "long", screen=40)
    assert lost.drops == {"no_text": 1}
    assert "1 true hit (100 %)" in (tmp_path / "long" / "report.html").read_text("utf-8")


def test_a_wrong_verdict_on_a_canary_stops_the_run(
    documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import filters.contamination as module

    monkeypatch.setattr(module.Windows, "flag", lambda self, codes, offsets, flags: None)
    with pytest.raises(CanaryFailed, match="canaries have the wrong verdict"):
        run(documents, tmp_path / "out")
    assert not (tmp_path / "out" / "data").exists()


STEM = "Which of these findings would most strongly argue against a further attempt at the block, number {}?"
OPTIONS = {"A": "Fever", "B": "Paresthesia", "C": "A cough", "D": "Thirst"}


def bad(tmp_path: Path, rows: list[dict[str, Any]] | str, name: str = "bad.jsonl") -> Path:
    if isinstance(rows, str):
        (tmp_path / name).write_text(rows, "utf-8")
        return tmp_path / name
    return write(tmp_path / name, rows)


def test_null_stems_duplicate_ids_and_html_are_counted_told_and_cleaned(
    documents: Path, tmp_path: Path
) -> None:
    rows: list[dict[str, Any]] = [
        {"id": f"q{n // 2}", "question": STEM.format(n), "options": OPTIONS, "answer": "B"} for n in range(4)
    ]
    rows[0]["options"] = OPTIONS | {"A": "<p>Fever &gt; 39 &deg;C</p>"}
    rows.append({"id": "q9", "question": None, "options": OPTIONS, "answer": "A"})
    outcome = run(documents, tmp_path / "out", against=bad(tmp_path, rows))
    told = "\n".join(outcome.warnings)
    assert "1 rows are not used: no_question" in told
    assert "2 ids occur more than once, such as 'q0'" in told
    read = read_against(str(tmp_path / "bad.jsonl"), store=Store(str(tmp_path)))
    assert read.questions[0].options["A"] == "Fever > 39 °C"
    assert len({question.source_id for question in read.questions}) == 4


def test_an_empty_benchmark_and_one_whose_columns_nobody_knows_are_errors(
    anes: Callable[..., Any], documents: Path, tmp_path: Path
) -> None:
    for content, said in (("", "empty"), ('{"a": 1, "b": 2}\n', "columns")):
        done = anes(
            "decontaminate", documents, "--against", bad(tmp_path, content), "--out", tmp_path / "out"
        )
        assert done.code == 1, done.err
        assert "bad.jsonl" in done.err and (said in done.err or "holds no" in done.err), done.err


def test_two_files_of_different_columns_are_each_recognised(documents: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    folder.mkdir()
    bad(folder, [{"question": STEM.format(1), "options": OPTIONS, "answer_idx": "B"}], "a.jsonl")
    bad(folder, [{"question": STEM.format(2), **{f"op{x}": x * 3 for x in "abcd"}, "cop": 1}], "b.jsonl")
    read = read_against(str(folder), store=Store(str(tmp_path)))
    assert [question.question[-2:] for question in read.questions] == ["1?", "2?"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rule", "lsc"], "rules"),
        (["--screen", "13"], "ngram:N"),
        (["--against", "no-such-file.jsonl"], "no-such-file.jsonl"),
        (["--text", "content"], "content"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    anes: Callable[..., Any], documents: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    arguments = ["--against", QUESTIONS] if "--against" not in options else []
    done = anes("decontaminate", documents, *arguments, "--out", tmp_path / "out", *options)
    assert done.code in (1, 2) and said in done.err, done.err
    assert not (tmp_path / "out" / "data").exists()


def test_the_command_prints_counts_and_where_the_page_is(
    anes: Callable[..., Any], documents: Path, tmp_path: Path
) -> None:
    done = anes(
        "decontaminate", documents, "--against", QUESTIONS, "--out", tmp_path / "out", "--rule", "cover,lcs",
        "--workers", "2",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "4 documents: kept 2, dropped 2" in done.out
    assert "contaminated" in done.out and "report.html" in done.out


def test_medqa_stems_are_found_in_their_twin_under_both_rules(shared_data: Path, tmp_path: Path) -> None:
    """Every fifth; `filters` finds them all."""
    five, four = (shared_data / "mcq" / f"medqa_test_{n}options.jsonl" for n in (5, 4))
    stems = [
        {"id": str(n), "text": json.loads(line)["question"]}
        for n, line in enumerate(five.open(encoding="utf-8"))
        if n % 5 == 0
    ]
    docs = write(tmp_path / "stems.jsonl", stems)
    for rule, reason in (("lcs", "contaminated_lcs"), ("cover", "contaminated_cover")):
        assert run(docs, tmp_path / rule, against=four, rules=[rule]).drops == {reason: 255}


def test_a_text_just_under_the_threshold_stays_and_is_shown(tmp_path: Path) -> None:
    near, far = f"Before it. {LONG[:60]}, and another end.", f"Before it. {LONG[:30]}, and another end."
    docs = write(tmp_path / "docs.jsonl", [{"id": "near", "text": near}, {"id": "far", "text": far}])
    assert run(docs, tmp_path / "out").drops == {}
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "near · stays" in page and "far · stays" not in page


def test_documents_without_any_text_are_told_apart_from_a_pool_that_is_the_benchmark(tmp_path: Path) -> None:
    docs = write(tmp_path / "docs.jsonl", [{"id": "a", "text": None}, {"id": "b", "text": None}])
    assert any("--text" in warning for warning in run(docs, tmp_path / "null").warnings)
    assert any(
        "benchmark the data itself" in warning for warning in run(QUESTIONS, tmp_path / "same").warnings
    )
