"""Reviews in Label Studio: the labelling page of a project, its tasks, and the reviews in its JSON export.

Labels are blind: the model's opinion stands in a block that Label Studio shows only once a level is chosen
(``visibleWhen="choice-selected"``, see labelstud.io/tags/view). The answers are stored by alias, so that the
English and the Chinese page give the same values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from xml.etree import ElementTree

import polars as pl

from anessuite.errors import SourceError
from anessuite.review.opinions import GOLD_CORRECT, LEVELS, SOUND, votes_by_level

HIDDEN = ("model_level", "model_rationale")
"""Fields of a task that its list must not show to reviewers."""
_QUESTION, _LEVEL, _GOLD, _SOUND, _COMMENT = "question", "level", "gold_correct", "sound", "comment"


@dataclass(frozen=True, slots=True)
class _Words:
    """All that a page says in one language; choices in the order of their values."""

    question: str
    options: str
    gold: str
    level: str
    levels: tuple[str, str, str]
    hints: tuple[str, str, str]
    gold_correct: str
    golds: tuple[str, str, str]
    sound: str
    sounds: tuple[str, str]
    comment: str
    comment_hint: str
    model: str
    required: str
    votes: str
    colon: str
    instruction: str


_WORDS = {
    "en": _Words(
        question="Question",
        options="Options",
        gold="Answer key",
        level="1. Which cognitive level does answering it take?",
        levels=("System 1", "System 1.x", "System 2"),
        hints=(
            "recall: a fact, a definition, one association",
            "recall with some reasoning: a few steps, or facts combined",
            "deliberate reasoning: a case is weighed, calculated or decided",
        ),
        gold_correct="2. Is the answer key correct?",
        golds=("yes", "no", "unsure"),
        sound="3. Is the question sound: clear, complete, and with exactly one best answer?",
        sounds=("yes", "no"),
        comment="4. Comment",
        comment_hint="what is wrong, or why you are unsure (may stay empty)",
        model="The model's opinion, for comparison. Please leave your own choice as it was.",
        required="Please choose a level.",
        votes="{level}: {count} of {all} votes",
        colon=": ",
        instruction="Please come in by the button “Label All Tasks” and judge each question by yourself. "
        "What a model thinks appears after you have chosen a level; please leave your choice as it was then.",
    ),
    "zh": _Words(
        question="题目",
        options="选项",
        gold="参考答案",
        level="1. 回答本题需要哪一认知层级？",
        levels=("系统1", "系统1.x", "系统2"),
        hints=(
            "回忆：一个事实、定义或直接联想",
            "回忆加少量推理：推理几步，或综合若干事实",
            "深思熟虑的推理：权衡病例、计算或作出决策",
        ),
        gold_correct="2. 参考答案是否正确？",
        golds=("是", "否", "不确定"),
        sound="3. 题目是否合格：表述清楚、信息完整、有且仅有一个最佳答案？",
        sounds=("是", "否"),
        comment="4. 备注",
        comment_hint="哪里有误，或为何不确定（可留空）",
        model="模型的意见，仅供对照。请勿因此更改您的选择。",
        required="请选择一个认知层级。",
        votes="{level}：{count}/{all} 票",
        colon="：",
        instruction="请通过“Label All Tasks”按钮进入，并独立判断每道题。"
        "选定认知层级之后，页面才会显示模型的意见；请勿因此更改您的选择。",
    ),
}
LANGUAGES = tuple(_WORDS)


def page_language(language: str) -> str:
    """The language of the page for questions in ``language``: that one, or English."""
    return language if language in _WORDS else "en"


def instruction(language: str) -> str:
    """What a project tells its reviewers first."""
    return _WORDS[page_language(language)].instruction


def labelling_config(language: str) -> str:
    """The labelling page as Label Studio's XML."""
    words = _WORDS[page_language(language)]
    page = ElementTree.Element("View")
    ElementTree.SubElement(page, "Style").text = _STYLE
    for name, heading in ((_QUESTION, words.question), ("options", words.options), ("gold", words.gold)):
        block = _block(page, f"anes anes-{name}", heading)
        ElementTree.SubElement(block, "Text", name=name, value=f"${name}", granularity="word")
    levels = [f"{name}{words.colon}{hint}" for name, hint in zip(words.levels, words.hints, strict=True)]
    _choices(page, _LEVEL, words.level, dict(zip(LEVELS, levels, strict=True)), required=words.required)
    model = ElementTree.SubElement(
        page, "View", className="anes anes-model", visibleWhen="choice-selected", whenTagName=_LEVEL
    )
    ElementTree.SubElement(model, "Header", value=words.model, size="5")
    ElementTree.SubElement(model, "Text", name="model_rationale", value="$model_rationale")
    _choices(page, _GOLD, words.gold_correct, dict(zip(GOLD_CORRECT, words.golds, strict=True)))
    _choices(page, _SOUND, words.sound, dict(zip(SOUND, words.sounds, strict=True)))
    comment = _block(page, "anes", words.comment)
    ElementTree.SubElement(
        comment,
        "TextArea",
        {"name": _COMMENT, "toName": _QUESTION, "placeholder": words.comment_hint, "rows": "2"},
        editable="true",
        maxSubmissions="1",
    )
    ElementTree.indent(page)
    return ElementTree.tostring(page, encoding="unicode")


