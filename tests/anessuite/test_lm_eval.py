"""Exports of a benchmark as lm-evaluation-harness runs them, and the files that it reads.

`ANES_LM_EVAL` names the harness's executable, made outside the project by:
`python -m venv ~/.cache/lm-eval/venv && ~/.cache/lm-eval/venv/bin/pip install "lm-eval[hf]"`.
"""

import json
import os
import re
import string
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from anessuite.answers import extract_choice
from anessuite.builds import Build
from anessuite.exports import export
from anessuite.lm_eval_task import task_files
from anessuite.manifests import Manifest, Recipe
from anessuite.question_schemas import GRADED_QUESTION
from anessuite.schemas import ParquetSink
from anessuite.storage import Store
from anessuite.versions import DatasetRef

BENCH = DatasetRef("bench", "2026.12.01")
LETTERS = string.ascii_uppercase[:10]
TINY_MODEL = """
import sys
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

torch.manual_seed(0)
folder, alphabet = sys.argv[1], sorted(pre_tokenizers.ByteLevel.alphabet())
vocabulary = {name: number for number, name in enumerate([*alphabet, "<eos>"])}
tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>").save_pretrained(folder)
layers = dict(num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2)
sizes = dict(vocab_size=len(vocabulary), hidden_size=16, intermediate_size=16, eos_token_id=256)
Qwen2ForCausalLM(Qwen2Config(**sizes, **layers)).save_pretrained(folder)
"""


def graded(
    number: int, language: str, level: str, answer: str, texts: list[str], question: str
) -> dict[str, Any]:
    return {
        "id": f"{number:032x}",
        "language": language,
        "question": question,
        "options": [{"letter": letter, "text": text} for letter, text in zip(LETTERS, texts, strict=False)],
        "answer": answer,
        "level": level,
        "level_origin": "model",
        "votes": [{"level": level, "rationale": "r"}],
        "agreement": 1.0,
        "reviewed": False,
        "source": "s",
        "source_id": str(number),
        "subject": "",
        "licence": "",
    }


ROWS = [
    graded(
        1, "en", "system1", "C", ["Halothane", "Isoflurane", "Desflurane"], "Which vapour is the fastest?"
    ),
    graded(
        2, "en", "system1", "A", ["{{ gold }}", "{% raw %}"], "What does {{ answer }} say,\nand {% if %}?"
    ),
    graded(3, "en", "system1", "B", ["1\u20282", "3\u00854"], 'Which "line" has no end?'),
    graded(4, "en", "system1.x", "J", list("qrstuvwxyz"), "Which one is the last of ten?"),
    graded(5, "en", "system1.x", "D", list("abcd"), "Which one is the last of four?"),
    graded(6, "en", "system2", "B", ["Wait", "Intubate"], "What comes first?"),
    graded(7, "en", "system2", "A", ["Cool", "Warm"], "What comes next?"),
    graded(8, "zh", "system1", "B", ["氟烷", "地氟烷"], "哪一种吸入麻醉药起效最快？"),
    graded(9, "zh", "system1", "A", ["丙泊酚", "氯胺酮", "依托咪酯"], "哪一种是白色乳剂？"),
    graded(10, "zh", "system2", "E", ["甲", "乙", "丙", "丁", "戊"], "应首先采取哪项措施？"),
]
GOLD = {row["id"]: row["answer"] for row in ROWS}


def exported(folder: Path, rows: list[dict[str, Any]] = ROWS) -> Path:
    """The folder of tasks of a finished bench."""
    store = Store(str(folder / "root"))
    build = Build(store, BENCH)
    files, counts = [], {}
    for language in sorted({row["language"] for row in rows}):
        path = f"data/{language}-00000-of-00001.parquet"
        ours = [row for row in rows if row["language"] == language]
        with ParquetSink(store, f"{build.publish_folder}/{path}", GRADED_QUESTION) as sink:
            sink.write(pl.DataFrame(ours))
        files.append(sink.file.model_dump() | {"path": path})
        counts[language] = len(ours)
    manifest = {
        "name": BENCH.name,
        "version": BENCH.version,
        "created": "2026-12-01T00:00:00Z",
        "recipe": Recipe(inputs=[], config={}, texts={}),
        "schema_": dict.fromkeys(GRADED_QUESTION.names, "string"),
        "files": files,
        "rows": counts,
        **{name: {} for name in ("code", "packages", "drops", "masked", "requests")},
        **{name: [] for name in ("funnel", "quarantined", "warnings")},
    }
    build.publish(Manifest.model_validate(manifest))
    export(store, BENCH, "lm-eval", Store(str(folder / "made")))
    return (folder / "made").rename(folder / "moved")


