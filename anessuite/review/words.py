"""What a workbook for reviewers says, in English and Chinese, and how its answers are read back."""

from dataclasses import dataclass
from typing import Any

from anessuite.normalisation import normalise
from anessuite.review.opinions import GOLD_CORRECT, LEVELS, SOUND

FIELDS = ("level", "gold_correct", "sound")
"""What is chosen from a list; ``comment`` is free text."""
_VALUES = {"level": LEVELS, "gold_correct": GOLD_CORRECT, "sound": SOUND}
GUIDELINES_SHEET, TECHNICAL_SHEET = "Guidelines 说明", "anes"
NAME_LABEL = "Your name or e-mail 姓名或邮箱"
_SHEETS = {"en": "English", "zh": "中文"}


@dataclass(frozen=True, slots=True)
class SheetWords:
    """Headings, choices in the order of their stored values, and guidelines, in one language."""

    headings: dict[str, str]
    choices: dict[str, tuple[str, ...]]
    list_hints: dict[str, str]
    not_in_list: str
    votes: dict[str, str]
    """how an opinion is told to an adjudicator"""
    title: str
    guidelines: tuple[str, ...]
    adjudicator: str


_WORDS = {
    "en": SheetWords(
        headings={
            "number": "No.",
            "question": "Question",
            "options": "Options",
            "gold": "Answer key",
            "opinions": "What the annotators say",
            "level": "Level (choose)",
            "gold_correct": "Is the answer key correct? (choose)",
            "sound": "Is the question sound? (choose)",
            "comment": "Comment (may stay empty)",
        },
        choices={
            "level": ("System 1", "System 1.x", "System 2"),
            "gold_correct": ("yes", "no", "unsure"),
            "sound": ("yes", "no"),
        },
        list_hints={
            "level": "System 1: one fact settles it. System 1.x: two or three facts are put together. "
            "System 2: several conditions are weighed, or several stages reasoned through.",
            "gold_correct": "Is the answer that the key gives the best one?",
            "sound": "Clear, complete, and with exactly one best answer?",
        },
        not_in_list="Please choose one of the list.",
        votes={"gold_correct": "key correct", "sound": "sound"},
        title="Review of exam questions",
        guidelines=(
            "1. Enter your name or e-mail in the yellow cell above. Always use the same one.",
            "2. Go to the sheet of a language you read. Each row is one question. Fill the yellow columns; "
            "a row turns green once it has a level. You may stop at any time, save, and go on later: rows "
            "without a level count as not yet reviewed.",
            "3. The level is the thinking that a well-prepared candidate needs to reach the answer:",
            "    System 1 – recall: one fact settles it (a name, a number, a definition, the usual drug).",
            "    System 1.x – some reasoning: two or three facts are put together in one or two steps.",
            "    System 2 – deliberation: several conditions pull in different directions, options have to "
            "be weighed, or several stages reasoned through.",
            "4. Judge the thinking, not the difficulty: a rare fact is System 1. Judge what is needed, not "
            "what is told: a long case that ends by asking one fact is System 1. Between two levels take "
            "the lower one, unless you can name the step that makes it the higher.",
            "5. If the answer key is wrong or doubtful, or the question unclear, outdated or with several "
            "best answers, say so and write the reason into the comment.",
            "6. Work alone. Please leave the other columns as they are; they are protected.",
        ),
        adjudicator="7. The annotators disagree on these questions. Their opinions stand beside each of "
        "them; your decision is final.",
    ),
    "zh": SheetWords(
        headings={
            "number": "序号",
            "question": "题目",
            "options": "选项",
            "gold": "参考答案",
            "opinions": "标注者的意见",
            "level": "认知层级（请选择）",
            "gold_correct": "参考答案正确吗？（请选择）",
            "sound": "题目合格吗？（请选择）",
            "comment": "备注（可留空）",
        },
        choices={
            "level": ("系统1", "系统1.x", "系统2"),
            "gold_correct": ("是", "否", "不确定"),
            "sound": ("是", "否"),
        },
        list_hints={
            "level": "系统1：一个知识点即可作答。系统1.x：综合两三个知识点。系统2：权衡多个条件，或分阶段推"
            "理。",
            "gold_correct": "参考答案是否为最佳答案？",
            "sound": "表述清楚、信息完整，且有且仅有一个最佳答案？",
        },
        not_in_list="请从列表中选择。",
        votes={"gold_correct": "答案正确", "sound": "题目合格"},
        title="试题评审",
        guidelines=(
            "1. 请在上方黄色单元格中填写姓名或邮箱，并始终使用同一个。",
            "2. 请打开您所熟悉语言的工作表。每行一道题，请填写黄色各列；填好层级后该行变为绿色。可随时保存，"
            "以后继续：未填层级的行视为尚未评审。",
            "3. 层级指准备充分的考生得出答案所需要的思考：",
            "    系统1——回忆：一个知识点即可作答（名称、数值、定义、常用药物）。",
            "    系统1.x——少量推理：把两三个知识点放在一起，经过一两步。",
            "    系统2——深思：多个条件相互牵制，需要权衡各选项，或经过多个阶段的推理。",
            "4. 看思考方式，不看难度：冷僻的知识点仍是系统1。看需要什么，不看写了什么：病例很长而只问一个知"
            "识点，仍是系统1。介于两级之间时取较低的一级，除非能说出使它升级的那一步。",
            "5. 若参考答案有误或存疑，或题目不清楚、已过时、有多个最佳答案，请注明，并在备注中写出理由。",
            "6. 请独立完成。其他各列请勿改动，它们已受保护。",
        ),
        adjudicator="7. 标注者对这些题目意见不一，他们的意见列在题目旁边；以您的决定为准。",
    ),
}
LANGUAGES = tuple(_WORDS)


def sheet_words(language: str) -> SheetWords:
    """The words for questions in ``language``: in that one, or in English."""
    return _WORDS.get(language, _WORDS["en"])


def sheet_name(language: str) -> str:
    """The sheet that holds the questions in ``language``."""
    return _SHEETS.get(language, language)


def choices(field: str, language: str) -> dict[str, str]:
    """Stored value -> what is shown, in order."""
    return dict(zip(_VALUES[field], sheet_words(language).choices[field], strict=True))


def field_of(heading: str) -> str | None:
    """The column that a heading stands for, in whatever language; None for a heading of somebody else."""
    return _HEADINGS.get(_plain(heading))


def value_of(field: str, shown: str) -> str:
    """The stored value of a choice, in whatever language it is shown; what is no choice stays as it is."""
    return _SHOWN[field].get(_plain(shown), shown)


def told(opinion: dict[str, Any], language: str) -> str:
    """One opinion in one line: ``li: System 2; key correct: no; comment``."""
    words = sheet_words(language)
    parts = [choices("level", language).get(opinion["level"], str(opinion["level"]))]
    for field, name in words.votes.items():
        if opinion[field] is not None:
            parts.append(f"{name}: {choices(field, language).get(opinion[field], opinion[field])}")
    parts += [opinion["comment"]] if opinion["comment"] else []
    return f"{opinion['annotator']}: {'; '.join(parts)}"


def _plain(text: str) -> str:
    return normalise(text).replace(" ", "")


_HEADINGS = {_plain(shown): field for words in _WORDS.values() for field, shown in words.headings.items()}
_SHOWN = {
    field: {_plain(value): value for value in values}
    | {_plain(shown): v for one in LANGUAGES for v, shown in choices(field, one).items()}
    for field, values in _VALUES.items()
}
