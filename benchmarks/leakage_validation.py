"""How strong are the leakage tests? A small model learns half of some questions; both halves are tested.

    python -m benchmarks.leakage_validation QUESTIONS --home ~/.cache/vllm-cpu --work /tmp/leakage

QUESTIONS is any file of multiple-choice questions that the project reads. Of its questions with four options
and no fault of `filters.ordered_options`, ``--number`` are drawn by seed; the even ones are learnt. The
environment below ``--home`` holds a venv with vLLM, torch and transformers, and the model
``smollm2-135m-instruct``. For the untouched model and for each epoch asked for, vLLM serves the model on the
CPU, and the tests ask it as ``anes build leakage`` does. The work folder keeps the models and all replies: a
second run asks nothing twice. Prints a table in Markdown: AUC (learnt against not learnt), and the share
that each test flags among the learnt (its power) and among the others (its false alarms), with intervals.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from anessuite.leakage import OUTLIER, forest_scores, has_forest, order_scores, shown
from anessuite.leakage_continuation import continuation_scores, cut, others_of, shuffled
from anessuite.leakage_rates import auc
from anessuite.llm.cache import Cache
from anessuite.llm.client import complete
from anessuite.llm.config import ModelConfig
from anessuite.llm.logprobs import TextRequest, for_scoring, score_of
from anessuite.llm.replies import Completion
from anessuite.option_orders import orders_of
from anessuite.sampling import wilson_interval
from anessuite.sources.questions import Question, QuestionSource, read_questions
from filters.ordered_options import order_fault

SEED, ORDERS, WRITTEN = 7, 24, 96
PORT = 8078
Options = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Test:
    """Of each question: a score that should be high where it was learnt, and whether it is flagged."""

    name: str
    scores: list[float]
    flags: list[bool]


def main() -> None:
    """Draw, train, serve, test, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions")
    parser.add_argument("--home", type=Path, default=Path.home() / ".cache" / "vllm-cpu")
    parser.add_argument("--work", type=Path, default=Path("/tmp/leakage"))
    parser.add_argument("--number", type=int, default=100)
    parser.add_argument("--epochs", default="1,3,10")
    told = parser.parse_args()
    questions = draw(told.questions, told.number)
    original = told.home / "smollm2-135m-instruct"
    train(told.home, original, questions, told.work, told.epochs)
    print("| epochs | test | AUC | flagged of the learnt | flagged of the others |\n|---|---|---|---|---|")
    for epoch in [0, *(int(number) for number in told.epochs.split(","))]:
        folder = original if epoch == 0 else told.work / f"epoch-{epoch}"
        name = f"{told.questions}|{told.number}|epoch-{epoch}".replace("/", "_")
        tests = probe(told.home, folder, name, questions, told.work)
        for test in tests:
            print(line(epoch, test), flush=True)


def draw(path: str, number: int) -> list[Question]:
    """Questions with four options, drawn by seed."""
    found = read_questions(QuestionSource(path=path)).questions
    usable = [one for one in found if len(one.options) == 4 and not order_fault(list(one.options.values()))]
    return random.Random(SEED).sample(usable, number)


def train(home: Path, original: Path, questions: Sequence[Question], work: Path, epochs: str) -> None:
    """Fine-tune on every other question, in its original order, unless that is done."""
    work.mkdir(parents=True, exist_ok=True)
    texts = [shown(one.question, options(one), tuple(range(4))) for one in questions[::2]]
    file = work / "texts.json"
    last = work / f"epoch-{epochs.split(',')[-1]}" / "tokenizer_config.json"
    if file.exists() and json.loads(file.read_text()) == texts and last.exists():
        return
    file.write_text(json.dumps(texts, ensure_ascii=False))
    script = Path(__file__).with_name("leakage_training.py")
    python = home / "venv" / "bin" / "python"
    command = [python, script, original, file, work, "--epochs", epochs]
    subprocess.run(command, env=environment(home), check=True)


def options(question: Question) -> Options:
    """Letters and texts, in order."""
    return list(question.options.items())


def environment(home: Path) -> dict[str, str]:
    """Of the other environment's programs: nothing of this one's is in it."""
    return {
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "2",
        "PATH": f"{home / 'venv' / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(Path.home()),
    }


@contextmanager
def served(home: Path, model: Path, name: str, work: Path) -> Iterator[ModelConfig]:
    """vLLM on the CPU, until the block ends."""
    command = [home / "venv" / "bin" / "vllm", "serve", model, "--served-model-name", name]
    command += ["--host", "127.0.0.1", "--port", str(PORT), "--max-model-len", "2048", "--dtype", "bfloat16"]
    with (work / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment(home), stdout=log, stderr=log)
    config = ModelConfig(model=name, endpoints=[f"http://127.0.0.1:{PORT}/v1"], concurrency=24)
    try:
        wait_for(config.endpoints[0], process)
        yield config
    finally:
        process.terminate()
        process.wait(60)


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Raises RuntimeError if the server ends, or is not ready within ten minutes."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/models", timeout=5).is_success:
                return
        except httpx.HTTPError:
            time.sleep(2)
    raise RuntimeError("vLLM did not start; see server.log")


