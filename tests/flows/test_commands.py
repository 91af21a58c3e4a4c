"""The command line as a user meets it: results, exit codes, messages."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "samples" / "corpus"
Run = Callable[..., object]


def recipe(folder: Path, text: str) -> Path:
    file = folder / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_list_knows_the_version_and_imports_neither_prefect_nor_polars(demo: Path, anes) -> None:
    assert anes("list", "--root", demo, "--json").json[0]["version"] == "corpus@dev"
    script = (
        "import sys\nfrom typer.testing import CliRunner\nfrom flows.__main__ import app\n"
        f"assert CliRunner().invoke(app, ['list', '--root', {str(demo)!r}]).exit_code == 0\n"
        "print(sorted(m for m in ('prefect', 'polars', 'pyarrow', 'datatrove') if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_show_prints_the_funnel_and_as_json_the_manifest(demo: Path, anes) -> None:
    text = anes("show", "corpus@dev", "--root", demo).out
    assert "near duplicates" in text
    assert "too_few_terms" in text
    assert anes("show", "corpus@dev", "--root", demo, "--json").json["name"] == "corpus"


def test_an_unknown_version_names_the_ones_there_are(demo: Path, anes) -> None:
    done = anes("show", "corpus@2020.01.01", "--root", demo)
    assert done.code == 2
    assert "corpus@dev" in done.err


def test_verify_passes_and_after_one_flipped_byte_names_the_shard(demo: Path, anes, tmp_path: Path) -> None:
    import shutil

    root = tmp_path / "copy"
    shutil.copytree(demo, root)
    assert anes("verify", "corpus@dev", "--root", root).code == 0
    shard = sorted((root / "corpus/dev/data").glob("zh-*.parquet"))[0]
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    (root / "corpus/dev/data/extra.parquet").write_bytes(b"x")
    (root / "corpus/dev/README.md").unlink()
    done = anes("verify", "corpus@dev", "--root", root)
    assert done.code == 1
    assert f"corpus@dev/data/{shard.name} has SHA-256" in done.err
    assert "extra.parquet is not in the manifest" in done.err
    assert "README.md is missing" in done.err


def test_diff_says_what_was_added_removed_and_changed_and_why(anes, tmp_path: Path) -> None:
    whole = pl.read_parquet(SAMPLES / "fineweb-en.parquet")
    kinds = pl.read_csv(SAMPLES / "kinds.csv").filter(pl.col("kind") == "true")["source_id"]
    true = whole.filter(pl.col("id").is_in(kinds.implode()))
    (tmp_path / "in").mkdir()
    text = f"sources: [{{name: en, path: {tmp_path}/in, columns: {{id: id, url: url}}}}]\n"
    true[:90].write_parquet(tmp_path / "in/a.parquet")
    first = anes(
        "build", "corpus", "--config", recipe(tmp_path, text), "--version", "2026.11.01", "--root", tmp_path
    )
    assert first.code == 0, first.err
    changed = true[5:110].with_columns(
        text=pl.when(pl.int_range(pl.len()) < 5)
        .then(pl.col("text") + " Read on in part two.")
        .otherwise("text")
    )
    changed.write_parquet(tmp_path / "in/a.parquet")
    stricter = text + "keywords: {min_distinct: 6}\n"
    second = anes(
        "build",
        "corpus",
        "--config",
        recipe(tmp_path, stricter),
        "--version",
        "2026.12.01",
        "--root",
        tmp_path,
    )
    assert second.code == 0, second.err
    done = anes("diff", "corpus@2026.11.01", "corpus@2026.12.01", "--root", tmp_path, "--json").json
    assert done["counts"]["removed"]["now rejected: too_few_terms"] > 5
    assert done["counts"]["removed"]["gone from the sources"] >= 1
    assert done["counts"]["added"]["new in the sources"] >= 1
    assert done["counts"]["changed"]["content"] >= 1
    assert done["same"] > 10
    listed = {row["source_id"] for row in done["rows"]}
    assert listed <= set(true["id"])


def test_plan_counts_rows_and_builds_nothing(anes, tmp_path: Path) -> None:
    config = "deployments/corpus.demo.yaml"
    found = anes(
        "plan", "corpus", "--config", config, "--json", env={"ANES_ROOT": str(tmp_path / "root")}
    ).json
    assert found["rows"] == pl.read_csv(SAMPLES / "kinds.csv").height
    assert 0 < found["kept"] < found["rows"]
    assert (found["requests"], found["tokens"], found["cost"]) == (0, 0, 0)
    assert not (tmp_path / "root").exists()


def test_plan_looks_for_versions_below_root(anes, tmp_path: Path) -> None:
    config = tmp_path / "evaluation.yaml"
    config.write_text("bench: bench@2026.01.01\nmodels: [{name: m, model: m, endpoints: ['local:']}]\n")
    done = anes("plan", "evaluation", "--config", config, "--root", tmp_path / "versions")
    assert done.code == 2 and f"no finished bench@2026.01.01 in {tmp_path / 'versions'}" in done.err


def test_lexicon_lists_hits_documents_and_contexts(anes) -> None:
    table = anes("lexicon", "--lang", "en", SAMPLES / "fineweb-en.parquet", "--json").json["terms"]
    by_term = {row["term"]: row for row in table}
    assert by_term["anesthesia"]["documents"] > 50
    assert by_term["anesthesia"]["hits"] >= by_term["anesthesia"]["documents"]
    assert by_term["propofol"]["contexts"][0]


def test_a_lexicon_that_hits_nothing_is_a_loud_failure(anes, tmp_path: Path) -> None:
    pl.DataFrame({"text": ["nothing of interest"]}).write_parquet(tmp_path / "a.parquet")
    done = anes("lexicon", "--lang", "zh", tmp_path / "a.parquet")
    assert done.code == 1
    assert "no term occurs at all" in done.err


def test_doctor_finds_this_installation_fit(anes, tmp_path: Path) -> None:
    done = anes("doctor", "--root", tmp_path, "--json")
    checks = {check["name"]: check for check in done.json}
    assert checks["packages"]["ok"], checks["packages"]
    assert checks["prefect"]["ok"], checks["prefect"]


def test_doctor_fails_when_the_prefect_server_is_dead(anes, tmp_path: Path) -> None:
    done = anes("doctor", "--root", tmp_path, env={"PREFECT_API_URL": "http://127.0.0.1:9/api"}, cold=True)
    assert done.code == 1
    assert "make ui" in done.out


BAD: dict[str, tuple[str, int, list[str]]] = {
    "misspelt key": (
        "sources: [{path: x.parquet}]\nkeyword: {min_hits: 1}",
        2,
        ["keyword", "did you mean 'keywords'"],
    ),
    "misspelt nested key": (
        "sources: [{path: x.parquet}]\nkeywords: {min_distnct: 1}",
        2,
        ["keywords.min_distnct", "'min_distinct'"],
    ),
    "not yaml": ("sources: [", 2, ["is not YAML"]),
    "empty": ("", 2, ["is empty"]),
    "unknown language": ("sources: [{path: x.parquet, language: de}]", 2, ["no lexicon anesthesiology.de"]),
    "no such file": ("sources: [{path: '{tmp}/nowhere.parquet'}]", 1, ["nowhere.parquet", "holds:"]),
    "empty folder": ("sources: [{path: '{tmp}/empty'}]", 1, ["no readable file"]),
    "a file without rows": ("sources: [{path: '{tmp}/none.jsonl'}]", 1, ["the sources hold no rows"]),
    "missing column": (
        "sources: [{path: samples/corpus/fineweb-en.parquet, columns: {text: texts}}]",
        1,
        ["no column 'texts'", "did you mean 'text'"],
    ),
    "half a parquet file": (
        "sources: [{path: '{tmp}/half.parquet'}]",
        1,
        ["half.parquet is not a whole Parquet file"],
    ),
    "truncated gzip": ("sources: [{path: '{tmp}/cut.jsonl.gz'}]", 1, ["cut.jsonl.gz is cut off"]),
    "gb18030 bytes": (
        "sources: [{path: '{tmp}/gb.jsonl', language: zh}]",
        1,
        ["line 2", "not UTF-8", "GB18030"],
    ),
    "against a benchmark": (
        "sources: [{path: x.parquet}]\nagainst: bench@dev",
        2,
        ["no finished bench@dev", "anes list"],
    ),
}


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import gzip

    folder = tmp_path_factory.mktemp("bad")
    (folder / "empty").mkdir()
    (folder / "none.jsonl").touch()
    whole = (SAMPLES / "fineweb-en.parquet").read_bytes()
    (folder / "half.parquet").write_bytes(whole[: len(whole) // 2])
    lines = "\n".join(json.dumps({"text": f"anesthesia {i}"}) for i in range(5000)).encode()
    (folder / "cut.jsonl.gz").write_bytes(gzip.compress(lines)[:-200])
    good = json.dumps({"text": "麻醉"}, ensure_ascii=False)
    (folder / "gb.jsonl").write_bytes(good.encode() + b"\n" + (good + "\n").encode("gb18030"))
    return folder


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_with_what_where_and_what_next(
    case: str, anes, bad_files: Path, tmp_path: Path
) -> None:
    text, code, parts = BAD[case]
    root = tmp_path / "root"
    done = anes(
        "build", "corpus", "--config", recipe(tmp_path, text.replace("{tmp}", str(bad_files))), "--root", root
    )
    assert done.code == code, done.err
    for part in parts:
        assert part in done.err, done.err
    assert "Traceback" not in done.err
    assert not (root / "corpus").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("build", "corpus", "--config", "nowhere.yaml"), "no config file nowhere.yaml"),
        (
            ("build", "corpus", "--config", "deployments/corpus.demo.yaml", "--version", "tomorrow"),
            "is no version",
        ),
        (("build", "nonsense", "--config", "x"), "nonsense"),
        (("build", "corpus"), "--config"),
        (("diff", "corpus@dev", "bench@dev"), "different datasets"),
        (("verify", "corpus"), "names no version"),
    ],
)
def test_a_wrong_call_exits_with_two(arguments: tuple[str, ...], expected: str, anes) -> None:
    done = anes(*arguments)
    assert done.code == 2
    assert expected in done.err


def test_secrets_of_the_environment_reach_no_file_and_no_message(anes, tmp_path: Path) -> None:
    secret = "s3cr3t-9f1c-planted"
    env = {"AWS_SECRET_ACCESS_KEY": secret, "HF_TOKEN": secret, "LLM_API_KEY": secret}
    done = anes(
        "build",
        "corpus",
        "--config",
        "deployments/corpus.demo.yaml",
        "--root",
        tmp_path,
        "--sample",
        "40",
        env=env,
    )
    assert done.code == 0, done.err
    assert secret not in done.out + done.err
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file


def test_every_command_shows_help_with_an_example(anes) -> None:
    for name in ("build", "plan", "list", "show", "verify", "diff", "lexicon", "doctor"):
        done = anes(name, "--help")
        assert done.code == 0
        assert "anes " + name in done.out


def test_a_build_of_today_has_its_date_and_a_word_that_is_no_version_is_refused(anes, tmp_path: Path) -> None:
    call = ("build", "corpus", "--config", "deployments/corpus.demo.yaml", "--root", str(tmp_path), "--json")
    days = {datetime.now(UTC)}
    built = anes(*call, "--version", "today")
    days.add(datetime.now(UTC))
    assert built.code == 0, built.err
    assert built.json["version"] in {day.strftime("%Y.%m.%d") for day in days}
    refused = anes(*call, "--version", "tomorrow")
    assert refused.code == 2 and "'tomorrow' is no version" in refused.err
