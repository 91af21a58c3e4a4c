"""AnesR1 at the paper's size: 10,200 questions, three attempts each, 2,000 tokens a reply. Is memory flat?

    python -m benchmarks.r1 [--questions 10200] [--small 1000] [--json FILE]

The model is a local server that answers at once, right in a third of the attempts; questions and replies are
drawn from random words, so that nothing repeats. The whole flow runs (checks, repeats, attempts in mode
``all``, verdicts, reasoning rules, shards, report), each size in a process of its own, on a root of its own.
The limit is what the smaller run needs: memory is flat if the large one needs little more.
"""

import argparse
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from benchmarks.corpus_jobs import peak_memory
from tests.llm_server import MODEL, LlmServer, Reply, say

ATTEMPTS, WORDS = 3, 1_450
"""Words of a reply: about 2,000 tokens."""
AIM = 1.5
_LETTERS = "ABCD"
_SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "il", "on")]


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--job"]:
        _job(Path(sys.argv[2]), sys.argv[3])
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=10_200)
    parser.add_argument("--small", type=int, default=1_000, help="questions of the run to compare with")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    print(f"load before: {os.getloadavg()}")
    sentences = _sentences(random.Random(1))
    with tempfile.TemporaryDirectory(prefix="anes-r1-") as scratch:
        runs = [_run(Path(scratch), count, sentences) for count in (arguments.small, arguments.questions)]
    ratio = runs[1]["peak"] / runs[0]["peak"]
    size = runs[1]["questions"] / runs[0]["questions"]
    verdict = "reached" if ratio <= AIM else "NOT reached"
    print(f"{size:.1f} times the questions, {ratio:.2f} times the memory: {verdict} (at most {AIM})")
    if arguments.json:
        arguments.json.write_text(json.dumps(runs, indent=1))


def _sentences(chance: random.Random) -> list[str]:
    """A stock that replies are drawn from; 145 of 20,000 share little."""
    words = ["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4))) for _ in range(6_000)]
    return [" ".join(chance.choices(words, k=WORDS // 145)).capitalize() + "." for _ in range(20_000)]


def _run(folder: Path, count: int, sentences: list[str]) -> dict[str, Any]:
    chance, pool = random.Random(count), folder / f"{count}.jsonl"
    with pool.open("wb") as file:
        for number in range(count):
            options = dict(zip(_LETTERS, chance.sample(sentences, 4), strict=True))
            row = {"id": f"q{number}", "question": " ".join(chance.sample(sentences, 2))[:-1] + "?"}
            file.write(orjson.dumps(row | {"options": options, "answer": chance.choice(_LETTERS)}) + b"\n")
    gold = {row["question"]: row["answer"] for row in map(orjson.loads, pool.read_bytes().splitlines())}
    with LlmServer(reply=lambda body: _reply(body, gold, sentences)) as server:
        begun = time.perf_counter()
        command = [sys.executable, "-m", "benchmarks.r1", "--job", str(pool), server.url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - begun
        if done.returncode:
            sys.exit(done.stderr[-3000:])
        asked = server.requests
    told = json.loads(done.stdout.splitlines()[-1])
    run = told | {"questions": count, "requests": asked, "seconds": round(seconds, 1)}
    print(
        f"{count:>7,} questions: {asked:,} requests in {seconds:.0f} s ({asked / seconds:,.0f} a second, "
        f"all stages), kept {told['kept']:,}, {told['tokens']:,} tokens, peak {told['peak'] / 1e6:,.0f} MB"
    )
    return run


def _reply(body: dict[str, Any], gold: dict[str, str], sentences: list[str]) -> Reply:
    said = body["messages"][-1]["content"]
    stem = re.findall(r"<question>\n(.*?)\n</question>", said, re.DOTALL)[-1]
    chance = random.Random(hashlib.sha256(orjson.dumps([stem, body["seed"]])).digest())
    letter = gold[stem] if chance.random() < 1 / 3 else chance.choice(_LETTERS)
    thought = " ".join(chance.sample(sentences, 145))
    usage = {"prompt_tokens": 150, "completion_tokens": 2_000}
    return say(f"Answer: {letter}", usage=usage, reasoning_content=thought)


def _job(pool: Path, url: str) -> None:
    """Build, in this process, and say how much memory it took."""
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")
    from anessuite.storage import Store
    from anessuite.versions import DatasetRef
    from flows.commands.build import quiet_prefect

    quiet_prefect()
    from flows.r1 import R1Config, r1

    config = {
        "pool": [{"path": str(pool)}],
        "reasoner": {"model": MODEL, "endpoints": [url], "seed": 1, "max_tokens": 4096, "concurrency": 64},
        "attempts": ATTEMPTS,
        "mode": "all",
    }
    root = str(pool.with_suffix(""))
    r1(config=R1Config.model_validate(config), root=root)
    manifest = Store(root).manifest(DatasetRef("r1", "dev"))
    tokens = sum(count for name, count in manifest.requests.items() if name.endswith(".completion_tokens"))
    print(json.dumps({"peak": peak_memory(), "kept": manifest.kept, "tokens": tokens}))


if __name__ == "__main__":
    main()
