"""A benchmark as tasks for EleutherAI's lm-evaluation-harness (written for 0.4.13).

In the folder of an export of bench, each a task or group of the harness:

- ``anes_bench_en_system1`` and so on: the questions of one language and level, zero-shot, by the likelihood
  of the letters: ``acc``, ``acc_norm``;
- ``anes_bench_en``, ``anes_bench_system1``: groups over levels and over languages, in which each question
  counts once; ``anes_bench``: all of it (the harness refuses a run that has a task in two groups);
- the same with ``anes_bench_gen`` for ``anes_bench``: the model writes a reply, and ``exact_match`` compares
  the letter that it states in the way it was asked to (``Answer: B``). That is a plain pattern, and what it
  does not find is wrong; `anessuite.answers` reads more forms, but the harness cannot import it from here.

The harness resolves ``data_files`` against the folder where it is started, but ``!function questions.load``
against the YAML's own: so the ``questions.py`` beside the questions loads them, and the folder may be moved.
It is called with the task's ``dataset_kwargs`` and ``metadata``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import yaml

from anessuite.errors import ConfigError
from anessuite.export_graded import LETTERS, LEVELS, check_askable
from anessuite.export_solved import ASKED
from anessuite.versions import DatasetRef

TASK_VERSION = 1
"""Of prompts, metrics and filter; goes up when one of them changes what a model scores."""
LOADER = '''\
"""Loads the questions beside this file for lm-evaluation-harness."""

import json
from pathlib import Path

import datasets


def load(language, level, **_):
    """The questions of a language and a level, as split `test`."""
    with open(Path(__file__).parent / f"{language}.jsonl", encoding="utf-8", newline="\\n") as file:
        questions = [json.loads(line) for line in file]
    chosen = [question for question in questions if question["level"] == level]
    return {"test": datasets.Dataset.from_list(chosen)}
'''
_OPTIONS = "{% for option in options %}{{ option.letter }}. {{ option.text }}\n{% endfor %}"
_CHOICE = {
    "en": (f"Question: {{{{ question }}}}\n{_OPTIONS}Answer:", " "),
    "zh": (f"问题：{{{{ question }}}}\n{_OPTIONS}答案：", ""),
}
"""The prompt before the letter, and what stands between the two."""
_STATED = (
    r"(?:[Aa]nswer|ANSWER|答案)[\s*_]*(?:[:：]|is\b|[是为])[\s*_(（\[]*([A-J])"
    r"(?=[*_)）\]]*(?:[.。:：<\r\n]|$|[ \t]+[(（—–-]|[ \t]+[\r\n]|[ \t]+$))"
)
"""The letter in ``Answer: B``, ``**答案：** (B)``, ``Answer: B. Propofol``; not in ``Answer: A, B``."""
_FILTER = "stated"
_PLACES = {letter: place for place, letter in enumerate(LETTERS)}
_README = """\
# {ref} for lm-evaluation-harness

    lm_eval run --include_path THIS_FOLDER --model hf --model_args pretrained=MODEL --tasks {name}

- `{name}`: by the likelihood of the letters, zero-shot. `{name}_gen`: the model replies, the letter that it
  states is compared; for chat models add `--apply_chat_template`.
- By language, level, or both: {examples} (and with `{name}_gen`).
- Groups weigh each question equally. One run takes a task in one group: not `{name}` and `{name}_system1`.
- Questions: {rows}.

`metadata` in the results names the version of the benchmark. Made by `anes export {ref} --to lm-eval`.
"""


class _Function(str):
    """``!function module.name``, as the harness writes it."""


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(_Function, lambda dumper, value: dumper.represent_scalar("!function", str(value)))


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to ask: what its names have before the language, its metrics, and the filter they are after."""

    mark: str
    metrics: tuple[str, ...]
    filter: str


_WAYS = (_Way("", ("acc", "acc_norm"), "none"), _Way("_gen", ("exact_match",), _FILTER))


