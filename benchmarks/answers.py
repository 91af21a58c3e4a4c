"""How well answers are read out of real replies, and how fast, beside a greedy regex.

    python -m benchmarks.answers --data ../shared/data [--replies FOLDER] [--json FILE]

What is read, each against what a careful reader sees:

- ``boxed``: 202 replies of Qwen2.5 whose box is empty: no letter;
- ``gaokao``: GPT-4 on Chinese examinations, against the letter after its last ``【答案】``;
  ``gaokao, reasons``: the same without that line, where a letter may be missing but should not be another;
- ``lighteval``: published extraction cases, against the letter of the last announcement;
- ``m1``: DeepSeek-R1, Qwen2.5-7B and -32B on one question;
- ``explanations``: of MedMCQA, written by people, against the answer of the data set: a letter may be missing
  (few explanations state one);
- ``free text``: DeepSeek-R1 on case reports, with diagnoses of other cases as options: no letter (one of them
  ends in ``Answer: A`` all the same, which counts as invented);
- ``SmolLM2`` (with ``--replies``, a folder for the cache of completions): the embedded model on 150 questions
  of MedMCQA, MedQA and CMMLU, asked in five forms, without randomness and one at a time (ten minutes),
  against ``labels/answers.csv``, which holds ids, letters and digests, no text. A label counts where the
  reply is, by its digest, the one that was read; other hardware may give other replies (a later run gave all
  150 again). One reader, a language model, read each reply before the extractor saw it; a second reading, by
  a language model that knew the extractor's rules and four of the labels, differs on two. ``border`` are
  replies that can be read in two ways, most of them cut off or incoherent, both of these among them.

The peer is a regex as evaluation harnesses have it: the last capital letter in brackets, else the last one
that stands alone.
"""

import argparse
import csv
import gzip
import hashlib
import json
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from anessuite.answers import extract_choice
from anessuite.llm.cache import Cache
from anessuite.llm.client import complete
from anessuite.llm.config import ModelConfig
from anessuite.llm.requests import Request
from anessuite.sources.questions import Question, QuestionSource, read_questions

Reader = Callable[[str, dict[str, str]], str | None]
LABELS = Path(__file__).parent / "labels" / "answers.csv"
SOURCES: tuple[tuple[str, Literal["en", "zh"]], ...] = (
    ("mcq/medmcqa_dev.jsonl", "en"),
    ("mcq/medqa_test_5options.jsonl", "en"),
    ("mcq/cmmlu/test/*.csv", "zh"),
)
SEED, QUESTIONS = 2026, 50
"""Of each source, drawn with SEED."""
FORMS = {
    "en": (
        "{question}\n\n{options}\n\nAnswer with the letter of the best option.",
        "{question}\n\n{options}\n\nThink step by step, then end with a line of the form 'Answer: X', "
        "where X is the letter.",
        "{question}\n\n{options}\n\nPut the letter of your final answer into \\boxed{{}}.",
        '{question}\n\n{options}\n\nReply with JSON of the form {{"answer": "letter"}} and nothing else.',
        "{question}\n\n{options}\n\nWhich option is correct? Explain why the others are wrong.",
    ),
    "zh": (
        "{question}\n\n{options}\n\n请回答正确选项的字母。",
        "{question}\n\n{options}\n\n请一步一步思考，最后一行写“答案：X”，X 为选项字母。",
        "{question}\n\n{options}\n\n请把最终答案的字母写在 \\boxed{{}} 里。",
        '{question}\n\n{options}\n\n只回答 JSON：{{"answer": "字母"}}。',
        "{question}\n\n{options}\n\nWhich option is correct? Explain briefly in English or Chinese.",
    ),
}
_BRACKETED, _ALONE = re.compile(r"\(([A-J])\)"), re.compile(r"(?<![A-Za-z])([A-J])(?![A-Za-z])")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply, its question's options, and the letter that a careful reader sees."""

    text: str
    options: dict[str, str]
    letter: str | None