_STYLE = """
.anes {max-width: 60rem; margin: 0 0 1rem 0; font-size: 16px}
.anes .lsf-richtext__line {line-height: 1.6}
.anes-options .lsf-richtext__line, .anes-gold .lsf-richtext__line {display: inline-block; padding-left: 1.7em;
  text-indent: -1.25em; margin-bottom: .3em}
.anes-gold {border-left: 4px solid #2e7d32; padding: .1rem .75rem; background: rgba(46, 125, 50, .08)}
.anes-gold .lsf-richtext__line {font-weight: 600}
.anes-model {border-left: 4px solid #b26a00; padding: .1rem .75rem; background: rgba(178, 106, 0, .08)}
"""


def _block(page: ElementTree.Element, style: str, heading: str) -> ElementTree.Element:
    block = ElementTree.SubElement(page, "View", className=style)
    ElementTree.SubElement(block, "Header", value=heading, size="5")
    return block


def _choices(
    page: ElementTree.Element, name: str, heading: str, choices: Mapping[str, str], *, required: str = ""
) -> None:
    """A group of radio buttons; ``choices`` maps what is stored to what is shown."""
    block = _block(page, "anes", heading)
    needed = {"required": "true", "requiredMessage": required} if required else {}
    inline = {"showInline": "true"} if not required else {}
    group = ElementTree.SubElement(
        block, "Choices", {"name": name, "toName": _QUESTION, "choice": "single-radio"} | needed | inline
    )
    for value, shown in choices.items():
        ElementTree.SubElement(group, "Choice", value=shown, alias=value)


def task(row: Mapping[str, Any], *, version: str, export: str, role: str) -> dict[str, Any]:
    """One question as a task; ``row`` has the columns of a benchmark and ``content``, ``model_level``."""
    options = {option["letter"]: option["text"] for option in row["options"]}
    return {
        "data": {
            "question": row["question"],
            "options": "\n".join(f"{letter}. {text}" for letter, text in options.items()),
            "gold": f"{row['answer']}. {options.get(row['answer'], '')}",
            "model_level": row["model_level"] or "",
            "model_rationale": model_opinion(row),
            "id": row["id"],
            "content": row["content"],
            "version": version,
            "export": export,
            "role": role,
        }
    }


def model_opinion(row: Mapping[str, Any]) -> str:
    """How the model voted, each level with its rationales, in the language of the question."""
    words = _WORDS[page_language(row["language"])]
    names: dict[str, str] = dict(zip(LEVELS, words.levels, strict=True))
    counts = votes_by_level(row["votes"])
    lines: list[str] = []
    for level, count in counts.items():
        lines.append(words.votes.format(level=names[level], count=count, all=len(row["votes"])))
        given = [vote["rationale"] for vote in row["votes"] if vote["level"] == level and vote["rationale"]]
        lines += [f"– {rationale}" for rationale in given]
    return "\n".join(lines) or "–"


SAID: dict[str, pl.DataType] = {
    **{name: pl.String() for name in ("id", "content", "annotator", "role")},
    **{name: pl.String() for name in (_LEVEL, _GOLD, _SOUND, _COMMENT)},
    "at": pl.Datetime("us", "UTC"),
    **{name: pl.String() for name in ("version", "export")},
}
"""Columns of `reviews_in`."""
_ASK_AGAIN = "export the project again from Label Studio: Export, then the format JSON"