def asked(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of GRADED_QUESTION as the tasks read them: with ``letters`` and, counted from 0, the ``gold`` one.

    Raises:
        ConfigError: a question that cannot be asked by letter (see `export_graded.check_askable`).
    """
    check_askable(frame)
    letters = pl.col("options").list.eval(pl.element().struct.field("letter"))
    return frame.select(
        "id",
        "language",
        "level",
        "question",
        "options",
        "answer",
        letters=letters,
        gold=pl.col("answer").replace_strict(_PLACES, return_dtype=pl.Int64),
    )


def task_files(ref: DatasetRef, rows: Mapping[str, Mapping[str, int]]) -> dict[str, bytes]:
    """The files of the folder but the questions, by name. ``rows``: questions by language, then level.

    Raises:
        ConfigError: no question, or a language without a prompt.
    """
    there = {language: _levels(counts) for language, counts in rows.items() if _levels(counts)}
    if not there:
        raise ConfigError(f"{ref} has no question to ask", "export a version that has some")
    if strange := there.keys() - _CHOICE.keys():
        raise ConfigError(
            f"{ref}: there is no prompt for the language {min(strange)}", f"there are: {', '.join(_CHOICE)}"
        )
    name = f"anes_{ref.name}"
    files = {"questions.py": LOADER.encode(), "README.md": _readme(ref, name, there, rows).encode()}
    for way in _WAYS:
        shared = {f"_{way.mark.strip('_') or 'choice'}_{language}": language for language in there}
        files |= {file: _yaml(_common(way, language, ref)) for file, language in shared.items()}
        tasks = {
            _task(name, way, language, level): _one(file, language, level)
            for file, language in shared.items()
            for level in there[language]
        }
        files |= {f"{task}.yaml": _yaml({"task": task, **content}) for task, content in tasks.items()}
        groups = _groups(name, way, there)
        files |= {f"{group}.yaml": _yaml(_group(group, of, way, ref)) for group, of in groups.items()}
    return files


def _levels(counts: Mapping[str, int]) -> list[str]:
    return [level for level in LEVELS if counts.get(level)]


def _task(name: str, way: _Way, *parts: str) -> str:
    """``anes_bench_gen_en_system1x``: a point in a name is left out."""
    return "_".join([f"{name}{way.mark}", *(part.replace(".", "") for part in parts)])


def _one(file: str, language: str, level: str) -> dict[str, Any]:
    return {"include": file, "dataset_kwargs": {"language": language, "level": level}}


def _common(way: _Way, language: str, ref: DatasetRef) -> dict[str, Any]:
    """What the tasks of a language have in common."""
    metrics = [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in way.metrics]
    return {
        "custom_dataset": _Function("questions.load"),
        "test_split": "test",
        "num_fewshot": 0,
        **(_generated(language) if way.mark else _chosen(language)),
        "metric_list": metrics,
        "metadata": _metadata(ref),
    }


def _chosen(language: str) -> dict[str, Any]:
    prompt, between = _CHOICE[language]
    return {
        "output_type": "multiple_choice",
        "doc_to_text": prompt,
        "doc_to_choice": "letters",
        "doc_to_target": "gold",
        "target_delimiter": between,
    }


def _generated(language: str) -> dict[str, Any]:
    regex = {"function": "regex", "regex_pattern": _STATED, "group_select": -1, "fallback": "[no answer]"}
    return {
        "output_type": "generate_until",
        "doc_to_text": f"{{{{ question }}}}\n\n{_OPTIONS}\n{ASKED[language]}",
        "doc_to_target": "answer",
        "generation_kwargs": {"until": [], "do_sample": False, "temperature": 0.0, "max_gen_toks": 2048},
        "filter_list": [{"name": _FILTER, "filter": [regex, {"function": "take_first"}]}],
    }


def _groups(name: str, way: _Way, there: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Members by group: all, each language, each level."""
    groups = {_task(name, way): [_task(name, way, language) for language in there]}
    for language, levels in there.items():
        groups[_task(name, way, language)] = [_task(name, way, language, level) for level in levels]
    for level in LEVELS:
        if having := [language for language, levels in there.items() if level in levels]:
            groups[_task(name, way, level)] = [_task(name, way, language, level) for language in having]
    return groups


def _group(group: str, members: list[str], way: _Way, ref: DatasetRef) -> dict[str, Any]:
    means = [
        {"metric": metric, "aggregation": "mean", "weight_by_size": True, "filter_list": [way.filter]}
        for metric in way.metrics
    ]
    return {"group": group, "task": members, "aggregate_metric_list": means, "metadata": _metadata(ref)}


def _metadata(ref: DatasetRef) -> dict[str, Any]:
    return {"version": TASK_VERSION, "benchmark": str(ref)}


def _yaml(content: Mapping[str, Any]) -> bytes:
    dumped = yaml.dump(dict(content), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1000)
    return dumped.encode()


def _readme(
    ref: DatasetRef, name: str, there: Mapping[str, list[str]], rows: Mapping[str, Mapping[str, int]]
) -> str:
    language = next(iter(there))
    level = there[language][0]
    examples = [_task(name, _WAYS[0], *parts) for parts in ((language,), (level,), (language, level))]
    counts = [
        f"{language} {level} {rows[language][level]}"
        for language, levels in there.items()
        for level in levels
    ]
    return _README.format(
        ref=ref, name=name, examples=", ".join(f"`{one}`" for one in examples), rows=", ".join(counts)
    )
