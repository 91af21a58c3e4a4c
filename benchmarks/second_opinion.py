"""The same model on the same questions by lm-evaluation-harness: does it score the same, and where not, why?

    python -m benchmarks.second_opinion ROOT/evaluation/dev HARNESS_OUTPUT --model NAME

HARNESS_OUTPUT is the folder of ``lm_eval run --output_path ... --log_samples`` on the tasks ``*_gen`` of an
export of the benchmark (``anes export bench@V --to lm-eval``). Each question that both asked falls under one
line: both agree, or the reply was cut off, or it is another one, or it is read in another way.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from anessuite.answers import read_choice
from anessuite.sampling import wilson_interval


def main() -> int:
    """Print both accuracies with intervals, and what lies behind each difference."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("evaluation", type=Path, help="folder of a finished evaluation")
    parser.add_argument("harness", type=Path, help="folder with samples_*.jsonl of the harness")
    parser.add_argument("--model", required=True, help="the model's name in the evaluation")
    parser.add_argument(
        "--style", default="plain", help="of the evaluation; default: plain, which asks alike"
    )
    chosen = parser.parse_args()
    ours = _ours(chosen.evaluation, chosen.model, chosen.style)
    theirs = {one["doc"]["id"]: one for one in _samples(chosen.harness)}
    both = sorted(ours.keys() & theirs.keys())
    if not both:
        sys.stderr.write(f"no question is in both: {len(ours)} here, {len(theirs)} there\n")
        return 1
    told = [_told(ours[name], theirs[name]) for name in both]
    sys.stdout.write(_table(told, len(ours), len(theirs)))
    return 0


def _ours(folder: Path, model: str, style: str) -> dict[str, dict[str, Any]]:
    rows = pl.read_parquet(folder / "data" / "*.parquet").filter(
        (pl.col("model") == model)
        & (pl.col("style") == style)
        & (pl.col("order") == 0)
        & (pl.col("attempt") == 1)
    )
    return {row["question_id"]: row for row in rows.iter_rows(named=True)}


def _samples(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.rglob("samples_*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def _told(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """One question: both verdicts, and the harness's reply read by our reader."""
    options = {one["letter"]: one["text"] for one in theirs["doc"]["options"]}
    reply, stated = theirs["resps"][0][0], theirs["filtered_resps"][0]
    ours_of_theirs = read_choice(reply, options).letter
    here, there = ours["letter"], stated if stated in options else None
    if ours["verdict"] == "truncated":
        why = "cut off at max_tokens here, which is wrong whatever it says"
    elif here == there:
        why = "same letter" if here else "no letter by either"
    elif ours_of_theirs != there:
        why = "the readers differ on the harness's reply"
    else:
        why = "the replies differ"
    right = {"here": ours["verdict"] == "correct", "there": there == theirs["doc"]["answer"]}
    return {"why": why} | right | {"there, our reader": ours_of_theirs == theirs["doc"]["answer"]}


def _table(told: list[dict[str, Any]], here: int, there: int) -> str:
    lines = [f"{len(told)} questions in both, of {here} here and {there} there\n"]
    for name in ("here", "there", "there, our reader"):
        right = sum(one[name] for one in told)
        low, high = wilson_interval(right, len(told))
        lines.append(f"{name:18} {right / len(told):6.1%}  ({low:.1%} to {high:.1%})")
    lines.append("")
    lines += [f"{count:5}  {why}" for why, count in Counter(one["why"] for one in told).most_common()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