def probe(home: Path, model: Path, name: str, questions: Sequence[Question], work: Path) -> list[Test]:
    """All tests of one model, by its server."""
    with served(home, model, name, work) as config, Cache(work / "replies") as cache:
        begun = time.monotonic()
        scored = [
            TextRequest(prompt=shown(one.question, options(one), order), way="echo")
            for one in questions
            for order in orders_of(4, most=ORDERS, seed=SEED, name=one.source_id)
        ]
        scores = [score_of(reply.text)[0] for reply in replies(for_scoring(config), scored, cache)]
        sys.stderr.write(f"{name}: {len(scored)} orders in {time.monotonic() - begun:.0f} s\n")
        writes = config.model_copy(update={"temperature": 0.0, "max_tokens": WRITTEN})
        cuts = [cut(one.question, options(one), first_option=True) for one in questions]
        said = [one.text for one in replies(writes, [TextRequest(prompt=one.shown) for one in cuts], cache)]
    by_question = [scores[at : at + ORDERS] for at in range(0, len(scores), ORDERS)]
    return [*order_tests(by_question), *continuation_tests(questions, [one.truth for one in cuts], said)]


def replies(config: ModelConfig, requests: Sequence[TextRequest], cache: Cache) -> list[Completion]:
    """In the order of the requests. Raises RuntimeError where one has none."""
    found: dict[int, Completion] = {}
    complete(config, requests, lambda number, _, reply: found.__setitem__(number, reply), cache=cache)
    if unanswered := [found[n].detail for n in range(len(requests)) if not found[n].answered]:
        raise RuntimeError(f"{len(unanswered)} requests without an answer: {unanswered[0]}")
    return [found[number] for number in range(len(requests))]


def order_tests(scores: Sequence[Sequence[float]]) -> list[Test]:
    """The scenarios of `anessuite.leakage`; with scikit-learn those of the isolation forest, too."""
    found = [order_scores(one) for one in scores]
    outlier = [one.highest_is_outlier for one in found]
    tests = [
        Test("order known: highest", [one.margin for one in found], [one.is_highest for one in found]),
        Test(
            "order known: highest, robust outlier",
            [one.z for one in found],
            [one.is_highest and one.highest_is_outlier for one in found],
        ),
        Test("may be shuffled: robust outlier", [one.highest_z for one in found], outlier),
        Test(
            "mirror: lowest is an outlier",
            [-one.lowest_z for one in found],
            [one.lowest_z < -OUTLIER for one in found],
        ),
    ]
    if has_forest():
        forest = [forest_scores(one)[1] for one in scores]
        for threshold in (-0.2, -0.17, -0.15):
            name = f"may be shuffled: isolation forest {threshold}"
            tests.append(Test(name, [-one for one in forest], [one < threshold for one in forest]))
    return tests


def continuation_tests(
    questions: Sequence[Question], truths: Sequence[str], said: Sequence[str]
) -> list[Test]:
    """Substrings and n-grams beyond the controls; questions whose truth is too short are left out as 0."""
    near = others_of(truths, seed=SEED)
    judged = [
        continuation_scores(
            text,
            truths[at],
            [truths[other] for other in near[at]],
            shuffled(truths[at], seed=SEED, name=questions[at].source_id),
            known=cut(questions[at].question, options(questions[at]), first_option=True).shown,
        )
        for at, text in enumerate(said)
    ]
    excess = [one.substring - one.substring_control if one else 0.0 for one in judged]
    grams = [one.ngrams - one.ngrams_control if one else 0.0 for one in judged]
    recited = [bool(one and one.is_recited) for one in judged]
    return [
        Test("continuation: half of it in one piece", excess, recited),
        Test("continuation: n-grams beyond controls", grams, [one > 0 for one in grams]),
    ]


def line(epoch: int, test: Test) -> str:
    """One row of the table."""
    learnt, others = slice(0, None, 2), slice(1, None, 2)
    value = auc(test.scores[learnt], test.scores[others])
    return (
        f"| {epoch} | {test.name} | {value:.2f} | {share(test.flags[learnt])} | {share(test.flags[others])} |"
    )


def share(flags: Sequence[bool]) -> str:
    """A share with its 95 % Wilson interval."""
    low, high = wilson_interval(sum(flags), len(flags))
    return f"{sum(flags)} of {len(flags)} ({low:.0%} to {high:.0%})"


if __name__ == "__main__":
    main()