@dataclass(frozen=True, slots=True)
class Score:
    """``agree``: the same letter, or none; ``missed``: no letter; ``invented``: a letter where there is
    none."""

    kind: str
    replies: int
    agree: int
    missed: int
    other: int
    invented: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder with traces/ and mcq/")
    parser.add_argument(
        "--replies", type=Path, help="a cache of completions; what is missing is asked of SmolLM2"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    kinds = dict(traces(arguments.data / "traces"))
    kinds["explanations"] = list(explanations(arguments.data / "mcq" / "medmcqa_dev.jsonl"))
    if arguments.replies:
        kinds["SmolLM2"] = list(labelled(arguments.data, arguments.replies))
    figures = [figure for kind, replies in kinds.items() for figure in measured(kind, replies)]
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


def measured(kind: str, replies: list[Reply]) -> Iterator[dict[str, Any]]:
    """Scores and speed of ours and of the peer; prints as it goes."""
    for name, reader in (("ours", extract_choice), ("regex", greedy)):
        begun = time.process_time()
        letters = [reader(reply.text, reply.options) for reply in replies]
        seconds = time.process_time() - begun
        megabytes = sum(len(reply.text.encode()) for reply in replies) / 1e6
        result = score(kind, replies, letters)
        print(
            f"{kind:16} {name:6} {result.replies:5} replies  "
            f"agree {result.agree / max(1, result.replies):6.1%}  "
            f"missed {result.missed:4}  other {result.other:4}  invented {result.invented:4}  "
            f"{megabytes / max(seconds, 1e-9):6.2f} MB/s"
        )
        yield asdict(result) | {"reader": name, "megabytes": megabytes, "seconds": seconds}


def score(kind: str, replies: list[Reply], letters: list[str | None]) -> Score:
    """Count."""
    pairs = [(reply.letter, letter) for reply, letter in zip(replies, letters, strict=True)]
    return Score(
        kind,
        len(pairs),
        agree=sum(seen == read for seen, read in pairs),
        missed=sum(read is None and seen is not None for seen, read in pairs),
        other=sum(read is not None and seen is not None and seen != read for seen, read in pairs),
        invented=sum(seen is None and read is not None for seen, read in pairs),
    )


def greedy(text: str, options: dict[str, str]) -> str | None:
    """The peer."""
    found = [
        letter for pattern in (_ALONE, _BRACKETED) for letter in pattern.findall(text) if letter in options
    ]
    bracketed = [letter for letter in _BRACKETED.findall(text) if letter in options]
    return (bracketed or found or [None])[-1]


def traces(folder: Path) -> Iterator[tuple[str, list[Reply]]]:
    """The replies in ``traces/``."""
    letters = {letter: f"option {letter}" for letter in "ABCD"}
    boxed = [Reply(row["text"], letters, None) for row in _lines(folder / "qwen25_empty_boxed.jsonl.gz")]
    yield "boxed", boxed
    exams = [reply for path in sorted((folder / "gaokao_gpt4").glob("*.json")) for reply in _exam(path)]
    yield "gaokao", exams
    yield "gaokao, reasons", [Reply(r.text[: r.text.rfind("【答案】")], r.options, r.letter) for r in exams]
    yield "lighteval", list(_published(folder / "lighteval_gpqa_instruct_metric.json"))
    yield "m1", list(_m1(folder / "m1_r1_record.json"))
    yield "free text", list(_free_text(folder / "deepseek_r1_medrbench.jsonl.gz"))


def _lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def _exam(path: Path) -> Iterator[Reply]:
    """Replies to one question each: some files hold questions of several parts, which have several
    answers."""
    for row in json.loads(path.read_text(encoding="utf-8"))["example"]:
        text, options = row["model_output"], dict.fromkeys("ABCD", "")
        if len(row["standard_answer"]) == 1 and "【答案】" in text:
            stated = set(re.findall("[A-D]", text[text.rfind("【答案】") :]))
            yield Reply(text, options, stated.pop() if len(stated) == 1 else None)


def _published(path: Path) -> Iterator[Reply]:
    for case in json.loads(path.read_text(encoding="utf-8"))["test_cases"]:
        options = dict(re.findall(r"\n([A-D])\) (.*)", case["doc"]["query"]))
        text = case["model_response"]["text"][0]
        stated = re.findall(r"answer(?: is)?:? \"?\(?([A-D])", text, re.I)
        yield Reply(text, options, stated[-1].upper() if stated else None)


def _m1(path: Path) -> Iterator[Reply]:
    row = json.loads(path.read_text(encoding="utf-8"))[0]
    options = dict(re.findall(r"\n([A-D])\. (.*)", row["prompt"]))
    yield Reply(
        f"<think>{row['reasoning']}</think>{row['r1-model_answer_string']}", options, row["answer_letter"]
    )
    yield Reply(row["qwen_7b-model_answer_string"], options, "A")
    yield Reply(row["qwen_32b-model_answer_string"], options, "D")


def _free_text(path: Path) -> Iterator[Reply]:
    rows, random_ = _lines(path), random.Random(1)
    diagnoses = [row["gold_diagnosis"] for row in rows]
    for row in rows:
        others = random_.sample([one for one in diagnoses if one != row["gold_diagnosis"]], 5)
        yield Reply(row["content"], dict(zip("ABCDE", others, strict=True)), None)


def explanations(path: Path) -> Iterator[Reply]:
    """Explanations of examination questions."""
    for line in path.open(encoding="utf-8"):
        row = json.loads(line)
        options = {letter: row[f"op{letter.lower()}"] for letter in "ABCD"}
        if row["exp"]:
            yield Reply(row["exp"], options, "ABCD"[row["cop"] - 1])


def labelled(data: Path, folder: Path) -> Iterator[Reply]:
    """Replies of SmolLM2 that are those that were labelled."""
    rows = list(csv.DictReader(LABELS.open(encoding="utf-8")))
    labels = {(row["source_id"], row["sha256"]): row["letter"] or None for row in rows}
    questions = list(drawn(data))
    texts = replies(folder, (prompt(number, question) for number, question in enumerate(questions)))
    for question, text in zip(questions, texts, strict=True):
        key = question.source_id, hashlib.sha256(text.encode()).hexdigest()
        if key in labels:
            yield Reply(text, question.options, labels[key])


def drawn(data: Path) -> Iterator[Question]:
    """The questions that SEED draws."""
    for path, language in SOURCES:
        questions = read_questions(QuestionSource(path=str(data / path), language=language)).questions
        yield from random.Random(SEED).sample(questions, QUESTIONS)


def prompt(number: int, question: Question) -> str:
    """One of five forms, in turn."""
    options = "\n".join(f"{letter}. {text}" for letter, text in question.options.items())
    return FORMS[question.language][number % 5].format(question=question.question, options=options)


def replies(folder: Path, prompts: Iterable[str]) -> list[str]:
    """What SmolLM2 said, from the cache where it is there."""
    config = ModelConfig(
        model="SmolLM2-135M-Instruct",
        endpoints=["local:"],
        temperature=0.0,
        seed=11,
        max_tokens=160,
        concurrency=1,
    )
    texts = dict[int, str]()
    with Cache(folder) as cache:
        requests = (Request([{"role": "user", "content": text}]) for text in prompts)
        complete(config, requests, lambda number, _, reply: texts.update({number: reply.text}), cache=cache)
    return [texts[number] for number in range(len(texts))]


if __name__ == "__main__":
    main()
