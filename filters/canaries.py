"""Canaries: texts planted in every run whose verdict is known. A wrong one stops the run.

They are made of the benchmark's own questions, in the disguises that a text may wear, so that a broken
index, a broken normal form or a wrong column shows at once; clean texts of the trade have to pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa

from anessuite.errors import AnesError
from anessuite.folding import is_cjk
from anessuite.normalisation import normalise
from filters.contamination import Benchmark
from filters.windows import PHRASE, SHARED, WINDOW

CLEAN = (
    "Before the list begins, the team checks the machine for leaks, draws up the drugs of the first case "
    "and labels each syringe. The patient has fasted, the consent is signed, and the side has been marked.",
    "Spinal blocks wear off from the top down. Sensation comes back before strength, and the bladder is the "
    "last to recover, so nobody goes home before they have passed water.",
    "A soft cough in recovery is worth a look at the chest: the tube may have gone too far on the way in, "
    "and a lobe that was left out takes a while to open again.",
    "手术当天清晨，护士再次核对腕带和禁食时间，建立静脉通路，并把病人送进等候区；麻醉医生会在那里做最后一次询问。",
    "术后第一晚疼痛最明显。按时口服止痛药，配合冰敷和抬高患肢，比等到疼得厉害再吃药效果好得多。",
)
"""Prose written for this project; no examination asks it."""
_MOST_ITEMS = 6
T = TypeVar("T")
_FILLER = " ".join(CLEAN[:3])


class CanaryFailed(AnesError):
    """A planted text had the wrong verdict: no result of this run can be trusted."""


@dataclass(frozen=True, slots=True)
class Canary:
    """A planted text; ``flag`` is what it has to be flagged with, 0 for a clean one."""

    name: str
    text: str
    flag: int
    caught: bool
    """It has to be dropped under the chosen rules, not only flagged."""

    @property
    def expected(self) -> str:
        return "caught" if self.flag else "passes"


def canaries(benchmark: Benchmark) -> list[Canary]:
    """Disguises of some long and some short questions of each script, and the clean texts."""
    chosen = set(benchmark.rules.rules)
    stems = [benchmark.fields[number] for number in benchmark.stem_of_item]
    long = [stem for stem in stems if len(stem.normal) >= WINDOW]
    found: list[Canary] = []
    for kind, some in (("", long), ("Chinese ", [stem for stem in long if _is_chinese(stem.text)])):
        for stem in _spread([s for s in some if kind or not _is_chinese(s.text)]):
            name = f"{kind}question {benchmark.items[stem.item].source_id}"
            found += [Canary(f"{name}, {how}", text, SHARED, True) for how, text in disguises(stem.text)]
    if "cover" in chosen:
        for phrase in _spread(range(len(benchmark.items_of_phrase))):
            item = benchmark.items[benchmark.items_of_phrase[phrase][0]]
            options = "\n".join(f"{letter}. {text}" for letter, text in item.options.items())
            name = f"short question {item.source_id} with its options"
            whole = f"{item.question}\n{options}"
            found += [Canary(f"{name}, {how}", text, PHRASE, True) for how, text in disguises(whole)]
    clean = [Canary(f"clean text {number}", text, 0, False) for number, text in enumerate(CLEAN, start=1)]
    return found + clean


def disguises(text: str) -> list[tuple[str, str]]:
    """A text as it is, and in other clothes that its normal form takes off again."""
    return [
        ("verbatim", text),
        ("re-spaced", _respaced(text)),
        (
            "re-cased",
            "".join(c.upper() if len(c.upper()) == 1 and c.upper().lower() == c else c for c in text),
        ),
        ("full-width", _full_width(text)),
        ("inside a long text", f"{_FILLER * 40}\n{text}\n{_FILLER * 40}"),
    ]


def check_canaries(benchmark: Benchmark, planted: Sequence[Canary], flags: np.ndarray) -> None:
    """Compare the flags that the planted texts were given, and the verdicts; raises CanaryFailed."""
    wrong = [
        f"{canary.name}: should be {canary.expected}, but "
        + ("was dropped" if canary.flag == 0 else "was not")
        for canary, flag in zip(planted, flags.tolist(), strict=True)
        if not _is_right(benchmark, canary, int(flag))
    ]
    if wrong:
        raise CanaryFailed(
            f"{len(wrong)} of {len(planted)} canaries have the wrong verdict:\n"
            + "\n".join(f"  - {line}" for line in wrong[:10]),
            "nothing was removed. A benchmark with mapped columns that are not its text, or a defect",
        )


def _is_right(benchmark: Benchmark, canary: Canary, flag: int) -> bool:
    verdict = benchmark.explain(canary.text, flag) if flag else None
    dropped = verdict is not None and verdict.reason is not None
    return dropped == canary.caught and bool(flag & canary.flag) == bool(canary.flag)


def flags_with_canaries(
    benchmark: Benchmark, texts: pa.LargeStringArray, planted: Sequence[Canary]
) -> np.ndarray:
    """`Benchmark.flags` of the texts, with the canaries planted among them, checked and taken out again."""
    array = pa.concat_arrays([texts, pa.array([canary.text for canary in planted], pa.large_string())])
    flags = benchmark.flags(array)
    check_canaries(benchmark, planted, flags[len(texts) :])
    return flags[: len(texts)]


def _spread(some: Sequence[T]) -> list[T]:
    """A few of many, evenly spread."""
    step = max(1, len(some) // _MOST_ITEMS)
    return list(some[::step])[:_MOST_ITEMS]


def _is_chinese(text: str) -> bool:
    return sum(is_cjk(ord(char)) for char in text) * 3 > len(text)


def _respaced(text: str) -> str:
    pieces = [
        f"{char}\n" if is_cjk(ord(char)) and number % 15 == 0 else char for number, char in enumerate(text)
    ]
    return "".join(pieces).replace(" ", " \n\t ")


def _full_width(text: str) -> str:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else "\u3000" if c == " " else c for c in text)
    return wide if normalise(wide) == normalise(text) else text
