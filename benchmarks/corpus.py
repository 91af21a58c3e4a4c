"""Speed and memory of AnesCorpus's curation, beside decoding alone and datatrove, in one run on the same
files.

    python -m benchmarks.corpus --data ../shared/data/web [--megabytes 1000] [--repeats 3] [--json FILE]

Two mixes of resampled real text: ``web`` (general web pages with 2 % medical ones, what FineWeb is like: the
headline)
and ``medical`` (every second row from health pages: a stress case in which much of the text survives stage
1).
Each job runs in a process of its own, pinned to one core, all jobs in turn; rates are medians of wall time
without imports.
"""

import argparse
import json
import os
import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.corpus_input import make_input, repeat_file, text_bytes
from benchmarks.corpus_jobs import Result, run

OURS = "ours"
DECODERS = ("decode with pyarrow", "decode with polars")
PEERS = {"datatrove, pyahocorasick": (200.0, 5.0), "datatrove, regex": (1.0, 100.0)}
"""Peer -> megabytes of text that it is given (it is slow), and how many times faster we mean to be."""
TARGET_RATE, TARGET_SHARE, TARGET_SCALING, TARGET_RSS = 200.0, 0.60, 1.8, 1.5e9
FILES = 8


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder with en/")
    parser.add_argument("--megabytes", type=float, default=1000.0, help="text per mix")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--memory-megabytes", type=float, default=2000.0, help="size of the single file; 0: skip"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="anes-benchmark-") as folder:
        figures = measure(arguments, Path(folder))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All measurements; prints as it goes."""
    figures: dict[str, Any] = {"load": os.getloadavg()}
    print(f"load before: {os.getloadavg()}, cores: {sorted(os.sched_getaffinity(0))}")
    for mix in ("web", "medical"):
        files = make_input(
            folder / mix, arguments.data, mix, megabytes=arguments.megabytes, files=FILES, seed=1
        )
        figures[mix] = _mix(mix, files, arguments.repeats, folder)
        if mix == "web":
            figures["scaling"] = _scaling(files, arguments.repeats, folder)
            if arguments.memory_megabytes:
                figures["memory"] = _memory(files[0], arguments.memory_megabytes, folder)
        for file in files:
            file.unlink()
    print(f"load after: {os.getloadavg()}")
    return figures


def _core() -> set[int]:
    return {max(os.sched_getaffinity(0))}


def _mix(mix: str, files: list[Path], repeats: int, folder: Path) -> dict[str, Any]:
    """Every job in turn, again and again: what slows the machine down slows all of them."""
    rows, size, stored = text_bytes(files)
    megabytes = size / 1e6
    print(f"\nmix {mix}: {rows:,} rows, {megabytes:,.0f} MB of text, {stored / 1e6:,.0f} MB stored; one core")
    inputs = dict.fromkeys((OURS, *DECODERS), files)
    inputs |= {peer: _slice(files, size, folder / peer) for peer, (size, _) in PEERS.items()}
    sizes = {job: text_bytes(chosen)[1] / 1e6 for job, chosen in inputs.items()}
    runs: dict[str, list[Result]] = {job: [] for job in inputs}
    for _ in range(repeats):
        for job, chosen in inputs.items():
            runs[job].append(run(job, chosen, cpus=_core(), scratch=folder))
    rates = {job: _rate(job, sizes[job], found) for job, found in runs.items()}
    last = runs[OURS][-1]
    print(
        f"  {'':28}survivors of stage 1 {last['survivors'] / rows:.1%}, kept {last['kept'] / rows:.1%}; "
        f"imports {last['imports']:.1f} s apart; peak {last['rss'] / 1e6:,.0f} MB"
    )
    _verdict("MB/s", rates[OURS], TARGET_RATE)
    _verdict("share of decoding alone", rates[OURS] / max(rates[job] for job in DECODERS), TARGET_SHARE)
    for peer, (_, target) in PEERS.items():
        kept = runs[peer][-1]["survivors"] / text_bytes(inputs[peer])[0]
        _verdict(f"times {peer} (which keeps {kept:.1%})", rates[OURS] / rates[peer], target)
    stages = run("profile", files, cpus=_core(), scratch=folder)["stages"]
    whole = sum(stages.values())
    print("  where ours spends its time: " + ", ".join(f"{k} {v / whole:.0%}" for k, v in stages.items()))
    return {"megabytes": megabytes, "rates": rates, "runs": runs, "stages": stages}


def _rate(name: str, megabytes: float, runs: list[Result]) -> float:
    """Megabytes of text a second: the median, and what it lay between."""
    rates = sorted(megabytes / found["seconds"] for found in runs)
    middle = statistics.median(rates)
    print(f"  {name:28}{middle:9.1f} MB/s   ({rates[0]:.1f} to {rates[-1]:.1f}, {len(runs)} runs)")
    return middle


def _slice(files: list[Path], megabytes: float, folder: Path) -> list[Path]:
    """The first rows of the files that make so many megabytes of text, as one file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    chosen: list[pa.Table] = []
    for file in files:
        left = megabytes - sum(table["text"].nbytes for table in chosen) / 1e6
        if left <= 0:
            break
        table = pq.read_table(file)
        chosen.append(
            table.slice(0, max(1, round(table.num_rows * min(1.0, left * 1e6 / table["text"].nbytes))))
        )
    target = folder / "slice.parquet"
    target.parent.mkdir(exist_ok=True, parents=True)
    pq.write_table(pa.concat_tables(chosen), target, row_group_size=1000)
    return [target]


