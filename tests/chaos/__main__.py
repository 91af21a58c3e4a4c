"""``python -m tests.chaos --rounds 60 --seed 7``: play rounds, and print a table of what became of them."""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos.builds import DATASETS
from tests.chaos.faults import FAULTS
from tests.chaos.rounds import Outcome, World, plans

_HEAD = (
    "round", "seed", "fault", "build", "struck", "run ended", "what it said",
    "finished after", "digests equal", "asked twice",
)  # fmt: skip


def cells(outcome: Outcome) -> list[str]:
    """One line of the table."""
    plan, said = outcome.plan, " ".join(outcome.said.split())
    return [
        str(plan.number),
        plan.seed,
        plan.fault.name,
        plan.dataset,
        f"{outcome.struck or 'never'}, at {outcome.at:.1f} s",
        outcome.ended + (" (traceback)" if outcome.traceback else ""),
        said if len(said) <= 200 else f"{said[:197]}...",
        f"{outcome.seconds:.1f} s",
        "yes" if outcome.equal else "NO",
        str(outcome.twice) if plan.dataset != "corpus" else "-",
    ]


def line(values: list[str] | tuple[str, ...]) -> str:
    """A line of a Markdown table."""
    return "| " + " | ".join(value.replace("|", "/") for value in values) + " |"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1")
    return int(text)


def main() -> None:
    """Exit status 1 if a round was not well; its folder is kept and named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=_count, default=os.environ.get("CHAOS_ROUNDS", "60"))
    parser.add_argument("--seed", type=int, default=os.environ.get("CHAOS_SEED", "7"))
    names = ", ".join(fault.name for fault in FAULTS)
    parser.add_argument("--only", help=f"faults whose name holds this; there are {names}")
    parser.add_argument("--build", choices=DATASETS, action="append", help="default: all of them")
    parser.add_argument("--first", type=_count, default=1, help="begin with this round")
    parser.add_argument("--folder", type=Path, help="where the rounds play; default: a temporary folder")
    called = parser.parse_args()
    faults = tuple(fault for fault in FAULTS if not called.only or called.only in fault.name)
    for fault in faults:
        if missing := fault.needs():
            _say(f"left out: {fault.name}, because {missing}")
    faults = tuple(fault for fault in faults if fault.needs() is None)
    datasets = tuple(called.build or DATASETS)
    rounds = plans(called.rounds, called.seed, faults=faults, datasets=datasets)[called.first - 1 :]
    if not rounds:
        parser.error(f"nothing to play: no such fault for these builds (there are {names}), or no round left")
    folder = called.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # mounts and processes are not left behind
    world, bad = World(folder), 0
    _say(f"seed {called.seed}\n\n{line(_HEAD)}\n{line(['---'] * len(_HEAD))}")
    try:
        for plan in rounds:
            outcome = world.play(plan)
            _say(line(cells(outcome)))
            for problem in outcome.problems:
                bad += 1
                sys.stderr.write(f"round {plan.number}: {problem}\n")
    finally:
        world.close()
    _say(f"\n{bad} problems" + (f"; the rounds that had them are kept in {folder}" if bad else ""))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
