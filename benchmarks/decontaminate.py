"""Speed and memory of decontamination, beside datatrove's n-gram filter and a plain Python screen.

    python -m benchmarks.decontaminate --data ../shared/data [--megabytes 1000] [--repeats 3] [--json FILE]

The documents are resampled web text (as in ``benchmarks.corpus``) with 1 % of them given a question of the
benchmark; the benchmarks are 8,000 and 80,000 questions of 400 characters, resampled from real ones. One
core;
the time of ours is from texts in memory to verdicts, with normalisation, look-up and evidence; that of the
peers from texts in memory, too.
"""

import argparse
import json
import os
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from anessuite.normalisation import code_points
from anessuite.sources.questions import Question, QuestionSource, read_questions
from benchmarks.corpus_input import make_input
from benchmarks.corpus_jobs import peak_memory
from filters.contamination import Benchmark, ContaminationRules

SIZES = (8_000, 80_000)
CHARACTERS = 400
TARGET_RATE, AIM_RATE, TARGET_NGRAMS, TARGET_SCREEN = 120.0, 250.0, 300.0, 5.0
TARGET_GROWTH, TARGET_BYTES, TARGET_SECONDS = 1.5, 1e9, 60.0
NGRAM_MEGABYTES, SCREEN_MEGABYTES = 1.0, 20.0
CONTAMINATED = 0.01


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder with web/ and mcq/")
    parser.add_argument("--megabytes", type=float, default=1000.0, help="text to judge")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    figures = measure(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All measurements; prints as it goes."""
    questions = {size: resampled(arguments.data / "mcq", size, seed=1) for size in SIZES}
    texts = documents(arguments.data / "web", arguments.megabytes, questions[SIZES[0]])
    megabytes = sum(text.nbytes for text in texts) / 1e6
    print(f"{sum(map(len, texts)):,} documents, {megabytes:,.0f} MB of text; load {os.getloadavg()}")
    indexes: dict[tuple[int, str], Benchmark] = {}
    for size in SIZES:
        for rule in ("lcs", "cover"):
            begun = time.perf_counter()
            index = Benchmark.of(questions[size], ContaminationRules.model_validate({"rules": [rule]}))
            seconds = time.perf_counter() - begun
            indexes[size, rule] = index
            if rule == "lcs":
                size_mb = index.windows.nbytes / 1e6
                print(f"index of {size:,} questions: {size_mb:,.0f} MB, built in {seconds:.1f} s")
                if size == SIZES[-1]:
                    _verdict("bytes of index", index.windows.nbytes, TARGET_BYTES, at_most=True)
                    _verdict("seconds to build", seconds, TARGET_SECONDS, at_most=True)
    runs: dict[str, list[dict[str, float]]] = {}
    some = _head(texts, SCREEN_MEGABYTES)
    peers = {
        "datatrove NGramsDecontFilter": datatrove_ngrams(questions[SIZES[0]], _head(texts, NGRAM_MEGABYTES)),
        "Python 8-gram set screen": python_screen(questions[SIZES[0]], some),
    }
    for _ in range(arguments.repeats):
        for (size, rule), index in indexes.items():
            runs.setdefault(f"{rule}, {size:,} questions", []).append(judged(index, texts, megabytes))
        for name, work in peers.items():
            runs.setdefault(name, []).append(work())
    rates = {name: statistics.median(run["rate"] for run in found) for name, found in runs.items()}
    for name, found in runs.items():
        span = [run["rate"] for run in found]
        extra = {key: round(value, 3) for key, value in found[-1].items() if key != "rate"}
        print(f"  {name:32}{rates[name]:9.1f} MB/s   ({min(span):.1f} to {max(span):.1f})  {extra}")
    for rule in ("lcs", "cover"):
        small, large = (rates[f"{rule}, {size:,} questions"] for size in SIZES)
        print(f"rule {rule}")
        _verdict("MB/s", small, TARGET_RATE)
        _verdict("MB/s (aim)", small, AIM_RATE)
        _verdict("times datatrove", small / rates["datatrove NGramsDecontFilter"], TARGET_NGRAMS)
        _verdict("times a Python 8-gram screen", small / rates["Python 8-gram set screen"], TARGET_SCREEN)
        _verdict(f"times as long against {SIZES[1]:,}", small / large, TARGET_GROWTH, at_most=True)
    print(f"peak memory, texts included: {peak_memory() / 1e6:,.0f} MB; load {os.getloadavg()}")
    return {"megabytes": megabytes, "runs": runs, "rates": rates}


def judged(index: Benchmark, texts: list[pa.Array], megabytes: float) -> dict[str, float]:
    """One run of ours: its rate, and the share of each stage."""
    begun = time.perf_counter()
    for array in texts:
        for _ in code_points(array):
            pass
    normalising = time.perf_counter() - begun
    begun = time.perf_counter()
    flags = [index.flags(array) for array in texts]
    flagging = time.perf_counter() - begun
    begun = time.perf_counter()
    dropped = 0
    for array, flagged in zip(texts, flags, strict=True):
        for row in np.flatnonzero(flagged & 3).tolist():
            dropped += index.explain(array[row].as_py(), int(flagged[row])).reason is not None
    explaining = time.perf_counter() - begun
    whole = flagging + explaining
    return {
        "rate": megabytes / whole,
        "normalisation": normalising / whole,
        "look-up": (flagging - normalising) / whole,
        "evidence": explaining / whole,
        "dropped": dropped,
    }


def resampled(folder: Path, size: int, *, seed: int) -> list[Question]:
    """Questions of CHARACTERS characters in all: stems of about 250, four options; the words of real ones, in
    another order, so that no question repeats another."""
    sources = [
        QuestionSource(path=str(folder / name)) for name in ("medqa_test_4options.jsonl", "medmcqa_dev.jsonl")
    ]
    real = [question for source in sources for question in read_questions(source).questions]
    pieces = [p for question in real for p in re.split(r"(?<=[.?])\s+", question.question) if len(p) > 20]
    options = [text for question in real for text in question.options.values()]
    chance = random.Random(seed)
    found = []
    for number in range(size):
        stem = ""
        while len(stem) < 250:
            words = chance.choice(pieces).split()
            chance.shuffle(words)
            stem += f"{' '.join(words)} "
        some = {letter: f"{chance.choice(options)} {chance.choice(options)}"[:37] for letter in "ABCD"}
        found.append(Question("resampled", f"q{number}", "en", stem[:252].strip(), some, "A", ""))
    return found


def documents(folder: Path, megabytes: float, questions: list[Question]) -> list[pa.Array]:
    """Arrays of resampled web text; every hundredth document holds a question in its middle."""
    chance = random.Random(2)
    found: list[pa.Array] = []
    with tempfile.TemporaryDirectory() as scratch:
        for path in make_input(Path(scratch) / "web", folder, "web", megabytes=megabytes, files=4, seed=3):
            for batch in pq.ParquetFile(path).iter_batches(4096, columns=["text"]):
                rows = batch.column(0).to_pylist()
                for row in range(0, len(rows), int(1 / CONTAMINATED)):
                    half = len(rows[row]) // 2
                    stem = chance.choice(questions).question
                    rows[row] = f"{rows[row][:half]}\n{stem}\n{rows[row][half:]}"
                found.append(pa.array(rows, pa.large_string()))
    return found


def _head(texts: list[pa.Array], megabytes: float) -> list[str]:
    found: list[str] = []
    size = 0
    for array in texts:
        for text in array.to_pylist():
            found.append(text)
            size += len(text.encode())
            if size >= megabytes * 1e6:
                return found
    return found


def datatrove_ngrams(questions: list[Question], texts: list[str]) -> Callable[[], dict[str, float]]:
    """datatrove's filter with its defaults (12-grams), questions and answers, its index built beforehand."""
    from datatrove.data import Document
    from datatrove.pipeline.decont import NGramsDecontConfig, NGramsDecontFilter, NGramsDecontIndexer
    from loguru import logger

    logger.remove()
    folder = tempfile.mkdtemp(prefix="anes-ngrams-")
    indexer: Any = object.__new__(
        NGramsDecontIndexer
    )  # its constructor asks for lighteval, for data unused here
    config = NGramsDecontConfig(find_query_ngrams=True)
    indexer.__init__(folder, config=config)
    hashes = {found for q in questions for found in indexer.compute_hashes(q.options["A"], q.question)}
    np.array(sorted(hashes), dtype=indexer.config.hash_config.np_descr).tofile(
        Path(folder) / "bench.index.hashes"
    )
    kept = NGramsDecontFilter(folder, config=config)
    size = sum(len(text.encode()) for text in texts) / 1e6

    def work() -> dict[str, float]:
        begun = time.perf_counter()
        dropped = sum(kept.filter(Document(text=text, id=str(i))) is not True for i, text in enumerate(texts))
        return {"rate": size / (time.perf_counter() - begun), "dropped": dropped, "of": len(texts)}

    return work


def python_screen(questions: list[Question], texts: list[str]) -> Callable[[], dict[str, float]]:
    """What many scripts do: a set of word 8-grams of the benchmark, each document's 8-grams looked up."""

    def grams(text: str) -> set[str]:
        words = text.lower().split()
        return {" ".join(words[at : at + 8]) for at in range(len(words) - 7)}

    known = set().union(*(grams(question.question) for question in questions))
    size = sum(len(text.encode()) for text in texts) / 1e6

    def work() -> dict[str, float]:
        begun = time.perf_counter()
        dropped = sum(not known.isdisjoint(grams(text)) for text in texts)
        return {"rate": size / (time.perf_counter() - begun), "dropped": dropped, "of": len(texts)}

    return work


def _verdict(what: str, figure: float, target: float, *, at_most: bool = False) -> None:
    met = figure <= target if at_most else figure >= target
    bound = "at most" if at_most else "at least"
    print(f"  {'':32}{figure:12,.2f} {what}: {'reached' if met else 'NOT reached'} ({bound} {target:,g})")


if __name__ == "__main__":
    main()