def _verdict(what: str, figure: float, target: float, *, at_most: bool = False) -> None:
    met = figure <= target if at_most else figure >= target
    bound = "at most" if at_most else "at least"
    print(f"  {'':28}{figure:9.2f} {what}: {'reached' if met else 'NOT reached'} ({bound} {target:g})")


def _scaling(files: list[Path], repeats: int, folder: Path) -> dict[str, float]:
    """Two workers on two cores against one on one, through datatrove's executor both times.

    Beside it what the machine itself allows: half of the files on one core alone against both halves at once.
    """
    cores = sorted(os.sched_getaffinity(0))[:2]
    half = len(files) // 2
    print("\ntwo workers against one (start of the workers included, imports not)")
    ratios: list[float] = []
    limits: list[float] = []
    for _ in range(repeats):
        one = run(OURS, files, cpus={cores[-1]}, scratch=folder)["seconds"]
        two = run(OURS, files, cpus=set(cores), scratch=folder, workers=2)["seconds"]
        alone = run(OURS, files[:half], cpus={cores[-1]}, scratch=folder)["seconds"]
        with ThreadPoolExecutor(2) as pool:
            both = pool.map(
                lambda part: run(OURS, part[0], cpus={part[1]}, scratch=folder)["seconds"],
                [(files[:half], cores[0]), (files[half:], cores[-1])],
            )
        ratios.append(one / two)
        limits.append(2 * alone / max(both))
        print(
            f"  one {one:.1f} s, two {two:.1f} s: {ratios[-1]:.2f}; two separate processes: {limits[-1]:.2f}"
        )
    _verdict("times as fast", statistics.median(ratios), TARGET_SCALING)
    print(f"  {'':28}{statistics.median(limits):9.2f} times is what two separate processes reach here")
    return {"two workers": statistics.median(ratios), "two processes": statistics.median(limits)}


def _memory(file: Path, megabytes: float, folder: Path) -> dict[str, float]:
    """Peak memory of the worker for one large file, in small row groups and in a single one."""
    found: dict[str, float] = {}
    stored = file.stat().st_size / 1e6
    print(f"\nmemory for a single file of {megabytes:,.0f} MB")
    target = folder / "large.parquet"
    for name, rows_a_group in (("row groups of 1,000 rows", 1000), ("one row group", 1 << 40)):
        size = repeat_file(file, target, megabytes=megabytes, rows_a_group=rows_a_group)
        found[name] = run(OURS, [target], cpus=_core(), scratch=folder)["rss"]
        print(f"  {name}, {size / 1e6:,.0f} MB of text ({megabytes / stored:.0f} times one file)")
        _verdict("bytes at the peak", found[name], TARGET_RSS, at_most=True)
        target.unlink()
    return found


if __name__ == "__main__":
    main()
