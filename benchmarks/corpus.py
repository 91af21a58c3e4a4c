"""Speed and memory of AnesCorpus's curation, beside decoding alone and datatrove, in one run on the same
files.

    python -m benchmarks.corpus --data ../shared/data/web [--megabytes 1000] [--repeats 3] [--json FILE]

Two mixes of resampled real text: ``web`` (general web pages with 2 % medical ones, what FineWeb is like: the
headline)
and ``medical`` (every second row from health pages: a stress case in which much of the text survives stage
1).
Each job runs in a process of its own, pinned to one core; seconds are medians of wall time without imports.
"""

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.corpus_input import make_input, repeat_file, text_bytes
from benchmarks.corpus_jobs import Result, run

OURS = "ours"
DECODERS = ("decode with pyarrow", "decode with polars")
PEERS = {"datatrove, pyahocorasick": (50.0, 5.0), "datatrove, regex": (1.0, 100.0)}
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


def _repeated(
    job: str, files: list[Path], repeats: int, folder: Path, **options: Any
) -> tuple[float, list[Result]]:
    cpus = options.pop("cpus", _core())
    runs = [run(job, files, cpus=cpus, scratch=folder, **options) for _ in range(repeats)]
    return statistics.median(found["seconds"] for found in runs), runs


def _rate(name: str, megabytes: float, seconds: float, runs: list[Result]) -> float:
    rates = sorted(megabytes / found["seconds"] for found in runs)
    print(
        f"  {name:28}{megabytes / seconds:9.1f} MB/s   ({rates[0]:.1f} to {rates[-1]:.1f}, {len(runs)} runs)"
    )
    return megabytes / seconds


def _mix(mix: str, files: list[Path], repeats: int, folder: Path) -> dict[str, Any]:
    rows, size, stored = text_bytes(files)
    megabytes = size / 1e6
    print(f"\nmix {mix}: {rows:,} rows, {megabytes:,.0f} MB of text, {stored / 1e6:,.0f} MB stored; one core")
    seconds, runs = _repeated(OURS, files, repeats, folder)
    ours = _rate("ours, Parquet to Parquet", megabytes, seconds, runs)
    last = runs[-1]
    print(
        f"  {'':28}survivors of stage 1 {last['survivors'] / rows:.1%}, kept {last['kept'] / rows:.1%}; "
        f"imports {last['imports']:.1f} s apart; peak {last['rss'] / 1e6:,.0f} MB"
    )
    decoding = max(_rate(job, megabytes, *_repeated(job, files, repeats, folder)) for job in DECODERS)
    _verdict("share of decoding alone", ours / decoding, TARGET_SHARE)
    _verdict("MB/s", ours, TARGET_RATE)
    found: dict[str, Any] = {"megabytes": megabytes, "ours": ours, "decoding": decoding, "runs": runs}
    for peer, (slice_megabytes, target) in PEERS.items():
        chosen = _slice(files, slice_megabytes, folder)
        peer_size = text_bytes(chosen)[1] / 1e6
        found[peer] = _rate(peer, peer_size, *_repeated(peer, chosen, min(repeats, 2), folder))
        _verdict(f"times {peer}", ours / found[peer], target)
        for file in chosen:
            file.unlink()
    stages = run("profile", files, cpus=_core(), scratch=folder)["stages"]
    whole = sum(stages.values())
    print("  where ours spends its time: " + ", ".join(f"{k} {v / whole:.0%}" for k, v in stages.items()))
    return found | {"stages": stages}


def _slice(files: list[Path], megabytes: float, folder: Path) -> list[Path]:
    import pyarrow.parquet as pq

    size = text_bytes(files[:1])[1] / 1e6
    table = pq.read_table(files[0])
    target = folder / "slice" / "slice.parquet"
    target.parent.mkdir(exist_ok=True)
    pq.write_table(table.slice(0, max(1, round(table.num_rows * min(1.0, megabytes / size)))), target)
    return [target]


def _verdict(what: str, figure: float, target: float, *, at_most: bool = False) -> None:
    met = figure <= target if at_most else figure >= target
    bound = "at most" if at_most else "at least"
    print(f"  {'':28}{figure:9.2f} {what}: {'reached' if met else 'NOT reached'} ({bound} {target:g})")


def _scaling(files: list[Path], repeats: int, folder: Path) -> float:
    """Two workers on two cores against one on one, through datatrove's executor both times."""
    cores = set(sorted(os.sched_getaffinity(0))[:2])
    print("\ntwo workers against one (start of the workers included)")
    ratios: list[float] = []
    for _ in range(repeats):
        one = run(OURS, files, cpus=_core(), scratch=folder)["seconds"]
        two = run(OURS, files, cpus=cores, scratch=folder, workers=2)["seconds"]
        ratios.append(one / two)
        print(f"  one {one:.1f} s, two {two:.1f} s: {one / two:.2f}")
    _verdict("times as fast", statistics.median(ratios), TARGET_SCALING)
    return statistics.median(ratios)


def _memory(file: Path, megabytes: float, folder: Path) -> dict[str, float]:
    """Peak memory of the worker for one large file with row groups of 1,000 rows."""
    found: dict[str, float] = {}
    stored = file.stat().st_size / 1e6
    print(f"\nmemory for a single file of {megabytes:,.0f} MB")
    target = folder / "large.parquet"
    size = repeat_file(file, target, megabytes=megabytes, rows_a_group=1000)
    peak = run(OURS, [target], cpus=_core(), scratch=folder)["rss"]
    print(
        f"  row groups of 1,000 rows, {size / 1e6:,.0f} MB of text ({megabytes / stored:.0f} times one file)"
    )
    _verdict("bytes at the peak", peak, TARGET_RSS, at_most=True)
    found["small row groups"] = peak
    target.unlink()
    return found


if __name__ == "__main__":
    main()
