"""What was sorted out of an exam, as questions with their answers and as lost rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from anessuite.sources.choices import text_of
from anessuite.sources.exam import marks
from anessuite.sources.exam.lines import Line, halved
from anessuite.sources.exam.marks import Stated
from anessuite.sources.exam.options import parted
from anessuite.sources.exam.parts import BROKEN_NUMBERING, NOT_PARSED, Block
from anessuite.sources.files import SourceFile
from anessuite.sources.question_sets import LostRow, Question, evidence_of
from anessuite.sources.question_source import QuestionSource

NO_QUESTION, NO_OPTIONS, EMPTY_OPTION = "no_question", "no_options", "empty_option"
_MOST_STATED = 200
_MOST_EVIDENCE = 1_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the text, cleaned; texts of options may be empty. ``answer`` stood amid its text."""

    stem: str
    options: dict[str, str]
    answer: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What one place says is the answer; ``text`` is as it stands there, empty if a key says it."""

    answer: Stated
    text: str


@dataclass(frozen=True, slots=True)
class ExamRow:
    """A question or a lost row, and the numbers of its lines."""

    row: Question | LostRow
    lines: list[int]


def asked_by(block: Block) -> Asked | None:
    """The question that a block holds; None if that is not sure."""
    found = None if block.fault else parted(block.body, block.statements)
    if found is None:
        return None
    return Asked(text_of(found.stem), {letter: text_of(text) for letter, text in found.options}, found.answer)


def inline_claims(block: Block, asked: Asked | None) -> list[Claim]:
    """What the lines of a question themselves say is its answer."""
    texts = [line.text for line in block.answers]
    if asked and asked.answer:
        texts.append(asked.answer)
    return [Claim(marks.stated(halved(text)), text) for text in texts]


def block_row(
    source: QuestionSource,
    name: str,
    block: Block,
    asked: Asked | None,
    claims: Sequence[Claim],
    *,
    is_odd: bool,
    warnings: list[str],
) -> ExamRow:
    """A block as a question, or lost with its reason. ``is_odd``: its number breaks the order."""
    if asked is None:
        reason = block.fault or (BROKEN_NUMBERING if is_odd else NOT_PARSED)
        return _lost(source, name, reason, block)
    answer, stated = _settled(claims, asked.options)
    options = {letter: text for letter, text in asked.options.items() if text}
    fault = (
        NO_QUESTION if not asked.stem
        else NO_OPTIONS if len(options) < 2
        else EMPTY_OPTION if answer in asked.options and answer not in options
        else ""
    )  # fmt: skip
    if fault:
        return _lost(source, name, fault, block)
    if " / " in stated:
        warnings.append(
            f"line {block.first.number}: question {block.number} has different answers in different places,"
            f" {stated[:60]}; none is taken"
        )
    gold = answer if answer in options else None
    question = Question(
        source.label, name, source.language or "en", asked.stem, options, gold, "", stated[:_MOST_STATED]
    )
    return ExamRow(question, block.lines)


def _settled(claims: Sequence[Claim], options: dict[str, str]) -> tuple[str, str]:
    """The letters that all claims agree on, and the answer as stated; no letter if they differ."""
    told = [letters for claim in claims for letters in _letters_of(claim, options)]
    different = list(dict.fromkeys(told))
    if not different:
        return "", next((claim.text for claim in claims if claim.text), "")
    if len(different) > 1:
        return "", " / ".join(different)
    return different[0], different[0]


def _letters_of(claim: Claim, options: dict[str, str]) -> list[str]:
    """What a claim names: letters, the text of an option, or both, which may differ."""
    found, rest = claim.answer, _folded(claim.answer.rest)
    by_rest = [letter for letter, text in options.items() if text and _folded(text) == rest]
    if found.is_sure or (found.letters and found.letters in by_rest):
        other = [letter for letter in by_rest if len(by_rest) == 1 and len(found.letters) == 1]
        return [found.letters, *other]
    whole = _folded(claim.text)
    by_text = [letter for letter, text in options.items() if text and _folded(text) == whole]
    return by_text if len(by_text) == 1 else []


def _folded(text: str) -> str:
    return " ".join(text_of(text).split()).casefold().strip(" .。")


def _lost(source: QuestionSource, name: str, reason: str, block: Block) -> ExamRow:
    text = "\n".join(line.text for line in block.body)
    return _lost_row(source, name, reason, block.lines, f"{block.number}. {text[:_MOST_EVIDENCE]}")


def prose_row(source: QuestionSource, file: SourceFile, run: Sequence[Line]) -> ExamRow:
    """Neighbouring lines that are neither a question nor a key, as a lost row."""
    lines = [line.number for line in run]
    text = "\n".join(line.text for line in run[:20])
    return _lost_row(source, f"{file.name}#L{lines[0]}", NOT_PARSED, lines, text[:_MOST_EVIDENCE])


def _lost_row(source: QuestionSource, name: str, reason: str, lines: list[int], text: str) -> ExamRow:
    first, last = min(lines), max(lines)
    shown = str(first) if first == last else f"{first}-{last}"
    evidence = evidence_of({"lines": shown, "text": text})
    return ExamRow(LostRow(source.label, name, source.language or "en", reason, evidence), lines)