@pytest.fixture(scope="module")
def harness() -> Path:
    """The real `lm_eval`; tests that need it are skipped where it is absent, unless it is required."""
    default = Path.home() / ".cache/lm-eval/venv/bin/lm_eval"
    path = Path(os.environ.get("ANES_LM_EVAL") or default)
    if not path.is_file():
        if os.environ.get("ANES_REQUIRE_LM_EVAL") == "1":
            pytest.fail(f"ANES_REQUIRE_LM_EVAL=1, but there is no {path}")
        pytest.skip(f"there is no lm-evaluation-harness at {path} (ANES_LM_EVAL names another)")
    return path


def run(command: list[str | Path], folder: Path) -> None:
    """Run offline, in an empty folder, where it may leave nothing, and with an empty home."""
    places = {name: folder / name for name in ("home", "cwd", "hf")}
    for place in places.values():
        place.mkdir(exist_ok=True)
    offline = dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"), "1")
    env = os.environ | offline | {"HOME": str(places["home"]), "HF_HOME": str(places["hf"])}
    done = subprocess.run(command, cwd=places["cwd"], env=env, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert not list(places["cwd"].iterdir())


def evaluated(
    harness: Path, folder: Path, tasks: str, *model: str
) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """What the harness reports, and its samples by task."""
    told = folder / "told"
    made = exported(folder)
    command = [
        harness,
        "run",
        "--include_path",
        made,
        "--tasks",
        tasks,
        "--output_path",
        told,
        "--log_samples",
    ]
    run([*command, *model], folder)
    (results,) = told.rglob("results_*.json")
    samples = {
        re.sub(r"^samples_|_\d{4}-.*", "", file.name): [json.loads(line) for line in file.open(newline="\n")]
        for file in told.rglob("samples_*.jsonl")
    }
    return json.loads(results.read_bytes()), samples


@pytest.fixture(scope="module")
def answered(
    harness: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """All tasks, answered by a tiny Qwen2 with random weights."""
    folder = tmp_path_factory.mktemp("lm_eval")
    model = folder / "model"
    run([harness.parent / "python", "-c", TINY_MODEL, model], folder)
    arguments = ["--model", "hf", "--model_args", f"pretrained={model},dtype=float32", "--device", "cpu"]
    limits = ["--gen_kwargs", "max_gen_toks=4"]
    return evaluated(harness, folder, "anes_bench,anes_bench_gen", *arguments, *limits)


def test_the_harness_asks_each_question_once_in_the_task_of_its_language_and_level(answered: Any) -> None:
    _, samples = answered
    for name in ("anes_bench", "anes_bench_gen"):
        for row in ROWS:
            task = f"{name}_{row['language']}_{row['level'].replace('.', '')}"
            assert [sample["doc"]["id"] for sample in samples[task]].count(row["id"]) == 1
        ours = [task for task in samples if re.fullmatch(rf"{name}_(en|zh)_system\w+", task)]
        assert sum(len(samples[task]) for task in ours) == len(ROWS)


def test_the_harness_compares_the_letters_of_the_options_with_the_right_one(answered: Any) -> None:
    _, samples = answered
    chosen = [one for task, asked in samples.items() if "_gen_" not in task for one in asked]
    for sample in chosen:
        letters = [argument["arg_1"].strip() for argument in sample["arguments"].values()]
        likelihoods = [float(likelihood) for likelihood, _ in sample["filtered_resps"]]
        options = next(row["options"] for row in ROWS if row["id"] == sample["doc"]["id"])
        assert letters == [option["letter"] for option in options]
        assert letters[int(sample["target"])] == GOLD[sample["doc"]["id"]]
        assert sample["acc"] == (int(sample["target"]) == likelihoods.index(max(likelihoods)))
        assert len(set(likelihoods)) > 1


def test_a_reply_is_compared_with_the_right_letter(answered: Any) -> None:
    _, samples = answered
    written = [one for task, asked in samples.items() if "_gen_" in task for one in asked]
    assert len(written) == len(ROWS)
    for sample in written:
        assert sample["target"] == GOLD[sample["doc"]["id"]]
        assert sample["filtered_resps"] == ["[no answer]"] and sample["exact_match"] == 0.0  # random bytes


def test_prompts_are_in_the_language_of_the_question_and_show_its_text_as_it_is(answered: Any) -> None:
    _, samples = answered
    prompts = {
        sample["doc"]["id"]: sample["arguments"]["gen_args_0"]["arg_0"]
        for task in ("anes_bench_en_system1", "anes_bench_zh_system1")
        for sample in samples[task]
    }
    assert prompts[ROWS[1]["id"]] == (
        "Question: What does {{ answer }} say,\nand {% if %}?\nA. {{ gold }}\nB. {% raw %}\nAnswer:"
    )
    assert prompts[ROWS[7]["id"]] == "问题：哪一种吸入麻醉药起效最快？\nA. 氟烷\nB. 地氟烷\n答案："
    reply = samples["anes_bench_gen_zh_system1"][0]["arguments"]["gen_args_0"]["arg_0"]
    assert reply.startswith("哪一种吸入麻醉药起效最快？\n\nA. 氟烷\nB. 地氟烷\n\n请逐步思考")


def test_results_come_by_level_and_by_language_with_their_errors(answered: Any) -> None:
    results, samples = answered
    for group in ("anes_bench", "anes_bench_en", "anes_bench_zh"):
        scores = [
            sample["acc"]
            for task, asked in samples.items()
            if task.startswith(group) and "_gen_" not in task
            for sample in asked
        ]
        assert results["results"][group]["acc,none"] == pytest.approx(sum(scores) / len(scores))
    assert {"acc,none", "acc_norm,none"} <= results["results"]["anes_bench"].keys()
    assert isinstance(results["results"]["anes_bench_en_system1"]["acc_stderr,none"], float)
    assert isinstance(results["results"]["anes_bench_en"]["acc_norm_stderr,none"], float)
    assert "exact_match,stated" in results["results"]["anes_bench_gen_zh"]


def test_results_name_the_version_of_the_benchmark(answered: Any) -> None:
    results, _ = answered
    assert results["versions"]["anes_bench_en_system2"] == 1
    metadata = results["configs"]["anes_bench_en_system2"]["metadata"]
    assert metadata["benchmark"] == "bench@2026.12.01"


def test_a_level_can_be_run_over_both_languages(harness: Path, tmp_path: Path) -> None:
    results, samples = evaluated(harness, tmp_path, "anes_bench_system2", "--model", "dummy")
    assert {task: len(asked) for task, asked in samples.items()} == {
        "anes_bench_en_system2": 2,
        "anes_bench_zh_system2": 1,
    }
    assert "acc,none" in results["results"]["anes_bench_system2"]


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("It is white.\n\nAnswer: B", "B"),
        ("Answer: A? No.\nAnswer: B\n", "B"),
        ("Answer: A\nOn reflection.\nAnswer: B", "B"),
        ("**Answer:** (B)", "B"),
        ("**Answer: B. Propofol**", "B"),
        ("Answer: B (Propofol)", "B"),
        ("The answer is B.", "B"),
        ("想一想。\n\n答案：B", "B"),
        ("**答案：B**\r\n", "B"),
        ("答案是B。", "B"),
        ("Answer: A, B", None),
        ("Answer: A patient who coughs", None),
        ("Answer: Both", None),
        ("The answer is not B.", None),
        ("B", None),
    ],
)
def test_the_letter_that_a_reply_states_is_found_and_no_other(reply: str, letter: str | None) -> None:
    for language in ("en", "zh"):
        common = yaml.safe_load(
            task_files(BENCH, {language: {"system1": 1}})[f"_gen_{language}"].replace(b"!function ", b"")
        )
        (stated,) = common["filter_list"]
        found = re.findall(stated["filter"][0]["regex_pattern"], reply)
        assert (found[stated["filter"][0]["group_select"]] if found else None) == letter
    if letter:
        assert extract_choice(reply, {"A": "Ketamine", "B": "Propofol"}) == letter