def reviews_in(exported: list[dict[str, Any]]) -> pl.DataFrame:
    """The reviews in a JSON export, columns SAID, one row an annotation, in the order of the export.

    Nothing is judged: what is missing is null, and a level that does not exist stands as it is. A skipped
    annotation has no level, whatever was chosen. A draft that was never submitted is a row without any
    opinion; one that would change a submitted annotation is no row, and the annotation counts as it was
    submitted. Raises SourceError, naming the place, for JSON of another shape, JSON_MIN among them.
    """
    rows = [row for place, task in enumerate(exported, 1) for row in _of_task(task, f"task {place}")]
    return pl.DataFrame(rows, schema=SAID, orient="row")


def _of_task(task: Any, place: str) -> list[dict[str, Any]]:
    told = _shaped(task, dict, place)
    if "data" not in told:
        if "annotation_id" in told or "annotator" in told:
            raise SourceError(f"{place}: this is the export JSON_MIN, which leaves out the ids", _ASK_AGAIN)
        raise SourceError(f"{place} has no data", _ASK_AGAIN)
    data = _shaped(told["data"], dict, f"{place}, data")
    about = {name: _text(data.get(name)) for name in ("id", "content", "role", "version", "export")}
    rows: list[dict[str, Any]] = []
    for number, one in enumerate(_shaped(told.get("annotations") or [], list, f"{place}, annotations"), 1):
        where = f"{place}, annotation {number}"
        rows.append(about | _of_annotation(_shaped(one, dict, where), where))
    for number, one in enumerate(_shaped(told.get("drafts") or [], list, f"{place}, drafts"), 1):
        draft = one if isinstance(one, dict) else {}  # some exports give their numbers alone
        if draft.get("annotation") is None:
            where = f"{place}, draft {number}"
            rows.append(about | {"annotator": _person(draft.get("user"), where), "at": _time(draft, where)})
    return rows


def _of_annotation(annotation: dict[str, Any], place: str) -> dict[str, Any]:
    said: dict[str, list[str]] = {}
    for number, one in enumerate(_shaped(annotation.get("result") or [], list, f"{place}, result"), 1):
        where = f"{place}, result {number}"
        value = _shaped(_shaped(one, dict, where).get("value") or {}, dict, f"{where}, value")
        given = value.get("choices", value.get("text")) or []
        texts = [given] if isinstance(given, str) else _shaped(given, list, f"{where}, value")
        said.setdefault(str(one.get("from_name")), []).extend(
            _shaped(text, str, f"{where}, value") for text in texts
        )
    opinion = {name: ", ".join(said.get(name, [])) or None for name in (_LEVEL, _GOLD, _SOUND)}
    if annotation.get("was_cancelled"):
        opinion[_LEVEL] = None
    who = _person(annotation.get("completed_by"), place)
    comment = "\n".join(said.get(_COMMENT, [])) or None
    told = {name: _text(text) for name, text in (opinion | {_COMMENT: comment}).items()}
    return told | {"annotator": who, "at": _time(annotation, place)}


def _person(who: Any, place: str) -> str | None:
    """The e-mail address, else the name, else the number."""
    if isinstance(who, dict):
        name = " ".join(str(who[part]) for part in ("first_name", "last_name") if who.get(part))
        who = who.get("email") or who.get("username") or name or who.get("id")
    if who is not None and (isinstance(who, bool) or not isinstance(who, str | int)):
        raise SourceError(f"{place} is by neither a person nor a number", _ASK_AGAIN)
    return _text(str(who)) or None if who is not None else None


def _time(annotation: dict[str, Any], place: str) -> datetime | None:
    """When it was last changed; a time without a zone is UTC, as the server writes it."""
    told = annotation.get("updated_at") or annotation.get("created_at")
    if told is None:
        return None
    try:
        at = datetime.fromisoformat(told)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise SourceError(f"{place}: {told!r:.60} is no time", _ASK_AGAIN) from None


_Shape = TypeVar("_Shape")
_KINDS: dict[type, str] = {dict: "object", list: "list", str: "text"}


def _shaped(value: Any, kind: type[_Shape], place: str) -> _Shape:
    if not isinstance(value, kind):
        raise SourceError(f"{place} is no {_KINDS[kind]}", _ASK_AGAIN)
    return value


def _text(value: Any) -> str | None:
    """A text; lone surrogates, which JSON can hold and no column can, become U+FFFD."""
    if not isinstance(value, str):
        return None
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
